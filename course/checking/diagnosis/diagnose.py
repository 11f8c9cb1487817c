"""diagnose(): compare wrong gradients with what each known mistake would have given, in all cases."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from course.checking.diagnosis import formulas, graphs, relations, steps, upstream
from course.checking.diagnosis.mistakes import Diagnosis, Hypothesis, Mistake
from course.checking.diagnosis.slips import wrong_formulas
from course.checking.diagnosis.suspect import Suspect, Trial, same

Source = Callable[[Suspect], Iterator[Hypothesis]]

STAGES: tuple[tuple[Source, ...], ...] = (
    (relations.nothing, relations.exchanged, wrong_formulas),
    (
        relations.shape,
        upstream.handed_on,
        relations.unmasked,
        relations.factors,
        relations.multiple,
        graphs.graphs,
        upstream.ignored,
        upstream.forgotten,
        upstream.diagonal,
        formulas.misplaced,
        upstream.turned,
        formulas.replaced,
        relations.borrowed,
    ),
    (steps.lost_paths,),
    (formulas.mixed_up,),
    (relations.places,),
)
"""Where mistakes come from, the plainest first. A stage is asked when none before it explained all.

σ, softplus's gradient, is one path of x·σ(x): other functions are looked for after lost paths.
"""

VAGUE = {Mistake.CONSTANT_FACTOR, Mistake.WRONG_IN_PLACES}
"""They describe what others explain, and are no rivals."""

UNSURE_OF_FEW = {1: 0.25, 2: 0.16}
"""Less sure by so much where so few numbers had to agree: one number agrees with many a formula."""


def diagnose(trials: Sequence[Trial]) -> list[dict[str, Diagnosis]]:
    """Name the mistake behind each wrong gradient, where one known mistake explains every number of it.

    It must do so in every case in which that gradient is wrong, and may contradict none in which it is right.

    Args:
        trials: what a module did, in one case or in several.

    Returns:
        for each trial the mistakes by the tensor's name.
    """
    diagnoses: list[dict[str, Diagnosis]] = [{} for _ in trials]
    for name in dict.fromkeys(name for trial in trials for name in trial.wrong):
        failing = {
            place: _Candidates(suspect)
            for place, trial in enumerate(trials)
            if name in trial.wrong and (suspect := trial.suspect(name)) is not None
        }
        passing = [
            _Candidates(suspect)
            for trial in trials
            if name in trial.right and (suspect := trial.suspect(name)) is not None
        ]
        for place, diagnosis in _explain(failing, passing).items():
            diagnoses[place][name] = diagnosis
    return diagnoses


@dataclass
class _Candidates:
    """What each known mistake would have given for one suspect, computed as far as it is asked for."""

    suspect: Suspect
    stages: dict[int, list[Hypothesis]] = field(default_factory=dict)

    def of(self, stage: int) -> list[Hypothesis]:
        """All hypotheses of one stage."""
        if stage not in self.stages:
            sources = (source(self.suspect) for source in STAGES[stage])
            self.stages[stage] = [*chain.from_iterable(sources)]
        return self.stages[stage]

    def agrees(self, other: Hypothesis, stage: int) -> bool | None:
        """Whether the same mistake gives what was given here, too; None where it says nothing here."""
        if other.elsewhere is not None:
            predictions = [other.elsewhere(self.suspect)]
        else:
            predictions = [h.predicted for h in self.of(stage) if h.identity == other.identity]
        known = [predicted for predicted in predictions if predicted is not None]
        return any(same(self.suspect.given, predicted) for predicted in known) if known else None


def _explain(failing: dict[int, _Candidates], passing: list[_Candidates]) -> dict[int, Diagnosis]:
    """The first mistake that predicts what backward gave in every case, and how sure it is, by case."""
    if not failing:
        return {}
    first = max(failing.values(), key=lambda candidates: candidates.suspect.weight)
    for stage in range(len(STAGES)):
        matching = [
            hypothesis
            for hypothesis in first.of(stage)
            if first.suspect.matches(hypothesis.predicted)
            and all(other is first or other.agrees(hypothesis, stage) for other in failing.values())
            and not any(other.agrees(hypothesis, stage) is False for other in passing)
        ]
        if matching:
            told, rivals = matching[0], {h.mistake for h in matching} - {matching[0].mistake} - VAGUE
            few = UNSURE_OF_FEW.get(sum(c.suspect.weight for c in failing.values()), 0.0)
            sure = round(max(0.05, told.prior - few - min(0.3, 0.15 * len(rivals))), 2)
            return {
                place: Diagnosis(told.mistake, _words(told, candidates, stage), sure)
                for place, candidates in failing.items()
            }
    return {}


def _words(told: Hypothesis, candidates: _Candidates, stage: int) -> str:
    """The clause as it is for that case: it may count the examples, say."""
    there = candidates.of(stage) if told.key else []
    fitting = [h.what for h in there if h.key == told.key and candidates.suspect.matches(h.predicted)]
    return told.what if told.what in fitting or not fitting else fitting[0]
