"""The oracle itself: its gradients are adjoints of its forwards, and SciPy agrees with its windows."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from reference import lookup
from samples import SAMPLES

CONVOLUTIONS = [f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3)]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_gradients_of_convolution_are_its_adjoints(name):
    """<g, y(x, w)> = <grad_input, x> = <grad_weight, w>, exactly, in integers."""
    plain = [s for s in SAMPLES[name] if not {"activation", "residual", "layout"} & set(s.arguments)]
    for sample in plain:
        arguments = sample.make("int64", exact=True) | {"bias": None}
        y = lookup(name)(**arguments)
        g = np.random.default_rng(0).integers(-4, 5, y.shape)
        del arguments["bias"]
        grad_input, grad_weight, _ = lookup(name[:-2] + "_backward")(g, **arguments)
        assert (
            (g * y).sum()
            == (grad_input * arguments["input"]).sum()
            == (grad_weight * arguments["weight"]).sum()
        )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolution_is_scipys_correlation(rank):
    rng = np.random.default_rng(0)
    x, w = rng.integers(-4, 5, (3, *(9, 8, 7)[:rank])), rng.integers(-4, 5, (1, 3, *(3, 2, 4)[:rank]))
    want = scipy.signal.correlate(x, w[0], mode="valid", method="direct")
    np.testing.assert_array_equal(lookup(f"conv{rank}d")(x, w), want)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "min"])
def test_extreme_pool_is_scipys_filter(kind, rank):
    x = np.random.default_rng(0).standard_normal((1, *(9, 8, 7)[:rank]))
    whole = getattr(scipy.ndimage, f"{kind}imum_filter")(x, (1, *(3,) * rank))
    inside = (slice(None), *(slice(1, -1, 2),) * rank)
    np.testing.assert_array_equal(lookup(f"{kind}_pool{rank}d")(x, 3, 2), whole[inside])


def test_average_pool_is_scipys_filter():
    x = np.random.default_rng(0).standard_normal((1, 9, 8))
    whole = scipy.ndimage.uniform_filter(x, (1, 3, 3), mode="constant")
    np.testing.assert_allclose(lookup("avg_pool2d")(x, 3, 1, 1), whole, rtol=1e-12)
