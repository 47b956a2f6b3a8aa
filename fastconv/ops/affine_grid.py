"""Grids of places for grid_sample, from affine maps."""

import numpy as np

from ..geometry.arrays import as_array, ndarray, new_output, same_dtype, shape_only
from ..geometry.elementwise import same_shape
from ..geometry.resample import affine
from ..op import op


# For each spatial axis of `sizes`, the last first as in a grid: the coordinates of its cells, shaped to broadcast over
# all cells. -1 and 1 are the centres of the corner cells, or their outer edges.
def _coordinates(sizes: tuple[int, ...], align_corners: bool, dtype: np.dtype) -> list[ndarray]:
    rank, result = len(sizes), []
    for axis, n in reversed(list(enumerate(sizes))):
        places = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        places = places if align_corners else places * ((n - 1) / n)
        result.append(places.astype(dtype).reshape(tuple(-1 if i == axis else 1 for i in range(rank))))
    return result


@op("theta")
def affine_grid(theta, size, align_corners=None, *, out=None):
    """Where each cell of the result comes from, for `grid_sample`: theta · (x, y, 1).

    theta (N, 2, 3) with size (N, C, H, W) -> (N, H, W, 2); theta (N, 3, 4) with size (N, C, D, H, W) ->
    (N, D, H, W, 3). align_corners: as in grid_sample. Raises ValueError for shapes that do not fit. Source: Jaderberg
    et al. 2015, Spatial Transformer Networks; torch.nn.functional.affine_grid.

    >>> import numpy as np
    >>> affine_grid(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]]), (1, 1, 1, 2))
    array([[[[-0.5,  0.5],
             [ 0.5,  0.5]]]])
    """
    theta, sizes, align = affine("affine_grid", theta, size, align_corners)
    spatial, rank = sizes[2:], len(sizes) - 2
    out = new_output("affine_grid", out, (sizes[0], *spatial, rank), theta.dtype, theta)
    columns = theta.reshape(sizes[0], *(1,) * rank, rank, rank + 1)
    out[...] = columns[..., rank]
    for i, places in enumerate(_coordinates(spatial, align, theta.dtype)):
        out += places[..., None] * columns[..., i]
    return out, (shape_only(theta), size, align_corners)


@affine_grid.gradient
def affine_grid_backward(grad_output, theta, size, align_corners=None):
    """Gradient of `affine_grid` for theta.

    >>> import numpy as np
    >>> affine_grid_backward(np.ones((1, 1, 2, 2)), np.zeros((1, 2, 3)), (1, 1, 1, 2))
    array([[[0., 0., 2.],
            [0., 0., 2.]]])
    """
    name = "affine_grid_backward"
    theta, sizes, align = affine(name, theta, size, align_corners)
    spatial, rank = sizes[2:], len(sizes) - 2
    g = as_array(name, "grad_output", grad_output)
    same_shape(name, "grad_output", g, (sizes[0], *spatial, rank))
    same_dtype(name, theta=theta, grad_output=g)
    cells, grad = tuple(range(1, rank + 1)), np.empty(theta.shape, np.float64)
    for i, places in enumerate(_coordinates(spatial, align, theta.dtype)):
        grad[..., i] = (g * places[..., None]).sum(cells, np.float64)
    grad[..., rank] = g.sum(cells, np.float64)
    return grad.astype(theta.dtype)
