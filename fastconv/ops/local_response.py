"""Local response normalisation: each value is divided by the energy of the channels around it."""

import numpy as np

from ..geometry.arguments import finite
from ..geometry.arrays import allocate, as_array, ndarray, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.norm import local_response
from ..op import op
from .parts import samples_apart


# Sum over channels c - before ... c + after, by shifted slices: a running sum would drift after a huge value.
def _window_sum(x: ndarray, before: int, after: int) -> ndarray:
    total = x.copy()
    channels = x.shape[1]
    for shift in range(1, min(before, channels - 1) + 1):
        total[:, shift:] += x[:, :-shift]
    for shift in range(1, min(after, channels - 1) + 1):
        total[:, :-shift] += x[:, shift:]
    return total


# D = k + alpha / size * sum of squares over the window
def _divisor(x: ndarray, size: int, alpha: float, k: float) -> ndarray:
    divisor = _window_sum(x * x, size // 2, (size - 1) // 2)
    divisor *= alpha / size
    divisor += k
    return divisor


def _numbers(name: str, alpha, beta, k) -> tuple[float, float, float]:
    return finite(name, "alpha", alpha), finite(name, "beta", beta), finite(name, "k", k)


@op("input", quiet=True)
def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0, *, out=None):
    """input / (k + alpha / size * sum of input² over `size` neighbouring channels) ** beta.

    input (N, C, *spatial). Raises ValueError for fewer than 3 dimensions or size < 1. Source: Krizhevsky et
    al. 2012, ImageNet Classification with Deep Convolutional Neural Networks.

    >>> import numpy as np
    >>> local_response_norm(np.ones((1, 2, 1)), 2, alpha=2.0, beta=1.0).ravel()
    array([0.5       , 0.33333333])
    """
    name = "local_response_norm"
    x, size = local_response(name, input, size)
    alpha, beta, k = _numbers(name, alpha, beta, k)
    out = new_output(name, out, x.shape, x.dtype, x)
    for some in samples_apart(x):
        np.multiply(x[some], _divisor(x[some], size, alpha, k) ** -beta, out=out[some])
    return out, (input, size, alpha, beta, k)


@local_response_norm.gradient
def local_response_norm_backward(grad_output, input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Gradient of `local_response_norm` for input.

    g D ** -beta - 2 alpha beta / size * x * (sum of g x D ** (-beta - 1) over the channels whose window holds
    this one).

    >>> import numpy as np
    >>> local_response_norm_backward(np.ones((1, 2, 1)), np.ones((1, 2, 1)), 2, beta=1.0, alpha=2.0).ravel()
    array([-0.22222222,  0.11111111])
    """
    name = "local_response_norm_backward"
    x, size = local_response(name, input, size)
    alpha, beta, k = _numbers(name, alpha, beta, k)
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, x.shape)
    same_dtype(name, input=x, grad_output=g)
    grad = allocate(name, x.shape, x.dtype)
    for some in samples_apart(x):
        divisor = _divisor(x[some], size, alpha, k)
        power = divisor**-beta
        grad[some] = g[some] * power
        sums = _window_sum(x[some] * grad[some] / divisor, (size - 1) // 2, size // 2)
        sums *= x[some]
        sums *= 2 * alpha * beta / size
        grad[some] -= sums
    return grad
