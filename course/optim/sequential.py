"""One learning-rate schedule after another, such as a warm-up and then a decay."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from course.optim.optimizer import Optimizer
from course.optim.schedule import Schedule, require_optimizer


class SequentialLR(Schedule):
    """η_t = the k-th schedule's rate(t − mₖ), from its milestone mₖ on; the first begins at 0.

    Only this one is stepped; those in it are read, in closed form.

    Raises:
        TypeError: a schedule that has no `rate`, such as ReduceLROnPlateau, which cannot know it ahead of
            time.
        ValueError: milestones that are not increasing or not one fewer than schedulers; schedulers of another
            optimizer.
    """

    formula = r"\eta_t = \eta^{(k)}_{t - m_k}, \quad m_k \le t < m_{k+1}"
    source = (
        "Goyal et al.: Accurate, large minibatch SGD: training ImageNet in 1 hour (2017), a warm-up "
        "and then steps"
    )

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[Schedule],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        for position, schedule in enumerate(schedulers):
            if not isinstance(schedule, Schedule) or type(schedule).rate is Schedule.rate:
                raise TypeError(
                    f"schedulers[{position}] is a {type(schedule).__name__}, which has no rate(epoch) to read"
                )
            if schedule.optimizer is not optimizer:
                raise ValueError(
                    f"schedulers[{position}] has another optimizer: give all of them the same one"
                )
        starts = [0, *milestones]
        if len(starts) != len(schedulers) or any(a >= b for a, b in pairwise(starts)):
            given = f"milestones={list(milestones)} for {len(schedulers)} schedulers"
            raise ValueError(f"{given}: expected one fewer than schedulers, above 0 and increasing")
        self.schedulers, self.milestones = list(schedulers), tuple(milestones)
        if last_epoch < 0 and optimizer.initial_lr is not None:
            optimizer.lr = optimizer.initial_lr  # as it was before the schedules in here began
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        turn = bisect_right(self.milestones, epoch)
        return self.schedulers[turn].rate(epoch - (self.milestones[turn - 1] if turn else 0))

    def state_dict(self) -> dict[str, Any]:
        """As every schedule's, with the states of those in it."""
        return {**super().state_dict(), "schedulers": [schedule.state_dict() for schedule in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As every schedule's, for those in it too.

        Raises:
            KeyError: something is missing or unknown.
            ValueError: another number of schedules; nothing is changed.
        """
        inner = state.get("schedulers", [])
        if len(inner) != len(self.schedulers):
            raise ValueError(f"the state holds {len(inner)} schedules, there are {len(self.schedulers)}")
        schedulers = self.schedulers
        super().load_state_dict(state)
        self.schedulers = schedulers
        for schedule, its_state in zip(schedulers, inner, strict=True):
            schedule.load_state_dict(its_state)
