"""Bad input: each line of the promise is a test. Refused with the right type, in words that name the culprit.

The large numbers here are those that crashed, hung or silently misled other libraries.
"""

import numpy as np
import pytest

import fastconv as fc
from fastconv.geometry.conv import conv_geometry

RANKS = (1, 2, 3)
HUGE = (2**31 - 1, 2**31, 2**62, 2**63 - 1, 2**64, 10**30)
TOO_LARGE = (2**44, 2**62, 2**63 - 1, 2**64, 10**30)
POOLS = ("max_pool", "min_pool", "avg_pool")

each_rank = pytest.mark.parametrize("rank", RANKS)
each_pool = pytest.mark.parametrize("pool", POOLS)
each_convolution = pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
each_huge = pytest.mark.parametrize("huge", HUGE)
each_too_large = pytest.mark.parametrize("huge", TOO_LARGE)


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def many(*shape):
    """An array of any size in four bytes."""
    return np.broadcast_to(np.float32(1), shape)


def function(kind, rank, suffix=""):
    return getattr(fc, f"{kind}{rank}d{suffix}")


def image(rank, channels=2, extent=6):
    return ones(1, channels, *(extent,) * rank)


def filters(rank, first=2, second=2, extent=3):
    return ones(first, second, *(extent,) * rank)


# Messages --------------------------------------------------------------------------------------------


def test_message_names_op_argument_what_came_and_what_was_expected():
    message = (
        r"^conv2d: weight has 3 input channels per group, input has 8 channels in 2 groups \(expected 4\)$"
    )
    with pytest.raises(ValueError, match=message):
        fc.conv2d(ones(1, 8, 5, 5), ones(4, 3, 3, 3), groups=2)


@each_rank
@each_convolution
@pytest.mark.parametrize(
    ("parameters", "argument"),
    [
        ({"stride": 0}, "stride"),
        ({"stride": -1}, "stride"),
        ({"dilation": 0}, "dilation"),
        ({"groups": 0}, "groups"),
        ({"groups": -1}, "groups"),
        ({"padding": -1}, "padding"),
        ({"stride": (1, 1, 1, 1)}, "stride"),
        ({"padding": (1, 1, 1, 1)}, "padding"),
        ({"groups": 4}, "(input|weight)"),
    ],
)
def test_convolution_refuses_a_bad_parameter_by_name(kind, rank, parameters, argument):
    with pytest.raises(ValueError, match=rf"^{kind}{rank}d: {argument} .*\(expected "):
        function(kind, rank)(image(rank), filters(rank), **parameters)


@each_rank
@each_convolution
@pytest.mark.parametrize("parameter", ["stride", "padding", "dilation", "groups"])
@pytest.mark.parametrize("value", [1.0, "1", True, None, [1.5], np.float32(1)], ids=repr)
def test_convolution_refuses_what_is_no_integer(kind, rank, parameter, value):
    expected = ValueError if (parameter, value) == ("padding", "1") and kind == "conv" else TypeError
    with pytest.raises(expected, match=rf"^{kind}{rank}d: {parameter} "):
        function(kind, rank)(image(rank), filters(rank), **{parameter: value})


@each_rank
@each_convolution
def test_convolution_takes_numpy_integers_lists_and_tuples(kind, rank):
    x, w = image(rank), filters(rank)
    want = function(kind, rank)(x, w, stride=2, padding=1)
    for two, one in [
        (np.int32(2), np.int64(1)),
        ([2] * rank, [1] * rank),
        ((2,) * rank, np.array([1] * rank)),
    ]:
        np.testing.assert_array_equal(function(kind, rank)(x, w, stride=two, padding=one), want)


@each_convolution
@pytest.mark.parametrize("argument", ["input", "weight", "bias"])
@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (np.ones((1, 2, 6, 6), int), "int64.*astype"),
        (np.ones((1, 2, 6, 6), bool), "bool.*astype"),
        (np.ones((1, 2, 6, 6), complex), "complex128"),
        (np.ones((1, 2, 6, 6), object), "object"),
        (np.ma.masked_array(np.ones((1, 2, 6, 6)), False), "MaskedArray"),
        (np.ones((1, 2, 6, 6)), "float64"),
        ("text", "str"),
        ([[1.0], [2.0, 3.0]], "list"),
    ],
    ids=["int", "bool", "complex", "object", "masked", "other float", "str", "ragged"],
)
def test_convolution_refuses_arrays_of_the_wrong_type(kind, argument, wrong, word):
    arguments = {"input": image(2), "weight": filters(2), "bias": ones(2)}
    arguments[argument] = wrong
    with pytest.raises(TypeError, match=rf"^{kind}2d: (input|weight|bias) "):
        function(kind, 2)(**arguments)


def test_matrix_is_refused():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0, 2.0]])
    with pytest.raises(TypeError, match=r"^linear: input is a matrix"):
        fc.linear(matrix, np.ones((3, 2)))


@each_rank
@each_convolution
def test_convolution_refuses_wrong_ranks(kind, rank):
    call = function(kind, rank)
    for x in (ones(), ones(6), ones(*(6,) * (rank + 3))):
        with pytest.raises(ValueError, match=rf"^{kind}{rank}d: input has {x.ndim} dimensions"):
            call(x, filters(rank))
    for w in (ones(3), ones(*(2,) * (rank + 1)), ones(*(2,) * (rank + 3))):
        with pytest.raises(ValueError, match=rf"^{kind}{rank}d: weight has {w.ndim} dimensions"):
            call(image(rank), w)


@each_rank
@each_convolution
def test_convolution_refuses_a_bias_of_the_wrong_shape(kind, rank):
    for bias in (ones(3), ones(1), ones(2, 1), ones(0), ones()):
        with pytest.raises(ValueError, match=rf"^{kind}{rank}d: bias has shape"):
            function(kind, rank)(image(rank), filters(rank), bias)


@each_rank
def test_convolution_refuses_a_kernel_larger_than_the_padded_input(rank):
    with pytest.raises(ValueError, match=rf"^conv{rank}d: .*kernel"):
        function("conv", rank)(image(rank, extent=2), filters(rank))
    with pytest.raises(ValueError, match=rf"^conv{rank}d: "):
        function("conv", rank)(image(rank), filters(rank), dilation=3)


@each_rank
def test_same_padding_refuses_a_stride(rank):
    with pytest.raises(ValueError, match=rf"^conv{rank}d: padding is 'same' with stride"):
        function("conv", rank)(image(rank), filters(rank), stride=2, padding="same")


@each_rank
@pytest.mark.parametrize("word", ["Same", "full", ""])
def test_convolution_refuses_an_unknown_padding(rank, word):
    with pytest.raises(ValueError, match=rf"^conv{rank}d: padding is '{word}'"):
        function("conv", rank)(image(rank), filters(rank), padding=word)


@each_rank
def test_output_padding_must_be_smaller_than_stride_or_dilation(rank):
    with pytest.raises(ValueError, match=rf"^conv_transpose{rank}d: output_padding "):
        function("conv_transpose", rank)(image(rank), filters(rank), stride=2, output_padding=2)


@each_rank
def test_transposed_convolution_refuses_padding_that_leaves_nothing(rank):
    with pytest.raises(ValueError, match=rf"^conv_transpose{rank}d: "):
        function("conv_transpose", rank)(image(rank, extent=1), filters(rank), padding=2)


# Empty -----------------------------------------------------------------------------------------------


@each_rank
@each_convolution
def test_convolution_of_an_empty_batch_is_empty_with_zero_gradients(kind, rank):
    x, w = image(rank)[:0], filters(rank)
    y = function(kind, rank)(x, w)
    assert y.shape[:2] == (0, 2)
    grads = function(kind, rank, "_backward")(y, x, w)
    assert grads[0].shape == x.shape
    np.testing.assert_array_equal(grads[1], np.zeros_like(w))
    np.testing.assert_array_equal(grads[2], np.zeros(2))


@each_rank
@each_convolution
def test_convolution_refuses_zero_channels_cells_and_kernels(kind, rank):
    call, back = function(kind, rank), function(kind, rank, "_backward")
    spatial = (6,) * rank
    bad = [
        (ones(1, 0, *spatial), filters(rank)),
        (ones(1, 0, *spatial), filters(rank, 0, 0)),
        (ones(1, 2, 0, *spatial[1:]), filters(rank)),
        (ones(0, 0, *(0,) * rank), filters(rank, 0, 0, 0)),
        (image(rank), filters(rank, 0, 2)),
        (image(rank), filters(rank, 2, 0)),
        (image(rank), filters(rank, extent=0)),
    ]
    for x, w in bad:
        with pytest.raises(ValueError, match=rf"^{kind}{rank}d: (input|weight) "):
            call(x, w)
        with pytest.raises(ValueError, match=rf"^{kind}{rank}d_backward: |^{kind}{rank}d: "):
            back(image(rank), x, w)


@each_rank
@each_convolution
def test_backward_refuses_arrays_that_do_not_fit_together(kind, rank):
    x, w = image(rank), filters(rank)
    y = function(kind, rank)(x, w)
    back = function(kind, rank, "_backward")
    for grad in (y[:, :1], y[..., :-1], y[..., None], y[:0], ones(2, *y.shape[1:]), ones(1), ones(0)):
        with pytest.raises(ValueError, match="grad_output "):
            back(grad, x, w)
    with pytest.raises(ValueError, match="weight "):
        back(y, x, filters(rank, 2, 3))
    with pytest.raises(TypeError, match="float64"):
        back(y.astype(np.float64), x, w)
    with pytest.raises(TypeError, match="grad_output .*int64"):
        back(y.astype(int), x, w)
    for needs in [(True,), (True, True, True, True)]:
        with pytest.raises(ValueError, match="needs "):
            back(y, x, w, needs=needs)


# Large numbers ---------------------------------------------------------------------------------------


@each_huge
@each_rank
@pytest.mark.parametrize("parameter", ["dilation", "groups"])
def test_convolution_refuses_huge_values(rank, parameter, huge):
    with pytest.raises(ValueError, match=rf"^conv{rank}d: "):
        function("conv", rank)(image(rank), filters(rank), **{parameter: huge})


@each_too_large
@each_rank
def test_convolution_with_a_huge_padding_is_refused_or_too_large(rank, huge):
    with pytest.raises((ValueError, MemoryError)):
        function("conv", rank)(image(rank), filters(rank), padding=huge)


@pytest.mark.parametrize("stride", [2**31 - 1, 2**31, 2**40])
@each_rank
def test_convolution_with_a_huge_stride_has_one_window(rank, stride):
    x, w = image(rank), filters(rank)
    np.testing.assert_array_equal(
        function("conv", rank)(x, w, stride=stride), np.full((1, 2) + (1,) * rank, 2 * 3**rank)
    )


def test_huge_padding_with_stride_three_does_not_write_out_of_bounds():
    with pytest.raises((ValueError, MemoryError)):
        fc.conv2d(ones(1, 1, 3, 3), ones(1, 1, 3, 3), padding=2**31 - 1, stride=3)
    with pytest.raises((ValueError, MemoryError)):
        fc.avg_pool2d(ones(1, 1, 3, 3), 3, padding=2**31 - 1, stride=3)


def test_huge_dilation_of_a_single_tap_is_right():
    x = np.arange(6, dtype=np.float32).reshape(1, 1, 6)
    np.testing.assert_array_equal(fc.conv1d(x, ones(1, 1, 1), dilation=2**40), x)


@each_too_large
@each_rank
def test_transposed_convolution_with_huge_parameters_is_refused_or_too_large(rank, huge):
    call = function("conv_transpose", rank)
    for parameters in ({"stride": huge}, {"dilation": huge}, {"stride": huge, "output_padding": huge - 1}):
        with pytest.raises((ValueError, MemoryError)):
            call(image(rank), filters(rank), **parameters)


def test_shapes_of_more_than_2_to_31_cells_are_computed_in_64_bits():
    shape = (1, 1, 46341, 46341)
    assert conv_geometry("conv2d", 2, shape, (1, 1, 1, 1), 1, 0, 1, 1)[1] == shape


@pytest.mark.parametrize(
    "call",
    [
        lambda: fc.conv2d(ones(1, 1, 64, 64), many(2**50, 1, 1, 1), padding=10**5),
        lambda: fc.conv_transpose2d(ones(1, 1, 64, 64), ones(1, 1, 3, 3), stride=10**7),
        lambda: fc.avg_pool2d(many(2**40, 1, 64, 64), 2),
    ],
    ids=["conv2d", "conv_transpose2d", "avg_pool2d"],
)
def test_a_result_too_large_for_memory_is_a_memory_error(call):
    with pytest.raises(MemoryError):
        call()
    assert fc.conv2d(ones(1, 1, 3, 3), ones(1, 1, 3, 3)).item() == 9


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


# Values ----------------------------------------------------------------------------------------------


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
    np.testing.assert_array_equal(dirty[~seen], clean[~seen])


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


@pytest.mark.parametrize("scale", [1e15, 1e-15])
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
    from reference.norm import updated_statistics

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
    with pytest.raises(ValueError, match="^linear: weight "):
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
