"""Sampling at given places, 2-D and 3-D, with gradients for the image and for the places."""

import itertools
import math
from typing import NamedTuple

import numpy as np

from ..geometry.arrays import as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.resample import grid as grid_rule
from ..op import op
from .interpolate import CUBIC, cubic_weights


# One of the cells along one axis that a sample is made of: its index, whether it lies inside (None: always),
# its weight, and the weight's derivative by the grid's coordinate.
class Tap(NamedTuple):
    index: ndarray
    inside: ndarray
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


# Beyond 2**30 cells a place is outside whatever it is: limited there, it converts to an integer safely.
def _cells(place: ndarray) -> ndarray:
    return np.clip(place, -(2.0**30), 2.0**30).astype(np.int64)


def _tap(cell: ndarray, n: int, weight: ndarray, slope: ndarray) -> Tap:
    return Tap(np.clip(cell, 0, n - 1), (cell >= 0) & (cell < n), weight, slope)


# The cells along one axis of n cells that each sample at `coordinate` is made of.
def _taps(coordinate: ndarray, n: int, mode: str, padding_mode: str, align_corners: bool) -> list[Tap]:
    place, factor = _place(coordinate, n, align_corners)
    if mode == "bicubic":
        first = np.floor(place)
        t = place - first
        taps = []
        for k, (weight, slope) in enumerate(zip(cubic_weights(t), _cubic_slopes(t), strict=True)):
            cell = _bring_inside(first + (k - 1), n, padding_mode, align_corners)[0]
            taps.append(_tap(_cells(np.rint(cell)), n, weight, slope * factor))
        return taps
    place, slope = _bring_inside(place, n, padding_mode, align_corners)
    slope *= factor
    if mode == "nearest":
        return [_tap(_cells(np.rint(place)), n, np.ones_like(place), np.zeros_like(place))]
    first = np.floor(place)
    t = place - first
    cell = _cells(first)
    return [_tap(cell, n, 1 - t, -slope), _tap(cell + 1, n, t, slope)]


# For each corner (a choice of one tap on each spatial axis): flat index and inside (N, 1, P), and the taps.
# The grid's last axis counts x first, the array's axes end with x.
def _corners(x: ndarray, grid: ndarray, mode: str, padding_mode: str, align_corners: bool):
    rank = x.ndim - 2
    places = grid.reshape(grid.shape[0], math.prod(grid.shape[1:-1]), rank)
    by_axis = [
        _taps(places[:, None, :, rank - 1 - i], n, mode, padding_mode, align_corners)
        for i, n in enumerate(x.shape[2:])
    ]
    for corner in itertools.product(*by_axis):
        index, inside = 0, True
        for n, tap in zip(x.shape[2:], corner, strict=True):
            index = index * n + tap.index
            inside = inside & tap.inside
        yield index, inside, corner


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
    flat = x.reshape(n, c, math.prod(x.shape[2:]))
    total = out.reshape(n, c, math.prod(places.shape[1:-1]))
    total.fill(0)
    for index, inside, corner in _corners(x, places, mode, padding_mode, align):
        part = np.take_along_axis(flat, np.broadcast_to(index, total.shape), 2)
        part *= _product(tap.weight for tap in corner)
        np.add(total, part, out=total, where=inside)
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
    rank, cells, count = x.ndim - 2, math.prod(x.shape[2:]), math.prod(places.shape[1:-1])
    flat, g = x.reshape(n, c, cells), g.reshape(n, c, count)
    grad_input = np.zeros((n, c, cells), x.dtype) if needs[0] else None
    grad_places = np.zeros((n, count, rank), x.dtype) if needs[1] else None
    for index, inside, corner in _corners(x, places, mode, padding_mode, align):
        if needs[0]:
            part = np.where(inside, g * _product(tap.weight for tap in corner), x.dtype.type(0))
            _scatter(grad_input, index, part, cells)
        if needs[1]:
            values = np.take_along_axis(flat, np.broadcast_to(index, g.shape), 2)
            seen = np.where(inside, values * g, x.dtype.type(0)).sum(axis=1)
            for axis in range(rank):
                factors = (tap.slope if i == axis else tap.weight for i, tap in enumerate(corner))
                grad_places[:, :, rank - 1 - axis] += seen * _product(factors)[:, 0]
    return (
        None if grad_input is None else grad_input.reshape(x.shape),
        None if grad_places is None else grad_places.reshape(places.shape),
    )


# grad[n, c, index[n, p]] += part[n, c, p], repeated indices adding up in order.
def _scatter(grad: ndarray, index: ndarray, part: ndarray, cells: int) -> None:
    c = grad.shape[1]
    for sample in range(grad.shape[0]):
        at = (np.arange(c)[:, None] * cells + index[sample]).ravel()
        grad[sample] += np.bincount(at, part[sample].ravel(), c * cells).reshape(c, cells).astype(grad.dtype)
