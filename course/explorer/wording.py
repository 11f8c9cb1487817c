"""Wording: how names, numbers and arithmetic read on the screen."""

import functools
import math
import re
from collections.abc import Mapping, Sequence

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_INFIX = ("+", "−", "×")


@functools.lru_cache(4096)
def display_name(name: str) -> str:
    """A name as it is drawn: w0 and w_0 become w₀."""
    match = re.fullmatch(r"([^\W\d_]+)_?(\d+)", name)
    return match[1] + match[2].translate(_SUBSCRIPTS) if match else name


def number_text(number: float) -> str:
    """A number for reading: integers short, others to three significant digits, with a true minus sign."""
    if math.isnan(number):
        return "NaN"
    size = abs(number)
    if math.isinf(number):
        text = "∞"
    elif size < 1e5 and size == int(size):
        text = str(int(size))
    elif size >= 1e5 or size < 1e-3:
        mantissa, exponent = f"{size:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}".replace("-", "−")
    else:
        decimals = 1 if size >= 100 else 2 if size >= 1 else min(4, 2 - math.floor(math.log10(size)))
        text = f"{size:.{decimals}f}"
    return f"−{text}" if number < 0 else text


def cell_text(number: float, roomy: bool) -> str:
    """What stands in a heat map's cell: two significant digits where there is room, else only a sign."""
    if not math.isfinite(number):
        return "?" if math.isnan(number) else number_text(number)
    if not roomy:
        return "−" if number < 0 else ""
    size = abs(number)
    if size == 0 or 0.01 <= size < 1000:
        decimals = 0 if size >= 100 else 1 if size >= 1 else 2
        return number_text(number) if size == int(size) else f"{number:.{decimals}f}".replace("-", "−")
    mantissa, exponent = f"{number:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")


def shape_text(shape: Sequence[int]) -> str:
    """A shape for reading, such as 4×3."""
    return "×".join(map(str, shape))


def substitute(expression: str, names: Mapping[str, str]) -> str:
    """The expression with each whole name replaced.

    A name ends only at an ASCII letter, digit or underscore, since ² and θ may touch it in a formula.
    """
    if not names:
        return expression
    either = "|".join(re.escape(name) for name in names)
    return re.sub(
        rf"(?<![A-Za-z0-9_])(?:{either})(?![A-Za-z0-9_])", lambda match: names[match[0]], expression
    )


def is_number(expression: str) -> bool:
    """Whether a derivative is the same everywhere, such as −1."""
    return re.fullmatch(r"−?[\d.]+", expression) is not None


def applied(op: str, arguments: Sequence[str], operands: Sequence[str]) -> str:
    """An operation written out, such as x + y, 1/d or σ(y): `operands` for forward's `arguments`."""
    if op in _INFIX and len(operands) == 2:
        return f"{operands[0]} {op} {_guarded(operands[1])}"
    if len(op) > 1 and op[0] in _INFIX and len(operands) == 1:
        return f"{operands[0]} {op[0]} {_guarded(op[1:])}"
    inserted = substitute(
        op, {name: _guarded(operand) for name, operand in zip(arguments, operands, strict=False)}
    )
    return inserted if inserted != op or op in arguments else f"{op}({', '.join(operands)})"


def sign(
    op: str, arguments: Sequence[str], operands: Sequence[str | None], constants: Sequence[str | None]
) -> str:
    """What stands inside a node: the operation, with the constants that it reads folded in, such as +1."""
    if op in _INFIX and len(constants) == 2 and any(constants):
        if constants[1] is not None:
            return f"{op}{_guarded(constants[1])}"
        return f"{constants[0]}−" if op == "−" else f"{op}{_guarded(constants[0] or '')}"
    if any(constants):
        return f"{op}({', '.join(constant or '·' for constant in constants)})"
    return substitute(
        op, {name: operand for name, operand in zip(arguments, operands, strict=False) if operand}
    )


def _guarded(operand: str) -> str:
    return f"({operand})" if operand.startswith("−") else operand


def derivative(of: str, by: str) -> str:
    """A derivative in words, such as ∂f/∂q."""
    return f"∂{of}/∂{by}"


def product(upstream: str, local: str, result: str) -> str:
    """The arithmetic of an edge between numbers: upstream gradient times local derivative."""
    return f"upstream {upstream} × local {local} gives {result}"


def jacobian_product(upstream: str, op: str, symbol: str, result: str) -> str:
    """The arithmetic of an edge between tensors: elementwise with a symbol, else by the Jacobian."""
    if symbol:
        return f"upstream {upstream} × local {symbol}, elementwise, gives {result}"
    return f"upstream {upstream} times the Jacobian of {op} gives {result}"


def with_sum(target: str, product: str, total: str, *, which: int, paths: int) -> str:
    """An edge's sentence; `which` counts the edge among the `paths` whose gradients are summed."""
    if paths == 1:
        return f"{target}: {product}"
    if which == 1:
        return f"{target}: {product}, the first of {paths} paths to sum"
    return f"{target} += {product}; the sum of {which} of {paths} paths is {total}"
