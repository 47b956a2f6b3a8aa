"""Derivatives and edges: sobel, prewitt, laplace, gaussian_laplace, gaussian_gradient_magnitude."""

import numpy as np

from .arguments import Output, axes_of, axis_of, cast, one_for_each
from .gaussian import gaussian_filter
from .linear import correlate, correlate1d, correlate_chain, in_floats


def edges(input, axis, output, mode, cval, smooth):
    """The difference of the two neighbours along `axis`, summed by `smooth` along the others."""
    input = np.asarray(input)
    axis = axis_of(axis, input.ndim)
    target = Output(output, input)
    target.check_complex()
    modes = one_for_each(mode, input.ndim)
    others = [(other, smooth, modes[other]) for other in range(input.ndim) if other != axis]
    return target.give(correlate_chain(input, [(axis, [-1, 0, 1], modes[axis]), *others], target.between, cval))


def summed(input, output, mode, axes, derivative, square=False):
    """The sum over axes of derivative(axis, dtype, mode), or the root of the sum of their squares."""
    target = Output(output, input)
    axes = axes_of(axes, input.ndim)
    if not axes:
        return target.give_input()
    target.check_complex()
    total = None
    for axis, its_mode in zip(axes, one_for_each(mode, len(axes))):
        part = derivative(axis, target.dtype, its_mode)
        if square:
            part *= part
        total = part if total is None else np.add(total, part, out=total)
    return target.give(cast(np.sqrt(total), target.dtype) if square else total)


def prewitt(input, axis=-1, output=None, mode="reflect", cval=0.0):
    """The Prewitt edge filter across `axis`, as scipy.ndimage.prewitt: [-1, 0, 1] along it, [1, 1, 1] along the others.

    mode: one, or one for each axis. Other arguments and errors as in correlate.

    >>> from fastconv.compat import ndimage
    >>> ndimage.prewitt([[3, 2, 5], [5, 8, 3]], axis=1)
    array([[ 1,  2,  1],
           [ 5, -2, -7]])
    """
    return edges(input, axis, output, mode, cval, [1, 1, 1])


def sobel(input, axis=-1, output=None, mode="reflect", cval=0.0):
    """The Sobel edge filter across `axis`, as scipy.ndimage.sobel: [-1, 0, 1] along it, [1, 2, 1] along the others.

    mode: one, or one for each axis. Other arguments and errors as in correlate.

    >>> from fastconv.compat import ndimage
    >>> ndimage.sobel([[3, 2, 5], [5, 8, 3]], axis=1)
    array([[  0,   4,   4],
           [  8,  -4, -12]])
    """
    return edges(input, axis, output, mode, cval, [1, 2, 1])


def cross(vector, rank):
    """The kernel of the sum over axes of what a vector of three weights does to each."""
    kernel = np.zeros((3,) * rank)
    for axis in range(rank):
        kernel[(1,) * axis + (slice(None),) + (1,) * (rank - axis - 1)] += vector
    return kernel


def laplace(input, output=None, mode="reflect", cval=0.0, *, axes=None):
    """The sum of second differences [1, -2, 1] along each axis (of `axes`), as scipy.ndimage.laplace.

    >>> from fastconv.compat import ndimage
    >>> ndimage.laplace([0, 0, 1, 0, 0])
    array([ 0,  1, -2,  1,  0])
    """
    input = np.asarray(input)

    def derivative(axis, dtype, mode):
        return correlate1d(input, [1, -2, 1], axis, dtype, mode, cval)

    if 2 <= input.ndim <= 3 and axes is None and isinstance(mode, str):
        target = Output(output, input)
        if in_floats(input, target.dtype):  # all axes in one pass
            return target.give(correlate(input, cross([1, -2, 1], input.ndim), target.dtype, mode, cval))
    return summed(input, output, mode, axes, derivative)


def derivative_of_gaussian(input, sigma, cval, options, order):
    """derivative(axis, dtype, mode) of the blurred image, for summed()."""

    def derivative(axis, dtype, mode):
        orders = [order * (a == axis) for a in range(input.ndim)]
        return gaussian_filter(input, sigma, orders, dtype, mode, cval, **options)

    return derivative


def gaussian_laplace(input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, **kwargs):
    """The Laplacian of the image blurred by a Gaussian, as scipy.ndimage.gaussian_laplace.

    sigma: one value, or one for each axis (of `axes`); keyword arguments go to gaussian_filter.

    >>> from fastconv.compat import ndimage
    >>> ndimage.gaussian_laplace([0.0, 0.0, 1.0, 0.0, 0.0], 1).round(3)
    array([ 0.197,  0.002, -0.399,  0.002,  0.197])
    """
    input = np.asarray(input)
    axes = axes_of(axes, input.ndim)
    given = dict(zip(axes, one_for_each(sigma, len(axes))))
    sigmas = [given.get(axis, 0) for axis in range(input.ndim)]
    return summed(input, output, mode, axes, derivative_of_gaussian(input, sigmas, cval, kwargs, 2))


def gaussian_gradient_magnitude(input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, **kwargs):
    """The length of the gradient of the image blurred by a Gaussian, as scipy.ndimage.gaussian_gradient_magnitude.

    sigma: one value, or one for each axis; keyword arguments go to gaussian_filter.

    >>> from fastconv.compat import ndimage
    >>> ndimage.gaussian_gradient_magnitude([0.0, 0.0, 1.0, 0.0, 0.0], 1).round(3)
    array([0.095, 0.241, 0.   , 0.241, 0.095])
    """
    input = np.asarray(input)
    return summed(input, output, mode, axes, derivative_of_gaussian(input, sigma, cval, kwargs, 1), square=True)
