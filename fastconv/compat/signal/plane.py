"""convolve2d and correlate2d: direct sums over images, with a choice of what lies beyond the edges."""

import numpy as np

from .convolution import MODES, must_swap
from .direct import correlate_direct

BOUNDARIES = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "reflect",
    "symmetric": "reflect",
}


def correlate_plane(in1, in2, mode, boundary, fillvalue, before):
    """Correlation of in1 with in2; `before` cells of the kernel lie before a cell of the mode 'same'."""
    if boundary not in BOUNDARIES:
        raise ValueError(
            "Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm')."
        )
    dtype = np.result_type(in1, in2)
    fill = fill_value(fillvalue, dtype) if BOUNDARIES[boundary] == "constant" else 0
    n, k = in1.shape, in2.shape
    if mode == "full":
        starts, shape = [1 - size for size in k], [i + j - 1 for i, j in zip(n, k)]
    elif mode == "same":
        starts, shape = [-b for b in before], n
    else:
        starts, shape = [0, 0], [i - j + 1 for i, j in zip(n, k)]
    modes = [BOUNDARIES[boundary]] * 2
    return correlate_direct(in1.astype(dtype), in2.astype(dtype), starts, tuple(shape), modes, fill)


def fill_value(value, dtype):
    value = np.asarray(value)
    if value.size != 1 or value.ndim > 1:
        raise ValueError("`fillvalue` must be scalar or an array with one element")
    value = value.reshape(())
    if value.dtype.kind == "c" != dtype.kind and value.imag == 0:
        value = value.real
    fits = value.dtype.kind != "c" or dtype.kind == "c"
    if dtype.kind in "iu" and fits:
        limits = np.iinfo(dtype)
        fits = value.dtype.kind in "biuf" and np.isfinite(value) and limits.min <= int(value) <= limits.max
    if not fits:
        raise ValueError(f"could not cast `fillvalue` directly to the output type: {value[()]!r} is no {dtype}")
    return value.astype(dtype)[()]


def images(name, in1, in2, mode):
    in1, in2 = np.asarray(in1), np.asarray(in2)
    if in1.ndim != 2 or in2.ndim != 2:
        raise ValueError(f"{name} inputs must both be 2-D arrays")
    if mode not in MODES:
        raise ValueError("Acceptable mode flags are 'valid', 'same', or 'full'.")
    return in1, in2, must_swap(mode, in1.shape, in2.shape)


def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Convolution of two images, as scipy.signal.convolve2d.

    mode as in convolve. boundary: what lies beyond the edges of in1: 'fill' (fillvalue), 'wrap' (or 'circular') or
    'symm' (or 'symmetric'). The result has the common type; integers are exact and wrap. Raises ValueError for ranks,
    shapes, modes, boundaries and fill values that do not fit.

    >>> from fastconv.compat import signal
    >>> signal.convolve2d([[1, 2, 3], [3, 4, 5]], [[2, 3, 4], [4, 5, 6]], boundary="symm")
    array([[ 34,  30,  44,  62,  66],
           [ 52,  48,  62,  80,  84],
           [ 82,  78,  92, 110, 114]])
    """
    in1, in2, swap = images("convolve2d", in1, in2, mode)
    if swap:
        in1, in2 = in2, in1
    before = [size // 2 for size in in2.shape]
    return correlate_plane(in1, np.flip(in2), mode, boundary, fillvalue, before)


def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Correlation of two images, as scipy.signal.correlate2d: in2 conjugated, not reversed. The rest as in convolve2d.

    >>> from fastconv.compat import signal
    >>> signal.correlate2d([[1, 2], [3, 4]], [[1, 0], [0, 1]], mode="same", boundary="wrap")
    array([[5, 5],
           [5, 5]])
    """
    in1, in2, swap = images("correlate2d", in1, in2, mode)
    if swap:
        in1, in2 = in2, in1
    before = [(size - 1) // 2 for size in in2.shape]
    result = correlate_plane(in1, in2.conj(), mode, boundary, fillvalue, before)
    return np.flip(result) if swap else result
