# Adds up over the whole tensor in softmax, which only a single row forgives (3, and 2 for inputs left alone). Divides by the
# number of rows where the mean is over all elements: of the mean's case nothing holds, nor of what must hold in every case.
# points: softmax 5
# points: bce_with_logits_loss 6
# points: hinge_loss 6
# mistake: bce_with_logits_loss: missing 1/N

# %% softmax
class Softmax(Module):
    def __init__(self, dim):
        self.dim = dim

    def forward(self, x):
        out = torch.softmax(x, self.dim)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return out * (grad_output - (grad_output * out).sum())


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / len(x) if self.reduction == "mean" else grad_output
        return g * (torch.sigmoid(x) - y), -g * x


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / len(x) if self.reduction == "mean" else grad_output
        inside = y * x < 1
        return -g * y * inside, -g * x * inside
