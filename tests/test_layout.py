"""layout="NHWC": the values of channels first, moved; one copy at most."""

import itertools

import numpy as np
import pytest

import fastconv as fc
from arguments import each_rank, function
from fastconv import _core
from harness import same_bits

RNG = np.random.default_rng(11)


def drawn(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def last(x, rank):
    return np.ascontiguousarray(np.moveaxis(x, -rank - 1, -1))


SIZES = [(1, 1), (3, 5), (16, 16), (17, 33), (130, 7), (5, 300), (129, 131), (64, 1), (1, 90)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_the_transpose_moves_every_element(size, dtype, isa):
    for outer in (1, 3):
        x = drawn(outer, *size, dtype=dtype)
        y = np.full((outer, *size[::-1]), np.nan, dtype)
        _core.reorder(outer, *size, x, y)
        np.testing.assert_array_equal(y, np.swapaxes(x, 1, 2))


@each_rank
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_convolutions_and_their_gradients_give_the_bits_of_channels_first(kind, rank, isa):
    x, w, b = drawn(2, 8, *(19, 6, 9)[:rank]), drawn(8, 8, *(3,) * rank), drawn(8)
    keywords = {"padding": 1, "groups": 1}
    want = function(kind, rank)(x, w, b, **keywords)
    residual, dy = drawn(*want.shape), drawn(*want.shape)
    got = function(kind, rank)(last(x, rank), w, b, **keywords, layout="NHWC")
    assert same_bits(got, last(want, rank))
    fused = function(kind, rank)(x, w, b, **keywords, residual=residual, activation="relu")
    got = function(kind, rank)(
        last(x, rank), w, b, **keywords, residual=last(residual, rank), activation="relu", layout="NHWC"
    )
    assert same_bits(got, last(fused, rank))
    want = function(kind, rank, "_backward")(dy, x, w, **keywords)
    got = function(kind, rank, "_backward")(last(dy, rank), last(x, rank), w, **keywords, layout="NHWC")
    assert same_bits(got[0], last(want[0], rank))
    assert same_bits(got[1], want[1])
    assert same_bits(got[2], want[2])


KINDS = ["depthwise", "1x1"]


def last_call(kind, batch=1, channels=40, dtype=np.float32):
    """(input, weight, bias, keywords) of a convolution that reads channels last in place."""
    x, b = drawn(batch, 60, 33, channels, dtype=dtype), drawn(channels, dtype=dtype)
    if kind == "1x1":
        return x, drawn(channels, channels, 1, 1, dtype=dtype), b, {}
    return x, drawn(channels, 1, 3, 5, dtype=dtype), b, {"groups": channels, "padding": (1, 2)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_reads_channels_last_in_place_with_the_same_bits_for_any_thread_count(kind, dtype, isa, monkeypatch):
    x, w, b, keywords = last_call(kind, batch=2, dtype=dtype)
    with monkeypatch.context() as patch:
        patch.setattr(_core, "reorder", None)
        results = []
        for threads in (1, 2, 3):
            with fc.threads(threads):
                results += [fc.conv2d(x, w, b, **keywords, activation="silu", layout="NHWC") for _ in range(2)]
        single = fc.conv2d(x[1], w, b, **keywords, activation="silu", layout="NHWC")
    assert all(same_bits(results[0], result) for result in results)
    assert same_bits(results[0][1], single)
    want = fc.conv2d(np.moveaxis(x, -1, 1), w, b, **keywords, activation="silu")
    np.testing.assert_allclose(results[0], last(want, 2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_stays_in_the_windows_that_see_it(kind, isa):
    x, w, b, keywords = last_call(kind)
    x[0, 0, 0, 3], x[0, 30, 32, 39], x[0, 59, 7, 0] = np.nan, np.inf, -np.inf
    got = fc.conv2d(x, w, b, **keywords, layout="NHWC")
    want = last(fc.conv2d(np.moveaxis(x, -1, 1), w, b, **keywords, precision="exact"), 2)
    for test in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(test(got), test(want))


@pytest.mark.parametrize("kind", KINDS)
def test_prepared_weights_out_and_strided_inputs_change_no_bit(kind):
    x, w, b, keywords = last_call(kind)
    want = fc.conv2d(x, w, b, **keywords, layout="NHWC")
    out = np.full(want.shape, np.nan, np.float32)
    assert fc.conv2d(x, w, b, **keywords, layout="NHWC", out=out) is out
    assert same_bits(out, want)
    ready = fc.prepare(fc.conv2d, w)
    for _ in range(2):
        assert same_bits(fc.conv2d(x, ready, b, **keywords, layout="NHWC"), want)
    wide = np.repeat(x, 2, axis=2)[:, :, ::2]
    assert same_bits(fc.conv2d(wide, w, b, **keywords, layout="NHWC"), want)


def test_a_call_of_one_layout_is_not_taken_for_the_same_shapes_in_the_other():
    x, w = drawn(1, 24, 24, 24), drawn(24, 1, 3, 3)
    for _ in range(2):
        first, back = (fc.conv2d(x, w, groups=24, layout=layout) for layout in ("NCHW", "NHWC"))
        want = fc.conv2d(np.ascontiguousarray(np.moveaxis(x, -1, 1)), w, groups=24)
        assert (first.shape, back.shape) == ((1, 24, 22, 22), (1, 22, 22, 24))
        np.testing.assert_allclose(back, last(want, 2), rtol=1e-4, atol=1e-5)


POOLS = [
    ("max_pool", (2,)),
    ("min_pool", (2,)),
    ("avg_pool", (2,)),
    ("adaptive_avg_pool", (3,)),
    ("adaptive_max_pool", (3,)),
]


@each_rank
@pytest.mark.parametrize(("kind", "arguments"), POOLS, ids=[name for name, _ in POOLS])
def test_pools_give_the_values_of_channels_first(kind, arguments, rank):
    x = drawn(2, 5, *(9, 8, 7)[:rank])
    got = function(kind, rank)(last(x, rank), *arguments, layout="NHWC")
    np.testing.assert_allclose(got, last(function(kind, rank)(x, *arguments), rank), rtol=1e-5, atol=1e-6)
    a, b = fc.Tensor(x, requires_grad=True), fc.Tensor(last(x, rank), requires_grad=True)
    function(kind, rank)(a, *arguments).sum().backward()
    function(kind, rank)(b, *arguments, layout="NHWC").sum().backward()
    np.testing.assert_allclose(b.grad, last(a.grad, rank), rtol=1e-5, atol=1e-6)


@each_rank
def test_positions_are_moved_with_their_values(rank):
    x = drawn(2, 5, *(9, 8, 7)[:rank])
    want = function("max_pool", rank)(x, 2, return_indices=True)[1]
    got = function("max_pool", rank)(last(x, rank), 2, return_indices=True, layout="NHWC")[1]
    np.testing.assert_array_equal(got, last(want, rank))


def test_out_is_filled_in_the_callers_layout():
    x, w = drawn(2, 9, 8, 5), drawn(4, 5, 3, 3)
    out = np.full((2, 7, 6, 4), np.nan, np.float32)
    assert fc.conv2d(x, w, layout="NHWC", out=out) is out
    assert same_bits(out, fc.conv2d(x, w, layout="NHWC"))
    with pytest.raises(ValueError, match=r"^conv2d: out has shape"):
        fc.conv2d(x, w, layout="NHWC", out=np.empty((2, 4, 7, 6), np.float32))


def test_a_view_of_channels_first_is_not_copied_and_one_of_no_order_once(monkeypatch):
    first, w, copies = drawn(2, 8, 20, 24), drawn(4, 8, 3, 3), []
    reorder = _core.reorder
    monkeypatch.setattr(_core, "reorder", lambda *a: copies.append(a[3].shape) or reorder(*a))
    want = last(fc.conv2d(first, w), 2)
    got = fc.conv2d(np.moveaxis(first, 1, -1), w, layout="NHWC")
    assert same_bits(got, want)
    assert copies == [(2, 4, 18, 22)]
    fc.conv2d(last(first, 2), w, layout="NHWC")
    assert len(copies) == 3


def test_refuses_other_layouts_and_too_few_axes():
    x, w = drawn(2, 8, 8, 5), drawn(4, 5, 3, 3)
    with pytest.raises(ValueError, match=r"^conv2d: layout is 'NHCW'"):
        fc.conv2d(x, w, layout="NHCW")
    with pytest.raises(ValueError, match=r"^conv2d: input has 2 dimensions"):
        fc.conv2d(x[0, 0], w, layout="NHWC")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 30, 40, 9), (2, 1, 50, 300), (60, 700), (3, 5, 7, 11, 17), (33, 1, 8, 80)])
def test_large_arrays_with_their_axes_in_any_order(shape, dtype):
    x = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    backwards = range(x.ndim)[::-1]
    for order in itertools.permutations(range(x.ndim)):
        got = fc.permute(x, order)
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, x.transpose(order))
    for view in (x[..., ::-1], x[1:], x[..., 1:], np.broadcast_to(x[:1], (9, *shape[1:])), np.asfortranarray(x)):
        np.testing.assert_array_equal(fc.permute(view, backwards), view.T)
