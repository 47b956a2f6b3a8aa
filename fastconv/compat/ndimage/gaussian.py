"""gaussian_filter and gaussian_filter1d."""

import numbers

import numpy as np

from .arguments import Output, axes_of, axis_of, one_for_each
from .linear import correlate_chain
from .missing import with_policy


def gaussian_kernel(sigma, order, radius):
    """exp(-x**2 / 2 sigma**2) at the integers up to `radius`, scaled to a sum of 1, or that times the polynomial that
    makes it its derivative of `order`."""
    if order < 0:
        raise ValueError("order must be non-negative")
    x = np.arange(-radius, radius + 1)
    variance = sigma * sigma
    kernel = np.exp(-0.5 / variance * x**2)
    kernel = kernel / kernel.sum()
    # If f = q(x) g(x), then f' = (q' - q x / sigma**2) g: a matrix on the coefficients of q.
    coefficients = np.zeros(order + 1)
    coefficients[0] = 1
    step = np.diag(np.arange(1, order + 1), 1) + np.diag(np.ones(order) / -variance, -1)
    for _ in range(order):
        coefficients = step @ coefficients
    return kernel * (x[:, None] ** np.arange(order + 1) @ coefficients) if order else kernel


def kernel_of(sigma, order, truncate, radius):
    if radius is None:
        radius = int(truncate * float(sigma) + 0.5)
    if not isinstance(radius, numbers.Integral) or radius < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    return gaussian_kernel(sigma, order, radius)[::-1]  # correlated, not convolved


def blurred(input, output, steps, cval, nan_policy, promotes=False):
    """One axis after another, each result in the output's type. steps: [(axis, kernel, order, mode)]."""
    target = Output(output, input, promotes and input.dtype.kind == "c")
    if not steps:
        return target.give_input()
    target.check_complex()

    def chain(image, weights, dtype, cval):
        return correlate_chain(image, [(axis, kernel, mode) for axis, kernel, _, mode in steps], dtype, cval)

    if nan_policy != "propagate":
        if nan_policy == "interpolate" and any(order for _, _, order, _ in steps):
            raise ValueError("nan_policy='interpolate' needs weights whose sum is not zero: those of order 0")
        chain = with_policy(chain, nan_policy)
    return target.give(chain(input, 1.0, target.between, cval))


def gaussian_filter1d(
    input, sigma, axis=-1, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *, radius=None,
    nan_policy="propagate"
):
    """A Gaussian, or its derivative of `order`, along one axis, as scipy.ndimage.gaussian_filter1d.

    sigma: standard deviation, in cells; the kernel ends after `truncate` of them, or at `radius`. The rest is as in
    gaussian_filter.

    >>> from fastconv.compat import ndimage
    >>> ndimage.gaussian_filter1d([1.0, 2.0, 3.0, 4.0, 5.0], 1).round(3)
    array([1.427, 2.068, 3.   , 3.932, 4.573])
    """
    input = np.asarray(input)
    step = (axis_of(axis, input.ndim), kernel_of(sigma, order, truncate, radius), order, mode)
    return blurred(input, output, [step], cval, nan_policy, promotes=True)


def gaussian_filter(
    input, sigma, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *, radius=None, axes=None,
    nan_policy="propagate"
):
    """A Gaussian, or a derivative of it, over several axes, as scipy.ndimage.gaussian_filter.

    sigma, order, mode, radius: one value, or one for each axis (of `axes`). Each axis is filtered in turn and its
    result cut to the output's type, as in SciPy. Other arguments and errors as in correlate; a negative order or radius
    is a ValueError. nan_policy: see fastconv.compat.ndimage.

    >>> import numpy as np
    >>> from fastconv.compat import ndimage
    >>> ndimage.gaussian_filter(np.arange(18, step=2).reshape(3, 3), sigma=1)
    array([[ 2,  4,  5],
           [ 6,  8,  9],
           [ 9, 11, 12]])
    """
    input = np.asarray(input)
    axes = axes_of(axes, input.ndim)
    values = (one_for_each(value, len(axes)) for value in (order, sigma, mode, radius))
    steps = [
        (axis, kernel_of(sigma, order, truncate, radius), order, mode)
        for axis, order, sigma, mode, radius in zip(axes, *values)
        if sigma > 1e-15
    ]
    return blurred(input, output, steps, cval, nan_policy)
