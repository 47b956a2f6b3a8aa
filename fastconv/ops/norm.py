"""Normalisations over parts of one sample: layer, group and instance."""

import math

import numpy as np

from .. import _core
from ..geometry import norm as rule
from ..geometry.arguments import finite
from ..geometry.arrays import allocate, contiguous, ndarray, new_output
from ..op import op
from .batch_norm import normalise, normalise_backward
from .statistics import checked_gradient, corrections, flat, inverse_deviation, moments, sums, update


@op("input", "weight", "bias", quiet=True)
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, *, out=None):
    """(input - mean) / sqrt(var + eps) * weight + bias over the last axes, which are normalized_shape.

    input (…, *normalized_shape), weight and bias normalized_shape or None. Raises ValueError for shapes that
    do not fit. Source: Ba et al. 2016, Layer Normalization.

    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0]]), 2, eps=0.0)
    array([[-1.,  1.]])
    """
    call, axes = rule.layer("layer_norm", input, normalized_shape, weight, bias, eps)
    out = new_output("layer_norm", out, call.input.shape, call.input.dtype, *call[:3])
    x, (rows, length) = contiguous(call.input), _rows(call.input, axes)
    mean, inverse = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
    _core.norm_layer(rows, length, x, flat(call.weight), flat(call.bias), call.eps, mean, inverse, out)
    return out, (input, normalized_shape, weight, bias, eps, (mean, inverse))


# Rows, and the size of each: the last `axes` axes.
def _rows(x: ndarray, axes: int) -> tuple[int, int]:
    return math.prod(x.shape[:-axes]), math.prod(x.shape[-axes:])


@layer_norm.gradient
def layer_norm_backward(
    grad_output,
    input,
    normalized_shape,
    weight=None,
    bias=None,
    eps=1e-5,
    statistics=None,
    *,
    needs=(True, True, True),
):
    """Gradients of `layer_norm` for (input, weight, bias); needs and statistics as in batch_norm.

    >>> import numpy as np
    >>> layer_norm_backward(np.array([[1.0, 0.0]]), np.array([[1.0, 3.0]]), 2)[2]
    array([1., 0.])
    """
    name = "layer_norm_backward"
    call, axes = rule.layer(name, input, normalized_shape, weight, bias, eps)
    g = checked_gradient(name, grad_output, call.input)
    x, (rows, length), weight = contiguous(call.input), _rows(call.input, axes), flat(call.weight)
    mean, inverse = _statistics(name, x, rows, length, call.eps, statistics)
    grad_input = grad_weight = grad_bias = None
    if needs[0]:
        grad_input = allocate(name, call.input.shape, x.dtype)
        slope, shift = corrections(*sums(g, x, 1, rows, length, mean, weight=weight), inverse, length)
        _core.norm_apply(length, rows, g, x, mean, inverse, slope, shift, weight, grad_input)
    if needs[1] or needs[2]:
        shape = call.input.shape[-axes:]
        grad_bias, grad_weight = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
        _core.norm_sums(rows, length, 1, g, x, mean, grad_bias, grad_weight, scale=inverse)
    return grad_input, grad_weight if needs[1] else None, grad_bias if needs[2] else None


# Mean and 1 / std of each row, saved by a forward call or anew.
def _statistics(name: str, x: ndarray, rows: int, length: int, eps: float, saved) -> tuple[ndarray, ndarray]:
    if saved is not None:
        mean, inverse = map(flat, rule.statistics(name, saved, x, rows))
        return mean, inverse
    mean, variance = moments(x, 1, rows, length)
    return mean, inverse_deviation(variance, eps)


# Shared by group_norm and instance_norm: rows are groups of channels, weight and bias belong to channels.
# The kernels apply them channel by channel, so a group's numbers are repeated for its channels.
def _grouped_forward(name: str, call: rule.Normal, groups: int, out) -> tuple[ndarray, tuple]:
    n, c = call.input.shape[:2]
    positions, share = math.prod(call.input.shape[2:]), c // groups
    out = new_output(name, out, call.input.shape, call.input.dtype, *call[:3])
    x = contiguous(call.input)
    mean, variance = moments(x, 1, n * groups, share * positions)
    inverse = inverse_deviation(variance, call.eps)
    scale = inverse.repeat(share)
    if call.weight is not None:
        scale *= np.tile(call.weight, n)
    shift = None if call.bias is None else np.tile(call.bias, n)
    _core.norm_apply(positions, n * c, None, x, mean.repeat(share), scale, None, shift, None, out)
    return out, (mean, inverse, variance)


def _grouped_backward(name: str, grad_output, call: rule.Normal, groups: int, statistics, needs) -> tuple:
    n, c = call.input.shape[:2]
    positions, share = math.prod(call.input.shape[2:]), c // groups
    g, x = checked_gradient(name, grad_output, call.input), contiguous(call.input)
    mean, inverse = _statistics(name, x, n * groups, share * positions, call.eps, statistics)
    means, scale = mean.repeat(share), inverse.repeat(share)
    total, product = sums(g, x, 1, n * c, positions, means)
    grad_input = None
    if needs[0]:
        weight = np.ones(n * c, x.dtype) if call.weight is None else np.tile(call.weight, n)
        totals = ((value * weight).reshape(-1, share).sum(axis=1) for value in (total, product))
        slope, shift = (v.repeat(share) for v in corrections(*totals, inverse, share * positions))
        grad_input = allocate(name, call.input.shape, x.dtype)
        _core.norm_apply(positions, n * c, g, x, means, scale * weight, slope, shift, None, grad_input)
    return (
        grad_input,
        (product * scale).reshape(n, c).sum(axis=0) if needs[1] else None,
        total.reshape(n, c).sum(axis=0) if needs[2] else None,
    )


@op("input", "weight", "bias", quiet=True)
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, *, out=None):
    """(input - mean) / sqrt(var + eps) * weight + bias over groups of channels of each sample.

    input (N, C, *), C divisible by num_groups, weight and bias (C,) or None. Raises ValueError for shapes
    that do not fit. Source: Wu and He 2018, Group Normalization.

    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 4.0, 8.0]]), 2, eps=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    call = rule.channels("group_norm", input, weight, bias, eps)
    groups = rule.groups("group_norm", call.input, num_groups)
    result, (mean, inverse, _) = _grouped_forward("group_norm", call, groups, out)
    return result, (input, num_groups, weight, bias, eps, (mean, inverse))


@group_norm.gradient
def group_norm_backward(
    grad_output,
    input,
    num_groups,
    weight=None,
    bias=None,
    eps=1e-5,
    statistics=None,
    *,
    needs=(True, True, True),
):
    """Gradients of `group_norm` for (input, weight, bias); needs and statistics as in batch_norm.

    >>> import numpy as np
    >>> group_norm_backward(np.ones((1, 2)), np.array([[1.0, 3.0]]), 1)[2]
    array([1., 1.])
    """
    name = "group_norm_backward"
    call = rule.channels(name, input, weight, bias, eps)
    groups = rule.groups(name, call.input, num_groups)
    return _grouped_backward(name, grad_output, call, groups, statistics, needs)


@op("input", "weight", "bias", quiet=True)
def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
    *,
    out=None,
):
    """(input - mean) / sqrt(var + eps) * weight + bias over the positions of each channel of each sample.

    input (N, C, *spatial); all others (C,) or None. use_input_stats: mean and var are the input's, and
    running ones move in place towards their average over samples, as in `batch_norm`; otherwise the running
    ones are used. Raises ValueError for shapes that do not fit and for a single position. Source: Ulyanov et
    al. 2016.

    >>> import numpy as np
    >>> instance_norm(np.array([[[1.0, 3.0]]]), eps=0.0)
    array([[[-1.,  1.]]])
    """
    name = "instance_norm"
    saved = (input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    if not rule.uses_batch(name, running_mean, running_var, use_input_stats):
        arguments = (input, running_mean, running_var, weight, bias, False, momentum, eps)
        result, inner = normalise(name, *arguments, out)
        return result, (*saved, inner[-1])
    call = rule.channels(name, input, weight, bias, eps)
    rule.batch_statistics(name, call.input, per_sample=True)
    momentum = finite(name, "momentum", momentum)
    n, c = call.input.shape[:2]
    old_mean = rule.running(name, "running_mean", running_mean, c, written=True)
    old_var = rule.running(name, "running_var", running_var, c, written=True)
    result, (mean, inverse, variance) = _grouped_forward(name, call, c, out)
    if n:
        count = math.prod(call.input.shape[2:])
        update(old_mean, mean.reshape(n, c).mean(axis=0), momentum)
        update(old_var, variance.reshape(n, c).mean(axis=0) * (count / (count - 1)), momentum)
    return result, (*saved, (mean, inverse))


@instance_norm.gradient
def instance_norm_backward(
    grad_output,
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
    statistics=None,
    *,
    needs=(True, True, True),
):
    """Gradients of `instance_norm` for (input, weight, bias); needs and statistics as in batch_norm.

    >>> import numpy as np
    >>> instance_norm_backward(np.ones((1, 1, 2)), np.array([[[1.0, 3.0]]]))[2]
    array([2.])
    """
    name = "instance_norm_backward"
    if not rule.uses_batch(name, running_mean, running_var, use_input_stats):
        rest = (input, running_mean, running_var, weight, bias, False, eps, statistics)
        return normalise_backward(name, grad_output, *rest, needs)[:3]
    call = rule.channels(name, input, weight, bias, eps)
    rule.batch_statistics(name, call.input, per_sample=True)
    return _grouped_backward(name, grad_output, call, call.input.shape[1], statistics, needs)
