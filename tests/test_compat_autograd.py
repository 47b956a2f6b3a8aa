"""fastconv.compat.autograd: gradients beside HIPS autograd's own, and beside finite differences."""

import numpy as np
import pytest

pytest.importorskip("autograd")

import autograd.numpy as anp
import autograd.scipy.signal as hips
from autograd import elementwise_grad, grad, jacobian
from autograd.test_util import check_grads

import fastconv
from fastconv.compat import autograd as bridge

rng = np.random.default_rng(0)


def draw(*shape):
    return rng.standard_normal(shape)


CONVOLUTIONS = [
    ((7,), (3,), None, ((), ())),
    ((3, 4), (6, 7), None, ((), ())),
    ((4, 5, 6), (3, 2, 3), None, ((), ())),
    ((2, 3, 9, 8), (3, 4, 3, 2), ([2, 3], [2, 3]), ([1], [0])),
    ((2, 5, 7), (5, 3, 4), ([2], [2]), ([1], [0])),
]


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
@pytest.mark.parametrize(("a", "b", "axes", "dot_axes"), CONVOLUTIONS)
def test_convolve_and_its_gradients_are_those_of_autograd_scipy_signal(a, b, axes, dot_axes, mode):
    a, b = draw(*a), draw(*b)

    def loss(convolve):
        return lambda a, b: anp.sum(anp.sin(convolve(a, b, axes, dot_axes, mode)))

    result, expected = (f(a, b, axes, dot_axes, mode) for f in (bridge.convolve, hips.convolve))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-12)
    for argnum in (0, 1):
        ours, theirs = (grad(loss(f), argnum)(a, b) for f in (bridge.convolve, hips.convolve))
        np.testing.assert_allclose(ours, theirs, atol=1e-11)


def test_convolve_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="mode"):
        bridge.convolve(draw(4), draw(2), mode="middle")
    with pytest.raises(ValueError, match="axes"):
        bridge.convolve(draw(2, 2, 2, 2), draw(2, 2, 2, 2))
    with pytest.raises(ValueError, match="one to hold the other"):
        bridge.convolve(draw(3, 5), draw(4, 4), mode="valid")


TWICE = {
    "conv1d": (lambda x, w, b: bridge.conv1d(x, w, b, 2, 1), ((2, 4, 7), (3, 4, 3), (3,))),
    "conv2d": (lambda x, w, b: bridge.conv2d(x, w, b, 2, 1, groups=2), ((2, 4, 5, 6), (6, 2, 3, 2), (6,))),
    "conv2d same": (lambda x, w: bridge.conv2d(x, w, padding="same", dilation=2), ((1, 2, 5, 6), (2, 2, 3, 2))),
    "conv3d unbatched": (lambda x, w: bridge.conv3d(x, w), ((2, 3, 3, 4), (2, 2, 2, 1, 3))),
    "conv_transpose2d": (
        lambda x, w, b: bridge.conv_transpose2d(x, w, b, 2, 1, 1, groups=2),
        ((2, 4, 3, 4), (4, 3, 3, 2), (6,)),
    ),
    "max_pool2d of relu": (lambda x: bridge.max_pool2d(bridge.relu(x), 2), ((1, 2, 4, 4),)),
    "min_pool1d": (lambda x: bridge.min_pool1d(x, 3, 1, 1) ** 2, ((2, 2, 6),)),
    "avg_pool2d": (lambda x: bridge.avg_pool2d(x, 3, 2, 1, ceil_mode=True) ** 2, ((1, 2, 6, 5),)),
}


@pytest.mark.parametrize("name", TWICE)
def test_gradients_and_their_gradients_are_finite_differences(name):
    function, shapes = TWICE[name]
    check_grads(function, modes=["rev"], order=2)(*(draw(*shape) for shape in shapes))


ONCE = {
    "gelu": (lambda x: bridge.gelu(x), ((2, 3),)),
    "batch_norm": (
        lambda x, w, b: bridge.batch_norm(x, None, None, w, b, training=True),
        ((4, 3, 2, 2), (3,), (3,)),
    ),
    "fused conv2d": (
        lambda x, w, b, r: bridge.conv2d(x, w, b, activation="silu", residual=r),
        ((2, 3, 4, 4), (2, 3, 3, 3), (2,), (2, 2, 2, 2)),
    ),
    "interpolate": (
        lambda x: bridge.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
        ((1, 2, 3, 3),),
    ),
}


@pytest.mark.parametrize("name", ONCE)
def test_every_operation_has_its_declared_gradient(name):
    function, shapes = ONCE[name]
    arguments = [draw(*shape) for shape in shapes]
    check_grads(function, modes=["rev"], order=1)(*arguments)
    with pytest.raises(NotImplementedError, match="derivative of its derivative"):
        elementwise_grad(elementwise_grad(function))(*arguments)


def test_every_operation_with_a_gradient_is_there():
    expected = {op.name for op in fastconv.OPS.values() if op.backward is not None and not op.sequence}
    assert expected | {"convolve"} == set(bridge.__all__)
    assert all(callable(getattr(bridge, name)) for name in expected)


def test_jacobian_walks_back_many_times_and_dtypes_stay():
    x, w = draw(1, 1, 5), draw(1, 1, 2)
    rows = jacobian(lambda w: bridge.conv1d(x, w))(w)
    np.testing.assert_array_equal(rows[0, 0, :, 0, 0], np.lib.stride_tricks.sliding_window_view(x[0, 0], 2))
    single = grad(lambda w: anp.sum(bridge.conv1d(x.astype(np.float32), w)))(w.astype(np.float32))
    assert single.dtype == np.float32


def test_arrays_alone_give_what_fastconv_gives():
    x = np.float32(draw(1, 2, 4, 4))
    result, indices = bridge.max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(result, fastconv.max_pool2d(x, 2))
    assert indices.dtype == np.int64


def test_what_a_trace_cannot_follow_is_refused():
    x = draw(1, 2, 4, 4)
    with pytest.raises(ValueError, match="return_indices"):
        grad(lambda x: anp.sum(bridge.max_pool2d(x, 2, return_indices=True)[0]))(x)
    with pytest.raises(ValueError, match="out"):
        grad(lambda x: anp.sum(bridge.relu(x, out=np.empty_like(x._value))))(x)
    twice = elementwise_grad(elementwise_grad(lambda x: bridge.max_pool2d(x, 2, layout="NHWC") ** 2))
    with pytest.raises(NotImplementedError, match="layout"):
        twice(x)
