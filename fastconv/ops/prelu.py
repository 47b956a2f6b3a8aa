"""The activation whose slope is learned."""

import math

import numpy as np

from .. import _core
from ..geometry.arrays import allocate, as_array, contiguous, ndarray, new_output, same_dtype
from ..geometry.conv import ACTIVATIONS
from ..geometry.elementwise import learned_slope, same_shape
from ..op import op
from .statistics import flat, sums

RELU, LEAKY_RELU = ACTIVATIONS.index("relu"), ACTIVATIONS.index("leaky_relu")


# The kernels' leaky_relu, or with grad_output its gradient, under one slope or one for each channel.
def _leaky(x: ndarray, weight: ndarray, out: ndarray, grad_output: ndarray | None = None) -> ndarray:
    slopes = flat(weight)
    if slopes.size == 1:
        return _core.activation(LEAKY_RELU, x, out, float(slopes[0]), grad_output=grad_output)
    return _core.activation(
        LEAKY_RELU, x, out, grad_output=grad_output, slopes=slopes, rows=max(1, math.prod(x.shape[:2]))
    )


@op("input", "weight", quiet=True)
def prelu(input, weight, *, out=None):
    """input where above 0, else weight * input.

    input of any shape; weight of one number, or (C,) for input (N, C, …). Raises ValueError for another number of
    weights. Source: He et al. 2015, Delving Deep into Rectifiers; torch.nn.functional.prelu.

    >>> import numpy as np
    >>> prelu(np.array([-4.0, 2.0]), np.array([0.25]))
    array([-1.,  2.])
    """
    x, weight = learned_slope("prelu", input, weight)
    out = new_output("prelu", out, x.shape, x.dtype, x, weight)
    return _leaky(contiguous(x), weight, out), (input, weight)


@prelu.gradient
def prelu_backward(grad_output, input, weight, *, needs=(True, True)):
    """Gradients of `prelu` for (input, weight), None where not needed.

    >>> import numpy as np
    >>> prelu_backward(np.ones(2), np.array([-4.0, 2.0]), np.array([0.25]))
    (array([0.25, 1.  ]), array([-4.]))
    """
    name = "prelu_backward"
    x, weight = learned_slope(name, input, weight)
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, x.shape)
    same_dtype(name, input=x, grad_output=g)
    x, g = contiguous(x), contiguous(g)
    grad_input = grad_weight = None
    if needs[0]:
        grad_input = _leaky(x, weight, allocate(name, x.shape, x.dtype), g)
    if needs[1]:
        # g x where x is not above 0
        below = _core.activation(RELU, np.asarray(-x), None, grad_output=np.asarray(g * x))
        outer, cells = (1, x.size) if weight.size == 1 else (len(x), math.prod(x.shape[2:]))
        mean = np.zeros(weight.size, x.dtype)
        grad_weight = sums(below, x, outer, weight.size, cells, mean)[0].reshape(weight.shape)
    return grad_input, grad_weight
