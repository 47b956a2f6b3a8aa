"""Means over windows: uniform_filter and uniform_filter1d."""

import numpy as np

from ... import ops
from ...ops.correlate import all_finite, correlate_axes
from .._correlate import along
from .._extend import extend, mode_name
from .._slide import by_axis, merge, slide_merged, together, turn
from .arguments import Output, axes_of, axis_of, cast, one_for_each, real_dtype, real_number, window_before
from .linear import compute_dtype, in_floats
from .missing import with_policy

FEW = 31  # cells of a line that are summed sooner one by one than by what windows share

POOLS = (None, ops.avg_pool1d, ops.avg_pool2d, ops.avg_pool3d)


def means(x, window, before, modes, cval):
    """The mean of each window over at most three groups of axes."""
    extents = [size for _, size in merge(x.shape, window)[1:]] or [1]
    harmless = cval == 0 and all(mode == "constant" for mode, size in zip(modes, window) if size > 1)

    def run(part, padding, turned=False):
        return POOLS[part.ndim - 1](part[:, None], turn(extents, turned), 1, tuple(padding))[:, 0]

    starts = [-b for b in before]
    return slide_merged(x, window, starts, x.shape, modes, cval, run, harmless)


# SciPy adds what enters a window and subtracts what leaves it, so NaN stays to the end of the line, and so does an
# infinity, as NaN, once it has left.
def smear(mean, x, axis, size, before, mode, cval):
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = -before, x.shape[axis] - before - 1
    modes = [mode] * x.ndim
    left = ~np.isfinite(extend(x, starts, stops, modes, cval))
    lost = np.isnan(mean)
    later = (slice(None),) * axis + (slice(1, None),)
    lost[later] |= left
    mean[np.logical_or.accumulate(lost, axis=axis)] = np.nan


def mean_filter(input, steps, dtype, cval):
    """Means over boxes: one axis after another, each result cut to `dtype` as SciPy's is, or in float32 all at once."""
    real_dtype(input.dtype), real_dtype(dtype)
    cval = real_number(cval)
    if not input.size:
        return np.empty(input.shape, dtype)
    if in_floats(input, dtype) and max(size for _, size, _, _ in steps) <= FEW:
        lines = [
            along(axis, np.ones(size), input.shape[axis], -before, input.shape[axis], mode, cval, size)
            for axis, size, before, mode in steps
        ]
        mean, finite = correlate_axes(input.astype(dtype, copy=False), lines)
        if finite:
            return mean
    with np.errstate(all="ignore"):
        boxes = together(steps, input.shape)
        if compute_dtype(input, dtype) == np.float32 and len(boxes) == 1 < len(steps):
            mean = means(input.astype(np.float32, copy=False), *boxes[0], cval)
            if all_finite(mean):
                return cast(mean, dtype)
        for (axis, size, before, mode), box in zip(steps, by_axis(steps, input.shape)):
            mean = means(input.astype(compute_dtype(input, dtype), copy=False), *box, cval)
            if not all_finite(mean):
                wide = input.astype(np.float64)
                mean = means(wide, *box, cval)
                smear(mean, wide, axis, size, before, mode, cval)
            input = cast(mean, dtype)
    return cast(input, dtype)


def filtered(input, output, steps, cval, nan_policy):
    is_complex = input.dtype.kind == "c"
    target = Output(output, input, is_complex)

    def real(image, weights, dtype, cval):
        return mean_filter(image, steps, dtype, cval)

    if nan_policy != "propagate":
        real = with_policy(real, nan_policy)
    if not steps:
        return target.give_input()
    if not is_complex:
        return target.give(real(input, 1.0, target.between, cval))
    result = np.empty(input.shape, target.dtype)
    result.real = real(input.real, 1.0, result.real.dtype, np.real(cval))
    result.imag = real(input.imag, 1.0, result.real.dtype, np.imag(cval))
    return target.give(result)


def uniform_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0, *, nan_policy="propagate"):
    """The mean of `size` cells along one axis, as scipy.ndimage.uniform_filter1d.

    result[m] = mean of input[m - size // 2 - origin + j] over 0 <= j < size. Arguments and errors as in
    uniform_filter; a size below 1 is a RuntimeError.

    >>> from fastconv.compat import ndimage
    >>> ndimage.uniform_filter1d([2, 8, 0, 4, 1, 9, 9, 0], size=3)
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    input = np.asarray(input)
    axis = axis_of(axis, input.ndim)
    if size < 1:
        raise RuntimeError("incorrect filter size")
    steps = [(axis, *window_before(size, origin), mode_name(mode))]
    return filtered(input, output, steps, cval, nan_policy)


def uniform_filter(
    input, size=3, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None, nan_policy="propagate"
):
    """The mean over a box, as scipy.ndimage.uniform_filter; the time does not depend on the size.

    size, mode, origin: one value, or one for each axis (of `axes`); boundary modes as in correlate; output: an array
    or a dtype. Each axis is filtered in turn and its result cut to the output's type, as in SciPy. nan_policy: see
    fastconv.compat.ndimage. Raises RuntimeError and ValueError where SciPy does.

    >>> from fastconv.compat import ndimage
    >>> ndimage.uniform_filter([[4, 8, 12], [16, 20, 24]], 2)
    array([[ 4,  6, 10],
           [10, 12, 16]])
    """
    input = np.asarray(input)
    axes = axes_of(axes, input.ndim)
    sizes, origins, modes = (one_for_each(value, len(axes)) for value in (size, origin, mode))
    steps = [
        (axis, *window_before(int(size), origin), mode_name(mode))
        for axis, size, origin, mode in zip(axes, sizes, origins, modes)
        if size > 1
    ]
    return filtered(input, output, steps, cval, nan_policy)
