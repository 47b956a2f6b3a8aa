"""Dropout: which elements go, what remains, and that the backward pass sees the same mask."""

import numpy as np
import pytest

import fastconv as fc

ONES = np.ones((64, 32, 6, 5), np.float32)


def test_the_rest_is_scaled_so_that_the_mean_stays():
    y = fc.dropout(ONES, 0.25, seed=0)
    np.testing.assert_array_equal(np.unique(y), np.float32([0, 4 / 3]))
    assert abs(y.mean() - 1) < 0.01


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_whole_channels_are_dropped(rank):
    x = np.ones((64, 32, *(3, 4, 5)[:rank]))
    y = getattr(fc, f"dropout{rank}d")(x, 0.5, seed=0).reshape(64 * 32, -1)
    assert (y == y[:, :1]).all()
    assert 0.45 < (y[:, 0] == 0).mean() < 0.55


def test_a_seed_repeats_the_mask_and_another_does_not():
    first, again, other = (fc.dropout(ONES, 0.5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_manual_seed_repeats_the_mask():
    drawn = []
    for _ in range(2):
        fc.manual_seed(3)
        drawn.append(fc.dropout(ONES, 0.5))
    np.testing.assert_array_equal(*drawn)


def test_the_gradient_passes_where_the_value_did():
    x = fc.Tensor(ONES, requires_grad=True)
    y = fc.dropout(x, 0.5)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match=r"^dropout: p is "):
        fc.dropout(ONES, p)
