"""NaN, infinities, huge and tiny values: as in a plain loop, whatever the kernel."""

import sys

import numpy as np
import pytest

import fastconv as fc
from arguments import each_convolution, each_rank, function


@each_rank
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [2, 40])
def test_nan_and_inf_stay_inside_the_windows_that_see_them(rank, bad, channels, isa):
    extent = (40, 12, 6)[rank - 1]
    x = np.random.default_rng(0).standard_normal((1, channels, *(extent,) * rank)).astype(np.float32)
    w = np.random.default_rng(1).standard_normal((channels, channels, *(3,) * rank)).astype(np.float32)
    clean = function("conv", rank)(x, w, padding=1)
    x[(0, 0, *(2,) * rank)] = bad
    dirty = function("conv", rank)(x, w, padding=1)
    seen = np.zeros(dirty.shape, bool)
    seen[(slice(None), slice(None), *(slice(1, 4),) * rank)] = True
    assert not np.isfinite(dirty[seen]).any()
    sizes = function("conv", rank)(np.abs(np.nan_to_num(x, posinf=0, neginf=0)), np.abs(w), padding=1)
    assert np.abs(dirty[~seen] - clean[~seen]).max() <= 32 * np.finfo(np.float32).eps * sizes.max()


@each_rank
def test_a_nan_wins_in_extreme_pools(rank, isa):
    for pool in ("max_pool", "min_pool"):
        x = np.arange(2 * 6**rank, dtype=np.float32).reshape(1, 2, *(6,) * rank)
        x[(0, 0, *(1,) * rank)] = np.nan
        y, indices = function(pool, rank)(x, 2, return_indices=True)
        assert np.isnan(y.ravel()[0])
        assert np.isnan(y).sum() == 1
        assert indices.ravel()[0] == np.ravel_multi_index((1,) * rank, (6,) * rank)


@each_rank
@pytest.mark.parametrize(("pool", "edge"), [("max_pool", -np.inf), ("min_pool", np.inf)])
def test_extreme_pools_of_infinities_point_inside_the_input(pool, edge, rank, isa):
    x = np.full((1, 1, *(4,) * rank), edge, np.float32)
    y, indices = function(pool, rank)(x, 3, 2, 1, return_indices=True)
    assert (y == edge).all()
    assert indices.min() >= 0
    assert indices.max() < 4**rank


@pytest.mark.parametrize("scale", [1e15, 1e-15, 1e-20])
@each_convolution
def test_huge_and_tiny_scales_keep_relative_accuracy(kind, scale, isa):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 32, 10, 10)).astype(np.float32)
    w = rng.standard_normal((32, 32, 3, 3)).astype(np.float32)
    want = function(kind, 2)(x.astype(float), w.astype(float))
    got = function(kind, 2)(x * np.float32(scale), w) / scale
    bound = (
        32
        * np.finfo(np.float32).eps
        * function(kind, 2)(np.abs(x).astype(float), np.abs(w).astype(float)).max()
    )
    assert np.abs(got - want).max() <= bound


def test_an_average_does_not_drift_after_a_huge_value(isa):
    x = np.ones((1, 1, 64), np.float32)
    x[0, 0, 5] = 1e20
    y = fc.avg_pool1d(x, 3, stride=1)
    np.testing.assert_array_equal(y[0, 0, 6:], np.ones(56, np.float32))


def test_images_sampled_one_at_a_time_are_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x, grid = rng.standard_normal((3, 2, 4, 5)), rng.uniform(-1.2, 1.2, (3, 6, 7, 2))
    want = fc.grid_sample(x, grid)
    grads = fc.grid_sample_backward(want, x, grid)
    monkeypatch.setattr(sys.modules["fastconv.ops.grid_sample"], "PLACES_AT_ONCE", 1)
    np.testing.assert_array_equal(fc.grid_sample(x, grid), want)
    for got, whole in zip(fc.grid_sample_backward(want, x, grid), grads, strict=True):
        np.testing.assert_array_equal(got, whole)


# Planes shorter than a vector, longer, and of whole vectors; more than a task takes.
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("extent", [(1, 3), (7, 7), (5, 19), (4, 32)])
def test_gradients_of_global_average_pooling_fill_their_planes(extent, dtype, isa):
    grad = np.random.default_rng(3).standard_normal((3, 50, 1, 1)).astype(dtype)
    got = fc.global_avg_pool_backward(grad, (3, 50, *extent))
    want = np.broadcast_to(grad / dtype(np.prod(extent)), got.shape)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [-3, -2, -1, -0.75, 0, 1 / 3, 1, 1.5, 2, 3, 4, 5, np.inf, -np.inf, np.nan])
def test_powers_of_any_number_are_those_of_numpy(p, dtype):
    x = np.array([0.0, 1, 2, 3.5, 1e30, 1e-30, np.inf], dtype)
    x = np.concatenate([x, -x, [np.nan]]).astype(dtype)
    with np.errstate(all="ignore"):
        want = np.power(x, dtype(p))
    np.testing.assert_allclose(fc.pow(x, p), want, rtol=1e-6)
    np.testing.assert_array_equal(np.signbit(fc.pow(x, p))[want == want], np.signbit(want)[want == want])


def test_a_negative_sum_has_no_odd_root():
    x = np.array([[[-2.0, 1.0, -1.0, 2.0]]])
    np.testing.assert_allclose(fc.lp_pool1d(x, 3, 2), [[[np.nan, 7 ** (1 / 3)]]])
