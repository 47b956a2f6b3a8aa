"""A training step of HIPS autograd code with a convolution, by autograd.scipy.signal and by fastconv's primitive.

    python bench/hips_autograd.py

Each row is the gradient of mean(convolve(x, w) ** 2) with respect to x and w, in float64: interleaved rounds,
medians.
"""

import statistics
import time

import autograd.numpy as anp
import autograd.scipy.signal
import numpy as np
from autograd import grad

from fastconv.compat.autograd import convolve

LAYERS = {
    "LeNet, first": ((64, 1, 28, 28), (1, 6, 5, 5)),
    "LeNet, second": ((64, 6, 12, 12), (6, 16, 5, 5)),
    "CIFAR-10, first": ((64, 3, 32, 32), (3, 32, 3, 3)),
    "CIFAR-10, second": ((16, 32, 15, 15), (32, 64, 3, 3)),
}
CONTENDERS = {"autograd": autograd.scipy.signal.convolve, "fastconv": convolve}


def step(function, x, w):
    """A call that computes both gradients."""

    def loss(both):
        x, w = both
        output = function(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
        return anp.mean(output * output)

    gradients = grad(loss)
    return lambda: gradients((x, w))


def main(rounds=5):
    rng = np.random.default_rng(0)
    print(f"{'layer':18} {'autograd ms':>12} {'fastconv ms':>12} {'ratio':>7}")
    for name, (input_shape, weight_shape) in LAYERS.items():
        arrays = rng.standard_normal(input_shape), rng.standard_normal(weight_shape)
        steps = {key: step(function, *arrays) for key, function in CONTENDERS.items()}
        results = [call() for call in steps.values()]
        for theirs, ours in zip(*results, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-9)
        times = {key: [] for key in steps}
        for _ in range(rounds):
            for key, call in steps.items():
                start = time.perf_counter()
                call()
                times[key].append(1000 * (time.perf_counter() - start))
        theirs, ours = (statistics.median(own) for own in times.values())
        print(f"{name:18} {theirs:12.1f} {ours:12.2f} {theirs / ours:7.1f}", flush=True)


if __name__ == "__main__":
    main()
