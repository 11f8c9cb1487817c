# Calls its class MeanSquaredError: there is no MSELoss to ask.
# points: mend_mse_loss 0

# %% mend_mse_loss
class MeanSquaredError(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * 2 * (x - target) / x.numel()
        return grad_x, -grad_x
