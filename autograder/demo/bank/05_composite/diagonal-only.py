# L2Normalize as if each output depended on its own input only, (1 − a²)/‖x‖: every case is lost, as all have long vectors of
# several numbers.
# points: l2_normalize 0
# mistake: l2_normalize: diagonal only

# %% l2_normalize
class L2Normalize(Module):
    def __init__(self, dim=1, eps=1e-12):
        self.dim, self.eps = dim, eps

    def forward(self, x):
        norm = torch.linalg.vector_norm(x, dim=self.dim, keepdim=True)
        out = x / norm.clamp(min=self.eps)
        self.save(out=out, norm=norm)
        return out

    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        own = torch.where(norm >= self.eps, 1 - out**2, 1.0)
        return grad_output * own / norm.clamp(min=self.eps)
