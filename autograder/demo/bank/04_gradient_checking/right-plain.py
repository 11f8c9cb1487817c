# Every answer right, written the plain way. The others take the answers that they do not give from here.

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric = torch.zeros_like(x).reshape(-1)
    for i in range(x.numel()):
        ahead, behind = x.clone().reshape(-1), x.clone().reshape(-1)
        ahead[i] += epsilon
        behind[i] -= epsilon
        numeric[i] = (f(ahead.reshape(x.shape)) - f(behind.reshape(x.shape))) / (2 * epsilon)
    return numeric.reshape(x.shape)


# %% written
To the right, the step is too long: a central difference leaves out the third derivative, an error that grows like ε². To the left it
is too short: two numbers that are nearly equal are subtracted, and their rounding error, about eps times f, is divided by ε, so that it
grows like 1/ε. The best step is near the cube root of eps: 6e-6 in float64, but 5e-3 in float32, where an error of 1e-5 is left. So check
in float64.


# %% relative_error
def relative_error(a, b):
    largest = max(a.abs().max(), b.abs().max())
    if largest == 0:
        return 0.0
    return (a - b).abs().max() / largest


# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: (grad_output * module(moved)).sum(), x)
    if analytic.shape != x.shape:
        return False
    return bool(relative_error(analytic, numeric) < 1e-6)


# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * 2 * (x - target) / x.numel()
        return grad_x, -grad_x


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        grad_x = grad_output @ self.saved["y"].T
        grad_y = self.saved["x"].T @ grad_output
        return grad_x, grad_y


# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * gate + grad_output * x * gate * (1 - gate)


# %% mend_divide
class Divide(BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x, grad_y = grad_output / y, -grad_output * x / y**2
        return grad_x.sum_to_size(x.shape), grad_y.sum_to_size(y.shape)


# %% mend_sine
class Sine(BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad += (slope * x).sum(dim=0)
        return slope * frequency


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        proportions = x / total
        return (grad_output - (grad_output * proportions).sum(dim=1, keepdim=True)) / total
