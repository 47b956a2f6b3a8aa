"""model.summary(): layers, output shapes, parameters, FLOPs."""

import math
from dataclasses import dataclass, field

import numpy as np

from ..tensor import no_grad
from . import conv, norm
from .linear import Embedding, Flatten, Identity, Linear, Unflatten
from .module import Module


@dataclass
class Row:
    """One layer: dotted name, class, output shape (N first), own parameters, operations a sample."""

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    flops: int


@dataclass
class Summary:
    """What `Module.summary` found; `str()` of it is the table."""

    rows: list[Row] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0

    @property
    def flops(self) -> int:
        """Operations of one forward pass for one sample (a multiply-add counts two)."""
        return sum(row.flops for row in self.rows)

    def __str__(self) -> str:
        head = ("layer", "output shape", "parameters", "FLOPs")
        lines = [head]
        for row in self.rows:
            shape = "(" + ", ".join(map(str, ("N", *row.output_shape[1:]))) + ")"
            lines.append(
                (f"{row.name} ({row.kind})".strip(), shape, f"{row.parameters:,}", _short(row.flops))
            )
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        text = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in lines
        ]
        rule = "─" * (sum(widths) + 6)
        frozen = self.parameters - self.trainable
        total = f"{self.parameters:,} parameters" + (f" ({frozen:,} frozen)" if frozen else "")
        return "\n".join([text[0], rule, *text[1:], rule, f"{total}, {_short(self.flops)}FLOP a sample"])


def _short(number: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} "


# Runs the model once on zeros, in evaluation mode, with a hook on every module that has no children.
def summarise(model: Module, input_shape, dtype=np.float32) -> Summary:
    shapes = [input_shape] if np.ndim(input_shape) == 1 else list(input_shape)
    inputs = [np.zeros((1, *shape), dtype) for shape in shapes]
    summary = Summary()
    counted: set[int] = set()

    def hook_for(name):
        def hook(module, given, output):
            first = output[0] if isinstance(output, tuple) else output
            own = [p for p in module.parameters() if id(p) not in counted]
            counted.update(map(id, own))
            flops = count_flops(module, given[0].shape, first.shape)
            row = Row(name, type(module).__name__, tuple(first.shape), sum(p.size for p in own), flops)
            summary.rows.append(row)

        return hook

    modes = [(module, module.training) for module in model.modules()]
    leaves = [
        (name, module) for name, module in model.named_modules() if not any(True for _ in module.children())
    ]
    removers = [module.register_forward_hook(hook_for(name)) for name, module in leaves]
    try:
        with no_grad():
            model.eval()(*inputs)
    finally:
        for remove in removers:
            remove()
        for module, training in modes:
            module.training = training
    summary.parameters = sum(p.size for p in model.parameters())
    summary.trainable = sum(p.size for p in model.parameters() if p.requires_grad)
    return summary


# Operations of one layer; what only moves data counts nothing, an element-wise layer one an element.
def count_flops(module: Module, input_shape, output_shape) -> int:
    elements = math.prod(output_shape)
    if isinstance(module, conv._Convolution):
        return conv.flops(module, input_shape, output_shape)
    if isinstance(module, Linear):
        return 2 * elements * module.in_features + (elements if module.bias is not None else 0)
    if isinstance(module, (Identity, Flatten, Unflatten, Embedding)):
        return 0
    if isinstance(module, (norm._BatchNorm,)):
        return 2 * elements
    window = getattr(module, "kernel_size", None)
    if window is not None:
        axes = len(output_shape) - 2
        return elements * (window**axes if np.ndim(window) == 0 else math.prod(window))
    if "Adaptive" in type(module).__name__:
        return math.prod(input_shape)
    return elements
