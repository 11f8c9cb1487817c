"""Part: one independent verdict on a module or function, as data; its sentence is made of its fields."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from course.checking.diagnosis.mistakes import Diagnosis
from course.checking.finding import GRADIENT, Finding, Numbers, Problem, gradient_name


class Kind(StrEnum):
    """What a part is about. Its value is the part's name, but for gradients and for a case as a whole."""

    OUTPUT = "output"
    SHAPES = "shapes"
    GRADIENT = "gradient"
    """One tensor's gradient: the part's name is ∂L/∂x for the tensor x."""
    ACCUMULATION = "accumulation"
    """Whether a second backward adds to the parameters' gradients."""
    REPEATABLE = "repeatable"
    """Whether a second backward gives the same gradients again."""
    UNTOUCHED = "leaves inputs alone"
    BY_HAND = "by hand"
    FORWARD_FIRST = "needs forward first"
    TIES = "ties"
    RESULT = "result"
    """What a plain function returned."""
    CASE = "case"
    """All parts of one case of an exercise; the part's name is the case's label."""


NAMED = {kind.value: kind for kind in Kind if kind not in (Kind.GRADIENT, Kind.CASE)}
"""The kinds whose parts are called by the kind's name."""

SPEAKING = (Kind.OUTPUT, Kind.GRADIENT)
"""Parts whose findings on an array say 'is …' or 'has …': of what, the part's name says."""


@dataclass(frozen=True)
class Part:
    """One verdict: passed where nothing was found that should not be.

    Attributes:
        kind: what it is about.
        tensor: the name of the input or parameter whose gradient it is about, or empty.
        finding: what was seen that should not be.
        mistake: the mistake that explains what was seen, if one does.
        case: the label of an exercise's case, where there are several.
        spokesman: of a case as a whole, the failed part that its finding is from.
        follows: the name of the failed part that this failure follows from, or empty.
    """

    kind: Kind
    tensor: str = ""
    finding: Finding | None = None
    mistake: Diagnosis | None = None
    case: str = ""
    spokesman: "Part | None" = None
    follows: str = ""

    @classmethod
    def called(cls, name: str, finding: Finding | None = None) -> "Part":
        """The part that an exercise gives points for by name: ∂L/∂x, another kind's, or a case's label."""
        if name.startswith(GRADIENT):
            return cls(Kind.GRADIENT, name[len(GRADIENT) :], finding)
        return cls(NAMED[name], "", finding) if name in NAMED else cls(Kind.CASE, "", finding, case=name)

    @property
    def name(self) -> str:
        """What the part is called in tables, and in an exercise's points."""
        if self.kind is Kind.GRADIENT:
            return gradient_name(self.tensor)
        return self.case if self.kind is Kind.CASE else self.kind.value

    @property
    def passed(self) -> bool:
        """Whether nothing was found that should not be."""
        return self.finding is None

    @property
    def problem(self) -> Problem:
        """The kind of what was found."""
        return self.finding.problem if self.finding else Problem.NONE

    @property
    def found(self) -> str:
        """What was found, in one line; empty when passed."""
        return self.finding.words if self.finding else ""

    @property
    def numbers(self) -> Numbers | None:
        """The numbers behind what was found, where an array differs."""
        return self.finding.numbers if self.finding else None

    @property
    def explanation(self) -> str:
        """The mistake's sentence, where the line on what was found does not say as much."""
        if self.spokesman is not None:
            return self.spokesman.explanation
        return self.mistake.sentence if self.mistake and self.kind is Kind.GRADIENT else ""

    @property
    def message(self) -> str:
        """What is wrong, and where, in one line; empty when passed."""
        words = ". ".join(filter(None, [self.found, self.explanation]))
        return words + (f" (case: {self.case})" if self.case and self.kind is not Kind.CASE else "")

    @property
    def line(self) -> str:
        """What a table shows: the message, or which other failure this one follows from."""
        return f"follows from “{self.follows}”" if self.follows else self.message

    @property
    def statement(self) -> Finding | None:
        """The finding in words that stand without the part's name beside them."""
        alone = {Problem.DIFFERENT, Problem.NOT_FINITE, Problem.WRONG_SHAPE}
        if self.finding is None or self.kind not in SPEAKING or self.problem not in alone:
            return self.finding
        return Finding(self.problem, f"{self.name} {self.found}", self.numbers)


def folded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same parts, where each failure that follows from another one's says so: one cause is told once."""
    failed = [part for part in parts if not part.passed]
    causes = {id(part): _cause(part, failed) for part in failed}
    return tuple(
        replace(part, follows=cause.name) if (cause := causes.get(id(part))) is not None else part
        for part in parts
    )


def _cause(part: Part, failed: Sequence[Part]) -> Part | None:
    """The failure that this one follows from; None where it stands for itself."""
    earlier = failed[: [id(other) for other in failed].index(id(part))]
    gradients = [other for other in failed if other.kind is Kind.GRADIENT and other.tensor == part.tensor]
    consequence = (part.kind, part.problem) in (
        (Kind.ACCUMULATION, Problem.NOT_ADDED),
        (Kind.SHAPES, Problem.WRONG_SHAPE),
    )
    if consequence and gradients and part.mistake in (None, gradients[0].mistake):
        return gradients[0]
    alike = (
        other
        for other in earlier
        if other.problem == part.problem
        and (other.found == part.found or (part.mistake and other.mistake == part.mistake))
        and (part.problem is not Problem.DIFFERENT or other.tensor == part.tensor)
    )
    return next(alike, None)
