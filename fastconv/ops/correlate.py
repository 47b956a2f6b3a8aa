"""Correlation of arrays continued beyond their edges: with vectors along axes, or with small kernels over planes."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, contiguous, ndarray


class AxisTaps(NamedTuple):
    """What falls under the taps of an axis: tap j of result m on x[cells[m + j]], a cell of -1 being `constant`.

    cells: int64, one less than results and taps together; start: the first of them, were there no edges. Along a vector
    of `weights` sums are divided by `divisor`."""

    axis: int
    taps: int
    start: int
    cells: ndarray
    constant: float = 0.0
    weights: ndarray | None = None
    divisor: float = 1.0

    @property
    def extent(self) -> int:
        return len(self.cells) - self.taps + 1


def correlate_axes(x: ndarray, steps: list[AxisTaps]) -> tuple[ndarray, bool]:
    """x, not empty, with each step's weights along its axis, all different; and whether the result is finite.

    Along the last two axes it is one pass over memory."""
    if all(step.constant == 0 for step in steps):  # else cells beyond two edges depend on the order
        steps = sorted(steps, key=lambda step: step.axis)
    finite = True
    while steps:
        together = 2 if [step.axis for step in steps[:2]] == [x.ndim - 2, x.ndim - 1] else 1
        x, finite = _correlate(contiguous(x), steps[:together])
        steps = steps[together:]
    return x, finite


def correlate_planes(x: ndarray, kernel: ndarray, rows: AxisTaps, columns: AxisTaps) -> tuple[ndarray, bool]:
    """x, not empty, with a kernel of few taps (R, S) over its last two axes; and whether the result is finite."""
    return _correlate(contiguous(x), [rows, columns], np.ascontiguousarray(kernel, x.dtype))


def correlate_spectra(
    x: ndarray, kernel: ndarray, rows: AxisTaps, columns: AxisTaps, length: int
) -> tuple[ndarray, bool]:
    """The same by Fourier transforms of columns of `length` cells, a power of two that is at least the kernel's rows.

    If the result is not finite, cells in the neighbourhood of those can be spoilt that are finite by direct sums."""
    order, roots = _roots(length, x.dtype)
    spectrum = np.fft.fft(kernel.astype(np.float64), length, 0)[order] / length
    return _correlate(contiguous(x), [rows, columns], _parts(spectrum.conj(), x.dtype), roots)


@cache
def _roots(length: int, dtype: np.dtype) -> tuple[ndarray, ndarray]:
    """The numbers below a power of two in the order of their bits reversed, and powers of exp(-2 pi i / length)."""
    order = np.zeros(1, int)
    while len(order) < length:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order, _parts(np.exp(-2j * np.pi / length * np.arange(length)), dtype)


def _parts(array: ndarray, dtype: np.dtype) -> ndarray:
    """Complex numbers as real and imaginary parts along a second axis."""
    return np.stack([array.real, array.imag], 1).astype(dtype, copy=False)


def _correlate(
    x: ndarray, steps: list[AxisTaps], kernel: ndarray | None = None, roots: ndarray | None = None
) -> tuple[ndarray, bool]:
    """Along one axis, or along the last two: planes of rows and columns, of which one may have no taps."""
    axis, rank = steps[0].axis, x.ndim
    rows, columns = (steps[0], steps[1] if len(steps) == 2 else None) if axis < rank - 1 else (None, steps[0])
    outer = math.prod(x.shape[:axis]) if rows else 1
    height = x.shape[axis] if rows else math.prod(x.shape[:-1])
    width = x.shape[-1] if columns else math.prod(x.shape[axis + 1 :])
    shape = list(x.shape)
    for step in steps:
        shape[step.axis] = step.extent
    y = allocate("correlate", tuple(shape), x.dtype)
    vectors = [
        None if step is None or step.weights is None else np.ascontiguousarray(step.weights, x.dtype)
        for step in (rows, columns)
    ]
    return y, _core.correlate(outer, _line(rows, height), _line(columns, width), x, kernel, roots, *vectors, y)


def _line(step: AxisTaps | None, extent: int) -> tuple[int, int, int, int, ndarray | None, float, float]:
    if step is None:
        return extent, extent, 1, 0, None, 0.0, 1.0
    return extent, step.extent, step.taps, step.start, step.cells, step.constant, step.divisor


def all_finite(x: ndarray) -> bool:
    """Whether no element of an array of floats is infinite or NaN."""
    return _core.all_finite(contiguous(x))
