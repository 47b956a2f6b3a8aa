"""Operations that move elements and compute nothing; each result owns its memory."""

import math

import numpy as np

from .. import _core
from ..geometry.arguments import axes, axis
from ..geometry.arrays import FLOAT32, FLOAT64, as_array, ndarray, new_output, shape_only
from ..geometry.elementwise import (
    concatenated,
    flattened,
    indexed,
    permutation,
    reshaped,
    same_shape,
    sequence,
)
from ..op import op

# Elements from which a copy is worth looking at its axes.
LARGE = 1 << 14
# So few elements along the last axis are copied one at a time.
FEW = 8


# The elements of a view of the input in an array of their own, of another shape if that is given.
def copied(name: str, view: np.ndarray, out, input: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    out = new_output(name, out, view.shape if shape is None else shape, view.dtype, input)
    target = out.reshape(view.shape)
    swap = _swap(view) if view.size > LARGE else None
    if swap is not None:
        _core.reorder(*swap, out)
    elif view.size > LARGE and view.shape[-1] <= FEW:  # NumPy would go along them
        for i in range(view.shape[-1]):
            target[..., i] = view[..., i]
    else:
        np.copyto(target, view)
    return out


# (outer, rows, columns, their plain array) if `view` is that with rows and columns exchanged, else None.
def _swap(view: np.ndarray) -> tuple | None:
    axes = [i for i, size in enumerate(view.shape) if size > 1]
    order = sorted(axes, key=lambda i: -view.strides[i])
    kept = next((k for k, (a, b) in enumerate(zip(axes, order)) if a != b), len(axes))
    if kept == len(axes):
        return None
    turn = order.index(axes[kept])
    source = view.transpose([*order, *(i for i, size in enumerate(view.shape) if size <= 1)])
    if axes[kept:] != order[turn:] + order[kept:turn] or not _core.plain(source):
        return None
    outer, rows, columns = (math.prod(source.shape[a:b]) for a, b in ((0, kept), (kept, turn), (turn, None)))
    return outer, rows, columns, source


@op("input")
def reshape(input, shape, *, out=None):
    """The elements of input, in C order, in another shape; one size may be -1.

    Raises ValueError if the sizes do not hold the elements. Source: numpy.reshape.

    >>> import numpy as np
    >>> reshape(np.arange(4.0), (2, -1))
    array([[0., 1.],
           [2., 3.]])
    """
    input = as_array("reshape", "input", input)
    return copied("reshape", input.reshape(reshaped("reshape", input.shape, shape)), out, input), (
        shape_only(input),
        shape,
    )


@reshape.gradient
def reshape_backward(grad_output, input, shape):
    """Gradient of `reshape` for input.

    >>> import numpy as np
    >>> reshape_backward(np.ones((2, 2)), np.zeros(4), (2, 2))
    array([1., 1., 1., 1.])
    """
    grad_output, input = pair("reshape_backward", grad_output, input)
    same_shape(
        "reshape_backward", "grad_output", grad_output, reshaped("reshape_backward", input.shape, shape)
    )
    return grad_output.reshape(input.shape)


def pair(name: str, grad_output, input):
    return as_array(name, "grad_output", grad_output), as_array(name, "input", input)


@op("input")
def flatten(input, start_dim=0, end_dim=-1, *, out=None):
    """Axes start_dim to end_dim merged into one: (N, C, H, W) -> (N, C * H * W) for start_dim=1.

    Raises ValueError for axes that are not there. Source: torch.flatten.

    >>> import numpy as np
    >>> flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    input = as_array("flatten", "input", input)
    view = input.reshape(flattened("flatten", input.shape, start_dim, end_dim))
    return copied("flatten", view, out, input), (shape_only(input), start_dim, end_dim)


@flatten.gradient
def flatten_backward(grad_output, input, start_dim=0, end_dim=-1):
    """Gradient of `flatten` for input.

    >>> import numpy as np
    >>> flatten_backward(np.ones(4), np.zeros((2, 2))).shape
    (2, 2)
    """
    grad_output, input = pair("flatten_backward", grad_output, input)
    shape = flattened("flatten_backward", input.shape, start_dim, end_dim)
    same_shape("flatten_backward", "grad_output", grad_output, shape)
    return grad_output.reshape(input.shape)


@op("input")
def permute(input, dims, *, out=None):
    """The axes of input in the order `dims`: axis i of the result is axis dims[i] of input.

    Raises ValueError unless dims names every axis once. Source: torch.permute.

    >>> import numpy as np
    >>> permute(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    input = as_array("permute", "input", input)
    order = permutation("permute", dims, input.ndim)
    return copied("permute", input.transpose(order), out, input), (shape_only(input), dims)


@permute.gradient
def permute_backward(grad_output, input, dims):
    """Gradient of `permute` for input.

    >>> import numpy as np
    >>> permute_backward(np.ones((3, 2)), np.zeros((2, 3)), (1, 0)).shape
    (2, 3)
    """
    grad_output, input = pair("permute_backward", grad_output, input)
    order = permutation("permute_backward", dims, input.ndim)
    same_shape("permute_backward", "grad_output", grad_output, tuple(input.shape[i] for i in order))
    return grad_output.transpose(np.argsort(order))


@op("input")
def transpose(input, dim0, dim1, *, out=None):
    """input with two axes exchanged.

    Raises ValueError for axes that are not there. Source: torch.transpose.

    >>> import numpy as np
    >>> transpose(np.zeros((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    input = as_array("transpose", "input", input)
    return copied("transpose", _swapped("transpose", input, dim0, dim1), out, input), (shape_only(input), dim0, dim1)


@transpose.gradient
def transpose_backward(grad_output, input, dim0, dim1):
    """Gradient of `transpose` for input.

    >>> import numpy as np
    >>> transpose_backward(np.ones((3, 2)), np.zeros((2, 3)), 0, 1).shape
    (2, 3)
    """
    grad_output, input = pair("transpose_backward", grad_output, input)
    same_shape(
        "transpose_backward", "grad_output", grad_output, _swapped("transpose", input, dim0, dim1).shape
    )
    return _swapped("transpose_backward", grad_output, dim0, dim1)


def _swapped(name: str, value, dim0, dim1):
    first, second = axis(name, "dim0", dim0, value.ndim), axis(name, "dim1", dim1, value.ndim)
    return np.swapaxes(value, first, second) if value.ndim else value


@op("input")
def squeeze(input, dim=None, *, out=None):
    """input without its axes of size 1, or without axis `dim` if that has size 1.

    Raises ValueError for an axis that is not there. Source: torch.squeeze.

    >>> import numpy as np
    >>> squeeze(np.zeros((2, 1, 3, 1)), 1).shape
    (2, 3, 1)
    """
    input = as_array("squeeze", "input", input)
    view = input.reshape(_squeezed("squeeze", input.shape, dim))
    return copied("squeeze", view, out, input), (shape_only(input), dim)


@squeeze.gradient
def squeeze_backward(grad_output, input, dim=None):
    """Gradient of `squeeze` for input.

    >>> import numpy as np
    >>> squeeze_backward(np.ones(2), np.zeros((2, 1))).shape
    (2, 1)
    """
    grad_output, input = pair("squeeze_backward", grad_output, input)
    same_shape(
        "squeeze_backward", "grad_output", grad_output, _squeezed("squeeze_backward", input.shape, dim)
    )
    return grad_output.reshape(input.shape)


def _squeezed(name: str, shape, dim) -> tuple[int, ...]:
    gone = axes(name, "dim", dim, len(shape))
    return tuple(n for i, n in enumerate(shape) if n != 1 or i not in gone)


@op("input")
def unsqueeze(input, dim, *, out=None):
    """input with a new axis of size 1 at `dim`.

    Raises ValueError for a place that is not there. Source: torch.unsqueeze.

    >>> import numpy as np
    >>> unsqueeze(np.zeros((2, 3)), 1).shape
    (2, 1, 3)
    """
    input = as_array("unsqueeze", "input", input)
    view = np.expand_dims(input, axis("unsqueeze", "dim", dim, input.ndim + 1))
    return copied("unsqueeze", view, out, input), (shape_only(input), dim)


@unsqueeze.gradient
def unsqueeze_backward(grad_output, input, dim):
    """Gradient of `unsqueeze` for input.

    >>> import numpy as np
    >>> unsqueeze_backward(np.ones((1, 2)), np.zeros(2), 0).shape
    (2,)
    """
    grad_output, input = pair("unsqueeze_backward", grad_output, input)
    at = axis("unsqueeze_backward", "dim", dim, input.ndim + 1)
    same_shape("unsqueeze_backward", "grad_output", grad_output, np.expand_dims(input, at).shape)
    return grad_output.reshape(input.shape)


# The arrays, whose dtypes are equal, along an axis.
def _joined(values, dim, out):
    shape, at = concatenated("concat", [value.shape for value in values], dim)
    out = new_output("concat", out, shape, values[0].dtype, *values)
    return np.concatenate(values, at, out=out)


def _joined_at_once(tensors, dim, out):
    if type(tensors) not in (list, tuple) or not tensors or type(tensors[0]) is not ndarray:
        return None
    dtype = tensors[0].dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        return None
    plain = all(type(value) is ndarray and value.dtype is dtype for value in tensors)
    return _joined(tensors, dim, out) if plain else None


@op("tensors", sequence=True, quick=_joined_at_once)
def concat(tensors, dim=0, *, out=None):
    """Arrays joined along the axis `dim`; all other axes are equal.

    Raises ValueError for no arrays or unequal shapes. Source: torch.cat.

    >>> import numpy as np
    >>> concat([np.zeros((2, 3)), np.ones((1, 3))]).shape
    (3, 3)
    """
    values = sequence("concat", tensors, equal_shapes=False)
    return _joined(values, dim, out), (values, dim)


@concat.gradient
def concat_backward(grad_output, tensors, dim=0):
    """Gradients of `concat`, one for each array.

    >>> import numpy as np
    >>> concat_backward(np.arange(3.0), [np.zeros(2), np.zeros(1)])
    [array([0., 1.]), array([2.])]
    """
    values = sequence("concat_backward", tensors, equal_shapes=False)
    shape, at = concatenated("concat_backward", [value.shape for value in values], dim)
    grad_output = as_array("concat_backward", "grad_output", grad_output)
    same_shape("concat_backward", "grad_output", grad_output, shape)
    ends = np.cumsum([value.shape[at] for value in values])
    return np.split(grad_output, ends[:-1], at)


@op("tensors", sequence=True)
def stack(tensors, dim=0, *, out=None):
    """Arrays of one shape, joined along a new axis at `dim`.

    Raises ValueError for no arrays or unequal shapes. Source: torch.stack.

    >>> import numpy as np
    >>> stack([np.zeros(3), np.ones(3)], 1).shape
    (3, 2)
    """
    values = sequence("stack", tensors, equal_shapes=True)
    at = axis("stack", "dim", dim, values[0].ndim + 1)
    shape = (*values[0].shape[:at], len(values), *values[0].shape[at:])
    out = new_output("stack", out, shape, values[0].dtype, *values)
    return np.stack(values, at, out=out), (values, dim)


@stack.gradient
def stack_backward(grad_output, tensors, dim=0):
    """Gradients of `stack`, one for each array.

    >>> import numpy as np
    >>> stack_backward(np.arange(2.0).reshape(2, 1), [np.zeros(1), np.zeros(1)])
    [array([0.]), array([1.])]
    """
    values = sequence("stack_backward", tensors, equal_shapes=True)
    at = axis("stack_backward", "dim", dim, values[0].ndim + 1)
    grad_output = as_array("stack_backward", "grad_output", grad_output)
    shape = (*values[0].shape[:at], len(values), *values[0].shape[at:])
    same_shape("stack_backward", "grad_output", grad_output, shape)
    return list(np.moveaxis(grad_output, at, 0))


# Tensors inside an index count as their arrays.
def _plain_index(index):
    if isinstance(index, tuple):
        return tuple(_plain_index(item) for item in index)
    return np.asarray(index) if hasattr(index, "__array__") else index


@op("input")
def getitem(input, index, *, out=None):
    """input[index], for every index NumPy takes.

    Raises IndexError outside the array, as Python's protocol wants it. Source: NumPy's indexing.

    >>> import numpy as np
    >>> getitem(np.arange(6.0).reshape(2, 3), (1, slice(0, 2)))
    array([3., 4.])
    """
    input = as_array("getitem", "input", input)
    index = _plain_index(index)
    return copied("getitem", np.asarray(indexed("getitem", input, index)), out, input), (shape_only(input), index)


@getitem.gradient
def getitem_backward(grad_output, input, index):
    """Gradient of `getitem` for input: an element taken twice gets both gradients.

    >>> import numpy as np
    >>> getitem_backward(np.ones(2), np.zeros(3), [0, 0])
    array([2., 0., 0.])
    """
    grad_output, input = pair("getitem_backward", grad_output, input)
    index = _plain_index(index)
    same_shape("getitem_backward", "grad_output", grad_output, np.shape(indexed("getitem_backward", input, index)))
    grad = np.zeros(input.shape, input.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts):
        grad[index] = grad_output
    else:
        np.add.at(grad, index, grad_output)
    return grad
