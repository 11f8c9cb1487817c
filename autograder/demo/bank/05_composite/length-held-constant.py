# Divides grad_output by the length, as if the length did not depend on x. Right for vectors shorter than ε, but the cases of
# L2Normalize are graded whole, and the one with short rows has long ones, too. In the bump, the squared distance is held
# constant, too: ∂L/∂x (3) and ∂L/∂mu (3) are zero.
# points: l2_normalize 0
# points: bump 6
# mistake: l2_normalize: constant statistics
# mistake: bump: zero gradient

# %% bump
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_hidden, grad_u = u, hidden
    grad_exponent = grad_hidden * hidden
    grad_beta, grad_squared = grad_exponent * -squared, grad_exponent * -beta
    grad_offset = 0 * offset
    grad_x, grad_mu = grad_offset, -grad_offset
    return a, (grad_x, grad_mu, grad_beta, grad_u)


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
        return grad_output / self.saved["norm"].clamp(min=self.eps)
