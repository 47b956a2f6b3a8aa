"""Shape rules of operations that work element by element, and of reductions over axes."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .arguments import axis, integer
from .arrays import arrays, as_array, index_array, ndarray, same_dtype, to_ndarray, type_error, value_error


def same_shape(op: str, name: str, value: ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that has not exactly this shape."""
    if value.shape != tuple(shape):
        raise value_error(op, name, f"has shape {value.shape}", f"{tuple(shape)}")


def like(op: str, grad_output: Any, input: Any, **more: Any) -> tuple:
    """grad_output, input and further arrays (or None), all of one shape and dtype."""
    values = arrays(op, grad_output=grad_output, input=input, **more)
    for name, value in zip(("grad_output", "input", *more), values, strict=True):
        if value is not None and name != "input":
            same_shape(op, name, value, values[1].shape)
    return values


def broadcast_shape(op: str, **named: ndarray) -> tuple[int, ...]:
    """The common shape of arrays under NumPy's rule."""
    shapes = {value.shape for value in named.values()}
    if len(shapes) == 1:
        return shapes.pop()
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        came = ", ".join(f"{name} {value.shape}" for name, value in named.items())
        raise value_error(
            op, next(iter(named)), f"does not broadcast: {came}", "equal or 1-sized axes"
        ) from None


def broadcasts_to(op: str, name: str, value: ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that NumPy's rule does not stretch to `shape`."""
    padded = (1,) * (len(shape) - value.ndim) + value.shape
    if len(padded) != len(shape) or any(n not in (1, m) for n, m in zip(padded, shape, strict=True)):
        raise value_error(op, name, f"has shape {value.shape}", f"one that broadcasts to {tuple(shape)}")


def reshaped(op: str, shape: tuple[int, ...], wanted: Any) -> tuple[int, ...]:
    """The shape `wanted`, its one -1 filled in."""
    sizes = [
        integer(op, "shape", size, -1)
        for size in (wanted if isinstance(wanted, (tuple, list)) else (wanted,))
    ]
    total = math.prod(shape)
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known and total % known == 0:
        sizes[sizes.index(-1)] = total // known
    elif sizes.count(-1) or known != total:
        raise value_error(
            op, "shape", f"is {tuple(sizes)}", f"one that holds the {total} elements of {shape}"
        )
    return tuple(sizes)


def flattened(op: str, shape: tuple[int, ...], start_dim: Any, end_dim: Any) -> tuple[int, ...]:
    """The shape after axes start_dim to end_dim are merged; a 0-d array becomes 1-d."""
    if not shape:
        shape = (1,)
    start, end = axis(op, "start_dim", start_dim, len(shape)), axis(op, "end_dim", end_dim, len(shape))
    if start > end:
        raise value_error(op, "start_dim", f"is {start}, end_dim is {end}", "start_dim <= end_dim")
    return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def permutation(op: str, dims: Any, ndim: int) -> tuple[int, ...]:
    """`dims` as a permutation of all axes."""
    if not isinstance(dims, Iterable):
        raise type_error(op, "dims", f"is {dims!r}", "a tuple of axes")
    order = tuple(axis(op, "dims", item, ndim) for item in dims)
    if sorted(order) != list(range(ndim)):
        raise value_error(op, "dims", f"is {tuple(dims)}", f"each of {ndim} axes once")
    return order


def indexed(op: str, input: ndarray, index: Any) -> ndarray:
    """input[index]; IndexError outside, as Python's protocol wants it, however large the number."""
    try:
        return input[index]
    except OverflowError:
        raise IndexError(f"{op}: index is {index!r} (expected one within {input.shape})") from None


def sequence(op: str, tensors: Any, equal_shapes: bool) -> list[ndarray]:
    """At least one array, all of one dtype, and of one shape if `equal_shapes`."""
    values = [as_array(op, f"tensors[{i}]", value) for i, value in enumerate(tensors)]
    if not values:
        raise value_error(op, "tensors", "is empty", "at least one array")
    same_dtype(op, **{f"tensors[{i}]": value for i, value in enumerate(values)})
    if equal_shapes:
        for i, value in enumerate(values):
            same_shape(op, f"tensors[{i}]", value, values[0].shape)
    return values


def concatenated(op: str, shapes: list[tuple[int, ...]], dim: Any) -> tuple[tuple[int, ...], int]:
    """Shape of the arrays joined along `dim`, and that axis as a non-negative number."""
    first = shapes[0]
    if not first:
        raise value_error(op, "tensors[0]", "has 0 dimensions", "at least 1")
    at = axis(op, "dim", dim, len(first))
    before, behind = first[:at], first[at + 1 :]
    for i, shape in enumerate(shapes):
        if len(shape) != len(first) or shape[:at] != before or shape[at + 1 :] != behind:
            raise value_error(op, f"tensors[{i}]", f"has shape {shape}", f"{first} but for axis {at}")
    return (*first[:at], sum(shape[at] for shape in shapes), *first[at + 1 :]), at


def matmul_shape(op: str, a: ndarray, b: ndarray) -> tuple[int, ...]:
    """Shape of a @ b under NumPy's rules."""
    if not a.ndim or not b.ndim:
        raise value_error(op, "input" if not a.ndim else "other", "has 0 dimensions", "at least 1")
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise value_error(
            op, "other", f"has shape {b.shape}, input {a.shape}", f"{a.shape[-1]} rows in other"
        )
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise value_error(
            op, "other", f"has shape {b.shape}, input {a.shape}", "batch axes that broadcast"
        ) from None
    return batch + a.shape[-2:-1] * (a.ndim > 1) + b.shape[-1:] * (b.ndim > 1)


def labels(op: str, name: str, value: Any, classes: int, ignore: int | None = None) -> ndarray:
    """Class numbers in [0, classes) as int64; `ignore` is allowed as well."""
    numbers = index_array(op, name, value)
    wrong = (numbers < 0) | (numbers >= classes)
    if ignore is not None:
        wrong &= numbers != ignore
    if wrong.any():
        raise value_error(
            op, name, f"holds {numbers[wrong].flat[0]}", f"class numbers from 0 to {classes - 1}"
        )
    return numbers


def bool_array(op: str, name: str, value: Any) -> ndarray:
    """`value` as an ndarray of bool."""
    value = to_ndarray(op, name, value)
    if value.dtype != bool:
        raise type_error(op, name, f"is an array of {value.dtype}", f"bool: write {name} != 0")
    return value


def reducible(op: str, shape: tuple[int, ...], over: tuple[int, ...]) -> None:
    """Refuse the extreme of nothing."""
    if 0 in (shape[i] for i in over):
        raise value_error(op, "input", f"has shape {shape}", "at least one element to reduce")


def learned_slope(name: str, input: Any, weight: Any) -> tuple[ndarray, ndarray]:
    """input, and prelu's weight of one number or one a channel."""
    input, weight = arrays(name, input=input, weight=weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise value_error(name, "weight", f"has shape {weight.shape}", f"() or (1,) or ({channels},)")
    return input, weight
