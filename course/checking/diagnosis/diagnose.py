"""diagnose(): compare wrong gradients with what each known mistake would have given, in all cases."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from course.checking.diagnosis import formulas, graphs, pairs, relations, steps, upstream
from course.checking.diagnosis.mistakes import Diagnosis, Hypothesis, Mistake
from course.checking.diagnosis.slips import wrong_formulas
from course.checking.diagnosis.suspect import Suspect, Trial, same

Source = Callable[[Suspect], Iterator[Hypothesis]]

STAGES: tuple[tuple[Source, ...], ...] = (
    (relations.nothing, relations.exchanged, partial(wrong_formulas, right_too=True)),
    (
        graphs.graphs,
        relations.shape,
        upstream.handed_on,
        steps.wrong_steps,
        relations.unmasked,
        relations.factors,
        relations.multiple,
        relations.alike,
        upstream.ignored,
        upstream.forgotten,
        upstream.diagonal,
        formulas.misplaced,
        upstream.turned,
        formulas.replaced,
        relations.borrowed,
    ),
    (pairs.of_formulas, steps.lost_paths),
    (formulas.mixed_up, relations.copied),
    (relations.places,),
)
"""Where mistakes come from, the plainest first. A stage is asked when none before it explained all.

σ, softplus's gradient, is one path of x·σ(x): other functions are looked for after lost paths.
"""

VAGUE = {Mistake.CONSTANT_FACTOR, Mistake.WRONG_IN_PLACES}
"""They describe what others explain, and are no rivals."""

RIVALS = (0, 1)
"""The stages in which another mistake that explains as much makes the first one less sure."""

LESS_OF_TWO = 0.1
"""Less sure by so much where one mistake explains some cases and another the rest."""

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
        wrong = {
            place: _Candidates(suspect)
            for place, trial in enumerate(trials)
            if name in trial.wrong and (suspect := trial.suspect(name)) is not None
        }
        failing = {place: there for place, there in wrong.items() if there.suspect.finite}
        broken = {place: there for place, there in wrong.items() if not there.suspect.finite}
        passing = [
            _Candidates(suspect)
            for trial in trials
            if name in trial.right and (suspect := trial.suspect(name)) is not None
        ]
        empty = {place for place, there in failing.items() if not there.suspect.given.any()}
        if len(empty) < len(failing):  # zeros of a degenerate case, of one example say, must not outvote
            failing = {place: there for place, there in failing.items() if place not in empty}
        for place, diagnosis in _explain(failing, passing, broken).items():
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
            asked = STAGES[stage] if self.suspect.finite else (wrong_formulas,)
            sources = (source(self.suspect) for source in asked)
            hypotheses = chain.from_iterable(sources)
            opposite = same(self.suspect.given, -self.suspect.true)  # whatever else fits, the sign is wrong
            self.stages[stage] = [h for h in hypotheses if not opposite or h.mistake is Mistake.SIGN]
        return self.stages[stage]

    def matching(self) -> tuple[int, list[Hypothesis]]:
        """The first stage that explains this case, and what does so."""
        for stage in range(len(STAGES)):
            fitting = [h for h in self.of(stage) if self.suspect.matches(h.predicted)]
            if fitting:
                return stage, fitting
        return len(STAGES), []

    def agrees(self, other: Hypothesis, stage: int) -> bool | None:
        """Whether the same mistake gives what was given here, too; None where it says nothing here."""
        if other.elsewhere is not None:
            predictions = [other.elsewhere(self.suspect)]
        else:
            predictions = [h.predicted for h in self.of(stage) if h.identity == other.identity]
        known = [predicted for predicted in predictions if predicted is not None]
        return any(same(self.suspect.given, predicted) for predicted in known) if known else None


def _explain(
    failing: dict[int, _Candidates], passing: list[_Candidates], broken: dict[int, _Candidates]
) -> dict[int, Diagnosis]:
    """The mistakes that predict what backward gave in every case, and how sure they are, by case.

    That is one mistake; or the same kind of mistake, which each case says in its own words; or two mistakes,
    of which each case shows at least one.

    Args:
        broken: cases in which some numbers are not finite: they are told if the mistake explains them, too.
    """
    if not failing:
        return {}
    first = max(failing.values(), key=lambda candidates: candidates.suspect.weight)
    few = UNSURE_OF_FEW.get(sum(c.suspect.weight for c in failing.values()), 0.0)
    for stage in range(len(STAGES)):
        if told := _common(first, failing, passing, stage):
            too = {place: there for place, there in broken.items() if there.agrees(told.hypothesis, stage)}
            return {place: _diagnosis(told, there, stage, few) for place, there in (failing | too).items()}
    return _alike(failing, passing, few) or _two(first, failing, passing, few)


@dataclass(frozen=True)
class _Told:
    """A hypothesis that explains some cases, and how sure it is."""

    hypothesis: Hypothesis
    sure: float


def _common(
    first: _Candidates, failing: dict[int, _Candidates], passing: list[_Candidates], stage: int
) -> _Told | None:
    """The first mistake of a stage that explains all these cases, and is not contradicted."""
    matching = [
        hypothesis
        for hypothesis in first.of(stage)
        if first.suspect.matches(hypothesis.predicted)
        and all(other is first or other.agrees(hypothesis, stage) for other in failing.values())
        and not any(other.agrees(hypothesis, stage) is False for other in passing)
    ]
    if not matching:
        return None
    rivals = {h.mistake for h in matching} - {matching[0].mistake} - VAGUE if stage in RIVALS else ()
    return _Told(matching[0], matching[0].prior - min(0.3, 0.15 * len(rivals)))


def _diagnosis(told: _Told, there: _Candidates, stage: int, few: float) -> Diagnosis:
    sure = round(max(0.05, told.sure - few), 2)
    return Diagnosis(told.hypothesis.mistake, _words(told.hypothesis, there, stage), sure)


def _alike(failing: dict[int, _Candidates], passing: list[_Candidates], few: float) -> dict[int, Diagnosis]:
    """Mistakes of one kind, where each case has one; the cases may be graphs of different shapes."""
    matching = [there.matching() for there in failing.values()]
    kinds = [h.mistake for h in matching[0][1]]
    kind = next(
        (k for k in kinds if all(any(h.mistake is k for h in fitting) for _, fitting in matching)), None
    )
    if kind is None or kind in VAGUE or len(failing) < 2:
        return {}
    chosen = [next(h for h in fitting if h.mistake is kind) for _, fitting in matching]
    stages = [stage for stage, _ in matching]
    if any(
        other.agrees(h, stage) is False for other in passing for h, stage in zip(chosen, stages, strict=True)
    ):
        return {}
    return {
        place: Diagnosis(kind, h.what, round(max(0.05, h.prior - 0.05 - few), 2))
        for place, h in zip(failing, chosen, strict=True)
    }


def _two(
    first: _Candidates, failing: dict[int, _Candidates], passing: list[_Candidates], few: float
) -> dict[int, Diagnosis]:
    """Two mistakes of which each case shows one, or both at once."""
    stage, matching = first.matching()
    for hypothesis in matching:
        rest = {
            place: there
            for place, there in failing.items()
            if there is not first and not there.agrees(hypothesis, stage)
        }
        if not rest or any(other.agrees(hypothesis, stage) is False for other in passing):
            continue
        other = max(rest.values(), key=lambda candidates: candidates.suspect.weight)
        for second in range(len(STAGES)):
            if told := _common(other, rest, passing, second):
                one, less = _Told(hypothesis, hypothesis.prior), few + LESS_OF_TWO
                return {
                    place: _diagnosis(told, there, second, less)
                    if place in rest
                    else _diagnosis(one, there, stage, less)
                    for place, there in failing.items()
                }
    return {}


def _words(told: Hypothesis, candidates: _Candidates, stage: int) -> str:
    """The clause as it is for that case: it may count the examples, say."""
    there = candidates.of(stage) if told.key else []
    fitting = [h.what for h in there if h.key == told.key and candidates.suspect.matches(h.predicted)]
    return told.what if told.what in fitting or not fitting else fitting[0]
