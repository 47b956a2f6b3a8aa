"""What counts as an array: conversion, dtype rules, outputs, and the words of every refusal."""

import math
from typing import Any, NoReturn

import numpy as np

from .. import _core

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)
ndarray = np.ndarray


def value_error(op: str, argument: str, came: str, expected: str) -> ValueError:
    """The one form of a refused value: `conv2d: weight has 3 channels (expected 4)`."""
    return ValueError(f"{op}: {argument} {came} (expected {expected})")


def type_error(op: str, argument: str, came: str, expected: str) -> TypeError:
    """The one form of a refused type: `conv2d: input is an int64 array (expected ...)`."""
    return TypeError(f"{op}: {argument} {came} (expected {expected})")


# float16 and bfloat16 are stored in two bytes and computed in float32; bfloat16 is known by name, so
# ml_dtypes is never imported here.
def is_half(dtype: np.dtype) -> bool:
    return dtype.char == "e" or (dtype.kind == "V" and dtype.name == "bfloat16")


# Any object an array can be read from -> exact ndarray of whatever dtype, without a copy where possible.
# Masked arrays and np.matrix are refused: their arithmetic is not an ndarray's, so the answer would be wrong.
def to_ndarray(op: str, name: str, value: Any) -> ndarray:
    if type(value) is ndarray:
        return value
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise type_error(
            op,
            name,
            f"is a {type(value).__name__}",
            "a plain array, write numpy.asarray(...) to drop the wrapper",
        )
    try:
        if isinstance(value, ndarray) or not hasattr(value, "__dlpack__") or hasattr(value, "__array__"):
            return np.asarray(value)
        return np.from_dlpack(value)
    except (TypeError, RuntimeError, BufferError, ValueError) as error:
        raise type_error(
            op, name, f"is a {type(value).__name__} that gives no array: {error}", "an array"
        ) from error


def _refuse_dtype(op: str, name: str, value: Any, dtype: np.dtype) -> NoReturn:
    if dtype.kind in "iub":
        raise type_error(
            op, name, f"is an array of {dtype}", f"float32 or float64: write {name}.astype(numpy.float32)"
        )
    if dtype.kind == "c":
        raise type_error(
            op, name, f"is an array of {dtype}", "real float32 or float64: convolve .real and .imag apart"
        )
    if dtype.kind == "O":
        raise type_error(
            op, name, f"is a {type(value).__name__} of Python objects", "an array of float32 or float64"
        )
    raise type_error(op, name, f"is an array of {dtype}", "float32 or float64")


def _of_rank(op: str, name: str, value: ndarray, ndim: int | tuple[int, ...]) -> ndarray:
    ranks = (ndim,) if type(ndim) is int else ndim
    if value.ndim not in ranks:
        came = f"has {value.ndim} dimensions, shape {value.shape}"
        raise value_error(op, name, came, f"{' or '.join(map(str, ranks))} dimensions")
    return value


def as_array(op: str, name: str, value: Any, ndim: int | tuple[int, ...] | None = None) -> ndarray:
    """`value` as an aligned native float32 or float64 ndarray, copied only if it must be."""
    if type(value) is not ndarray:
        value = to_ndarray(op, name, value)
    dtype = value.dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        native = dtype.newbyteorder("=")
        if native != FLOAT32 and native != FLOAT64:
            _refuse_dtype(op, name, value, dtype)
        # Unpickled arrays carry an equal dtype that is another object: a view gives them the common one.
        exact = FLOAT32 if native == FLOAT32 else FLOAT64
        value = value.view(exact) if dtype == native else value.astype(exact)
    if not value.flags.aligned:
        value = value.copy()
    return value if ndim is None else _of_rank(op, name, value, ndim)


def same_dtype(op: str, **named: ndarray | None) -> None:
    """Refuse arrays of unequal dtype: nothing is promoted silently."""
    first_name, first = "", None
    for name, value in named.items():
        if value is None:
            continue
        if first is None:
            first_name, first = name, value.dtype
        elif value.dtype != first:
            raise type_error(
                op,
                name,
                f"is {value.dtype}, {first_name} is {first}",
                f"one dtype: write {name}.astype({first_name}.dtype)",
            )


def arrays(op: str, **named: Any) -> tuple:
    """Every named value through `as_array`, all of one dtype; None stays None."""
    values = tuple(value if value is None else as_array(op, name, value) for name, value in named.items())
    first = None
    for value in values:
        if value is not None:
            if first is None:
                first = value.dtype
            elif value.dtype != first:
                same_dtype(op, **dict(zip(named, values, strict=True)))
    return values


def contiguous(value: ndarray) -> ndarray:
    """`value` in C order, itself if it is so already."""
    return np.ascontiguousarray(value) if value.ndim else value


def shape_only(value: ndarray) -> ndarray:
    """Zeros of the same shape and dtype in the memory of one: what a gradient saves that needs no values."""
    return ndarray(value.shape, value.dtype, bytes(value.itemsize), strides=(0,) * value.ndim)


def float_dtype(op: str, dtype: Any) -> np.dtype:
    """`dtype=` of a call, which must be one that is computed in."""
    try:
        wanted = np.dtype(dtype)
    except (TypeError, ValueError):
        raise type_error(op, "dtype", f"is {dtype!r}", "float32 or float64") from None
    if wanted not in (FLOAT32, FLOAT64):
        raise type_error(op, "dtype", f"is {wanted}", "float32 or float64")
    return wanted


def index_array(op: str, name: str, value: Any, ndim: int | tuple[int, ...] | None = None) -> ndarray:
    """`value` as an aligned native int64 ndarray; bool and float are not indices."""
    value = to_ndarray(op, name, value)
    if value.dtype.kind not in "iu":
        raise type_error(
            op, name, f"is an array of {value.dtype}", f"integers: write {name}.astype(numpy.int64)"
        )
    if (
        value.dtype.kind == "u"
        and value.dtype.itemsize == 8
        and value.size
        and value.max() > np.iinfo(INT64).max
    ):
        raise value_error(op, name, f"holds {value.max()}", "at most 2**63 - 1")
    value = value.astype(INT64, copy=False)
    if not value.flags.aligned:
        value = value.copy()
    return value if ndim is None else _of_rank(op, name, value, ndim)


def allocate(op: str, shape: tuple[int, ...], dtype: Any) -> ndarray:
    """`numpy.empty` in memory that freed results left, with MemoryError for every size that does not fit."""
    try:
        return _core.empty(tuple(shape), np.dtype(dtype))
    except ValueError:
        count = math.prod(shape)
        raise MemoryError(
            f"{op}: result of shape {tuple(shape)} needs {count * np.dtype(dtype).itemsize} bytes"
        ) from None


def _overlap(out: ndarray, value: Any) -> bool:
    if not isinstance(value, ndarray) or not np.may_share_memory(out, value):
        return False
    try:
        return np.shares_memory(out, value, max_work=10_000)
    except np.exceptions.TooHardError:
        return True


def new_output(op: str, out: Any, shape: tuple[int, ...], dtype: Any, *inputs: Any) -> ndarray:
    """The array an op writes its result to: fresh, or the caller's `out` if that is fit for it."""
    if out is None:
        return allocate(op, shape, dtype)
    if type(out) is not ndarray:
        raise type_error(op, "out", f"is a {type(out).__name__}", "a numpy.ndarray")
    if out.shape != tuple(shape):
        raise value_error(op, "out", f"has shape {out.shape}", f"{tuple(shape)}")
    if out.dtype != dtype:
        raise value_error(op, "out", f"is {out.dtype}", f"{np.dtype(dtype)}")
    flags = out.flags
    if not (flags.c_contiguous and flags.aligned and flags.writeable):
        raise value_error(
            op, "out", "is not C-contiguous, aligned and writeable", "a fresh array, as numpy.empty makes"
        )
    if any(_overlap(out, value) for value in inputs):
        raise value_error(op, "out", "shares memory with an input", "memory of its own")
    return out
