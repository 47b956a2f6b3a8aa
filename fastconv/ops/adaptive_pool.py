"""Pooling to a given size, over whole planes, and back to given places: forward beside its gradient."""

import math

from .. import _core
from ..geometry import pool as rules
from ..geometry.arguments import choice, flag
from ..geometry.arrays import allocate, arrays, contiguous, index_array, new_output
from ..geometry.conv import same_shape, shape_argument
from ..op import op
from .layout import LAYOUTS, channels_first
from .pool import (
    AXES,
    MAX,
    MEAN,
    RAISES,
    kernel_array,
    mean_gradient,
    moved,
    native,
    plain_array,
    run,
    scatter_gradient,
)


def _adaptive(name, rank, kind, input, output_size, layout, out, indexed):
    x = kernel_array(name, rank, layout, input)
    size = rules.output_size(name, rank, output_size)
    geometry, shape = rules.adaptive_geometry(name, rank, x.shape, size, native(layout, rank))
    return run(name, rank, kind, geometry, x, shape, layout, out, indexed)


def _bind_adaptive_mean(rank):
    name = f"adaptive_avg_pool{rank}d"

    @op("input", name=name)
    def pool(input, output_size, *, layout="NCHW", out=None):
        result, _ = _adaptive(name, rank, MEAN, input, output_size, layout, out, False)
        return result, (input.shape, output_size, {"layout": layout})

    pool.__doc__ = f"""The means of windows chosen so that the result has `output_size`.

    Window o of O covers cells floor(o X / O) up to ceil((o + 1) X / O) of an axis of X cells.

    input (N, C, {AXES[rank]}) or (C, {AXES[rank]}); output_size: int, or one per axis, None for the input's
    extent. layout: 'NHWC' takes and gives channels last. out: array to write to.

    {RAISES}

    Source: the semantics of torch.nn.functional.adaptive_avg_pool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.arange(5.0).reshape(1, 1, {"1, " * (rank - 1)}5)
    >>> fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}).ravel()
    array([1., 3.])
    """

    @pool.gradient
    def backward(grad_output, input_shape, output_size, *, layout="NCHW"):
        back = f"{name}_backward"
        choice(back, "layout", layout, LAYOUTS)
        (grad_output,) = arrays(back, grad_output=grad_output)
        shape = shape_argument(back, "input_shape", input_shape)
        reorder = layout != native(layout, rank)
        if reorder:
            shape = moved(shape, rank, layout)
            grad_output = channels_first(back, rank, grad_output) if grad_output.ndim >= 4 else grad_output
        size = rules.output_size(back, rank, output_size)
        geometry, expected = rules.adaptive_geometry(back, rank, shape, size, native(layout, rank))
        return mean_gradient(back, rank, geometry, grad_output, expected, shape, reorder)

    backward.__doc__ = f"""Gradient of {name} with respect to its input, of shape `input_shape`.

    The other arguments are those of {name}; grad_output is shaped as its result. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> fastconv.{name}_backward(np.ones((1, 1{", 1" * rank})), (1, 1{", 4" * rank}), 1).max()
    np.float64({1 / 4**rank})
    """


def _bind_adaptive_max(rank):
    name = f"adaptive_max_pool{rank}d"

    def recorded(input, output_size, return_indices=False, *, layout="NCHW", out=None):
        asked = flag(name, "return_indices", return_indices)
        result, indices = _adaptive(name, rank, MAX, input, output_size, layout, out, True)
        return ((result, indices) if asked else result), (indices, input.shape, {"layout": layout})

    @op("input", name=name, recorded=recorded)
    def pool(input, output_size, return_indices=False, *, layout="NCHW", out=None):
        asked = flag(name, "return_indices", return_indices)
        both = _adaptive(name, rank, MAX, input, output_size, layout, out, asked)
        return (both if asked else both[0]), ()

    pool.__doc__ = f"""The maxima of windows chosen so that the result has `output_size`; a NaN wins.

    Windows, shapes, output_size, layout and out are as in adaptive_avg_pool{rank}d. return_indices:
    (result, indices), the first maximum's position in its channel's plane, flat, int64.

    {RAISES}

    Source: the semantics of torch.nn.functional.adaptive_max_pool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.arange(5.0).reshape(1, 1, {"1, " * (rank - 1)}5)
    >>> fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}).ravel()
    array([2., 4.])
    """

    @pool.gradient
    def backward(grad_output, indices, input_shape, *, layout="NCHW"):
        return scatter_gradient(f"{name}_backward", rank, grad_output, indices, input_shape, layout)

    backward.__doc__ = f"""Gradient of {name}, of `input_shape`: grad_output added up at `indices`.

    indices: as {name} returns them with return_indices=True; each is checked. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> x = np.arange(5.0).reshape(1, 1, {"1, " * (rank - 1)}5)
    >>> y, indices = fastconv.{name}(x, {(1,) * (rank - 1) + (2,)}, return_indices=True)
    >>> fastconv.{name}_backward(np.ones_like(y), indices, x.shape).ravel()
    array([0., 0., 1., 0., 1.])
    """


def _bind_unpool(rank):
    name = f"max_unpool{rank}d"

    def prepare(name, indices, shape, kernel_size, stride, padding, output_size):
        kernel, stride, padding, _ = rules.window_parameters(name, rank, kernel_size, stride, padding, 1)
        asked = None if output_size is None else shape_argument(name, "output_size", output_size)
        full = rules.unpool_shape(name, rank, shape, kernel, stride, padding, asked)
        indices = index_array(name, "indices", indices)
        same_shape(name, "indices", indices, shape)
        return contiguous(indices), full, math.prod(shape[:-rank])

    @op("input", name=name, constants=("indices",))
    def unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None, *, out=None):
        x = plain_array(name, input)
        given = indices
        indices, shape, planes = prepare(name, indices, x.shape, kernel_size, stride, padding, output_size)
        result = new_output(name, out, shape, x.dtype, input, given)
        if not _core.pool_scatter(planes, x, indices, result, False):
            rules.refuse_indices(name, indices, math.prod(shape[-rank:]))
        return result, (input, indices, kernel_size, stride, padding, output_size)

    unpool.__doc__ = f"""Puts values back where max_pool{rank}d found them, zeros elsewhere.

    input (N, C, {AXES[rank]}) or (C, {AXES[rank]}); indices, of the same shape, are those of
    max_pool{rank}d with return_indices=True; if two are equal the later one counts. Each extent of the
    result is (extent - 1) stride - 2 padding + kernel_size, or as output_size says, which must be less than
    a stride from that. out: array to write to.

    {RAISES}

    Source: the semantics of torch.nn.functional.max_unpool{rank}d.

    >>> import numpy as np, fastconv
    >>> x = np.array([3.0, 1.0, 2.0, 4.0]).reshape(1, 1, {"1, " * (rank - 1)}4)
    >>> window = {(1,) * (rank - 1) + (2,)}
    >>> fastconv.{name}(*fastconv.max_pool{rank}d(x, window, return_indices=True), window).ravel()
    array([3., 0., 0., 4.])
    """

    @unpool.gradient
    def backward(grad_output, input, indices, kernel_size, stride=None, padding=0, output_size=None):
        back = f"{name}_backward"
        grad_output, x = (contiguous(a) for a in arrays(back, grad_output=grad_output, input=input))
        indices, shape, planes = prepare(back, indices, x.shape, kernel_size, stride, padding, output_size)
        same_shape(back, "grad_output", grad_output, shape)
        result = allocate(back, x.shape, x.dtype)
        if not _core.pool_gather(planes, grad_output, indices, result):
            rules.refuse_indices(back, indices, math.prod(shape[-rank:]))
        return result

    backward.__doc__ = f"""Gradient of {name} with respect to its input: grad_output at `indices`.

    The arguments are those of {name}; grad_output is shaped as its result. Raises as {name} does.

    >>> import numpy as np, fastconv
    >>> x, i = np.ones((1, 1{", 1" * rank})), np.full((1, 1{", 1" * rank}), {2**rank - 1})
    >>> fastconv.{name}_backward(np.full((1, 1{", 2" * rank}), 5.0), x, i, 2).item()
    5.0
    """


# Planes as one axis each: (N, C, cells) or, channels last, (N, cells, C).
def _flat(name, shape, layout):
    choice(name, "layout", layout, LAYOUTS)
    rules.whole_planes(name, shape)
    spatial = shape[2:] if layout == "NCHW" else shape[1:-1]
    cells, ones = math.prod(spatial), (1,) * len(spatial)
    if layout == "NCHW":
        return (*shape[:2], cells), (*shape[:2], *ones)
    return (shape[0], cells, shape[-1]), (shape[0], *ones, shape[-1])


def _global(name, kind, input, layout, out, indexed):
    x = plain_array(name, input)
    flat, shape = _flat(name, x.shape, layout)
    if out is not None:
        out = new_output(name, out, shape, x.dtype, input).reshape(
            (*flat[:2], 1) if layout == "NCHW" else (flat[0], 1, flat[2])
        )
    result, indices = _adaptive(name, 1, kind, x.reshape(flat), 1, layout, out, indexed)
    return result.reshape(shape), indices


@op("input")
def global_avg_pool(input, *, layout="NCHW", out=None):
    """The mean of each channel's plane, as a plane of one cell.

    input (N, C, L), (N, C, H, W) or (N, C, D, H, W); result (N, C, 1...). layout: 'NHWC' takes and gives
    channels last. out: array to write to.

    Raises TypeError for dtypes other than float32 and float64, ValueError for other shapes.

    Source: Lin, Chen and Yan 2013, Network in Network; ONNX GlobalAveragePool.

    >>> import numpy as np, fastconv
    >>> fastconv.global_avg_pool(np.arange(4.0).reshape(1, 1, 2, 2))
    array([[[[1.5]]]])
    """
    result, _ = _global("global_avg_pool", MEAN, input, layout, out, False)
    return (result if out is None else out), (input.shape, {"layout": layout})


@global_avg_pool.gradient
def global_avg_pool_backward(grad_output, input_shape, *, layout="NCHW"):
    """Gradient of global_avg_pool, of `input_shape`: grad_output / cells everywhere.

    grad_output is shaped as the result of global_avg_pool. Raises as that does.

    >>> import numpy as np, fastconv
    >>> fastconv.global_avg_pool_backward(np.ones((1, 1, 1, 1)), (1, 1, 2, 2))
    array([[[[0.25, 0.25],
             [0.25, 0.25]]]])
    """
    name = "global_avg_pool_backward"
    (grad_output,) = arrays(name, grad_output=grad_output)
    input_shape = shape_argument(name, "input_shape", input_shape)
    flat, expected = _flat(name, input_shape, layout)
    same_shape(name, "grad_output", grad_output, expected)
    geometry, shape = rules.adaptive_geometry(name, 1, flat, (1,), layout)
    grad_output = contiguous(grad_output).reshape(shape)
    return mean_gradient(name, 1, geometry, grad_output, shape, flat, False).reshape(input_shape)


@op("input")
def global_max_pool(input, *, layout="NCHW", out=None):
    """The maximum of each channel's plane, as a plane of one cell; a NaN wins.

    Shapes, layout and out are as in global_avg_pool. The gradient goes to the first maximum.

    Raises TypeError for dtypes other than float32 and float64, ValueError for other shapes.

    Source: ONNX GlobalMaxPool.

    >>> import numpy as np, fastconv
    >>> fastconv.global_max_pool(np.arange(4.0).reshape(1, 1, 2, 2))
    array([[[[3.]]]])
    """
    result, _ = _global("global_max_pool", MAX, input, layout, out, False)
    return (result if out is None else out), (input, {"layout": layout})


@global_max_pool.gradient
def global_max_pool_backward(grad_output, input, *, layout="NCHW"):
    """Gradient of global_max_pool: grad_output at the first maximum of each plane, zeros elsewhere.

    grad_output is shaped as the result of global_max_pool. Raises as that does.

    >>> import numpy as np, fastconv
    >>> fastconv.global_max_pool_backward(np.ones((1, 1, 1, 1)), np.arange(4.0).reshape(1, 1, 2, 2))
    array([[[[0., 0.],
             [0., 1.]]]])
    """
    name = "global_max_pool_backward"
    grad_output, x = (contiguous(a) for a in arrays(name, grad_output=grad_output, input=input))
    flat, expected = _flat(name, x.shape, layout)
    same_shape(name, "grad_output", grad_output, expected)
    _, indices = _global(name, MAX, x, layout, None, True)
    return scatter_gradient(name, 1, grad_output.reshape(indices.shape), indices, flat, layout).reshape(
        x.shape
    )


for _rank in (1, 2, 3):
    _bind_adaptive_mean(_rank)
    _bind_adaptive_max(_rank)
    _bind_unpool(_rank)
