"""Sparse matrices along an axis: what interpolation and padding do to each axis, and transposed their gradients."""

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import NamedTuple

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, contiguous, ndarray

SHORT_AXIS = 4096


class AxisMatrix(NamedTuple):
    """Row r of the result is the sum of weights[e] * cells[columns[e]] for bounds[r] <= e < bounds[r + 1]."""

    bounds: ndarray
    columns: ndarray
    weights: ndarray

    def along(self, axis: int, x: ndarray, out: ndarray | None = None) -> ndarray:
        """The matrix times each line of x along an axis. A cell without a weight is not seen, NaN or not."""
        shape = (*x.shape[:axis], len(self.bounds) - 1, *x.shape[axis + 1 :])
        outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        result = allocate("resample", shape, x.dtype) if out is None else out
        return _core.resample(outer, inner, self.bounds, self.columns, self.weights, contiguous(x), result)


def axis_matrix(rows: ndarray, columns: ndarray, weights: ndarray, height: int, dtype: np.dtype) -> AxisMatrix:
    """The matrix of `height` rows with these entries, those of a row in the order given, for arrays of this dtype."""
    order = np.argsort(rows, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=height))]).astype(np.int64)
    return AxisMatrix(bounds, columns[order].astype(np.int64), weights[order].astype(dtype))


def remembered(make: Callable) -> Callable:
    """Of a function (cells, …) -> matrix and transpose: keeps the last results, but few of long axes."""
    short, long = lru_cache(maxsize=256)(make), lru_cache(maxsize=2)(make)

    @wraps(make)
    def call(cells: int, *arguments):
        return (short if cells <= SHORT_AXIS else long)(cells, *arguments)

    return call
