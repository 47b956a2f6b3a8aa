"""Shape rules of convolution and transposed convolution, cached: one geometry per distinct call."""

import functools
import math
from collections.abc import Iterable
from typing import Any

from .._core import ConvGeometry
from .arguments import PRECISIONS, choice, integer, integers
from .arrays import type_error, value_error

# Extents beyond this can't be those of any array; below it no sum of theirs overflows 64 bits.
LIMIT = 2**60


def parameters(op: str, rank: int, **named: Any) -> list:
    """Strides and their like as plain ints or tuples of `rank` ints, so that they may be a cache key."""
    return [value if type(value) is int else integers(op, name, value, rank) for name, value in named.items()]


def padding_parameter(op: str, rank: int, padding: Any) -> Any:
    """An int, a tuple with an int or a pair (before, after) for each axis, or one of the words 'same' and 'valid'."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise value_error(op, "padding", f"is {padding!r}", "an int, a tuple, 'same' or 'valid'")
        return padding
    if not (isinstance(padding, (tuple, list)) and any(isinstance(one, (tuple, list)) for one in padding)):
        return integers(op, "padding", padding, rank)
    if len(padding) != rank:
        raise value_error(op, "padding", f"has {len(padding)} values {padding}", f"one integer or {rank}")
    return tuple(integers(op, "padding", one, 2) for one in padding)


def per_axis(rank: int, value: Any) -> tuple[int, ...]:
    return (value,) * rank if type(value) is int else value


def at_least(op: str, name: str, value: Any, low: int) -> None:
    for one in (value,) if type(value) is int else value:
        if not low <= one <= LIMIT:
            raise value_error(op, name, f"is {value}", f"at least {low}" if one < low else f"at most {LIMIT}")


def batch_shape(op: str, rank: int, shape: tuple[int, ...], name: str = "input") -> tuple[int, int, tuple[int, ...]]:
    """(N, C, spatial) of a batched or unbatched array; an unbatched one counts as a batch of 1."""
    if len(shape) not in (rank + 1, rank + 2):
        came = f"has {len(shape)} dimensions, shape {shape}"
        raise value_error(op, name, came, f"{rank + 2} dimensions, or {rank + 1} without the batch")
    batch = shape[0] if len(shape) == rank + 2 else 1
    channels, *spatial = shape[-rank - 1 :]
    if channels == 0 or 0 in spatial:
        raise value_error(op, name, f"has shape {shape}", "at least 1 channel and 1 cell on every axis")
    return batch, channels, tuple(spatial)


def _check_weight(op: str, rank: int, weight: tuple[int, ...], stride: Any, dilation: Any, groups: int) -> None:
    if len(weight) != rank + 2:
        raise value_error(op, "weight", f"has {len(weight)} dimensions, shape {weight}", f"{rank + 2} dimensions")
    if 0 in weight:
        raise value_error(op, "weight", f"has shape {weight}", "no axis of length 0")
    at_least(op, "stride", stride, 1)
    at_least(op, "dilation", dilation, 1)
    at_least(op, "groups", groups, 1)


def _leading(rank: int, values: tuple[int, ...], fill: int) -> tuple[int, ...]:
    return (fill,) * (3 - rank) + tuple(values)


def _kernel_geometry(rank, N, C, K, groups, spatial, output, kernel, stride, padding, dilation) -> ConvGeometry:
    # On an axis with one output the stride does nothing, and on one with one tap the dilation; 1 is cheapest.
    stride = tuple(1 if o == 1 else s for o, s in zip(output, stride))
    dilation = tuple(1 if k == 1 else d for k, d in zip(kernel, dilation))
    axes = [
        _leading(rank, values, fill)
        for values, fill in ((spatial, 1), (output, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))
    ]
    return ConvGeometry(N, C, K, groups, *axes)


def padding_edges(op: str, padding: Any, kernel: tuple, stride: Any, dilation: Any) -> tuple[tuple, tuple]:
    """Padding before and after each axis; what is cut off after it counts as negative."""
    rank = len(kernel)
    if padding == "same":
        if any(s != 1 for s in per_axis(rank, stride)):
            raise value_error(op, "padding", f"is 'same' with stride {stride}", "stride 1 for 'same'")
        total = [d * (k - 1) for k, d in zip(kernel, per_axis(rank, dilation))]
        return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    edges = [one if type(one) is tuple else (one, one) for one in per_axis(rank, 0 if padding == "valid" else padding)]
    before, after = tuple(one for one, _ in edges), tuple(one for _, one in edges)
    at_least(op, "padding", before, 0)
    at_least(op, "padding", after, -LIMIT)
    return before, after


@functools.lru_cache(4096)
def conv_geometry(op: str, rank: int, input: tuple, weight: tuple, stride, padding, dilation, groups: int):
    """(geometry, output shape) of a convolution.

    output = floor((input + padding - dilation * (kernel - 1) - 1) / stride) + 1 on each axis; with 'same' an odd
    cell of padding goes to the end.
    """
    N, C, spatial = batch_shape(op, rank, input)
    _check_weight(op, rank, weight, stride, dilation, groups)
    K, kernel = weight[0], weight[2:]
    if C % groups or K % groups:
        axis, name = (C, "input") if C % groups else (K, "weight")
        role = "channels" if name == "input" else "output channels"
        raise value_error(op, name, f"has {axis} {role} in {groups} groups", f"a multiple of {groups}")
    if weight[1] != C // groups:
        came = f"has {weight[1]} input channels per group, input has {C} channels in {groups} groups"
        raise value_error(op, "weight", came, f"{C // groups}")
    stride, dilation = per_axis(rank, stride), per_axis(rank, dilation)
    low, high = padding_edges(op, padding, kernel, stride, dilation)
    output = []
    for n, k, s, before, after, d in zip(spatial, kernel, stride, low, high, dilation):
        room = n + before + after - d * (k - 1) - 1
        if room < 0:
            spans = f"{kernel} with dilation {dilation} spans {d * (k - 1) + 1} cells"
            came = f"{spans}, the padded input has {n + before + after}"
            raise value_error(op, "kernel", came, "at most the padded input")
        output.append(room // s + 1)
    shape = (*input[: -rank - 1], K, *output)
    return _kernel_geometry(rank, N, C, K, groups, spatial, output, kernel, stride, low, dilation), shape


def check_parameters(
    op: str, rank: int, transposed: bool, weight: tuple[int, ...], *, stride=1, padding=0, output_padding=0, dilation=1,
    groups=1,
) -> None:
    """Refuse a weight and parameters that no input fits: by the shape rules, for an input as small as can be."""
    stride, output_padding, dilation = parameters(
        op, rank, stride=stride, output_padding=output_padding, dilation=dilation
    )
    groups = integer(op, "groups", groups, 1)
    padding = parameters(op, rank, padding=padding)[0] if transposed else padding_parameter(op, rank, padding)
    _check_weight(op, rank, weight, stride, dilation, groups)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(weight[2:], per_axis(rank, dilation)))
    if not transposed:
        _, after = padding_edges(op, padding, weight[2:], stride, dilation)
        spatial = tuple(r + max(0, -cut) for r, cut in zip(reach, after))
        conv_geometry(op, rank, (1, weight[1] * groups, *spatial), weight, stride, padding, dilation, groups)
    else:
        spatial = tuple(2 * p + 1 for p in per_axis(rank, padding))
        conv_transpose_geometry(
            op, rank, (1, weight[0], *spatial), weight, stride, padding, output_padding, groups, dilation
        )


@functools.lru_cache(4096)
def conv_transpose_geometry(
    op: str, rank: int, input: tuple, weight: tuple, stride, padding, output_padding, groups: int, dilation
):
    """(geometry, output shape) of a transposed convolution: the geometry is of the convolution it is the gradient of.

    output = (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 on each axis.
    """
    N, C, spatial = batch_shape(op, rank, input)
    _check_weight(op, rank, weight, stride, dilation, groups)
    K, kernel = weight[1] * groups, weight[2:]
    if C % groups:
        raise value_error(op, "input", f"has {C} channels in {groups} groups", f"a multiple of {groups}")
    if weight[0] != C:
        raise value_error(op, "weight", f"has {weight[0]} input channels, input has {C} channels", f"{C}")
    at_least(op, "padding", padding, 0)
    at_least(op, "output_padding", output_padding, 0)
    stride, dilation, padding, extra = (per_axis(rank, v) for v in (stride, dilation, padding, output_padding))
    output = []
    for n, k, s, p, e, d in zip(spatial, kernel, stride, padding, extra, dilation):
        if e >= max(s, d):
            came = f"is {extra}, stride is {stride}, dilation is {dilation}"
            raise value_error(op, "output_padding", came, "less than stride or dilation")
        output.append((n - 1) * s - 2 * p + d * (k - 1) + e + 1)
    if min(output) < 1:
        raise value_error(op, "padding", f"is {padding}, which leaves an output of {tuple(output)}", "less padding")
    shape = (*input[: -rank - 1], K, *output)
    if math.prod(shape) >= LIMIT:
        raise MemoryError(f"{op}: result of shape {shape} has {math.prod(shape)} elements")
    return _kernel_geometry(rank, N, K, C, groups, output, spatial, kernel, stride, padding, dilation), shape


def channel_vector(op: str, name: str, value: Any, channels: int) -> None:
    """Refuse a bias (or its like) that is not one number per channel."""
    if value is not None and value.shape != (channels,):
        raise value_error(op, name, f"has shape {value.shape}", f"({channels},)")


def same_shape(op: str, name: str, value: Any, shape: tuple[int, ...]) -> None:
    if value is not None and value.shape != tuple(shape):
        raise value_error(op, name, f"has shape {value.shape}", f"{tuple(shape)}")


# In the order of the kernels' numbers, enum fc_activation.
ACTIVATIONS = (
    *("none", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "elu", "gelu"),
    *("mish", "softplus"),
)


def activation_code(op: str, activation: str | None) -> int:
    """The kernels' number of a fused activation."""
    if activation is None:
        return 0
    if activation not in ACTIVATIONS[1:]:
        raise value_error(op, "activation", f"is {activation!r}", f"None or one of {', '.join(ACTIVATIONS[1:])}")
    return ACTIVATIONS.index(activation)


def precision_code(op: str, precision: str | None) -> int:
    """The kernels' number of a precision, -1 for None."""
    return -1 if precision is None else PRECISIONS.index(choice(op, "precision", precision, PRECISIONS))


def needs_flags(op: str, needs: Any) -> None:
    if not isinstance(needs, tuple) or len(needs) not in (3, 4):
        raise value_error(op, "needs", f"is {needs!r}", "three booleans: for input, weight and bias")


def batched(op: str, rank: int, shape: tuple[int, ...]) -> None:
    if len(shape) != rank + 2:
        raise value_error(op, "input", f"has shape {shape}", "a batch, for gradients per sample")


def shape_argument(op: str, name: str, shape: Any) -> tuple[int, ...]:
    """A shape given as an argument."""
    if not isinstance(shape, Iterable) or isinstance(shape, str):
        raise type_error(op, name, f"is {shape!r}", "a tuple of extents")
    return tuple(integer(op, name, extent, 0) for extent in shape)


def has_channels(op: str, rank: int, x: Any) -> None:
    """Refuse an array too flat to have channels beside its spatial axes."""
    if x.ndim <= rank:
        raise value_error(op, "input", f"has {x.ndim} dimensions, shape {x.shape}", f"{rank + 2} dimensions")


def preparable(op: Any, names: tuple[str, ...]) -> str:
    """The name of an operation that takes prepared weights."""
    name = getattr(getattr(op, "op", None), "name", None)
    if name not in names:
        raise type_error("prepare", "op", f"is {op!r}", f"one of {', '.join(names)}")
    return name
