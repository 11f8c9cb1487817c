# The right ReLU, but under another name than the one that is asked for.
# points: relu 0

# %% relu
class Rectifier(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * (self.saved["x"] > 0)
