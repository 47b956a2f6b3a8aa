"""Shape rules of normalisations."""

import math
from typing import Any, NamedTuple

import numpy as np

from .arguments import finite, flag, integer
from .arrays import arrays, as_array, is_half, ndarray, same_dtype, to_ndarray, type_error, value_error
from .elementwise import same_shape


class Normal(NamedTuple):
    """One checked call: input (N, C, *spatial), per-channel or per-element weight and bias (or None), eps."""

    input: ndarray
    weight: ndarray | None
    bias: ndarray | None
    eps: float


# input with at least `ndim` axes and one channel; weight and bias of one shape.
def channels(op: str, input: Any, weight: Any, bias: Any, eps: Any, ndim: int = 2) -> Normal:
    input, weight, bias = arrays(op, input=input, weight=weight, bias=bias)
    if input.ndim < ndim:
        raise value_error(op, "input", f"has shape {input.shape}", f"at least {ndim} dimensions, (N, C, ...)")
    if 0 in input.shape[1:]:
        raise value_error(
            op, "input", f"has shape {input.shape}", "at least one channel and one element in each"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            same_shape(op, name, value, (input.shape[1],))
    return Normal(input, weight, bias, finite(op, "eps", eps))


def running(op: str, name: str, value: Any, count: int, written: bool) -> ndarray | None:
    """None, or a running statistic: float array (C,), writeable if it is to be updated in place."""
    if value is None:
        return None
    if (
        written
        and not isinstance(value, np.ndarray)
        and not isinstance(getattr(value, "data", None), np.ndarray)
    ):
        raise type_error(
            op, name, f"is a {type(value).__name__}", "a numpy.ndarray, for it is updated in place"
        )
    array = to_ndarray(op, name, value)
    if array.dtype.kind != "f" and not is_half(array.dtype):
        raise type_error(op, name, f"is an array of {array.dtype}", "floating point")
    same_shape(op, name, array, (count,))
    if written and not array.flags.writeable:
        raise value_error(op, name, "is read-only", "a writeable array, for it is updated in place")
    return array


def batch_eps(op: str, eps: float, training: bool) -> None:
    """What batch normalisation alone refuses: elsewhere, as in PyTorch, a negative eps makes NaN of small variances."""
    if eps < 0 or (training and eps == 0):
        raise value_error(op, "eps", f"is {eps}", "more than 0 in training, else at least 0")


def batch_statistics(op: str, input: ndarray, per_sample: bool) -> None:
    """Statistics of a single value say nothing: refuse them, as PyTorch does."""
    count = math.prod(input.shape[2:]) * (1 if per_sample else input.shape[0])
    if count == 1:
        which = "spatial element" if per_sample else "value for each channel"
        raise value_error(op, "input", f"has shape {input.shape}", f"more than one {which} in training")


def layer(op: str, input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any) -> tuple[Normal, int]:
    """The checked call, and how many trailing axes are normalised."""
    input, weight, bias = arrays(op, input=input, weight=weight, bias=bias)
    sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    shape = tuple(integer(op, "normalized_shape", size, 1) for size in sizes)
    if not shape:
        raise value_error(op, "normalized_shape", "is empty", "at least one axis")
    if input.shape[-len(shape) :] != shape:
        raise value_error(op, "input", f"has shape {input.shape}", f"one that ends in {shape}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            same_shape(op, name, value, shape)
    return Normal(input, weight, bias, finite(op, "eps", eps)), len(shape)


def groups(op: str, input: ndarray, num_groups: Any) -> int:
    """A number of groups that divides the channels, each group holding more than one value."""
    count = integer(op, "num_groups", num_groups, 1)
    channels = input.shape[1]
    if channels % count:
        raise value_error(
            op, "num_groups", f"is {count} for {channels} channels", "a divisor of the channels"
        )
    if input.shape[0] * (channels // count) * math.prod(input.shape[2:]) == 1:
        raise value_error(op, "input", f"has shape {input.shape}", "more than one value in a group")
    return count


def local_response(op: str, input: Any, size: Any) -> tuple[ndarray, int]:
    """input (N, C, ...) or (C, *) with at least 3 axes, and the window over channels."""
    input = as_array(op, "input", input)
    if input.ndim < 3:
        raise value_error(op, "input", f"has shape {input.shape}", "at least 3 dimensions, (N, C, ...)")
    return input, integer(op, "size", size, 1)


def statistics(op: str, value: Any, like: ndarray, count: int) -> tuple[ndarray, ndarray]:
    """(mean, 1 / std) that a forward call saved: two arrays of `count` numbers."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise type_error(
            op, "statistics", f"is a {type(value).__name__}", "the pair (mean, 1 / std) of the forward"
        )
    pair = tuple(as_array(op, "statistics", item) for item in value)
    for item in pair:
        same_dtype(op, input=like, statistics=item)
        if item.size != count:
            raise value_error(op, "statistics", f"has {item.size} numbers", f"{count}")
    return pair


def uses_batch(op: str, running_mean: Any, running_var: Any, training: Any) -> bool:
    """Whether statistics are the batch's. Without running ones there are no others; PyTorch refuses to mix."""
    name = "use_input_stats" if op.startswith("instance_norm") else "training"
    training = flag(op, name, training)
    if not training and (running_mean is None or running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise value_error(op, missing, "is None", f"an array where {name} is False")
    return training
