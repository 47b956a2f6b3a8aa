"""Pooling: windows are visited one by one, planes (batch and channels) at once."""

import itertools
import math

import numpy as np

from .shapes import batched, per_axis


def pool_extent(extent, kernel, stride, padding, dilation, ceil_mode):
    """Number of windows of an axis; with ceil_mode the last must start in the input or its left padding."""
    free = extent + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return free // stride + 1
    count = -(-free // stride) + 1
    return count - 1 if (count - 1) * stride >= extent + padding else count


def axis_windows(extent, kernel, stride, padding, dilation, ceil_mode):
    """For each window along an axis: its input positions, and its length counting padding."""
    windows = []
    for o in range(pool_extent(extent, kernel, stride, padding, dilation, ceil_mode)):
        start = o * stride - padding
        inside = [i for i in range(start, start + kernel * dilation, dilation) if 0 <= i < extent]
        windows.append((inside, min(start + kernel, extent + padding) - start))
    return windows


def reduce_windows(input, axes, reduce):
    """Apply reduce(values (N, C, window), positions, size with padding) -> (N, C) to every window."""
    rank = len(axes)
    input, added = batched(input, rank)
    spatial = input.shape[2:]
    flat = input.reshape(*input.shape[:2], math.prod(spatial))
    positions = np.arange(math.prod(spatial)).reshape(spatial)
    results = []
    for window in itertools.product(*axes):
        chosen = positions[np.ix_(*(inside for inside, _ in window))].ravel()
        results.append(reduce(flat[:, :, chosen], chosen, math.prod(size for _, size in window)))
    result = np.stack(results, -1).reshape(*input.shape[:2], *map(len, axes))
    return result[0] if added else result


def pool_axes(input, kernel_size, stride, padding, dilation, ceil_mode, rank):
    per = [
        per_axis(v, rank) for v in (kernel_size, kernel_size if stride is None else stride, padding, dilation)
    ]
    return [axis_windows(x, *axis, ceil_mode) for x, *axis in zip(input.shape[-rank:], *per)]


def chosen_positions(input, axes, choose):
    def reduce(values, positions, size):
        last_nan = values.shape[-1] - 1 - np.isnan(values)[..., ::-1].argmax(-1)
        return positions[np.where(np.isnan(values).any(-1), last_nan, choose(values, -1))]

    return reduce_windows(input, axes, reduce)


def gather(input, indices, rank):
    flat = input.reshape(*input.shape[:-rank], math.prod(input.shape[-rank:]))
    chosen = indices.reshape(*flat.shape[:-1], math.prod(indices.shape[-rank:]))
    return np.take_along_axis(flat, chosen, -1).reshape(indices.shape)


def extreme_pool(rank, choose):
    """Max (choose = argmax) or min pooling; the first extreme wins ties, the last NaN wins over all."""

    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        axes = pool_axes(input, kernel_size, stride, padding, dilation, ceil_mode, rank)
        indices = chosen_positions(input, axes, choose)
        result = gather(input, indices, rank)
        return (result, indices) if return_indices else result

    return pool


def average_pool(rank):
    def pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        def mean(values, positions, size):
            return values.sum(-1) / (divisor_override or (size if count_include_pad else len(positions)))

        axes = pool_axes(input, kernel_size, stride, padding, 1, ceil_mode, rank)
        return reduce_windows(input, axes, mean)

    return pool


def power_pool(rank):
    """(sum of x^p)^(1/p) over each window; one cut by the edge is scaled up to a whole one, as in PyTorch."""

    def pool(input, norm_type, kernel_size, stride=None, ceil_mode=False):
        whole = math.prod(per_axis(kernel_size, rank))

        def norm(values, positions, size):
            if np.isinf(norm_type):
                return np.abs(values).max(-1) if norm_type > 0 else np.abs(values).min(-1)
            return ((values**norm_type).sum(-1) / size * whole) ** (1 / norm_type)

        axes = pool_axes(input, kernel_size, stride, 0, 1, ceil_mode, rank)
        return reduce_windows(input, axes, norm)

    return pool


def adaptive_axes(input, output_size, rank):
    """Window i of O covers floor(i X / O) to ceil((i + 1) X / O)."""
    axes = []
    for extent, out in zip(input.shape[-rank:], per_axis(output_size, rank)):
        out = extent if out is None else out
        bounds = [(i * extent // out, -(-(i + 1) * extent // out)) for i in range(out)]
        axes.append([(list(range(*bound)), bound[1] - bound[0]) for bound in bounds])
    return axes


def adaptive_average(rank):
    def pool(input, output_size):
        return reduce_windows(input, adaptive_axes(input, output_size, rank), lambda v, *_: v.mean(-1))

    return pool


def adaptive_maximum(rank):
    def pool(input, output_size, return_indices=False):
        indices = chosen_positions(input, adaptive_axes(input, output_size, rank), np.argmax)
        result = gather(input, indices, rank)
        return (result, indices) if return_indices else result

    return pool


def unpool(rank):
    def unpooled(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        per = [per_axis(v, rank) for v in (kernel_size, kernel_size if stride is None else stride, padding)]
        spatial = [(x - 1) * s - 2 * p + k for x, k, s, p in zip(input.shape[-rank:], *per)]
        if output_size is not None:
            spatial = list(output_size)[-rank:]
        planes = input.shape[:-rank]
        result = np.zeros((*planes, math.prod(spatial)))
        np.put_along_axis(result, indices.reshape(*planes, -1), input.reshape(*planes, -1), -1)
        return result.reshape(*planes, *spatial)

    return unpooled


for _rank in (1, 2, 3):
    globals()[f"max_pool{_rank}d"] = extreme_pool(_rank, np.argmax)
    globals()[f"min_pool{_rank}d"] = extreme_pool(_rank, np.argmin)
    globals()[f"avg_pool{_rank}d"] = average_pool(_rank)
    globals()[f"lp_pool{_rank}d"] = power_pool(_rank)
    globals()[f"adaptive_avg_pool{_rank}d"] = adaptive_average(_rank)
    globals()[f"adaptive_max_pool{_rank}d"] = adaptive_maximum(_rank)
    globals()[f"max_unpool{_rank}d"] = unpool(_rank)


def global_avg_pool(input):
    axes = tuple(range(2, input.ndim))
    return input.mean(axes, keepdims=True)


def global_max_pool(input):
    axes = tuple(range(2, input.ndim))
    return input.max(axes, keepdims=True)
