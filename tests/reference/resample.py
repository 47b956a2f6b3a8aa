"""Padding, resizing and rearranging."""

import itertools
import math

import numpy as np

from .shapes import per_axis

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input, pad, mode="constant", value=0.0):
    """Widths come in pairs from the last axis on; a negative width crops."""
    pairs = list(zip(pad[::2], pad[1::2]))[::-1]
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    crop = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, input.shape))
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    extra = {"constant_values": value or 0.0} if mode == "constant" else {}
    return np.pad(input[crop], grown, MODES[mode], **extra)


def cubic(t, a=-0.75):
    """The cubic convolution kernel of Keys (1981)."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def lanczos(t):
    return np.sinc(t) * np.sinc(t / 3) if abs(t) < 3 else 0.0


# Filters of antialiased resizing, by distance in cells or, when shrinking, in steps.
FILTERS = {"bilinear": lambda t: max(0.0, 1 - abs(t)), "bicubic": lambda t: cubic(t, -0.5), "lanczos": lanczos}


def antialiased(extent, out, mode, align_corners, scale):
    """Every cell weighted by its distance to the centre of the output cell; rows sum to 1.

    align_corners changes the scale alone, as in PyTorch."""
    if align_corners:
        scale = (extent - 1) / (out - 1) if out > 1 else 0
    rows = [[FILTERS[mode]((i + 0.5 - (o + 0.5) * scale) / max(scale, 1)) for i in range(extent)] for o in range(out)]
    return np.array(rows) / np.sum(rows, axis=1, keepdims=True)


def axis_matrix(extent, out, mode, align_corners, scale, antialias=False):
    """The (out, extent) matrix that resizes one axis; `scale` is input cells per output cell."""
    if antialias:
        return antialiased(extent, out, mode, align_corners, scale)
    matrix = np.zeros((out, extent))
    for o in range(out):
        if mode == "nearest":
            matrix[o, min(math.floor(o * scale), extent - 1)] = 1
        elif mode == "nearest-exact":
            matrix[o, min(math.floor((o + 0.5) * scale), extent - 1)] = 1
        elif mode == "area":
            start, stop = o * extent // out, -(-(o + 1) * extent // out)
            matrix[o, start:stop] = 1 / (stop - start)
        else:
            aligned = (extent - 1) / (out - 1) if out > 1 else 0
            x = o * aligned if align_corners else (o + 0.5) * scale - 0.5
            if mode == "bicubic":
                for i in range(math.floor(x) - 1, math.floor(x) + 3):
                    matrix[o, min(max(i, 0), extent - 1)] += cubic(x - i)
            else:
                x = min(max(x, 0), extent - 1)
                low = min(math.floor(x), extent - 1)
                matrix[o, low] += 1 - (x - low)
                matrix[o, min(low + 1, extent - 1)] += x - low
    return matrix


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    rank = input.ndim - 2
    for axis in range(rank):
        extent = input.shape[2 + axis]
        if size is not None:
            out = per_axis(size, rank)[axis]
            scale = extent / out
        else:
            factor = per_axis(scale_factor, rank)[axis]
            out = math.floor(extent * factor)
            scale = extent / out if recompute_scale_factor else 1 / factor
        matrix = axis_matrix(extent, out, mode, align_corners, scale, antialias)
        input = np.moveaxis(np.tensordot(input, matrix, (2 + axis, 1)), -1, 2 + axis)
    return input


def unnormalise(coordinate, extent, align_corners):
    """[-1, 1] -> cell positions, between the centres or the outer edges of the outermost cells."""
    if align_corners:
        return (coordinate + 1) / 2 * (extent - 1)
    return ((coordinate + 1) * extent - 1) / 2


def reflected(x, extent, align_corners):
    """Fold a position back into the image at the outermost centres or edges."""
    low, high = (0, extent - 1) if align_corners else (-0.5, extent - 0.5)
    if high == low:
        return 0.0
    x = abs(x - low) % (2 * (high - low))
    return min(x, 2 * (high - low) - x) + low


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    """Sample (N, C, H, W) or (N, C, D, H, W) at grid (N, *out, rank), whose last axis is x, y(, z)."""
    rank = input.ndim - 2
    spatial = input.shape[2:]
    result = np.zeros((*input.shape[:2], *grid.shape[1:-1]))
    for n, *out in itertools.product(*map(range, grid.shape[:-1])):
        corners = []
        for axis in range(rank):
            extent = spatial[axis]
            x = unnormalise(grid[(n, *out, rank - 1 - axis)], extent, align_corners)

            def place(x, extent=extent):
                if padding_mode == "reflection":
                    x = reflected(x, extent, align_corners)
                return x if padding_mode == "zeros" else min(max(x, 0), extent - 1)

            if mode == "bicubic":
                cells = range(math.floor(x) - 1, math.floor(x) + 3)
                corners.append([(round(place(i)), cubic(x - i)) for i in cells])
            elif mode == "nearest":
                corners.append([(round(place(x)), 1.0)])
            else:
                x = place(x)
                low = math.floor(x)
                corners.append([(low, low + 1 - x), (low + 1, x - low)])
        for choice in itertools.product(*corners):
            cell = tuple(i for i, _ in choice)
            if all(0 <= i < e for i, e in zip(cell, spatial)):
                result[(n, slice(None), *out)] += (
                    math.prod(w for _, w in choice) * input[(n, slice(None), *cell)]
                )
    return result


def pixel_shuffle(input, upscale_factor):
    """(…, C r², H, W) -> (…, C, H r, W r)."""
    *lead, channels, height, width = input.shape
    r = upscale_factor
    blocks = input.reshape(-1, channels // r**2, r, r, height, width)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(*lead, channels // r**2, height * r, width * r)


def pixel_unshuffle(input, downscale_factor):
    """(…, C, H r, W r) -> (…, C r², H, W)."""
    *lead, channels, height, width = input.shape
    r = downscale_factor
    blocks = input.reshape(-1, channels, height // r, r, width // r, r)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(*lead, channels * r**2, height // r, width // r)


def channel_shuffle(input, groups):
    """Channel i * (C / groups) + j moves to j * groups + i."""
    order = [i * (input.shape[1] // groups) + j for j in range(input.shape[1] // groups) for i in range(groups)]
    return input[:, order]


def affine_grid(theta, size, align_corners=False):
    """theta (N, rank, rank + 1) applied to the centre of each cell, (x, y(, z), 1)."""
    spatial = size[2:]
    result = np.zeros((size[0], *spatial, len(spatial)))
    for cell in itertools.product(*map(range, spatial)):
        place = [1.0]
        for i, n in zip(cell, spatial):
            place.insert(0, 0.0 if n == 1 else 2 * i / (n - 1) - 1 if align_corners else (2 * i + 1) / n - 1)
        result[(slice(None), *cell)] = theta @ place
    return result
