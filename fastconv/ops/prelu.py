"""The activation whose slope is learned."""

import numpy as np

from ..geometry.arrays import as_array, new_output, same_dtype
from ..geometry.elementwise import learned_slope, same_shape
from ..op import op


@op("input", "weight")
def prelu(input, weight, *, out=None):
    """input where above 0, else weight * input.

    input of any shape; weight of one number, or (C,) for input (N, C, …). Raises ValueError for another number of
    weights. Source: He et al. 2015, Delving Deep into Rectifiers; torch.nn.functional.prelu.

    >>> import numpy as np
    >>> prelu(np.array([-4.0, 2.0]), np.array([0.25]))
    array([-1.,  2.])
    """
    x, weight, shape = learned_slope("prelu", input, weight)
    out = new_output("prelu", out, x.shape, x.dtype, x, weight)
    np.multiply(x, weight.reshape(shape), out=out)
    np.copyto(out, x, where=x > 0)
    return out, (input, weight)


@prelu.gradient
def prelu_backward(grad_output, input, weight, *, needs=(True, True)):
    """Gradients of `prelu` for (input, weight), None where not needed.

    >>> import numpy as np
    >>> prelu_backward(np.ones(2), np.array([-4.0, 2.0]), np.array([0.25]))
    (array([0.25, 1.  ]), array([-4.]))
    """
    name = "prelu_backward"
    x, weight, shape = learned_slope(name, input, weight)
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, x.shape)
    same_dtype(name, input=x, grad_output=g)
    grad_input = grad_weight = None
    if needs[0]:
        grad_input = np.where(x > 0, g, g * weight.reshape(shape))
    if needs[1]:
        parts = np.where(x > 0, x.dtype.type(0), g * x)
        kept = tuple(axis for axis in range(x.ndim) if axis != 1 or weight.size == 1)
        grad_weight = parts.sum(kept, np.float64).astype(x.dtype).reshape(weight.shape)
    return grad_input, grad_weight
