"""Correlation with vectors along axes, one axis after another; neighbouring axes in one pass over memory."""

import math
from typing import NamedTuple

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, contiguous, ndarray


class AxisWeights(NamedTuple):
    """Weights along an axis: result[m] = sum over j of weights[j] * x[cells[m + j]], a cell of -1 being `constant`.

    cells: int64, one less than results and weights together; start: the first of them, were there no edges. The sums
    are divided by `divisor`."""

    axis: int
    weights: ndarray
    start: int
    cells: ndarray
    constant: float
    divisor: float = 1.0

    @property
    def extent(self) -> int:
        return len(self.cells) - len(self.weights) + 1


def correlate_axes(x: ndarray, steps: list[AxisWeights]) -> tuple[ndarray, bool]:
    """x, not empty, with each step's weights along its axis, all different; and whether the result is finite."""
    if all(step.constant == 0 for step in steps):  # else cells beyond two edges depend on the order
        steps = sorted(steps)
    finite = True
    while steps:
        together = 2 if [step.axis for step in steps[:2]] == [x.ndim - 2, x.ndim - 1] else 1
        x, finite = _correlate_planes(contiguous(x), steps[:together])
        steps = steps[together:]
    return x, finite


def _correlate_planes(x: ndarray, steps: list[AxisWeights]) -> tuple[ndarray, bool]:
    """Along one axis, or along the last two: planes of rows and columns, of which one may have no weights."""
    axis, rank = steps[0].axis, x.ndim
    rows, columns = (steps[0], steps[1] if len(steps) == 2 else None) if axis < rank - 1 else (None, steps[0])
    outer = math.prod(x.shape[:axis]) if rows else 1
    height = x.shape[axis] if rows else math.prod(x.shape[:-1])
    width = x.shape[-1] if columns else math.prod(x.shape[axis + 1 :])
    shape = list(x.shape)
    for step in steps:
        shape[step.axis] = step.extent
    y = allocate("correlate_axes", tuple(shape), x.dtype)
    weights = [step and np.ascontiguousarray(step.weights, x.dtype) for step in (rows, columns)]
    return y, _core.separable(outer, _line(rows, height), _line(columns, width), x, *weights, y)


def _line(step: AxisWeights | None, extent: int) -> tuple[int, int, int, ndarray | None, float, float]:
    if step is None:
        return extent, extent, 0, None, 0.0, 1.0
    return extent, step.extent, step.start, step.cells, step.constant, step.divisor


def all_finite(x: ndarray) -> bool:
    """Whether no element of an array of floats is infinite or NaN."""
    return _core.all_finite(contiguous(x))
