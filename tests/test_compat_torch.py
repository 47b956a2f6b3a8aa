"""fastconv.compat.torch: values and gradients beside torch's own, gradcheck, and shared memory."""

import copy
import importlib
import pickle
import sys

import numpy as np
import pytest

import fastconv

torch = pytest.importorskip("torch")
fast = importlib.import_module("fastconv.compat.torch")
F = torch.nn.functional


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def draw(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


CALLS = {
    "conv1d": (((2, 4, 9), (6, 2, 3), (6,)), {"stride": 2, "padding": 1, "groups": 2}),
    "conv2d": (((2, 4, 7, 6), (6, 2, 3, 2), (6,)), {"stride": (2, 1), "padding": 1, "groups": 2}),
    "conv3d": (((1, 2, 4, 5, 4), (3, 2, 3, 3, 1), (3,)), {"dilation": (1, 2, 1), "padding": "same"}),
    "conv_transpose2d": (((2, 4, 3, 4), (4, 3, 3, 2), (6,)), {"stride": 2, "output_padding": 1, "groups": 2}),
    "max_pool2d": (((2, 3, 6, 7),), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    "avg_pool2d": (((2, 3, 6, 7),), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    "adaptive_avg_pool2d": (((2, 3, 6, 7),), {"output_size": (2, 3)}),
    "linear": (((4, 5), (3, 5), (3,)), {}),
    "gelu": (((4, 5),), {}),
    "layer_norm": (((4, 5),), {"normalized_shape": (5,)}),
    "mse_loss": (((4, 5), (4, 5)), {}),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients_are_torch_s(name, dtype):
    shapes, options = CALLS[name]
    inputs = [draw(*shape, dtype=dtype) for shape in shapes]
    result, expected = (getattr(where, name)(*inputs, **options) for where in (fast, F))
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {}
    torch.testing.assert_close(result, expected, **close)
    slope = torch.randn_like(expected)
    gradients = (torch.autograd.grad(output, inputs, slope) for output in (result, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, **close)


@pytest.mark.parametrize("name", CALLS)
def test_gradcheck_passes(name):
    shapes, options = CALLS[name]
    assert torch.autograd.gradcheck(lambda *x: getattr(fast, name)(*x, **options), [draw(*s) for s in shapes])


def test_every_operation_with_a_gradient_is_there():
    expected = {op.name for op in fastconv.OPS.values() if op.backward is not None and not op.sequence}
    assert expected | {"swap"} == set(fast.__all__)


def test_memory_is_shared_and_never_aliased_by_a_gradient():
    x, w = draw(1, 2, 5, 5), draw(3, 2, 3, 3)
    residual = draw(1, 3, 3, 3)
    result = fast.conv2d(x, w, residual=residual)
    assert result.detach().numpy().__array_interface__["data"][0] == result.data_ptr()
    slope = torch.ones_like(result)
    result.backward(slope)
    assert residual.grad.data_ptr() != slope.data_ptr()
    strided = torch.randn(1, 5, 5, 2, dtype=torch.float64).permute(0, 3, 1, 2)
    torch.testing.assert_close(fast.conv2d(strided, w), F.conv2d(strided, w))


def test_only_what_requires_a_gradient_gets_one():
    x, w = torch.randn(1, 2, 5, 5), draw(3, 2, 3, 3, dtype=torch.float32)
    fast.conv2d(x, w).sum().backward()
    assert x.grad is None
    assert w.grad.shape == w.shape
    with torch.no_grad():
        assert not fast.conv2d(x, w).requires_grad
    assert not fast.conv2d(x, w.detach()).requires_grad


def test_indices_come_with_the_maxima():
    x = draw(1, 2, 6, 6)
    (ours, at), (theirs, there) = (where.max_pool2d(x, 2, return_indices=True) for where in (fast, F))
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(at, there)
    ours.sum().backward()
    assert x.grad.sum() == ours.numel()


def test_running_statistics_are_updated_in_place():
    x, means, spreads = torch.randn(4, 3, 5), torch.zeros(3), torch.ones(3)
    theirs = (means.clone(), spreads.clone())
    result = fast.batch_norm(x, means, spreads, training=True)
    torch.testing.assert_close(result, F.batch_norm(x, *theirs, training=True), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close((means, spreads), theirs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_stored_and_computed_in_single(dtype):
    x, w = draw(1, 2, 5, 5, dtype=dtype), draw(3, 2, 3, 3, dtype=dtype)
    result = fast.conv2d(x, w)
    assert result.dtype == dtype
    torch.testing.assert_close(result, F.conv2d(x.float(), w.float()).to(dtype))
    result.sum().backward()
    assert w.grad.dtype == dtype


def test_what_torch_would_refuse_is_refused():
    x, w = draw(1, 2, 5, 5), draw(3, 2, 3, 3)
    with pytest.raises(ValueError, match="conv2d: weight has"):
        fast.conv2d(draw(1, 3, 5, 5), w)
    with pytest.raises(TypeError, match="out"):
        fast.conv2d(x, w, out=np.empty(3))
    with pytest.raises(TypeError, match="float32"):
        fast.conv2d(x, w.float())
    y = x * 1
    result = fast.conv2d(y, w)
    y.detach().add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


# Also where the gradient of the result is a constant, as under a plain sum, and the rest of the graph has derivatives.
@pytest.mark.parametrize("loss", [lambda y: y.sum(), lambda y: y.square().sum()])
def test_second_derivatives_are_refused_and_never_forgotten(loss):
    x, w, scale = draw(1, 2, 5, 5), draw(3, 2, 3, 3), draw(1)
    (slope,) = torch.autograd.grad(loss(fast.conv2d(x * scale, w)), x, create_graph=True)
    (expected,) = torch.autograd.grad(loss(F.conv2d(x * scale, w)), x)
    torch.testing.assert_close(slope.detach(), expected)
    with pytest.raises(NotImplementedError, match="conv2d: a derivative of its derivative"):
        slope.square().sum().backward()


def network():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding="same", groups=2),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.ConvTranspose2d(4, 3, 2, stride=2),
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own, when it first makes a dual tensor
def test_forward_mode_and_function_transforms_are_refused():
    x, w = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(NotImplementedError, match="jvp"):
            fast.conv2d(dual, w)
    for transform in (torch.func.grad, torch.func.vmap, torch.func.jacrev, torch.func.jacfwd):
        with pytest.raises(RuntimeError):
            transform(lambda x: fast.conv2d(x, w).sum())(x)


def test_swapped_networks_compute_and_train_alike():
    net = network()
    fast_net = fast.swap(copy.deepcopy(net))
    assert list(fast_net.state_dict()) == list(net.state_dict())
    x = torch.randn(2, 2, 10, 10)
    for each in (net, copy.deepcopy(fast_net), fast_net):
        each(x).square().mean().backward()
    torch.testing.assert_close(fast_net(x), net(x), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(fast_net.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)
    assert fast_net[4](x[:, :1].expand(2, 4, 10, 10), output_size=(20, 20)).shape == (2, 3, 20, 20)


def test_pickled_networks_come_back_as_torch_s_own():
    net = fast.swap(network())
    back = pickle.loads(pickle.dumps(net))
    x = torch.randn(1, 2, 10, 10)
    assert all(a.forward.__func__ is type(b).forward for a, b in zip(back, network()))
    torch.testing.assert_close(fast.swap(back)(x), net(x))


def test_missing_torch_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fastconv.compat.torch")
    with pytest.raises(ImportError, match=r'pip install "fastconv\[torch\]"'):
        importlib.import_module("fastconv.compat.torch")
