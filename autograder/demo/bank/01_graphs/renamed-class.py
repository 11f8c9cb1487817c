# Calls its class Mul: there is no Multiply to ask.
# points: multiply 0

# %% multiply
class Mul(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return grad_output * self.saved["y"], grad_output * self.saved["x"]
