"""Schedules that move rate and momentum against each other: CyclicLR, OneCycleLR."""

import math
from collections.abc import Callable

from ...geometry import choice, integer, value_error
from .base import LRScheduler, per_group


class _Cycling(LRScheduler):
    # Momentum, or the first beta, of every group for `cycle_momentum`.
    def _setup_momentum(self, cycle_momentum: bool, base_momentum, max_momentum, last_epoch: int) -> None:
        name = type(self).__name__
        self.cycle_momentum = cycle_momentum
        if not cycle_momentum:
            return
        if not {"momentum", "betas"} & set(self.optimizer.defaults):
            raise value_error(name, "cycle_momentum", "is True", "an optimizer with momentum or betas")
        self.base_momentums = per_group(name, "base_momentum", self.optimizer, base_momentum)
        self.max_momentums = per_group(name, "max_momentum", self.optimizer, max_momentum)
        if last_epoch == -1:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True
            ):
                group["base_momentum"], group["max_momentum"] = low, high
                _set_momentum(group, high)


def _set_momentum(group: dict, value: float) -> None:
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class CyclicLR(_Cycling):
    """The rate rises from base_lr to max_lr over step_size_up steps and falls back over step_size_down.

    mode: 'triangular', 'triangular2' (halves the height each cycle), 'exp_range' (height times gamma^t); or
    scale_fn of the cycle or, when scale_mode is 'iterations', of the step. `cycle_momentum` moves momentum
    the other way.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.CyclicLR(optimizer, 0.1, 1.0, step_size_up=6, cycle_momentum=False)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.55
    """

    def __init__(
        self,
        optimizer,
        base_lr,
        max_lr,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum=0.8,
        max_momentum=0.9,
        last_epoch: int = -1,
    ):
        if scale_fn is None:
            choice("CyclicLR", "mode", mode, ("triangular", "triangular2", "exp_range"))
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.optimizer = optimizer
        lowest = per_group("CyclicLR", "base_lr", optimizer, base_lr)
        self.max_lrs = per_group("CyclicLR", "max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, lowest, strict=True):
                group["lr"] = lr
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self._setup_momentum(cycle_momentum, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def _scale(self, x: float) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(x)
        return {"triangular": 1.0, "triangular2": 2.0 ** (1 - x), "exp_range": self.gamma**x}[self.mode]

    def _next(self, group, base, t):
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self._scale(cycle if self.scale_mode == "cycle" else t)
        if self.cycle_momentum:
            _set_momentum(
                group, group["max_momentum"] - (group["max_momentum"] - group["base_momentum"]) * height
            )
        highest = self.max_lrs[[g is group for g in self.optimizer.param_groups].index(True)]
        return base + (highest - base) * height

    _first = _restart = _next


class OneCycleLR(_Cycling):
    """The rate rises from max_lr / div_factor to max_lr, then falls to a final_div_factor-th of that.

    The rise takes pct_start of total_steps (or epochs · steps_per_epoch), and so does the fall back to the
    start when three_phase. anneal_strategy is 'cos' or 'linear'. `cycle_momentum` moves momentum the other
    way.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=10, cycle_momentum=False)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.9505
    """

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise value_error("OneCycleLR", "total_steps", "is None", "it, or epochs and steps_per_epoch")
            total_steps = integer("OneCycleLR", "epochs", epochs, 1) * steps_per_epoch
        self.total_steps = integer("OneCycleLR", "total_steps", total_steps, 1)
        if not 0 <= pct_start <= 1:
            raise value_error("OneCycleLR", "pct_start", f"is {pct_start}", "a number from 0 to 1")
        self.anneal_strategy = choice("OneCycleLR", "anneal_strategy", anneal_strategy, ("cos", "linear"))
        rise, last = float(pct_start * self.total_steps) - 1, self.total_steps - 1
        # (last step, rate from, to, momentum from, to)
        self.phases = [(rise, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            fall = float(2 * pct_start * self.total_steps) - 2
            self.phases += [
                (fall, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                (last, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self.phases += [(last, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        self.optimizer = optimizer
        if last_epoch == -1:
            highest = per_group("OneCycleLR", "max_lr", optimizer, max_lr)
            for group, high in zip(optimizer.param_groups, highest, strict=True):
                group["max_lr"], group["initial_lr"] = high, high / div_factor
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self._setup_momentum(cycle_momentum, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)

    def _next(self, group, base, t):
        if t > self.total_steps:
            raise value_error("OneCycleLR", "step", f"is called {t} times", f"{self.total_steps} at most")
        begin = 0.0
        for phase in self.phases:
            end, lr_from, lr_to, momentum_from, momentum_to = phase
            if t <= end or phase is self.phases[-1]:
                break
            begin = end
        share = (t - begin) / (end - begin) if end > begin else 1.0
        if self.cycle_momentum:
            _set_momentum(group, self._between(group[momentum_from], group[momentum_to], share))
        return self._between(group[lr_from], group[lr_to], share)

    _first = _restart = _next
