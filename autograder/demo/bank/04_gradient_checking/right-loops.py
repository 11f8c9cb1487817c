# All right, number by number: Python loops, lists and floats.

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numbers = x.reshape(-1).tolist()

    def value(i, change):
        moved = numbers[:i] + [numbers[i] + change] + numbers[i + 1 :]
        return float(f(torch.tensor(moved, dtype=x.dtype).reshape(x.shape)))

    slopes = [(value(i, epsilon) - value(i, -epsilon)) / (2 * epsilon) for i in range(len(numbers))]
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


# %% relative_error
def relative_error(a, b):
    furthest, largest = 0.0, 0.0
    for one, other in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist()):
        furthest = max(furthest, abs(one - other))
        largest = max(largest, abs(one), abs(other))
    return furthest / largest if largest > 0 else 0.0


# %% check_gradient
def check_gradient(module, x):
    outputs = module(x)
    grad_output = torch.zeros_like(outputs)
    for i in range(outputs.numel()):
        grad_output.view(-1)[i] = 1 + (i * 0.7) % 1.3

    def loss(moved):
        return sum(g * a for g, a in zip(grad_output.reshape(-1), module(moved).reshape(-1)))

    analytic = module.backward(grad_output)
    if list(analytic.shape) != list(x.shape) or not torch.isfinite(analytic).all():
        return False
    return relative_error(analytic, numerical_gradient(loss, x)) < 1e-6


# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"].reshape(-1), self.saved["target"].reshape(-1)
        grad_x, grad_target = torch.zeros_like(x), torch.zeros_like(x)
        for i in range(len(x)):
            grad_x[i] = grad_output * 2 * (x[i] - target[i]) / len(x)
            grad_target[i] = grad_output * 2 * (target[i] - x[i]) / len(x)
        shape = self.saved["x"].shape
        return grad_x.reshape(shape), grad_target.reshape(shape)


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x, grad_y = torch.zeros_like(x), torch.zeros_like(y)
        for i in range(x.shape[0]):
            for k in range(x.shape[1]):
                for j in range(y.shape[1]):
                    grad_x[i, k] += grad_output[i, j] * y[k, j]
                    grad_y[k, j] += grad_output[i, j] * x[i, k]
        return grad_x, grad_y


# %% mend_divide
class Divide(BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x, grad_y = grad_output / y, -grad_output * x / y**2
        grads = []
        for grad, given in ((grad_x, x), (grad_y, y)):
            while grad.dim() > given.dim():
                grad = grad.sum(dim=0)
            for axis in range(given.dim()):
                if given.shape[axis] == 1:
                    grad = grad.sum(dim=axis, keepdim=True)
            grads.append(grad)
        return tuple(grads)


# %% mend_sine
class Sine(BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        grad_x = torch.zeros_like(x)
        for row in range(x.shape[0]):
            for column in range(x.shape[1]):
                slope = grad_output[row, column] * torch.cos(frequency[column] * x[row, column])
                self.frequency.grad[column] += slope * x[row, column]
                grad_x[row, column] = slope * frequency[column]
        return grad_x


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        grad_x = torch.zeros_like(x)
        for row in range(len(x)):
            for j in range(x.shape[1]):
                for i in range(x.shape[1]):
                    own = 1.0 if i == j else 0.0
                    grad_x[row, j] += grad_output[row, i] * (own / total[row, 0] - x[row, i] / total[row, 0] ** 2)
        return grad_x
