# A bracket is missing in one answer: that one earns nothing, all others count.
# points: max 0

# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return torch.where(x > y, grad_output, 0.0, torch.where(y > x, grad_output, 0.0)
