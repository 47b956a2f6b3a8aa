"""convolve, correlate, fftconvolve and oaconvolve of any rank."""

import operator
import warnings
from collections.abc import Iterable

import numpy as np

from .cost import band_length, faster_method
from .direct import correlate_direct
from .fourier import convolve_bands, convolve_full, float_array

MODES = ("valid", "same", "full")
METHODS = ("auto", "direct", "fft")
TINY = 1 << 15  # multiply-adds that np.convolve does while we would look at the arguments


def placed(mode, n, k):
    """(first cell of the full result, number of cells) that a mode keeps of one axis."""
    return {"full": (0, n + k - 1), "same": ((k - 1) // 2, n), "valid": (k - 1, n - k + 1)}[mode]


def must_swap(mode, n, k, axes=None):
    """Whether the second array is the larger one of a valid convolution; ValueError if neither is."""
    if mode != "valid":
        return False
    axes = range(len(n)) if axes is None else axes
    if all(n[axis] >= k[axis] for axis in axes):
        return False
    if all(k[axis] >= n[axis] for axis in axes):
        return True
    raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")


def checked(in1, in2, mode, method):
    if in1.ndim != in2.ndim:
        raise ValueError(f"in1 and in2 should have the same dimensionality, and have {in1.ndim} and {in2.ndim} axes")
    if mode not in MODES:
        raise ValueError("Acceptable mode flags are 'valid', 'same', or 'full'.")
    if method not in METHODS:
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    if not (in1.size and in2.size) and (in1.ndim == 1 or method == "fft"):
        raise ValueError(f"in1 and in2 cannot be empty, and have shapes {in1.shape} and {in2.shape}")


def convolve_by(method, in1, in2, mode):
    if method == "auto":
        method = faster_method(in1, in2)
    if method == "direct":
        places = [placed(mode, n, k) for n, k in zip(in1.shape, in2.shape)]
        if in1.ndim == 1 and in1.size * in2.size <= TINY:
            first, count = places[0]
            return np.convolve(in1, in2)[first : first + count]
        starts = [first - k + 1 for (first, _), k in zip(places, in2.shape)]
        return correlate_direct(in1, np.flip(in2), starts, tuple(count for _, count in places))
    result, dtype = fftconvolve(in1, in2, mode), np.result_type(in1, in2)
    if not np.isfinite(result.flat[0]):
        warnings.warn(
            "Use of fft convolution turns one NaN or infinity into NaN everywhere: method='direct' does not",
            RuntimeWarning,
            stacklevel=3,
        )
    with np.errstate(invalid="ignore"):
        return (np.round(result) if dtype.kind in "iu" else result).astype(dtype, copy=False)


def convolve(in1, in2, mode="full", method="auto"):
    """Convolution of two arrays of one rank, as scipy.signal.convolve.

    full[m] = sum over j of in1[j] * in2[m - j]. mode: 'full'; 'same', its middle, as large as in1; 'valid', what needs
    no zeros beyond the edges. method: 'direct', 'fft', or 'auto', the one that should be faster here (in blocks, or
    axis by axis if in2 is an outer product, where that helps). The result has the common type; integers are exact and
    wrap.

    Raises ValueError for ranks, modes and methods that do not fit, and empty arrays (but direct sums of images).

    >>> from fastconv.compat import signal
    >>> signal.convolve([3, 4, 5, 6, 5, 4], [1, 2, 3])
    array([ 3, 10, 22, 28, 32, 32, 23, 12])
    """
    in1, in2 = np.asarray(in1), np.asarray(in2)
    if in1.ndim == in2.ndim == 0:
        return in1 * in2
    checked(in1, in2, mode, method)
    if must_swap(mode, in1.shape, in2.shape):
        in1, in2 = in2, in1
    return convolve_by(method, in1, in2, mode)


def correlate(in1, in2, mode="full", method="auto"):
    """Correlation of two arrays of one rank, as scipy.signal.correlate: convolve with in2 reversed and conjugated.

    Arguments and errors are those of convolve.

    >>> from fastconv.compat import signal
    >>> signal.correlate([1, 2, 3], [4, 5], mode="same")
    array([ 5, 14, 23])
    """
    in1, in2 = np.asarray(in1), np.asarray(in2)
    if in1.ndim == in2.ndim == 0:
        return in1 * in2.conj()
    checked(in1, in2, mode, method)
    kernel = np.flip(in2.conj() if in2.dtype.kind == "c" else in2)
    swap = must_swap(mode, in1.shape, in2.shape)
    return convolve_by(method, *((kernel, in1) if swap else (in1, kernel)), mode)


def chosen_axes(axes, rank):
    """Axes of a transform, counted from the front."""
    if axes is None:
        return list(range(rank))
    try:
        axes = [operator.index(axis) for axis in (axes if isinstance(axes, Iterable) else (axes,))]
    except TypeError:
        raise ValueError("axes must be a scalar or iterable of integers") from None
    if not axes:
        raise ValueError("when provided, axes cannot be empty")
    if any(not -rank <= axis < rank for axis in axes):
        raise ValueError("axes exceeds dimensionality of input")
    axes = [axis % rank for axis in axes]
    if len(set(axes)) != len(axes):
        raise ValueError("all axes must be unique")
    return axes


def fftconvolve(in1, in2, mode="full", axes=None):
    """Convolution by Fourier transforms, as scipy.signal.fftconvolve; by overlapping blocks where that is faster.

    mode as in convolve. axes: those to convolve over, by default all; others have equal extents, or 1, and are
    broadcast. Integers are computed in float64. Real images are transformed by fastconv's kernel, a band of rows at a
    time; other arrays, and very large kernels, by scipy.fft if SciPy is installed, else numpy.fft. Raises ValueError
    for ranks, shapes, modes and axes that do not fit.

    >>> from fastconv.compat import signal
    >>> signal.fftconvolve([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).round(9) + 0.0
    array([0. , 1. , 2.5, 4. , 1.5])
    """
    in1, in2 = np.asarray(in1), np.asarray(in2)
    if in1.ndim == in2.ndim == 0:
        return in1 * in2
    if in1.ndim != in2.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if not in1.size or not in2.size:
        return np.array([])
    n, k = in1.shape, in2.shape
    axes = [axis for axis in chosen_axes(axes, in1.ndim) if n[axis] != 1 and k[axis] != 1]
    if not all(n[a] == k[a] or 1 in (n[a], k[a]) for a in range(in1.ndim) if a not in axes):
        raise ValueError(f"incompatible shapes for in1 and in2: {n} and {k}")
    if must_swap(mode, n, k, axes):
        in1, in2, n, k = in2, in1, k, n
    if mode not in MODES:
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    places = []
    for axis in range(in1.ndim):
        if axis in axes:
            places.append(placed(mode, n[axis], k[axis]))
        else:
            extent = max(n[axis], k[axis])
            places.append(((extent - n[axis]) // 2, n[axis]) if mode == "same" else (0, extent))
    if not all(n[axis] >= k[axis] for axis in axes):
        in1, in2 = in2, in1
    if axes:
        in1, in2 = float_array(in1), float_array(in2)
    length = band_length(in1, in2, axes)
    if length:
        result, finite = convolve_bands(in1, in2, length, places)
        if finite:
            return result
    result = convolve_full(in1, in2, axes)
    return np.ascontiguousarray(result[tuple(slice(first, first + count) for first, count in places)])


def oaconvolve(in1, in2, mode="full", axes=None):
    """Convolution by transforms of overlapping blocks, as scipy.signal.oaconvolve: here the same as fftconvolve.

    >>> import numpy as np
    >>> from fastconv.compat import signal
    >>> signal.oaconvolve(np.ones(1000), np.ones(10), mode="valid").round(9)[:3]
    array([10., 10., 10.])
    """
    return fftconvolve(in1, in2, mode, axes)
