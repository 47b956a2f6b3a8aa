"""Largest and smallest values of windows: maximum_filter, minimum_filter, and along one axis."""

import warnings
from collections.abc import Iterable

import numpy as np

from ... import ops
from .._extend import extend, mode_name
from .._slide import by_axis, merge, slide_merged, together, turn
from .arguments import (
    Output,
    axes_of,
    axis_of,
    cast,
    expanded,
    one_for_each,
    origins_of,
    real_dtype,
    real_number,
    window_before,
)

MAX = (np.maximum, (None, ops.max_pool1d, ops.max_pool2d, ops.max_pool3d))
MIN = (np.minimum, (None, ops.min_pool1d, ops.min_pool2d, ops.min_pool3d))


def exact_floats(input, cval):
    """The image as floats that hold each of its values (and cval), as far as SciPy's own doubles do."""
    short = input.dtype.itemsize <= 2 or input.dtype.kind == "f"
    single = short and input.dtype.itemsize <= 4 and float(np.float32(cval)) == cval
    return input.astype(np.float32 if single else np.float64, copy=False)


# Under reflect, mirror and nearest a window that reaches out of the image sees there only what it also sees inside,
# if it reaches as far to the inside.
def sees_nothing_new(shape, window, before, modes):
    return all(
        size == 1 or (mode in ("reflect", "mirror", "nearest") and 2 * b == size - 1 and b < n)
        for n, size, b, mode in zip(shape, window, before, modes)
    )


def extremes(x, window, before, modes, cval, kind):
    """The extreme of each window over at most three groups of axes."""
    extents = [size for _, size in merge(x.shape, window)[1:]] or [1]

    def run(part, padding, turned=False):
        return kind[1][part.ndim - 1](part[:, None], turn(extents, turned), 1, tuple(padding))[:, 0]

    harmless = sees_nothing_new(x.shape, window, before, modes)
    return slide_merged(x, window, [-b for b in before], x.shape, modes, cval, run, harmless)


def box_filter(input, steps, dtype, cval, kind):
    """Over boxes. steps: [(axis, size, before, mode)]; cut to `dtype` after each axis where that matters."""
    real_dtype(input.dtype), real_dtype(dtype)
    cval = real_number(cval)
    if not input.size:
        return np.empty(input.shape, dtype)
    exact = np.can_cast(input.dtype, dtype) and cval == cast(np.array(cval), dtype)
    for window, before, modes in together(steps, input.shape) if exact else by_axis(steps, input.shape):
        input = cast(extremes(exact_floats(input, cval), window, before, modes, cval, kind), dtype)
    return cast(input, dtype)


def footprint_filter(input, footprint, before, mode, dtype, cval, kind):
    """Over the cells of a footprint: one pooling along the last axis for each length of its runs, then their places."""
    real_dtype(input.dtype), real_dtype(dtype)
    cval = float(cast(np.array(real_number(cval)), input.dtype))
    if not input.size:
        return np.empty(input.shape, dtype)
    x, rank = exact_floats(input, cval), input.ndim
    starts = [-b for b in before]
    stops = [n - b + size - 1 for n, b, size in zip(x.shape, before, footprint.shape)]
    wide = extend(x, starts, stops, [mode] * rank, cval)
    pooled, result = {1: wide}, None
    for place, length in runs(footprint):
        if length not in pooled:
            shape = (*wide.shape[:-1], wide.shape[-1] - length + 1)
            line = kind[1][1](wide.reshape(-1, 1, wide.shape[-1]), length, 1)
            pooled[length] = line.reshape(shape)
        part = pooled[length][tuple(slice(o, o + n) for o, n in zip(place, x.shape))]
        result = part.copy() if result is None else kind[0](result, part, out=result)
    return cast(result, dtype)


def runs(footprint):
    """((index of its first cell), length) of each run of true cells along the last axis."""
    for row in np.ndindex(footprint.shape[:-1]):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], footprint[row], [False])).astype(np.int8)))
        for first, end in zip(edges[::2], edges[1::2]):
            yield (*row, int(first)), int(end - first)


def extreme_filter(input, size, footprint, output, mode, cval, origin, axes, kind):
    if size is not None and footprint is not None:
        warnings.warn("ignoring size because footprint is set", UserWarning, stacklevel=3)
    if footprint is not None:
        footprint = np.asarray(footprint, bool)
        if not footprint.any():
            raise ValueError("All-zero footprint is not supported.")
        if footprint.all():
            size, footprint = footprint.shape, None
    elif size is None:
        raise RuntimeError("no footprint provided")
    input = np.asarray(input)
    if input.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    target = Output(output, input)
    axes = axes_of(axes, input.ndim)
    if footprint is None:
        origins, sizes, modes = (one_for_each(value, len(axes)) for value in (origin, size, mode))
        steps = [
            (axis, *window_before(int(size), origin), mode_name(mode))
            for axis, size, origin, mode in zip(axes, sizes, origins, modes)
            if size > 1
        ]
        if not steps:
            return target.give_input()
        return target.give(box_filter(input, steps, target.between, cval, kind))
    footprint = expanded(footprint, "footprint", axes, input.ndim)
    before = origins_of(origin, axes, footprint.shape)
    if not isinstance(mode, str) and isinstance(mode, Iterable):
        raise RuntimeError("A sequence of modes is not supported for non-separable footprints")
    return target.give(footprint_filter(input, footprint, before, mode_name(mode), target.dtype, cval, kind))


def extreme_filter1d(input, size, axis, output, mode, cval, origin, kind):
    input = np.asarray(input)
    if input.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    axis = axis_of(axis, input.ndim)
    if size < 1:
        raise RuntimeError("incorrect filter size")
    target = Output(output, input)
    steps = [(axis, *window_before(size, origin), mode_name(mode))]
    return target.give(box_filter(input, steps, target.dtype, cval, kind))


def maximum_filter(input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """The largest value in a box or footprint, as scipy.ndimage.maximum_filter; NaN spreads over its windows.

    Over a box the time hardly depends on its size. footprint: booleans, over all axes or `axes`; size: one, or one for
    each axis; mode and origin likewise for boxes; output: an array or a dtype. Raises what SciPy raises.

    >>> from fastconv.compat import ndimage
    >>> ndimage.maximum_filter([[3, 2, 5], [7, 6, 9]], footprint=[[0, 1], [1, 0]])
    array([[3, 3, 5],
           [7, 7, 6]])
    """
    return extreme_filter(input, size, footprint, output, mode, cval, origin, axes, MAX)


def minimum_filter(input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """The smallest value in a box or footprint, as scipy.ndimage.minimum_filter; arguments as in maximum_filter.

    >>> from fastconv.compat import ndimage
    >>> ndimage.minimum_filter([[3, 2, 5], [7, 6, 9]], 2)
    array([[3, 2, 2],
           [3, 2, 2]])
    """
    return extreme_filter(input, size, footprint, output, mode, cval, origin, axes, MIN)


def maximum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """The largest of `size` values along one axis, as scipy.ndimage.maximum_filter1d.

    >>> from fastconv.compat import ndimage
    >>> ndimage.maximum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3)
    array([8, 8, 8, 4, 9, 9, 9, 9])
    """
    return extreme_filter1d(input, size, axis, output, mode, cval, origin, MAX)


def minimum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """The smallest of `size` values along one axis, as scipy.ndimage.minimum_filter1d.

    >>> from fastconv.compat import ndimage
    >>> ndimage.minimum_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3)
    array([2, 0, 0, 0, 1, 1, 0, 0])
    """
    return extreme_filter1d(input, size, axis, output, mode, cval, origin, MIN)
