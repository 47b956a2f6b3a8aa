"""Convolution by Fourier transforms: of everything at once, of overlapping blocks along the longest axis, or of an
image's bands of rows."""

import math

import numpy as np

from ...ops.correlate import correlate_spectra
from ...runtime import get_num_threads
from .._correlate import taps_along

CACHED = 1 << 15  # cells of a transform that stays in the cache
LEVEL_TAPS = 14  # multiply-adds that take as long as a level of transforms of a cell of a band, forth and back
BAND_CELLS, BAND_COLUMNS = 3 << 14, 64  # of a block, see SPECTRAL_BYTES, and its columns at least


def transforms():
    """(module with rfftn and its kin, keyword arguments): scipy.fft on fastconv's threads, else numpy.fft."""
    try:
        from scipy import fft
    except ImportError:
        return np.fft, {}
    return fft, {"workers": get_num_threads()}


def fast_length(n):
    """The smallest product of powers of 2, 3 and 5 that is at least n."""
    best = 1 << max(n - 1, 0).bit_length()
    fives = 1
    while fives < best:
        odd = fives
        while odd < best:
            best = min(best, odd << max(-(-n // odd) - 1, 0).bit_length())
            odd *= 3
        fives *= 5
    return best


def transform_work(length, count=1):
    """What `count` transforms cost, in cells times bits of their length; beyond the cache twice as much."""
    return count * length * math.log2(max(length, 2)) * (1 if length <= CACHED else 2)


def block_length(n, k):
    """The length of blocks that makes the transforms of n cells with k taps cheapest, or None for a single one."""
    whole = fast_length(n + k - 1)
    best, least = None, transform_work(whole)
    length = fast_length(2 * k)
    while length < whole:
        work = transform_work(length, -(-(n + k - 1) // (length - k + 1)))
        if work < least:
            best, least = length, work
        length = fast_length(2 * length)
    return best


def band_work(n, k, axes):
    """(multiply-adds of the kernel that transforms bands of rows, their length) for a of extents n and b of k; (inf, 0)
    where it can't be used: b has more than one plane, or is not convolved along its rows."""
    rank = len(n)
    least = math.inf, 0
    if rank - 2 not in axes or min(axes) < rank - 2 or any(k[axis] != 1 for axis in range(rank) if axis not in axes):
        return least
    rows, columns = n[-2] + k[-2] - 1, math.prod(n[:-2]) * (n[-1] + k[-1])
    for level in range(4, 11):
        length = 1 << level
        if length >= k[-2]:
            pairs = -(-rows // (2 * (length - k[-2] + 1)))
            seen = 1 + k[-1] / max(BAND_COLUMNS, BAND_CELLS / length - k[-1])  # columns for each one of results
            taps = 2 * k[-1] + LEVEL_TAPS * level * seen
            least = min(least, (2 * pairs * length * columns * taps, length))
    return least


def convolve_bands(a, b, length, places):
    """The convolution at `places`, (first, count) of each axis, by transforms of `length` rows; and whether it is
    finite. If not, cells can be spoilt that are finite by other ways."""
    steps = [
        taps_along(axis, b.shape[axis], a.shape[axis], places[axis][0] - b.shape[axis] + 1, places[axis][1], "constant")
        for axis in (a.ndim - 2, a.ndim - 1)
    ]
    dtype = np.result_type(a, b)
    return correlate_spectra(a.astype(dtype, copy=False), np.flip(b.reshape(b.shape[-2:])), *steps, length)


def float_array(x):
    """As a type that transforms have: half precision in single, integers and others in double."""
    if x.dtype.kind in "fc":
        return x.astype(np.float32) if x.dtype == np.float16 else x
    return x.astype(np.float64)


def convolve_full(a, b, axes):
    """The full convolution over `axes`; other axes are broadcast. The extents of a are the larger ones."""
    if not axes:
        return a * b
    dtype = np.result_type(a, b)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    longest = max(axes, key=lambda axis: a.shape[axis] / b.shape[axis])
    length = block_length(a.shape[longest], b.shape[longest])
    if length is None:
        return transformed_product(a, b, axes, [a.shape[axis] + b.shape[axis] - 1 for axis in axes])
    n, k = a.shape[longest], b.shape[longest]
    step = length - k + 1
    blocks = -(-(n + k - 1) // step)
    padding = [(0, 0)] * a.ndim
    padding[longest] = (k - 1, (blocks - 1) * step + length - n - k + 1)
    before = (slice(None),) * longest
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(a, padding), length, longest)
    a = np.moveaxis(windows[(*before, slice(None, None, step))], -1, longest + 1)
    b = np.expand_dims(b, longest)
    inner = [axis + (axis >= longest) for axis in axes]
    extents = [length if axis == longest else a.shape[i] + b.shape[i] - 1 for axis, i in zip(axes, inner)]
    result = transformed_product(a, b, inner, extents, exact={longest + 1})
    result = result[(*before, slice(None), slice(k - 1, None))]
    shape = list(result.shape)
    shape[longest : longest + 2] = [blocks * step]
    return result.reshape(shape)[(*before, slice(0, n + k - 1))]


def transformed_product(a, b, axes, extents, exact=()):
    """The convolution over `axes` by transforms of at least `extents` cells, just so many for axes in `exact`."""
    fft, options = transforms()
    complex_result = a.dtype.kind == "c" or b.dtype.kind == "c"
    forward, inverse = (fft.fftn, fft.ifftn) if complex_result else (fft.rfftn, fft.irfftn)
    lengths = [n if axis in exact else fast_length(n) for n, axis in zip(extents, axes)]
    product = forward(a, lengths, axes=axes, **options)
    product = product * forward(b, lengths, axes=axes, **options)
    result = inverse(product, lengths, axes=axes, **options)
    cut = [slice(None)] * a.ndim
    for axis, n in zip(axes, extents):
        cut[axis] = slice(0, n)
    return result[tuple(cut)]
