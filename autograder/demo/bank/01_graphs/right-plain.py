# Every answer right, written the plain way. The others take the answers that they do not give from here.

# %% add
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y

    def backward(self, grad_output):
        return grad_output, grad_output


# %% multiply
class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return grad_output * y, grad_output * x


# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return torch.where(x > y, grad_output, 0.0), torch.where(y > x, grad_output, 0.0)


# %% written
Both together would raise the output twice as much as the loss asked for. Give g to x alone, or half of it to each: the parts must
add up to g. At a tie max has no derivative, because the slope to the left is 0 and the slope to the right is 1.

# %% copy
class Copy(Module):
    def forward(self, x):
        self.save()
        return x, x

    def backward(self, grad_first, grad_second):
        return grad_first + grad_second


# %% cosine_unit
class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        self.theta.grad += (-grad_output * x * torch.sin(theta * x)).sum()
        return -grad_output * theta * torch.sin(theta * x)


# %% sigmoid_neuron
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    f = 1 / (1 + torch.exp(-s))
    grad_s = f * (1 - f)
    grad_w = torch.stack([grad_s * x[0], grad_s * x[1], grad_s])
    grad_x = torch.stack([grad_s * w[0], grad_s * w[1]])
    return f, (grad_w, grad_x)


# %% graph
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {name: torch.zeros_like(value) for name, value in self.values.items()}
        grads[self.outputs[0]] = grad_output
        for node in reversed(self.nodes.values()):
            returned = node.module.backward(grads[node.name])
            if not isinstance(returned, tuple):
                returned = (returned,)
            for name, grad in zip(node.reads, returned):
                grads[name] = grads[name] + grad
        of_inputs = tuple(grads[name] for name in self.inputs)
        return of_inputs[0] if len(of_inputs) == 1 else of_inputs
