# A queue that never empties: the graph's backward runs forever. Prints as it goes, and everything before counts.

# %% graph
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        waiting = list(self.nodes)
        while waiting:
            node = self.nodes[waiting[-1]]
            grads[node.name] = grad_output
        return tuple(grads[name] for name in self.inputs)
