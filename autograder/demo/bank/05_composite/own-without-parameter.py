# The own module is right but has nothing to learn: ∂L/∂theta (6) and accumulation (3) are lost.
# points: own_module 9

# %% own_module
class OwnModule(Module):
    """a = x³ − x."""

    def forward(self, x):
        self.save(x=x)
        return x**3 - x

    def backward(self, grad_output):
        return grad_output * (3 * self.saved["x"] ** 2 - 1)
