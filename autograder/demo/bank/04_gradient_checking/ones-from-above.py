# Checks with ones from above: a softmax's gradient is then zero, and 3 are missing. In SiLU and MSELoss, too, ones are taken
# for what arrives: nothing is right there.
# points: check_gradient 13
# points: mend_mse_loss 0
# points: mend_silu 0
# mistake: mend_mse_loss: upstream ignored
# mistake: mend_silu: upstream ignored

# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.ones_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: module(moved).sum(), x)
    return analytic.shape == x.shape and bool(relative_error(analytic, numeric) < 1e-6)


# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = 2 * (x - target) / x.numel()
        return grad_x, -grad_x


# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return gate + x * gate * (1 - gate)
