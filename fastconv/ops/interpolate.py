"""Interpolation to another size: along each axis a sparse matrix, one axis after the other."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry.arrays import as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import interpolation
from ..op import op

# The cubic convolution kernel's free parameter, as in PyTorch and OpenCV.
CUBIC = -0.75


# A sparse matrix of an axis: result[row] = sum of weight * input[column] over the entries of the row, entries
# being sorted by row. `starts` are where the rows that have entries begin, `present` which rows those are.
class Taps(NamedTuple):
    rows: ndarray
    columns: ndarray
    weights: ndarray
    starts: ndarray
    present: ndarray
    height: int


def _taps(rows: ndarray, columns: ndarray, weights: ndarray, height: int) -> Taps:
    order = np.argsort(rows, kind="stable")
    rows, columns, weights = rows[order], columns[order], weights[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return Taps(rows, columns, weights, starts, rows[starts], height)


# Weights of the four cells around a point at distance t behind the second one.
def cubic_weights(t: ndarray) -> list[ndarray]:
    def near(d):
        return ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1

    def far(d):
        return ((CUBIC * d - 5 * CUBIC) * d + 8 * CUBIC) * d - 4 * CUBIC

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


# The matrix of one axis and its transpose. Nearest places are computed in float32, as PyTorch does, for there
# a rounding decides which cell is taken; the weights of all others are exact to float64.
@lru_cache(maxsize=256)
def _axis(n: int, size: int, scale: float | None, mode: str, align_corners: bool) -> tuple[Taps, Taps]:
    places = np.arange(size)
    if mode in ("nearest", "nearest-exact"):
        step = np.float32(n / size if scale is None else 1 / scale)
        if scale is None:
            step = np.float32(n) / np.float32(size)
        offset = np.float32(0.5 if mode == "nearest-exact" else 0)
        columns = np.minimum(np.floor((places.astype(np.float32) + offset) * step).astype(np.int64), n - 1)
        entries = [(places, columns, np.ones(size))]
    elif mode == "area":
        begin, end = places * n // size, -((places + 1) * n // -size)
        lengths = end - begin
        rows = np.repeat(places, lengths)
        columns = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + begin[rows]
        entries = [(rows, columns, 1 / lengths[rows])]
    else:
        source = _source(places, n, size, scale, align_corners, cubic=mode == "bicubic")
        first = np.floor(source).astype(np.int64)
        if mode == "bicubic":
            around = zip(range(-1, 3), cubic_weights(source - first), strict=True)
            entries = [(places, np.clip(first + shift, 0, n - 1), weight) for shift, weight in around]
        else:
            first = np.minimum(first, n - 1)
            t = np.clip(source - first, 0, 1)
            entries = [(places, first, 1 - t), (places, np.minimum(first + 1, n - 1), t)]
    rows, columns, weights = (np.concatenate(part) for part in zip(*entries, strict=True))
    return _taps(rows, columns, weights, size), _taps(columns, rows, weights, n)


# Where on the input axis the centre of each result cell lies.
def _source(
    places: ndarray, n: int, size: int, scale: float | None, align_corners: bool, cubic: bool
) -> ndarray:
    if align_corners:
        return places * ((n - 1) / (size - 1) if size > 1 else 0.0)
    source = (places + 0.5) * (n / size if scale is None else 1 / scale) - 0.5
    return source if cubic else np.maximum(source, 0)


# One axis of x through the matrix. Rows of equal length are summed entry by entry, others by reduceat; an
# entry that is not there is never touched, so a NaN reaches only what is computed from it.
def _apply(x: ndarray, axis: int, taps: Taps) -> ndarray:
    along = tuple(-1 if i == axis else 1 for i in range(x.ndim))
    weights = taps.weights.astype(x.dtype).reshape(along)
    count, rest = divmod(len(taps.rows), taps.height)
    unit = (taps.weights == 1).all()
    if not rest and len(taps.present) == taps.height and (taps.rows == np.repeat(taps.present, count)).all():
        total = None
        for k in range(count):
            part = x.take(taps.columns[k::count], axis)
            if not unit:
                part *= weights[(slice(None),) * axis + (slice(k, None, count),)]
            total = part if total is None else np.add(total, part, out=total)
        return total
    parts = x.take(taps.columns, axis)
    parts *= weights
    sums = np.add.reduceat(parts, taps.starts, axis)
    if len(taps.present) == taps.height:
        return sums
    result = np.zeros((*x.shape[:axis], taps.height, *x.shape[axis + 1 :]), x.dtype)
    result[(slice(None),) * axis + (taps.present,)] = sums
    return result


@op("input", quiet=True)
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    *,
    out=None,
):
    """input (N, C, *spatial) resampled to `size`, or to floor(scale_factor * its size).

    mode: 'nearest', 'nearest-exact' and 'area' (means over the cells covered) for 1 to 3 spatial axes,
    'linear' for 1, 'bilinear' and 'bicubic' for 2, 'trilinear' for 3. align_corners: the centres of the
    corner cells stay where they are; otherwise cell i of the result looks at (i + 0.5) * scale - 0.5, scale
    being 1 / scale_factor, or the ratio of sizes if size is given or recompute_scale_factor. Raises
    ValueError for a mode that does not fit the dimensions or a result without cells. Source:
    torch.nn.functional.interpolate; Keys 1981 for the cubic kernel.

    >>> import numpy as np
    >>> interpolate(np.array([[[0.0, 2.0]]]), size=3, mode="linear", align_corners=True)
    array([[[0., 1., 2.]]])
    """
    saved = (input, size, scale_factor, mode, align_corners, recompute_scale_factor)
    name = "interpolate"
    x, sizes, scales, align = interpolation(
        name, input, size, scale_factor, mode, align_corners, recompute_scale_factor
    )
    out = new_output(name, out, x.shape[:2] + sizes, x.dtype, x)
    for i, (n, to, scale) in enumerate(zip(x.shape[2:], sizes, scales, strict=True)):
        x = _apply(x, i + 2, _axis(n, to, scale, mode, align)[0])
    np.copyto(out, x)
    return out, saved


@interpolate.gradient
def interpolate_backward(
    grad_output,
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
):
    """Gradient of `interpolate` for input: the transposed matrices, one axis after the other."""
    name = "interpolate_backward"
    x, sizes, scales, align = interpolation(
        name, input, size, scale_factor, mode, align_corners, recompute_scale_factor
    )
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, x.shape[:2] + sizes)
    same_dtype(name, input=x, grad_output=g)
    for i, (n, to, scale) in enumerate(zip(x.shape[2:], sizes, scales, strict=True)):
        g = _apply(g, i + 2, _axis(n, to, scale, mode, align)[1])
    return g
