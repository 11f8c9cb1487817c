# Mends a part: SiLU has the other path now, and lost the one that it had; of Divide, ∂L/∂y fits, 2 + 2 + 2, but an x that was
# stretched does not; MatMul has its transpose and lost the other one, so that nothing runs unless all sides are equal.
# points: mend_silu 0
# points: mend_divide 6
# points: mend_matmul 0
# mistake: mend_divide: broadcast not reduced

# %% mend_silu
class SiLU(BrokenSiLU):
    def backward(self, grad_output):
        return grad_output * self.saved["gate"]


# %% mend_divide
class Divide(BrokenDivide):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return grad_output / y, (-grad_output * x / y**2).sum_to_size(y.shape)


# %% mend_matmul
class MatMul(BrokenMatMul):
    def backward(self, grad_output):
        return grad_output @ self.saved["y"], self.saved["x"].T @ grad_output
