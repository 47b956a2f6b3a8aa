"""Convolutions below a max pool: gradients made of the cells that the pool chose alone are those of all cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastconv as fc
from fastconv import _core
from fastconv.ops.conv import Convolution
from harness import DTYPES
from reference.conv import conv_backward

# input shape, output channels, kernel, stride, padding, row dilation, cells chosen of each plane; which gradients are
# made of them: of the input, of the weight.
LAYERS = {
    "few channels": ((16, 3, 20, 20), 9, (3, 3), 1, 0, 1, 81, "w"),
    "one channel": ((24, 1, 19, 17), 5, (5, 3), 1, 0, 1, 20, "w"),
    "many outputs": ((16, 3, 12, 12), 1500, (3, 3), 1, 0, 1, 20, "w"),
    "small planes": ((24, 34, 11, 11), 20, (3, 3), 1, 0, 1, 16, "iw"),
    "small planes, padded": ((40, 32, 8, 9), 13, (3, 3), 1, 1, 1, 9, "iw"),
    "channels of two chunks": ((69, 70, 7, 6), 21, (3, 3), 1, 0, 1, 4, "iw"),
    "large windows": ((20, 40, 9, 12), 10, (7, 5), 1, (3, 2), 1, 12, "iw"),
    "strided": ((24, 32, 13, 14), 12, (3, 4), (2, 1), 1, 1, 11, "iw"),
    "strided, cells left over": ((70, 35, 18, 16), 12, (3, 3), 3, 0, 1, 4, "iw"),
    "far rows": ((24, 33, 14, 9), 12, (3, 3), 1, (2, 1), 2, 10, "iw"),
    "rows": ((60, 36, 1, 40), 10, (1, 5), 1, (0, 2), 1, 5, "iw"),
    "single taps": ((40, 64, 12, 12), 24, (1, 1), 1, 0, 1, 4, "iw"),
    "every image a block": ((9, 33, 22, 23), 12, (3, 3), 1, 1, 1, 30, "iw"),
}


def case(name, dtype="float64", seed=0):
    shape, channels, kernel, stride, padding, dilation, count, _ = LAYERS[name]
    rng = np.random.default_rng(seed)
    parameters = (stride, padding, (dilation, 1), 1)
    weight_shape = (channels, shape[1], *kernel)
    geometry, out = Convolution.geometry("conv2d", 2, shape, weight_shape, *parameters)
    x, w = rng.standard_normal(shape).astype(dtype), rng.standard_normal(weight_shape).astype(dtype)
    # Some cells are chosen twice, and some values are zero.
    values = rng.standard_normal((*out[:2], count)).astype(dtype) * (rng.random((*out[:2], count)) < 0.8)
    positions = rng.integers(0, out[2] * out[3], values.shape)
    whole = np.zeros((*out[:2], out[2] * out[3]), dtype)
    np.add.at(whole, (*np.ogrid[: out[0], : out[1], :1][:2], positions), values)
    return x, w, parameters, geometry, values.astype(dtype), positions, whole.reshape(out)


def chosen(geometry, number, values, positions, other, shape):
    result = np.full(shape, np.nan, values.dtype)
    return result if _core.conv_grad_chosen(geometry, number, values, positions, other, result) else None


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_as_of_all_cells(name, dtype, isa):
    x, w, parameters, geometry, values, positions, whole = case(name, dtype)
    want = conv_backward(whole.astype(float), x.astype(float), w.astype(float), *parameters)
    scale = conv_backward(abs(whole).astype(float), abs(x).astype(float), abs(w).astype(float), *parameters)
    made = ""
    for letter, number, other, place in (("i", 1, w, 0), ("w", 2, x, 1)):
        got = chosen(geometry, number, values, positions, other, want[place].shape)
        if got is not None:
            made += letter
            assert np.abs(got - want[place]).max() <= 32 * np.finfo(dtype).eps * scale[place].max(), (name, letter)
    if _core.isa() == "avx512" and dtype == "float32":
        assert made == LAYERS[name][-1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(LAYERS)), st.sampled_from(DTYPES))
def test_any_values(seed, name, dtype):
    x, w, parameters, geometry, values, positions, whole = case(name, dtype, seed)
    want = fc.conv2d_backward(whole, x, w, *parameters)
    for number, other, wanted in ((1, w, want[0]), (2, x, want[1])):
        got = chosen(geometry, number, values, positions, other, wanted.shape)
        assert got is None or np.abs(got - wanted).max() <= 1e5 * np.finfo(dtype).eps * np.abs(wanted).max()


@pytest.mark.parametrize("name", ["few channels", "small planes", "channels of two chunks"])
def test_same_bits_on_any_threads(name):
    x, w, _, geometry, values, positions, _ = case(name, "float32")
    with fc.threads(1):
        want = [chosen(geometry, n, values, positions, o, r.shape) for n, o, r in ((1, w, x), (2, x, w))]
    for count in (2, 3, 8):
        with fc.threads(count):
            got = [chosen(geometry, n, values, positions, o, r.shape) for n, o, r in ((1, w, x), (2, x, w))]
        for a, b in zip(want, got, strict=True):
            assert (a is None and b is None) or a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", LAYERS)
def test_scratch_is_within_the_bound_of_convolution(name, isa):
    x, w, _, geometry, values, positions, _ = case(name)
    for number, other, shape in ((1, w, x.shape), (2, x, w.shape)):
        with fc.threads(2):
            fc.release_scratch()
            chosen(geometry, number, values, positions, other, shape)
        assert _core.scratch_bytes() <= 11 * w.nbytes + 3 * (4 << 20)


def pooled(x, w, b, record, **pool):
    tensors = [fc.Tensor(a, requires_grad=record) for a in (x, w, b)]
    features = fc.conv2d(*tensors)
    return tensors, features, fc.max_pool2d(features, 2, **pool)


def layer(dtype="float32"):
    rng = np.random.default_rng(3)
    shapes = (16, 32, 13, 13), (20, 32, 3, 3), (20,)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_on_the_tape():
    x, w, b = layer("float64")
    for stride in (1, 2):
        tensors, features, y = pooled(x, w, b, True, stride=stride)
        y.backward(y.data)
        _, indices = fc.max_pool2d(features.data, 2, stride=stride, return_indices=True)
        whole = fc.max_pool2d_backward(y.data, indices, features.shape)
        for tensor, want in zip(tensors, fc.conv2d_backward(whole, x, w), strict=True):
            np.testing.assert_allclose(tensor.grad, want, rtol=1e-10, atol=1e-10)


def test_nothing_but_chosen_cells_is_made(monkeypatch):
    x, w, b = layer()
    tensors, _, y = pooled(x, w, b, True)
    monkeypatch.setattr(_core, "pool_scatter", None)
    y.backward(y.data)
    assert all(tensor.grad is not None for tensor in tensors)


def test_other_uses_of_the_same_features():
    x, w, b = layer("float64")
    for first in (0, 1):
        tensors, features, y = pooled(x, w, b, True)
        terms = [(y * y).sum(), (features * 0.5).sum()]
        (terms[first] + terms[1 - first] + fc.max_pool2d(features, 3).sum()).backward()
        tensors, want = [t.grad for t in tensors], fc.conv2d(x, w, b)
        _, two = fc.max_pool2d(want, 2, return_indices=True)
        _, three = fc.max_pool2d(want, 3, return_indices=True)
        whole = fc.max_pool2d_backward(2 * y.data, two, want.shape) + 0.5
        whole += fc.max_pool2d_backward(np.ones(three.shape), three, want.shape)
        for got, wanted in zip(tensors, fc.conv2d_backward(whole, x, w), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_not_finite_spreads_as_it_does_from_all_cells(value, place):
    arrays = layer()
    arrays[place].flat[7] = value
    x, w, _ = arrays
    with np.errstate(all="ignore"):
        tensors, features, y = pooled(*arrays, True)
        grad = np.ones(y.shape, np.float32)
        y.backward(grad)
        _, indices = fc.max_pool2d(features.data, 2, return_indices=True)
        whole = fc.max_pool2d_backward(grad, indices, features.shape)
        wanted = fc.conv2d_backward(whole, x, w)
    for tensor, want in zip(tensors, wanted, strict=True):
        np.testing.assert_allclose(tensor.grad, want, rtol=1e-4, atol=1e-4)


def test_a_position_outside_is_refused():
    x, w, b = layer()
    tensors = [fc.Tensor(a, requires_grad=True) for a in (x, w, b)]
    y, indices = fc.max_pool2d(fc.conv2d(*tensors), 2, return_indices=True)
    indices.data[3, 4, 1, 1] = 121
    with pytest.raises(ValueError, match="max_pool2d_backward: indices"):
        y.backward(y.data)


def test_empty_batches():
    x, w, b = layer()
    tensors, _, y = pooled(x[:0], w, b, True)
    y.backward(y.data)
    assert [t.grad.shape for t in tensors] == [x[:0].shape, w.shape, b.shape]
    assert not tensors[1].grad.any()
