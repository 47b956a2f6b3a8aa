"""LRScheduler: the base of learning-rate schedules.

A schedule is three rules, each giving a group's rate at step t: `_first` when it is made, `_next` from the
rate before, `_restart` when SequentialLR starts it at its milestone.
"""

from collections.abc import Callable
from typing import Any

from ...geometry import value_error
from ..optimizer import Optimizer


class LRScheduler:
    """Base of schedules: writes "lr" of every parameter group of `optimizer`.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.25
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        name = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{name}: optimizer is a {type(optimizer).__name__} (expected an Optimizer)")
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise value_error(
                    name, "last_epoch", f"is {last_epoch}", "-1, or 'initial_lr' in every group"
                )
        self.optimizer = optimizer
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _begin(self) -> None:
        self.last_epoch += 1
        self._apply(self._first)

    def step(self) -> None:
        """Go on by one epoch (or batch, whatever the schedule counts)."""
        self.last_epoch += 1
        self._apply(self._next)

    def restart(self) -> None:
        """Set the rates of step 0."""
        self.last_epoch = 0
        self._apply(self._restart)

    def _apply(self, rule: Callable) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = rule(group, base, self.last_epoch)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _first(self, group: dict, base: float, t: int) -> float:
        return group["lr"]

    def _next(self, group: dict, base: float, t: int) -> float:
        raise NotImplementedError

    def _restart(self, group: dict, base: float, t: int) -> float:
        return base

    def get_last_lr(self) -> list[float]:
        """The current rate of each group."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Numbers and lists that `load_state_dict` takes back; functions given by the user are not in it."""
        return {
            key: _copied(value)
            for key, value in vars(self).items()
            if key != "optimizer" and _is_plain(value)
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of an equal schedule."""
        vars(self).update({key: _copied(value) for key, value in state.items()})


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (bool, int, float, str))


def _copied(value: Any) -> Any:
    return [_copied(v) for v in value] if isinstance(value, (list, tuple)) else value


# One value for all groups, or a list of one a group.
def per_group(name: str, argument: str, optimizer: Optimizer, value) -> list:
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise value_error(name, argument, f"has {len(values)} values", f"{count}, one a group")
    return values
