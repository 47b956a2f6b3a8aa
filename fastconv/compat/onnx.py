"""ONNX: run a model on NumPy arrays, and read its weights.

`prepare(model).run(inputs)` computes a network on fastconv's kernels: the operators in OPERATORS, with ONNX's meaning
of every attribute (auto_pad, uneven pads and ceil_mode among them). Any other operator, and a rare use of one of these,
is computed by the reference implementation that onnx itself brings. Source: the ONNX operator schemas.
"""

import inspect

import numpy as np

from .. import ops
from ..extras import optional
from ..geometry import value_error
from ..geometry.arrays import FLOAT32, FLOAT64
from ..ops.prepare import prepare as prepare_weight
from ._onnx_fusion import Node, constants_of, fused
from ._onnx_operators import ALL_OUTPUTS, FUSED, OLDER, OLDEST, OPERATORS, UNUSUAL

__all__ = ["OPERATORS", "Backend", "Prepared", "prepare", "weights"]


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
    """A model (path or onnx.ModelProto) to `run`. Raises what onnx raises where it knows no operator of a name.

    >>> from onnx import TensorProto, helper
    >>> ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy"]
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", ends[:1], ends[1:])
    >>> prepare(helper.make_model(graph)).run(np.float32([[-1, 2]]))
    [array([[0., 2.]], dtype=float32)]
    """
    return Prepared(model)


class Prepared:
    """What `prepare` makes: `inputs` and `outputs` are names, `run` computes; `elsewhere` are the names of operators
    that the reference implementation computes."""

    def __init__(self, model):
        onnx, model = _loaded(model)
        self.constants = weights(model)
        self.inputs = [value.name for value in model.graph.input if value.name not in self.constants]
        self.outputs = [value.name for value in model.graph.output]
        version = max((each.version for each in model.opset_import if each.domain in DOMAINS), default=13)
        operators = OPERATORS | (OLDER if version < 13 else {}) | (OLDEST if version < 7 else {})
        nodes, self.elsewhere, types = [], set(), None
        used = {*self.outputs, *_names_read(model.graph)}
        for node in model.graph.node:
            attributes = _attributes(onnx, node)
            known = {} if node.domain not in DOMAINS else operators if used.isdisjoint(node.output[1:]) else ALL_OUTPUTS
            operator = known.get(node.op_type)
            if operator and _takes(operator, node, attributes):
                compute = _outputs(operator, attributes)
                nodes.append(Node(node.op_type, compute, attributes, list(node.input), list(node.output)))
            else:
                types = _types(onnx, model) if types is None else types
                self.elsewhere.add(node.op_type)
                nodes.append(Node("", *_by_reference(onnx, model, node, types)))
        with np.errstate(all="ignore"):
            nodes, self.constants = constants_of(nodes, self.constants)
        self.nodes = fused(nodes, self.constants, self.outputs, lambda kind, given: _outputs(FUSED[kind], given))
        self._prepare_transposed()
        self.spent = _last_reads(self.nodes, {*self.constants, *self.outputs, ""})

    # Transposed convolutions turn their weights, which takes long beside single images.
    def _prepare_transposed(self):
        readers = {}
        for node in self.nodes:
            for place, name in enumerate(node.reads):
                readers.setdefault(name, set()).add((node.kind, place))
        for name in self.constants.keys() - {*self.outputs}:
            weight = self.constants[name]
            if readers.get(name) == {("ConvTranspose", 1)} and weight.dtype in (FLOAT32, FLOAT64):
                operation = getattr(ops, f"conv_transpose{weight.ndim - 2}d")
                self.constants[name] = prepare_weight(operation, weight)

    def run(self, inputs) -> list[np.ndarray]:
        """The outputs, for one array, a sequence of arrays in the order of `inputs`, or a dict by name."""
        if not isinstance(inputs, dict):
            inputs = dict(zip(self.inputs, [inputs] if isinstance(inputs, np.ndarray) else inputs, strict=True))
        if set(inputs) != set(self.inputs):
            raise value_error("run", "inputs", f"are {sorted(inputs)}", f"{self.inputs}")
        values = {"": None, **self.constants}
        for name, value in inputs.items():
            values[name] = value if value is None or isinstance(value, list) else np.asarray(value)
        with np.errstate(all="ignore"):  # NaN and Inf are answers
            for node, spent in zip(self.nodes, self.spent, strict=True):
                values.update(zip(node.gives, node.compute(*(values[name] for name in node.reads))))
                for name in spent:  # its memory is the next one's, while it is still in cache
                    del values[name]
        return [_as_array(values[name]) for name in self.outputs]


class Backend:
    """fastconv as a backend of onnx (onnx.backend.base.Backend says what each method is).

    >>> from onnx import helper
    >>> Backend.run_node(helper.make_node("Relu", ["x"], ["y"]), [np.float32([-1, 2])])
    [array([0., 2.], dtype=float32)]
    """

    @staticmethod
    def is_compatible(model, device="CPU", **options) -> bool:
        return device == "CPU"

    @staticmethod
    def supports_device(device) -> bool:
        return device == "CPU"

    @staticmethod
    def prepare(model, device="CPU", **options) -> Prepared:
        if device != "CPU":
            raise value_error("prepare", "device", f"is {device!r}", "'CPU'")
        return prepare(model)

    @classmethod
    def run_model(cls, model, inputs, device="CPU", **options) -> list[np.ndarray]:
        return cls.prepare(model, device).run(inputs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, **options) -> list[np.ndarray]:
        onnx = optional("onnx", "onnx")
        ends = [[onnx.ValueInfoProto(name=name) for name in names if name] for names in (node.input, node.output)]
        model = onnx.helper.make_model(onnx.helper.make_graph([node], "node", *ends))
        return cls.run_model(model, inputs, device)


DOMAINS = ("", "ai.onnx")


# NumPy's functions return numbers for arrays of no axes.
def _as_array(value):
    return np.asarray(value) if isinstance(value, np.generic) else value


# For each node the names that nothing reads behind it, except those of values to keep.
def _last_reads(nodes, kept):
    last = {name: i for i, node in enumerate(nodes) for name in (*node.gives, *node.reads) if name not in kept}
    spent = [[] for _ in nodes]
    for name, i in last.items():
        spent[i].append(name)
    return spent


# Every name that nodes of a graph read, those of graphs inside them included.
def _names_read(graph):
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _names_read(inner)
                yield from (value.name for value in inner.output)


# What operators take by name: the attributes, and what else is known of a node.
def _attributes(onnx, node):
    attributes = {attribute.name: _value(onnx, attribute) for attribute in node.attribute}
    if node.op_type == "Cast":
        attributes["to"] = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
    if node.op_type == "Split":
        attributes["num_outputs"] = len(node.output)
    return attributes


def _value(onnx, attribute):
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return tuple(value) if isinstance(value, list) else value


# Whether an operator computes this node as ONNX says.
def _takes(operator, node, attributes):
    if node.op_type == "Dropout" and "".join(node.input[2:]):  # the input that asks for training
        return False
    if node.op_type in UNUSUAL and UNUSUAL[node.op_type](attributes):
        return False
    parameters = {} if isinstance(operator, np.ufunc) else inspect.signature(operator).parameters
    return any(p.kind is p.VAR_KEYWORD for p in parameters.values()) or parameters.keys() >= attributes.keys()


def _outputs(operator, attributes):
    def compute(*values):
        result = operator(*values, **attributes)
        return result if isinstance(result, tuple) else (result,)

    return compute


# What is known of each value of a graph, by name.
def _types(onnx, model):
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {each.name: each for each in (*graph.value_info, *graph.input, *graph.output)}
    for array in graph.initializer:
        types[array.name] = onnx.helper.make_tensor_value_info(array.name, array.data_type, array.dims)
    return types


# What a Node consists of behind its kind.
def _by_reference(onnx, model, node, types):
    from onnx.reference import ReferenceEvaluator

    inner = [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs)]
    outer = {name for graph in inner for name in _names_read(graph)} & _names_made(model.graph)
    reads = list(dict.fromkeys([*filter(None, node.input), *sorted(outer)]))
    gives = list(filter(None, node.output))
    ends = [[types.get(name, onnx.ValueInfoProto(name=name)) for name in names] for names in (reads, gives)]
    graph = onnx.helper.make_graph([node], node.op_type, *ends)
    opsets = {each.domain: each.version for each in model.opset_import}
    evaluator = ReferenceEvaluator(graph, opsets=opsets, functions=list(model.functions))
    return lambda *values: evaluator.run(None, dict(zip(reads, values, strict=True))), {}, reads, gives


def _names_made(graph):
    return {each.name for each in (*graph.input, *graph.initializer)} | {name for n in graph.node for name in n.output}


def _loaded(model):
    onnx = optional("onnx", "onnx")
    return onnx, model if isinstance(model, onnx.ModelProto) else onnx.load(model)
