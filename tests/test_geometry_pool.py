"""Bad input to pools, norms, losses and dense layers: refused in words, never trusted."""

import numpy as np
import pytest

import fastconv as fc
from arguments import HUGE, each_huge, each_pool, each_rank, function, image, ones
from reference.norm import updated_statistics

# Pools -----------------------------------------------------------------------------------------------


@each_rank
@each_pool
@pytest.mark.parametrize(
    ("parameters", "argument"),
    [
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": -2}, "kernel_size"),
        ({"kernel_size": 2, "stride": 0}, "stride"),
        ({"kernel_size": 2, "stride": -1}, "stride"),
        ({"kernel_size": 2, "padding": -1}, "padding"),
        ({"kernel_size": 2, "padding": 2}, "padding"),
        ({"kernel_size": 3, "padding": 2}, "padding"),
        ({"kernel_size": (2, 2, 2, 2)}, "kernel_size"),
        ({"kernel_size": 7}, "kernel_size"),
    ],
    ids=repr,
)
def test_pool_refuses_a_bad_window_by_name(pool, rank, parameters, argument):
    with pytest.raises(ValueError, match=rf"^{pool}{rank}d: {argument} .*\(expected "):
        function(pool, rank)(image(rank), **parameters)


@each_rank
@each_pool
@pytest.mark.parametrize("parameter", ["kernel_size", "stride", "padding"])
@pytest.mark.parametrize("value", [1.0, "2", True], ids=repr)
def test_pool_refuses_what_is_no_integer(pool, rank, parameter, value):
    with pytest.raises(TypeError, match=rf"^{pool}{rank}d: {parameter} "):
        function(pool, rank)(image(rank), **{"kernel_size": 2, parameter: value})


@each_rank
@pytest.mark.parametrize("pool", ["max_pool", "min_pool"])
def test_extreme_pool_refuses_bad_dilation(pool, rank):
    for dilation in (0, -1, *HUGE):
        with pytest.raises(ValueError, match=rf"^{pool}{rank}d: "):
            function(pool, rank)(image(rank), 2, dilation=dilation)


@each_huge
@each_rank
@each_pool
def test_pool_refuses_a_huge_kernel(pool, rank, huge):
    with pytest.raises(ValueError, match=rf"^{pool}{rank}d: "):
        function(pool, rank)(image(rank), huge)


@each_pool
def test_a_huge_window_that_covers_the_input_is_right(pool):
    y = function(pool, 1)(image(1), 2**31 - 1, stride=1, padding=2**30 - 1)
    np.testing.assert_array_equal(
        y, np.full((1, 2, 6), np.float32(6 / (2**31 - 1)) if pool == "avg_pool" else 1)
    )


@each_rank
def test_average_pool_refuses_divisor_zero(rank):
    with pytest.raises(ValueError, match=rf"^avg_pool{rank}d: divisor_override "):
        function("avg_pool", rank)(image(rank), 2, divisor_override=0)


@each_rank
@each_pool
def test_pool_refuses_zero_channels_and_cells_and_takes_an_empty_batch(pool, rank):
    call = function(pool, rank)
    assert call(image(rank)[:0], 2).shape == (0, 2) + (3,) * rank
    for x in (ones(1, 2, 0, *(6,) * (rank - 1)), ones(1, 0, *(6,) * rank), ones(0, *(0,) * (rank + 1))):
        with pytest.raises(ValueError, match=rf"^{pool}{rank}d: input "):
            call(x, 2)


@each_rank
@pytest.mark.parametrize("pool", ["max_pool", "min_pool"])
@pytest.mark.parametrize("index", [10**9, -(10**9), -1, 6**3, 2**62, -(2**63)])
def test_extreme_pool_backward_never_trusts_an_index(pool, rank, index):
    x = image(rank)
    y, indices = function(pool, rank)(x, 2, return_indices=True)
    indices.flat[-1] = index
    with pytest.raises(ValueError, match=rf"^{pool}{rank}d_backward: indices "):
        function(pool, rank, "_backward")(y, indices, x.shape)


@each_rank
@pytest.mark.parametrize("pool", ["max_pool", "min_pool"])
def test_extreme_pool_backward_refuses_what_does_not_fit_together(pool, rank):
    x = image(rank)
    y, indices = function(pool, rank)(x, 2, return_indices=True)
    back = function(pool, rank, "_backward")
    with pytest.raises(TypeError, match="indices .*float32"):
        back(y, np.full(indices.shape, np.nan, np.float32), x.shape)
    bad = [
        (y[..., :-1], indices, x.shape),
        (y, indices[..., :-1], x.shape),
        (y[:0], indices, x.shape),
        (y, indices, (0, *x.shape[1:])),
        (y, indices, (1, 5, *x.shape[2:])),
        (y, indices, x.shape[1:]),
        (y, indices, x.shape[:2] + (0,) * rank),
        (y, indices, ()),
        (ones(0), indices[:0], x.shape),
    ]
    for grad, index, shape in bad:
        with pytest.raises(ValueError, match=rf"^{pool}{rank}d_backward: "):
            back(grad, index, shape)


@each_rank
def test_average_pool_backward_refuses_what_does_not_fit_together(rank):
    x = image(rank)
    y = function("avg_pool", rank)(x, 2)
    back = function("avg_pool", rank, "_backward")
    bad = [
        ((y[..., :-1], x.shape, 2), {}),
        ((y[:0], x.shape, 2), {}),
        ((y, (1, 3, *x.shape[2:]), 2), {}),
        ((y, (0, *x.shape[1:]), 2), {}),
        ((y, x.shape, 0), {}),
        ((y, x.shape, 2), {"stride": 0}),
        ((y, x.shape, 2), {"padding": 2}),
        ((y, x.shape, 2), {"divisor_override": 0}),
        ((ones(0), x.shape, 2), {}),
    ]
    for arguments, parameters in bad:
        with pytest.raises(ValueError, match=rf"^avg_pool{rank}d(_backward)?: "):
            back(*arguments, **parameters)


@each_rank
@pytest.mark.parametrize("pool", ["max_pool", "min_pool"])
def test_extreme_pool_backward_of_an_empty_batch_is_empty(pool, rank):
    x = image(rank)[:0]
    y, indices = function(pool, rank)(x, 2, return_indices=True)
    assert function(pool, rank, "_backward")(y, indices, x.shape).shape == x.shape


# Norms and losses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", ["running_mean", "running_var", "weight", "bias"])
def test_batch_norm_refuses_vectors_of_the_wrong_length(argument):
    arguments = {name: ones(3) for name in ("running_mean", "running_var", "weight", "bias")}
    for length in (0, 1, 2, 4):
        arguments[argument] = ones(length)
        with pytest.raises(ValueError, match=rf"^batch_norm: {argument} has shape"):
            fc.batch_norm(ones(2, 3, 4), **arguments)


def test_batch_norm_refuses_zero_channels_and_a_single_value_per_channel():
    with pytest.raises(ValueError, match="^batch_norm: input "):
        fc.batch_norm(ones(2, 0, 4), ones(0), ones(0))
    with pytest.raises(ValueError, match="^batch_norm: input "):
        fc.batch_norm(ones(1, 3), None, None, training=True)


def test_batch_norm_in_evaluation_needs_its_statistics():
    with pytest.raises((ValueError, TypeError), match="^batch_norm: running_mean "):
        fc.batch_norm(ones(2, 3, 4), None, None)


def test_batch_norm_updates_its_statistics_in_place_as_pytorch_does():
    x = np.random.default_rng(0).standard_normal((4, 3, 5))
    mean, var = np.zeros(3), np.ones(3)
    want = updated_statistics(x, mean.copy(), var.copy(), 0.3)
    fc.batch_norm(x, mean, var, training=True, momentum=0.3)
    np.testing.assert_allclose((mean, var), want, rtol=1e-12)


def test_cross_entropy_refuses_labels_out_of_range():
    for label in (-1, 3, 10**9, -(2**62)):
        with pytest.raises(ValueError, match="^cross_entropy: target "):
            fc.cross_entropy(ones(2, 3), np.array([0, label]))


def test_cross_entropy_refuses_what_does_not_fit_together():
    for target in (np.zeros(3, int), np.zeros((2, 2), int), ones(2, 4)):
        with pytest.raises(ValueError, match="^cross_entropy: "):
            fc.cross_entropy(ones(2, 3), target)
    with pytest.raises(ValueError, match="^cross_entropy: weight "):
        fc.cross_entropy(ones(2, 3), np.zeros(2, int), ones(4))
    with pytest.raises(ValueError, match="^cross_entropy: reduction "):
        fc.cross_entropy(ones(2, 3), np.zeros(2, int), reduction="average")


def test_linear_refuses_what_does_not_fit_together():
    with pytest.raises(ValueError, match="^linear: (input|weight) "):
        fc.linear(ones(2, 3), ones(4, 5))
    with pytest.raises(ValueError, match="^linear: bias "):
        fc.linear(ones(2, 3), ones(4, 3), ones(3))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [2, -3])
def test_softmax_refuses_an_axis_that_is_not_there(name, dim):
    with pytest.raises(ValueError, match=f"^{name}: dim is {dim}"):
        getattr(fc, name)(ones(2, 3), dim)


def test_softmax_of_huge_values_is_finite():
    np.testing.assert_array_equal(fc.softmax(np.array([1e30, 1e30, -1e30], np.float32), 0), [0.5, 0.5, 0])
