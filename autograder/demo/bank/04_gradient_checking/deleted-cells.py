# SiLU is wrong, a factor of its second path is missing, and its test cell is gone, as is the broken module of Sine: both
# cells are put back.
# delete: mend_silu_test, mend_sine_broken
# points: mend_silu 0

# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        x, gate = self.saved["x"], self.saved["gate"]
        return grad_output * (gate + x * (1 - gate))
