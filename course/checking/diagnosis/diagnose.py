"""diagnose(): compare a wrong gradient with what each known mistake would have given."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from course.checking.diagnosis import formulas, graphs, relations, steps, upstream
from course.checking.diagnosis.mistakes import Diagnosis, Hypothesis, Mistake
from course.checking.diagnosis.slips import wrong_formulas
from course.checking.diagnosis.suspect import Suspect
from course.checking.evidence import Evidence
from course.checking.truth import Truth

QUICK: tuple[Callable[[Suspect], Iterator[Hypothesis]], ...] = (
    relations.nothing,
    relations.exchanged,
    wrong_formulas,
    relations.shape,
    upstream.handed_on,
    relations.unmasked,
    relations.factors,
    relations.multiple,
    graphs.graphs,
    upstream.ignored,
    upstream.forgotten,
    upstream.diagonal,
    formulas.formulas,
    upstream.turned,
    formulas.replaced,
    relations.borrowed,
)
"""Where mistakes come from, the plainest first."""


def diagnose(truth: Truth, evidence: Evidence, numeric: Mapping[str, np.ndarray]) -> dict[str, Diagnosis]:
    """Name the mistake behind each wrong gradient, where one known mistake explains every number of it.

    Args:
        truth: the true forward, and the point at which it was run.
        evidence: what the module did.
        numeric: for each wrong gradient that is there, its true values.
    """
    diagnoses: dict[str, Diagnosis] = {}
    taken_apart: steps.Steps | None = None
    for name, true in numeric.items():
        if evidence.grads.get(name) is None or not true.size:
            continue
        suspect = Suspect(truth, name, evidence.grads, true)
        diagnosis = _explain(suspect, (hypothesis for source in QUICK for hypothesis in source(suspect)))
        if (
            diagnosis is None or diagnosis.mistake is Mistake.OTHER_FORMULA
        ) and suspect.given.shape == suspect.true.shape:
            taken_apart = taken_apart or steps.Steps(truth)
            paths = [*steps.lost_paths(suspect, taken_apart)]
            if diagnosis is None:
                diagnosis = _explain(suspect, (*paths, *relations.places(suspect)))
            else:
                # what is left of this function may be another's gradient: σ, softplus's, is one path of
                # x·σ(x)
                diagnosis = (
                    _explain(suspect, [path for path in paths if path.mistake is Mistake.PATH_LOST])
                    or diagnosis
                )
        if diagnosis is not None:
            diagnoses[name] = diagnosis
    return diagnoses


def _explain(suspect: Suspect, hypotheses: Iterable[Hypothesis]) -> Diagnosis | None:
    """The first hypothesis that predicts what backward gave, and how sure it is.

    It is less sure when another one predicts the same.
    """
    matching = [hypothesis for hypothesis in hypotheses if suspect.matches(hypothesis.predicted)]
    if not matching:
        return None
    # they describe what others explain, and are no rivals
    vague = {Mistake.CONSTANT_FACTOR, Mistake.WRONG_IN_PLACES}
    rivals = len({hypothesis.mistake for hypothesis in matching} - {matching[0].mistake} - vague)
    few = {1: 0.25, 2: 0.1}.get(int(suspect.given.size), 0.0)  # one number agrees with many a formula
    first = matching[0]
    return Diagnosis(
        first.mistake, first.what, round(max(0.05, first.prior - few - min(0.3, 0.15 * rivals)), 2)
    )
