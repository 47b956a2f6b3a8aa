"""Sums of products as they are written, for every type that SciPy's direct method takes."""

import numpy as np

from ...runtime import precision
from .._correlate import correlate as correlate_floats
from .._extend import extend


def correlate_direct(x, weights, starts, shape, modes=None, fill=0):
    """result[m] = sum over j of x[m + starts + j] * weights[j], in the common type; x continued by `modes` and `fill`.

    float32 and float64 by the kernels, complex numbers by their parts. Integers too as long as float64 holds every
    sum exactly; else, like every other type, tap by tap in their own arithmetic, which wraps."""
    dtype = np.result_type(x, weights)
    if not x.size or not weights.size:
        return np.full(shape, weights.astype(dtype).sum(dtype=dtype) * fill, dtype)
    where = (starts, shape, modes or ["constant"] * x.ndim)
    if dtype.char in "fd":
        return correlate_floats(x.astype(dtype, copy=False), weights.astype(dtype, copy=False), *where, fill)[0]
    if dtype.char in "FD":
        return correlate_complex(x, weights, where, fill, dtype)
    if dtype.kind in "iu":
        bound = max(largest(x), abs(int(fill))) * int(np.abs(weights.astype(object)).sum() if weights.size else 0)
        if bound < 2**53:
            floats = np.float32 if bound < 2**24 else np.float64
            with precision("exact"):
                exact = correlate_floats(x.astype(floats), weights.astype(floats), *where, fill)[0]
            return exact.astype(np.int64).astype(dtype)
    return correlate_taps(x.astype(dtype, copy=False), weights.astype(dtype, copy=False), *where, fill)


def largest(x):
    """The largest magnitude; of integers exactly."""
    if x.dtype.kind not in "iu":
        return float(np.abs(x).max())
    return max(abs(int(x.max())), abs(int(x.min()))) if x.size else 0


def correlate_complex(x, weights, where, fill, dtype):
    part = np.empty(0, dtype).real.dtype
    result = np.zeros(where[1], dtype)
    for image, ours, value in ((x.real, 1, np.real(fill)), (x.imag, 1j, np.imag(fill))):
        for kernel, theirs in ((weights.real, 1), (weights.imag, 1j)):
            if (ours == 1 or x.dtype.kind == "c") and (theirs == 1 or weights.dtype.kind == "c"):
                image, kernel = image.astype(part, copy=False), kernel.astype(part, copy=False)
                sums = correlate_floats(image, kernel, *where, value)[0]
                target = result.real if ours == theirs or ours * theirs == -1 else result.imag
                target += -sums if ours == theirs == 1j else sums
    return result


def correlate_taps(x, weights, starts, shape, modes, fill):
    stops = [start + m + w - 1 for start, m, w in zip(starts, shape, weights.shape)]
    x = extend(x, starts, stops, modes, fill)
    total = None
    for tap in np.ndindex(weights.shape):
        term = x[tuple(slice(j, j + m) for j, m in zip(tap, shape))] * weights[tap]
        total = term if total is None else total + term
    return total
