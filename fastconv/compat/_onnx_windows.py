"""The operators of ONNX that slide a window: convolutions and pools, with its paddings.

Source: the ONNX operator schemas.
"""

import functools

import numpy as np

from .. import ops
from ..geometry.conv import conv_geometry
from ._same import same_edges


# (begin, end) of the padding on each axis: `pads` as ONNX lists them, or what auto_pad asks for.
def _edges(x, window, strides, dilations, pads, auto_pad):
    rank = x.ndim - 2
    if auto_pad in ("NOTSET", "VALID"):
        pads = (0,) * 2 * rank if pads is None or auto_pad == "VALID" else pads
        return tuple(zip(pads[:rank], pads[rank:], strict=True))
    return same_edges(x.shape[2:], window, strides, dilations, auto_pad == "SAME_UPPER")


# (x, padding of the operation): padding that both ends share, or else an x that is padded already.
def _padded(x, edges, most=None, fill=0):
    if all(a == b and (most is None or a <= size // 2) for (a, b), size in zip(edges, most or edges)):
        return x, tuple(a for a, _ in edges)
    return np.pad(x, [(0, 0), (0, 0), *edges], constant_values=fill), 0


# x with cells cut off at each end where a width is negative, then padded where it is positive.
def resized(x, widths, mode="constant", **options):
    x = x[tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape, widths))]
    return np.pad(x, [(max(before, 0), max(after, 0)) for before, after in widths], mode, **options)


# (operation, strides, dilations, padding) of a convolution over so many axes.
@functools.lru_cache(maxsize=1024)
def _convolution(rank, strides, dilations, pads):
    padding = tuple(zip(pads[:rank], pads[rank:], strict=True)) if pads else 0
    return getattr(ops, f"conv{rank}d"), strides or (1,) * rank, dilations or (1,) * rank, padding


# With what fusion adds to the operator: activation(convolution + other). Where `other` is not of the result's shape it
# is added afterwards.
def conv(x, w, b=None, other=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET",
         kernel_shape=None, activation=None):  # fmt: skip
    rank = x.ndim - 2
    function, strides, dilations, padding = _convolution(rank, strides, dilations, pads)
    if auto_pad != "NOTSET":
        padding = _edges(x, w.shape[2:], strides, dilations, pads, auto_pad)
    if other is None:
        return function(x, w, b, strides, padding, dilations, group, activation=activation)
    _, shape = conv_geometry("Conv", rank, x.shape, w.shape, strides, padding, dilations, group)
    if other.dtype == x.dtype and other.shape == shape:
        return function(x, w, b, strides, padding, dilations, group, activation=activation, residual=other)
    result = function(x, w, b, strides, padding, dilations, group) + other
    return result if activation is None else getattr(ops, activation)(result)


def conv_transpose(x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, output_padding=None,
                   kernel_shape=None, auto_pad="NOTSET", output_shape=None):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = (v or (1,) * rank for v in (strides, dilations))
    extra = output_padding or (0,) * rank
    function = getattr(ops, f"conv_transpose{rank}d")
    if output_shape is not None or auto_pad.startswith("SAME"):
        wanted = output_shape[-rank:] if output_shape else [n * stride for n, stride in zip(x.shape[2:], strides)]
        sizes = (x.shape[2:], w.shape[2:], strides, dilations, extra, wanted)
        cuts = [(n - 1) * s + (k - 1) * d + 1 + e - m for n, k, s, d, e, m in zip(*sizes)]
        halves = [max(total + (auto_pad != "SAME_UPPER"), 0) // 2 for total in cuts]
        pads = [*halves, *(total - half for total, half in zip(cuts, halves))]
    elif auto_pad == "VALID":
        pads = None
    pads = _edges(x, w.shape[2:], strides, dilations, pads, "NOTSET")
    if all(before == after >= 0 for before, after in pads):
        return function(x, w, b, strides, tuple(before for before, _ in pads), extra, group, dilations)
    whole = function(x, w, None, strides, 0, extra, group, dilations)
    whole = resized(whole, [(0, 0), (0, 0), *((-before, -after) for before, after in pads)])
    return whole if b is None else whole + b.reshape(-1, *(1,) * rank)


def max_pool(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
             storage_order=0):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = (v or (1,) * rank for v in (strides, dilations))
    x, padding = _padded(x, _edges(x, kernel_shape, strides, dilations, pads, auto_pad), kernel_shape, -np.inf)
    return getattr(ops, f"max_pool{rank}d")(x, kernel_shape, strides, padding, dilations, bool(ceil_mode))


# The maxima and their places among all elements, in rows or (storage_order) in columns.
def max_pool_and_places(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
                        storage_order=0):  # fmt: skip
    rank, shape = x.ndim - 2, x.shape[2:]
    strides, dilations = (v or (1,) * rank for v in (strides, dilations))
    edges = _edges(x, kernel_shape, strides, dilations, pads, auto_pad)
    padded = np.pad(x.astype(np.promote_types(x.dtype, np.float32)), [(0, 0), (0, 0), *edges], constant_values=-np.inf)
    function = getattr(ops, f"max_pool{rank}d")
    maxima, places = function(padded, kernel_shape, strides, 0, dilations, bool(ceil_mode), True)
    cells = [at - before for at, (before, _) in zip(np.unravel_index(places, padded.shape[2:]), edges)]
    places = np.ravel_multi_index(cells, shape, order="F" if storage_order else "C")
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * rank)
    return maxima.astype(x.dtype), places + planes * int(np.prod(shape))


def average_pool(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
                 count_include_pad=0):  # fmt: skip
    rank = x.ndim - 2
    strides = strides or (1,) * rank
    padded, padding = _padded(x, _edges(x, kernel_shape, strides, (1,) * rank, pads, auto_pad), kernel_shape)
    function = getattr(ops, f"avg_pool{rank}d")
    arguments = (kernel_shape, strides, padding, bool(ceil_mode), bool(count_include_pad))
    result = function(padded, *arguments)
    if padded is not x and not count_include_pad:
        edges = [(0, 0), (0, 0), *_edges(x, kernel_shape, strides, (1,) * rank, pads, auto_pad)]
        result /= function(np.pad(np.ones_like(x[:1, :1]), edges), *arguments)
    return result
