"""Losses of the distance between two arrays of one shape."""

from collections.abc import Callable

import numpy as np

from ..geometry.arrays import ndarray, new_output
from ..geometry.loss import pair, positive, upstream
from ..geometry.loss import reduction as checked
from ..op import op


# One loss for each element -> `out`: all of them, their sum or their mean (NaN for none, as in PyTorch).
def reduce_loss(name: str, values: ndarray, kind: str, out, *inputs) -> ndarray:
    if kind == "none" and out is None:
        return values
    out = new_output(name, out, values.shape if kind == "none" else (), values.dtype, *inputs)
    if kind == "none":
        np.copyto(out, values)
    else:
        np.sum(values, out=out)
        if kind == "mean":
            out /= values.size
    return out


# The gradient that arrives at each of `count` elements.
def spread(grad_output: ndarray, kind: str, count: int) -> ndarray:
    return grad_output / count if kind == "mean" else grad_output


def _forward(name: str, loss: Callable, input, target, kind, out) -> ndarray:
    input, target = pair(name, input, target)
    kind = checked(name, kind)
    return reduce_loss(name, loss(input - target), kind, out, input, target)


# d(loss)/d(input) = slope(input - target); the target's gradient is its negative.
def _backward(name: str, slope: Callable, grad_output, input, target, kind, needs) -> tuple:
    input, target = pair(name, input, target)
    kind = checked(name, kind)
    grad_output = upstream(name, grad_output, input.shape, kind, input.dtype)
    grad = slope(input - target)
    grad *= spread(grad_output, kind, input.size)
    return grad if needs[0] else None, -grad if needs[1] else None


# d² / (2 edge) where |d| < edge, else |d| - edge / 2.
def _smooth(d: ndarray, edge: float) -> ndarray:
    size = np.abs(d)
    far = size - 0.5 * edge
    return np.where(size < edge, size * size * (0.5 / edge), far) if edge else far


def _smooth_slope(d: ndarray, edge: float) -> ndarray:
    return np.clip(d / edge, -1, 1) if edge else np.sign(d)


@op("input", "target", quiet=True)
def mse_loss(input, target, *, reduction="mean", out=None):
    """Squared error: (input - target)².

    Arrays of one shape; reduction: 'mean', 'sum' (0-d result) or 'none'. Raises ValueError for unequal
    shapes, TypeError for mixed dtypes. Source: torch.nn.functional.mse_loss.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(2.)
    """
    result = _forward("mse_loss", np.square, input, target, reduction, out)
    return result, (input, target, reduction)


@mse_loss.gradient
def mse_loss_backward(grad_output, input, target, reduction="mean", *, needs=(True, True)):
    """Gradients of `mse_loss` for (input, target)."""
    return _backward("mse_loss_backward", lambda d: 2 * d, grad_output, input, target, reduction, needs)


@op("input", "target", quiet=True)
def l1_loss(input, target, *, reduction="mean", out=None):
    """Absolute error: |input - target|.

    Arrays of one shape; reduction: 'mean', 'sum' (0-d result) or 'none'. Raises ValueError for unequal
    shapes, TypeError for mixed dtypes. Source: torch.nn.functional.l1_loss.

    >>> import numpy as np
    >>> l1_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(1.)
    """
    result = _forward("l1_loss", np.abs, input, target, reduction, out)
    return result, (input, target, reduction)


@l1_loss.gradient
def l1_loss_backward(grad_output, input, target, reduction="mean", *, needs=(True, True)):
    """Gradients of `l1_loss` for (input, target)."""
    return _backward("l1_loss_backward", np.sign, grad_output, input, target, reduction, needs)


@op("input", "target", quiet=True)
def smooth_l1_loss(input, target, *, reduction="mean", beta=1.0, out=None):
    """Absolute error |d| - beta / 2, rounded to d² / (2 beta) where |d| < beta, for d = input - target.

    Arrays of one shape; reduction: 'mean', 'sum' (0-d result) or 'none'. Raises ValueError for unequal shapes
    or a negative beta, TypeError for mixed dtypes. Source: Girshick 2015, Fast R-CNN.

    >>> import numpy as np
    >>> smooth_l1_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(0.75)
    """
    edge = positive("smooth_l1_loss", "beta", beta, zero=True)
    result = _forward("smooth_l1_loss", lambda d: _smooth(d, edge), input, target, reduction, out)
    return result, (input, target, reduction, beta)


@smooth_l1_loss.gradient
def smooth_l1_loss_backward(grad_output, input, target, reduction="mean", beta=1.0, *, needs=(True, True)):
    """Gradients of `smooth_l1_loss` for (input, target)."""
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


@op("input", "target", quiet=True)
def huber_loss(input, target, reduction="mean", delta=1.0, *, out=None):
    """delta (|d| - delta / 2), rounded to d² / 2 where |d| < delta, for d = input - target.

    Arrays of one shape; reduction: 'mean', 'sum' (0-d result) or 'none'. Raises ValueError for unequal shapes
    or delta <= 0, TypeError for mixed dtypes. Source: Huber 1964, Robust Estimation of a Location Parameter.

    >>> import numpy as np
    >>> huber_loss(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    array(0.75)
    """
    edge = positive("huber_loss", "delta", delta)
    result = _forward("huber_loss", lambda d: edge * _smooth(d, edge), input, target, reduction, out)
    return result, (input, target, reduction, delta)


@huber_loss.gradient
def huber_loss_backward(grad_output, input, target, reduction="mean", delta=1.0, *, needs=(True, True)):
    """Gradients of `huber_loss` for (input, target)."""
    edge = positive("huber_loss_backward", "delta", delta)
    return _backward(
        "huber_loss_backward",
        lambda d: edge * _smooth_slope(d, edge),
        grad_output,
        input,
        target,
        reduction,
        needs,
    )
