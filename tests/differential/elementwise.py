"""Calls of activations, softmax, arithmetic, reductions and dropout."""

import numpy as np
import torch
import torch.nn.functional as F

from .engine import Case, cases


@cases("relu", "relu6", "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh", "leaky_relu", "elu", "gelu",
       "softplus")  # fmt: skip
def activation(draw, name):
    x = draw.normal(*draw.shape(0, 4)) * draw.choice(1, 5, 30)
    parameters = {}
    if name == "leaky_relu" and draw.chance(0.7):
        parameters["negative_slope"] = draw.choice(0.3, 0.0, 2, -0.5)
    if name == "elu" and draw.chance(0.7):
        parameters["alpha"] = draw.choice(0.4, 2, 1.7)
    if name == "gelu":
        parameters["approximate"] = draw.choice("none", "tanh", "tanh", "erf" if draw.chance(0.1) else "none")
    if name == "softplus" and draw.chance(0.7):
        parameters |= {"beta": draw.choice(0.5, 2, 1), "threshold": draw.choice(1, 20, 5.0)}
    if name not in ("gelu", "softplus", "sigmoid", "tanh") and draw.chance(0.2):
        parameters["inplace"] = False
    # PyTorch multiplies by 1/6 rounded to float32, in float64 too.
    coarse = 1e9 if name in ("hardsigmoid", "hardswish") and draw.dtype == np.float64 else 1.0
    peer = getattr(torch, name) if name in ("sigmoid", "tanh") else getattr(F, name)
    return Case({"input": np.asarray(x, draw.dtype)}, parameters, peer, 2.0 * coarse)


@cases("prelu")
def prelu(draw, name):
    x = draw.normal(*draw.shape(1, 4))
    channels = x.shape[1] if x.ndim > 1 else 1
    weight = draw.normal(draw.choice(1, channels, channels, channels + draw.chance(0.1)))
    return Case({"input": x, "weight": weight}, {}, F.prelu, 2.0)


@cases("softmax", "log_softmax")
def softmax(draw, name):
    x = draw.normal(*draw.shape(0, 4)) * draw.dtype.type(draw.choice(1, 10, 100))
    x = np.asarray(x)
    parameters = {"dim": draw.choice(None, draw.integer(-x.ndim - 1, x.ndim), draw.integer(-x.ndim, x.ndim))}
    if draw.chance(0.2):
        parameters["dtype"] = draw.choice("float32", "float64")

    def peer(input, dim=None, dtype=None):
        result = getattr(F, name)(input, dim=dim)
        return result if dtype is None else result.to(getattr(torch, dtype))

    scale = 2.0 if "dtype" not in parameters else 2.0 * 2.0**30
    return Case({"input": x}, parameters, peer, scale * (1 if name == "softmax" else 400))


@cases("add", "sub", "mul", "div", "maximum", "minimum", "pow", "where")
def binary(draw, name):
    shape = draw.shape(0, 4)
    stretched = tuple(draw.choice(n, 1) for n in shape)[draw.integer(0, len(shape)) :]
    make = draw.positive if name in ("div", "pow") else draw.ties if "imum" in name else draw.normal
    shapes = (shape, stretched) if draw.chance() else (stretched, shape)
    arrays = {"input": make(*shapes[0]), "other": make(*shapes[1])}
    if name == "where":
        arrays = {"condition": draw.labels(2, *shape).astype(bool), **arrays}
    count = 8.0 * max(1, int(np.prod(shape)))
    peer = getattr(torch, name)
    return Case(arrays, {}, lambda *values, **named: peer(*values, *named.values()), count)


@cases("neg", "exp", "log", "sqrt", "abs")
def unary(draw, name):
    make = draw.positive if name in ("log", "sqrt") else draw.normal
    return Case({"input": make(*draw.shape())}, {}, getattr(torch, name), 4.0)


@cases("clip")
def clip(draw, name):
    bounds = {"min": draw.choice(None, -0.5, 0, 1), "max": draw.choice(None, 0.5, 1.0, -1)}
    if bounds == {"min": None, "max": None}:
        bounds["min"] = 0.25
    x = np.asarray(draw.ties(*draw.shape()) / 2, draw.dtype)
    return Case({"input": x}, bounds, torch.clamp, exact=True, same_dtype=True)


@cases("sum", "mean", "max", "min")
def reduction(draw, name):
    shape = draw.shape(1, 4) or (3,)
    x = (draw.normal if name in ("sum", "mean") else draw.ties)(*shape)
    axes = draw.random.sample(range(x.ndim), draw.integer(1, x.ndim))
    axes = [axis - x.ndim if draw.chance(0.3) else axis for axis in axes]
    dim = draw.choice(None, axes[0], tuple(axes), x.ndim + 1 if draw.chance(0.1) else axes[-1])
    keepdim = draw.chance()

    def peer(input, dim, keepdim):
        dim = tuple(range(input.ndim)) if dim is None else dim
        call = {"max": torch.amax, "min": torch.amin}.get(name) or getattr(torch, name)
        return call(input, dim=dim, keepdim=keepdim)

    scale = 4.0 * x.size if name == "sum" else 4.0
    return Case({"input": x}, {"dim": dim, "keepdim": keepdim}, peer, scale)


# Masks differ by generator: what is promised is that nothing or all is dropped, and the shape.
@cases("dropout", "dropout1d", "dropout2d", "dropout3d")
def dropout(draw, name):
    shape = draw.shape(0, 4) if name == "dropout" else (*draw.batch(), draw.size(9), *draw.spatial(9))
    p, training = draw.choice((0.0, True), (1.0, True), (0.5, False), (1, False), (1.5, True))
    peer = getattr(F, name)
    return Case({"input": draw.normal(*shape)}, {"p": p, "training": training}, peer, exact=True)
