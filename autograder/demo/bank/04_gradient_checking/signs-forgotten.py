# Largest number instead of largest size in the denominator: wrong where the largest is negative, 2. Then three signs: the
# target's in MSELoss, so that ∂L/∂x is right, 3; the first factor's in MatMul, whose ∂L/∂y is right, 5; and the sum's in
# Proportions, nothing.
# points: relative_error 6
# points: mend_mse_loss 3
# points: mend_matmul 5
# points: mend_proportions 0
# mistake: mend_mse_loss: sign
# mistake: mend_matmul: sign
# mistake: mend_proportions: sign

# %% relative_error
def relative_error(a, b):
    largest = max(a.max(), b.max())
    return (a - b).abs().max() / largest if largest != 0 else 0.0


# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: (grad_output * module(moved)).sum(), x)
    return analytic.shape == x.shape and bool((analytic - numeric).norm() < 1e-6 * numeric.norm())


# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * 2 * (x - target) / x.numel()
        return grad_x, grad_x


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        return -grad_output @ self.saved["y"].T, self.saved["x"].T @ grad_output


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        return (grad_output + (grad_output * x / total).sum(dim=1, keepdim=True)) / total
