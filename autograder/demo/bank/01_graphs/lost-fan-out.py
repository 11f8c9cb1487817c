# Assigns where gradients that meet should be summed, in Copy and in the graph.
# points: copy 2
# points: graph 4
# mistake: copy: path lost
# mistake: graph: overwritten

# %% copy
class Copy(Module):
    def forward(self, x):
        self.save()
        return x, x

    def backward(self, grad_first, grad_second):
        return grad_second


# %% graph
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            returned = node.module.backward(grads[node.name])
            if not isinstance(returned, tuple):
                returned = (returned,)
            for name, grad in zip(node.reads, returned):
                grads[name] = grad
        return tuple(grads[name] for name in self.inputs)
