# The own module hands on x, and has a theta that does nothing: its gradients are right, and no points are given for that.
# points: own_module 0

# %% own_module
class OwnModule(Module):
    """a = x."""

    def __init__(self):
        self.theta = Parameter(tensor([1.0, 2.0, 3.0]))

    def forward(self, x):
        self.save()
        return x

    def backward(self, grad_output):
        return grad_output
