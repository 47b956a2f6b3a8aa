"""Which way of convolving is the fastest: estimates from rates measured on one core of a desktop processor."""

import math

import numpy as np

from ...runtime import get_num_threads
from .._correlate import rank_one
from .direct import largest
from .fourier import band_work, block_length, fast_length, transform_work

# Seconds. A multiply-add of the kernels, of float32, along a line, over an image and over its bands; one of NumPy's
# other types; a cell of a transform for each bit of its length, float32; and what a call costs at least.
LINE, DIRECT, BAND, PLAIN, TRANSFORM = 8e-11, 4e-11, 2.5e-11, 2e-9, 5e-10
DIRECT_CALL, BAND_CALL, TRANSFORM_CALL = 40e-6, 100e-6, 120e-6


def direct_seconds(n, k, dtype, weights):
    """Direct sums for an input of extents n and a kernel of extents k."""
    outputs = math.prod(i + j - 1 for i, j in zip(n, k))
    taps = min(math.prod(n), math.prod(k))
    if dtype.char not in "fdFD" and dtype.kind not in "iu":
        return outputs * taps * PLAIN
    if weights.ndim > 1 and dtype.char in "fd" and rank_one(weights.astype(dtype)) is not None:
        taps = sum(k)
    wide = {"f": 1, "F": 4, "D": 8}.get(dtype.char, 2)
    rate = LINE if len(n) == 1 else DIRECT
    return DIRECT_CALL + outputs * taps * rate * wide / get_num_threads()


def fourier_seconds(n, k, dtype):
    """Three transforms, in blocks along the axis where that is cheaper."""
    ratio = [i / j for i, j in zip(n, k)]
    axis = ratio.index(max(ratio))
    length, blocks = block_length(n[axis], k[axis]), 1
    if length:
        blocks = -(-(n[axis] + k[axis] - 1) // (length - k[axis] + 1))
    lengths = [fast_length(i + j - 1) for i, j in zip(n, k)]
    lengths[axis] = length or lengths[axis]
    wide = {"f": 1, "F": 2, "D": 4}.get(dtype.char, 2)
    work = transform_work(math.prod(lengths), 2 * blocks + 1)
    return TRANSFORM_CALL + work * TRANSFORM * wide / get_num_threads()


def band_seconds(n, k, axes, dtype):
    """(seconds, length) of transforms of bands of rows."""
    work, length = band_work(n, k, axes) if dtype.char in "fd" else (math.inf, 0)
    return BAND_CALL + work * BAND * (1 if dtype.char == "f" else 2) / get_num_threads(), length


def band_length(x, weights, axes):
    """The length of bands of rows to transform, or 0 where transforms of other blocks should be faster."""
    dtype = np.result_type(x, weights)
    seconds, length = band_seconds(x.shape, weights.shape, axes, dtype)
    return length if seconds <= fourier_seconds(x.shape, weights.shape, dtype) else 0


def faster_method(x, weights):
    """'direct' or 'fft'; direct wherever transforms would not be exact."""
    dtype = np.result_type(x, weights)
    if dtype.kind not in "iufc" or 0 in x.shape or 0 in weights.shape:
        return "direct"
    integers = x.dtype.kind in "iu" or weights.dtype.kind in "iu"
    if integers and largest(x) * largest(weights) * min(x.size, weights.size) > 2**52 - 1:
        return "direct"
    n, k = (x.shape, weights.shape) if x.size >= weights.size else (weights.shape, x.shape)
    direct = direct_seconds(n, k, dtype, weights if x.size >= weights.size else x)
    bands, _ = band_seconds(n, k, range(len(n)), dtype if dtype.kind in "fc" else np.dtype(np.float64))
    return "direct" if direct <= min(bands, fourier_seconds(n, k, dtype)) else "fft"
