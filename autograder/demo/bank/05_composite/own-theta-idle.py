# The own module bends, but takes no notice of its theta, whose gradient is zero, rightly so: no points.
# points: own_module 0

# %% own_module
class OwnModule(Module):
    """a = x²."""

    def __init__(self):
        self.theta = Parameter(tensor([1.0, 2.0, 3.0]))

    def forward(self, x):
        self.save(x=x)
        return x**2

    def backward(self, grad_output):
        self.theta.grad += 0 * grad_output.sum(dim=0)
        return 2 * grad_output * self.saved["x"]
