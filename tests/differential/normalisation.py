"""Calls of normalisations, in training and evaluation, with and without running statistics."""

import numpy as np
import torch
import torch.nn.functional as F

from .engine import Case, cases


def _affine(draw, *shape):
    return {
        "weight": draw.normal(*shape) if draw.chance(0.7) else None,
        "bias": draw.normal(*shape) if draw.chance(0.7) else None,
    }


# Normalised values are of size 1; their gradients sum over `size` elements and are divided by the deviation.
def _scale(size):
    return 16.0 * np.sqrt(size) + 16.0


def _running(draw, channels, given):
    return {
        "running_mean": draw.normal(channels) if given else None,
        "running_var": draw.positive(channels) if given else None,
    }


def _spread(draw, *shape):
    return (draw.normal(*shape) * draw.choice(1, 3) + draw.choice(0, 2)).astype(draw.dtype)


@cases("batch_norm")
def batch(draw, name):
    channels = draw.size(33)
    x = _spread(draw, draw.integer(1, 5), channels, *draw.choice((), draw.spatial(13)))
    training = draw.chance()
    statistics = _running(draw, channels, given=draw.chance(0.7) or (not training and draw.chance(0.9)))
    parameters = {"training": training, "momentum": draw.choice(0.1, 0.2, 1.0, 0.0), "eps": draw.choice(1e-5, 1e-3)}
    arrays = {"input": x, **statistics, **_affine(draw, channels)}
    return Case(arrays, parameters, F.batch_norm, _scale(x.size / channels), written=tuple(statistics))


@cases("instance_norm")
def instance(draw, name):
    channels = draw.size(17)
    x = _spread(draw, draw.integer(1, 4), channels, *draw.spatial(13))
    own = draw.chance(0.7)
    statistics = _running(draw, channels, given=draw.chance() or not own)
    parameters = {"use_input_stats": own, "momentum": draw.choice(0.1, 0.3), "eps": draw.choice(1e-5, 1e-3)}
    # A channel of a sample with few elements may have next to no variance: its gradients are then huge.
    arrays = {"input": x, **statistics, **_affine(draw, channels)}
    return Case(arrays, parameters, F.instance_norm, 64 * _scale(x.size), written=tuple(statistics))


@cases("layer_norm")
def layer(draw, name):
    x = _spread(draw, *draw.shape(1, 4))
    shape = x.shape[draw.integer(0, x.ndim - 1) :]
    normalized = shape[0] if len(shape) == 1 and draw.chance(0.3) else draw.choice(shape, list(shape))
    parameters = {"normalized_shape": normalized, "eps": draw.choice(1e-5, 1e-2)}

    def peer(input, normalized_shape, **rest):
        shape = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        return F.layer_norm(input, shape, **rest)

    return Case({"input": x, **_affine(draw, *shape)}, parameters, peer, 64 * _scale(x.size))


@cases("group_norm")
def group(draw, name):
    groups = draw.integer(1, 6)
    channels = groups * draw.size(8) + (draw.chance(0.05))
    x = _spread(draw, draw.integer(1, 4), channels, *draw.choice((), draw.spatial(9)))
    parameters = {"num_groups": groups, "eps": draw.choice(1e-5, 1e-3)}

    # PyTorch 2.13 fails in the gradient of group_norm with a bias and no weight, or the other way round.
    def peer(input, num_groups, weight, bias, eps):
        ones = torch.ones(input.shape[1], dtype=input.dtype)
        weight, bias = ones if weight is None else weight, 0 * ones if bias is None else bias
        return F.group_norm(input, num_groups, weight, bias, eps)

    return Case({"input": x, **_affine(draw, channels)}, parameters, peer, 64 * _scale(x.size))


@cases("local_response_norm")
def local_response(draw, name):
    x = _spread(draw, *draw.shape(2 if draw.chance(0.1) else 3, 5))
    parameters = {"size": draw.integer(1, 9), "alpha": draw.choice(1e-4, 1, 0.3), "beta": draw.choice(0.75, 0.5, 2)}
    if draw.chance():
        parameters["k"] = draw.choice(1.0, 2)
    return Case({"input": x}, parameters, F.local_response_norm, 32.0)
