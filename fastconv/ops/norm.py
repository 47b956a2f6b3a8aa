"""Normalisations: y = (x - mean) / sqrt(var + eps) * weight + bias, over different axes."""

import math

import numpy as np

from ..geometry import norm as rule
from ..geometry.arguments import finite
from ..geometry.arrays import as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..op import op

# All of them work on a view (A, B, M): batch_norm reduces A and M for each channel B; the others reduce M
# alone.
_BATCH = (0, 2)
_ROWS = (2,)


# Mean over axes, kept as 1: rows first, whose sums are pairwise, then over samples, whose sums are not, in
# float64.
def _mean(x: ndarray, over: tuple[int, ...]) -> ndarray:
    total = x.sum(axis=2, keepdims=True)
    if 0 in over:
        total = total.sum(axis=0, keepdims=True, dtype=np.float64)
    return (total / math.prod(x.shape[i] for i in over)).astype(x.dtype, copy=False)


# Mean and biased variance, in two passes, for one pass would cancel.
def moments(x: ndarray, over: tuple[int, ...]) -> tuple[ndarray, ndarray]:
    mean = _mean(x, over)
    centred = x - mean
    np.multiply(centred, centred, out=centred)
    return mean, _mean(centred, over)


# out = (x - mean) * scale + bias, in three passes; scale and bias broadcast.
def _affine(x: ndarray, mean: ndarray, scale: ndarray, bias, out: ndarray) -> None:
    np.subtract(x, mean, out=out)
    out *= scale
    if bias is not None:
        out += bias


# With h = (x - mean) * inverse and d = d(loss)/dh:
#   grad_x = inverse * (d - mean(d) - h * mean(d * h)), the means over the reduced axes.
def _input_gradient(d: ndarray, h: ndarray, inverse: ndarray, over: tuple[int, ...]) -> ndarray:
    grad = h * _mean(d * h, over)
    np.subtract(d, grad, out=grad)
    grad -= _mean(d, over)
    grad *= inverse
    return grad


def _inverse(variance: ndarray, eps: float) -> ndarray:
    return 1 / np.sqrt(variance + variance.dtype.type(eps))


# running = (1 - momentum) * running + momentum * value, in the caller's own array.
def _update(running: ndarray | None, value: ndarray, momentum: float) -> None:
    if running is not None:
        mixed = running.astype(value.dtype, copy=False) * (1 - momentum) + value * momentum
        running[...] = mixed.astype(running.dtype, copy=False)


def _column(value: ndarray | None) -> ndarray | None:
    return None if value is None else value[:, None]


# Gradients of weight and bias per channel, from a view (N, C, M).
def _parameter_gradients(g: ndarray, h: ndarray, needs) -> tuple:
    return (
        (g * h).sum(axis=2).sum(axis=0) if needs[1] else None,
        g.sum(axis=2).sum(axis=0) if needs[2] else None,
    )


def _checked_gradient(name: str, grad_output, input: ndarray) -> ndarray:
    grad_output = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", grad_output, input.shape)
    same_dtype(name, input=input, grad_output=grad_output)
    return grad_output


@op("input", "weight", "bias", quiet=True)
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
    out=None,
):
    """(input - mean) / sqrt(var + eps) * weight + bias for each channel.

    input (N, C) or (N, C, *spatial); all others (C,) or None. training: mean and biased variance are the
    batch's, and running_mean, running_var move towards them in place, r = (1 - momentum) r + momentum * s,
    with the unbiased variance. Otherwise, if the running ones are given, they are mean and var. Raises
    ValueError for shapes that do not fit, for no channels, and in training for a single value per channel.
    Source: Ioffe and Szegedy 2015.

    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    return _batch_norm(
        "batch_norm", input, running_mean, running_var, weight, bias, training, momentum, eps, out
    )


# batch_norm under the name of the op that was called.
def _batch_norm(name, input, running_mean, running_var, weight, bias, training, momentum, eps, out) -> tuple:
    call = rule.channels(name, input, weight, bias, eps)
    n, c = call.input.shape[:2]
    batch = _uses_batch(name, running_mean, running_var, training)
    momentum = finite(name, "momentum", momentum)
    old_mean = rule.running(name, "running_mean", running_mean, c, written=batch)
    old_var = rule.running(name, "running_var", running_var, c, written=batch)
    x = call.input.reshape(n, c, math.prod(call.input.shape[2:]))
    out = new_output(
        name, out, call.input.shape, x.dtype, call.input, call.weight, call.bias, old_mean, old_var
    )
    if batch:
        rule.batch_statistics(name, call.input, per_sample=False)
        mean, variance = moments(x, _BATCH)
        if n:
            count = n * x.shape[2]
            _update(old_mean, mean.reshape(c), momentum)
            _update(old_var, variance.reshape(c) * (count / (count - 1)), momentum)
    else:
        mean, variance = (value.astype(x.dtype).reshape(1, c, 1) for value in (old_mean, old_var))
    inverse = _inverse(variance, call.eps)
    scale = inverse if call.weight is None else inverse * _column(call.weight)
    _affine(x, mean, scale, _column(call.bias), out.reshape(x.shape))
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
    needs=(True, True, True),
):
    """Gradients of `batch_norm` for (input, weight, bias), None where not needed.

    statistics: (mean, 1 / sqrt(var + eps)) that the forward call used, if they are at hand; computed
    otherwise.
    """
    rest = (input, running_mean, running_var, weight, bias, training, eps, statistics)
    return _batch_norm_backward("batch_norm_backward", grad_output, *rest, needs)


def _batch_norm_backward(
    name, grad_output, input, running_mean, running_var, weight, bias, training, eps, statistics, needs
) -> tuple:
    call = rule.channels(name, input, weight, bias, eps)
    g = _checked_gradient(name, grad_output, call.input)
    n, c = call.input.shape[:2]
    x = call.input.reshape(n, c, math.prod(call.input.shape[2:]))
    g = g.reshape(x.shape)
    batch = _uses_batch(name, running_mean, running_var, training)
    if statistics is not None:
        mean, inverse = (v.reshape(1, c, 1) for v in rule.statistics(name, statistics, x, c))
    elif batch:
        mean, variance = moments(x, _BATCH)
        inverse = _inverse(variance, call.eps)
    else:
        mean = (
            rule.running(name, "running_mean", running_mean, c, written=False)
            .astype(x.dtype)
            .reshape(1, c, 1)
        )
        variance = rule.running(name, "running_var", running_var, c, written=False)
        inverse = _inverse(variance.astype(x.dtype).reshape(1, c, 1), call.eps)
    h = None
    if batch or needs[1]:
        h = x - mean
        h *= inverse
    grad_weight, grad_bias = _parameter_gradients(g, h, needs)
    grad_input = None
    if needs[0]:
        scale = inverse if call.weight is None else inverse * _column(call.weight)
        grad_input = _input_gradient(g, h, scale, _BATCH) if batch else g * scale
        grad_input = grad_input.reshape(call.input.shape)
    return grad_input, grad_weight, grad_bias


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
    x = _rows(call.input, axes)
    mean, variance = moments(x, _ROWS)
    inverse = _inverse(variance, call.eps)
    y = out.reshape(x.shape)
    _affine(x, mean, inverse, None, y)
    if call.weight is not None:
        y *= call.weight.reshape(-1)
    if call.bias is not None:
        y += call.bias.reshape(-1)
    return out, (input, normalized_shape, weight, bias, eps, (mean, inverse))


# (1, rows, M) where M are the last `axes` axes.
def _rows(x: ndarray, axes: int) -> ndarray:
    return x.reshape(1, math.prod(x.shape[:-axes]), math.prod(x.shape[-axes:]))


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
    """Gradients of `layer_norm` for (input, weight, bias); needs and statistics as in batch_norm."""
    name = "layer_norm_backward"
    call, axes = rule.layer(name, input, normalized_shape, weight, bias, eps)
    g = _rows(_checked_gradient(name, grad_output, call.input), axes)
    h, inverse = _normalised(name, _rows(call.input, axes), call.eps, statistics)
    d = g if call.weight is None else g * call.weight.reshape(-1)
    shape = call.input.shape[-axes:]
    return (
        _input_gradient(d, h, inverse, _ROWS).reshape(call.input.shape) if needs[0] else None,
        (g * h).sum(axis=(0, 1)).reshape(shape) if needs[1] else None,
        g.sum(axis=(0, 1)).reshape(shape) if needs[2] else None,
    )


# (x - mean) / std of each row, and 1 / std, from saved statistics or anew.
def _normalised(name: str, x: ndarray, eps: float, statistics) -> tuple[ndarray, ndarray]:
    if statistics is None:
        mean, variance = moments(x, _ROWS)
        inverse = _inverse(variance, eps)
    else:
        shape = (*x.shape[:2], 1)
        mean, inverse = (v.reshape(shape) for v in rule.statistics(name, statistics, x, math.prod(shape)))
    h = x - mean
    h *= inverse
    return h, inverse


# Shared by group_norm and instance_norm: rows are groups of channels, weight and bias belong to channels.
def _grouped_forward(name: str, call: rule.Normal, groups: int, out) -> tuple[ndarray, tuple]:
    n, c = call.input.shape[:2]
    positions = math.prod(call.input.shape[2:])
    out = new_output(name, out, call.input.shape, call.input.dtype, *call[:3])
    x = call.input.reshape(n, groups, c // groups * positions)
    mean, variance = moments(x, _ROWS)
    inverse = _inverse(variance, call.eps)
    _affine(x, mean, inverse, None, out.reshape(x.shape))
    y = out.reshape(n, c, positions)
    if call.weight is not None:
        y *= _column(call.weight)
    if call.bias is not None:
        y += _column(call.bias)
    return out, (mean, inverse, variance)


def _grouped_backward(name: str, grad_output, call: rule.Normal, groups: int, statistics, needs) -> tuple:
    n, c = call.input.shape[:2]
    positions = math.prod(call.input.shape[2:])
    rows = (n, groups, c // groups * positions)
    g = _checked_gradient(name, grad_output, call.input).reshape(n, c, positions)
    h, inverse = _normalised(name, call.input.reshape(rows), call.eps, statistics)
    grad_input = None
    if needs[0]:
        d = g if call.weight is None else g * _column(call.weight)
        grad_input = _input_gradient(d.reshape(rows), h, inverse, _ROWS).reshape(call.input.shape)
    return grad_input, *_parameter_gradients(g, h.reshape(n, c, positions), needs)


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
    """Gradients of `group_norm` for (input, weight, bias); needs and statistics as in batch_norm."""
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
        _update(old_mean, mean.mean(axis=0).reshape(c), momentum)
        _update(old_var, variance.mean(axis=0).reshape(c) * (count / (count - 1)), momentum)
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
    """Gradients of `instance_norm` for (input, weight, bias); needs and statistics as in batch_norm."""
    name = "instance_norm_backward"
    if not _uses_batch(name, running_mean, running_var, use_input_stats):
        rest = (input, running_mean, running_var, weight, bias, False, eps, statistics)
        return _batch_norm_backward(name, grad_output, *rest, needs)
    call = rule.channels(name, input, weight, bias, eps)
    rule.batch_statistics(name, call.input, per_sample=True)
    return _grouped_backward(name, grad_output, call, call.input.shape[1], statistics, needs)
