"""Schedules one after another, several at once, and ReduceLROnPlateau, which follows a metric."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from ...geometry import choice, value_error
from .base import LRScheduler, per_group


class SequentialLR(LRScheduler):
    """One schedule after the other: schedulers[i] runs from milestones[i - 1] on.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> parts = [optim.lr_scheduler.ConstantLR(optimizer, 0.1, 2), optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]
    >>> schedule = optim.lr_scheduler.SequentialLR(optimizer, parts, [2])
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.9
    """

    def __init__(
        self, optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        if len(schedulers) != len(milestones) + 1 or not schedulers:
            came = f"has {len(milestones)} values for {len(schedulers)} schedulers"
            raise value_error("SequentialLR", "milestones", came, "one fewer than schedulers")
        if any(scheduler.optimizer is not optimizer for scheduler in schedulers):
            raise value_error("SequentialLR", "schedulers", "belong to another optimizer", "the same one")
        self.optimizer, self.schedulers, self.milestones = optimizer, list(schedulers), list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._rewind()
        first = self.schedulers[bisect_right(self.milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    # Undoes the first step that the constructors of the schedules made.
    def _rewind(self) -> None:
        for scheduler in self.schedulers:
            if isinstance(scheduler, SequentialLR):
                scheduler._rewind()
            else:
                scheduler.last_epoch -= 1

    def _begin(self):
        self.schedulers[bisect_right(self.milestones, 0)]._begin()

    def step(self) -> None:
        """Go on by one epoch."""
        self.last_epoch += 1
        number = bisect_right(self.milestones, self.last_epoch)
        scheduler = self.schedulers[number]
        if number and self.milestones[number - 1] == self.last_epoch:
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self):
        return {
            **super().state_dict(),
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
        }

    def load_state_dict(self, state):
        super().load_state_dict({key: value for key, value in state.items() if key != "schedulers"})
        for scheduler, own in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(own)


class ChainedScheduler(LRScheduler):
    """Several schedules of one optimiser that take every step together, as `torch.optim.lr_scheduler` has it.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> parts = [optim.lr_scheduler.StepLR(optimizer, 2), optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]
    >>> schedule = optim.lr_scheduler.ChainedScheduler(parts)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.0729
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer=None):
        if not schedulers:
            raise value_error("ChainedScheduler", "schedulers", "is empty", "one scheduler or more")
        self.optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        if any(scheduler.optimizer is not self.optimizer for scheduler in schedulers):
            raise value_error("ChainedScheduler", "schedulers", "belong to another optimizer", "the same one")
        self.schedulers = list(schedulers)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Go on by one epoch, in the order of the schedules."""
        for scheduler in self.schedulers:
            scheduler.step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self):
        """The states of all."""
        return {"schedulers": [scheduler.state_dict() for scheduler in self.schedulers]}

    def load_state_dict(self, state):
        """Take over what `state_dict` gave."""
        for scheduler, own in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(own)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by factor after more than patience epochs whose `step(metric)` was no better.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     schedule.step(1.0)
    >>> round(schedule.get_last_lr()[0], 4)
    0.1
    """

    def __init__(
        self,
        optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr=0.0,
        eps: float = 1e-8,
    ):
        if factor >= 1:
            raise value_error("ReduceLROnPlateau", "factor", f"is {factor}", "a number below 1")
        self.mode = choice("ReduceLROnPlateau", "mode", mode, ("min", "max"))
        self.threshold_mode = choice("ReduceLROnPlateau", "threshold_mode", threshold_mode, ("rel", "abs"))
        self.factor, self.patience, self.threshold, self.cooldown, self.eps = (
            factor,
            patience,
            threshold,
            cooldown,
            eps,
        )
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0
        super().__init__(optimizer)

    def _is_better(self, metric: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "abs":
            return sign * metric > sign * self.best + self.threshold
        return sign * metric > sign * self.best * (1 + sign * self.threshold)

    def step(self, metric: float) -> None:
        """Go on by one epoch whose result was `metric`."""
        self.last_epoch += 1
        if self._is_better(float(metric)):
            self.best, self.num_bad_epochs = float(metric), 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lower = max(group["lr"] * self.factor, lowest)
                group["lr"] = lower if group["lr"] - lower > self.eps else group["lr"]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
