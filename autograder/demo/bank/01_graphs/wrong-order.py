# Walks the graph breadth first from the output, so that a node may run before its whole gradient has arrived.
# points: graph 16
# mistake: graph: wrong order

# %% graph
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        waiting, seen = [self.outputs[0]], set()
        while waiting:
            name = waiting.pop(0)
            if name in seen or name not in self.nodes:
                continue
            seen.add(name)
            node = self.nodes[name]
            returned = node.module.backward(grads[name])
            if not isinstance(returned, tuple):
                returned = (returned,)
            for read, grad in zip(node.reads, returned):
                grads[read] = grads[read] + grad if read in grads else grad
                waiting.append(read)
        of_inputs = tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in self.inputs)
        return of_inputs[0] if len(of_inputs) == 1 else of_inputs
