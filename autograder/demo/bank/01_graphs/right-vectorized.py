# All right, each answer found another way than in right-plain: masks, einsum, a list for a tuple; the graph is solved from its
# inputs, each value asking its readers.

# %% add
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y

    def backward(self, grad_output):
        return [grad_output.clone(), grad_output.clone()]


# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        share = torch.stack([self.saved["x"] > self.saved["y"], self.saved["y"] > self.saved["x"]]).to(grad_output)
        grad_x, grad_y = share * grad_output
        return grad_x, grad_y


# %% copy
class Copy(Module):
    def forward(self, x):
        self.save()
        return x, x

    def backward(self, grad_first, grad_second):
        return torch.stack([grad_first, grad_second]).sum(dim=0)


# %% cosine_unit
class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        angle = self.theta.value * x
        self.save(x=x, sine=torch.sin(angle))
        return torch.cos(angle) + torch.pi

    def backward(self, grad_output):
        grad_angle = -grad_output * self.saved["sine"]
        self.theta.grad += torch.einsum("i,i->", grad_angle.reshape(-1), self.saved["x"].reshape(-1))
        return grad_angle * self.theta.value


# %% sigmoid_neuron
def sigmoid_neuron(w, x):
    extended = torch.cat([x, torch.ones_like(x[:1])])
    f = torch.sigmoid(w @ extended)
    grad_s = torch.exp(-w @ extended) * f**2
    return f, (grad_s * extended, grad_s * w[:-1])


# %% graph
class MyGraph(Graph):
    def backward(self, grad_output):
        done = {}

        def gradient(name):
            total = grad_output if name == self.outputs[0] else torch.zeros_like(self.values[name])
            for node in self.nodes.values():
                if name in node.reads:
                    if node.name not in done:
                        returned = node.module.backward(gradient(node.name))
                        done[node.name] = returned if isinstance(returned, tuple) else (returned,)
                    for read, grad in zip(node.reads, done[node.name]):
                        if read == name:
                            total = total + grad
            return total

        of_inputs = tuple(gradient(name) for name in self.inputs)
        return of_inputs[0] if len(of_inputs) == 1 else of_inputs
