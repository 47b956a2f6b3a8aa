"""Convolution and pooling in NumPy alone, as textbooks write them: im2col, one matrix product, col2im.

It is a contender in the tables and the oracle (on float64 arrays) that every contender is checked against.
A transposed convolution is the input gradient of the convolution that maps its output to its input.
"""

from itertools import product
from math import prod

import numpy as np


def run(problem):
    """The result of `problem`, a layer in one mode with its arrays."""
    layer, mode, arrays = problem.layer, problem.mode, problem.arrays
    x, grad = arrays["input"], arrays["grad_output"]
    if layer.op == "conv":
        if mode == "forward":
            return correlate(layer, x, arrays["weight"])
        if mode == "grad_input":
            return scatter(layer, grad, arrays["weight"], layer.input_shape)
        return weight_gradient(layer, x, grad)
    if layer.op == "conv_transpose":
        if mode == "forward":
            return scatter(layer, x, arrays["weight"], layer.output_shape)
        if mode == "grad_input":
            return correlate(layer, grad, arrays["weight"])
        return weight_gradient(layer, grad, x)
    if mode == "forward":
        return pool(layer, x)
    if layer.op == "max_pool":
        return spread_indices(layer, grad, arrays["indices"])
    return spread_mean(layer, grad)


# x (N, C, *I) -> one slice of the padded input per kernel tap, each (N, C, *O).
def windows(layer, x, out_spatial):
    padding = [(0, 0), (0, 0), *((p, p) for p in layer.padding)]
    fill = -np.inf if layer.op == "max_pool" else 0
    padded = np.pad(x, padding, constant_values=fill) if any(layer.padding) else x
    return [padded[tap] for tap in taps(layer, out_spatial)]


def taps(layer, out_spatial):
    """For each kernel tap, the index of a padded input that picks the elements it meets."""
    for offset in product(*map(range, layer.kernel_size)):
        axes = zip(offset, layer.dilation, layer.stride, out_spatial, strict=True)
        yield (..., *(slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, s, n in axes))


# x (N, C, *I) -> columns (N, G, C / G * T, prod(O)) for T kernel taps.
def columns(layer, x, out_spatial):
    cols = np.stack(windows(layer, x, out_spatial), axis=2)
    return cols.reshape(len(x), layer.groups, -1, prod(out_spatial))


# x (N, C, *I), weight (K, C / G, *kernel) -> (N, K, *O)
def correlate(layer, x, weight):
    out_spatial = (layer.output_shape if layer.op == "conv" else layer.input_shape)[2:]
    rows = weight.reshape(layer.groups, len(weight) // layer.groups, -1)
    return (rows @ columns(layer, x, out_spatial)).reshape(len(x), len(weight), *out_spatial)


# grad (N, K, *O), weight (K, C / G, *kernel) -> (N, C, *I)
def scatter(layer, grad, weight, shape):
    batch, _, *out_spatial = grad.shape
    rows = weight.reshape(layer.groups, len(weight) // layer.groups, -1)
    grads = grad.reshape(batch, layer.groups, rows.shape[1], -1)
    cols = (rows.swapaxes(1, 2) @ grads).reshape(batch, shape[1], -1, *out_spatial)
    return add_windows(layer, np.moveaxis(cols, 2, 0), shape)


# x (N, C, *I), grad (N, K, *O) -> (K, C / G, *kernel)
def weight_gradient(layer, x, grad):
    cols = columns(layer, x, grad.shape[2:])
    grads = grad.reshape(len(x), layer.groups, -1, cols.shape[-1])
    return (grads @ cols.swapaxes(2, 3)).sum(0).reshape(layer.weight_shape)


# Adds values (T, N, C, *O), one array per kernel tap, to where each tap reads: (N, C, *I).
def add_windows(layer, values, shape):
    out_spatial = values[0].shape[2:]
    padded = np.zeros(
        (*shape[:2], *(n + 2 * p for n, p in zip(shape[2:], layer.padding, strict=True))), values[0].dtype
    )
    for tap, value in zip(taps(layer, out_spatial), values, strict=True):
        padded[tap] += value
    crop = (slice(p, p + n) for n, p in zip(shape[2:], layer.padding, strict=True))
    return np.ascontiguousarray(padded[(..., *crop)])


def pool(layer, x):
    views = windows(layer, x, layer.output_shape[2:])
    combine = np.maximum if layer.op == "max_pool" else np.add
    out = views[0].copy()
    for view in views[1:]:
        combine(out, view, out=out)
    if layer.op != "max_pool":
        out /= len(views)
    return out


def spread_mean(layer, grad):
    share = grad / grad.dtype.type(prod(layer.kernel_size))
    return add_windows(layer, [share] * prod(layer.kernel_size), layer.input_shape)


# grad, indices (N, C, *O): indices are flat within each input plane.
def spread_indices(layer, grad, indices):
    planes, size = prod(layer.input_shape[:2]), prod(layer.spatial)
    flat = (indices.reshape(planes, -1) + np.arange(planes)[:, None] * size).ravel()
    return np.bincount(flat, grad.ravel(), planes * size).astype(grad.dtype).reshape(layer.input_shape)


def max_indices(layer, x):
    """Where each window of max pooling finds its maximum: int64 (N, C, *O), flat within each input plane."""
    positions = np.arange(prod(layer.spatial), dtype=np.float64).reshape(1, 1, *layer.spatial)
    places = windows(layer, positions, layer.output_shape[2:])
    best = np.full(layer.output_shape, -np.inf, x.dtype)
    indices = np.zeros(layer.output_shape, np.int64)
    for view, place in zip(windows(layer, x, layer.output_shape[2:]), places, strict=True):
        better = view > best
        np.copyto(best, view, where=better)
        np.copyto(indices, place, where=better, casting="unsafe")
    return indices
