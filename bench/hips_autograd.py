"""A training step of HIPS autograd code with a convolution: by autograd.scipy.signal and by fastconv's primitive.

A step is the gradient of mean(convolve(x, w) ** 2) with respect to x and w.
"""

import autograd.numpy as anp
import autograd.scipy.signal
import numpy as np
from autograd import grad

from fastconv.compat.autograd import convolve

LAYERS = {
    "autograd_lenet_1": ((64, 1, 28, 28), (1, 6, 5, 5)),
    "autograd_lenet_2": ((64, 6, 12, 12), (6, 16, 5, 5)),
    "autograd_cifar_1": ((64, 3, 32, 32), (3, 32, 3, 3)),
    "autograd_cifar_2": ((16, 32, 15, 15), (32, 64, 3, 3)),
}
CONTENDERS = {"fastconv": convolve, "HIPS autograd": autograd.scipy.signal.convolve}


def step(function, x, w):
    """A call that computes both gradients."""

    def loss(both):
        x, w = both
        output = function(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
        return anp.mean(output * output)

    gradients = grad(loss)
    return lambda: gradients((x, w))


def steps(dtype):
    """(layer, {contender: call without arguments}) for each layer."""
    rng = np.random.default_rng(0)
    for name, shapes in LAYERS.items():
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        yield name, {contender: step(function, *arrays) for contender, function in CONTENDERS.items()}
