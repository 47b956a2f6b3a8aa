"""Shape rules of pooling, cached: one geometry per distinct call."""

import functools
import math
from typing import Any, NoReturn

import numpy as np

from .._core import PoolGeometry
from .arguments import integer, integers, real
from .arrays import ndarray, value_error
from .conv import LIMIT, at_least, batch_shape, per_axis


def window_parameters(
    op: str, rank: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple:
    """Kernel, stride, padding and dilation as ints or tuples of ints; no stride means the kernel's size."""
    if type(kernel_size) is not int:
        kernel_size = integers(op, "kernel_size", kernel_size, rank)
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        stride = kernel_size
    elif type(stride) is not int:
        stride = integers(op, "stride", stride, rank)
    if type(padding) is not int:
        padding = integers(op, "padding", padding, rank)
    if type(dilation) is not int:
        dilation = integers(op, "dilation", dilation, rank)
    return kernel_size, stride, padding, dilation


def _extent(op: str, X: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Number of windows of an axis: the last one must start in the input or in the padding before it."""
    room = X + 2 * padding - dilation * (kernel - 1) - 1
    O = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (O - 1) * stride >= X + padding:
        O -= 1
    if O < 1:
        came = f"is {kernel} with dilation {dilation}, the padded input has {X + 2 * padding} cells"
        raise value_error(op, "kernel_size", came, "at most the padded input")
    return O


# Taps that no window has inside the input are dropped: a kernel of 2**31 cells over 6 is one of 6, and
# scratch is bounded by the input. Kernel 0 is left where no window sees any cell. One window needs no
# stride; where it leaves cells out that must not look like windows side by side at stride 1.
def _trim(X: int, O: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[int, int, int]:
    last_start = (O - 1) * stride - padding
    before = min(kernel, -(last_start // dilation)) if last_start < 0 else 0
    kernel, padding = kernel - before, padding - before * dilation
    kernel = min(kernel, max(0, -(-(X + padding) // dilation)))
    return kernel, max(kernel, 2 if kernel < X else 1) if O == 1 else stride, padding


# Whether some window sees no cell at all, as a dilated one beside a small input may.
def _hollow(X: int, O: int, kernel: int, stride: int, padding: int, dilation: int) -> bool:
    if dilation == 1 or kernel == 0:
        return kernel == 0
    start = np.arange(O, dtype=np.int64) * stride - padding
    first = np.where(start < 0, start % dilation, start)
    return bool(np.any((first >= X) | (first > start + (kernel - 1) * dilation)))


def _check(op: str, rank: int, kernel: Any, stride: Any, padding: Any, dilation: Any) -> list[tuple]:
    at_least(op, "kernel_size", kernel, 1)
    at_least(op, "stride", stride, 1)
    at_least(op, "padding", padding, 0)
    at_least(op, "dilation", dilation, 1)
    axes = list(zip(*(per_axis(rank, value) for value in (kernel, stride, padding, dilation))))
    for k, _, p, d in axes:
        if p > k // 2:
            came = f"is {padding}, kernel_size is {kernel}"
            raise value_error(op, "padding", came, "at most half of the kernel")
        if (k - 1) * d > LIMIT:
            raise value_error(op, "dilation", f"is {dilation}, kernel_size is {kernel}", "a span below 2**60")
    return axes


def split_shape(op: str, rank: int, shape: tuple[int, ...], layout: str) -> tuple:
    """(N, C, spatial, place): place(spatial) is the shape with other spatial extents."""
    if layout == "NCHW":
        batch, channels, spatial = batch_shape(op, rank, shape)
        return batch, channels, spatial, lambda axes: (*shape[:-rank], *axes)
    lead, last = shape[: max(0, len(shape) - rank - 1)], shape[-1:]
    batch, channels, spatial = batch_shape(op, rank, (*lead, *last, *shape[len(lead) : -1]))
    return batch, channels, spatial, lambda axes: (*lead, *axes, channels)


# The kernels' planes and three axes. Channels last, an image is one plane: its one or two spatial axes and
# the channels, which are pooled by windows of one cell; the same kernels then have vectors of channels.
def _planes(layout: str, batch: int, channels: int, axes: list, unit: tuple) -> tuple[int, list]:
    if layout == "NCHW":
        return batch * channels, [unit] * (3 - len(axes)) + axes
    return batch, [unit] * (2 - len(axes)) + [*axes, (channels, channels, *unit[2:])]


@functools.lru_cache(4096)
def pool_geometry(
    op: str, rank: int, input: tuple, kernel, stride, padding, dilation, ceil_mode: bool, layout: str,
    divisor: int = 0, count_padding: bool = True,
):  # fmt: skip
    """(geometry, output shape, hollow): hollow if some window sees no cell; geometry is None if all do.

    output = floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, with ceil_mode rounded up
    unless the last window would start in the padding after the input. Channels last takes at most two
    spatial axes.
    """
    batch, channels, spatial, place = split_shape(op, rank, input, layout)
    axes, outputs, hollow, empty = [], [], False, False
    for X, (k, s, p, d) in zip(spatial, _check(op, rank, kernel, stride, padding, dilation)):
        O = _extent(op, X, k, s, p, d, ceil_mode)
        outputs.append(O)
        if O >= 2**47:
            raise MemoryError(f"{op}: an axis of the result has {O} cells")
        trimmed = _trim(X, O, k, s, p, d)
        axes.append((X, O, *trimmed, d, k, p))
        empty = empty or trimmed[0] == 0
        hollow = hollow or _hollow(X, O, *trimmed, d)
    shape = place(outputs)
    if math.prod(shape) >= LIMIT:
        raise MemoryError(f"{op}: result of shape {shape} has {math.prod(shape)} elements")
    planes, three = _planes(layout, batch, channels, axes, (1, 1, 1, 1, 0, 1, 1, 0))
    return None if empty else PoolGeometry(planes, *zip(*three), divisor, count_padding), shape, hollow


@functools.lru_cache(4096)
def adaptive_geometry(op: str, rank: int, input: tuple, output: tuple, layout: str):
    """(geometry, output shape): window o of O covers input cells floor(o X / O) up to ceil((o + 1) X / O).

    Where every X is a multiple of its O, that is plain pooling.
    """
    batch, channels, spatial, place = split_shape(op, rank, input, layout)
    output = tuple(X if O is None else O for X, O in zip(spatial, output))
    shape = place(output)
    if math.prod(shape) >= LIMIT:
        raise MemoryError(f"{op}: result of shape {shape} has {math.prod(shape)} elements")
    if any(X % O for X, O in zip(spatial, output)):
        planes, three = _planes(layout, batch, channels, list(zip(spatial, output)), (1, 1))
        return PoolGeometry(planes, *zip(*three)), shape
    axes = [(X, O, X // O, X // O, 0, 1, X // O, 0) for X, O in zip(spatial, output)]
    planes, three = _planes(layout, batch, channels, axes, (1, 1, 1, 1, 0, 1, 1, 0))
    return PoolGeometry(planes, *zip(*three)), shape


def output_size(op: str, rank: int, value: Any) -> tuple[int | None, ...]:
    """One extent for all axes, or one per axis; None keeps that of the input."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) == 1:
        values *= rank
    if len(values) != rank:
        raise value_error(op, "output_size", f"has {len(values)} values {values}", f"one or {rank}")
    return tuple(size if size is None else integer(op, "output_size", size, 1) for size in values)


def divisor(op: str, value: Any) -> int:
    """divisor_override as an int; 0 stands for none."""
    number = 0 if value is None else integer(op, "divisor_override", value)
    if value is not None and number == 0:
        raise value_error(op, "divisor_override", "is 0", "a number other than 0")
    return number


def no_hollow_window(op: str, dilation: Any, hollow: bool) -> None:
    """Refuse positions of extremes where a window sees padding only: there is none."""
    if hollow:
        raise value_error(op, "dilation", f"is {dilation}: a window sees only padding", "cells to point at")


@functools.lru_cache(4096)
def unpool_shape(op: str, rank: int, input: tuple, kernel, stride, padding, asked: tuple | None) -> tuple:
    """What was pooled: (input - 1) stride - 2 padding + kernel, or `asked` within a stride of that."""
    _, _, spatial = batch_shape(op, rank, input)
    axes = list(zip(spatial, *(per_axis(rank, value) for value in (kernel, stride, padding))))
    at_least(op, "kernel_size", kernel, 1)
    at_least(op, "stride", stride, 1)
    at_least(op, "padding", padding, 0)
    shape = tuple((X - 1) * s - 2 * p + k for X, k, s, p in axes)
    if asked is not None:
        asked = asked[-rank:] if len(asked) == rank + 2 else asked
        if len(asked) != rank:
            raise value_error(op, "output_size", f"has {len(asked)} values {asked}", f"{rank} or {rank + 2}")
        if any(not d - s < a < d + s for d, a, (_, _, s, _) in zip(shape, asked, axes)):
            raise value_error(op, "output_size", f"is {asked}", f"less than a stride from {shape}")
        shape = asked
    if min(shape) < 1:
        raise value_error(op, "padding", f"is {padding}, which leaves planes of {shape}", "at least 1 cell")
    full = (*input[:-rank], *shape)
    if math.prod(full) >= LIMIT:
        raise MemoryError(f"{op}: result of shape {full} has {math.prod(full)} elements")
    return full


def planes_of(op: str, rank: int, shape: Any, grad_output: ndarray, indices: ndarray) -> tuple[tuple, int]:
    """(input shape, planes) of the gradient of a pool, whose arrays must fit that shape."""
    if not isinstance(shape, (tuple, list)):
        raise value_error(op, "input_shape", f"is {shape!r}", "a tuple of extents")
    shape = tuple(integer(op, "input_shape", extent, 0) for extent in shape)
    batch, channels, _ = batch_shape(op, rank, shape, "input_shape")
    if grad_output.shape[:-rank] != shape[:-rank] or grad_output.ndim != len(shape):
        came = f"has shape {grad_output.shape}, input_shape is {shape}"
        raise value_error(op, "grad_output", came, "the same batch and channels")
    if indices.shape != grad_output.shape:
        raise value_error(op, "indices", f"has shape {indices.shape}", f"{grad_output.shape}")
    if 0 in grad_output.shape[-rank:]:
        raise value_error(op, "grad_output", f"has shape {grad_output.shape}", "no spatial axis of length 0")
    return shape, batch * channels


def whole_planes(op: str, shape: tuple[int, ...]) -> None:
    """Refuse what global pooling cannot take."""
    if len(shape) not in (3, 4, 5):
        raise value_error(op, "input", f"has shape {shape}", "(N, C) and 1, 2 or 3 spatial axes")
    if 0 in shape[1:]:
        raise value_error(op, "input", f"has shape {shape}", "at least 1 channel and 1 cell on every axis")


@functools.lru_cache(4096)
def seen_extents(extents: tuple, kernel: tuple, stride: tuple, padding: tuple, dilation: tuple) -> tuple[int, ...]:
    """How far from their start axes are seen by windows; all of an axis that has none."""
    seen = []
    for n, k, s, p, d in zip(extents, kernel, stride, padding, dilation):
        spare = n + 2 * p - d * (k - 1) - 1
        seen.append(n if spare < 0 or s < 1 else min(n, max(1, n + p - spare % s)))
    return tuple(seen)


def refuse_indices(op: str, indices: ndarray, cells: int) -> NoReturn:
    """Say which of the indices into planes of `cells` are outside: kernels find that there are some."""
    came = f"range from {indices.min()} to {indices.max()}"
    raise value_error(op, "indices", came, f"positions from 0 to {cells - 1} in a plane")


def channels_last_pair(op: str, rank: int, grad_output: ndarray, indices: ndarray) -> None:
    """Refuse arrays too flat to have their channels moved."""
    if grad_output.ndim <= rank or indices.ndim != grad_output.ndim:
        raise value_error(op, "grad_output", f"has shape {grad_output.shape}", f"{rank + 2} dimensions")


def power(op: str, norm_type: Any) -> float:
    """The p of a p-norm, which may be infinite."""
    p = real(op, "norm_type", norm_type)
    if p == 0 or math.isnan(p):
        raise value_error(op, "norm_type", f"is {p}", "a number other than 0")
    return p
