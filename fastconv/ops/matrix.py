"""Products of matrices on kernels of our own.

BLAS would cut all but small ones into threads of its own, which fight with the kernels' for the cores, end no call when
a signal comes and give bits that depend on their number.
"""

import math

import numpy as np

from .. import _core
from ..geometry.arrays import FLOAT64, allocate, contiguous, ndarray
from ..geometry.conv import conv_geometry

# Multiplications of the largest products that BLAS keeps on the calling thread: of matrices, and of one row or column.
SMALL_PRODUCT = 1 << 18
SMALL_ROW = 9 << 10
# Rows, or else multiplications, up to which inner products in place are as fast as packing the weight.
FEW_ROWS = 8
FEW_PRODUCTS = 1 << 20


def _is_small(rows: int, depth: int, columns: int) -> bool:
    return rows * depth * columns <= (SMALL_PRODUCT if min(rows, columns) > 1 else SMALL_ROW)


def _is_few(rows: int, depth: int, columns: int) -> bool:
    return rows <= FEW_ROWS or rows * depth * columns <= FEW_PRODUCTS


# In C order, and if the last two axes were only swapped, by a pass that reads and writes whole lines.
def _laid(name: str, x: ndarray) -> ndarray:
    turned = np.swapaxes(x, -1, -2)
    if x.flags.c_contiguous or not turned.flags.c_contiguous or not x.size:
        return contiguous(x)
    rows, columns = turned.shape[-2:]
    return _core.reorder(x.size // (rows * columns), rows, columns, turned, allocate(name, x.shape, x.dtype))


def product(name: str, left: ndarray, right: ndarray, out: ndarray) -> ndarray:
    """left (…, rows, depth) @ right (…, depth, columns) into `out`, which is contiguous; other axes broadcast."""
    if right.ndim == 2 < left.ndim and left.size and left.flags.c_contiguous:
        rows = math.prod(left.shape[:-1])
        product(name, left.reshape(rows, -1), right, out.reshape(rows, right.shape[-1]))
        return out
    (*batch, rows, depth), columns = left.shape, right.shape[-1]
    if left.ndim == right.ndim == 2:
        if columns == 1 < rows and left.flags.c_contiguous:
            _core.affine(contiguous(right.T), left, None, out.reshape(1, rows))
            return out
        if left.flags.c_contiguous and right.T.flags.c_contiguous and _is_few(rows, depth, columns):
            return _core.affine(left, right.T, None, out)
    if _is_small(rows, depth, columns):
        return (np.multiply if depth == 1 else np.matmul)(left, right, out=out)
    if left.shape[:-2] != right.shape[:-2]:
        batch = list(out.shape[:-2])
        left, right = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (left, right))
    groups = math.prod(batch)
    grid, _ = conv_geometry(name, 1, (groups * depth, columns), (groups * rows, depth, 1), 1, 0, 1, groups)
    return _core.conv_forward(grid, _laid(name, right), _laid(name, left), None, None, 0, out)


def affine(name: str, x: ndarray, weight: ndarray, bias: ndarray | None, out: ndarray) -> ndarray:
    """x (rows, depth) @ weightᵀ (depth, columns) + bias (columns,) into `out`, which is contiguous."""
    (rows, depth), columns = x.shape, len(weight)
    weight, bias = contiguous(weight), None if bias is None else contiguous(bias)
    if _is_few(rows, depth, columns):
        return _core.affine(contiguous(x), weight, bias, out)
    grid, _ = conv_geometry(name, 1, (depth, rows), (columns, depth, 1), 1, 0, 1, 1)
    if columns <= rows and grid.takes_last(x.dtype == FLOAT64, -1):
        return _core.conv_last(grid, contiguous(x), weight, bias, None, 0, out)
    turned = allocate(name, (columns, rows), x.dtype)
    _core.conv_forward(grid, _laid(name, x.T), weight, bias, None, 0, turned)
    return _core.reorder(1, columns, rows, turned, out)
