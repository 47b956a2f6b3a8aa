"""What a contender's result is checked against: the same problem on float64 arrays, in NumPy alone."""

from math import prod

import numpy as np

import im2col

TOLERANCE = 32  # in eps * max sum |x||w|


class Oracle:
    """The exact result of one problem and the scale of its rounding errors, max sum |x||w|."""

    def __init__(self, problem):
        self.exact = solve(problem.map(np.float64))
        self.scale = solve(problem.map(lambda array: np.abs(array).astype(np.float64))).max()

    def error(self, result):
        """The largest error in units of eps * scale; infinite for a wrong shape or a NaN."""
        result = np.asarray(result)
        if result.shape != self.exact.shape:
            return np.inf
        error = np.abs(result - self.exact).max() / (np.finfo(result.dtype).eps * self.scale)
        return float(error) if np.isfinite(error) else np.inf


def solve(problem):
    layer = problem.layer
    one_to_one = layer.op == "conv" and layer.groups == layer.in_channels == layer.out_channels
    unit = set(layer.stride) == set(layer.dilation) == {1}
    if problem.mode == "forward" and one_to_one and unit and prod(layer.kernel_size) > 200:
        return correlate_by_fft(layer, problem.arrays["input"], problem.arrays["weight"])
    return im2col.run(problem)


# x (N, C, *I), weight (C, 1, *kernel) -> (N, C, *O): columns of a large kernel would not fit in memory.
def correlate_by_fft(layer, x, weight):
    axes = tuple(range(2, x.ndim))
    size = [n + k - 1 for n, k in zip(layer.spatial, layer.kernel_size, strict=True)]
    flipped = np.flip(weight[:, 0], tuple(a - 1 for a in axes))
    product = np.fft.rfftn(x, size, axes) * np.fft.rfftn(flipped, size, tuple(a - 1 for a in axes))
    starts = (k - 1 - p for k, p in zip(layer.kernel_size, layer.padding, strict=True))
    crop = (slice(a, a + n) for a, n in zip(starts, layer.output_shape[2:], strict=True))
    return np.fft.irfftn(product, size, axes)[(..., *crop)]
