"""Sums, means and extremes over axes."""

import math

import numpy as np

from .. import _core
from ..geometry.arguments import axes, flag
from ..geometry.arrays import as_array, new_output, shape_only
from ..geometry.elementwise import reducible, same_shape
from ..op import op


# Shape of a reduction, with and without the reduced axes.
def _shapes(shape: tuple[int, ...], over: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (
        tuple(n for i, n in enumerate(shape) if i not in over),
        tuple(1 if i in over else n for i, n in enumerate(shape)),
    )


def _reduction(name: str, summary: str, example: str, shares: str, ufunc, spread, note: str = "") -> tuple:
    def forward(input, dim=None, keepdim=False, *, out=None):
        input = as_array(name, "input", input)
        over, keepdim = axes(name, "dim", dim, input.ndim), flag(name, "keepdim", keepdim)
        without, kept = _shapes(input.shape, over)
        if name in ("max", "min"):
            reducible(name, input.shape, over)
        out = new_output(name, out, kept if keepdim else without, input.dtype, input)
        ufunc(input, axis=over, keepdims=keepdim, out=out)
        values = name in ("max", "min")
        return out, (input if values else shape_only(input), dim, keepdim)

    forward.__name__ = name
    forward.__doc__ = f"""{summary} over the axes `dim` (None: all), which stay as 1 if keepdim.

    {note}Raises ValueError for an axis that is not there{
        " or an empty one" if name in ("max", "min") else ""
    }. Source: numpy.{name}.

    >>> import numpy as np
    >>> {name}(np.array([[1.0, 2.0], [3.0, 6.0]]), 0)
    {example}
    """
    public = op("input", quiet=True)(forward)

    def backward(grad_output, input, dim=None, keepdim=False):
        label = f"{name}_backward"
        grad_output, input = as_array(label, "grad_output", grad_output), as_array(label, "input", input)
        over, keepdim = axes(label, "dim", dim, input.ndim), flag(label, "keepdim", keepdim)
        without, kept = _shapes(input.shape, over)
        same_shape(label, "grad_output", grad_output, kept if keepdim else without)
        return spread(grad_output.reshape(kept), input, over)

    backward.__doc__ = f"""Gradient of `{name}` for input.

    >>> import numpy as np
    >>> {name}_backward(np.array(6.0), np.array([1.0, 2.0, 3.0]))
    {shares}
    """
    return public, public.gradient(backward)


def _spread_sum(grad, input, over):
    return np.broadcast_to(grad, input.shape).copy()


def _spread_mean(grad, input, over):
    return _spread_sum(grad / math.prod(input.shape[i] for i in over), input, over)


def _spread_extreme(extreme):
    def spread(grad, input, over):
        chosen = input == extreme(input, axis=over, keepdims=True)
        share = chosen / chosen.sum(axis=over, keepdims=True).astype(input.dtype)
        return grad * share.astype(input.dtype, copy=False)

    return spread


_MOST_CELLS = 1 << 16  # of one sum by the kernel, whose rounding errors grow with them; NumPy adds in pairs


def _sum(input, axis, keepdims, out):
    cells = math.prod(input.shape[i] for i in axis)
    last = axis == tuple(range(input.ndim - len(axis), input.ndim))
    if last and 0 < cells <= _MOST_CELLS and _core.plain(input, out) and input.dtype == out.dtype:
        _core.channel_sum(1, out.size, cells, input, out)
    else:
        np.sum(input, axis=axis, keepdims=keepdims, out=out)


# numpy.mean warns of an empty axis; here the mean of nothing is NaN, as in PyTorch.
def _mean(input, axis, keepdims, out):
    _sum(input, axis, keepdims, out)
    out /= math.prod(input.shape[i] for i in axis)


_TIES = "Equal extremes share the gradient evenly, as in torch.amax; NaN wins. "
sum, sum_backward = _reduction("sum", "The sum", "array([4., 8.])", "array([6., 6., 6.])", _sum, _spread_sum)
mean, mean_backward = _reduction("mean", "The mean", "array([2., 4.])", "array([2., 2., 2.])", _mean, _spread_mean)
max, max_backward = _reduction(
    "max", "The maximum", "array([3., 6.])", "array([0., 0., 6.])", np.max, _spread_extreme(np.max), _TIES
)
min, min_backward = _reduction(
    "min", "The minimum", "array([1., 2.])", "array([6., 0., 0.])", np.min, _spread_extreme(np.min), _TIES
)
