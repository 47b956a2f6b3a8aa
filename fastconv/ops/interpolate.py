"""Interpolation to another size: along each axis a sparse matrix, one axis after the other."""

from typing import Any

import numpy as np

from ..geometry.arrays import as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import interpolation
from ..op import op
from .axis_matrix import AxisMatrix, axis_matrix, remembered

# The cubic convolution kernel's free parameter, as in PyTorch and OpenCV.
CUBIC = -0.75


# Weights of the four cells around a point at distance t behind the second one.
def cubic_weights(t: ndarray, a: float = CUBIC) -> list[ndarray]:
    def near(d):
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d):
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


# The matrix of one axis and its transpose. Nearest places are computed in float32, as PyTorch does, for there
# a rounding decides which cell is taken; the weights of all others are exact to float64.
@remembered
def _axis(
    n: int, size: int, scale: float | None, mode: str, align_corners: bool, antialias: bool, dtype: np.dtype
) -> tuple[AxisMatrix, AxisMatrix]:
    places = np.arange(size)
    if antialias:
        entries = [_antialiased(places, n, size, scale, mode, align_corners)]
    elif mode in ("nearest", "nearest-exact"):
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
    return axis_matrix(rows, columns, weights, size, dtype), axis_matrix(columns, rows, weights, n, dtype)


# The matrix and its transpose for each axis.
def _matrices(x: ndarray, sizes, scales, mode: str, align_corners: bool, antialias: Any) -> list:
    axes = zip(x.shape[2:], sizes, scales, strict=True)
    return [_axis(n, to, scale, mode, align_corners, bool(antialias), x.dtype) for n, to, scale in axes]


# Filters of antialiasing by the distance in cells, and how far they reach. The cubic's parameter is PIL's.
def _triangle(d: ndarray) -> ndarray:
    return np.maximum(0, 1 - d)


def _cubic(d: ndarray) -> ndarray:
    a = -0.5
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, (((d - 5) * d + 8) * d - 4) * a
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def _lanczos(d: ndarray) -> ndarray:
    return np.where(d < 3, np.sinc(d) * np.sinc(d / 3), 0)


_FILTERS = {"bilinear": (_triangle, 1), "bicubic": (_cubic, 2), "lanczos": (_lanczos, 3)}


# Entries of an axis whose filter is as wide as a step, if that is more than a cell: (rows, columns, weights).
# As in PyTorch, align_corners changes the step alone.
def _antialiased(places: ndarray, n: int, size: int, scale: float | None, mode: str, align_corners: bool) -> tuple:
    filter, reach = _FILTERS[mode]
    step = _step(n, size, scale, align_corners)
    width = max(step, 1.0)
    center = (places + 0.5) * step
    first = np.maximum((center - reach * width + 0.5).astype(np.int64), 0)
    lengths = np.minimum((center + reach * width + 0.5).astype(np.int64), n) - first
    rows = np.repeat(places, lengths)
    columns = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + first[rows]
    weights = filter(np.abs(columns - center[rows] + 0.5) / width)
    return rows, columns, weights / np.bincount(rows, weights, size)[rows]


# How many input cells a step from one result cell to the next is.
def _step(n: int, size: int, scale: float | None, align_corners: bool) -> float:
    if align_corners:
        return (n - 1) / (size - 1) if size > 1 else 0.0
    return n / size if scale is None else 1 / scale


# Where on the input axis the centre of each result cell lies.
def _source(
    places: ndarray, n: int, size: int, scale: float | None, align_corners: bool, cubic: bool
) -> ndarray:
    step = _step(n, size, scale, align_corners)
    if align_corners:
        return places * step
    source = (places + 0.5) * step - 0.5
    return source if cubic else np.maximum(source, 0)


# The axes that shrink most first, so that the others have less to do; of those that grow the last, which is turned.
def _through(x: ndarray, matrices: list[AxisMatrix], out: ndarray | None = None) -> ndarray:
    pairs = enumerate(zip(matrices, x.shape[2:], strict=True))
    ratios = [((len(matrix.bounds) - 1) / n, -i) for i, (matrix, n) in pairs]
    *others, last = [-i for _, i in sorted(ratios)]
    for i in others:
        x = matrices[i].along(i + 2, x)
    return matrices[last].along(last + 2, x, out)


@op("input", quiet=True)
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
    *,
    out=None,
):
    """input (N, C, *spatial) resampled to `size`, or to floor(scale_factor * its size).

    mode: 'nearest', 'nearest-exact' and 'area' (means over the cells covered) for 1 to 3 spatial axes,
    'linear' for 1, 'bilinear' and 'bicubic' for 2, 'trilinear' for 3. align_corners: the centres of the
    corner cells stay where they are; otherwise cell i of the result looks at (i + 0.5) * scale - 0.5, scale
    being 1 / scale_factor, or the ratio of sizes if size is given or recompute_scale_factor. antialias (for
    'bilinear', 'bicubic' and 'lanczos', which needs it): where the result is smaller the filter is widened
    by the step, so that every cell counts, as Pillow does. Raises ValueError for a mode that does not fit
    the dimensions or a result without cells. Source: torch.nn.functional.interpolate; Keys 1981 for the
    cubic kernel.

    >>> import numpy as np
    >>> interpolate(np.array([[[0.0, 2.0]]]), size=3, mode="linear", align_corners=True)
    array([[[0., 1., 2.]]])
    """
    saved = (input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    name = "interpolate"
    x, sizes, scales, align = interpolation(
        name, input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )
    out = new_output(name, out, x.shape[:2] + sizes, x.dtype, x)
    if out.size == 0:
        return out, saved
    matrices = _matrices(x, sizes, scales, mode, align, antialias)
    return _through(x, [forward for forward, _ in matrices], out), saved


@interpolate.gradient
def interpolate_backward(
    grad_output,
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Gradient of `interpolate` for input: the transposed matrices, one axis after the other.

    >>> import numpy as np
    >>> interpolate_backward(np.ones((1, 1, 4)), np.zeros((1, 1, 2)), 4)
    array([[[2., 2.]]])
    """
    name = "interpolate_backward"
    x, sizes, scales, align = interpolation(
        name, input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, x.shape[:2] + sizes)
    same_dtype(name, input=x, grad_output=g)
    if g.size == 0:
        return np.zeros_like(x)
    matrices = _matrices(x, sizes, scales, mode, align, antialias)
    return _through(g, [transposed for _, transposed in matrices])
