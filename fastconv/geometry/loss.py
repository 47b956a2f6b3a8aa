"""Shape rules of losses."""

import math
from typing import Any

from .arguments import choice, finite, integer
from .arrays import arrays, as_array, ndarray, same_dtype, type_error, value_error
from .elementwise import broadcasts_to, labels, same_shape

REDUCTIONS = ("mean", "sum", "none")


def reduction(op: str, value: Any, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """'mean', 'sum' or 'none'; either of PyTorch's two older switches, if given, decides instead of `value`."""
    if size_average is not None or reduce is not None:
        value = "none" if reduce is not None and not reduce else "mean" if size_average in (None, True) else "sum"
    return choice(op, "reduction", value, REDUCTIONS)


def positive(op: str, name: str, value: Any, zero: bool = False) -> float:
    """A finite number above 0, or 0 itself where that is allowed."""
    number = finite(op, name, value)
    if number < 0 or (number == 0 and not zero):
        raise value_error(op, name, f"is {number}", "at least 0" if zero else "more than 0")
    return number


def pair(op: str, input: Any, target: Any, **weights: Any) -> tuple:
    """input and target of one shape; weights (or None) that broadcast to it."""
    values = arrays(op, input=input, target=target, **weights)
    same_shape(op, "target", values[1], values[0].shape)
    for name, value in zip(weights, values[2:], strict=True):
        if value is not None:
            broadcasts_to(op, name, value, values[0].shape)
    return values


def upstream(op: str, grad_output: Any, shape: tuple[int, ...], kind: str, dtype: Any) -> ndarray:
    """grad_output of a loss whose unreduced shape is `shape`."""
    grad_output = as_array(op, "grad_output", grad_output)
    same_shape(op, "grad_output", grad_output, shape if kind == "none" else ())
    if grad_output.dtype != dtype:
        raise type_error(op, "grad_output", f"is {grad_output.dtype}", str(dtype))
    return grad_output


def class_layout(op: str, input: ndarray) -> tuple[int, int, int]:
    """(N, C, M): samples, classes, positions of scores (C,), (N, C) or (N, C, d1, ...)."""
    if not input.ndim:
        raise value_error(op, "input", "has 0 dimensions", "(C,), (N, C) or (N, C, d1, ...)")
    if not input.shape[min(input.ndim - 1, 1)]:
        raise value_error(op, "input", f"has shape {input.shape}", "at least one class")
    if input.ndim == 1:
        return 1, input.shape[0], 1
    return input.shape[0], input.shape[1], math.prod(input.shape[2:])


def class_targets(op: str, input: ndarray, target: Any, ignore_index: int) -> ndarray:
    """Class numbers, one for each sample and position of `input`."""
    _, classes, _ = class_layout(op, input)
    expected = () if input.ndim == 1 else (input.shape[0], *input.shape[2:])
    numbers = labels(op, "target", target, classes, ignore_index)
    same_shape(op, "target", numbers, expected)
    return numbers


def class_weight(op: str, weight: Any, input: ndarray, classes: int) -> ndarray | None:
    """None or one weight for each class."""
    if weight is None:
        return None
    weight = as_array(op, "weight", weight)
    same_shape(op, "weight", weight, (classes,))
    same_dtype(op, input=input, weight=weight)
    return weight


def smoothing(op: str, value: Any) -> float:
    number = finite(op, "label_smoothing", value)
    if not 0.0 <= number <= 1.0:
        raise value_error(op, "label_smoothing", f"is {number}", "a number from 0 to 1")
    return number


def probabilities(op: str, **named: ndarray) -> None:
    """Refuse numbers outside [0, 1], NaN among them."""
    for name, value in named.items():
        wrong = ~((value >= 0) & (value <= 1))
        if wrong.any():
            raise value_error(op, name, f"holds {value[wrong].flat[0]}", "probabilities from 0 to 1")


def no_ignored_class(op: str, ignore_index: Any) -> None:
    """Refuse a class to ignore where targets are probabilities; PyTorch's default, negative, is none."""
    number = integer(op, "ignore_index", ignore_index)
    if number >= 0:
        raise value_error(op, "ignore_index", f"is {number}", "none, for target holds probabilities")
