"""Resize of ONNX: each axis by taps around the places that its new cells have among the old ones.

Source: the ONNX operator schemas.
"""

import numpy as np

from ..geometry import value_error
from ..geometry.arrays import FLOAT32, FLOAT64
from ..ops.axis_matrix import axis_matrix, remembered
from ..ops.interpolate import cubic_weights

# Where each of `size` cells of a resized axis lies among the `extent` cells of the old one: in float32, whose rounding
# tells which of two cells is the nearest.
COORDINATES = {
    "half_pixel": lambda cells, scale, size, extent: (cells + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda cells, scale, size, extent: ((cells + 0.5) / scale - 0.5) * (size > 1),
    "align_corners": lambda cells, scale, size, extent: cells * (extent - 1) / max(size - 1, 1),
    "asymmetric": lambda cells, scale, size, extent: cells / scale,
}
NEAREST = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


# Weights of the cells around a place that is t beyond one of them, by offset: two of a line, four of a cubic.
def line(t, a):
    return {0: 1 - t, 1: t}


def cubic(t, a):
    return dict(zip(range(-1, 3), cubic_weights(t, a), strict=True))


def is_usual(attributes) -> bool:
    """Whether `resize` knows all of these."""
    known = {"mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "axes"}
    strange = any(value not in (0, "stretch") for name, value in attributes.items() if name not in known)
    return not strange and attributes.get("coordinate_transformation_mode", "half_pixel") in COORDINATES


# What resizing from `extent` to `size` cells does to an axis.
@remembered
def _axis(extent, size, scale, mode, place, nearest, a, dtype):
    rows, at = np.arange(size), COORDINATES[place](np.arange(size, dtype=np.float32), scale, size, extent)
    if mode == "nearest":
        first, taps = NEAREST[nearest](at), {0: np.ones(size)}
    else:
        first = np.floor(at)
        taps = (line if mode == "linear" else cubic)(at - first, a)
    columns = [np.clip(first.astype(int) + offset, 0, extent - 1) for offset in taps]
    return axis_matrix(np.tile(rows, len(taps)), np.concatenate(columns), np.concatenate([*taps.values()]), size, dtype)


def resize(x, roi=None, scales=None, sizes=None, *, mode="nearest", coordinate_transformation_mode="half_pixel",
           nearest_mode="round_prefer_floor", cubic_coeff_a=-0.75, axes=None, **other):  # fmt: skip
    if (scales is None or not scales.size) is (sizes is None):
        raise value_error("Resize", "scales and sizes", "are both given or both missing", "one of them")
    floats = x.dtype in (FLOAT32, FLOAT64)
    result = x if floats or mode == "nearest" else x.astype(FLOAT64)
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        extent = x.shape[axis]
        size = int(extent * scales[i]) if sizes is None else int(sizes[i])
        scale = np.float32(scales[i] if sizes is None else size / extent)
        if scale == 1:
            continue
        options = (mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, x.dtype if floats else FLOAT64)
        matrix = _axis(extent, size, scale, *options)
        if result.dtype in (FLOAT32, FLOAT64):
            result = matrix.along(axis % x.ndim, result)
        else:  # integers keep all their digits
            result = np.take(result, matrix.columns, axis)
    return result.astype(x.dtype, copy=False)
