"""Softmax and its logarithm over one axis."""

import math

import numpy as np

from .. import _core
from ..geometry.arguments import axis
from ..geometry.arrays import as_array, contiguous, float_dtype, new_output, same_dtype
from ..geometry.elementwise import same_shape
from ..op import op


# The axis, and input in the dtype to compute in. dim=None is PyTorch's rule: axis 0 for 0, 1 and 3
# dimensions, else 1.
def _prepare(name: str, input, dim, dtype) -> tuple[np.ndarray, int]:
    input = as_array(name, "input", input)
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
    at = axis(name, "dim", dim, input.ndim)
    if dtype is not None:
        input = input.astype(float_dtype(name, dtype), copy=False)
    return input, at


# The kernels' numbers, enum fc_softmax.
SOFTMAX, LOG_SOFTMAX, LOG_SUM = range(3)


# The kernel over axis `at` of contiguous arrays; a 0-d array counts as one class.
def _run(kind: int, at: int, input: np.ndarray, out: np.ndarray, grad_output=None) -> np.ndarray:
    shape = input.shape or (1,)
    outer, inner = math.prod(shape[:at]), math.prod(shape[at + 1 :])
    return _core.softmax(kind, outer, shape[at], inner, input, out, grad_output)


def _forward(name: str, kind: int, input, dim, dtype, out) -> tuple:
    values, at = _prepare(name, input, dim, dtype)
    out = new_output(name, out, values.shape, values.dtype, input)
    return _run(kind, at, contiguous(values), out), (input, dim, dtype, out)


# `output`, an op's own result, spares the second forward pass; it must fit like any other argument.
def _backward(name: str, kind: int, grad_output, input, dim, dtype, output) -> np.ndarray:
    values, at = _prepare(name, input, dim, dtype)
    if output is None:
        output = _run(kind, at, contiguous(values), np.empty(values.shape, values.dtype))
    grad_output, output = as_array(name, "grad_output", grad_output), as_array(name, "output", output)
    for argument, value in (("grad_output", grad_output), ("output", output)):
        same_shape(name, argument, value, values.shape)
        same_dtype(name, input=values, **{argument: value})
    grad = _run(kind, at, contiguous(output), np.empty(values.shape, values.dtype), contiguous(grad_output))
    return grad.astype(np.asarray(input).dtype.newbyteorder("="), copy=False)


@op("input", quiet=True)
def softmax(input, dim=None, *, dtype=None, out=None):
    """e ** input / sum(e ** input) over the axis `dim`.

    Any shape; a (N, C, H, W) input with dim=1 gives class probabilities at each position. dtype: compute and
    return in float32 or float64 instead of input's. Without dim: axis 0 for 1 or 3 dimensions, else 1.
    Raises ValueError for an axis that is not there. Source: Bridle 1990; torch.softmax.

    >>> import numpy as np
    >>> softmax(np.array([0.0, 0.0, np.log(2.0)]), 0)
    array([0.25, 0.25, 0.5 ])
    """
    return _forward("softmax", SOFTMAX, input, dim, dtype, out)


@softmax.gradient
def softmax_backward(grad_output, input, dim=None, dtype=None, output=None):
    """Gradient of `softmax`: y (g - sum(g y)); `output` is the forward result y, if it is at hand.

    >>> import numpy as np
    >>> softmax_backward(np.array([1.0, 0.0]), np.zeros(2), 0)
    array([ 0.25, -0.25])
    """
    return _backward("softmax_backward", SOFTMAX, grad_output, input, dim, dtype, output)


@op("input", quiet=True)
def log_softmax(input, dim=None, *, dtype=None, out=None):
    """input - log(sum(e ** input)) over the axis `dim`, without overflow.

    Arguments as for `softmax`. Raises ValueError for an axis that is not there. Source: torch.log_softmax.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 0.0]), 0)
    array([-0.69314718, -0.69314718])
    """
    return _forward("log_softmax", LOG_SOFTMAX, input, dim, dtype, out)


@log_softmax.gradient
def log_softmax_backward(grad_output, input, dim=None, dtype=None, output=None):
    """Gradient of `log_softmax`: g - e ** y sum(g); `output` is the forward result y, if at hand.

    >>> import numpy as np
    >>> log_softmax_backward(np.array([1.0, 0.0]), np.zeros(2), 0)
    array([ 0.5, -0.5])
    """
    return _backward("log_softmax_backward", LOG_SOFTMAX, grad_output, input, dim, dtype, output)
