"""Assignment 01: graphs."""

import torch

import course.modules as M
from benchmarks.students import stubs as s
from benchmarks.students.case import case, rand
from course import Graph

two = dict(inputs=lambda: (rand(3, 4), rand(3, 4, seed=1)))
add, mul, mx = dict(two, exercise="add"), dict(two, exercise="multiply"), dict(two, exercise="max")
copy = dict(inputs=lambda: (rand(3, 4),), exercise="copy")
cu = dict(inputs=lambda: (rand(4, 3),), exercise="cosine_unit")


# forum: the gradient is "shared" between the two terms
@case(
    "add-halves",
    "splits the gradient, half to each term; both x and y should get the whole grad_output, since each enters the sum with slope 1",
    **add,
)
class Add(s.Add):
    def backward(self, grad_output):
        return grad_output / 2, grad_output / 2


# own: a single tensor where two are wanted
@case(
    "add-one-only",
    "returns one tensor; two gradients are wanted, (grad_output, grad_output), one for x and one for y",
    shows="shape",
    **add,
)
class Add(s.Add):
    def backward(self, grad_output):
        grad = grad_output * 1
        return grad


# own: local derivative without the chain rule
@case(
    "add-ones",
    "returns the local slopes, all ones, and never multiplies by grad_output; both should be grad_output",
    **add,
)
class Add(s.Add):
    def backward(self, grad_output):
        da_dx = torch.ones_like(grad_output)
        da_dy = torch.ones_like(grad_output)
        return da_dx, da_dy


# forum: dx gets x
@case(
    "mul-own-factor",
    "each input gets its own value as the factor, g·x for x and g·y for y; the other one belongs there: g·y for x and g·x for y",
    **mul,
)
class Multiply(s.Multiply):
    def backward(self, grad_output):
        x = self.saved["x"]
        y = self.saved["y"]
        grad_x = grad_output * x
        grad_y = grad_output * y
        return grad_x, grad_y


# homework code: product rule for one variable
@case(
    "mul-product-rule",
    "applies the product rule as if x and y were functions of one variable: both get g·(x + y); it should be g·y for x and g·x for y",
    **mul,
)
class Multiply(s.Multiply):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        both = grad_output * y + grad_output * x
        return both, both


# own: matrix thinking in an elementwise module
@case(
    "mul-matmul",
    "uses the matrix product @ with transposes, as for A = XY; this product is elementwise, so grad_output * y and grad_output * x (shapes do not fit, it raises)",
    shows="raises",
    **mul,
)
class Multiply(s.Multiply):
    def backward(self, grad_output):
        return grad_output @ self.saved["y"].T, self.saved["x"].T @ grad_output @ self.saved["x"]


# own: upstream gradient forgotten in the second line
@case(
    "mul-no-upstream-y",
    "the gradient by y is just x, without grad_output; it should be grad_output * x (the one by x is right)",
    **mul,
)
class Multiply(s.Multiply):
    def backward(self, grad_output):
        grad_x = self.saved["y"] * grad_output
        grad_y = self.saved["x"]
        return grad_x, grad_y.clone()


# homework code: value of the maximum for its derivative
@case(
    "max-values",
    "multiplies grad_output by the winning value itself, x where x > y; the slope there is 1, so it should be grad_output where the input won and 0 elsewhere",
    **mx,
)
class Max(s.Max):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        dx = torch.where(x > y, x, torch.zeros_like(x))
        dy = torch.where(y > x, y, torch.zeros_like(y))
        return dx * grad_output, dy * grad_output


# own: compared with zero, from relu
@case(
    "max-relu-mask",
    "the masks ask x > 0 and y > 0, as in relu; they should compare the two inputs, x > y and y > x",
    **mx,
)
class Max(s.Max):
    def backward(self, grad_output):
        mask_x = (self.saved["x"] > 0).to(grad_output.dtype)
        mask_y = (self.saved["y"] > 0).to(grad_output.dtype)
        return grad_output * mask_x, grad_output * mask_y


# homework code: Python's `if` on tensors
@case(
    "max-python-if",
    "a Python `if x > y` on whole tensors, which raises as the comparison has many elements; it has to be decided element by element, with a mask or torch.where",
    shows="raises",
    **mx,
)
class Max(s.Max):
    def backward(self, grad_output):
        if self.saved["x"] > self.saved["y"]:
            return grad_output, torch.zeros_like(grad_output)
        return torch.zeros_like(grad_output), grad_output


# own: both copies of one mask
@case(
    "max-loser-too",
    "y gets the whole grad_output everywhere; it should get it only where y is larger, and 0 where x won (x's gradient is right)",
    **mx,
)
class Max(s.Max):
    def backward(self, grad_output):
        winner = self.saved["x"] > self.saved["y"]
        grad_x = grad_output * winner
        grad_y = grad_output
        return grad_x, grad_y


# forum: mean of the branches' gradients
@case("copy-mean", "averages the two readers' gradients; they should be added up", **copy)
class Copy(s.Copy):
    def backward(self, grad_first, grad_second):
        return torch.stack([grad_first, grad_second]).mean(0)


# own: product because the chain rule multiplies
@case(
    "copy-product",
    "multiplies the two gradients with each other; gradients of several readers are added, grad_first + grad_second",
    **copy,
)
class Copy(s.Copy):
    def backward(self, grad_first, grad_second):
        return grad_first * grad_second


# own: a tuple for one input
@case(
    "copy-tuple",
    "returns the two gradients as a tuple; x is one input, and its gradient is one tensor, their sum",
    shows="shape",
    **copy,
)
class Copy(s.Copy):
    def backward(self, grad_first, grad_second):
        return grad_first, grad_second


# own: += on what was given
@case(
    "copy-inplace",
    "adds with += into grad_first, which belongs to the caller and is changed by this; the sum should be a new tensor",
    shows="in place",
    **copy,
)
class Copy(s.Copy):
    def backward(self, grad_first, grad_second):
        grad_first += grad_second
        return grad_first


# forum: sign of the cosine's derivative
@case(
    "cos-sign-theta",
    "the minus of cos' = −sin is there for x, but missing in theta's gradient, which has the wrong sign; it should be −Σ g·x·sin(θx)",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        self.theta.grad += (grad_output * torch.sin(theta * x) * x).sum()
        return -grad_output * torch.sin(theta * x) * theta


# own: inner derivative
@case("cos-no-inner-x", "the gradient by x lacks the inner derivative θ; it should be −g·θ·sin(θx)", **cu)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x = self.saved["x"]
        t = self.theta.value
        outer = -torch.sin(t * x) * grad_output
        self.theta.grad += torch.sum(outer * x)
        return outer


# own: derivative at the wrong place
@case(
    "cos-sin-of-x",
    "takes the sine of x instead of the sine of θx, in both gradients; the outer derivative belongs at the inner value θx",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x = self.saved["x"]
        slope = -torch.sin(x)
        self.theta.grad += (grad_output * slope * x).sum()
        return grad_output * slope * self.theta.value


# forum: mean over the batch
@case(
    "cos-theta-row-mean",
    "theta's gradient is summed over the columns and then averaged over the rows; one θ acts on all elements, so everything is to be summed",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        inner = -grad_output * torch.sin(theta * x)
        self.theta.grad += (inner * x).sum(dim=1).mean()
        return inner * theta


# own: multiplied by theta instead of x in the parameter's gradient
@case(
    "cos-swapped",
    "the inner derivatives are swapped: θ's gradient has the factor θ and x's has the factor x; θx derived by θ gives x, and by x gives θ",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        d = -grad_output * torch.sin(x * theta)
        self.theta.grad += (d * theta).sum()
        return d * x


# own: += without a sum
@case(
    "cos-theta-unsummed",
    "theta's gradient is not summed, so that a 4 × 3 tensor is added to a single number and it raises or has the wrong shape; .sum() over all elements is missing",
    shows="shape",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        inner = -torch.sin(theta * x) * grad_output
        self.theta.grad = self.theta.grad + inner * x
        return inner * theta


# own: two slips: kept the + pi, overwritten grad
@case(
    "cos-two",
    "two mistakes: θ's gradient replaces what is in grad instead of being added (= for +=), and the + π of forward is kept in x's gradient, where the constant should vanish",
    kind="two",
    **cu,
)
class CosineUnit(s.CosineUnit):
    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        d_inner = -grad_output * torch.sin(theta * x)
        self.theta.grad = (d_inner * x).sum()
        return d_inner * theta + torch.pi


neuron = dict(
    inputs=lambda: (
        torch.tensor([2.0, -3.0, -3.0], dtype=torch.float64),
        torch.tensor([-1.0, -2.0], dtype=torch.float64),
    ),
    exercise="sigmoid_neuron",
    shows="function",
)


# forum: 1/x derived without minus
@case(
    "neuron-reciprocal-sign",
    "the step through 1/denominator lacks the minus: the derivative of 1/d is −1/d², so all gradients have the wrong sign",
    **neuron,
)
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    negated = -s
    power = torch.exp(negated)
    denominator = 1 + power
    f = 1 / denominator
    grad_f = 1.0
    grad_denominator = grad_f / denominator**2
    grad_power = grad_denominator
    grad_negated = grad_power * power
    grad_s = -grad_negated
    grad_w = torch.stack([grad_s * x[0], grad_s * x[1], grad_s])
    grad_x = torch.stack([grad_s * w[0], grad_s * w[1]])
    return f, (grad_w, grad_x)


# own: exp derived at the wrong intermediate
@case(
    "neuron-exp-of-s",
    "the step through exp multiplies by e^s; the derivative of exp(negated) is exp(negated), that is power = e^(−s)",
    **neuron,
)
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    negated = -s
    power = torch.exp(negated)
    denominator = 1 + power
    f = 1 / denominator
    d_denominator = -1 / denominator**2
    d_power = d_denominator * 1
    d_negated = d_power * torch.exp(s)
    d_s = d_negated * -1
    grad_w = torch.stack([d_s * x[0], d_s * x[1], d_s])
    grad_x = d_s * w[:2]
    return f, (grad_w, grad_x)


# own: derivative of the bias
@case(
    "neuron-bias",
    "the gradient by the bias w[2] is multiplied by w[2]; the bias enters with slope 1, so it should be grad_s alone",
    **neuron,
)
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    negated = -s
    power = torch.exp(negated)
    denominator = 1 + power
    f = 1 / denominator
    grad_s = f * (1 - f)
    grad_w = torch.stack([x[0], x[1], w[2]]) * grad_s
    grad_x = torch.stack([w[0], w[1]]) * grad_s
    return f, (grad_w, grad_x)


# own: two slips in one walk
@case(
    "neuron-two",
    "two mistakes: the minus of negated = −s is left out, and 1/denominator is derived as −1/denominator instead of −1/denominator²",
    kind="two",
    **neuron,
)
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    negated = -s
    power = torch.exp(negated)
    denominator = 1 + power
    f = 1 / denominator
    grad_denominator = -1 / denominator
    grad_power = grad_denominator
    grad_negated = grad_power * power
    grad_s = grad_negated
    grad_w = torch.stack([grad_s * x[0], grad_s * x[1], grad_s])
    grad_x = torch.stack([grad_s * w[0], grad_s * w[1]])
    return f, (grad_w, grad_x)


# ---- the graph
def fan(g):  # product is read twice, so is x
    g.add("product", M.Multiply(), "x", "y")
    g.add("bend", M.Tanh(), "product")
    g.add("mix", M.Add(), "product", "bend")
    g.add("out", M.Multiply(), "mix", "x")


def dead(g):  # aside leads nowhere
    g.add("product", M.Multiply(), "x", "y")
    g.add("aside", M.Sigmoid(), "y")
    g.add("out", M.Tanh(), "product")


def chain(g):  # every value is read once
    g.add("product", M.Multiply(), "x", "y")
    g.add("bend", M.Tanh(), "product")
    g.add("out", M.Sigmoid(), "bend")


def lonely(g):  # nobody asks y
    g.add("bend", M.Tanh(), "x")
    g.add("aside", M.Sigmoid(), "y")
    g.add("out", M.Multiply(), "bend", "bend")
    g.outputs = ("out",)


def adds(g):
    g.add("bend", M.Tanh(), "x")
    g.add("a", M.Add(), "bend", "y")
    g.add("out", M.Add(), "a", "bend")


gr = dict(two, args=("x", "y"), exercise="graph")


# issue: a value that is read twice
@case(
    "graph-overwrite",
    "the gradient of a value that several nodes read is overwritten by the last one; the gradients of all readers should be added up",
    prepare=fan,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            back = node.module.backward(grads[node.name])
            if not isinstance(back, tuple):
                back = (back,)
            for name, g in zip(node.reads, back):
                grads[name] = g
        result = tuple(grads.get(n, torch.zeros_like(self.values[n])) for n in self.inputs)
        return result if len(result) > 1 else result[0]


# own: only the first gradient is kept
@case(
    "graph-first-only",
    "a value that already has a gradient keeps it and the later readers' are dropped (setdefault); they should be added up",
    prepare=fan,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(list(self.nodes.values())):
            if node.name in grads:
                back = node.module.backward(grads[node.name])
                back = back if isinstance(back, tuple) else (back,)
                for name, g in zip(node.reads, back):
                    grads.setdefault(name, g)
        out = [grads.get(n, torch.zeros_like(self.values[n])) for n in self.inputs]
        return out[0] if len(out) == 1 else tuple(out)


# own: a node that leads nowhere
@case(
    "graph-dead-node",
    "no check whether a node has a gradient: a node that does not lead to the output raises KeyError; it should be skipped",
    shows="raises",
    prepare=dead,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {}
        grads[self.outputs[0]] = grad_output
        for node in reversed(self.nodes.values()):
            result = node.module.backward(grads[node.name])
            if len(node.reads) == 1:
                result = (result,)
            for name, grad in zip(node.reads, result):
                if name in grads:
                    grads[name] = grads[name] + grad
                else:
                    grads[name] = grad
        answer = tuple(
            grads[name] if name in grads else torch.zeros_like(self.values[name]) for name in self.inputs
        )
        return answer[0] if len(answer) == 1 else answer


# own: forward order
@case(
    "graph-forward-order",
    "runs through the nodes in forward order, so that a node comes before those that read it and finds no gradient yet; it should be the reversed order",
    prepare=fan,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {name: torch.zeros_like(value) for name, value in self.values.items()}
        grads[self.outputs[0]] = grad_output
        for node in self.nodes.values():
            back = node.module.backward(grads[node.name])
            if len(node.reads) == 1:
                back = (back,)
            for name, g in zip(node.reads, back):
                grads[name] = grads[name] + g
        out = tuple(grads[name] for name in self.inputs)
        return out if len(out) > 1 else out[0]


# forum: zip over a tensor
@case(
    "graph-zip-rows",
    "zips the names with the result even when backward returned a single tensor, and so takes only its first row; a single tensor should be wrapped into a tuple first",
    shows="shape",
    prepare=dead,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            for name, grad in zip(node.reads, node.module.backward(grads[node.name])):
                grads[name] = grads.get(name, 0) + grad
        return tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in self.inputs)


# own: the same gradient for each node
@case(
    "graph-same-gradient",
    "hands grad_output to every node's backward; each should get the gradient that has been collected for its own output, grads[node.name]",
    prepare=chain,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {}
        for node in reversed(self.nodes.values()):
            res = node.module.backward(grad_output)
            res = res if isinstance(res, tuple) else (res,)
            for n, r in zip(node.reads, res):
                grads[n] = grads[n] + r if n in grads else r
        back = tuple(grads.get(i, torch.zeros_like(self.values[i])) for i in self.inputs)
        return back[0] if len(back) == 1 else back


# own: order of arrival
@case(
    "graph-input-order",
    "returns the inputs' gradients in the order in which they were reached on the way back; they should come in the order of self.inputs",
    prepare=adds,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name in grads:
                gs = node.module.backward(grads[node.name])
                if torch.is_tensor(gs):
                    gs = (gs,)
                for name, g in zip(node.reads, gs):
                    grads[name] = g if name not in grads else grads[name] + g
        found = [g for name, g in grads.items() if name in self.inputs]
        return found[0] if len(found) == 1 else tuple(found)


# issue: += on an aliased tensor
@case(
    "graph-inplace-sum",
    "adds up with += in place: the Add node hands on grad_output itself, so grad_output and other nodes' gradients are changed as well; a new tensor is needed, grads[name] + g",
    shows="in place",
    prepare=adds,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            gs = node.module.backward(grads[node.name])
            if len(node.reads) == 1:
                gs = (gs,)
            for name, g in zip(node.reads, gs):
                if name in grads:
                    grads[name] += g
                else:
                    grads[name] = g
        result = tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in self.inputs)
        return result[0] if len(result) == 1 else result


# own: an input that nobody asks
@case(
    "graph-unused-input",
    "looks up every input's gradient as if each had one: an input that the output does not depend on raises KeyError; it should get zeros",
    kind="subtle",
    **dict(gr, prepare=lonely),
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            back = node.module.backward(grads[node.name])
            if not isinstance(back, (tuple, list)):
                back = [back]
            for name, g in zip(node.reads, back):
                grads[name] = grads[name] + g if name in grads else g
        if len(self.inputs) == 1:
            return grads[self.inputs[0]]
        return tuple(grads[name] for name in self.inputs)


# own: overwritten, and the inputs the wrong way round
@case(
    "graph-two",
    "two mistakes: gradients of several readers are overwritten instead of added, and the list of the inputs' gradients is reversed at the end",
    kind="two",
    prepare=fan,
    **gr,
)
class MyGraph(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            back = node.module.backward(grads[node.name])
            back = back if isinstance(back, tuple) else (back,)
            grads.update(zip(node.reads, back))
        return tuple(grads.get(name, torch.zeros_like(self.values[name])) for name in reversed(self.inputs))
