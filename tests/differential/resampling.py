"""Calls of padding, interpolation, sampling and pixel shuffling."""

import numpy as np
import torch.nn.functional as F

from .engine import Case, Refusal, cases


@cases("pad")
def pad(draw, name):
    mode = draw.choice("constant", "reflect", "replicate", "circular")
    if mode == "constant":
        x = draw.ties(*draw.shape(1, 4))
        axes = draw.integer(1, x.ndim)
    else:
        axes = draw.rank
        x = draw.ties(*draw.batch(), draw.size(5), *draw.spatial(13))
    low = draw.choice(0, 0, -2)
    parameters = {"pad": tuple(draw.integer(low, 4) for _ in range(2 * axes)), "mode": mode}
    if mode == "constant" and draw.chance():
        parameters["value"] = draw.choice(1.5, -2, 0.0)

    # PyTorch lets one axis of several become empty in these modes.
    def peer(input, **rest):
        result = F.pad(input, **rest)
        if mode != "constant" and not result.numel():
            raise Refusal("an empty result")
        # It reads cells that were never written where the circle is shorter than the width.
        for n, before, after in zip(input.shape[::-1], rest["pad"][::2], rest["pad"][1::2]):
            if mode == "circular" and max(before, after) > n + min(before, 0) + min(after, 0):
                raise Refusal("more than once around")
        return result

    return Case({"input": x}, parameters, peer, exact=True, same_dtype=True)


MODES = {1: ("nearest", "nearest-exact", "area", "linear"),
         2: ("nearest", "nearest-exact", "area", "bilinear", "bicubic"),
         3: ("nearest", "nearest-exact", "area", "trilinear")}  # fmt: skip
SCALES = (0.3, 0.5, 0.77, 1.0, 1.3, 1.5, 2, 2.0, 2.7, 3)


@cases("interpolate")
def interpolate(draw, name):
    mode = draw.choice(*MODES[draw.rank])
    x = draw.normal(draw.integer(1, 2), draw.size(4), *draw.spatial((40, 24, 9)[draw.rank - 1]))
    parameters = {"mode": mode}
    if draw.chance():
        most = (60, 33, 12)[draw.rank - 1]
        parameters["size"] = draw.axes(1, most)
    else:
        one, many = draw.choice(*SCALES), tuple(draw.choice(*SCALES) for _ in range(draw.rank))
        parameters["scale_factor"] = draw.choice(one, many, list(many))
        if draw.chance(0.4):
            parameters["recompute_scale_factor"] = draw.chance()
    if mode.endswith(("linear", "cubic")) and draw.chance(0.7):
        parameters["align_corners"] = draw.chance()
    if draw.rank == 2 and draw.chance(0.5):
        parameters["antialias"] = True
        parameters["mode"] = draw.choice("bilinear", "bicubic", "lanczos")
        # PyTorch 2.13 repeats the first row where the width is 1 before and after.
        if x.shape[-1] == 1:
            x = np.repeat(x, 2, axis=-1)
    scales = np.broadcast_to(parameters.get("scale_factor", 1), draw.rank)
    mode = parameters["mode"]
    if mode.startswith("nearest") and draw.dtype == np.float64 and _rounding_decides(x, parameters, mode):
        parameters["mode"] = mode = "area"

    def peer(input, **rest):
        result = F.interpolate(input, **rest)
        if not result.numel():
            raise Refusal("an empty result")
        return result

    # PyTorch computes the places of float32 images in float32: an error of some 40 eps of a cell.
    same = mode.startswith("nearest") or draw.dtype == np.float32
    case = Case({"input": x}, parameters, peer, 16.0, same_dtype=same)
    # Some of its gradients take an axis whose size stays for a copy where its results do not, or the reverse.
    kept = any(int(n * s) == n and s != 1 for n, s in zip(x.shape[2:], scales))
    case.gradients = not (kept and ("antialias" in parameters or (mode == "nearest" and draw.rank != 2)))
    return case


# Whether the cell nearest to some place depends on how the place is rounded: PyTorch computes places of
# float64 images in float32 or in float64, depending on the shape.
def _rounding_decides(x, parameters, mode):
    rank = x.ndim - 2
    for axis, n in enumerate(x.shape[2:]):
        if "size" in parameters:
            size = int(np.broadcast_to(parameters["size"], rank)[axis])
            step = n / size
        else:
            scale = float(np.broadcast_to(parameters["scale_factor"], rank)[axis])
            size, step = int(n * scale), 1 / scale
        places = (np.arange(size) + (0.5 if mode == "nearest-exact" else 0.0)) * step
        if np.any(np.abs(places - np.rint(places)) < 1e-3):
            return True
    return False


@cases("grid_sample")
def grid_sample(draw, name):
    rank = draw.choice(2, 2, 3)
    batch = draw.integer(1, 3)
    spatial, places = [draw.size(13) for _ in range(rank)], [draw.size(7) for _ in range(rank)]
    parameters = {}
    if draw.chance(0.9):
        parameters["mode"] = draw.choice("bilinear", "nearest", "bicubic")
    if draw.chance(0.9):
        parameters["padding_mode"] = draw.choice("zeros", "border", "reflection")
    if draw.chance(0.9):
        parameters["align_corners"] = draw.chance()
    # Places in the middle of 1/64ths: none of them is where a rounding decides.
    grid = (np.round(draw.numbers.uniform(-1.5, 1.5, (batch, *places, rank)) * 64) + 0.37) / 64
    arrays = {"input": draw.normal(batch, draw.size(5), *spatial), "grid": grid.astype(draw.dtype)}
    # Gradients of places are multiplied by the extent, and errors of places by the slope.
    return Case(arrays, parameters, F.grid_sample, 40.0 * max(spatial), same_dtype=True)


@cases("pixel_shuffle", "pixel_unshuffle")
def pixels(draw, name):
    r = draw.integer(1, 4)
    shape = [*draw.shape(0, 2, 4), draw.size(5) * (r * r if name == "pixel_shuffle" else 1), draw.size(9), draw.size(9)]
    if name == "pixel_unshuffle":
        shape[-2:] = [n * r for n in shape[-2:]]
    shape[-3] += draw.chance(0.1)
    parameters = {"upscale_factor" if name == "pixel_shuffle" else "downscale_factor": r}
    return Case({"input": draw.ties(*shape)}, parameters, getattr(F, name), exact=True, same_dtype=True)


@cases("channel_shuffle")
def channels(draw, name):
    groups = draw.integer(1, 4)
    shape = [*draw.batch(), draw.size(5) * groups + draw.chance(0.1), *draw.spatial(9)]
    return Case({"input": draw.ties(*shape)}, {"groups": groups}, F.channel_shuffle, exact=True, same_dtype=True)


@cases("affine_grid")
def affine(draw, name):
    rank = draw.choice(2, 3)
    size = [draw.integer(1, 3), draw.integer(1, 3), *(draw.size(9) for _ in range(rank))]
    parameters = {"size": draw.choice(size, tuple(size))}
    if draw.chance(0.8):
        parameters["align_corners"] = draw.chance()
    return Case({"theta": draw.normal(size[0], rank, rank + 1)}, parameters, F.affine_grid, 4.0)
