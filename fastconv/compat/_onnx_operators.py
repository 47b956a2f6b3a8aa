"""The operators of ONNX that fastconv computes, with ONNX's meaning of every attribute.

Source: the ONNX operator schemas.
"""

import functools
import math

import numpy as np

from .. import ops
from ..geometry import value_error
from ._onnx_windows import average_pool, conv, conv_transpose, max_pool, max_pool_and_places, resized
from ._resize import is_usual, resize

# Elements from which a pass is worth the call of an operation.
LARGE = 1 << 14


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
    if len(arrays) == 1:
        return arrays[0]
    large = _floats(*arrays) and sum(x.size for x in arrays) > LARGE
    return ops.concat(list(arrays), axis) if large else np.concatenate(arrays, axis)


# Views, as many as the node has outputs.
def _split(x, sizes=None, *, axis=0, split=None, num_outputs):
    sizes = split if sizes is None else sizes.tolist()
    if sizes is None:  # equal ones, but for the last
        each = -(-x.shape[axis] // num_outputs)
        sizes = [each] * num_outputs
    return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))


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
    if training_mode:  # of a batch; its statistics are asked for by nobody
        mean = variance = None
    return ops.batch_norm(
        x, mean, variance, scale, bias, bool(training_mode), 1 - momentum, epsilon, activation=activation
    )


def _reshape(x, shape, *, allowzero=0):
    return x.reshape([n if n or allowzero else x.shape[i] for i, n in enumerate(shape.tolist())])


def _slice(x, starts, ends, axes=None, steps=None):
    places, starts = [slice(None)] * x.ndim, _ints(starts)
    axes = range(len(starts)) if axes is None else _ints(axes)
    steps = (1,) * len(starts) if steps is None else _ints(steps)
    for axis, start, end, step in zip(axes, starts, _ints(ends), steps):
        places[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(places)]


def _pad(x, pads, value=None, axes=None, *, mode="constant"):
    widths, half = [(0, 0)] * x.ndim, len(pads) // 2
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        widths[axis] = (int(pads[i]), int(pads[half + i]))
    ours = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(mode)
    planes = 3 <= x.ndim <= 5 and not any(widths[0] + widths[1]) and x.size > LARGE and _floats(x)
    if ours and planes and all(0 <= width < n for n, pair in zip(x.shape, widths) for width in pair):
        borders = [width for pair in widths[:1:-1] for width in pair]
        return ops.pad(x, borders, ours, **({"value": float(value or 0)} if mode == "constant" else {}))
    return resized(x, widths, mode, **({"constant_values": value or 0} if mode == "constant" else {}))


def _reduction(function):
    def reduce(x, axes=None, *, keepdims=1, noop_with_empty_axes=0, **older):
        axes = _ints(older.get("axes", () if axes is None else axes))
        if not axes and noop_with_empty_axes:
            return x
        return function(x, axis=axes or None, keepdims=bool(keepdims)).astype(x.dtype, copy=False)

    return reduce


# Means of whole planes are those of a pool.
def _mean(x, axis, keepdims):
    if axis is None or x.ndim < 3 or sorted(n % x.ndim for n in axis) != [*range(2, x.ndim)]:
        return np.mean(x, axis, keepdims=keepdims)
    means = _global_average_pool(x)
    return means if keepdims else means.reshape(x.shape[:2])


# Extremes: of no cells the most extreme value there is, on the other side.
def _highest(x, **options):
    return np.max(x, initial=_limits(x.dtype)[0], **options)


def _lowest(x, **options):
    return np.min(x, initial=_limits(x.dtype)[1], **options)


def _limits(dtype):
    if dtype.kind in "iu":
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return (False, True) if dtype.kind == "b" else (-np.inf, np.inf)


# Where the first, or the last, extreme value of each line is.
def _extreme(function):
    def compute(x, *, axis=0, keepdims=1, select_last_index=0):
        if select_last_index:
            return x.shape[axis] - 1 - function(np.flip(x, axis), axis, keepdims=bool(keepdims))
        return function(x, axis, keepdims=bool(keepdims))

    return compute


# Any number of arrays, one after another.
def _folded(function):
    return lambda *arrays: functools.reduce(function, arrays)


def _power(x, y):
    if x.dtype.kind == "f" and y.ndim == 0:
        return x ** y.item()  # NumPy knows faster ways for squares and roots
    return np.power(x, y.astype(x.dtype) if x.dtype.kind == "f" else y).astype(x.dtype, copy=False)


def _scatter_nd(x, indices, updates, *, reduction="none"):
    result = x.copy()
    result[tuple(np.moveaxis(indices, -1, 0))] = updates
    return result


# The older name of Resize.
def _upsample(x, scales=None, *, mode="nearest", **older):
    scales = np.float32(older["scales"]) if scales is None else scales
    options = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return resize(x, None, scales, mode="linear" if mode == "bilinear" else mode, **options)


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
    "AveragePool": average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Einsum": lambda *arrays, equation: np.einsum(equation, *arrays, optimize=True),
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
    "LRN": lambda x, *, size, alpha=1e-4, beta=0.75, bias=1.0: ops.local_response_norm(x, size, alpha, beta, bias),
    "LogSoftmax": lambda x, *, axis=-1: ops.log_softmax(x, axis),
    "MatMul": _matmul,
    "MaxPool": max_pool,
    "Mish": lambda x: ops.mish(x),
    "Relu": lambda x: ops.relu(x),
    "Resize": resize,
    "Sigmoid": lambda x: ops.sigmoid(x),
    "Softmax": lambda x, *, axis=-1: ops.softmax(x, axis),
    "Softplus": lambda x: ops.softplus(x),
    "Tanh": lambda x: ops.tanh(x),
    "Upsample": _upsample,
}

OPERATORS = {name: _in_float32(function) for name, function in KERNELS.items()} | {
    "Abs": np.abs,
    "Add": _large(ops.add, np.add),
    "And": np.logical_and,
    "ArgMax": _extreme(np.argmax),
    "ArgMin": _extreme(np.argmin),
    "Cast": lambda x, *, to, saturate=1: x.astype(to),
    "Ceil": np.ceil,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Cos": np.cos,
    "DepthToSpace": _depth_to_space,
    "Div": lambda a, b: (a - np.fmod(a, b)) // b if a.dtype.kind in "iu" else np.divide(a, b),
    "Dropout": lambda x, *_, **ratio: x,
    "Equal": np.equal,
    "Exp": np.exp,
    "Expand": lambda x, shape: np.array(np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))),
    "Flatten": _flatten,
    "Floor": np.floor,
    "Gather": lambda x, indices, *, axis=0: np.take(x, indices, axis),
    "GatherElements": lambda x, indices, *, axis=0: np.take_along_axis(x, indices, axis),
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": lambda x: np.max(x, axis=tuple(range(2, x.ndim)), keepdims=True),
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Identity": lambda x: x,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": _folded(np.maximum),
    "Min": _folded(np.minimum),
    "Mod": lambda a, b, *, fmod=0: np.fmod(a, b) if fmod else np.mod(a, b),
    "Mul": _large(ops.mul, np.multiply),
    "Neg": np.negative,
    "NonZero": lambda x: np.array(np.nonzero(x), np.int64),
    "Not": np.logical_not,
    "Or": np.logical_or,
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _power,
    "Range": lambda start, limit, delta: np.arange(start.item(), limit.item(), delta.item(), start.dtype),
    "Reciprocal": np.reciprocal,
    "ReduceMax": _reduction(_highest),
    "ReduceMean": _reduction(_mean),
    "ReduceMin": _reduction(_lowest),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Reshape": _reshape,
    "Round": np.rint,
    "ScatterND": _scatter_nd,
    "Shape": lambda x, *, start=0, end=None: np.array(x.shape[start:end], np.int64),
    "Sign": np.sign,
    "Sin": np.sin,
    "Slice": _slice,
    "Split": _split,
    "Sqrt": np.sqrt,
    "Squeeze": _squeeze,
    "Sub": _large(ops.sub, np.subtract),
    "Sum": _folded(np.add),
    "Tile": lambda x, repeats: np.tile(x, _ints(repeats)),
    "Transpose": lambda x, *, perm=None: np.transpose(x, perm),
    "Unsqueeze": _unsqueeze,
    "Where": lambda choice, a, b: np.where(choice, a, b),
    "Xor": np.logical_xor,
}

# What fusion makes of nodes.
FUSED = {
    name: _in_float32(function)
    for name, function in {
        "BatchNormalization": _batch_norm,
        "Conv": conv,
        "Gelu": KERNELS["Gelu"],
        "Linear": _linear,
        "Silu": ops.silu,
    }.items()
}

# Attributes that ask for what these do not do.
UNUSUAL = {
    "AveragePool": lambda attributes: any(step != 1 for step in attributes.get("dilations", ())),
    "LRN": lambda attributes: attributes["size"] % 2 == 0,  # the window of which is one cell further on
    "Resize": lambda attributes: not is_usual(attributes),
    "ScatterND": lambda attributes: attributes.get("reduction", "none") != "none",
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
ALL_OUTPUTS = {"MaxPool": max_pool_and_places, "Split": _split}
