"""Padding and cropping at the borders."""

import math
from functools import lru_cache

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, as_array, contiguous, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import padding_arguments
from ..op import op
from .axis_matrix import AxisMatrix, axis_matrix, remembered

# Cells of all axes, beyond which their index is not kept.
LONG = 1 << 12


# Which cell of an axis of size n each cell of the result is, -1 for none:
#   constant   - - - | a b c d | - - -
#   reflect    d c b | a b c d | c b a
#   replicate  a a a | a b c d | d d d
#   circular   b c d | a b c d | a b c
# Negative widths crop; a reflection still sees what was cropped, the circle does not, as in PyTorch.
def _sources(n: int, before: int, after: int, mode: str) -> ndarray:
    positions = np.arange(-before, n + after, dtype=np.int64)
    if mode == "constant":
        return np.where((positions >= 0) & (positions < n), positions, -1)
    if mode == "replicate":
        return np.clip(positions, 0, n - 1)
    if mode == "circular":
        start, stop = max(-before, 0), n + min(after, 0)
        return start + (positions - start) % (stop - start)
    positions = np.abs(positions)
    return np.where(positions >= n, 2 * (n - 1) - positions, positions)


# Adds up, along one axis, the cells that repeat a cell.
@remembered
def _adding(n: int, before: int, after: int, mode: str, dtype: np.dtype) -> AxisMatrix:
    sources = _sources(n, before, after, mode)
    return axis_matrix(sources, np.arange(len(sources)), np.ones(len(sources)), n, dtype)


# The same of three axes in turn, (size, widths) each.
@lru_cache(maxsize=256)
def _index(axes: tuple, mode: str) -> ndarray:
    return np.concatenate([_sources(n, before, after, mode) for n, (before, after) in axes])


# Writes x with each axis made longer or shorter to out. Constants around more than three axes, or around few long rows,
# whose index would be as long as they are, are written by NumPy.
def _write_padded(x: ndarray, pairs: list, mode: str, fill: float, out: ndarray) -> ndarray:
    padded = [axis for axis, pair in enumerate(pairs) if any(pair)]
    if not padded:
        out[...] = x
        return out
    first, last = padded[0], padded[-1] + 1
    axes = [(n, tuple(pair)) for n, pair in zip(x.shape[first:last], pairs[first:last])]
    if last < x.ndim:
        axes.append((math.prod(x.shape[last:]), (0, 0)))
    axes = [(1, (0, 0))] * (3 - len(axes)) + axes
    extent, result = tuple(n for n, _ in axes), tuple(n + before + after for n, (before, after) in axes)
    if mode == "constant" and (len(axes) > 3 or sum(result) > max(LONG, out.size // 8)):
        inner = tuple(slice(max(b, 0), b + n + min(a, 0)) for n, (b, a) in zip(x.shape, pairs))
        outer = tuple(slice(max(-b, 0), n + min(a, 0)) for n, (b, a) in zip(x.shape, pairs))
        out.fill(fill)
        if out.size:
            out[inner] = x[outer]
        return out
    index = (_index if sum(result) <= LONG else _index.__wrapped__)(tuple(axes), mode)
    return _core.pick(extent, result, index, fill, x, out)


@op("input")
def pad(input, pad, mode="constant", value=None, *, out=None):
    """input with its last axes made longer, or shorter where a width is negative.

    pad: (before, after) of the last axis, then of the one before it, and so on. mode: 'constant' (any axes,
    filled with value, 0 if None), or 'reflect', 'replicate', 'circular' on the last 1, 2 or 3 axes of (C,
    *spatial) or (N, C, *spatial). Raises ValueError for widths that do not fit: reflect takes less than the
    axis, circular at most it. Source: torch.nn.functional.pad.

    >>> import numpy as np
    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, -1), "reflect")
    array([[3., 2., 1., 2.]])
    """
    x = contiguous(as_array("pad", "input", input))
    mode, fill, pairs = padding_arguments("pad", x, pad, mode, value)
    shape = tuple(n + b + a for n, (b, a) in zip(x.shape, pairs, strict=True))
    out = new_output("pad", out, shape, x.dtype, input)
    return _write_padded(x, pairs, mode, fill, out), (input, pad, mode, value)


@pad.gradient
def pad_backward(grad_output, input, pad, mode="constant", value=None):
    """Gradient of `pad` for input: the sum over all cells that repeat a cell.

    >>> import numpy as np
    >>> pad_backward(np.ones(4), np.zeros(3), (1, 0))
    array([1., 1., 1.])
    """
    name = "pad_backward"
    x, g = as_array(name, "input", input), as_array(name, "grad_output", grad_output)
    same_dtype(name, input=x, grad_output=g)
    mode, _, pairs = padding_arguments(name, x, pad, mode, value)
    same_shape(name, "grad_output", g, tuple(n + b + a for n, (b, a) in zip(x.shape, pairs, strict=True)))
    if mode == "constant":
        back = [(-before, -after) for before, after in pairs]
        return _write_padded(contiguous(g), back, mode, 0.0, allocate(name, x.shape, x.dtype))
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            g = _adding(x.shape[axis], before, after, mode, g.dtype).along(axis, g)
    return g if any(map(any, pairs)) else g.copy()
