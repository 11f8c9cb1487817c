# All right, by other formulas: outputs instead of inputs, helper functions, the whole class written anew.

# %% numerical_gradient
def moved(x, i, change):
    copy = x.clone()
    copy.view(-1)[i] = copy.view(-1)[i] + change
    return copy


def numerical_gradient(f, x, epsilon=6e-6):
    slope = torch.empty_like(x)
    for i in range(x.numel()):
        middle = f(x)
        right, left = (f(moved(x, i, +epsilon)) - middle) / epsilon, (middle - f(moved(x, i, -epsilon))) / epsilon
        slope.view(-1)[i] = (right + left) / 2
    return slope


# %% relative_error
def relative_error(a, b):
    if not a.any() and not b.any():
        return 0.0
    return ((a - b).abs() / torch.cat([a.reshape(-1), b.reshape(-1)]).abs().max()).max().item()


# %% mend_mse_loss
class MSELoss(Module):
    def forward(self, x, target):
        self.save(residual=x - target, n=x.numel())
        return ((x - target) ** 2).sum() / x.numel()

    def backward(self, grad_output):
        pull = 2 / self.saved["n"] * self.saved["residual"] * grad_output
        return [pull, -pull]


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        return (self.saved["y"] @ grad_output.T).T, (grad_output.T @ self.saved["x"]).T


# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        gate = self.saved["gate"]
        out = self.saved["x"] * gate
        return grad_output * (out + gate * (1 - out))


# %% mend_divide
def back_to(shape, grad):
    if grad.dim() > len(shape):
        grad = grad.sum(dim=tuple(range(grad.dim() - len(shape))))
    stretched = [axis for axis, size in enumerate(shape) if size == 1]
    return grad.sum(dim=stretched, keepdim=True) if stretched else grad


class Divide(BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x = grad_output / y
        return back_to(x.shape, grad_x), back_to(y.shape, -grad_x * (x / y))


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        others = total - x
        own = grad_output * others
        from_others = (grad_output * x).sum(dim=1, keepdim=True) - grad_output * x
        return (own - from_others) / total**2
