"""Convolution as three sums over filter taps: correlate, and its transposes in the input and in the weight.

They compute in the dtype they are given, so int64 arrays give exact results.
"""

import itertools
import math

import numpy as np

from . import activation as activations
from .shapes import batched, per_axis

ALL = slice(None)


def conv_padding(padding, kernel, dilation):
    """(before, after) of each axis; 'same' puts the odd cell after, as PyTorch does."""
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
        return [(t // 2, t - t // 2) for t in totals]
    return [p if isinstance(p, tuple) else (p, p) for p in per_axis(padding, len(kernel))]


def tap_views(padded, kernel, out, stride, dilation):
    """For each filter tap, the (N, C, *out) view of the padded input that it multiplies."""
    for tap in itertools.product(*map(range, kernel)):
        spatial = (slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, out, stride))
        yield tap, padded[(ALL, ALL, *spatial)]


def split(array, axis, groups):
    """Expose the groups of a channel axis: (…, C, …) -> (…, G, C / G, …)."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def matrices(array, groups):
    """(N, C, …) as matrices of channels x pixels: (N, G, C / G, pixels)."""
    return split(array.reshape(*array.shape[:2], math.prod(array.shape[2:])), 1, groups)


def whole_batch(array, groups):
    """The same with the pixels of all samples in a row: (G, C / G, N * pixels)."""
    samples, channels, *spatial = array.shape
    return split(array.swapaxes(0, 1).reshape(channels, samples * math.prod(spatial)), 0, groups)


def correlate(padded, weight, out, stride, dilation, groups):
    """y[n, k, o] = sum over c, r of w[k, c, r] x[n, c, o * stride + r * dilation]."""
    w = split(weight, 0, groups)
    y = np.zeros((len(padded), groups, w.shape[1], math.prod(out)), np.result_type(padded, weight))
    for tap, view in tap_views(padded, weight.shape[2:], out, stride, dilation):
        y += w[(ALL, ALL, ALL, *tap)] @ matrices(view, groups)
    return y.reshape(len(padded), len(weight), *out)


def scatter(grad, weight, padded_shape, stride, dilation, groups):
    """The transpose of correlate in x: x[n, c, o * stride + r * dilation] += w[k, c, r] g[n, k, o]."""
    w, g = split(weight, 0, groups).swapaxes(1, 2), matrices(grad, groups)
    padded = np.zeros(padded_shape, np.result_type(grad, weight))
    for tap, view in tap_views(padded, weight.shape[2:], grad.shape[2:], stride, dilation):
        view += (w[(ALL, ALL, ALL, *tap)] @ g).reshape(view.shape)
    return padded


def gram(grad, padded, weight_shape, stride, dilation, groups):
    """The transpose of correlate in w: w[k, c, r] = sum of g[n, k, o] x[n, c, o * stride + r * dilation]."""
    weight = np.zeros(weight_shape, np.result_type(grad, padded))
    g = whole_batch(grad, groups)
    for tap, view in tap_views(padded, weight_shape[2:], grad.shape[2:], stride, dilation):
        product = g @ whole_batch(view, groups).swapaxes(1, 2)
        weight[(ALL, ALL, *tap)] = product.reshape(weight_shape[:2])
    return weight


def pad_spatial(input, pads):
    """`input` with zeros around it; what lies before a negative end is cut off."""
    whole = (slice(extent + min(after, 0)) for (_, after), extent in zip(pads, input.shape[2:]))
    return np.pad(input[(ALL, ALL, *whole)], [(0, 0), (0, 0), *((b, max(a, 0)) for b, a in pads)])


def crop_spatial(padded, pads):
    spatial = (slice(before, extent - after) for (before, after), extent in zip(pads, padded.shape[2:]))
    return padded[(ALL, ALL, *spatial)]


def conv_geometry(input, weight, stride, padding, dilation):
    rank = weight.ndim - 2
    stride, dilation = per_axis(stride, rank), per_axis(dilation, rank)
    kernel = weight.shape[2:]
    pads = conv_padding(padding, kernel, dilation)
    extents = [x + sum(p) for x, p in zip(input.shape[-rank:], pads)]
    out = tuple((x - d * (k - 1) - 1) // s + 1 for x, d, k, s in zip(extents, dilation, kernel, stride))
    return stride, dilation, pads, out


def add_bias(output, bias):
    return output if bias is None else output + bias.reshape(-1, *(1,) * (output.ndim - 2))


def fused(convolution):
    """`convolution` with its epilogue, activation(result + residual), and with channels last if asked.

    Every precision has the same reference: direct sums.
    """

    def whole(
        input, weight, *arguments, activation=None, residual=None, layout="NCHW", precision=None, **parameters
    ):
        last = layout == "NHWC"
        input = np.moveaxis(input, -1, 1 - weight.ndim) if last else input
        result = convolution(input, weight, *arguments, **parameters)
        result = np.moveaxis(result, 1 - weight.ndim, -1) if last else result
        result = result if residual is None else result + residual
        return getattr(activations, activation)(result) if activation else result

    return whole


@fused
def conv(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, dilation, pads, out = conv_geometry(input, weight, stride, padding, dilation)
    input, added = batched(input, len(out))
    result = add_bias(correlate(pad_spatial(input, pads), weight, out, stride, dilation, groups), bias)
    return result[0] if added else result


def conv_backward(
    grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, precision=None
):
    """(grad_input, grad_weight, grad_bias) of conv."""
    stride, dilation, pads, out = conv_geometry(input, weight, stride, padding, dilation)
    shape = input.shape
    input, _ = batched(input, len(out))
    grad_output, _ = batched(grad_output, len(out))
    padded = pad_spatial(input, pads)
    grad_input = scatter(grad_output, weight, padded.shape, stride, dilation, groups)
    grad_input = pad_spatial(crop_spatial(grad_input, [(b, max(a, 0)) for b, a in pads]),
                             [(0, max(-a, 0)) for _, a in pads])
    grad_weight = gram(grad_output, padded, weight.shape, stride, dilation, groups)
    return grad_input.reshape(shape), grad_weight, channel_sum(grad_output)


def transpose_geometry(input, weight, stride, padding, output_padding, dilation):
    rank = weight.ndim - 2
    stride, dilation = per_axis(stride, rank), per_axis(dilation, rank)
    crop, extra = per_axis(padding, rank), per_axis(output_padding, rank)
    geometry = zip(input.shape[-rank:], stride, dilation, weight.shape[2:], extra)
    full = [(x - 1) * s + d * (k - 1) + 1 + e for x, s, d, k, e in geometry]
    return stride, dilation, [(p, p) for p in crop], full


@fused
def conv_transpose(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, dilation, pads, full = transpose_geometry(
        input, weight, stride, padding, output_padding, dilation
    )
    input, added = batched(input, len(full))
    padded_shape = (len(input), weight.shape[1] * groups, *full)
    padded = scatter(input, weight, padded_shape, stride, dilation, groups)
    result = add_bias(crop_spatial(padded, pads), bias)
    return result[0] if added else result


def conv_transpose_backward(
    grad_output,
    input,
    weight,
    stride=1,
    padding=0,
    output_padding=0,
    groups=1,
    dilation=1,
    precision=None,
):
    """(grad_input, grad_weight, grad_bias) of conv_transpose."""
    stride, dilation, pads, _ = transpose_geometry(input, weight, stride, padding, output_padding, dilation)
    shape = input.shape
    input, _ = batched(input, weight.ndim - 2)
    grad_output, _ = batched(grad_output, weight.ndim - 2)
    padded = pad_spatial(grad_output, pads)
    grad_input = correlate(padded, weight, input.shape[2:], stride, dilation, groups)
    grad_weight = gram(input, padded, weight.shape, stride, dilation, groups)
    return grad_input.reshape(shape), grad_weight, channel_sum(grad_output)


def channel_sum(grad_output):
    return grad_output.sum((0, *range(2, grad_output.ndim)))


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose
