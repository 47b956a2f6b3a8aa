"""Sparse matrices along an axis: what interpolation and padding do to each axis, and transposed their gradients."""

import math
from typing import NamedTuple

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, contiguous, ndarray


class AxisMatrix(NamedTuple):
    """Row r of the result is the sum of weights[e] * cells[columns[e]] for bounds[r] <= e < bounds[r + 1]."""

    bounds: ndarray
    columns: ndarray
    weights: ndarray

    def along(self, axis: int, x: ndarray, out: ndarray | None = None) -> ndarray:
        """The matrix times each line of x along an axis. A cell without a weight is not seen, NaN or not."""
        shape = (*x.shape[:axis], len(self.bounds) - 1, *x.shape[axis + 1 :])
        outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        weights = self.weights.astype(x.dtype, copy=False)
        result = allocate("resample", shape, x.dtype) if out is None else out
        return _core.resample(outer, inner, self.bounds, self.columns, weights, contiguous(x), result)


def axis_matrix(rows: ndarray, columns: ndarray, weights: ndarray, height: int) -> AxisMatrix:
    """The matrix of `height` rows with these entries, those of a row in the order given."""
    order = np.argsort(rows, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=height))]).astype(np.int64)
    return AxisMatrix(bounds, columns[order].astype(np.int64), weights[order].astype(np.float64))
