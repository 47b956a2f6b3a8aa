"""ONNX: run a model on NumPy arrays, and read its weights.

`prepare(model).run(inputs)` computes a convolutional network on fastconv's kernels: the operators in OPERATORS, with
ONNX's meaning of every attribute (auto_pad, uneven pads and ceil_mode among them). Source: the ONNX operator schemas.
"""

import numpy as np

from .. import ops
from ..extras import optional
from ..geometry import value_error
from ._resize import resize

__all__ = ["OPERATORS", "Prepared", "prepare", "weights"]


def weights(model) -> dict[str, np.ndarray]:
    """The initialisers of an ONNX model by name.

    model: a path, or an onnx.ModelProto. PyTorch's exporter keeps the names of a state_dict, so that
    `net.load_state_dict(weights(path), strict=False)` fills the layers of the same names; weights that were exported
    transposed or folded into others keep the shape and name that the file has. Raises ImportError without onnx.

    >>> import onnx
    >>> array = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "0.weight")
    >>> graph = onnx.helper.make_graph([], "net", [], [], [array])
    >>> weights(onnx.helper.make_model(graph))["0.weight"].shape
    (2, 3)
    """
    onnx, model = _loaded(model)
    return {array.name: onnx.numpy_helper.to_array(array).copy() for array in model.graph.initializer}


def prepare(model) -> "Prepared":
    """A model (path or onnx.ModelProto) to `run`; ValueError names an operator that is not in OPERATORS.

    >>> from onnx import TensorProto, helper
    >>> ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy"]
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", ends[:1], ends[1:])
    >>> prepare(helper.make_model(graph)).run(np.float32([[-1, 2]]))
    [array([[0., 2.]], dtype=float32)]
    """
    return Prepared(model)


class Prepared:
    """What `prepare` makes: `inputs` and `outputs` are names, `run` computes."""

    def __init__(self, model):
        onnx, model = _loaded(model)
        self.constants = weights(model)
        self.inputs = [value.name for value in model.graph.input if value.name not in self.constants]
        self.outputs = [value.name for value in model.graph.output]
        version = max((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), default=13)
        operators = OPERATORS if version >= 13 else OPERATORS | OLDER
        self.nodes = []
        used = {*self.outputs, *(name for node in model.graph.node for name in node.input)}
        for node in model.graph.node:
            if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
                raise value_error("prepare", "model", f"has the operator {node.op_type}", ", ".join(sorted(OPERATORS)))
            if not used.isdisjoint(node.output[1:]):
                came = f"uses {len(node.output)} outputs of {node.op_type}"
                raise value_error("prepare", "model", came, "the first alone")
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            for key, value in attributes.items():
                if isinstance(value, bytes):
                    attributes[key] = value.decode()
                elif isinstance(value, onnx.TensorProto):
                    attributes[key] = onnx.numpy_helper.to_array(value)
            if node.op_type == "Cast":
                attributes["to"] = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
            self.nodes.append((operators[node.op_type], tuple(node.input), node.output[0], attributes))

    def run(self, inputs) -> list[np.ndarray]:
        """The outputs, for one array, a sequence of arrays in the order of `inputs`, or a dict by name."""
        if not isinstance(inputs, dict):
            inputs = dict(zip(self.inputs, [inputs] if isinstance(inputs, np.ndarray) else inputs, strict=True))
        if set(inputs) != set(self.inputs):
            raise value_error("run", "inputs", f"are {sorted(inputs)}", f"{self.inputs}")
        values = {"": None, **self.constants, **{name: np.asarray(array) for name, array in inputs.items()}}
        for operator, names, output, attributes in self.nodes:
            values[output] = operator(*(values[name] for name in names), **attributes)
        return [values[name] for name in self.outputs]


def _loaded(model):
    onnx = optional("onnx", "onnx")
    return onnx, model if isinstance(model, onnx.ModelProto) else onnx.load(model)


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


def _conv(x, w, b=None, *, strides=None, pads=None, dilations=None, group=1, auto_pad="NOTSET", kernel_shape=None):
    rank = x.ndim - 2
    strides, dilations = (tuple(v or (1,) * rank) for v in (strides, dilations))
    x, padding = _padded(x, _edges(x, w.shape[2:], strides, dilations, pads, auto_pad))
    return getattr(ops, f"conv{rank}d")(x, w, b, strides, padding, dilations, group)


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


def _average_pool(x, *, kernel_shape, strides=None, pads=None, dilations=None, auto_pad="NOTSET", ceil_mode=0,
                  count_include_pad=0):  # fmt: skip
    rank = x.ndim - 2
    if any(step != 1 for step in dilations or ()):
        raise value_error("AveragePool", "dilations", f"are {dilations}", "all 1")
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


def _gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    a, b = a.T if transA else a, b.T if transB else b
    result = a @ b if alpha == 1 else a.dtype.type(alpha) * (a @ b)
    return result if c is None else result + (c if beta == 1 else c.dtype.type(beta) * c)


def _batch_norm(x, scale, bias, mean, variance, *, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1):
    if training_mode or not spatial:
        came = f"are {training_mode} and {spatial}"
        raise value_error("BatchNormalization", "training_mode and spatial", came, "0 and 1")
    return ops.batch_norm(x, mean, variance, scale, bias, False, 1 - momentum, epsilon)


def _reshape(x, shape, *, allowzero=0):
    return x.reshape([n if n or allowzero else x.shape[i] for i, n in enumerate(shape.tolist())])


def _slice(x, starts, ends, axes=None, steps=None):
    places = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    for axis, start, end, step in zip(axes, starts, ends, np.ones_like(starts) if steps is None else steps):
        places[axis] = slice(int(start), None if step < 0 and end < -x.shape[axis] else int(end), int(step))
    return x[tuple(places)]


# x with cells cut off at each end where a width is negative, then padded where it is positive.
def _resized(x, widths, mode="constant", **options):
    x = x[tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape, widths))]
    return np.pad(x, [(max(before, 0), max(after, 0)) for before, after in widths], mode, **options)


def _pad(x, pads, value=None, axes=None, *, mode="constant"):
    widths, half = [(0, 0)] * x.ndim, len(pads) // 2
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        widths[axis] = (int(pads[i]), int(pads[half + i]))
    return _resized(x, widths, mode, **({"constant_values": value or 0} if mode == "constant" else {}))


def _reduce_mean(x, axes=None, *, keepdims=1, noop_with_empty_axes=0, **older):
    axes = tuple(map(int, older.get("axes", () if axes is None else axes)))
    if not axes and noop_with_empty_axes:
        return x
    return x.mean(axes or None, keepdims=bool(keepdims))


def _clip(x, low=None, high=None, *, min=None, max=None):
    return np.clip(x, min if low is None else low, max if high is None else high).astype(x.dtype, copy=False)


def _squeeze(x, axes=None, **older):
    axes = older.get("axes", axes)
    return np.squeeze(x, None if axes is None else tuple(map(int, axes)))


def _unsqueeze(x, axes=None, **older):
    return np.expand_dims(x, tuple(map(int, older.get("axes", axes))))


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


def _global(reduce):
    return lambda x: reduce(x, axis=tuple(range(2, x.ndim)), keepdims=True)


OPERATORS = {
    "Add": np.add,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": lambda x, *, to, saturate=1: x.astype(to),
    "Clip": _clip,
    "Concat": lambda *arrays, axis: np.concatenate(arrays, axis),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Div": lambda a, b: np.divide(a, b) if a.dtype.kind == "f" else (a - np.fmod(a, b)) // b,
    "Dropout": lambda x, *_, **ratio: x,
    "Elu": lambda x, *, alpha=1.0: ops.elu(x, alpha),
    "Flatten": _flatten,
    "Gather": lambda x, indices, *, axis=0: np.take(x, indices, axis),
    "Gemm": _gemm,
    "GlobalAveragePool": _global(np.mean),
    "GlobalMaxPool": _global(np.max),
    "HardSigmoid": lambda x, *, alpha=0.2, beta=0.5: np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), 0, 1),
    "HardSwish": lambda x: ops.hardswish(x),
    "Identity": lambda x: x,
    "InstanceNormalization": lambda x, scale, bias, *, epsilon=1e-5: ops.instance_norm(
        x, weight=scale, bias=bias, eps=epsilon
    ),
    "LeakyRelu": lambda x, *, alpha=0.01: ops.leaky_relu(x, alpha),
    "LogSoftmax": lambda x, *, axis=-1: ops.log_softmax(x, axis),
    "MatMul": np.matmul,
    "MaxPool": _max_pool,
    "Mul": np.multiply,
    "PRelu": lambda x, slope: np.where(x < 0, x * slope, x),
    "Pad": _pad,
    "ReduceMean": _reduce_mean,
    "Relu": lambda x: ops.relu(x),
    "Reshape": _reshape,
    "Resize": resize,
    "Shape": lambda x, *, start=0, end=None: np.array(x.shape[start:end], np.int64),
    "Sigmoid": lambda x: ops.sigmoid(x),
    "Slice": _slice,
    "Softmax": lambda x, *, axis=-1: ops.softmax(x, axis),
    "Softplus": lambda x: ops.softplus(x),
    "Squeeze": _squeeze,
    "Sub": np.subtract,
    "Tanh": lambda x: ops.tanh(x),
    "Transpose": lambda x, *, perm=None: np.transpose(x, perm),
    "Unsqueeze": _unsqueeze,
}

# Operators of the same names in version 12 and before.
OLDER = {
    "LogSoftmax": _over_all_from(lambda x: ops.log_softmax(x, 1)),
    "Softmax": _over_all_from(lambda x: ops.softmax(x, 1)),
}
