"""Shape rules of padding, interpolation and sampling."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import choice, finite, flag, integer, integers, real
from .arrays import arrays, as_array, ndarray, type_error, value_error

PAD_MODES = ("constant", "reflect", "replicate", "circular")
INTERPOLATIONS = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
    "trilinear": (5,),
    "lanczos": (4,),
}
# Those that can widen with the step, so that a smaller result sees every cell.
ANTIALIASED = ("bilinear", "bicubic", "lanczos")


def widths(op: str, shape: tuple[int, ...], pad: Any, mode: str) -> list[tuple[int, int]]:
    """(before, after) for each axis of `shape`, from widths that start at the last axis."""
    if not isinstance(pad, Sequence) or isinstance(pad, str):
        raise type_error(op, "pad", f"is {pad!r}", "a sequence of integers, two for each axis from the last")
    numbers = [integer(op, "pad", item) for item in pad]
    axes = len(numbers) // 2
    if len(numbers) % 2 or axes > len(shape):
        raise value_error(
            op, "pad", f"has {len(numbers)} numbers", f"an even number, at most {2 * len(shape)}"
        )
    if mode != "constant" and (axes not in (1, 2, 3) or len(shape) not in (axes + 1, axes + 2)):
        came = f"has {len(numbers)} numbers for input of shape {shape}"
        raise value_error(
            op, "pad", came, f"2, 4 or 6 for the last axes of (C, ...) or (N, C, ...) in mode {mode!r}"
        )
    pairs = [(0, 0)] * (len(shape) - axes) + [
        (numbers[2 * i], numbers[2 * i + 1]) for i in reversed(range(axes))
    ]
    if mode != "constant" and 0 in shape[len(shape) == axes + 2 :]:
        raise value_error(op, "input", f"has shape {shape}", f"no empty axis but the batch in mode {mode!r}")
    for i in range(len(shape) - axes, len(shape)):
        _fits(op, mode, i, shape[i], *pairs[i])
    return pairs


# reflect repeats no cell next to itself, so it needs one more; circular goes round what negative widths
# leave. A crop may reach into what reflect or replicate added on the other side.
def _fits(op: str, mode: str, axis: int, size: int, before: int, after: int) -> None:
    came = f"is {(before, after)} on axis {axis} of size {size}"
    smallest = 0 if mode == "constant" else 1
    beyond = mode in ("constant", "circular") and max(-before, -after) > size
    if size + before + after < smallest or beyond:
        raise value_error(op, "pad", came, f"a result of size {smallest} or more")
    limit = {"reflect": size - 1, "circular": size + min(before, 0) + min(after, 0)}.get(mode)
    if limit is not None and max(before, after) > limit:
        raise value_error(op, "pad", came, f"at most {limit} for {mode!r}")


def interpolation(
    op: str, input: Any, size: Any, scale_factor: Any, mode: Any, align_corners: Any, recompute: Any, antialias: Any
) -> tuple[ndarray, tuple[int, ...], tuple[float | None, ...], bool]:
    """input (N, C, *spatial), the result's sizes, each axis's scale (None: their ratio), align_corners."""
    input = as_array(op, "input", input)
    choice(op, "mode", mode, tuple(INTERPOLATIONS))
    if input.ndim not in INTERPOLATIONS[mode]:
        ranks = " or ".join(map(str, INTERPOLATIONS[mode]))
        raise value_error(
            op, "input", f"has {input.ndim} dimensions", f"{ranks} for mode {mode!r}, (N, C, *spatial)"
        )
    if 0 in input.shape[1:]:
        raise value_error(op, "input", f"has shape {input.shape}", "no axis of size 0 but the batch")
    antialias = flag(op, "antialias", antialias)
    recompute = recompute is not None and flag(op, "recompute_scale_factor", recompute)
    if antialias and mode not in ANTIALIASED:
        raise value_error(op, "antialias", f"is {antialias!r} in mode {mode!r}", f"one of the modes {ANTIALIASED}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise value_error(op, "mode", "is 'lanczos'", "antialias=True and no align_corners with it")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise value_error(op, "align_corners", f"is {align_corners!r}", f"None for mode {mode!r}")
    align_corners = align_corners is not None and flag(op, "align_corners", align_corners)
    rank = input.ndim - 2
    if (size is None) == (scale_factor is None):
        came = "is None as well as scale_factor" if size is None else "is given beside scale_factor"
        raise value_error(op, "size", came, "one of the two")
    if size is not None:
        if recompute:
            raise value_error(op, "recompute_scale_factor", "is True with size", "scale_factor")
        return input, integers(op, "size", size, rank, 1), (None,) * rank, align_corners
    given = (
        tuple(scale_factor) if isinstance(scale_factor, (Sequence, np.ndarray)) else (scale_factor,) * rank
    )
    if len(given) != rank:
        raise value_error(op, "scale_factor", f"has {len(given)} values", f"one number or {rank}")
    scales = tuple(finite(op, "scale_factor", value) for value in given)
    sizes = tuple(math.floor(n * scale) for n, scale in zip(input.shape[2:], scales, strict=True))
    if min(sizes) < 1:
        raise value_error(
            op, "scale_factor", f"is {scales} for sizes {input.shape[2:]}", "results of at least 1"
        )
    if recompute:
        return input, sizes, (None,) * rank, align_corners
    # PyTorch leaves an axis alone whose size stays (3 * 1.3 gives 3), but for plain cubic, exact and 1-D or
    # 3-D nearest.
    if antialias or mode.endswith("linear") or (mode == "nearest" and rank == 2):
        scales = tuple(
            None if n == to else s for n, to, s in zip(input.shape[2:], sizes, scales, strict=True)
        )
    return input, sizes, scales, align_corners


def grid(
    op: str, input: Any, grid: Any, mode: Any, padding_mode: Any, align_corners: Any
) -> tuple[ndarray, ndarray, bool]:
    """input (N, C, H, W) with grid (N, P, Q, 2), or input (N, C, D, H, W) with grid (N, O, P, Q, 3)."""
    align_corners = align_corners is not None and flag(op, "align_corners", align_corners)
    input, grid = arrays(op, input=input, grid=grid)
    choice(op, "mode", mode, ("bilinear", "nearest", "bicubic"))
    choice(op, "padding_mode", padding_mode, ("zeros", "border", "reflection"))
    if input.ndim not in (4, 5):
        raise value_error(op, "input", f"has shape {input.shape}", "(N, C, H, W) or (N, C, D, H, W)")
    rank = input.ndim - 2
    if grid.ndim != input.ndim or grid.shape[-1] != rank:
        raise value_error(
            op, "grid", f"has shape {grid.shape}", f"{input.ndim} dimensions, the last of size {rank}"
        )
    if grid.shape[0] != input.shape[0]:
        raise value_error(op, "grid", f"has batch size {grid.shape[0]}", f"{input.shape[0]}, that of input")
    if mode == "bicubic" and rank != 2:
        raise value_error(op, "mode", "is 'bicubic'", "'bilinear' or 'nearest' for 5 dimensions")
    if 0 in input.shape[2:]:
        raise value_error(op, "input", f"has shape {input.shape}", "no empty spatial axis")
    return input, grid, align_corners


def shuffle_factor(name: str, argument: str, value: Any, input: ndarray, shuffle: bool) -> int:
    """The factor of pixel_shuffle, whose square divides the channels, or of its inverse, which divides the extents."""
    r = integer(name, argument, value, 1)
    if input.ndim < 3:
        raise value_error(name, "input", f"has shape {input.shape}", "at least 3 dimensions")
    if shuffle and input.shape[-3] % (r * r):
        raise value_error(name, "input", f"has {input.shape[-3]} channels", f"a multiple of {r * r}")
    if not shuffle and (input.shape[-2] % r or input.shape[-1] % r):
        raise value_error(name, "input", f"has height and width {input.shape[-2:]}", f"multiples of {r}")
    return r


def channel_groups(name: str, value: Any, input: ndarray) -> int:
    """The groups of channel_shuffle, which divide the channels."""
    groups = integer(name, "groups", value, 1)
    if input.ndim < 3:
        raise value_error(name, "input", f"has shape {input.shape}", "at least 3 dimensions")
    if input.shape[1] % groups:
        raise value_error(name, "input", f"has {input.shape[1]} channels", f"a multiple of {groups}")
    return groups


def affine(name: str, theta: Any, size: Any, align_corners: Any) -> tuple[ndarray, tuple[int, ...], bool]:
    """theta (N, rank, rank + 1) with size (N, C, *spatial), rank 2 or 3; align_corners."""
    align_corners = align_corners is not None and flag(name, "align_corners", align_corners)
    theta = as_array(name, "theta", theta)
    if not isinstance(size, Sequence) or len(size) not in (4, 5):
        raise value_error(name, "size", f"is {size!r}", "(N, C, H, W) or (N, C, D, H, W)")
    sizes = integers(name, "size", size, len(size), 1)
    rank = len(sizes) - 2
    if theta.shape != (sizes[0], rank, rank + 1):
        raise value_error(name, "theta", f"has shape {theta.shape}", f"{(sizes[0], rank, rank + 1)}")
    return theta, sizes, align_corners


def padding_arguments(
    op: str, x: ndarray, pad: Any, mode: Any, value: Any
) -> tuple[str, float, list[tuple[int, int]]]:
    """(mode, value, widths of each axis) of a call of pad."""
    mode = choice(op, "mode", mode, PAD_MODES)
    value = 0.0 if value is None else real(op, "value", value)
    if value != 0 and mode != "constant":
        raise value_error(op, "value", f"is {value}", f"None or 0 in mode {mode!r}")
    return mode, value, widths(op, x.shape, pad, mode)
