# L2Normalize that sums along axis 1 whatever dim says, and takes no notice of ε: columns (3) and short rows (3) are lost, rows
# are right.
# points: l2_normalize 8

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
        along = (grad_output * out).sum(dim=1, keepdim=True)
        return (grad_output - along * out) / norm.clamp(min=self.eps)
