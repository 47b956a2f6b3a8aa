"""Sampling at given places, 2-D and 3-D, with gradients for the image and for the places."""

import itertools
import math
from typing import NamedTuple

import numpy as np

from .. import _core
from ..geometry.arrays import as_array, contiguous, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import grid as grid_rule
from ..op import op
from .interpolate import CUBIC, cubic_weights
from .layout import channels_last

# What is added up for a cell outside: the sum is below 0 whatever the other axes add.
OUTSIDE = -(2**60)
PLACES_AT_ONCE = 1 << 16


# One of the cells along one axis that a sample is made of: where it starts in the flat plane (OUTSIDE if nowhere), its
# weight, and the weight's derivative by the grid's coordinate.
class Tap(NamedTuple):
    offset: ndarray
    weight: ndarray
    slope: ndarray


# Grid coordinate in [-1, 1] -> place in cells, and d(place)/d(coordinate). With align_corners -1 and 1 are
# the centres of the corner cells, otherwise their outer edges. NaN counts as -1.
def _place(coordinate: ndarray, n: int, align_corners: bool) -> tuple[ndarray, float]:
    factor = (n - 1) / 2 if align_corners else n / 2
    place = (np.where(np.isnan(coordinate), coordinate.dtype.type(-1), coordinate) + 1) * factor
    return place if align_corners else place - 0.5, factor


# A place outside brought back inside by the padding mode, and the derivative of that, -1, 0 or 1.
def _bring_inside(place: ndarray, n: int, mode: str, align_corners: bool) -> tuple[ndarray, ndarray]:
    slope = np.ones_like(place)
    if mode == "zeros":
        return place, slope
    if mode == "reflection":
        low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
        if span == 0:
            return np.zeros_like(place), np.zeros_like(place)
        place = np.where(np.isfinite(place), place, place.dtype.type(-1)) - low
        slope = np.where(place < 0, -slope, slope)
        place = np.abs(place)
        flips = np.floor(place / span)
        place = np.fmod(place, span)
        odd = flips % 2 == 1
        place = np.where(odd, span - place, place) + place.dtype.type(low)
        slope = np.where(odd, -slope, slope)
    slope = np.where((place <= 0) | (place >= n - 1), slope.dtype.type(0), slope)
    return np.clip(place, 0, n - 1), slope


# Derivatives of cubic_weights by t.
def _cubic_slopes(t: ndarray) -> list[ndarray]:
    def near(d):
        return (3 * (CUBIC + 2) * d - 2 * (CUBIC + 3)) * d

    def far(d):
        return (3 * CUBIC * d - 10 * CUBIC) * d + 8 * CUBIC

    return [far(t + 1), near(t), -near(1 - t), -far(2 - t)]


# `cell` is a whole number; neighbours on the axis lie `step` apart.
def _tap(cell: ndarray, n: int, step: int, weight: ndarray, slope: ndarray) -> Tap:
    inside = np.minimum(np.maximum(cell, 0), n - 1)
    return Tap(np.where(inside == cell, inside.astype(np.int64) * step, OUTSIDE), weight, slope)


# The cells along one axis of n cells that each sample at `coordinate` is made of.
def _taps(coordinate: ndarray, n: int, step: int, mode: str, padding_mode: str, align_corners: bool) -> list[Tap]:
    place, factor = _place(coordinate, n, align_corners)
    if mode == "bicubic":
        first = np.floor(place)
        t = place - first
        taps = []
        for k, (weight, slope) in enumerate(zip(cubic_weights(t), _cubic_slopes(t), strict=True)):
            cell = _bring_inside(first + (k - 1), n, padding_mode, align_corners)[0]
            taps.append(_tap(np.rint(cell), n, step, weight, slope * factor))
        return taps
    place, slope = _bring_inside(place, n, padding_mode, align_corners)
    slope *= factor
    if mode == "nearest":
        return [_tap(np.rint(place), n, step, np.ones_like(place), np.zeros_like(place))]
    first = np.floor(place)
    t = place - first
    return [_tap(first, n, step, 1 - t, -slope), _tap(first + 1, n, step, t, slope)]


# A corner is a choice of one tap on each axis. Samples are rows of a sparse matrix over the cells of all images, one
# after the other: its bounds and columns, which of (N, P, corners) are inside and so in it, and all corners.
class Samples(NamedTuple):
    bounds: ndarray
    columns: ndarray
    inside: ndarray
    corners: list

    # The product of each corner's weights, or with an axis of that axis's slope and the other weights.
    def weights(self, slope_axis: int | None = None) -> ndarray:
        factors = ([t.slope if i == slope_axis else t.weight for i, t in enumerate(c)] for c in self.corners)
        return np.stack([_product(each) for each in factors], axis=-1)[self.inside]


# The grid's last axis counts x first, the array's axes end with x.
def _samples(x: ndarray, grid: ndarray, mode: str, padding_mode: str, align_corners: bool) -> Samples:
    rank, extents = x.ndim - 2, x.shape[2:]
    places = grid.reshape(grid.shape[0], math.prod(grid.shape[1:-1]), rank)
    by_axis = [
        _taps(places[:, :, rank - 1 - i], n, math.prod(extents[i + 1 :]), mode, padding_mode, align_corners)
        for i, n in enumerate(extents)
    ]
    corners = list(itertools.product(*by_axis))
    cells = np.stack([sum(tap.offset for tap in corner) for corner in corners], axis=-1)
    inside = cells >= 0
    cells += (np.arange(len(x)) * math.prod(extents))[:, None, None]
    bounds = np.concatenate([[0], np.cumsum(np.count_nonzero(inside, axis=-1))])
    return Samples(bounds, cells[inside], inside, corners)


# Slices of the images, so many at a time that what is listed of their places stays small.
def _some(places: ndarray) -> list[slice]:
    count = max(1, PLACES_AT_ONCE // max(1, math.prod(places.shape[1:-1])))
    return [slice(first, first + count) for first in range(0, len(places), count)]


# (N, C, *any) as (N * any, C), and back into an array of the first shape.
def _by_cell(x: ndarray) -> ndarray:
    return channels_last("grid_sample", x.ndim - 2, contiguous(x)).reshape(-1, x.shape[1])


def _by_channel(x: ndarray, out: ndarray) -> ndarray:
    return _core.reorder(out.shape[0], math.prod(out.shape[2:]), out.shape[1], x, out)


def _product(factors) -> ndarray:
    total = None
    for factor in factors:
        total = factor if total is None else total * factor
    return total


@op("input", "grid", quiet=True)
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None, *, out=None):
    """Values of input at the places of grid.

    input (N, C, H, W) and grid (N, P, Q, 2) of (x, y) in [-1, 1] -> (N, C, P, Q); in 3-D (N, C, D, H, W) and
    (N, O, P, Q, 3). mode: 'bilinear' (trilinear in 3-D), 'nearest' or, in 2-D, 'bicubic'. padding_mode:
    places outside see 'zeros', the 'border' or a 'reflection'. align_corners: whether -1 and 1 are the
    centres (True) or the outer edges (False, None) of the corner cells. A NaN place counts as -1. Raises
    ValueError for shapes that do not fit. Source: Jaderberg et al. 2015, Spatial Transformer Networks;
    torch.nn.functional.grid_sample.

    >>> import numpy as np
    >>> grid_sample(np.array([[[[1.0, 3.0]]]]), np.array([[[[0.0, 0.0]]]]))
    array([[[[2.]]]])
    """
    name = "grid_sample"
    x, places, align = grid_rule(name, input, grid, mode, padding_mode, align_corners)
    n, c = x.shape[:2]
    out = new_output(name, out, (n, c, *places.shape[1:-1]), x.dtype, x, places)
    for some in _some(places) if out.size else ():
        samples, cells = _samples(x[some], places[some], mode, padding_mode, align), _by_cell(x[some])
        result = np.empty((len(samples.bounds) - 1, c), x.dtype)
        _core.resample(1, c, samples.bounds, samples.columns, samples.weights(), cells, result)
        _by_channel(result, out[some])
    return out, (input, grid, mode, padding_mode, align_corners)


@grid_sample.gradient
def grid_sample_backward(
    grad_output,
    input,
    grid,
    mode="bilinear",
    padding_mode="zeros",
    align_corners=None,
    *,
    needs=(True, True),
):
    """Gradients of `grid_sample` for (input, grid), None where not needed.

    >>> import numpy as np
    >>> grid_sample_backward(np.ones((1, 1, 1, 1)), np.array([[[[1.0, 3.0]]]]), np.zeros((1, 1, 1, 2)))[1]
    array([[[[ 2., -1.]]]])
    """
    name = "grid_sample_backward"
    x, places, align = grid_rule(name, input, grid, mode, padding_mode, align_corners)
    n, c = x.shape[:2]
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, (n, c, *places.shape[1:-1]))
    same_dtype(name, input=x, grad_output=g)
    grad_input = np.zeros(x.shape, x.dtype) if needs[0] else None
    grad_grid = np.zeros(places.shape, x.dtype) if needs[1] else None
    moves = needs[1] and mode != "nearest"  # a step function has no slope
    for some in _some(places) if g.size and (needs[0] or moves) else ():
        samples, cells = _samples(x[some], places[some], mode, padding_mode, align), _by_cell(x[some])
        weights = samples.weights()
        grad_cells = np.empty_like(cells) if needs[0] else None
        grad_weights = np.empty_like(weights) if moves else None
        matrix = samples.bounds, samples.columns, weights
        _core.resample_grad(*matrix, cells, _by_cell(g[some]), grad_cells, grad_weights)
        if needs[0]:
            _by_channel(grad_cells, grad_input[some])
        if moves:
            _grid_gradient(samples, grad_weights, grad_grid[some])
    return grad_input, grad_grid


# d(weight)/d(place) of the corners inside, times their gradients.
def _grid_gradient(samples: Samples, grad_weights: ndarray, out: ndarray) -> None:
    rank, by_corner = out.shape[-1], np.zeros(samples.inside.shape, out.dtype)
    for axis in range(rank):
        by_corner[samples.inside] = grad_weights * samples.weights(axis)
        out[..., rank - 1 - axis] = by_corner.sum(axis=-1).reshape(out.shape[:-1])
