"""Torch calls: a function of torch tensors, or a torch.nn.Module, written down as a graph of its calls."""

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode, resolve_name

from course.containers.graph import Graph, Node
from course.explorer.flatten import FlatGraph
from course.module import Module, Parameter

SIGNS = {
    "add": "+", "radd": "+", "iadd": "+", "sub": "−", "subtract": "−", "isub": "−", "mul": "×", "rmul": "×",
    "multiply": "×", "imul": "×", "sigmoid": "σ", "neg": "−x", "negative": "−x", "reciprocal": "1/x",
    "rsub": "−",
}  # fmt: skip
INFIX = ("+", "−", "×")
LOCALS = {
    "+": ("1", "1"), "−": ("1", "−1"), "×": ("y", "x"), "−x": ("−1",), "exp": ("out",),
    "σ": ("(1 − out)·out",), "tanh": ("1 − out²",), "1/x": ("−out²",),
}  # fmt: skip


class TorchCall(Module):
    """A call of a torch function: its tensors are inputs, what is trained is a parameter, all else stays.

    Its backward is torch.autograd's.
    """

    def __init__(self, function: Callable[..., Any], slots: list[Any], names: dict[str, Parameter]) -> None:
        self.function, self.slots = function, slots
        self.operation = operation(function)
        if self.operation == "rsub" and not slots[1]:  # 1 − x asks x for it
            self.function, self.slots = torch.sub, [slots[0][::-1], {}]
        symbol = SIGNS.get(self.operation, self.operation)
        tensors = sum(isinstance(slot, _Read) for slot in slots[0])
        local = LOCALS.get(symbol, ())
        local = local if len(local) == tensors else ()
        self.arguments = ("x", "y")[:tensors] if local or symbol in INFIX else ()
        vars(self).update(symbol=symbol, local=local)  # as if each call were a class of its own
        vars(self).update(names)

    def input_names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        """Two operands are called x and y; most other calls' tensors have no names."""
        return self.arguments if given is None else super().input_names(given)

    def forward(self, *inputs: Tensor) -> Any:
        """The call's result for other tensors; what it would change in place is copied first."""
        self.save()

        def put(slot: Any) -> Any:
            if isinstance(slot, _Read):
                return inputs[slot.position].clone() if self._in_place() else inputs[slot.position]
            if isinstance(slot, _Trained):
                return vars(self)[slot.name].value
            return type(slot)(map(put, slot)) if type(slot) in (list, tuple) else slot

        positional, keywords = self.slots
        devices = {tensor.device for tensor in inputs if tensor.is_cuda}
        # Backward runs it again: a function that draws random numbers must draw the same ones.
        with torch._C.DisableTorchFunctionSubclass(), torch.random.fork_rng(devices):
            torch.manual_seed(0)
            return self.function(
                *map(put, positional), **{name: put(slot) for name, slot in keywords.items()}
            )

    def _in_place(self) -> bool:
        name = getattr(self.function, "__name__", "")
        return (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


class _Read:
    """Stands for an input in a call's arguments."""

    def __init__(self, position: int) -> None:
        self.position = position


class _Trained:
    """Stands for a parameter in a call's arguments."""

    def __init__(self, name: str) -> None:
        self.name = name


def record(function: Callable[..., Any], tensors: Mapping[str, Tensor]) -> FlatGraph:
    """A function's calls as a flat graph; what a torch.nn.Module's submodule calls lies in a part.

    Raises:
        ValueError: the output does not depend on the inputs through torch.
    """
    inputs = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    with ExitStack() as stack:
        recorder = stack.enter_context(_Recorder(function, inputs))
        stack.enter_context(torch.no_grad())
        stack.enter_context(
            torch.random.fork_rng([tensor.device for tensor in inputs.values() if tensor.is_cuda])
        )
        if isinstance(function, torch.nn.Module):
            names = {id(module): name for name, module in function.named_modules() if name}
            enter = register_module_forward_pre_hook(lambda module, _: recorder.enter(names.get(id(module))))
            leave = register_module_forward_hook(lambda module, *_: recorder.leave(names.get(id(module))))
            stack.callback(enter.remove)
            stack.callback(leave.remove)
        output = function(*inputs.values())
    return recorder.flat(output)


class _Recorder(TorchFunctionMode):
    """Writes down each call that reads a tensor it knows."""

    def __init__(self, function: Any, inputs: dict[str, Tensor]) -> None:
        super().__init__()
        self.graph = Graph(*inputs)
        self.known = {id(tensor): name for name, tensor in inputs.items()}
        self.kept: list[Any] = list(inputs.values())  # so that no id is given to a second tensor
        trained = function.named_parameters() if isinstance(function, torch.nn.Module) else ()
        self.trained = {id(value): (name.rpartition(".")[2], Parameter(value)) for name, value in trained}
        self.around: list[str] = []
        self.groups: dict[str, tuple[str, ...]] = {}

    def enter(self, part: str | None) -> None:
        """A submodule begins."""
        if part:
            self.around.append(part)

    def leave(self, part: str | None) -> None:
        """A submodule ends."""
        if part:
            self.around.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        reads: list[str | float] = []
        names: dict[str, Parameter] = {}
        # plain numbers are drawn inside the node
        numbers = SIGNS.get(operation(func)) in INFIX and len(args) == 2
        slots = [[self._slot(arg, reads, names, numbers=numbers) for arg in args], {}]
        slots[1] = {name: self._slot(arg, reads, names) for name, arg in kwargs.items()}
        result = func(*args, **kwargs)
        outputs = [
            part
            for part in (result if isinstance(result, tuple | list) else (result,))
            if isinstance(part, Tensor)
        ]
        if (
            any(isinstance(read, str) for read in reads)
            and outputs
            and len(outputs) == (len(result) if isinstance(result, tuple | list) else 1)
        ):
            if operation(func) == "rsub" and not kwargs:
                reads = reads[::-1]
                slots[0] = [
                    _Read(len(reads) - 1 - slot.position) if isinstance(slot, _Read) else slot
                    for slot in slots[0]
                ]
            self._note(TorchCall(func, slots, names), reads, list(outputs))
        return result

    def _slot(
        self, arg: Any, reads: list[str | float], names: dict[str, Parameter], *, numbers: bool = False
    ) -> Any:
        if numbers and type(arg) in (int, float):
            reads.append(float(arg))
            return _Read(len(reads) - 1)
        if isinstance(arg, Tensor):
            if id(arg) in self.known:
                reads.append(self.known[id(arg)])
                return _Read(len(reads) - 1)
            if arg.requires_grad and arg.is_leaf:
                name, parameter = self.trained.setdefault(
                    id(arg), (f"w{len(self.trained) + 1}", Parameter(arg))
                )
                self.kept.append(arg)
                names[name] = parameter
                return _Trained(name)
            return arg.detach()
        if type(arg) in (list, tuple):
            return type(arg)(self._slot(part, reads, names) for part in arg)
        return arg

    def _note(self, call: TorchCall, reads: list[str | float], outputs: list[Tensor]) -> None:
        name = f"v{len(self.graph.nodes) + 1}"
        values = (name,) if len(outputs) == 1 else tuple(f"{name}_{number}" for number in range(len(outputs)))
        self.graph.nodes[name] = Node(name, call, tuple(reads), values)
        self.groups[name] = tuple(self.around)
        for value, tensor in zip(values, outputs, strict=True):
            self.known[id(tensor)] = value
            self.kept.append(tensor)

    def flat(self, output: Any) -> FlatGraph:
        """What was written down, without what the output does not need."""
        outputs = output if isinstance(output, tuple | list) else (output,)
        if not all(isinstance(part, Tensor) and id(part) in self.known for part in outputs):
            raise ValueError(
                "the function's output does not come from its inputs through torch: there is no graph to draw"
            )
        self.graph.outputs = tuple(self.known[id(part)] for part in outputs)
        needed = set(self.graph.outputs)
        for node in reversed(list(self.graph.nodes.values())):
            if needed & set(node.outputs):
                needed |= {read for read in node.reads if isinstance(read, str)}
            else:
                del self.graph.nodes[node.name], self.groups[node.name]
        shared = {
            part
            for part in set().union(*self.groups.values())
            if sum(part in g for g in self.groups.values()) > 1
        }
        groups = {name: tuple(p for p in self.groups[name] if p in shared) for name in self.graph.nodes}
        return FlatGraph(self.graph, groups)


def operation(function: Callable[..., Any]) -> str:
    """A torch function's name, without the underscores of its operator or in-place form."""
    name = getattr(function, "__name__", "") or str(resolve_name(function))
    if name in ("__get__", "__set__"):
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    return name.strip("_")
