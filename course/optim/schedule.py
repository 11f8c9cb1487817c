"""Schedule: what all learning-rate schedules share. Each of them adds one formula, `rate`, of the epoch."""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from course.optim.optimizer import Optimizer, require_names


class Schedule:
    """Sets ``optimizer.lr`` to `rate(epoch)`, at once to that of epoch 0.

    Then every `step()` sets it, once an epoch.

    A subclass writes `rate`, in closed form, with η₀ = `self.base`, the optimizer's learning rate before its
    first schedule. When something else has changed lr since the last step, by hand or as a second schedule on
    the same optimizer, `carried` says how the new lr follows from the one that is there, as in torch.

    Args:
        optimizer: whose lr is scheduled.
        last_epoch: the epoch before; −1 begins anew, any other goes on with an optimizer whose state was
            loaded.

    Raises:
        TypeError: the optimizer is not one of the course's.
        ValueError: a number outside its range, or `last_epoch` for an optimizer that never had a schedule.
    """

    formula: ClassVar[str] = ""
    """The learning rate of epoch t in LaTeX."""
    source: ClassVar[str] = ""
    """Where the schedule was described or made known."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = require_optimizer(optimizer)
        if optimizer.initial_lr is None:
            if last_epoch >= 0:
                cure = "load the optimizer's state first, or leave it at -1"
                raise ValueError(f"last_epoch={last_epoch}, but this optimizer never had a schedule: {cure}")
            optimizer.initial_lr = optimizer.lr
        self.base, self.last_epoch = optimizer.initial_lr, last_epoch
        self.scheduled = self.base if last_epoch < 0 else self.rate(last_epoch)
        self._advance()

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        raise NotImplementedError

    def carried(self, lr: float, before: float, after: float) -> float:
        """The next lr where something else has changed it: lr · rate(t) / rate(t − 1), a product.

        Args:
            lr: the learning rate as it is now.
            before, after: rate(t − 1) and rate(t).
        """
        return lr * after / before if before else after  # nothing can be multiplied out of a zero

    def step(self) -> None:
        """Go on to the next epoch."""
        self._advance()

    def _advance(self) -> None:
        self.last_epoch += 1
        before, self.scheduled = self.scheduled, self.rate(self.last_epoch)
        lr = self.optimizer.lr
        own = lr == before
        self.optimizer.lr = self.scheduled if own else self.carried(lr, before, self.scheduled)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the schedule's numbers (no functions) and the optimizer's lr, to go on from later."""
        left_out = ("optimizer", "schedulers", "lr_lambda")  # given to the constructor again
        numbers = {name: value for name, value in vars(self).items() if name not in left_out}
        return copy.deepcopy({**numbers, "lr": self.optimizer.lr})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of the same kind of schedule; sets the optimizer's lr too.

        Raises:
            KeyError: something is missing or unknown; nothing is changed.
        """
        require_names(type(self).__name__, self.state_dict().keys(), state.keys())
        numbers = copy.deepcopy(dict(state))
        self.optimizer.lr = numbers.pop("lr")
        vars(self).update(numbers)


def require_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer, if it is one of the course's."""
    if not isinstance(optimizer, Optimizer):
        kind = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}".removeprefix("builtins.")
        raise TypeError(f"a schedule sets the lr of an optimizer from course.optim, not of a {kind}")
    return optimizer
