# A colon is missing in PReLU's cell, so that there is no PReLU. All other cells run.
# points: prelu 0

# %% prelu
class PReLU(Module):
    def __init__(self, num_parameters=1):
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor([0.25] * num_parameters))

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.weight.value * x)

    def backward(self, grad_output)
        x = self.saved["x"]
        self.weight.grad += (grad_output * x)[x <= 0].sum()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)
