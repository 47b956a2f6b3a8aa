"""Normalisations: y = (x - mean) / sqrt(var + eps) * weight + bias, over different axes."""

import math

import numpy as np

from .. import _core
from ..geometry import norm as rule
from ..geometry.arguments import choice, finite
from ..geometry.arrays import allocate, as_array, contiguous, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..op import op
from .activation import relu

# All of them see x as (A, B, L), one statistic for each b: batch_norm (N, C, M), the others (1, rows, L).

relu_slope = relu.op.backward

# Mean and biased variance (B,) over A and L.
def moments(x: ndarray, a: int, b: int, length: int) -> tuple[ndarray, ndarray]:
    mean, variance = np.empty(b, x.dtype), np.empty(b, x.dtype)
    _core.norm_moments(a, b, length, x, mean, variance)
    return mean, variance


# Sums (B,) over A and L of g * weight and of g * weight * (x - mean). Factors: weight (L,); or scale and gate
# (B,), with which g is what passes a ReLU after (x - mean) * scale + gate.
def _sums(g: ndarray, x: ndarray, a: int, b: int, length: int, mean: ndarray, **factors) -> tuple:
    total, product = np.empty(b, x.dtype), np.empty(b, x.dtype)
    _core.norm_sums(a, b, length, g, x, mean, total, product, **factors)
    return total, product


# With h = (x - mean) * inverse and d = d(loss)/dh, of which `count` elements share a statistic,
#   grad_x = inverse * (d - mean(d) - h * mean(d * h)) = inverse * d + (x - mean) * slope + shift
# for the slope and shift returned here; total and product are sums of d and d * (x - mean).
def _corrections(total: ndarray, product: ndarray, inverse: ndarray, count: int) -> tuple[ndarray, ndarray]:
    return product * inverse**3 / -max(count, 1), total * inverse / -max(count, 1)


def _flat(value: ndarray | None) -> ndarray | None:
    return None if value is None else contiguous(value).reshape(-1)


def _inverse(variance: ndarray, eps: float) -> ndarray:
    return 1 / np.sqrt(variance + variance.dtype.type(eps))


# running = (1 - momentum) * running + momentum * value, in the caller's own array.
def _update(running: ndarray | None, value: ndarray, momentum: float) -> None:
    if running is not None:
        mixed = running.astype(value.dtype, copy=False) * (1 - momentum) + value * momentum
        running[...] = mixed.astype(running.dtype, copy=False)


def _checked_gradient(name: str, grad_output, input: ndarray) -> ndarray:
    return _checked("grad_output", name, grad_output, input)


# An array that must have input's shape and dtype.
def _checked(argument: str, name: str, value, input: ndarray) -> ndarray:
    value = as_array(name, argument, value)
    same_shape(name, argument, value, input.shape)
    same_dtype(name, **{"input": input, argument: value})
    return contiguous(value)


@op("input", "weight", "bias", "residual", quiet=True)
def batch_norm(
    input,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
    *,
    activation=None,
    residual=None,
    out=None,
):
    """activation((input - mean) / sqrt(var + eps) * weight + bias + residual), mean and so on for each channel.

    input (N, C) or (N, C, *spatial); residual shaped as it or None; activation 'relu' or None; all others
    (C,) or None. training: mean and biased variance are the batch's, and running_mean, running_var move
    towards them in place, r = (1 - momentum) r + momentum * s, with the unbiased variance. Otherwise, if the
    running ones are given, they are mean and var. Raises ValueError for shapes that do not fit, for no
    channels, and in training for a single value per channel. Source: Ioffe and Szegedy 2015.

    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    arguments = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    result, saved = _batch_norm("batch_norm", *arguments, out, activation, residual)
    if activation is None:
        return result, saved
    # Where no residual was added the gradient finds anew, from the input, what the ReLU let through.
    return result, (*saved, {"activation": activation, "output": None if training and residual is None else result})


# batch_norm under the name of the op that was called.
def _batch_norm(
    name, input, running_mean, running_var, weight, bias, training, momentum, eps, out, activation=None, residual=None
) -> tuple:
    rectified = activation is not None and choice(name, "activation", activation, ("relu",)) == "relu"
    call = rule.channels(name, input, weight, bias, eps)
    n, c = call.input.shape[:2]
    batch = _uses_batch(name, running_mean, running_var, training)
    momentum = finite(name, "momentum", momentum)
    old_mean = rule.running(name, "running_mean", running_mean, c, written=batch)
    old_var = rule.running(name, "running_var", running_var, c, written=batch)
    x, positions = contiguous(call.input), math.prod(call.input.shape[2:])
    out = new_output(
        name, out, call.input.shape, x.dtype, call.input, call.weight, call.bias, old_mean, old_var, residual
    )
    if residual is not None:
        residual = _checked("residual", name, residual, call.input)
    if batch:
        rule.batch_statistics(name, call.input, per_sample=False)
        mean, variance = moments(x, n, c, positions)
        if n:
            count = n * positions
            _update(old_mean, mean, momentum)
            _update(old_var, variance * (count / (count - 1)), momentum)
    else:
        mean, variance = (value.astype(x.dtype) for value in (old_mean, old_var))
    inverse = _inverse(variance, call.eps)
    scale = inverse if call.weight is None else inverse * call.weight
    shift = _flat(call.bias)
    _core.norm_apply(positions, c, None, x, mean, scale, None, shift, None, None, out, residual, None, rectified)
    saved = (input, running_mean, running_var, weight, bias, training, momentum, eps, (mean, inverse))
    return out, saved


# Without running statistics there are only the batch's; PyTorch refuses to mix.
def _uses_batch(name: str, running_mean, running_var, training) -> bool:
    if not training and (running_mean is None or running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise rule.value_error(name, missing, "is None", "an array where training is False")
    return bool(training)


@batch_norm.gradient
def batch_norm_backward(
    grad_output,
    input,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
    statistics=None,
    *,
    activation=None,
    residual=None,
    output=None,
    needs=(True, True, True),
):
    """Gradients of `batch_norm` for (input, weight, bias) and, if `needs` has four, residual; None if not needed.

    statistics: (mean, 1 / sqrt(var + eps)) that the forward call used, and output, its result, spare computing
    them anew. A call with activation or residual passes these again.

    >>> batch_norm_backward(np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]]), None, None, training=True)[2]
    array([1.])
    """
    name = "batch_norm_backward"
    rectified = activation is not None and choice(name, "activation", activation, ("relu",)) == "relu"
    if rectified and output is None and not (training and residual is None):
        means = (running_mean, running_var) if not training else (None, None)
        output = _batch_norm(name, input, *means, weight, bias, training, 0.0, eps, None, activation, residual)[0]
    if output is not None and rectified:
        grad_output = relu_slope(grad_output, output)
    gated = rectified and output is None
    rest = (input, running_mean, running_var, weight, bias, training, eps, statistics)
    grads = _batch_norm_backward(name, grad_output, *rest, needs, gated)
    return (*grads, grad_output if needs[3] else None) if len(needs) == 4 else grads


# gated: grad_output is that of a ReLU after a batch_norm in training, and passes it on the way.
def _batch_norm_backward(
    name,
    grad_output,
    input,
    running_mean,
    running_var,
    weight,
    bias,
    training,
    eps,
    statistics,
    needs,
    gated=False,
) -> tuple:
    call = rule.channels(name, input, weight, bias, eps)
    g = _checked_gradient(name, grad_output, call.input)
    n, c = call.input.shape[:2]
    x, positions = contiguous(call.input), math.prod(call.input.shape[2:])
    batch = _uses_batch(name, running_mean, running_var, training)
    if statistics is not None:
        mean, inverse = map(_flat, rule.statistics(name, statistics, x, c))
    elif batch:
        mean, variance = moments(x, n, c, positions)
        inverse = _inverse(variance, call.eps)
    else:
        mean = rule.running(name, "running_mean", running_mean, c, written=False).astype(x.dtype)
        variance = rule.running(name, "running_var", running_var, c, written=False)
        inverse = _inverse(variance.astype(x.dtype), call.eps)
    scale = inverse if call.weight is None else inverse * call.weight
    gate = None
    if gated:
        gate = np.zeros_like(mean) if call.bias is None else _flat(call.bias)
    if batch or needs[1] or needs[2]:
        total, product = _sums(g, x, n, c, positions, mean, scale=scale if gated else None, gate=gate)
    grad_input = None
    if needs[0]:
        grad_input = allocate(name, call.input.shape, x.dtype)
        weight = 1 if call.weight is None else call.weight
        if batch:
            slope, shift = _corrections(total * weight, product * weight, inverse, n * positions)
            _core.norm_apply(positions, c, g, x, mean, scale, slope, shift, None, None, grad_input, None, gate)
        else:
            zero = np.zeros_like(mean)
            _core.norm_apply(positions, c, None, g, zero, scale, None, None, None, None, grad_input)
    return grad_input, product * inverse if needs[1] else None, total if needs[2] else None


@op("input", "weight", "bias", quiet=True)
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, *, out=None):
    """(input - mean) / sqrt(var + eps) * weight + bias over the last axes, which are normalized_shape.

    input (…, *normalized_shape), weight and bias normalized_shape or None. Raises ValueError for shapes that
    do not fit. Source: Ba et al. 2016, Layer Normalization.

    >>> layer_norm(np.array([[1.0, 3.0]]), 2, eps=0.0)
    array([[-1.,  1.]])
    """
    call, axes = rule.layer("layer_norm", input, normalized_shape, weight, bias, eps)
    out = new_output("layer_norm", out, call.input.shape, call.input.dtype, *call[:3])
    x, (rows, length) = contiguous(call.input), _rows(call.input, axes)
    mean, variance = moments(x, 1, rows, length)
    inverse = _inverse(variance, call.eps)
    affine = _flat(call.weight), _flat(call.bias)
    _core.norm_apply(length, rows, None, x, mean, inverse, None, None, *affine, out)
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

    >>> layer_norm_backward(np.array([[1.0, 0.0]]), np.array([[1.0, 3.0]]), 2)[2]
    array([1., 0.])
    """
    name = "layer_norm_backward"
    call, axes = rule.layer(name, input, normalized_shape, weight, bias, eps)
    g = _checked_gradient(name, grad_output, call.input)
    x, (rows, length), weight = contiguous(call.input), _rows(call.input, axes), _flat(call.weight)
    mean, inverse = _statistics(name, x, rows, length, call.eps, statistics)
    grad_input = grad_weight = grad_bias = None
    if needs[0]:
        grad_input = allocate(name, call.input.shape, x.dtype)
        slope, shift = _corrections(*_sums(g, x, 1, rows, length, mean, weight=weight), inverse, length)
        _core.norm_apply(length, rows, g, x, mean, inverse, slope, shift, weight, None, grad_input)
    if needs[1] or needs[2]:
        shape = call.input.shape[-axes:]
        grad_bias, grad_weight = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
        _core.norm_sums(rows, length, 1, g, x, mean, grad_bias, grad_weight, scale=inverse)
    return grad_input, grad_weight if needs[1] else None, grad_bias if needs[2] else None


# Mean and 1 / std of each row, saved by a forward call or anew.
def _statistics(name: str, x: ndarray, rows: int, length: int, eps: float, saved) -> tuple[ndarray, ndarray]:
    if saved is not None:
        mean, inverse = map(_flat, rule.statistics(name, saved, x, rows))
        return mean, inverse
    mean, variance = moments(x, 1, rows, length)
    return mean, _inverse(variance, eps)


# Shared by group_norm and instance_norm: rows are groups of channels, weight and bias belong to channels.
# The kernels apply them channel by channel, so a group's numbers are repeated for its channels.
def _grouped_forward(name: str, call: rule.Normal, groups: int, out) -> tuple[ndarray, tuple]:
    n, c = call.input.shape[:2]
    positions, share = math.prod(call.input.shape[2:]), c // groups
    out = new_output(name, out, call.input.shape, call.input.dtype, *call[:3])
    x = contiguous(call.input)
    mean, variance = moments(x, 1, n * groups, share * positions)
    inverse = _inverse(variance, call.eps)
    scale = inverse.repeat(share)
    if call.weight is not None:
        scale *= np.tile(call.weight, n)
    shift = None if call.bias is None else np.tile(call.bias, n)
    _core.norm_apply(positions, n * c, None, x, mean.repeat(share), scale, None, shift, None, None, out)
    return out, (mean, inverse, variance)


def _grouped_backward(name: str, grad_output, call: rule.Normal, groups: int, statistics, needs) -> tuple:
    n, c = call.input.shape[:2]
    positions, share = math.prod(call.input.shape[2:]), c // groups
    g, x = _checked_gradient(name, grad_output, call.input), contiguous(call.input)
    mean, inverse = _statistics(name, x, n * groups, share * positions, call.eps, statistics)
    means, scale = mean.repeat(share), inverse.repeat(share)
    total, product = _sums(g, x, 1, n * c, positions, means)
    grad_input = None
    if needs[0]:
        weight = np.ones(n * c, x.dtype) if call.weight is None else np.tile(call.weight, n)
        sums = ((value * weight).reshape(-1, share).sum(axis=1) for value in (total, product))
        slope, shift = (v.repeat(share) for v in _corrections(*sums, inverse, share * positions))
        grad_input = allocate(name, call.input.shape, x.dtype)
        _core.norm_apply(positions, n * c, g, x, means, scale * weight, slope, shift, None, None, grad_input)
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
    if not _uses_batch(name, running_mean, running_var, use_input_stats):
        arguments = (input, running_mean, running_var, weight, bias, False, momentum, eps)
        result, inner = _batch_norm(name, *arguments, out)
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
        _update(old_mean, mean.reshape(n, c).mean(axis=0), momentum)
        _update(old_var, variance.reshape(n, c).mean(axis=0) * (count / (count - 1)), momentum)
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

    >>> instance_norm_backward(np.ones((1, 1, 2)), np.array([[[1.0, 3.0]]]))[2]
    array([2.])
    """
    name = "instance_norm_backward"
    if not _uses_batch(name, running_mean, running_var, use_input_stats):
        rest = (input, running_mean, running_var, weight, bias, False, eps, statistics)
        return _batch_norm_backward(name, grad_output, *rest, needs)
    call = rule.channels(name, input, weight, bias, eps)
    rule.batch_statistics(name, call.input, per_sample=True)
    return _grouped_backward(name, grad_output, call, call.input.shape[1], statistics, needs)
