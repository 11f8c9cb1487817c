# All right, whole tensors at a time: a stack of moved copies, einsum, Jacobians.

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    moves = epsilon * torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    rises = torch.stack([f(x + move) - f(x - move) for move in moves])
    return (rises / (2 * epsilon)).reshape(x.shape)


# %% relative_error
def relative_error(a, b):
    both = torch.stack([a, b]).reshape(2, -1)
    furthest = torch.linalg.vector_norm(both[0] - both[1], ord=torch.inf)
    return torch.nan_to_num(furthest / torch.linalg.vector_norm(both, ord=torch.inf))


# %% check_gradient
def check_gradient(module, x):
    shape = module(x).shape
    for _ in range(2):
        weights = torch.empty(shape, dtype=x.dtype).uniform_(0.5, 2.0)
        numeric = numerical_gradient(lambda moved: torch.einsum("i,i->", weights.reshape(-1), module(moved).reshape(-1)), x)
        module(x)
        analytic = module.backward(weights)
        if analytic.shape != x.shape or analytic.isnan().any() or relative_error(analytic, numeric) > 1e-6:
            return False
    return True


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return torch.einsum("nm,km->nk", grad_output, y), torch.einsum("nm,nk->km", grad_output, x)


# %% mend_sine
class Sine(BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        slope = torch.cos(torch.einsum("nf,f->nf", x, frequency))
        self.frequency.grad = self.frequency.grad + torch.einsum("nf,nf,nf->f", grad_output, slope, x)
        return torch.einsum("nf,nf,f->nf", grad_output, slope, frequency)


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        identity = torch.eye(x.shape[1], dtype=x.dtype)
        jacobian = identity / total[:, :, None] - x[:, :, None] / total[:, :, None] ** 2
        return torch.einsum("ni,nij->nj", grad_output, jacobian)
