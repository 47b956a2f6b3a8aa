"""Normalisations: subtract the mean and divide by the deviation over some axes, then scale and shift."""

import numpy as np


def standardised(input, axes, eps):
    return (input - input.mean(axes, keepdims=True)) / np.sqrt(input.var(axes, keepdims=True) + eps)


def per_channel(vector, ndim):
    return vector.reshape(-1, *(1,) * (ndim - 2))


def affine(input, weight, bias):
    """Scale and shift channels (axis 1)."""
    if weight is not None:
        input = input * per_channel(weight, input.ndim)
    return input if bias is None else input + per_channel(bias, input.ndim)


def fixed(input, mean, var, eps):
    return (input - per_channel(mean, input.ndim)) / np.sqrt(per_channel(var, input.ndim) + eps)


def batch_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
    *,
    activation=None,
    residual=None,
):
    if training:
        normal = standardised(input, (0, *range(2, input.ndim)), eps)
    else:
        normal = fixed(input, running_mean, running_var, eps)
    result = affine(normal, weight, bias)
    result = result if residual is None else result + residual
    return np.maximum(result, 0) if activation == "relu" else result


def updated_statistics(input, running_mean, running_var, momentum=0.1):
    """The running statistics after one training step; the variance that enters them is the unbiased one."""
    axes = (0, *range(2, input.ndim))
    new_mean, new_var = input.mean(axes), input.var(axes, ddof=1)
    return running_mean + momentum * (new_mean - running_mean), running_var + momentum * (
        new_var - running_var
    )


def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    if use_input_stats:
        normal = standardised(input, tuple(range(2, input.ndim)), eps)
    else:
        normal = fixed(input, running_mean, running_var, eps)
    return affine(normal, weight, bias)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    rank = len(normalized_shape) if isinstance(normalized_shape, tuple | list) else 1
    result = standardised(input, tuple(range(-rank, 0)), eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    normal = standardised(input.reshape(len(input), num_groups, -1), -1, eps)
    return affine(normal.reshape(input.shape), weight, bias)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha * mean of x^2 over `size` channels around) ^ beta; channels outside count as 0."""
    channels = input.shape[1]
    padded = np.pad(input**2, [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)])
    mean = sum(padded[:, i : i + channels] for i in range(size)) / size
    return input / (k + alpha * mean) ** beta
