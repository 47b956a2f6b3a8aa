"""Calls of pools: windows, adaptive and global ones, and back to the places of maxima."""

import contextlib

import numpy as np
import torch
import torch.nn.functional as F

from .engine import Case, cases

EXTENTS = (40, 33, 13)


def _planes(draw, make, most=None):
    return make(*draw.batch(), draw.size(5), *draw.spatial(most or EXTENTS[draw.rank - 1]))


def _window(draw, padding=True):
    kernel = draw.axes(1, (7, 5, 4)[draw.rank - 1])
    parameters = {"kernel_size": kernel}
    if draw.chance(0.7):
        parameters["stride"] = draw.axes(1, 6)
    if padding and draw.chance(0.6):
        sizes = kernel if isinstance(kernel, tuple) else (kernel,)
        half = tuple(draw.integer(0, k // 2) for k in sizes)
        parameters["padding"] = half if isinstance(kernel, tuple) else half[0]
        if draw.chance(0.05):
            parameters["padding"] = draw.axes(0, 4)
    if draw.chance(0.5):
        parameters["ceil_mode"] = draw.chance()
    return parameters


@cases("max_pool{}d", "min_pool{}d")
def extreme(draw, name):
    parameters = _window(draw)
    if draw.chance(0.4):
        parameters["dilation"] = draw.axes(1, 3)
    if draw.chance():
        parameters["return_indices"] = True
    pool = getattr(F, name.replace("min", "max"))

    def negated(input, **rest):
        result = pool(-input, **rest)
        return (-result[0], result[1]) if isinstance(result, tuple) else -result

    x = _planes(draw, draw.choice(draw.apart, draw.ties))
    case = Case({"input": x}, parameters, pool if "max" in name else negated, exact=True, same_dtype=True)
    # A window that sees padding alone has an extreme, infinite, but no place; PyTorch makes one up.
    with contextlib.suppress(RuntimeError):
        result = pool(torch.from_numpy(x), **{**parameters, "return_indices": False})
        case.gradients = bool(result.isfinite().all())
    if not case.gradients:
        parameters.pop("return_indices", None)
    return case


# avg_pool3d alone refuses a kernel larger than the input before padding: it has nothing to say there.
def _fit(draw, x, parameters):
    kernel = np.broadcast_to(parameters["kernel_size"], draw.rank)
    if draw.rank == 3 and any(k > n for k, n in zip(kernel, x.shape[-3:])):
        parameters["kernel_size"] = 1
        parameters.pop("padding", None)


@cases("avg_pool{}d")
def average(draw, name):
    parameters = _window(draw)
    if draw.chance():
        parameters["count_include_pad"] = draw.chance()
    if draw.rank > 1 and draw.chance(0.3):
        parameters["divisor_override"] = draw.choice(1, 2, 5, -3, 0)
    x = _planes(draw, draw.normal)
    _fit(draw, x, parameters)
    return Case({"input": x}, parameters, getattr(F, name), None)


@cases("lp_pool{}d")
def power(draw, name):
    parameters = _window(draw, padding=False)
    if draw.rank == 1:  # where PyTorch takes no tuple
        parameters = {key: value[0] if isinstance(value, tuple) else value for key, value in parameters.items()}
    p = draw.choice(1, 2, 2.0, 3, 4, 1.5, 0.5, float("inf"), float("-inf"), -1)
    make = draw.normal if p in (1, 2, 4, float("inf"), float("-inf")) else draw.positive
    arrays = {"input": _planes(draw, make)}
    _fit(draw, arrays["input"], parameters)
    cells = 7.0 ** min(draw.rank, 2)
    return Case(arrays, {"norm_type": p, **parameters}, getattr(F, name), 3.0 * cells if p != 0.5 else 1e3)


def _output_size(draw, most):
    one = draw.integer(1, most)
    many = tuple(draw.choice(None, draw.integer(1, most)) for _ in range(draw.rank))
    return draw.choice(one, many) if draw.rank > 1 else one


@cases("adaptive_avg_pool{}d")
def adaptive_average(draw, name):
    x = _planes(draw, draw.normal)
    return Case({"input": x}, {"output_size": _output_size(draw, (40, 13, 7)[draw.rank - 1])}, getattr(F, name), None)


@cases("adaptive_max_pool{}d")
def adaptive_maximum(draw, name):
    parameters = {"output_size": _output_size(draw, (40, 13, 7)[draw.rank - 1])}
    if draw.chance():
        parameters["return_indices"] = True
    x = _planes(draw, draw.choice(draw.apart, draw.ties))
    return Case({"input": x}, parameters, getattr(F, name), exact=True, same_dtype=True)


@cases("global_avg_pool", "global_max_pool")
def whole(draw, name):
    kind = "avg" if "avg" in name else "max"
    x = (draw.normal if kind == "avg" else draw.ties)(draw.integer(1, 3), draw.size(9), *draw.spatial())
    pool = getattr(F, f"adaptive_{kind}_pool{draw.rank}d")
    scale = None if kind == "avg" else 1.0
    return Case({"input": x}, {}, lambda input: pool(input, 1), scale, exact=kind == "max", same_dtype=kind == "max")


@cases("max_unpool{}d")
def unpool(draw, name):
    kernel = draw.axes(1, 4)
    parameters = {"kernel_size": kernel}
    if draw.chance(0.3):
        parameters["stride"] = draw.axes(1, 4)
    pooled = _planes(draw, draw.apart, EXTENTS[draw.rank - 1])
    try:
        values, indices = getattr(F, name.replace("unpool", "pool"))(
            torch.from_numpy(pooled), **parameters, return_indices=True
        )
    except RuntimeError:
        values, indices = torch.zeros(1, 1, *[1] * draw.rank), torch.zeros(1, 1, *[1] * draw.rank, dtype=torch.int64)
    if draw.chance():
        size = pooled.shape[-draw.rank :]
        parameters["output_size"] = draw.choice(size, (*pooled.shape[:1], 1, *size), tuple(n + 1 for n in size))
    x = draw.normal(*values.shape)
    # Where windows overlap, two values may go to one place; which one wins is not promised.
    flat = indices.reshape(-1, *indices.shape[-draw.rank :]).flatten(1)
    if any(len(set(row.tolist())) < len(row) for row in flat):
        indices = torch.arange(flat.shape[1]).reshape(indices.shape[-draw.rank :]).expand(indices.shape)
    arrays = {"input": x, "indices": indices.numpy().copy()}
    return Case(arrays, parameters, getattr(F, name), exact=True, same_dtype=True)
