"""Makes the type stubs of the operations and layers, which are themselves made at run time from declarations.

`python tests/stubs.py` writes fastconv/ops/__init__.pyi and fastconv/nn/__init__.pyi; a test compares them.
"""

import inspect
from pathlib import Path

import fastconv
from fastconv import OPS, nn, ops

HEADER = '''"""Made by tests/stubs.py from the declarations: change those."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..tensor import Tensor

Array: TypeAlias = NDArray[Any] | Sequence[Any]
Sizes: TypeAlias = int | Sequence[int]
'''

NN = """from numpy.typing import DTypeLike, NDArray

from . import functional, init
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .module import Module
from .parameter import Parameter
from .serialization import load, save

Array: TypeAlias = NDArray[Any] | Sequence[Any]
Sizes: TypeAlias = int | Sequence[int]

# Arguments, parameters and buffers are attributes.
class _Layer(Module):
    def __getattr__(self, name: str) -> Any: ...
"""

# What a parameter takes, by its name; integers and the rest follow from defaults.
TYPES = {
    "activation": "str | None", "align_corners": "bool | None", "antialias": "bool", "approximate": "str",
    "bias": "bool", "dilation": "Sizes", "dim": "int | Sequence[int] | None", "dims": "Sequence[int]",
    "divisor_override": "int | None", "dtype": "DTypeLike | None", "end_dim": "int", "eps": "float",
    "generator": "np.random.Generator | None", "groups": "int", "index": "Any", "input_shape": "Sequence[int]",
    "kernel_size": "Sizes", "layout": "str", "max": "float | None", "max_norm": "float | None", "min": "float | None",
    "mode": "str", "momentum": "float | None", "needs": "Sequence[bool]", "norm_type": "float",
    "normalized_shape": "Sizes", "num_groups": "int", "out": "NDArray[Any] | None", "output_padding": "Sizes",
    "output_size": "int | Sequence[int | None] | None", "p": "float", "pad": "Sequence[int]", "padding": "Sizes",
    "padding_idx": "int | None", "recompute_scale_factor": "bool | None", "reduce": "bool | None", "reduction": "str",
    "scale_factor": "float | Sequence[float] | None", "seed": "int | None", "shape": "Sizes", "size": "Sizes | None",
    "size_average": "bool | None", "statistics": "tuple[NDArray[Any], NDArray[Any]] | None", "stride": "Sizes | None",
    "threshold": "float", "value": "float | None", "weight_shape": "Sequence[int]", "beta": "float", "alpha": "float",
    "delta": "float", "k": "float", "negative_slope": "float", "label_smoothing": "float", "dim0": "int", "dim1": "int",
    "upscale_factor": "int", "downscale_factor": "int", "ignore_index": "int", "num_classes": "int", "start_dim": "int",
    "per_sample": "bool", "precision": "str | None", "padding_mode": "str", "in_channels": "int | None",
    "out_channels": "int",
    "in_features": "int | None", "out_features": "int", "num_features": "int | None", "num_channels": "int",
    "num_embeddings": "int", "embedding_dim": "int", "num_parameters": "int", "init": "float", "affine": "bool",
    "modules": "Any", "unflattened_size": "Sequence[int]",
}  # fmt: skip
ARRAYS = {"grad_output", "input", "weight", "bias", "other", "residual", "target", "pos_weight", "condition", "indices",
          "labels", "running_mean", "running_var", "grid", "mask", "output", "theta"}  # fmt: skip
LAYER_TYPES = {"bias": "bool", "weight": "Array | None", "pos_weight": "Array | None"}
LITERALS = (bool, int, float, str, type(None), tuple)


def default(value):
    """` = ...`, or the value itself where it says something."""
    if value is inspect.Parameter.empty:
        return ""
    return f" = {value!r}" if isinstance(value, LITERALS) and value == value else " = ..."


def type_of(name, array, value):
    if name in ARRAYS and array:
        optional = value is None or name in ("running_mean", "running_var")
        return f"{array} | None" if optional else array
    if name in TYPES:
        return TYPES[name]
    return type(value).__name__ if type(value) in (bool, int, float, str) else "Any"


def parameters(signature, array, skip=(), **special):
    """The parameters as source; arrays are `array`."""
    parts, starred = [], False
    for name, p in signature.parameters.items():
        if name in skip:
            continue
        if p.kind is p.VAR_POSITIONAL:
            parts.append(f"*{name}: Any")
            starred = True
            continue
        if p.kind is p.VAR_KEYWORD:
            parts.append(f"**{name}: Any")
            continue
        if p.kind is p.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        kind = special.get(name) or type_of(name, array, p.default)
        parts.append(f"{name}: {kind}{default(p.default)}")
    return ", ".join(parts)


# Where the result is one array: arrays give an array, and a Tensor anywhere gives a Tensor. The second form then
# holds the first, which mypy would have said otherwise.
def operation(name, function):
    signature = function.op.signature
    special = {"padding": "Sizes | str"} if name.startswith("conv") and "transpose" not in name else {}
    special |= {"dtype": "DTypeLike | None"}
    lines = []
    forms = ["Array", "Tensor | Array"]
    indexed = "return_indices" in signature.parameters
    for array, result in zip(forms, ("NDArray[Any]", "Tensor")):
        sequence = {"tensors": f"Sequence[{array}]"} if function.op.sequence else {}
        for flag in ("Literal[False]", "Literal[True]") if indexed else (None,):
            text = parameters(signature, array, **special, **sequence)
            given = result
            if flag == "Literal[False]":
                text = text.replace("return_indices: bool", f"return_indices: {flag}")
            elif flag:
                plain, _, keywords = text.partition(", return_indices: bool = False, *, ")
                text = f"{plain}, *, return_indices: {flag}, {keywords}"
                given = f"tuple[{result}, {'NDArray[Any]' if result != 'Tensor' else 'Tensor'}]"
            vague = "index" in signature.parameters  # of type Any, which mypy does not compare
            ignore = "  # type: ignore[overload-overlap]" if array == "Array" and not vague else ""
            lines.append(f"@overload\ndef {name}({text}) -> {given}: ...{ignore}")
    return "\n".join(lines)


# A gradient: an array, or several of which some were not asked for.
def gradient(name, function):
    signature = inspect.signature(function)
    stem = name.removesuffix("_backward")
    operation = OPS.get({"swish": "silu", "cat": "concat"}.get(stem, stem))
    result = "NDArray[Any]"
    if operation and operation.sequence:
        result = "list[NDArray[Any]]"
    elif operation and len(operation.inputs) > 1:
        result = f"tuple[{', '.join(['NDArray[Any] | None'] * min(len(operation.inputs), 3))}]"
    sequence = {"tensors": "Sequence[Array]"} if operation and operation.sequence else {}
    special = {"padding": "Sizes | str"} if name.startswith("conv") and "transpose" not in name else {}
    return f"def {name}({parameters(signature, 'Tensor | Array', **sequence, **special)}) -> {result}: ..."


def ops_stub():
    lines = [HEADER]
    for name in ops.__all__:
        function = getattr(ops, name)
        lines.append(operation(name, function) if hasattr(function, "op") else gradient(name, function))
    names = "\n".join(f'    "{name}",' for name in ops.__all__)
    return "\n".join(lines) + f"\n\n__all__ = [\n{names}\n]\n"


def layer(name, cls):
    signature = inspect.signature(cls)
    same = {"padding": "Sizes | str"} if "padding_mode" in signature.parameters and "Transpose" not in name else {}
    text = parameters(signature, "Array", **LAYER_TYPES, **same)
    given = f"self, {text}" if text else "self"
    layers = [base.__name__ for base in cls.__mro__[1:] if base in vars(nn).values() and base is not nn.Module]
    base = layers[0] if layers else "_Layer"
    return f"class {name}({base}):\n    def __init__({given}) -> None: ..."


def nn_stub():
    written = {"Module", "Parameter", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
    written |= {"functional", "init", "load", "save"}
    lines = [HEADER.replace("Literal, TypeAlias, overload", "TypeAlias").partition("import numpy as np")[0] + NN]
    layers = [name for name in nn.__all__ if name not in written]
    lines += [layer(name, getattr(nn, name)) for name in sorted(layers, key=lambda n: (len(getattr(nn, n).__mro__), n))]
    names = "\n".join(f'    "{name}",' for name in nn.__all__)
    return "\n".join(lines) + f"\n\n__all__ = [\n{names}\n]\n"


STUBS = {"ops": ops_stub, "nn": nn_stub}


def path(room):
    return Path(fastconv.__file__).parent / room / "__init__.pyi"


if __name__ == "__main__":
    for room in STUBS:
        path(room).write_text(STUBS[room](), encoding="utf-8")
