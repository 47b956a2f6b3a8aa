"""Padding and cropping at the borders."""

import numpy as np

from ..geometry.arrays import allocate, as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import padding_arguments
from ..op import op
from .axis_matrix import AxisMatrix, axis_matrix, remembered


# Which cell of an axis of size n each cell of the result repeats:
#   reflect    d c b | a b c d | c b a
#   replicate  a a a | a b c d | d d d
#   circular   b c d | a b c d | a b c
# Negative widths crop; a reflection still sees what was cropped, the circle does not, as in PyTorch.
def _sources(n: int, before: int, after: int, mode: str) -> ndarray:
    positions = np.arange(-before, n + after)
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


# For constant padding: the part of the result and the part of the input that correspond.
def _overlap(shape: tuple[int, ...], pairs: list) -> tuple[tuple, tuple]:
    inner = tuple(slice(max(b, 0), b + n + min(a, 0)) for n, (b, a) in zip(shape, pairs, strict=True))
    outer = tuple(slice(max(-b, 0), n + min(a, 0)) for n, (b, a) in zip(shape, pairs, strict=True))
    return inner, outer


# The cells that the borders before and after n cells repeat, in the padded axis.
def _repeated(n: int, before: int, after: int, mode: str) -> tuple[slice, slice]:
    end = before + n
    if mode == "replicate":
        return slice(before, before + 1), slice(end - 1, end)
    if mode == "circular":
        return slice(n, end), slice(before, before + after)
    last = end - 2 - after
    return slice(2 * before, before, -1), slice(end - 2, last if last >= 0 else None, -1)


# Copies x into out and, an axis after the other, what its borders repeat; no width is negative.
def _repeat_borders(x: ndarray, pairs: list, mode: str, out: ndarray) -> None:
    inner, outer = _overlap(x.shape, pairs)
    out[inner] = x[outer]
    for axis, (n, (before, after)) in enumerate(zip(x.shape, pairs, strict=True)):
        along = (slice(None),) * axis
        borders = (slice(before), slice(before + n, before + n + after))
        for border, source, width in zip(borders, _repeated(n, before, after, mode), (before, after), strict=True):
            if width:
                out[(*along, border)] = out[(*along, source)]


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
    x = as_array("pad", "input", input)
    mode, fill, pairs = padding_arguments("pad", x, pad, mode, value)
    shape = tuple(n + b + a for n, (b, a) in zip(x.shape, pairs, strict=True))
    out = new_output("pad", out, shape, x.dtype, x)
    if mode == "constant":
        inner, outer = _overlap(x.shape, pairs)
        out.fill(fill)
        if out.size:
            out[inner] = x[outer]
        return out, (input, pad, mode, value)
    borders = [(max(b, 0), max(a, 0)) for b, a in pairs]
    if mode == "circular":
        _repeat_borders(x[_overlap(x.shape, pairs)[1]], borders, mode, out)
    elif borders == pairs:
        _repeat_borders(x, borders, mode, out)
    else:
        whole = allocate("pad", tuple(n + b + a for n, (b, a) in zip(x.shape, borders, strict=True)), x.dtype)
        _repeat_borders(x, borders, mode, whole)
        out[...] = whole[_overlap(whole.shape, [(min(b, 0), min(a, 0)) for b, a in pairs])[1]]
    return out, (input, pad, mode, value)


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
        inner, outer = _overlap(x.shape, pairs)
        grad = np.zeros(x.shape, x.dtype)
        if g.size:
            grad[outer] = g[inner]
        return grad
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            g = _adding(x.shape[axis], before, after, mode, g.dtype).along(axis, g)
    return g if any(map(any, pairs)) else g.copy()
