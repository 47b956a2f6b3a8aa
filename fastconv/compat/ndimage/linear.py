"""correlate and convolve, of all axes or one: SciPy's arguments, our kernels."""

from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial

import numpy as np

from ...ops.correlate import all_finite, correlate_axes
from ...runtime import precision
from .._correlate import along, correlate_in_order, correlate_kernels
from .._correlate import correlate as correlate_floats
from .._extend import extend, mode_name
from .arguments import REAL, Output, axes_of, axis_of, cast, expanded, origins_of, real_dtype, real_number
from .missing import with_policy

EPS = np.finfo(np.float64).eps
LARGE = 1 << 16  # cells from which on float32 is worth its rounding


def compute_dtype(input, dtype):
    """float32 for large float32 images with float32 results, else float64 as SciPy."""
    single = input.dtype.newbyteorder("=") == dtype == np.float32 and input.size >= LARGE
    return np.float32 if single else np.float64


def in_floats(input, dtype):
    """Whether a real image is filtered in the type of its result, and rounded to no other between two steps."""
    return input.size > 0 and input.dtype.char in REAL and dtype == compute_dtype(input, dtype)


def all_integers(x):
    return x.dtype.kind in "biu" or bool((x == np.rint(x)).all())


# SciPy's order of summation along one axis: for weights that read the same both ways (or with the other sign) the
# centre, then pairs from the ends inwards; else the last weight, then the others from the first on.
def terms_of_axis(weights, axis, rank):
    size, centre = weights.size, weights.size // 2

    def place(index):
        return np.array([index if a == axis else 0 for a in range(rank)])

    left, right = weights[:centre], weights[centre + 1 :][::-1]
    if size % 2:
        for sign in (1, -1):
            if not (np.abs(right - sign * left) > EPS).any():
                pairs = [(weights[j], place(j), place(size - 1 - j), sign) for j in range(centre)]
                return [(weights[centre], place(centre), None, 1), *pairs]
    return [(weights[j], place(j), None, 1) for j in (size - 1, *range(size - 1))]


def terms_of_all(weights):
    return [(weights[j], np.array(j), None, 1) for j in np.ndindex(weights.shape) if weights[j]]


# Where a sum in another order than SciPy's may not do: just beside an integer, if it is cut to one and sums are not
# exact, and where a sum is not finite, for float32 overflows and zero weights hide what they see.
def doubtful(result, finite, weights, input, cval, dtype):
    if dtype.kind in "biu":
        with np.errstate(invalid="ignore"):
            largest = max(abs(float(input.max())), abs(float(input.min())), abs(cval))
            bound = float(np.abs(weights).sum()) * largest
            if input.dtype.kind in "biu" and cval.is_integer() and all_integers(weights) and bound < 1 / EPS:
                return None
            slack = 4 * EPS * max(weights.size, 8) * bound
            nearest = np.rint(result)
            return (nearest != 0) & ~(np.abs(result - nearest) > slack)
    return None if finite or (finite is None and all_finite(result)) else ~np.isfinite(result)


class Window:
    """Where and over what a kernel of `shape` is summed: `before` cells lie before each place."""

    def __init__(self, shape, before, mode):
        self.shape, self.mode = shape, mode
        self.starts = [-b for b in before]

    def correlate(self, input, kernels, dtype, cval, terms):
        """Correlations of a real image with kernels (K, *shape), in `dtype`; terms: each one's SciPy order of sums."""
        compute = compute_dtype(input, dtype)
        real_dtype(input.dtype), real_dtype(dtype)
        cval = real_number(cval)
        if not input.ndim:
            line, orders = kernels[:, None], [partial(terms_of_all, kernel[None]) for kernel in kernels]
            return Window((1,), (0,), self.mode).correlate(input[None], line, dtype, cval, orders)[:, 0]
        x, modes = input.astype(compute, copy=False), [self.mode] * input.ndim
        arguments = (self.starts, x.shape, modes, cval)
        whole = input.dtype.kind in "biu" and all_integers(kernels)
        with precision("exact") if whole else nullcontext():
            if len(kernels) == 1:
                result, finite = correlate_floats(x, kernels[0].astype(compute), *arguments)
                results = result[None]
            else:
                results, finite = correlate_kernels(x, kernels.astype(compute), *arguments), None
        for result, weights, order in zip(results, kernels, terms):
            self.settle(result, finite, input, weights, dtype, cval, order)
        return cast(results, dtype)

    # Recomputes what is doubtful in SciPy's order of summation.
    def settle(self, result, finite, input, weights, dtype, cval, order):
        if not result.size:
            return
        doubt = doubtful(result, finite, weights, input, cval, dtype)
        if doubt is None or not doubt.any():
            return
        stops = [n + start + w - 1 for n, start, w in zip(input.shape, self.starts, self.shape)]
        wide = extend(input.astype(np.float64), self.starts, stops, [self.mode] * input.ndim, cval)
        with np.errstate(all="ignore"):
            if 8 * np.count_nonzero(doubt) > doubt.size:
                result[...] = correlate_in_order(wide, order(), result.shape)
            else:
                result[doubt] = correlate_in_order(wide, order(), result.shape, doubt)


def by_parts(real, input, weights, dtype, cval):
    """A correlation of complex numbers from those of their parts: real(input, weights, dtype, cval)."""
    part = np.empty(0, dtype).real.dtype
    if input.dtype.kind != "c":
        above, below = real(input, weights.real, part, cval), real(input, weights.imag, part, cval)
    else:
        re, im = (input.real, np.real(cval)), (input.imag, np.imag(cval))
        above, below = real(re[0], weights.real, part, re[1]), real(im[0], weights.real, part, im[1])
        if weights.dtype.kind == "c":
            above = above - real(im[0], weights.imag, part, im[1])
            below = below + real(re[0], weights.imag, part, re[1])
    result = np.empty(input.shape, dtype)
    result.real, result.imag = above, below
    return result


def check_cval(input, weights, cval):
    if weights.dtype.kind == "c" != input.dtype.kind and np.iscomplexobj(cval):
        raise ValueError("Cannot provide a complex-valued cval when the input is real.")


# any_type: an image of no cells may have types that the filters do not compute with.
def correlate_parts(real, input, weights, output, cval, nan_policy, any_type=False):
    is_complex = input.dtype.kind == "c" or weights.dtype.kind == "c"
    target = Output(output, input, is_complex)
    if not input.size and any_type:
        return target.give_input()
    if nan_policy != "propagate":
        real = with_policy(real, nan_policy)
    if is_complex:
        return target.give(by_parts(real, input, weights, target.dtype, cval))
    return target.give(real(input, weights, target.dtype, cval))


def one_mode(mode):
    if not isinstance(mode, str) and isinstance(mode, Iterable):
        raise RuntimeError("A sequence of modes is not supported")
    return mode_name(mode)


# Weights below the rounding of 1 count as absent, as in SciPy.
def cut(weights):
    weights = np.asarray(weights, np.float64)
    return np.where(np.abs(weights) > EPS, weights, 0.0)


def correlate_or_convolve(input, weights, output, mode, cval, origin, axes, convolution, nan_policy):
    input, weights = np.asarray(input), np.asarray(weights)
    check_cval(input, weights, cval)
    if weights.dtype.kind == "c" and not convolution:
        weights = weights.conj()
    axes = axes_of(axes, input.ndim)
    weights = expanded(weights, "weights", axes, input.ndim)
    if not weights.size and weights.ndim:
        raise RuntimeError("no filter weights given")
    if convolution:
        weights = np.flip(weights)
    window = Window(weights.shape, origins_of(origin, axes, weights.shape, convolution), one_mode(mode))

    def real(image, kernel, dtype, cval):
        kernel = cut(kernel)
        return window.correlate(image, kernel[None], dtype, cval, [partial(terms_of_all, kernel)])[0]

    return correlate_parts(real, input, weights, output, cval, nan_policy, any_type=True)


def correlate(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None, nan_policy="propagate"):
    """Correlation with a kernel of any rank, as scipy.ndimage.correlate.

    result[m] = sum over j of weights[j] * input[m + j - weights.shape // 2 - origin], the input continued beyond its
    edges by `mode`: reflect, mirror, nearest, wrap, constant (with cval), or a name that starts with grid-.

    input: array of any rank and any of SciPy's types; weights: as many axes as the input, or as `axes`; output: an
    array or a dtype, by default the input's; complex numbers and their conjugates as in SciPy. nan_policy: see
    fastconv.compat.ndimage. Raises what SciPy raises: RuntimeError for ranks, modes and types, ValueError for origins.

    >>> from fastconv.compat import ndimage
    >>> ndimage.correlate([1, 2, 3], [1, 2, 3])
    array([ 9, 14, 17])
    """
    return correlate_or_convolve(input, weights, output, mode, cval, origin, axes, False, nan_policy)


def convolve(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None, nan_policy="propagate"):
    """Convolution with a kernel of any rank, as scipy.ndimage.convolve: correlate with the kernel turned round.

    Arguments and errors are those of correlate; the origin counts the other way.

    >>> from fastconv.compat import ndimage
    >>> ndimage.convolve([1, 2, 3], [1, 2, 3])
    array([ 7, 10, 15])
    """
    return correlate_or_convolve(input, weights, output, mode, cval, origin, axes, True, nan_policy)


def correlate1d(
    input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0, *, nan_policy="propagate"
):
    """Correlation along one axis, as scipy.ndimage.correlate1d.

    weights: one axis; the rest is as in correlate.

    >>> from fastconv.compat import ndimage
    >>> ndimage.correlate1d([[1, 2, 3], [2, 4, 6]], [1, 2, 1], axis=0)
    array([[ 5, 10, 15],
           [ 7, 14, 21]])
    """
    input, weights = np.asarray(input), np.asarray(weights)
    check_cval(input, weights, cval)
    if weights.ndim != 1 or not weights.size:
        raise RuntimeError("no filter weights given")
    if weights.dtype.kind == "c":
        weights = weights.conj()
    axis = axis_of(axis, input.ndim)
    before = [0] * input.ndim
    before[axis] = origins_of(origin, (0,), weights.shape)[0]
    shape = [1] * input.ndim
    shape[axis] = weights.size
    window = Window(shape, before, mode_name(mode))

    def real(image, kernel, dtype, cval):
        kernel = np.asarray(kernel, np.float64)
        order = partial(terms_of_axis, kernel, axis, input.ndim)
        return window.correlate(image, kernel.reshape(1, *shape), dtype, cval, [order])[0]

    return correlate_parts(real, input, weights, output, cval, nan_policy)


def correlate_chain(input, steps, dtype, cval):
    """correlate1d along one axis after another, each result in `dtype`. steps: [(axis, weights, mode)].

    Floats go along neighbouring axes in one pass, if all comes out finite: else SciPy's order of sums matters."""
    if in_floats(input, dtype):
        constant, lines = real_number(cval), []
        for axis, weights, mode in steps:
            weights, n = np.asarray(weights), input.shape[axis]
            lines.append(along(axis, weights, n, -(weights.size // 2), n, mode_name(mode), constant))
        result, finite = correlate_axes(input.astype(dtype, copy=False), lines)
        if finite:
            return result
    for axis, weights, mode in steps:
        input = correlate1d(input, weights, axis, dtype, mode, cval)
    return input


def convolve1d(
    input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0, *, nan_policy="propagate"
):
    """Convolution along one axis, as scipy.ndimage.convolve1d: correlate1d with the kernel turned round.

    >>> from fastconv.compat import ndimage
    >>> ndimage.convolve1d([2, 8, 0, 4, 1, 9, 9, 0], weights=[1, 3])
    array([14, 24,  4, 13, 12, 36, 27,  0])
    """
    weights = np.asarray(weights)[::-1]
    origin = -origin - (len(weights) % 2 == 0)
    if weights.dtype.kind == "c":
        weights = weights.conj()
    return correlate1d(input, weights, axis, output, mode, cval, origin, nan_policy=nan_policy)


def correlate_many(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Several correlations of one image: weights (K, *kernel), result (K, *input.shape), result[k] that of weights[k].

    Real images go through the kernels once for all K. Arguments and errors are those of correlate, for each kernel;
    output: None, a dtype, or an array of the result's shape.

    >>> import numpy as np
    >>> from fastconv.compat import ndimage
    >>> ndimage.correlate_many(np.arange(4.0), [[1, 0, 0], [0, 0, 1]], mode="nearest")
    array([[0., 0., 1., 2.],
           [1., 2., 3., 3.]])
    """
    input, weights = np.asarray(input), np.asarray(weights)
    if input.dtype.kind == "c" or weights.dtype.kind == "c":
        results = [correlate(input, w, None, mode, cval, origin, axes=axes) for w in weights]
        return Output(output, np.stack(results), True).give(np.stack(results))
    axes = axes_of(axes, input.ndim)
    kernels = np.stack([expanded(cut(w), "weights", axes, input.ndim) for w in weights])
    window = Window(kernels.shape[1:], origins_of(origin, axes, kernels.shape[1:]), one_mode(mode))
    target = Output(output, np.broadcast_to(input, (len(kernels), *input.shape)))
    orders = [partial(terms_of_all, kernel) for kernel in kernels]
    return target.give(window.correlate(input, kernels, target.dtype, cval, orders))
