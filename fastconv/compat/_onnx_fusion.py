"""Fewer nodes for the same results up to rounding: what is constant is computed once, and convolutions normalise, add
and activate as they write."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Node(NamedTuple):
    """What a node computes from the values named in `reads`; `kind` is an operator's name, or empty if unknown."""

    kind: str
    compute: Callable[..., tuple]
    attributes: dict[str, Any]
    reads: list[str]
    gives: list[str]


# Names of activations that convolutions apply, by operator and attributes; Clip has its limits as inputs.
ACTIVATIONS: dict[str, tuple[str, dict]] = {
    "Elu": ("elu", {"alpha": 1.0}),
    "Gelu": ("gelu", {"approximate": "none"}),
    "HardSwish": ("hardswish", {}),
    "LeakyRelu": ("leaky_relu", {"alpha": np.float32(0.01)}),
    "Mish": ("mish", {}),
    "Relu": ("relu", {}),
    "Sigmoid": ("sigmoid", {}),
    "Silu": ("silu", {}),
    "Softplus": ("softplus", {}),
    "Tanh": ("tanh", {}),
}
# What nodes that are merged with a later one become.
MERGED = {"Erf": "Gelu", "MatMul": "Linear", "Sigmoid": "Silu"}


def constants_of(nodes: list[Node], known: dict[str, Any]) -> tuple[list[Node], dict[str, Any]]:
    """The nodes that depend on an input, and `known` with all values that do not."""
    left, known = [], dict(known)
    for node in nodes:
        if node.kind and all(name in known for name in node.reads if name):
            values = node.compute(*(known.get(name) for name in node.reads))
            known.update(zip(node.gives, values))
        else:
            left.append(node)
    return left, known


def fused(nodes: list[Node], known: dict[str, Any], wanted: list[str], bind: Callable) -> list[Node]:
    """`nodes` with convolutions, and products with their own sigmoid, taken together.

    known: constants by name, to which those of folded normalisations are added. wanted: names that must be computed.
    bind(kind, attributes): the function of a node.
    """
    readers = Counter([*wanted, *(name for node in nodes for name in node.reads)])
    done: dict[str, Node] = {}  # by the first name that a node gives, in order

    # The node of that kind that gives `name` to one reader alone; a convolution, as long as it does not activate.
    def maker(name: str, kind: str) -> Node | None:
        node = done.get(name)
        alone = node is not None and node.kind == kind and readers[name] == 1
        return node if alone and "activation" not in node.attributes else None

    # (the nodes before, what all read, their attributes) if one node, of what the first becomes, does for all.
    def merge(node: Node):
        first = node.reads[0] if node.reads else ""
        if node.kind == "BatchNormalization" and "activation" not in node.attributes:
            return _normalised(maker(first, "Conv"), node, known)
        if node.kind in ("Add", "Sum") and len(node.reads) == 2:
            added = _added(*(maker(name, "Conv") for name in node.reads), node.reads)
            return added or _biased([maker(name, "MatMul") for name in node.reads], node, known)
        if node.kind == "Mul":
            gated = _gated(*(maker(name, "Sigmoid") for name in node.reads), node.reads)
            return gated or _gelu(node.reads, maker, known)
        if name := _activation(node, known):
            before = maker(first, "Conv") or (name == "relu" and maker(first, "BatchNormalization"))
            return before and ([before], before.reads, {**before.attributes, "activation": name})
        return None

    for node in nodes:
        if not node.gives:
            continue
        while merged := merge(node):
            before, reads, attributes = merged
            for old in before:
                del done[old.gives[0]]
                readers.subtract(old.reads)
            readers.subtract(node.reads)
            readers.update(reads)
            kind = MERGED.get(before[0].kind, before[0].kind)
            node = Node(kind, bind(kind, attributes), attributes, reads, node.gives)
        done[node.gives[0]] = node
    return list(done.values())


# ([convolution], what it reads, its attributes) with its normalisation; None if something is not constant.
def _normalised(conv: Node | None, norm: Node, known: dict[str, Any]):
    if conv is None or len(conv.reads) > 3:
        return None
    if not norm.attributes.get("spatial", 1) or norm.attributes.get("training_mode"):
        return None
    if any(name not in known for name in norm.reads[1:]):
        return None
    weight, bias = (known.get(name) for name in [*conv.reads[1:], ""][:2])
    if weight is None or weight.dtype.itemsize < 4 or (bias is None and any(conv.reads[2:])):
        return None
    gain, shift, mean, variance = (known[name].astype(np.float64) for name in norm.reads[1:])
    scale = gain / np.sqrt(variance + norm.attributes.get("epsilon", 1e-5))
    shift = shift + ((0 if bias is None else bias) - mean) * scale
    names = [f"{what} of {norm.gives[0]}" for what in ("weight", "bias")]
    folded = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)), shift
    known.update(zip(names, (array.astype(weight.dtype) for array in folded)))
    return [conv], [conv.reads[0], *names], conv.attributes


# The same for a sum of its result and something else: of two convolutions the later one adds.
def _added(left: Node | None, right: Node | None, reads: list[str]):
    left, right = (conv if conv and len(conv.reads) < 4 else None for conv in (left, right))
    conv, other = (left, reads[1]) if right is None else (right, reads[0])
    return conv and ([conv], [*[*conv.reads, ""][:3], other], conv.attributes)


# A product with a constant matrix and the sum of that and a constant vector, as a dense layer.
def _biased(products: list[Node | None], node: Node, known: dict[str, Any]):
    for product, name in zip(products, node.reads[::-1], strict=True):
        matrix, bias = known.get(product.reads[1]) if product else None, known.get(name)
        if matrix is not None and bias is not None and matrix.ndim == 2 and bias.shape == matrix.shape[1:]:
            turned = f"weight of {node.gives[0]}"
            known[turned] = np.ascontiguousarray(matrix.T)
            return [product], [product.reads[0], turned, name], {}
    return None


# x sigmoid(x) as one operator.
def _gated(left: Node | None, right: Node | None, reads: list[str]):
    for sigmoid, x in ((left, reads[1]), (right, reads[0])):
        if sigmoid is not None and sigmoid.reads == [x]:
            return [sigmoid], [x], {}
    return None


# x (1 + erf(x / sqrt(2))) / 2 as one operator, however its factors are ordered.
def _gelu(reads: list[str], maker: Callable, known: dict[str, Any]):
    products, factors, scale, left = [], [], 1.0, [*reads]
    while left:
        name = left.pop()
        if product := maker(name, "Mul"):
            products.append(product)
            left += product.reads
        elif (number := _number(name, known)) is not None:
            scale *= number
        else:
            factors.append(name)
    if len(factors) != 2 or scale != 0.5:
        return None
    for x, name in (factors, factors[::-1]):
        total = maker(name, "Add")
        erf = next(filter(None, (maker(each, "Erf") for each in total.reads)), None) if total else None
        if erf is None or 1 not in (_number(each, known) for each in total.reads):
            continue
        for kind, factor in (("Div", 2**0.5), ("Mul", 0.5**0.5)):
            inner = maker(erf.reads[0], kind)
            number = _number(inner.reads[1], known) if inner and inner.reads[0] == x else None
            if number is not None and abs(number / factor - 1) < 1e-6:
                return [erf, total, inner, *products], [x], {"approximate": "none"}
    return None


def _number(name: str, known: dict[str, Any]) -> float | None:
    value = known.get(name)
    return float(value) if value is not None and value.ndim == 0 and value.dtype.kind == "f" else None


def _activation(node: Node, known: dict[str, Any]) -> str | None:
    if node.kind == "Clip":
        limits = [known.get(name) for name in node.reads[1:]] or [node.attributes.get(key) for key in ("min", "max")]
        return "relu6" if len(limits) == 2 and limits == [0, 6] else None
    name, defaults = ACTIVATIONS.get(node.kind, (None, {}))
    return name if all(node.attributes.get(key, value) == value for key, value in defaults.items()) else None
