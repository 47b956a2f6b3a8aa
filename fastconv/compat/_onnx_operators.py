"""The operators of ONNX that fastconv computes, with ONNX's meaning of every attribute.

Source: the ONNX operator schemas.
"""

import functools
import math

import numpy as np

from .. import ops
from ..geometry import value_error
from ._resize import is_usual, resize

# Elements from which a pass is worth the call of an operation.
LARGE = 1 << 14

# ---- windows


# (begin, end) of the padding on each axis: `pads` as ONNX lists them, or what auto_pad asks for.
def _edges(x, window, strides, dilations, pads, auto_pad):
    rank = x.ndim - 2
    if auto_pad in ("NOTSET", "VALID"):
        pads = (0,) * 2 * rank if pads is None or auto_pad == "VALID" else pads
        return list(zip(pads[:rank], pads[rank:], strict=True))
    edges = []
    for extent, size, stride, dilation in zip(x.shape[2:], window, strides, dilations):
        total = max((-(-extent // stride) - 1) * stride + dilation * (size - 1) + 1 - extent, 0)
        half = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
        edges.append((half, total - half))
    return edges


# (x, padding of the operation): padding that both ends share, or else an x that is padded already.
def _padded(x, edges, most=None, fill=0):
    if all(a == b and (most is None or a <= size // 2) for (a, b), size in zip(edges, most or edges)):
        return x, tuple(a for a, _ in edges)
    return np.pad(x, [(0, 0), (0, 0), *edges], constant_values=fill), 0


# With what fusion adds to the operator: activation(convolution + other). Where `other` is not of the result's shape it
# is added afterwards.
def _conv(x, w, b=None, other=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET",
          kernel_shape=None, activation=None):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = (tuple(v or (1,) * rank) for v in (strides, dilations))
    x, padding = _padded(x, _edges(x, w.shape[2:], strides, dilations, pads, auto_pad))
    call = functools.partial(getattr(ops, f"conv{rank}d"), x, w, b, strides, padding, dilations, group)
    if other is None:
        return call(activation=activation)
    sizes = zip(x.shape[2:], w.shape[2:], padding or (0,) * rank, strides, dilations, strict=True)
    shape = x.shape[0], w.shape[0], *((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, p, s, d in sizes)
    if other.shape == shape and other.dtype == x.dtype:
        return call(activation=activation, residual=other)
    result = call() + other
    return result if activation is None else getattr(ops, activation)(result)


def _conv_transpose(x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, output_padding=None,
                    kernel_shape=None, auto_pad="NOTSET", output_shape=None):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = (tuple(v or (1,) * rank) for v in (strides, dilations))
    extra = tuple(output_padding or (0,) * rank)
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
    whole = _resized(whole, [(0, 0), (0, 0), *((-before, -after) for before, after in pads)])
    return whole if b is None else whole + b.reshape(-1, *(1,) * rank)


def _max_pool(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
              storage_order=0):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = (tuple(v or (1,) * rank) for v in (strides, dilations))
    x, padding = _padded(x, _edges(x, kernel_shape, strides, dilations, pads, auto_pad), kernel_shape, -np.inf)
    return getattr(ops, f"max_pool{rank}d")(x, tuple(kernel_shape), strides, padding, dilations, bool(ceil_mode))


# The maxima and their places among all elements, in rows or (storage_order) in columns.
def _max_pool_and_places(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
                         storage_order=0):  # fmt: skip
    rank, shape = x.ndim - 2, x.shape[2:]
    strides, dilations = (tuple(v or (1,) * rank) for v in (strides, dilations))
    edges = _edges(x, kernel_shape, strides, dilations, pads, auto_pad)
    padded = np.pad(x.astype(np.promote_types(x.dtype, np.float32)), [(0, 0), (0, 0), *edges], constant_values=-np.inf)
    function = getattr(ops, f"max_pool{rank}d")
    maxima, places = function(padded, tuple(kernel_shape), strides, 0, dilations, bool(ceil_mode), True)
    cells = [at - before for at, (before, _) in zip(np.unravel_index(places, padded.shape[2:]), edges)]
    places = np.ravel_multi_index(cells, shape, order="F" if storage_order else "C")
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * rank)
    return maxima.astype(x.dtype), places + planes * int(np.prod(shape))


def _average_pool(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
                  count_include_pad=0):  # fmt: skip
    rank = x.ndim - 2
    strides, window = tuple(strides or (1,) * rank), tuple(kernel_shape)
    padded, padding = _padded(x, _edges(x, window, strides, (1,) * rank, pads, auto_pad), window)
    function = getattr(ops, f"avg_pool{rank}d")
    arguments = (window, strides, padding, bool(ceil_mode), bool(count_include_pad))
    result = function(padded, *arguments)
    if padded is not x and not count_include_pad:
        edges = [(0, 0), (0, 0), *_edges(x, window, strides, (1,) * rank, pads, auto_pad)]
        result /= function(np.pad(np.ones_like(x[:1, :1]), edges), *arguments)
    return result


# ---- the rest


# The axes, places or widths that ONNX gives as an array of one axis or of none.
def _ints(array):
    return tuple(np.ravel(array).tolist())


# Whether fastconv's own operations take these arrays.
def _floats(*arrays):
    return len({x.dtype for x in arrays}) == 1 and arrays[0].dtype in (np.float32, np.float64)


# An operation of fastconv where it takes the arrays and they are not small, or else NumPy's.
def _large(operation, function):
    def compute(a, b):
        return operation(a, b) if _floats(a, b) and a.size + b.size > LARGE else function(a, b)

    return compute


def _concat(*arrays, axis):
    large = _floats(*arrays) and sum(x.size for x in arrays) > LARGE
    return ops.concat(list(arrays), axis) if large else np.concatenate(arrays, axis)


def _linear(x, weight, bias):
    return ops.linear(x, weight, bias) if _floats(x, weight, bias) else np.matmul(x, weight.T) + bias


def _matmul(a, b):
    return ops.matmul(a, b) if _floats(a, b) and min(a.ndim, b.ndim) else np.matmul(a, b)


def _gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    a, b = a.T if transA else a, b.T if transB else b
    if alpha == beta == 1 and transB and c is not None and c.shape == b.shape[1:] and _floats(a, b, c):
        return ops.linear(a, b.T, c)
    result = _matmul(a, b) if alpha == 1 else a.dtype.type(alpha) * _matmul(a, b)
    return result if c is None else result + (c if beta == 1 else c.dtype.type(beta) * c)


def _batch_norm(x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1,
                activation=None):  # fmt: skip
    if not spatial:
        raise value_error("BatchNormalization", "spatial", "is 0", "1")
    return ops.batch_norm(x, mean, variance, scale, bias, False, 1 - momentum, epsilon, activation=activation)


def _reshape(x, shape, *, allowzero=0):
    return x.reshape([n if n or allowzero else x.shape[i] for i, n in enumerate(shape.tolist())])


def _slice(x, starts, ends, axes=None, steps=None):
    places, starts = [slice(None)] * x.ndim, _ints(starts)
    axes = range(len(starts)) if axes is None else _ints(axes)
    steps = (1,) * len(starts) if steps is None else _ints(steps)
    for axis, start, end, step in zip(axes, starts, _ints(ends), steps):
        places[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(places)]


# x with cells cut off at each end where a width is negative, then padded where it is positive.
def _resized(x, widths, mode="constant", **options):
    x = x[tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape, widths))]
    return np.pad(x, [(max(before, 0), max(after, 0)) for before, after in widths], mode, **options)


def _pad(x, pads, value=None, axes=None, *, mode="constant"):
    widths, half = [(0, 0)] * x.ndim, len(pads) // 2
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        widths[axis] = (int(pads[i]), int(pads[half + i]))
    ours = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(mode)
    planes = 3 <= x.ndim <= 5 and not any(widths[0] + widths[1]) and x.size > LARGE and _floats(x)
    if ours and planes and all(0 <= width < n for n, pair in zip(x.shape, widths) for width in pair):
        borders = [width for pair in widths[:1:-1] for width in pair]
        return ops.pad(x, borders, ours, **({"value": float(value or 0)} if mode == "constant" else {}))
    return _resized(x, widths, mode, **({"constant_values": value or 0} if mode == "constant" else {}))


def _reduce_mean(x, axes=None, *, keepdims=1, noop_with_empty_axes=0, **older):
    axes = _ints(older.get("axes", () if axes is None else axes))
    if not axes and noop_with_empty_axes:
        return x
    return x.mean(axes or None, keepdims=bool(keepdims))


def _clip(x, low=None, high=None, *, min=None, max=None):
    return np.clip(x, min if low is None else low, max if high is None else high).astype(x.dtype, copy=False)


def _squeeze(x, axes=None, **older):
    axes = older.get("axes", axes)
    return np.squeeze(x, None if axes is None else _ints(axes))


def _unsqueeze(x, axes=None, **older):
    return np.expand_dims(x, _ints(older.get("axes", axes)))


# Before version 13 all axes from `axis` on are one.
def _over_all_from(function):
    def older(x, *, axis=1):
        return function(_flatten(x, axis=axis)).reshape(x.shape)

    return older


def _flatten(x, *, axis=1):
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def _constant(*, value=None, value_float=None, value_int=None, value_floats=None, value_ints=None):
    if value is not None:
        return value
    if value_float is not None or value_floats is not None:
        return np.float32(value_floats if value_float is None else value_float)
    return np.asarray(value_ints if value_int is None else value_int, np.int64)


def _constant_of_shape(shape, *, value=None):
    value = np.float32([0]) if value is None else value
    return np.full(shape.tolist(), value.item(), value.dtype)


def _global_average_pool(x):
    if _floats(x) and 3 <= x.ndim <= 5 and x.size:
        return getattr(ops, f"adaptive_avg_pool{x.ndim - 2}d")(x, 1)
    return np.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)


def _hard_sigmoid(x, *, alpha=0.2, beta=0.5):
    if alpha == np.float32(1 / 6) and beta == 0.5:
        return ops.hardsigmoid(x)
    return np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), 0, 1)


def _prelu(x, slope):
    if _floats(x, slope) and (slope.size == 1 or slope.shape == (*x.shape[1:2], *(1,) * (x.ndim - 2))):
        return ops.prelu(x, slope.reshape(-1))
    return np.where(x < 0, x * slope, x)


def _depth_to_space(x, *, blocksize, mode="DCR"):
    n, c, h, w = x.shape
    blocks = (blocksize, blocksize)
    deep = mode == "DCR"
    apart = x.reshape(n, *(blocks if deep else ()), c // blocksize**2, *(() if deep else blocks), h, w)
    together = apart.transpose(0, 3, 4, 1, 5, 2) if deep else apart.transpose(0, 1, 4, 2, 5, 3)
    return together.reshape(n, c // blocksize**2, h * blocksize, w * blocksize)


def _group_norm(x, scale, bias, *, num_groups, epsilon=1e-5, stash_type=1):
    if scale.size == num_groups:  # before version 21
        scale, bias = (np.repeat(each, x.shape[1] // num_groups) for each in (scale, bias))
    return ops.group_norm(x, num_groups, scale, bias, epsilon)


def _layer_norm(x, scale, bias=None, *, axis=-1, epsilon=1e-5, stash_type=1):
    shape = x.shape[axis:]
    scale, bias = (None if each is None else np.broadcast_to(each, shape) for each in (scale, bias))
    return ops.layer_norm(x, shape, scale, bias, epsilon)


# 2 Φ(√2 x) - 1, where gelu(x) is x Φ(x); near 0, where that loses digits, the first terms of the series.
def _erf(x):
    if x.dtype == np.float64:
        return np.vectorize(math.erf, otypes=[x.dtype])(x)
    wide = np.clip(x * np.float64(math.sqrt(2)), -10, 10)
    near = np.abs(wide) < 1e-3
    far = 2 * ops.gelu(wide) / np.where(near, 1, wide) - 1
    return np.where(near, wide * (1 - wide * wide / 6) * math.sqrt(2 / math.pi), far).astype(x.dtype)


# Types of two bytes or one, of which float32 holds every value, are computed in it.
def _in_float32(function):
    @functools.wraps(function)
    def compute(x, *others, **attributes):
        if x.dtype.itemsize > 2:
            return function(x, *others, **attributes)
        others = (y.astype(np.float32) if y is not None and y.dtype == x.dtype else y for y in others)
        return function(x.astype(np.float32), *others, **attributes).astype(x.dtype)

    return compute


KERNELS = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Elu": lambda x, *, alpha=1.0: ops.elu(x, alpha),
    "Erf": _erf,
    "Gelu": lambda x, *, approximate="none": ops.gelu(x, approximate),
    "Gemm": _gemm,
    "GroupNormalization": _group_norm,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x: ops.hardswish(x),
    "InstanceNormalization": lambda x, scale, bias, *, epsilon=1e-5: ops.instance_norm(
        x, weight=scale, bias=bias, eps=epsilon
    ),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda x, *, alpha=0.01: ops.leaky_relu(x, alpha),
    "LogSoftmax": lambda x, *, axis=-1: ops.log_softmax(x, axis),
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mish": lambda x: ops.mish(x),
    "Relu": lambda x: ops.relu(x),
    "Resize": resize,
    "Sigmoid": lambda x: ops.sigmoid(x),
    "Softmax": lambda x, *, axis=-1: ops.softmax(x, axis),
    "Softplus": lambda x: ops.softplus(x),
    "Tanh": lambda x: ops.tanh(x),
}

OPERATORS = {name: _in_float32(function) for name, function in KERNELS.items()} | {
    "Add": _large(ops.add, np.add),
    "Cast": lambda x, *, to, saturate=1: x.astype(to),
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Div": lambda a, b: (a - np.fmod(a, b)) // b if a.dtype.kind in "iu" else np.divide(a, b),
    "Dropout": lambda x, *_, **ratio: x,
    "Flatten": _flatten,
    "Gather": lambda x, indices, *, axis=0: np.take(x, indices, axis),
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": lambda x: np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True),
    "Identity": lambda x: x,
    "Mul": _large(ops.mul, np.multiply),
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceMean": _reduce_mean,
    "Reshape": _reshape,
    "Shape": lambda x, *, start=0, end=None: np.array(x.shape[start:end], np.int64),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _large(ops.sub, np.subtract),
    "Transpose": lambda x, *, perm=None: np.transpose(x, perm),
    "Unsqueeze": _unsqueeze,
}

# What fusion makes of nodes.
FUSED = {
    name: _in_float32(function)
    for name, function in {
        "BatchNormalization": _batch_norm,
        "Conv": _conv,
        "Linear": _linear,
        "Silu": ops.silu,
    }.items()
}

# Attributes that ask for what these do not do.
UNUSUAL = {
    "AveragePool": lambda attributes: any(step != 1 for step in attributes.get("dilations", ())),
    "BatchNormalization": lambda attributes: attributes.get("training_mode"),
    "Resize": lambda attributes: not is_usual(attributes),
}


# Slopes of channels, before version 7.
def _prelu_of_channels(x, slope):
    return OPERATORS["PRelu"](x, slope.reshape(-1, *(1,) * (x.ndim - 2)) if slope.size > 1 else slope)


# Operators of the same names in version 12 and before.
OLDER = {
    "LogSoftmax": _over_all_from(lambda x: ops.log_softmax(x, 1)),
    "Softmax": _over_all_from(lambda x: ops.softmax(x, 1)),
}
OLDEST = {"PRelu": _prelu_of_channels}

# Where more than the first output is wanted.
ALL_OUTPUTS = {"MaxPool": _max_pool_and_places}
