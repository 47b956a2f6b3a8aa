"""Pooling over sliding windows, of rank 1, 2 and 3: one implementation, forward beside its gradient."""

import numpy as np

from .. import _core
from ..geometry import pool as rules
from ..geometry.arguments import choice, flag
from ..geometry.arrays import (
    INT64,
    allocate,
    arrays,
    as_array,
    contiguous,
    index_array,
    new_output,
)
from ..geometry.conv import same_shape, shape_argument
from ..op import op
from .arithmetic import raised
from .layout import LAYOUTS, channels_first, channels_last

MAX, MIN, MEAN = 0, 1, 2


def plain_array(name, input):
    return input if _core.plain(input) else contiguous(as_array(name, "input", input))


def kernel_array(name, rank, layout, input):
    """The input as the kernels take it, copied once at most."""
    if layout == "NCHW":
        return plain_array(name, input)
    choice(name, "layout", layout, LAYOUTS)
    x = as_array(name, "input", input)
    return channels_first(name, rank, x) if rank == 3 and x.ndim >= 4 else contiguous(x)


def moved(shape, rank, layout):
    """The shape as it is channels first."""
    return shape if layout == "NCHW" else (*shape[: -rank - 1], *shape[-1:], *shape[-rank - 1 : -1])


def native(layout, rank):
    """The layout that the kernels run in: three spatial axes and channels last would be one axis too many."""
    return "NCHW" if rank == 3 else layout


def run(name, rank, kind, geometry, x, shape, layout, out, indexed):
    """The pool of x and, if `indexed`, the positions, in the caller's layout; `shape` is in the kernels'."""
    reorder = layout != native(layout, rank)
    if out is None or reorder:
        result = allocate(name, shape, x.dtype)
    else:
        result = new_output(name, out, shape, x.dtype, x)
    indices = None
    if geometry is None:
        result.fill(-np.inf if kind == MAX else np.inf)
    elif not indexed:
        _core.pool_forward(geometry, kind, x, result, None)
    else:
        indices = allocate(name, shape, INT64)
        _indexed(geometry, kind, x, result, indices)
        if layout == "NHWC" and not reorder:
            indices //= x.shape[-1]
    if reorder:
        indices = indices if indices is None else channels_last(name, rank, indices)
        result = channels_last(name, rank, result, out, x)
    return result, indices


# Positions are counted in integers as wide as the values: beyond 2**31 cells a plane needs those of float64.
def _indexed(geometry, kind, x, result, indices):
    if kind == MIN:  # found where -x is largest
        _indexed(geometry, MAX, np.negative(x), result, indices)
        np.negative(result, out=result)
    elif x.itemsize == 4 and geometry.cells >= 2**31:
        wide = np.empty(result.shape)
        _core.pool_forward(geometry, kind, x.astype(np.float64), wide, indices)
        result[...] = wide
    else:
        _core.pool_forward(geometry, kind, x, result, indices)


def _extreme(name, rank, kind, input, window, ceil_mode, layout, out, indexed):
    x = kernel_array(name, rank, layout, input)
    window = rules.window_parameters(name, rank, *window)
    geometry, shape, hollow = rules.pool_geometry(
        name, rank, x.shape, *window, flag(name, "ceil_mode", ceil_mode), native(layout, rank)
    )
    if indexed:
        rules.no_hollow_window(name, window[3], hollow)
    return run(name, rank, kind, geometry, x, shape, layout, out, indexed)


def scatter_gradient(name, rank, grad_output, indices, input_shape, layout="NCHW"):
    """Gradient of a pool that chose one cell of each window: grad_output added up at `indices`."""
    choice(name, "layout", layout, LAYOUTS)
    (grad_output,) = arrays(name, grad_output=grad_output)
    indices = index_array(name, "indices", indices)
    if layout == "NHWC":
        rules.channels_last_pair(name, rank, grad_output, indices)
        grad_output = channels_first(name, rank, grad_output)
        indices = channels_first(name, rank, contiguous(indices))
        input_shape = moved(tuple(input_shape), rank, layout)
    shape, planes = rules.planes_of(name, rank, input_shape, grad_output, indices)
    result = allocate(name, shape, grad_output.dtype)
    if not _core.pool_scatter(planes, contiguous(grad_output), contiguous(indices), result, True):
        rules.refuse_indices(name, indices, int(np.prod(shape[-rank:])))
    return result if layout == "NCHW" else channels_last(name, rank, result)


def _mean(name, rank, input, window, ceil_mode, count_include_pad, divisor_override, layout, out):
    x = kernel_array(name, rank, layout, input)
    window = rules.window_parameters(name, rank, *window, 1)
    divisor = rules.divisor(name, divisor_override)
    ceil_mode, counted = flag(name, "ceil_mode", ceil_mode), flag(name, "count_include_pad", count_include_pad)
    geometry, shape, _ = rules.pool_geometry(
        name, rank, x.shape, *window, ceil_mode, native(layout, rank), divisor, counted
    )
    return run(name, rank, MEAN, geometry, x, shape, layout, out, False)[0]


def _mean_backward(
    name, rank, grad_output, shape, window, ceil_mode, count_include_pad, divisor_override, layout
):
    choice(name, "layout", layout, LAYOUTS)
    (grad_output,) = arrays(name, grad_output=grad_output)
    window = rules.window_parameters(name, rank, *window, 1)
    divisor = rules.divisor(name, divisor_override)
    ceil_mode, counted = flag(name, "ceil_mode", ceil_mode), flag(name, "count_include_pad", count_include_pad)
    shape = shape_argument(name, "input_shape", shape)
    reorder = layout != native(layout, rank)
    if reorder:
        shape = moved(shape, rank, layout)
        grad_output = channels_first(name, rank, grad_output) if grad_output.ndim >= 4 else grad_output
    geometry, expected, _ = rules.pool_geometry(
        name, rank, shape, *window, ceil_mode, native(layout, rank), divisor, counted
    )
    return mean_gradient(name, rank, geometry, grad_output, expected, shape, reorder)


def mean_gradient(name, rank, geometry, grad_output, expected, shape, reorder):
    same_shape(name, "grad_output", grad_output, expected)
    result = allocate(name, shape, grad_output.dtype)
    _core.pool_grad_mean(geometry, contiguous(grad_output), result)
    return channels_last(name, rank, result) if reorder else result


AXES = {1: "L", 2: "H, W", 3: "D, H, W"}
RAISES = """Raises TypeError for dtypes other than float32 and float64 (float16 and bfloat16 are stored only),
    ValueError for shapes and values that do not fit, MemoryError for a result too large."""


def _bind_extreme(rank, kind, word, sign):
    name = f"{word}_pool{rank}d"

    def recorded(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                 return_indices=False, *, layout="NCHW", out=None):
        window = (kernel_size, stride, padding, dilation)
        asked = flag(name, "return_indices", return_indices)
        result, indices = _extreme(name, rank, kind, input, window, ceil_mode, layout, out, True)
        return ((result, indices) if asked else result), (indices, input.shape, {"layout": layout})

    @op("input", name=name, recorded=recorded)
    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False, *,
             layout="NCHW", out=None):
        window = (kernel_size, stride, padding, dilation)
        asked = flag(name, "return_indices", return_indices)
        both = _extreme(name, rank, kind, input, window, ceil_mode, layout, out, asked)
        return (both if asked else both[0]), ()

    pool.__doc__ = f"""The {sign} of each window of `input`; a NaN in a window wins.

    output[n, c, o] = {word} over r < kernel_size of input[n, c, o * stride - padding + r * dilation], samples
    outside left out.

    input (N, C, {AXES[rank]}) or (C, {AXES[rank]}); result (N, C, output...) in the input's dtype, each
    extent floor((extent + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1, rounded up with
    ceil_mode unless the last window would start in the padding after the input. kernel_size, stride
    (default: kernel_size), padding (at most half the kernel), dilation: int or one per axis.
    return_indices: (result, indices), the first {sign}'s position in its channel's plane, flat, int64.
    layout: 'NHWC' takes and gives channels last. out: array to write to.

    {RAISES}

    Source: the semantics of torch.nn.functional.max_pool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.arange(8.0).reshape(1, 1, {"1, " * (rank - 1)}8)
    >>> fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}).ravel()
    array([{"1., 3., 5., 7." if word == "max" else "0., 2., 4., 6."}])
    """

    def fill(values, positions, shape):
        return scatter_gradient(f"{name}_backward", rank, values, positions, shape)

    def choose(grad_output, indices, input_shape, *, layout="NCHW"):
        return _core.ChosenCells(grad_output, indices, input_shape, fill) if layout == "NCHW" else None

    @pool.op.gradient(choose=choose)
    def backward(grad_output, indices, input_shape, *, layout="NCHW"):
        return scatter_gradient(f"{name}_backward", rank, grad_output, indices, input_shape, layout)

    backward.__doc__ = f"""Gradient of {name}, of `input_shape`: grad_output added up at `indices`.

    indices: as {name} returns them with return_indices=True; each is checked. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> x = np.arange(8.0).reshape(1, 1, {"1, " * (rank - 1)}8)
    >>> y, indices = fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}, return_indices=True)
    >>> fastconv.{name}_backward(np.ones_like(y), indices, x.shape).ravel()
    array([{"0., 1., 0., 1., 0., 1., 0., 1." if word == "max" else "1., 0., 1., 0., 1., 0., 1., 0."}])
    """


def _bind_mean(rank):
    name = f"avg_pool{rank}d"

    @op("input", name=name)
    def pool(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
             divisor_override=None, *, layout="NCHW", out=None):
        parameters = ((kernel_size, stride, padding), ceil_mode, count_include_pad, divisor_override, layout)
        saved = (input.shape, kernel_size, stride, padding, *parameters[1:-1], {"layout": layout})
        return _mean(name, rank, input, *parameters, out), saved

    pool.__doc__ = f"""The mean of each window of `input`.

    output[n, c, o] = sum over r < kernel_size of input[n, c, o * stride - padding + r] / size, samples
    outside counting as 0; size is the number of cells of the window, those of padding counted if
    count_include_pad, or divisor_override.

    Shapes, kernel_size, stride, padding, ceil_mode, layout and out are as in max_pool{rank}d. The windows'
    sums do not drift: a huge value or a NaN leaves no trace outside its windows.

    {RAISES}

    Source: the semantics of torch.nn.functional.avg_pool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.arange(8.0).reshape(1, 1, {"1, " * (rank - 1)}8)
    >>> fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}).ravel()
    array([0.5, 2.5, 4.5, 6.5])
    """

    @pool.gradient
    def backward(grad_output, input_shape, kernel_size, stride=None, padding=0, ceil_mode=False,
                 count_include_pad=True, divisor_override=None, *, layout="NCHW"):
        window = (kernel_size, stride, padding)
        return _mean_backward(f"{name}_backward", rank, grad_output, input_shape, window, ceil_mode,
                              count_include_pad, divisor_override, layout)

    backward.__doc__ = f"""Gradient of {name} with respect to its input, of shape `input_shape`.

    The other arguments are those of {name}; grad_output is shaped as its result. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> fastconv.{name}_backward(np.ones((1, 1{", 2" * rank})), (1, 1{", 4" * rank}), 2).max()
    np.float64({1 / 2**rank})
    """


def _bind_power(rank):
    name = f"lp_pool{rank}d"

    # Sum of the p-th powers of each window; one cut by the edge counts as if it were whole, as in PyTorch.
    def power_sum(name, input, p, kernel_size, stride, ceil_mode, layout):
        powers = input if p == 1 else raised(input, p)
        mean = _mean(name, rank, powers, (kernel_size, stride, 0), ceil_mode, True, None, layout, None)
        return mean, window_cells(name, kernel_size)

    def window_cells(name, kernel_size):
        kernel = rules.window_parameters(name, rank, kernel_size, None, 0, 1)[0]
        return float(kernel) ** rank if type(kernel) is int else float(np.prod(kernel, dtype=float))

    # The largest magnitude for p = inf, the smallest for p = -inf.
    def magnitude(name, x, p, kernel_size, stride, ceil_mode, layout, out, indexed):
        kind, window = MAX if p > 0 else MIN, (kernel_size, stride, 0, 1)
        return _extreme(name, rank, kind, np.abs(x), window, ceil_mode, layout, out, indexed)

    @op("input", name=name, quiet=True)
    def pool(input, norm_type, kernel_size, stride=None, ceil_mode=False, *, layout="NCHW", out=None):
        p = rules.power(name, norm_type)
        x = plain_array(name, input)
        saved = (input, norm_type, kernel_size, stride, ceil_mode, {"layout": layout})
        if np.isinf(p):
            return magnitude(name, x, p, kernel_size, stride, ceil_mode, layout, out, False)[0], saved
        mean, cells = power_sum(name, x, p, kernel_size, stride, ceil_mode, layout)
        result = mean if out is None else new_output(name, out, mean.shape, x.dtype, input)
        np.multiply(mean, x.dtype.type(cells), out=result)
        return result if p == 1 else raised(result, 1 / p, result), saved

    pool.__doc__ = f"""The p-norm of each window of `input`, p = norm_type: (sum of x**p) ** (1 / p).

    p = inf takes the largest |x|, -inf the smallest. No |x| is taken otherwise: an odd p may give a negative
    sum, whose root is NaN unless p is 1. With ceil_mode a window that the edge cuts is scaled up to a whole one.
    Shapes, kernel_size, stride, ceil_mode, layout and out are as in max_pool{rank}d.

    {RAISES}

    Source: the semantics of torch.nn.functional.lp_pool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.array([3.0, 4.0]).reshape(1, 1, {"1, " * (rank - 1)}2)
    >>> fastconv.{name}(x, 2, {(1,) * (rank - 1) + (2,)}).ravel()
    array([5.])
    """

    # d/dx (sum x**p) ** (1/p) = (sum) ** (1/p - 1) * x ** (p - 1); 0 where the sum is 0.
    @pool.gradient
    def backward(grad_output, input, norm_type, kernel_size, stride=None, ceil_mode=False, *, layout="NCHW"):
        back = f"{name}_backward"
        p = rules.power(back, norm_type)
        grad_output, x = (contiguous(a) for a in arrays(back, grad_output=grad_output, input=input))
        if np.isinf(p):
            _, indices = magnitude(back, x, p, kernel_size, stride, ceil_mode, layout, None, True)
            return scatter_gradient(back, rank, grad_output, indices, x.shape, layout) * np.sign(x)
        total, cells = power_sum(back, x, p, kernel_size, stride, ceil_mode, layout)
        same_shape(back, "grad_output", grad_output, total.shape)
        total *= x.dtype.type(cells)
        slope = np.where(total != 0, raised(total, 1 / p - 1), total) * grad_output
        window = (kernel_size, stride, 0)
        slope *= x.dtype.type(cells)
        spread = _mean_backward(back, rank, slope, x.shape, window, ceil_mode, True, None, layout)
        return spread if p == 1 else np.multiply(spread, raised(x, p - 1), out=spread)

    backward.__doc__ = f"""Gradient of {name}; 0 where the sum of a window is 0.

    The arguments are those of {name}; grad_output is shaped as its result. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> x = np.array([3.0, 4.0]).reshape(1, 1, {"1, " * (rank - 1)}2)
    >>> fastconv.{name}_backward(np.ones((1, 1{", 1" * rank})), x, 2, {(1,) * (rank - 1) + (2,)}).ravel()
    array([0.6, 0.8])
    """


for _rank in (1, 2, 3):
    _bind_extreme(_rank, MAX, "max", "maximum")
    _bind_extreme(_rank, MIN, "min", "minimum")
    _bind_mean(_rank)
    _bind_power(_rank)
