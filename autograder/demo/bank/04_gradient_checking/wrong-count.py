# Counts the wrong things: MSELoss divides by the number of rows, which is right for a vector only; Proportions adds up all
# rows, which is right for one row only; Sine takes a mean over the rows, but adds it where it belongs, 5.
# points: mend_mse_loss 0
# points: mend_sine 5
# points: mend_proportions 0
# mistake: mend_sine: mean for sum

# %% mend_mse_loss
class MSELoss(BrokenMSELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x = grad_output * 2 * (x - target) / len(x)
        return grad_x, -grad_x


# %% mend_sine
class Sine(BrokenSine):
    def backward(self, grad_output):
        x, frequency = self.saved["x"], self.frequency.value
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad += (slope * x).mean(dim=0)
        return slope * frequency


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        x, total = self.saved["x"], self.saved["total"]
        return (grad_output - (grad_output * x / total).sum()) / total
