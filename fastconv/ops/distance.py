"""Losses of the distance between two arrays of one shape."""

from collections.abc import Callable

import numpy as np

from ..geometry.arrays import contiguous, ndarray, new_output
from ..geometry.elementwise import same_shape
from ..geometry.loss import pair, positive, upstream
from ..geometry.loss import reduction as checked
from ..op import op
from .parts import parts


# One loss for each element -> `out`: all of them, their sum or their mean (NaN for none, as in PyTorch). Where values
# are sums already, `count` is the number of elements.
def reduce_loss(name: str, values: ndarray, kind: str, out, *inputs, count: int | None = None) -> ndarray:
    if kind == "none" and out is None:
        return values
    out = new_output(name, out, values.shape if kind == "none" else (), values.dtype, *inputs)
    if kind == "none":
        np.copyto(out, values)
    else:
        np.sum(values, out=out)
        if kind == "mean":
            out /= values.size if count is None else count
    return out


# The gradient that arrives at each of `count` elements.
def spread(grad_output: ndarray, kind: str, count: int) -> ndarray:
    return grad_output / count if kind == "mean" else grad_output


# loss(d) may write its result to d. A mean with weights is divided by their sum, but for huber_loss, as in PyTorch.
def _forward(name: str, loss: Callable, input, target, kind, out, weight=None, by_weight=True) -> ndarray:
    input, target, weight = _arrays(name, input, target, weight)
    if weight is None and input.size > BLOCK:
        x, t = contiguous(input).reshape(-1), contiguous(target).reshape(-1)
        if kind != "none":
            return reduce_loss(name, _block_sums(loss, x, t), kind, out, input, target, count=input.size)
        out = new_output(name, out, input.shape, input.dtype, input, target)
        _write_blocks(loss, x, t, out.reshape(-1))
        return out
    values = loss(np.asarray(input - target))
    if weight is None:
        return reduce_loss(name, values, kind, out, input, target)
    values *= weight
    if kind != "mean" or not by_weight:
        return reduce_loss(name, values, kind, out, input, target, weight)
    return np.divide(values.sum(), weight.sum(), out=new_output(name, out, (), values.dtype, input, target, weight))


# What is computed at a time, so that it stays in cache.
BLOCK = 1 << 15


def _block_sums(loss: Callable, x: ndarray, t: ndarray) -> ndarray:
    return np.array([loss(x[part] - t[part]).sum() for part in parts(x.size, BLOCK)], x.dtype)


def _write_blocks(function: Callable, x: ndarray, t: ndarray, out: ndarray) -> None:
    for part in parts(x.size, BLOCK):
        function(np.subtract(x[part], t[part], out=out[part]))


# input, target and weight (or None), all of one shape.
def _arrays(name: str, input, target, weight) -> tuple:
    input, target, weight = pair(name, input, target, weight=weight)
    if weight is not None:
        same_shape(name, "weight", weight, input.shape)
    return input, target, weight


# d(loss)/d(input) = slope(d), d = input - target, which may be written to d; the target's gradient is its negative.
def _backward(
    name: str, slope: Callable, grad_output, input, target, kind, needs, weight=None, by_weight=True
) -> tuple:
    input, target, weight = _arrays(name, input, target, weight)
    kind = checked(name, kind)
    grad_output = upstream(name, grad_output, input.shape, kind, input.dtype)
    grad = slope(np.asarray(input - target))
    if weight is not None:
        grad *= weight
    if weight is not None and kind == "mean" and by_weight:
        grad *= grad_output / weight.sum()
    else:
        grad *= spread(grad_output, kind, input.size)
    return grad if needs[0] else None, -grad if needs[1] else None


# These write their results to d (but for signs: NumPy takes those one by one in place).
def _square(d: ndarray) -> ndarray:
    return np.square(d, out=d)


def _size(d: ndarray) -> ndarray:
    return np.abs(d, out=d)


# scale times d² / (2 edge) where |d| < edge, else times |d| - edge / 2.
def _smooth(d: ndarray, edge: float, scale: float = 1.0) -> ndarray:
    size = _size(d)
    if not edge:
        return size
    near = np.minimum(size, edge)
    near *= 0.5
    size -= near
    near /= 0.5 * edge / scale
    return np.multiply(size, near, out=size)


def _smooth_slope(d: ndarray, edge: float, scale: float = 1.0) -> ndarray:
    if not edge:
        return np.sign(d)
    d /= edge / scale
    return np.clip(d, -scale, scale, out=d)


@op("input", "target", constants=("weight",), quiet=True)
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None, *, out=None):
    """Squared error: (input - target)².

    Arrays of one shape, weight too if given; reduction: 'mean' (divided by the sum of weight), 'sum' (both
    0-d) or 'none', which size_average and reduce, PyTorch's older switches, may say instead. Raises
    ValueError for unequal shapes, TypeError for mixed dtypes. Source: torch.nn.functional.mse_loss.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(2.)
    """
    kind = checked("mse_loss", reduction, size_average, reduce)
    result = _forward("mse_loss", _square, input, target, kind, out, weight)
    return result, (input, target, kind, weight)


@mse_loss.gradient
def mse_loss_backward(grad_output, input, target, reduction="mean", weight=None, *, needs=(True, True)):
    """Gradients of `mse_loss` for (input, target).

    >>> import numpy as np
    >>> mse_loss_backward(np.array(1.0), np.array([1.0, 4.0]), np.array([1.0, 2.0]))[0]
    array([0., 2.])
    """
    name = "mse_loss_backward"
    return _backward(name, lambda d: np.multiply(d, 2, out=d), grad_output, input, target, reduction, needs, weight)


@op("input", "target", constants=("weight",), quiet=True)
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None, *, out=None):
    """Absolute error: |input - target|.

    Arrays of one shape, weight too if given; reduction: 'mean' (divided by the sum of weight), 'sum' (both
    0-d) or 'none', which size_average and reduce, PyTorch's older switches, may say instead. Raises
    ValueError for unequal shapes, TypeError for mixed dtypes. Source: torch.nn.functional.l1_loss.

    >>> import numpy as np
    >>> l1_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(1.)
    """
    kind = checked("l1_loss", reduction, size_average, reduce)
    result = _forward("l1_loss", _size, input, target, kind, out, weight)
    return result, (input, target, kind, weight)


@l1_loss.gradient
def l1_loss_backward(grad_output, input, target, reduction="mean", weight=None, *, needs=(True, True)):
    """Gradients of `l1_loss` for (input, target).

    >>> import numpy as np
    >>> l1_loss_backward(np.array(1.0), np.array([1.0, 4.0]), np.array([1.0, 2.0]))[0]
    array([0. , 0.5])
    """
    name = "l1_loss_backward"
    return _backward(name, np.sign, grad_output, input, target, reduction, needs, weight)


@op("input", "target", quiet=True)
def smooth_l1_loss(
    input, target, size_average=None, reduce=None, reduction="mean", beta=1.0, *, out=None
):
    """Absolute error |d| - beta / 2, rounded to d² / (2 beta) where |d| < beta, for d = input - target.

    Arrays of one shape; reduction: 'mean', 'sum' (0-d result) or 'none'. Raises ValueError for unequal shapes
    or a negative beta, TypeError for mixed dtypes. Source: Girshick 2015, Fast R-CNN.

    >>> import numpy as np
    >>> smooth_l1_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(0.75)
    """
    edge = positive("smooth_l1_loss", "beta", beta, zero=True)
    kind = checked("smooth_l1_loss", reduction, size_average, reduce)
    result = _forward("smooth_l1_loss", lambda d: _smooth(d, edge), input, target, kind, out)
    return result, (input, target, kind, beta)


@smooth_l1_loss.gradient
def smooth_l1_loss_backward(grad_output, input, target, reduction="mean", beta=1.0, *, needs=(True, True)):
    """Gradients of `smooth_l1_loss` for (input, target).

    >>> import numpy as np
    >>> smooth_l1_loss_backward(np.array(1.0), np.array([1.0, 4.0]), np.array([1.0, 2.0]))[0]
    array([0. , 0.5])
    """
    edge = positive("smooth_l1_loss_backward", "beta", beta, zero=True)
    return _backward(
        "smooth_l1_loss_backward",
        lambda d: _smooth_slope(d, edge),
        grad_output,
        input,
        target,
        reduction,
        needs,
    )


@op("input", "target", constants=("weight",), quiet=True)
def huber_loss(input, target, reduction="mean", delta=1.0, weight=None, *, out=None):
    """delta (|d| - delta / 2), rounded to d² / 2 where |d| < delta, for d = input - target.

    Arrays of one shape, weight too if given, which multiplies each element; reduction: 'mean', 'sum' (0-d
    result) or 'none'. Raises ValueError for unequal shapes or delta <= 0, TypeError for mixed dtypes. Source:
    Huber 1964, Robust Estimation of a Location Parameter.

    >>> import numpy as np
    >>> huber_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(0.75)
    """
    edge = positive("huber_loss", "delta", delta)
    kind = checked("huber_loss", reduction)
    call = (input, target, kind, out, weight)
    result = _forward("huber_loss", lambda d: _smooth(d, edge, edge), *call, by_weight=False)
    return result, (input, target, kind, delta, weight)


@huber_loss.gradient
def huber_loss_backward(
    grad_output, input, target, reduction="mean", delta=1.0, weight=None, *, needs=(True, True)
):
    """Gradients of `huber_loss` for (input, target).

    >>> import numpy as np
    >>> huber_loss_backward(np.array(1.0), np.array([1.0, 4.0]), np.array([1.0, 2.0]))[0]
    array([0. , 0.5])
    """
    name = "huber_loss_backward"
    edge = positive(name, "delta", delta)
    call = (grad_output, input, target, reduction, needs, weight)
    return _backward(name, lambda d: _smooth_slope(d, edge, edge), *call, by_weight=False)
