"""Wrong gradients of softmax and the losses: what is subtracted, divided by, summed, and handed to whom."""

import torch
import torch.nn.functional as F

from course.modules import (
    BCELoss,
    BCEWithLogitsLoss,
    ContrastiveLoss,
    CrossEntropyLoss,
    EuclideanLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LogLoss,
    LogSoftmax,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
    Softmax,
)
from tests.checking.slips.wrong import Wrong, parametrize, rand


def softmax(backward, name, words, *shape):
    return Wrong(
        Softmax,
        [rand(*(shape or (4, 3)))],
        lambda self, g: backward(g, self.saved["out"]),
        {"x": (name, words)},
        (1,),
    )


def log_softmax(backward, name, words):
    return Wrong(
        LogSoftmax,
        [rand(4, 3)],
        lambda self, g: backward(g, self.saved["out"]),
        {"x": (name, words)},
        (1,),
    )


def along(value):
    return value.sum(1, keepdim=True)


@parametrize(
    softmax(lambda g, a: a * (g - (g * a).sum(1)), "wrong axis", "keepdim is forgotten", 4, 4),
    softmax(lambda g, a: a * (g - (g * a).sum(0)), "wrong axis", "another axis"),
    softmax(lambda g, a: a * (g - (g * a).sum()), "wrong axis", "over everything"),
    softmax(lambda g, a: a * (g - along(g)), "wrong factor", "the output is left out as a factor"),
    softmax(lambda g, a: a * g - along(g * a), "missing factor", "parentheses are missing"),
    softmax(lambda g, a: g - a * along(g * a), "missing factor", "multiplies the inner sum only"),
    softmax(lambda g, a: a * (g + along(g * a)), "sign", "added"),
    softmax(lambda g, a: a * (g - (g * a).mean(1, keepdim=True)), "wrong factor", "a mean is taken"),
    softmax(lambda g, a: -a * along(g * a), "path lost", "each number's own path"),
    softmax(lambda g, a: g * a * (1 - a), "diagonal only", "own input only"),
    softmax(lambda g, a: g - (g * a).sum(0), "wrong axis", "two things"),
    log_softmax(lambda g, a: g - a.exp(), "upstream ignored", "taken to be 1"),
    log_softmax(lambda g, a: g - a * along(g), "step left out", "it is its logarithm"),
    log_softmax(lambda g, a: g - a.exp() * g, "diagonal only", "own grad_output"),
)
def test_softmax(wrong):
    wrong.check()


CLASSES = [rand(5, 4), torch.tensor([2, 0, 1, 0, 2])]


def keeps(kind):
    """The class, whose forward also keeps its inputs."""

    def forward(self, x, target):
        self.read = x, target
        return kind.forward(self, x, target)

    return type(kind.__name__, (kind,), {"forward": forward})


def of_classes(backward, name, words, kind=CrossEntropyLoss, reduction="mean"):
    def whole(self, g):
        x, target = self.read
        share = g / len(x) if reduction == "mean" else g
        return backward(share[..., None], x, F.one_hot(target, 4).double(), target), None

    wrong = keeps(kind)
    return Wrong(
        type(kind.__name__, (wrong,), {"__init__": lambda self: kind.__init__(self, reduction=reduction)}),
        CLASSES,
        whole,
        {"x": (name, words)},
    )


def all_named(p, target):
    p = p.clone()
    p[:, target] -= 1
    return p


@parametrize(
    of_classes(lambda g, x, h, t: g * (x - h), "step left out", "the softmax is left out"),
    of_classes(lambda g, x, h, t: g * x.softmax(1), "path lost", "not subtracted"),
    of_classes(lambda g, x, h, t: -g * h, "path lost", "only the true class"),
    of_classes(lambda g, x, h, t: g * (x.softmax(0) - h), "wrong axis", "over the examples"),
    of_classes(lambda g, x, h, t: g * (x.sigmoid() - h), "other formula", "a sigmoid is taken"),
    of_classes(lambda g, x, h, t: g * (x.log_softmax(1) - h), "step left out", "the logarithm"),
    of_classes(lambda g, x, h, t: g * (x.softmax(1) - h.roll(1, 1)), "permuted", "one class too far"),
    of_classes(lambda g, x, h, t: g * all_named(x.softmax(1), t), "wrong axis", "all the classes that occur"),
    of_classes(lambda g, x, h, t: g * (x.softmax(1) - t[:, None]), "wrong factor", "the number of the class"),
    of_classes(lambda g, x, h, t: -g * h / x.softmax(1), "step left out", "by the probabilities"),
    of_classes(lambda g, x, h, t: g * h * (x.softmax(1) - 1), "diagonal only", "only the true class"),
    of_classes(lambda g, x, h, t: 5 * g * (x - h), "step left out", "two things"),
    of_classes(lambda g, x, h, t: g / 5 * (x.softmax(1) - h), "mean for sum", "stay apart", reduction="none"),
    of_classes(
        lambda g, x, h, t: g.sum() * (x.softmax(1) - h), "wrong axis", "goes to each loss", reduction="none"
    ),
    of_classes(lambda g, x, h, t: g * (x.exp() - h), "other formula", "logarithms already", kind=NLLLoss),
    of_classes(lambda g, x, h, t: -g * h / x, "wrong slope", "divided by x", kind=NLLLoss),
    of_classes(
        lambda g, x, h, t: -g * F.one_hot(t),
        "wrong place",
        "the one-hot rows end at the largest class that occurs here",
        kind=NLLLoss,
        reduction="none",
    ),
)
def test_losses_of_classes(wrong):
    wrong.check()


PROBABILITIES = [rand(4, 3).softmax(1), rand(4, 3, seed=1).softmax(1)]
ANSWERS = [rand(4, 3), rand(4, 3, seed=1).sigmoid()]
YES = [rand(4, 3).sigmoid(), rand(4, 3, seed=1).sigmoid()]
LABELS = rand(4, 3, seed=3).sign()
MARGINS = [LABELS * (1 + 2 * rand(4, 3)), LABELS]


RIGHT = {
    LogLoss: (lambda x, y: -y / x, lambda x, y: -x.log()),
    BCEWithLogitsLoss: (lambda x, y: x.sigmoid() - y, lambda x, y: -x),
    BCELoss: (lambda x, y: (1 - y) / (1 - x) - y / x, lambda x, y: (1 - x).log() - x.log()),
    HingeLoss: (lambda x, y: -y * (x * y < 1), lambda x, y: -x * (x * y < 1)),
    EuclideanLoss: (lambda x, y: x - y, lambda x, y: y - x),
    MSELoss: (lambda x, y: 2 * (x - y), lambda x, y: 2 * (y - x)),
    L1Loss: (lambda x, y: (x - y).sign(), lambda x, y: (y - x).sign()),
    HuberLoss: (lambda x, y: (x - y).clamp(-0.7, 0.7), lambda x, y: (y - x).clamp(-0.7, 0.7)),
    SmoothL1Loss: (lambda x, y: ((x - y) / 0.7).clamp(-1, 1), lambda x, y: ((y - x) / 0.7).clamp(-1, 1)),
    KLDivLoss: (lambda x, y: -y, lambda x, y: y.log() + 1 - x),
}
"""The derivatives of one loss by x and by target."""


def of_pair(kind, inputs, x=None, target=None, options=(), **named):
    """A wrong derivative by x or by target; the other, and the share of grad_output, are right."""

    def whole(self, g):
        first, second = self.read
        rows = kind in (LogLoss, EuclideanLoss)
        share = g[..., None] if rows else g
        share = share if kind is EuclideanLoss else share / (len(first) if rows else first.numel())
        formulas = [own or right for own, right in zip((x, target), RIGHT[kind], strict=True)]
        return tuple(share * formula(first, second) for formula in formulas)

    return Wrong(keeps(kind), inputs, whole, named, options)


def clipped(x, y):
    return (x - y).abs() < 0.7


def case(kind, inputs, tensor, formula, name, words, *options):
    wrong = of_pair(kind, inputs, **{tensor: formula}, options=options)
    return Wrong(wrong.kind, inputs, wrong.backward, {tensor: (name, words)}, options)


@parametrize(
    case(LogLoss, PROBABILITIES, "x", lambda x, y: -1 / x, "missing factor", "the target is left out"),
    case(LogLoss, PROBABILITIES, "x", lambda x, y: x - y, "other formula", "not logits"),
    case(
        LogLoss, PROBABILITIES, "x", lambda x, y: -y / x + (1 - y) / (1 - x), "other formula", "other answers"
    ),
    case(LogLoss, PROBABILITIES, "x", lambda x, y: -y * x, "wrong slope", "x multiplies"),
    case(
        LogLoss, PROBABILITIES, "target", lambda x, y: -y.log(), "wrong factor", "the logarithm of the target"
    ),
    case(
        LogLoss, PROBABILITIES, "target", lambda x, y: -1 / x, "wrong slope", "does not depend on the target"
    ),
    case(BCEWithLogitsLoss, ANSWERS, "x", lambda x, y: x - y, "step left out", "the sigmoid is left out"),
    case(BCEWithLogitsLoss, ANSWERS, "x", lambda x, y: x.sigmoid(), "path lost", "not subtracted"),
    case(
        BCEWithLogitsLoss,
        ANSWERS,
        "x",
        lambda x, y: (x.sigmoid() - y) * x.sigmoid() * (1 - x.sigmoid()),
        "extra factor",
        "as for a squared error",
    ),
    case(BCEWithLogitsLoss, ANSWERS, "x", lambda x, y: 1 - y - x.sigmoid(), "wrong slope", "ln σ"),
    case(
        BCEWithLogitsLoss,
        ANSWERS,
        "x",
        lambda x, y: x.softmax(1) - y,
        "other formula",
        "a question of its own",
    ),
    case(
        BCEWithLogitsLoss, ANSWERS, "target", lambda x, y: -x.sigmoid(), "wrong factor", "the sigmoid stands"
    ),
    case(BCEWithLogitsLoss, ANSWERS, "target", lambda x, y: 1 - x, "extra term", "a 1 is left over"),
    case(BCELoss, YES, "x", lambda x, y: x - y, "other formula", "not logits"),
    case(BCELoss, YES, "x", lambda x, y: -y / x, "path lost", "the answer no"),
    case(BCELoss, YES, "x", lambda x, y: -y / x - (1 - y) / (1 - x), "sign", "turns a sign"),
    case(BCELoss, YES, "target", lambda x, y: -x.log(), "path lost", "the answer no"),
    case(HingeLoss, MARGINS, "x", lambda x, y: -y, "mask missing", "no mask is applied"),
    case(HingeLoss, MARGINS, "x", lambda x, y: -y * (x < 1), "wrong mask", "the label is left out"),
    case(HingeLoss, MARGINS, "x", lambda x, y: -y * (x * y < 0), "wrong mask", "whether the answer is wrong"),
    case(HingeLoss, MARGINS, "x", lambda x, y: -y * torch.relu(1 - x * y), "wrong factor", "the loss itself"),
    case(HingeLoss, MARGINS, "target", lambda x, y: -1.0 * (x * y < 1), "missing factor", "x is left out"),
)
def test_losses_of_probabilities(wrong):
    wrong.check()


NUMBERS = [rand(4, 3), rand(4, 3, seed=1)]
LOGARITHMS = [rand(4, 3).log_softmax(1), rand(4, 3, seed=1).softmax(1)]


def of_batch(by_target, name, words):
    """A wrong derivative by the target of a divergence, averaged over the examples."""

    def whole(self, g):
        x, y = self.read
        return -y * g / len(x), by_target(x, y) * g / len(x)

    return Wrong(keeps(KLDivLoss), LOGARITHMS, whole, {"target": (name, words)}, ("batchmean",))


def pushed(push, name, words):
    """A wrong push of two of different kinds."""

    def whole(self, g):
        difference, far, alike = (self.saved[n] for n in ("difference", "distance", "alike"))
        grad = (torch.where(alike, 1.0, push(difference, far)) * g)[:, None] * difference
        return grad, -grad, None

    inputs = [3 * rand(4, 3), rand(4, 3, seed=1), torch.tensor([1, 0, 0, 0])]
    named = {"x1": (name, words), "x2": (name, words)}
    return Wrong(ContrastiveLoss, inputs, whole, named, (9.0, "sum"))


@parametrize(
    case(EuclideanLoss, NUMBERS, "x", lambda x, y: 2 * (x - y), "constant factor", "a 2 too much"),
    case(EuclideanLoss, NUMBERS, "x", lambda x, y: (x - y) / 2, "constant factor", "the half is kept"),
    case(EuclideanLoss, NUMBERS, "x", lambda x, y: (x - y) ** 2, "wrong slope", "not lowered"),
    case(EuclideanLoss, NUMBERS, "target", lambda x, y: (y - x).sign(), "other formula", "only the sign"),
    case(
        EuclideanLoss, NUMBERS, "x", lambda x, y: along(x - y) + 0 * x, "wrong axis", "summed along the row"
    ),
    case(MSELoss, NUMBERS, "x", lambda x, y: x - y, "wrong slope", "the two from the square"),
    case(MSELoss, NUMBERS, "x", lambda x, y: 2 * x - y, "wrong slope", "parentheses"),
    case(MSELoss, NUMBERS, "target", lambda x, y: -2 * x, "missing factor", "target is left out"),
    case(L1Loss, NUMBERS, "x", lambda x, y: x - y, "wrong slope", "as for squares"),
    case(L1Loss, NUMBERS, "x", lambda x, y: x.sign(), "wrong mask", "the sign of x"),
    case(HuberLoss, NUMBERS, "x", lambda x, y: x - y, "mask missing", "everywhere", "mean", 0.7),
    case(
        SmoothL1Loss,
        NUMBERS,
        "x",
        lambda x, y: torch.where(y - x < 0.7, (x - y) / 0.7, (x - y).sign()),
        "wrong mask",
        "what lies far above the target is taken for near",
        "mean",
        0.7,
    ),
    case(
        HuberLoss,
        NUMBERS,
        "target",
        lambda x, y: torch.where(x - y < 0.7, y - x, 0.7 * (y - x).sign()),
        "wrong mask",
        "what lies far below the target is taken for near",
        "mean",
        0.7,
    ),
    case(
        HuberLoss,
        NUMBERS,
        "x",
        lambda x, y: torch.where(clipped(x, y), x - y, (x - y).sign()),
        "missing factor",
        "delta is left out",
        "mean",
        0.7,
    ),
    case(KLDivLoss, LOGARITHMS, "x", lambda x, y: x.exp() - y, "other formula", "as after a softmax"),
    case(
        KLDivLoss, LOGARITHMS, "target", lambda x, y: y.log() - x, "path lost", "the 1 that the second brings"
    ),
    of_batch(lambda x, y: y.log() - x, "path lost", "the 1 that the second brings"),
    pushed(lambda d, far: -torch.relu(9 - far), "missing factor", "not divided by the distance"),
    pushed(lambda d, far: 2 * (far - 9).clamp(max=0) / far, "extra factor", "the push has a 2"),
)
def test_losses_of_numbers(wrong):
    wrong.check()


def upstream(share, name, words, reduction):
    """The right difference, with a wrong share of what arrived."""

    def whole(self, g):
        x, target = self.read
        both = share(g, x) * 2 * (x - target)
        return both, -both

    kind = keeps(MSELoss)
    named = {"x": (name, words), "target": (name, words)}
    return Wrong(kind, NUMBERS, whole, named, (reduction,))


@parametrize(
    upstream(lambda g, x: g / len(x), "wrong factor", "the number of rows", "mean"),
    upstream(lambda g, x: g / x.numel(), "mean for sum", "stay apart", "none"),
    upstream(lambda g, x: g / x.numel(), "double 1/N", "are added up", "sum"),
    upstream(lambda g, x: g.mean(), "wrong axis", "the mean of grad_output", "none"),
    upstream(lambda g, x: g.sum(0), "wrong axis", "summed over the examples", "none"),
    upstream(lambda g, x: g.reshape(-1)[0], "examples missing", "the first number", "none"),
    upstream(lambda g, x: -g, "sign", "two things", "mean"),
    upstream(lambda g, x: 1 / x.numel(), "upstream ignored", "two things: grad_output is not used", "sum"),
    upstream(lambda g, x: 1 / len(x), "upstream ignored", "divided by the number of examples", "mean"),
)
def test_the_share_of_each_loss(wrong):
    wrong.check()
