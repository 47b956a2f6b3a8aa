"""Calls of convolutions, linear maps and matrix products: sums of products."""

import torch
import torch.nn.functional as F

from .engine import Case, cases


def _channels(draw):
    groups = draw.choice(1, 1, 1, 2, 3, 4)
    most = (40, 24, 9)[draw.rank - 1]
    return groups, draw.size(most if groups == 1 else most // groups + 1), draw.size(most // groups + 1)


def _kernel(draw):
    most = (11, 7, 4)[draw.rank - 1]
    return tuple(draw.choice(1, 2, 3, 3, draw.integer(1, most)) for _ in range(draw.rank))


@cases("conv{}d")
def convolution(draw, name):
    groups, per_group, out = _channels(draw)
    kernel = _kernel(draw)
    parameters = {}
    if draw.chance(0.7):
        parameters["stride"] = draw.axes(1, 5)
    if draw.chance(0.7):
        parameters["padding"] = draw.choice(draw.axes(0, 4), "same", "valid")
    if draw.chance(0.5):
        parameters["dilation"] = draw.axes(1, 3)
    if groups > 1:
        parameters["groups"] = groups
    if parameters.get("padding") == "same" and draw.chance(0.9):
        parameters.pop("stride", None)
    arrays = {
        "input": draw.normal(*draw.batch(), groups * per_group, *draw.spatial()),
        "weight": draw.normal(groups * out, per_group, *kernel),
        "bias": draw.normal(groups * out) if draw.chance() else None,
    }
    return Case(arrays, parameters, getattr(F, name), None)


@cases("conv_transpose{}d")
def transposed(draw, name):
    groups, per_group, out = _channels(draw)
    stride, dilation = draw.axes(1, 4), draw.axes(1, 3)
    parameters = {"stride": stride}
    if draw.chance(0.7):
        parameters |= {"padding": draw.axes(0, 3), "dilation": dilation}
    if draw.chance(0.6):
        parameters["output_padding"] = draw.axes(0, 2)
    if groups > 1:
        parameters["groups"] = groups
    arrays = {
        "input": draw.normal(*draw.batch(), groups * per_group, *draw.spatial((40, 17, 7)[draw.rank - 1])),
        "weight": draw.normal(groups * per_group, out, *_kernel(draw)),
        "bias": draw.normal(groups * out) if draw.chance() else None,
    }
    return Case(arrays, parameters, getattr(F, name), None)


@cases("linear")
def linear(draw, name):
    inner, outer = draw.size(), draw.size()
    flat = draw.chance(0.1)
    arrays = {
        "input": draw.normal(*draw.shape(0, 3), inner),
        "weight": draw.normal(inner) if flat else draw.normal(outer, inner),
        "bias": draw.normal(outer) if draw.chance() and not flat else None,
    }
    return Case(arrays, {}, F.linear, None)


@cases("matmul")
def matmul(draw, name):
    n, k, m = draw.size(), draw.size(), draw.size()
    batch = draw.shape(0, 2, 4)
    left = draw.choice((k,), (n, k), (*batch, n, k), (*(1 for _ in batch), n, k))
    right = draw.choice((k,), (k, m), (*batch, k, m), (batch[-1], k, m) if batch else (k, m))
    return Case({"input": draw.normal(*left), "other": draw.normal(*right)}, {}, torch.matmul, None)


@cases("embedding")
def embedding(draw, name):
    rows, features = draw.size(), draw.size(9)
    parameters = {}
    if draw.chance():
        parameters["padding_idx"] = draw.integer(-rows - 1, rows)
    if draw.chance(0.3):
        parameters |= {"max_norm": draw.choice(0.5, 1, 2.5), "norm_type": draw.choice(2.0, 1, 3.0)}
    if draw.chance(0.3):
        parameters["scale_grad_by_freq"] = True
    arrays = {"input": draw.labels(rows, *draw.shape(0, 3)), "weight": draw.normal(rows, features)}
    written = ("weight",) if "max_norm" in parameters else ()
    return Case(arrays, parameters, F.embedding, float(draw.size(40)), written=written)
