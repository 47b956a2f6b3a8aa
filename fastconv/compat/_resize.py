"""Resize of ONNX: each axis by taps around the places that its new cells have among the old ones.

Source: the ONNX operator schemas.
"""

import numpy as np

from ..geometry import value_error
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


def resize(x, roi=None, scales=None, sizes=None, *, mode="nearest", coordinate_transformation_mode="half_pixel",
           nearest_mode="round_prefer_floor", cubic_coeff_a=-0.75, axes=None, **other):  # fmt: skip
    if (scales is None or not scales.size) is (sizes is None):
        raise value_error("Resize", "scales and sizes", "are both given or both missing", "one of them")
    place = COORDINATES[coordinate_transformation_mode]
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        extent = x.shape[axis]
        size = int(extent * scales[i]) if sizes is None else int(sizes[i])
        scale = np.float32(scales[i] if sizes is None else size / extent)
        if scale == 1:
            continue
        at = place(np.arange(size, dtype=np.float32), scale, size, extent)
        first = (NEAREST[nearest_mode] if mode == "nearest" else np.floor)(at)
        taps = {0: None} if mode == "nearest" else (line if mode == "linear" else cubic)(at - first, cubic_coeff_a)
        along = [-1 if each == axis % x.ndim else 1 for each in range(x.ndim)]
        parts = []
        for offset, weight in taps.items():
            cells = np.take(x, np.clip(first.astype(int) + offset, 0, extent - 1), axis)
            parts.append(cells if weight is None else cells * weight.astype(x.dtype).reshape(along))
        x = sum(parts[1:], start=parts[0])
    return x
