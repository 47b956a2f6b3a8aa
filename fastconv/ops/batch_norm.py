"""Batch normalisation, and what it shares with instance normalisation by running statistics."""

import math

import numpy as np

from .. import _core
from ..geometry import norm as rule
from ..geometry.arguments import choice, finite
from ..geometry.arrays import allocate, contiguous, new_output
from ..op import op
from .activation import relu
from .statistics import (
    checked,
    checked_gradient,
    corrections,
    flat,
    inverse_deviation,
    moments,
    sums,
    update,
)

relu_slope = relu.op.backward


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
    channels, and in training for a single value per channel or an eps of 0. Source: Ioffe and Szegedy 2015.

    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([0.25]), eps=0.0)
    array([[-2.],
           [ 2.]])
    """
    arguments = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    result, saved = normalise("batch_norm", *arguments, out, activation, residual)
    if activation is None:
        return result, saved
    # Where no residual was added the gradient finds anew, from the input, what the ReLU let through.
    return result, (*saved, {"activation": activation, "output": None if training and residual is None else result})


# Whether channels are normalised one after another, each while it lies in cache: where there are enough of them for
# threads, in pieces that are not too short.
def suits_channels(channels: int, positions: int) -> bool:
    return channels >= 8 and positions >= 64


# (weight, bias) of a convolution with those of the batch normalisation for inference that follows it; None where it is
# not for this to say what is wrong.
def fold(weight, bias, running_mean, running_var, gain, shift, eps):
    ends = bias, running_mean, running_var, gain, shift
    if not (_core.plain(weight, *ends[:3]) and _core.plain(weight, *ends[3:])):
        return None
    if any(x is not None and x.shape != weight.shape[:1] for x in ends):
        return None
    return _core.norm_fold(weight, *ends, eps)


# batch_norm under the name of the op that was called.
def normalise(
    name, input, running_mean, running_var, weight, bias, training, momentum, eps, out, activation=None, residual=None
) -> tuple:
    rectified = activation is not None and choice(name, "activation", activation, ("relu",)) == "relu"
    call = rule.channels(name, input, weight, bias, eps)
    n, c = call.input.shape[:2]
    batch = rule.uses_batch(name, running_mean, running_var, training)
    rule.batch_eps(name, call.eps, batch)
    momentum = finite(name, "momentum", momentum)
    old_mean = rule.running(name, "running_mean", running_mean, c, written=batch)
    old_var = rule.running(name, "running_var", running_var, c, written=batch)
    x, positions = contiguous(call.input), math.prod(call.input.shape[2:])
    out = new_output(
        name, out, call.input.shape, x.dtype, call.input, call.weight, call.bias, old_mean, old_var, residual
    )
    if residual is not None:
        residual = checked("residual", name, residual, call.input)
    gain, shift, count = flat(call.weight), flat(call.bias), n * positions
    by_channel = batch and suits_channels(c, positions)
    if batch:
        rule.batch_statistics(name, call.input, per_sample=False)
    if by_channel:
        mean, variance, inverse = (np.empty(c, x.dtype) for _ in range(3))
        statistics = (mean, variance, inverse)
        _core.norm_batch(n, c, positions, x, gain, shift, residual, call.eps, rectified, *statistics, out)
    else:
        mean, variance = moments(x, n, c, positions) if batch else (v.astype(x.dtype) for v in (old_mean, old_var))
        inverse = inverse_deviation(variance, call.eps)
        scale = inverse if gain is None else inverse * gain
        _core.norm_apply(positions, c, None, x, mean, scale, None, shift, None, out, residual, None, rectified)
    if batch and n:
        update(old_mean, mean, momentum)
        update(old_var, variance * (count / (count - 1)), momentum)
    saved = (input, running_mean, running_var, weight, bias, training, momentum, eps, (mean, inverse))
    return out, saved


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

    >>> import numpy as np
    >>> batch_norm_backward(np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]]), None, None, training=True)[2]
    array([1.])
    """
    name = "batch_norm_backward"
    rectified = activation is not None and choice(name, "activation", activation, ("relu",)) == "relu"
    if rectified and output is None and not (training and residual is None):
        means = (running_mean, running_var) if not training else (None, None)
        output = normalise(name, input, *means, weight, bias, training, 0.0, eps, None, activation, residual)[0]
    gated = rectified and output is None
    rest = (input, running_mean, running_var, weight, bias, training, eps, statistics)
    *grads, passed = normalise_backward(name, grad_output, *rest, needs, gated, output if rectified else None)
    return (*grads, passed if needs[3] else None) if len(needs) == 4 else tuple(grads)


# gated: grad_output is that of a ReLU after a batch_norm in training, and passes it on the way; or it has this output.
# The last result is what passes, the gradient of what was added before.
def normalise_backward(
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
    output=None,
) -> tuple:
    call = rule.channels(name, input, weight, bias, eps)
    g = checked_gradient(name, grad_output, call.input)
    if output is not None:
        output = checked("output", name, output, call.input)
    n, c = call.input.shape[:2]
    x, positions = contiguous(call.input), math.prod(call.input.shape[2:])
    batch = rule.uses_batch(name, running_mean, running_var, training)
    rule.batch_eps(name, call.eps, batch)
    if statistics is not None:
        mean, inverse = map(flat, rule.statistics(name, statistics, x, c))
    elif batch:
        mean, variance = moments(x, n, c, positions)
        inverse = inverse_deviation(variance, call.eps)
    else:
        mean = rule.running(name, "running_mean", running_mean, c, written=False).astype(x.dtype)
        variance = rule.running(name, "running_var", running_var, c, written=False)
        inverse = inverse_deviation(variance.astype(x.dtype), call.eps)
    scale = inverse if call.weight is None else inverse * call.weight
    gate = None
    if gated:
        gate = np.zeros_like(mean) if call.bias is None else flat(call.bias)
    grad_input = allocate(name, call.input.shape, x.dtype) if needs[0] else None
    if batch and needs[0] and suits_channels(c, positions):
        total, product = np.empty(c, x.dtype), np.empty(c, x.dtype)
        passed = g if output is None else allocate(name, g.shape, g.dtype)
        sides = (scale, gate, total, product, grad_input, output, passed)
        _core.norm_batch_grad(n, c, positions, g, x, mean, inverse, *sides)
        return grad_input, product * inverse if needs[1] else None, total if needs[2] else None, passed
    if output is not None:
        g = relu_slope(g, output)
    if batch or needs[1] or needs[2]:
        total, product = sums(g, x, n, c, positions, mean, scale=scale if gated else None, gate=gate)
    if needs[0]:
        weight = 1 if call.weight is None else call.weight
        if batch:
            slope, shift = corrections(total * weight, product * weight, inverse, n * positions)
            _core.norm_apply(positions, c, g, x, mean, scale, slope, shift, None, grad_input, None, gate)
        else:
            zero = np.zeros_like(mean)
            _core.norm_apply(positions, c, None, g, zero, scale, None, None, None, grad_input)
    return grad_input, product * inverse if needs[1] else None, total if needs[2] else None, g
