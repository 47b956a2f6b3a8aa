"""Correlation of real float arrays of any rank: result[m] = sum over j of x[m + starts + j] * weights[j]."""

import math

import numpy as np

from .. import ops
from ..ops.correlate import AxisTaps, correlate_axes, correlate_planes
from ._extend import extend, source_cells
from ._slide import merge, slide_merged

CONVOLUTIONS = (None, ops.conv1d, ops.conv2d, ops.conv3d)

# A pass over memory costs about as much as this many taps.
TAPS_OF_A_PASS = 12
SMALL_KERNEL = 13  # rows and columns; larger ones take fewer multiply-adds as convolutions
BLOCK = 1 << 14  # cells of a block whose temporaries stay in the cache


def rank_one(weights):
    """Vectors whose outer product is `weights` to its own precision, one for each axis; None if there are none.

    Of integers they are integers, so that sums of integers stay exact."""
    largest = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    top = weights[largest]
    if top == 0 or not np.isfinite(weights).all():
        return None
    whole = abs(top) < 2**53 and (weights == np.rint(weights)).all()
    factors = []
    for axis in range(weights.ndim):
        index = list(largest)
        index[axis] = slice(None)
        vector = weights[tuple(index)]
        if axis:
            unit = np.gcd.reduce(vector.astype(np.int64)).astype(weights.dtype) if whole else top
            factors[0] = factors[0] / (top / unit)
            vector = vector / unit
        factors.append(vector)
    product = factors[0]
    for vector in factors[1:]:
        product = np.multiply.outer(product, vector)
    close = np.abs(product - weights) <= 4 * np.finfo(weights.dtype).eps * np.abs(weights)
    return factors if close.all() else None


def taps_along(axis, taps, n, start, extent, mode, cval=0.0, weights=None, divisor=1.0):
    """The taps of an axis of n cells, in one of MODES' values."""
    cells = source_cells(mode, start, start + extent + taps - 1, n)
    return AxisTaps(axis, taps, start, cells, float(cval) if mode == "constant" else 0.0, weights, divisor)


def along(axis, vector, n, start, extent, mode, cval=0.0, divisor=1.0):
    """The same with a vector of weights, for correlate_axes()."""
    return taps_along(axis, vector.size, n, start, extent, mode, cval, vector, divisor)


def correlate(x, weights, starts, shape, modes, cval=0.0):
    """x and weights of one dtype, float32 or float64, and one rank; modes: one for each axis, as in MODES' values.

    And whether the result is finite, or None where that was not seen on the way."""
    if not x.size or not math.prod(shape):
        return np.zeros(shape, x.dtype), True
    active = [axis for axis, size in enumerate(weights.shape) if size > 1]
    if not active:
        return np.multiply(x, weights.item(), dtype=x.dtype), None
    factors = None
    if len(active) == 1:
        factors = {active[0]: weights.ravel()}
    else:
        passes = len(active) - (active[-2:] == [x.ndim - 2, x.ndim - 1])
        if weights.size > sum(weights.shape[axis] for axis in active) + TAPS_OF_A_PASS * (passes - 1):
            vectors = rank_one(weights)
            factors = vectors and dict(enumerate(vectors))
    if factors is None and active == [x.ndim - 2, x.ndim - 1] and max(weights.shape) <= SMALL_KERNEL:
        lines = [
            taps_along(axis, weights.shape[axis], x.shape[axis], starts[axis], shape[axis], modes[axis], cval)
            for axis in active
        ]
        return correlate_planes(x, weights.reshape(weights.shape[-2:]), *lines)
    if factors is None:
        return correlate_kernels(x, weights[None], starts, shape, modes, cval)[0], None
    steps = []
    for axis, vector in factors.items():
        steps.append(along(axis, vector, x.shape[axis], starts[axis], shape[axis], modes[axis], cval))
        # Beyond the edges of a constant, sums along an axis are those of the constant.
        cval = cval * float(vector.sum(dtype=np.float64))
    return correlate_axes(x, steps)


def correlate_kernels(x, kernels, starts, shape, modes, cval):
    """Correlations with all of `kernels` (K, *window), none of them taken apart: (K, *shape)."""
    window = kernels.shape[1:]
    groups = merge(x.shape, window)
    if len(groups) > 4:
        axis = next(axis for axis, size in enumerate(window) if size > 1)
        return np.stack([correlate_by_slices(x, w, starts, shape, modes, cval, axis) for w in kernels])
    harmless = cval == 0 and all(modes[axis] == "constant" for axis, size in enumerate(window) if size > 1)

    def run(part, padding, turned=False):
        kernel = kernels.reshape((len(kernels), 1, *([size for _, size in groups[1:]] or [1])))
        kernel = kernel.swapaxes(-1, -2) if turned else kernel
        return np.moveaxis(CONVOLUTIONS[part.ndim - 1](part[:, None], kernel, padding=tuple(padding)), 1, 0)

    return slide_merged(x, window, starts, shape, modes, cval, run, harmless)


def correlate_by_slices(x, weights, starts, shape, modes, cval, axis):
    """More axes than the kernels have: one correlation for each tap along the first of them."""
    axes = range(x.ndim)
    whole = [shape[a] if a == axis else x.shape[a] for a in axes]
    begin = [starts[a] if a == axis else 0 for a in axes]
    stops = [begin[a] + whole[a] + (weights.shape[a] - 1 if a == axis else 0) for a in axes]
    x = extend(x, begin, stops, modes, cval)
    begin = [0 if a == axis else starts[a] for a in axes]
    total = np.zeros(shape, x.dtype)
    for tap in range(weights.shape[axis]):
        at = (slice(None),) * axis
        part = x[(*at, slice(tap, tap + shape[axis]))]
        total += correlate(part, weights[(*at, slice(tap, tap + 1))], begin, shape, modes, cval)[0]
    return total


def correlate_in_order(x, terms, shape, cells=None):
    """A correlation in float64, term after term and each rounded: all of it, or the chosen `cells` (a boolean mask).

    x: float64, extended so that offsets count from the first cell of a window. terms: [(weight, offset, other, sign)],
    which add weight * x[offset], or with another offset weight * (x[offset] + sign * x[other])."""
    if cells is not None:
        steps = np.array(x.strides) // x.itemsize
        base, flat = steps @ np.nonzero(cells), x.ravel()
        return add_terms(terms, lambda offset: flat[base + steps @ offset])
    result = np.empty(shape)
    rows = max(1, BLOCK // max(1, math.prod(shape[1:])))
    for row in range(0, shape[0], rows):
        block = result[row : row + rows]

        def at(offset, row=row, block=block):
            first, *rest = offset
            inner = (slice(o, o + n) for o, n in zip(rest, shape[1:]))
            return x[(slice(row + first, row + first + len(block)), *inner)]

        block[...] = add_terms(terms, at)
    return result


def add_terms(terms, at):
    total = 0.0
    for weight, offset, other, sign in terms:
        value = at(offset)
        if other is not None:
            value = value + at(other) if sign > 0 else value - at(other)
        total = total + value * weight
    return total
