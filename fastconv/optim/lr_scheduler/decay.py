"""Schedules that are a function of the step: steps, exponential, linear, polynomial, cosine, or your own."""

import math
from collections import Counter
from collections.abc import Sequence

from ...geometry import integer, value_error
from .base import LRScheduler, per_group


class StepLR(LRScheduler):
    """Multiplies the rate by gamma every step_size epochs.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.1
    """

    def __init__(self, optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = integer("StepLR", "step_size", step_size, 1), gamma
        super().__init__(optimizer, last_epoch)

    def _next(self, group, base, t):
        return group["lr"] * self.gamma if t % self.step_size == 0 else group["lr"]


class MultiStepLR(LRScheduler):
    """Multiplies the rate by gamma at each milestone (twice at one that is listed twice).

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.1
    """

    def __init__(self, optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def _next(self, group, base, t):
        return (
            group["lr"] * self.gamma ** Counter(self.milestones)[t] if t in self.milestones else group["lr"]
        )

    def _restart(self, group, base, t):
        return base * self.gamma ** self.milestones.count(0)


class ExponentialLR(LRScheduler):
    """Multiplies the rate by gamma every epoch.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.729
    """

    def __init__(self, optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _next(self, group, base, t):
        return group["lr"] * self.gamma


class ConstantLR(LRScheduler):
    """Multiplies the rate by factor until total_iters.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.ConstantLR(optimizer, 0.5)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.5
    """

    def __init__(self, optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 <= factor <= 1:
            raise value_error("ConstantLR", "factor", f"is {factor}", "a number from 0 to 1")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _first(self, group, base, t):
        return group["lr"] * self.factor if t == 0 else group["lr"]

    def _next(self, group, base, t):
        return group["lr"] / self.factor if t == self.total_iters else group["lr"]

    def _restart(self, group, base, t):
        return base * (self.factor if self.total_iters > 0 else 1)


class LinearLR(LRScheduler):
    """Moves the rate's factor linearly from start_factor to end_factor over total_iters: a warm-up.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=6)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.55
    """

    def __init__(
        self,
        optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1:
            raise value_error("LinearLR", "start_factor", f"is {start_factor}", "a number above 0, up to 1")
        if not 0 <= end_factor <= 1:
            raise value_error("LinearLR", "end_factor", f"is {end_factor}", "a number from 0 to 1")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _first(self, group, base, t):
        return group["lr"] * self.start_factor if t == 0 else group["lr"]

    def _next(self, group, base, t):
        if t > self.total_iters:
            return group["lr"]
        rise = self.end_factor - self.start_factor
        return group["lr"] * (1 + rise / (self.total_iters * self.start_factor + (t - 1) * rise))

    def _restart(self, group, base, t):
        return base * self.start_factor


class PolynomialLR(LRScheduler):
    """base · (1 - t / total_iters)^power, and 0 from then on.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.PolynomialLR(optimizer, 6)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.5
    """

    def __init__(self, optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = integer("PolynomialLR", "total_iters", total_iters, 1), power
        super().__init__(optimizer, last_epoch)

    def _next(self, group, base, t):
        if t > self.total_iters:
            return group["lr"]
        now, before = 1 - t / self.total_iters, 1 - (t - 1) / self.total_iters
        return group["lr"] * (now / before) ** self.power


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base - eta_min) (1 + cos(π t / T_max)) / 2 (Loshchilov and Hutter 2017).

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.5
    """

    def __init__(self, optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = integer("CosineAnnealingLR", "T_max", T_max, 1), eta_min
        super().__init__(optimizer, last_epoch)

    def _next(self, group, base, t):
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # leaves the minimum, where the ratio below is 0 / 0
            return group["lr"] + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return ratio * (group["lr"] - self.eta_min) + self.eta_min


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing over T_0 epochs, again over T_0 · T_mult, and so on (Loshchilov and Hutter 2017).

    `step(epoch)` takes a fraction of an epoch, for stepping after every batch.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    1.0
    """

    def __init__(self, optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        name = type(self).__name__
        self.T_0, self.T_mult = integer(name, "T_0", T_0, 1), integer(name, "T_mult", T_mult, 1)
        self.eta_min, self.T_i, self.T_cur = eta_min, self.T_0, last_epoch
        super().__init__(optimizer, last_epoch)

    def _begin(self):
        self.step(0 if self.last_epoch < 0 else None)

    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch, or to `epoch`."""
        if epoch is None:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise value_error(type(self).__name__, "epoch", f"is {epoch}", "0 or more")
            self.last_epoch = math.floor(epoch)
            self.T_cur, self.T_i = epoch, self.T_0
            if self.T_mult == 1:
                self.T_cur = epoch % self.T_0
            else:
                while self.T_cur >= self.T_i:
                    self.T_cur -= self.T_i
                    self.T_i *= self.T_mult
        self._apply(self._next)

    def restart(self):
        self.step(0)

    def _next(self, group, base, t):
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2


# A function of the step, or one a group.
class _Function(LRScheduler):
    def __init__(self, optimizer, lr_lambda, last_epoch: int = -1):
        self.lr_lambdas = per_group(type(self).__name__, "lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def _factor(self, group, t) -> float:
        return self.lr_lambdas[[g is group for g in self.optimizer.param_groups].index(True)](t)


class LambdaLR(_Function):
    """base · lr_lambda(t).

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

    def _next(self, group, base, t):
        return base * self._factor(group, t)

    _first = _restart = _next


class MultiplicativeLR(_Function):
    """Multiplies the rate by lr_lambda(t) every epoch.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.9)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.729
    """

    def _next(self, group, base, t):
        return group["lr"] * self._factor(group, t)

    _restart = _next
