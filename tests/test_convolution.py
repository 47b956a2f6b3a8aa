"""What convolution offers beyond its values: gradients by shape, per sample, and equality of its forms."""

from functools import partial

import numpy as np
import pytest

import fastconv as fc
from arguments import each_rank, function
from reference.conv import conv


def drawn(rank, batch=3, groups=1):
    rng = np.random.default_rng(rank)
    x = rng.standard_normal((batch, 4, *(9, 8, 7)[:rank]))
    return x, rng.standard_normal((6, 4 // groups, *(3, 2, 3)[:rank]))


@each_rank
def test_gradients_by_shape_are_those_of_backward(rank):
    x, w = drawn(rank, groups=2)
    parameters = {"stride": 2, "padding": 1, "groups": 2}
    grad = function("conv", rank)(x, w, **parameters)
    grad_input, grad_weight, _ = function("conv", rank, "_backward")(grad, x, w, **parameters)
    np.testing.assert_array_equal(
        function("conv", rank, "_input")(x.shape, w, grad, **parameters), grad_input
    )
    np.testing.assert_array_equal(
        function("conv", rank, "_weight")(x, w.shape, grad, **parameters), grad_weight
    )


@each_rank
def test_gradients_by_shape_refuse_shapes_that_do_not_fit(rank):
    x, w = drawn(rank)
    grad = function("conv", rank)(x, w)
    for shape in (x.shape[1:-1], (*x.shape[:-1], 1), (0,) * x.ndim, (-1, *x.shape[1:]), (2**62,) * x.ndim):
        with pytest.raises(ValueError, match=rf"^conv{rank}d_input: "):
            function("conv", rank, "_input")(shape, w, grad)
    for shape in (w.shape[1:], (*w.shape[:-1], 99), (0,) * w.ndim, (7, *w.shape[1:])):
        with pytest.raises(ValueError, match=rf"^conv{rank}d_weight: "):
            function("conv", rank, "_weight")(x, shape, grad)


@each_rank
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_gradients_per_sample_are_those_of_each_sample_alone(kind, rank):
    x, w = drawn(rank)
    w = w if kind == "conv" else np.moveaxis(w, 0, 1).copy()
    grad = function(kind, rank)(x, w)
    back = function(kind, rank, "_backward")
    _, grad_weight, grad_bias = back(grad, x, w, per_sample=True)
    for n in range(len(x)):
        _, alone, bias_alone = back(grad[n : n + 1], x[n : n + 1], w)
        np.testing.assert_allclose(grad_weight[n], alone, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(grad_bias[n], bias_alone, rtol=1e-12, atol=1e-12)


@each_rank
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_an_unbatched_call_is_a_batch_of_one(kind, rank):
    x, w = drawn(rank)
    w = w if kind == "conv" else np.moveaxis(w, 0, 1).copy()
    np.testing.assert_array_equal(function(kind, rank)(x[0], w), function(kind, rank)(x[:1], w)[0])


@each_rank
def test_positional_arguments_stand_in_pytorchs_order(rank):
    x, w = drawn(rank, groups=2)
    bias = np.arange(6.0)
    want = function("conv", rank)(x, w, bias=bias, stride=2, padding=1, dilation=1, groups=2)
    np.testing.assert_array_equal(function("conv", rank)(x, w, bias, 2, 1, 1, 2), want)


def test_a_view_with_zero_strides_is_read_as_what_it_shows():
    x = np.broadcast_to(np.arange(3.0)[:, None, None], (2, 3, 5, 6))
    w = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    np.testing.assert_array_equal(fc.conv2d(x, w), fc.conv2d(x.copy(), w))


def test_array_protocols_are_taken():
    class Wrapped:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    class Exported:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    x, w = drawn(2)
    want = fc.conv2d(x, w)
    for given in (Wrapped(x), Exported(x), memoryview(x), x.tolist()):
        got = fc.conv2d(given, w)
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, want)


def test_out_must_not_overlap_an_input():
    x = np.zeros((1, 2, 5, 5))
    w = np.zeros((2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"^conv2d: out shares memory"):
        fc.conv2d(x, w, padding=1, out=x)
    shared = np.zeros(200)
    with pytest.raises(ValueError, match=r"^conv2d: out shares memory"):
        fc.conv2d(shared[:50].reshape(1, 2, 5, 5), w, padding=1, out=shared[25:75].reshape(1, 2, 5, 5))


# A second call of the same shapes goes a shorter way.
@each_rank
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
@pytest.mark.parametrize("activation", [None, "relu", "gelu"])
def test_a_repeated_call_gives_the_bits_of_the_first_and_is_refused_alike(kind, rank, activation):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((2, 4, *(6,) * rank)), rng.standard_normal((4, 4, *(3,) * rank))
    b = rng.standard_normal(4)
    call = function(kind, rank)
    residual = rng.standard_normal(call(x, w).shape)
    first, again = (call(x, w, b, activation=activation, residual=residual) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    plain = call(x, w, b) + residual
    want = plain if activation is None else getattr(fc, activation)(plain)
    np.testing.assert_allclose(again, want, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="residual has shape"):
        call(x, w, b, residual=residual[..., :-1])
    with pytest.raises(TypeError, match="residual is float32"):
        call(x, w, b, residual=residual.astype(np.float32))
    with pytest.raises(ValueError, match="activation is 'sine'"):
        call(x, w, b, activation="sine")
    with pytest.raises(ValueError, match="bias has shape"):
        call(x, w, b[1:], activation=activation)


@each_rank
@pytest.mark.parametrize("groups", [1, 2])
def test_a_kernel_as_large_as_its_input_is_a_linear_layer(rank, groups):
    rng = np.random.default_rng(rank)
    cells = (3, 4, 2)[:rank]
    x, w = rng.standard_normal((5, 6, *cells)), rng.standard_normal((4, 6 // groups, *cells))
    bias, y = rng.standard_normal(6), rng.standard_normal((5, 4, *(1,) * rank))
    rows = np.zeros((4, x[0].size))
    for k, columns in enumerate(np.repeat(np.split(np.arange(x[0].size), groups), 4 // groups, axis=0)):
        rows[k, columns] = w[k].ravel()
    flat_x, flat_y = x.reshape(5, -1), y.reshape(5, -1)
    per_cell = np.repeat(bias, w[0, 0].size)
    seen = np.einsum("nk,ni->ki", flat_y, flat_x)[rows != 0].reshape(w.shape)
    close = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)
    close(function("conv", rank)(x, w, stride=2, groups=groups).reshape(5, -1), flat_x @ rows.T)
    transposed = function("conv_transpose", rank)(y, w, bias, groups=groups)
    close(transposed.reshape(5, -1), flat_y @ rows + per_cell)
    grad_input, grad_weight, _ = function("conv", rank, "_backward")(y, x, w, groups=groups)
    close(grad_input.reshape(5, -1), flat_y @ rows)
    close(grad_weight, seen)


# (input, weight, parameters) of every way that there is to write results: whole planes, rows, parts of rows, phases.
WRITTEN = [
    ((2, 6, 14, 14), (6, 1, 3, 3), {"padding": 1, "groups": 6}),
    ((1, 3, 40, 100), (3, 1, 5, 5), {"padding": 2, "groups": 3}),
    ((1, 3, 20, 130), (3, 1, 3, 3), {"padding": 1, "groups": 3}),
    ((1, 1, 30, 600), (1, 1, 3, 3), {"padding": 1}),
    ((1, 4, 29, 30), (4, 1, 3, 3), {"padding": 2, "dilation": 2, "groups": 4}),
    ((2, 36, 7, 7), (36, 1, 3, 3), {"padding": 1, "groups": 36}),
    ((2, 16, 14, 14), (16, 4, 3, 3), {"padding": 1, "groups": 4}),
    ((1, 16, 21, 28), (16, 4, 3, 3), {"padding": 1, "stride": 2, "groups": 4}),
    ((1, 3, 33, 50), (12, 3, 7, 7), {"padding": 3, "stride": 2}),
    ((1, 16, 56, 56), (40, 16, 1, 1), {}),
    ((1, 700, 19, 19), (40, 700, 1, 1), {}),
    ((3, 24, 7, 7), (40, 24, 1, 1), {}),
    ((1, 40, 30, 30), (5, 40, 1, 1), {}),
    ((2, 32, 17, 14), (48, 32, 3, 3), {"padding": 1}),
    ((2, 24, 15, 15), (16, 24, 5, 5), {"padding": 2, "stride": 3}),
    ((1, 8, 40, 40), (8, 1, 31, 31), {"padding": 15, "groups": 8}),
    ((1, 8, 6, 900), (24, 8, 2, 2), {"padding": (0, 1)}),
    ((2, 12, 17, 19), (16, 12, 8, 4), {"padding": (3, 1), "stride": (8, 4)}),
    ((1, 40, 14, 14), (24, 40, 3, 3), {"padding": (1, 0)}),
    ((1, 3, 40, 40), (260, 3, 5, 5), {"padding": 2, "stride": 5}),
    ((2, 30, 29, 31), (40, 30, 3, 3), {"padding": 1, "stride": 2}),
    ((1, 300, 2, 2), (450, 300, 1, 1), {}),
    ((1, 128, 1, 3), (128, 128, 3, 3), {"padding": 1}),
    ((3, 37, 3, 3), (37, 1, 3, 3), {"padding": 1, "groups": 37}),
    ((2, 20, 2, 1), (20, 1, 2, 3), {"padding": 1, "stride": (2, 1), "groups": 20}),
    ((1, 19, 1, 1), (19, 1, 5, 5), {"padding": 2, "groups": 19}),
]


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: "x".join(map(str, case[0])))
@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_what_is_fused_equals_what_follows(isa, case, activation, kind):
    x_shape, w_shape, parameters = case
    K, C, groups = *w_shape[:2], parameters.get("groups", 1)
    if kind == "conv_transpose":
        K, w_shape = w_shape[0], (C * groups, K // groups, *w_shape[2:])
    rng = np.random.default_rng(8)
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in (x_shape, w_shape, K))
    conv, apply = function(kind, 2), getattr(fc, activation)
    sums = conv(x, w, b, **parameters)
    residual = rng.standard_normal(sums.shape, np.float32)
    for more, want in (({}, apply(sums)), ({"residual": residual}, apply(sums + residual))):
        out = np.full_like(sums, np.nan)
        for _ in range(2):
            conv(x, w, b, **parameters, **more, activation=activation, out=out)
            np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-5 * np.abs(sums).max())
    np.testing.assert_allclose(conv(x, w, b, **parameters, residual=residual), sums + residual, rtol=1e-6, atol=1e-5)


# Its sums wait in scratch for those of the channels that follow.
def test_a_large_matrix_meets_what_far_taps_see_some_channels_at_a_time(isa):
    rng = np.random.default_rng(4)
    x, w = rng.standard_normal((2, 704, 13, 14), np.float32), rng.standard_normal((256, 704, 3, 3), np.float32)
    parameters = {"padding": 8, "dilation": 8}
    bias = rng.standard_normal(256, np.float32)
    assert "regions" in fc.explain(fc.conv2d, x, w, bias, **parameters).reason
    want = conv(x.astype(np.float64), w.astype(np.float64), bias.astype(np.float64), **parameters)
    got = fc.conv2d(x, w, bias, **parameters)
    np.testing.assert_allclose(got, want, atol=2e-3)
    for threads in (1, 3):
        with fc.threads(threads):
            ended = fc.conv2d(x, w, bias, **parameters, residual=got, activation="relu")
        np.testing.assert_array_equal(ended, np.maximum(got + got, 0))


# Calls of known shapes go by a table: parameters that mean the same find the same entry, all others none of it. What
# a copy of the weight in Fortran's order gives took the long way.
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_parameters_are_told_apart_however_they_are_written(kind):
    x, w = drawn(2)
    w = w[:4]
    conv, backward = function(kind, 2), function(kind, 2, "_backward")
    cases = [
        {"stride": stride, "padding": padding, "dilation": dilation}
        for stride in (1, 2, (1, 2), (2, 1))
        for padding in (0, 1, (1, 0), (0, 1))
        for dilation in (1, (1, 2), (2, 1))
    ]
    if kind == "conv":
        cases += [{"padding": word, "dilation": dilation} for word in ("same", "valid") for dilation in (1, (1, 2))]
        pairs = (((0, 1), (1, 0)), ((1, 0), (0, 1)), (1, (1, -1)), [(0, -1), 0], ((1, 1), (0, 0)))
        cases += [{"padding": padding, "stride": stride} for padding in pairs for stride in (1, 2)]
    expected = []
    for case in cases:
        y = conv(x, np.asfortranarray(w), **case)
        expected.append((y, backward(np.ones_like(y), x, np.asfortranarray(w), **case)))
    for case, (y, grads) in 2 * list(zip(cases, expected)):
        out = np.full_like(y, np.nan)
        assert conv(x, w, out=out, **case) is out
        np.testing.assert_array_equal(out, y)
        np.testing.assert_array_equal(conv(x, w, **case), y)
        for mine, its in zip(backward(np.ones_like(y), x, w, **case), grads):
            np.testing.assert_array_equal(mine, its)
    wrong_ones = [{"padding": wrong} for wrong in (-1, -(2**63), "sam", ((-1, 0), 0), ((0, 1, 2), 0))]
    for wrong in (*wrong_ones, {"stride": (1, 1, 1)}, {"stride": (1, True)}):
        with pytest.raises((ValueError, TypeError), match="padding|stride"):
            conv(x, w, **wrong)


@pytest.mark.parametrize("shared", ["input", "weight", "bias", "residual"])
def test_a_known_call_does_not_write_into_its_inputs(shared):
    x, w = drawn(2)
    y = fc.conv2d(x, w, np.zeros(6), padding=1)
    given = {"input": x, "weight": w, "bias": np.zeros(6), "residual": np.zeros_like(y)}
    fc.conv2d(**given, padding=1, out=y)
    room = np.zeros(y.size + given[shared].size)
    last = given[shared].size
    given[shared] = room[:last].reshape(given[shared].shape)
    with pytest.raises(ValueError, match="shares memory"):
        fc.conv2d(**given, padding=1, out=room[last - 1 : last - 1 + y.size].reshape(y.shape))
    fc.conv2d(**given, padding=1, out=room[last:].reshape(y.shape))
    y.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        fc.conv2d(**given, padding=1, out=y)
