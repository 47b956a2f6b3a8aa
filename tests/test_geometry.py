"""Bad input to convolutions: refused with the right type, in words that name the culprit.

Each line of the promise is a test. The large numbers are those that crashed, hung or misled other libraries.
"""

import numpy as np
import pytest

import fastconv as fc
from arguments import (
    each_convolution,
    each_huge,
    each_rank,
    each_too_large,
    filters,
    function,
    image,
    many,
    ones,
)
from fastconv.geometry.conv import conv_geometry

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
        ((np.int8(2),) * rank, (np.uint8(1),) * rank),
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
    with pytest.raises(ValueError, match="weight has 3 input channels"):
        back(y, x, filters(rank, 2, 3) if kind == "conv" else filters(rank, 3, 2))
    with pytest.raises(TypeError, match="float64"):
        back(y.astype(np.float64), x, w)
    with pytest.raises(TypeError, match="grad_output .*int64"):
        back(y.astype(int), x, w)
    for needs in [(True,), (True,) * 5]:
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


def test_an_empty_batch_may_have_a_result_of_any_size():
    x = np.zeros((0, 1, 4))
    assert fc.interpolate(x, 2**40).shape == (0, 1, 2**40)
    assert fc.interpolate_backward(np.zeros((0, 1, 2**40)), x, 2**40).shape == x.shape


def test_huge_dilation_of_a_single_tap_is_right():
    x = np.arange(6, dtype=np.float32).reshape(1, 1, 6)
    np.testing.assert_array_equal(fc.conv1d(x, ones(1, 1, 1), dilation=2**40), x)


@pytest.mark.parametrize("dilation", [2**20, 2**28, 2**29, 2**31 - 1, 2**32, 2**40, 2**58])
@pytest.mark.parametrize("channels", [1, 3, 16])
def test_taps_that_a_huge_dilation_sends_outside_count_for_nothing(channels, dilation):
    """Extents between them are multiplied nowhere, neither in 64 bits nor in scratch."""
    x = np.arange(channels * 100, dtype=np.float32).reshape(1, channels, 10, 10)
    w = np.arange(channels * channels * 9, dtype=np.float32).reshape(channels, channels, 3, 3)
    inner = np.ascontiguousarray(w[:, :, 1:2, 1:2])
    y = fc.conv2d(x, w, padding="same", dilation=dilation)
    np.testing.assert_array_equal(y, fc.conv2d(x, inner))
    grads = fc.conv2d_backward(y, x, w, padding="same", dilation=dilation)
    want = fc.conv2d_backward(y, x, inner)
    np.testing.assert_array_equal(grads[0], want[0])
    np.testing.assert_allclose(grads[1][:, :, 1:2, 1:2], want[1], rtol=1e-5)
    assert np.count_nonzero(grads[1]) == np.count_nonzero(grads[1][:, :, 1, 1])
    transposed = fc.conv_transpose2d(x, w, padding=dilation, dilation=dilation)
    np.testing.assert_array_equal(transposed, fc.conv_transpose2d(x, inner))


@pytest.mark.parametrize("stride", [2**20, 2**29, 2**31 - 1, 2**40, 2**58])
@pytest.mark.parametrize("channels", [1, 3, 16])
def test_windows_that_a_huge_stride_sends_outside_are_empty(channels, stride):
    x = np.arange(channels * 16, dtype=np.float32).reshape(1, channels, 4, 4)
    w = np.arange(channels * channels * 9, dtype=np.float32).reshape(channels, channels, 3, 3)
    corner = np.ascontiguousarray(x[..., :3, :3])
    y = fc.conv2d(x, w, padding=stride, stride=stride)
    assert y.shape == (1, channels, 3, 3)
    np.testing.assert_allclose(y[:, :, 1:2, 1:2], fc.conv2d(corner, w), rtol=1e-5)
    assert np.count_nonzero(y) == np.count_nonzero(y[:, :, 1, 1])
    grads = fc.conv2d_backward(y, x, w, padding=stride, stride=stride)
    want = fc.conv2d_backward(y[:, :, 1:2, 1:2], corner, w)
    np.testing.assert_allclose(grads[0][..., :3, :3], want[0], rtol=1e-5)
    np.testing.assert_allclose(grads[1], want[1], rtol=1e-5)
    transposed = fc.conv_transpose2d(x[..., :3, :3], w, padding=stride, stride=stride)
    np.testing.assert_allclose(transposed, fc.conv_transpose2d(x[..., 1:2, 1:2], w), rtol=1e-5)


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
