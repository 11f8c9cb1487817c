# Works in place on what belongs to others: SiLU on grad_output, Proportions on the input that it had saved. The first
# backward is right, 5 and 5; a second one is not.
# points: mend_silu 5
# points: mend_proportions 5
# mistake: mend_silu: saved changed
# mistake: mend_proportions: saved changed

# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        grad_output *= gate + x * gate * (1 - gate)
        return grad_output


# %% mend_proportions
class Proportions(BrokenProportions):
    def backward(self, grad_output):
        proportions, total = self.saved["x"], self.saved["total"]
        proportions /= total
        return (grad_output - (grad_output * proportions).sum(dim=1, keepdim=True)) / total
