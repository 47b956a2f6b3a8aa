"""Scalar arguments: integers, tuples of them, real numbers and choices, normalised or refused."""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .arrays import type_error, value_error

INT64_MAX = 2**63 - 1

# How convolutions may round, in the order of the kernels' numbers; -1 leaves the choice to the context.
PRECISIONS = ("default", "exact", "fast")


def integer(op: str, name: str, value: Any, low: int | None = None, high: int = INT64_MAX) -> int:
    """`value` as int within [low, high]; bool and float are refused."""
    if isinstance(value, bool):
        raise type_error(op, name, f"is {value!r}", "an integer")
    try:
        number = operator.index(value)
    except TypeError:
        raise type_error(op, name, f"is {value!r}", "an integer") from None
    if (low is not None and number < low) or abs(number) > high:
        bounds = f"an integer of at least {low}" if low is not None and number < low else f"at most {high} in size"
        raise value_error(op, name, f"is {number}", bounds)
    return number


def integers(op: str, name: str, value: Any, count: int, low: int | None = None) -> tuple[int, ...]:
    """One integer for all of `count` axes, or a sequence of exactly `count` integers."""
    if isinstance(value, (bytes, bytearray)):
        raise type_error(op, name, f"is {value!r}", f"one integer or {count}")
    # Tuples and lists come first: to ask whether something is a Sequence takes as long as a small operation.
    if isinstance(value, (tuple, list, Sequence)) or (
        isinstance(value, Iterable) and not hasattr(value, "__index__")
    ):
        values = tuple(integer(op, name, item, low) for item in value)
        if len(values) == 1:
            values *= count
        if len(values) != count:
            raise value_error(op, name, f"has {len(values)} values {values}", f"one integer or {count}")
        return values
    return (integer(op, name, value, low),) * count


def flag(op: str, name: str, value: Any) -> bool:
    """`value` as bool: a bool of Python's or NumPy's, 0 or 1. A string, which is always true, is refused."""
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_) or (isinstance(value, (int, np.integer)) and value in (0, 1)):
        return bool(value)
    raise type_error(op, name, f"is {value!r}", "True or False")


def real(op: str, name: str, value: Any) -> float:
    """`value` as a Python float."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise type_error(op, name, f"is {value!r}", "a real number") from None


def finite(op: str, name: str, value: Any) -> float:
    """`value` as a Python float that is neither NaN nor infinite."""
    number = real(op, name, value)
    if not math.isfinite(number):
        raise value_error(op, name, f"is {number}", "a finite number")
    return number


def choice(op: str, name: str, value: Any, options: tuple[str, ...]) -> str:
    """`value`, which must be one of the strings `options`."""
    if not isinstance(value, str):
        raise type_error(op, name, f"is {value!r}", f"one of {options}")
    if value not in options:
        raise value_error(op, name, f"is {value!r}", f"one of {options}")
    return value


def axis(op: str, name: str, value: Any, ndim: int) -> int:
    """An axis number within [-ndim, ndim) as a non-negative one; a 0-d array counts as 1-d, as in PyTorch."""
    number = integer(op, name, value)
    rank = max(ndim, 1)
    if not -rank <= number < rank:
        raise value_error(op, name, f"is {number}", f"an axis from {-rank} to {rank - 1}")
    return number % rank


def axes(op: str, name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """None (all axes), one axis or several different ones, as sorted non-negative numbers."""
    if value is None:
        return tuple(range(ndim))
    values = tuple(value) if isinstance(value, Iterable) else (value,)
    numbers = sorted(axis(op, name, item, ndim) for item in values)
    if len(set(numbers)) != len(numbers):
        raise value_error(op, name, f"is {values}", "different axes")
    return tuple(n for n in numbers if n < ndim)


def probability(op: str, value: Any) -> float:
    """`p` as a Python float from 0 to 1."""
    number = finite(op, "p", value)
    if not 0.0 <= number <= 1.0:
        raise value_error(op, "p", f"is {number}", "a probability from 0 to 1")
    return number


def random_source(op: str, seed: Any, generator: Any) -> None:
    """Refuse what is no generator of NumPy's, and a seed beside one."""
    if generator is None:
        return
    if not isinstance(generator, np.random.Generator):
        raise type_error(op, "generator", f"is a {type(generator).__name__}", "a numpy.random.Generator")
    if seed is not None:
        raise value_error(op, "seed", "is given beside generator", "one of the two")
