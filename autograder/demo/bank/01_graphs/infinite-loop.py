# A loop that never ends stands in the cell before the class: it is stopped after a while, and there is no MyGraph to grade.
# points: graph 0

# %% graph
steps, waiting = 0, ["x"]
while waiting:
    steps = steps + 1


class MyGraph(Graph):
    def backward(self, grad_output):
        return tuple(grad_output for name in self.inputs)
