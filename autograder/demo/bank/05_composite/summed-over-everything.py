# L2Normalize sums over the whole batch instead of along dim: right for a single row (3), where that is the same, and for
# nothing else.
# points: l2_normalize 3

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
        along = torch.where(norm >= self.eps, (grad_output * out).sum(), 0.0)
        return (grad_output - along * out) / norm.clamp(min=self.eps)
