"""Softmax and its logarithm over one axis."""

import numpy as np

from ..geometry.arguments import axis
from ..geometry.arrays import as_array, new_output, same_dtype, type_error
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
        wanted = np.dtype(dtype)
        if wanted not in (np.float32, np.float64):
            raise type_error(name, "dtype", f"is {wanted}", "float32 or float64")
        input = input.astype(wanted, copy=False)
    return input, at


# x - max(x), the shift under which no exponential overflows, written into out; 0-d arrays count as 1-d.
def _shift(input: np.ndarray, at: int, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    input, result = np.atleast_1d(input), np.atleast_1d(out)
    if input.shape[at]:
        np.subtract(input, input.max(axis=at, keepdims=True), out=result)
    return result


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
    values, at = _prepare("softmax", input, dim, dtype)
    out = new_output("softmax", out, values.shape, values.dtype, input)
    result = _shift(values, at, out)
    np.exp(result, out=result)
    result /= result.sum(axis=at, keepdims=True)
    return out, (input, dim, dtype, out)


# An op's own result handed to its backward spares the second forward pass; it must fit like any other
# argument.
def _checked_output(name: str, grad_output, output, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grad_output, output = as_array(name, "grad_output", grad_output), as_array(name, "output", output)
    for argument, value in (("grad_output", grad_output), ("output", output)):
        same_shape(name, argument, value, like.shape)
        same_dtype(name, input=like, **{argument: value})
    return np.atleast_1d(grad_output), np.atleast_1d(output)


@softmax.gradient
def softmax_backward(grad_output, input, dim=None, dtype=None, output=None):
    """Gradient of `softmax`: y (g - sum(g y)); `output` is the forward result y, if it is at hand."""
    values, at = _prepare("softmax_backward", input, dim, dtype)
    output = softmax.op.forward(values, at)[0] if output is None else output
    g, y = _checked_output("softmax_backward", grad_output, output, values)
    grad = g * y
    grad -= y * grad.sum(axis=at, keepdims=True)
    return grad.reshape(values.shape).astype(np.asarray(input).dtype.newbyteorder("="), copy=False)


@op("input", quiet=True)
def log_softmax(input, dim=None, *, dtype=None, out=None):
    """input - log(sum(e ** input)) over the axis `dim`, without overflow.

    Arguments as for `softmax`. Raises ValueError for an axis that is not there. Source: torch.log_softmax.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 0.0]), 0)
    array([-0.69314718, -0.69314718])
    """
    values, at = _prepare("log_softmax", input, dim, dtype)
    out = new_output("log_softmax", out, values.shape, values.dtype, input)
    result = _shift(values, at, out)
    result -= np.log(np.exp(result).sum(axis=at, keepdims=True))
    return out, (input, dim, dtype, out)


@log_softmax.gradient
def log_softmax_backward(grad_output, input, dim=None, dtype=None, output=None):
    """Gradient of `log_softmax`: g - e ** y sum(g); `output` is the forward result y, if at hand."""
    values, at = _prepare("log_softmax_backward", input, dim, dtype)
    output = log_softmax.op.forward(values, at)[0] if output is None else output
    g, y = _checked_output("log_softmax_backward", grad_output, output, values)
    grad = np.exp(y)
    grad *= g.sum(axis=at, keepdims=True)
    np.subtract(g, grad, out=grad)
    return grad.reshape(values.shape).astype(np.asarray(input).dtype.newbyteorder("="), copy=False)
