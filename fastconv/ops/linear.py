"""Linear maps, table look-up and one-hot coding."""

import math

import numpy as np

from .. import geometry
from ..geometry.arrays import allocate, as_array, same_dtype
from ..geometry.elementwise import same_shape
from ..geometry.linear import embedding as embedding_rule
from ..geometry.linear import linear as linear_rule
from ..geometry.linear import norm_limit
from ..geometry.linear import one_hot as one_hot_rule
from ..op import op
from .axis_matrix import axis_matrix
from .matrix import affine, product


@op("input", "weight", "bias", quiet=True)
def linear(input, weight, bias=None, *, out=None):
    """input @ weightᵀ + bias.

    (…, in_features) with weight (out_features, in_features) and bias (out_features,) -> (…, out_features).
    Raises ValueError for shapes that do not fit, TypeError for mixed dtypes. Source:
    torch.nn.functional.linear.

    >>> import numpy as np
    >>> linear(np.ones((1, 3)), np.ones((2, 3)), np.array([0.0, 1.0]))
    array([[3., 4.]])
    """
    input, weight, bias, shape = linear_rule("linear", input, weight, bias)
    out = geometry.new_output("linear", out, shape, input.dtype, input, weight, bias)
    rows, columns = math.prod(input.shape[:-1]), math.prod(weight.shape[:-1])
    x, matrix = input.reshape(rows, input.shape[-1]), weight.reshape(columns, weight.shape[-1])
    affine("linear", x, matrix, None if bias is None else bias.reshape(columns), out.reshape(rows, columns))
    return out, (input, weight, bias)


@linear.gradient
def linear_backward(grad_output, input, weight, bias=None, *, needs=(True, True, True), per_sample=False):
    """Gradients of `linear` for (input, weight, bias), None where not needed.

    per_sample: one weight and one bias gradient for each sample, the first axis of input.

    >>> import numpy as np
    >>> linear_backward(np.ones((1, 1)), np.array([[2.0, 3.0]]), np.array([[4.0, 5.0]]))[1]
    array([[2., 3.]])
    """
    name = "linear_backward"
    input, weight, bias, shape = linear_rule(name, input, weight, bias)
    grad_output = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", grad_output, shape)
    same_dtype(name, input=input, grad_output=grad_output)
    samples = input.shape[:1] if per_sample and input.ndim > 1 else ()
    # (samples, rows, features), or (rows, features) without per_sample
    features = input.shape[-1]
    rows = math.prod(input.shape[len(samples) : -1])
    x = input.reshape(*samples, rows, features)
    matrix = weight.reshape(weight.shape[0] if weight.ndim == 2 else 1, features)
    g = grad_output.reshape(*samples, rows, len(matrix))
    grad_input = grad_weight = None
    if needs[0]:
        grad_input = allocate(name, input.shape, x.dtype)
        product(name, g, matrix, grad_input.reshape(x.shape))
    if needs[1]:  # no view of another array, which the tape would have to copy
        grad_weight = allocate(name, (*samples, *weight.shape), x.dtype)
        product(name, np.swapaxes(g, -1, -2), x, grad_weight.reshape(*samples, *matrix.shape))
    grad_bias = g.sum(axis=-2).reshape((*samples, *weight.shape[:-1])) if needs[2] else None
    return grad_input, grad_weight, grad_bias


@op("weight", constants=("input",))
def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
    *,
    out=None,
):
    """Rows of a table: integers of any shape (…) and weight (rows, features) -> (…, features).

    padding_idx: a row whose gradient stays zero. max_norm: rows that are looked up and longer than this, by
    the norm_type-norm, are shortened to it in weight itself, as in PyTorch. scale_grad_by_freq: a row's
    gradient is divided by how often it was taken. sparse has no effect: gradients are dense. Raises
    ValueError for a row that is not there, TypeError for numbers that are no integers. Source:
    torch.nn.functional.embedding.

    >>> import numpy as np
    >>> embedding(np.array([2, 0]), np.array([[1.0], [2.0], [3.0]]))
    array([[3.],
           [1.]])
    """
    numbers, table, _ = embedding_rule("embedding", input, weight, padding_idx)
    if max_norm is not None:
        table = _shorten("embedding", weight, table, numbers, max_norm, norm_type)
    shape = (*numbers.shape, table.shape[1])
    out = geometry.new_output("embedding", out, shape, table.dtype, weight, input)
    np.take(table, numbers, axis=0, out=out, mode="clip")
    return out, (input, weight, padding_idx, scale_grad_by_freq)


# Rows longer than max_norm, scaled to it in the caller's own table.
def _shorten(name: str, weight, table, numbers, max_norm, norm_type):
    limit, p = norm_limit(name, weight, max_norm, norm_type)
    rows = np.unique(numbers)
    values = table[rows]
    lengths = np.linalg.norm(values, p, axis=1, keepdims=True)
    long = (lengths > limit)[:, 0]
    weight[rows[long]] = values[long] * (limit / (lengths[long] + 1e-7)).astype(table.dtype)
    return as_array(name, "weight", weight)


@embedding.gradient
def embedding_backward(grad_output, input, weight, padding_idx=None, scale_grad_by_freq=False):
    """Gradient of `embedding` for weight: a row taken twice gets both gradients.

    >>> import numpy as np
    >>> embedding_backward(np.ones((2, 1)), np.array([2, 2]), np.zeros((3, 1))).ravel()
    array([0., 0., 2.])
    """
    name = "embedding_backward"
    numbers, weight, padding_idx = embedding_rule(name, input, weight, padding_idx)
    grad_output = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", grad_output, (*numbers.shape, weight.shape[1]))
    same_dtype(name, weight=weight, grad_output=grad_output)
    rows, g = numbers.reshape(-1), grad_output.reshape(numbers.size, weight.shape[1])
    taken = axis_matrix(rows, np.arange(rows.size), np.ones(rows.size), len(weight), weight.dtype)
    grad = taken.along(0, g) if g.size else np.zeros(weight.shape, weight.dtype)
    if scale_grad_by_freq:
        counts = np.bincount(numbers.reshape(-1), minlength=len(grad))
        grad /= np.maximum(counts, 1).astype(grad.dtype)[:, None]
    if padding_idx is not None:
        grad[padding_idx] = 0
    return grad


def one_hot(labels, num_classes: int = -1):
    """Integers of any shape (…) -> int64 (…, num_classes), 1 at the label and 0 elsewhere.

    num_classes=-1 takes one more than the largest label. Raises ValueError for a label outside, TypeError
    for labels that are no integers. Source: torch.nn.functional.one_hot.

    >>> import numpy as np
    >>> one_hot(np.array([1, 0]), 3)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    numbers, classes = one_hot_rule("one_hot", labels, num_classes)
    result = geometry.allocate("one_hot", (*numbers.shape, classes), np.int64)
    result.fill(0)
    np.put_along_axis(result, numbers[..., None], 1, axis=-1)
    return result


extras = (one_hot,)
