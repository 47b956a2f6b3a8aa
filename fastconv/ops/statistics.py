"""What normalisations share: y = (x - mean) / sqrt(var + eps) * weight + bias, over different axes.

All of them see x as (A, B, L), one statistic for each b: batch_norm (N, C, M), the others (1, rows, L).
"""

import numpy as np

from .. import _core
from ..geometry.arrays import as_array, contiguous, ndarray, same_dtype
from ..geometry.elementwise import same_shape


# Mean and biased variance (B,) over A and L.
def moments(x: ndarray, a: int, b: int, length: int) -> tuple[ndarray, ndarray]:
    mean, variance = np.empty(b, x.dtype), np.empty(b, x.dtype)
    _core.norm_moments(a, b, length, x, mean, variance)
    return mean, variance


# Sums (B,) over A and L of g * weight and of g * weight * (x - mean). Factors: weight (L,); or scale and gate
# (B,), with which g is what passes a ReLU after (x - mean) * scale + gate.
def sums(g: ndarray, x: ndarray, a: int, b: int, length: int, mean: ndarray, **factors) -> tuple:
    total, product = np.empty(b, x.dtype), np.empty(b, x.dtype)
    _core.norm_sums(a, b, length, g, x, mean, total, product, **factors)
    return total, product


# With h = (x - mean) * inverse and d = d(loss)/dh, of which `count` elements share a statistic,
#   grad_x = inverse * (d - mean(d) - h * mean(d * h)) = inverse * d + (x - mean) * slope + shift
# for the slope and shift returned here; total and product are sums of d and d * (x - mean).
def corrections(total: ndarray, product: ndarray, inverse: ndarray, count: int) -> tuple[ndarray, ndarray]:
    return product * inverse**3 / -max(count, 1), total * inverse / -max(count, 1)


def flat(value: ndarray | None) -> ndarray | None:
    return None if value is None else contiguous(value).reshape(-1)


def inverse_deviation(variance: ndarray, eps: float) -> ndarray:
    return 1 / np.sqrt(variance + variance.dtype.type(eps))


# running = (1 - momentum) * running + momentum * value, in the caller's own array.
def update(running: ndarray | None, value: ndarray, momentum: float) -> None:
    if running is not None:
        mixed = running.astype(value.dtype, copy=False) * (1 - momentum) + value * momentum
        running[...] = mixed.astype(running.dtype, copy=False)


def checked_gradient(name: str, grad_output, input: ndarray) -> ndarray:
    return checked("grad_output", name, grad_output, input)


# An array that must have input's shape and dtype.
def checked(argument: str, name: str, value, input: ndarray) -> ndarray:
    value = as_array(name, argument, value)
    same_shape(name, argument, value, input.shape)
    same_dtype(name, **{"input": input, argument: value})
    return contiguous(value)
