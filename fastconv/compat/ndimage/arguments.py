"""SciPy's rules for the arguments of its image filters: what they mean, and what they raise."""

import operator
import warnings
from collections.abc import Iterable

import numpy as np

REAL = "?bBhHiIlLqQfd"  # the types of scipy.ndimage, as NumPy's characters


def real_dtype(dtype):
    """The dtype in native byte order, if the filters compute with it."""
    if dtype.char not in REAL:
        raise RuntimeError(f"array type {dtype!r} not supported")
    return dtype.newbyteorder("=")


def one_for_each(value, rank):
    """A list of `rank` values from one, or from a sequence of that length."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * rank
    if len(value := list(value)) != rank:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return value


def axes_of(axes, rank):
    """Distinct axes, counted from the front."""
    if axes is None:
        return tuple(range(rank))
    if np.isscalar(axes):
        axes = (axes,)
    elif not isinstance(axes, Iterable):
        raise ValueError("axes must be an integer, iterable of integers, or None")
    axes = tuple(operator.index(axis) for axis in axes)
    for axis in axes:
        if not -rank <= axis < rank:
            raise ValueError(f"specified axis: {axis} is out of range")
    axes = tuple(axis % rank for axis in axes)
    if len(set(axes)) != len(axes):
        raise ValueError("axes must be unique")
    return axes


def axis_of(axis, rank):
    return np.lib.array_utils.normalize_axis_index(operator.index(axis), rank)


def expanded(window, name, axes, rank):
    """`window`, over some of the image's axes in their order, with extent 1 on the others."""
    if window.ndim != len(axes):
        raise RuntimeError(f"{name}.ndim ({window.ndim}) must match len(axes) ({len(axes)})")
    if len(axes) == rank:
        return window
    return np.expand_dims(window, tuple(axis for axis in range(rank) if axis not in axes))


def origins_of(origin, axes, window, convolution=False):
    """How far before its place each window starts. A convolution's origin counts the other way."""
    origins = one_for_each(origin, len(axes))
    if len(axes) < len(window):
        origins = [dict(zip(axes, origins)).get(axis, 0) for axis in range(len(window))]
    before = []
    for size, value in zip(window, origins):
        value = operator.index(value)
        if convolution:
            value = -value - (size % 2 == 0)
        if not 0 <= size // 2 + value < size:
            raise ValueError("Invalid origin; it must satisfy -(size // 2) <= origin <= (size - 1) // 2")
        before.append(size // 2 + value)
    return before


def window_before(size, origin):
    """A window of means or extremes: (size, cells before its place)."""
    size, before = operator.index(size), operator.index(size) // 2 + operator.index(origin)
    if not 0 <= before < size:
        raise ValueError("invalid origin")
    return size, before


def real_number(value):
    """A float; TypeError for what is no real number."""
    return float(operator.truediv(value, 1))


class Output:
    """Where a result goes: `dtype`, and `array` if the caller gave one."""

    def __init__(self, output, input, complex_output=False):
        self.array, self.input = None, input
        if output is None:
            dtype = input.dtype.newbyteorder("=")
        elif isinstance(output, (type, np.dtype)):
            dtype = np.dtype(output)
            if complex_output and dtype.kind != "c":
                warnings.warn("promoting specified output dtype to complex", stacklevel=4)
        elif isinstance(output, str):
            dtype = np.dtype(output)
            if complex_output and dtype.kind != "c":
                raise RuntimeError("output must have complex dtype")
            if not issubclass(dtype.type, np.number):
                raise RuntimeError("output must have numeric dtype")
        else:
            self.array = np.asarray(output)
            dtype = self.array.dtype
            if self.array.shape != input.shape:
                raise RuntimeError("output shape not correct")
            if complex_output and dtype.kind != "c":
                raise RuntimeError("output must have complex dtype")
        self.order = np.promote_types(dtype, np.complex64) if complex_output else dtype
        self.dtype = self.order.newbyteorder("=")

    @property
    def between(self):
        """The dtype of results between two steps: where SciPy says booleans, it keeps bytes."""
        return np.dtype(np.uint8) if self.dtype == bool else self.dtype

    def check_complex(self):
        if self.input.dtype.kind == "c" != self.dtype.kind:
            raise RuntimeError("output must have complex dtype")

    def give_input(self):
        """The result of no step at all, which is in memory of its own, too."""
        if self.array is None:
            return self.input.astype(self.order)
        self.array[...] = self.input
        return self.array

    def give(self, result):
        """`result` as the caller wants it."""
        result = cast(np.asarray(result), self.dtype)
        if self.array is None:
            return result.astype(self.order, copy=False)
        self.array[...] = result
        return self.array


def cast(result, dtype):
    """As SciPy's C casts: fractions are cut off and integers wrap, those of 32 bits without a sign by way of 64."""
    if result.dtype == dtype:
        return result
    with np.errstate(invalid="ignore", over="ignore"):
        if result.dtype.kind == "f" and dtype.kind == "b":
            return result.astype(np.uint8) != 0
        if result.dtype.kind == "f" and dtype == np.uint32:
            result = result.astype(np.int64)
        return result.astype(dtype)
