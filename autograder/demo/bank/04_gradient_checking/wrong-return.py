# The right numbers, handed back wrongly: printed and not returned; the error itself where True or False belongs; one gradient
# where there are two.
# points: numerical_gradient 0
# points: check_gradient 0
# points: mend_mse_loss 0

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[i] = epsilon
        numeric.view(-1)[i] = (f(x + move) - f(x - move)) / (2 * epsilon)
    print(numeric)


# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[i] = 6e-6
        numeric.view(-1)[i] = (grad_output * (module(x + move) - module(x - move))).sum() / 12e-6
    module(x)
    return relative_error(module.backward(grad_output), numeric)


# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        return grad_output * 2 * (x - target) / x.numel()
