"""Every layer and loss gives PyTorch's outputs, gradients and running statistics."""

import itertools

import numpy as np
import pytest

from fastconv import nn
from fastconv.tensor import Tensor

RANKS = (1, 2, 3)
IMAGES = {1: (2, 4, 9), 2: (2, 4, 9, 8), 3: (2, 4, 7, 6, 5)}


def draw(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# (class name, positional arguments, keywords, input shape) for every layer that PyTorch has too.
def layer_cases():
    for rank in RANKS:
        image = IMAGES[rank]
        yield f"Conv{rank}d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, image
        yield f"Conv{rank}d", (4, 6, 3), {"padding": "same", "dilation": 2, "bias": False}, image
        for mode in ("reflect", "replicate", "circular"):
            yield f"Conv{rank}d", (4, 6, 3), {"padding": 2, "padding_mode": mode}, image
        yield f"Conv{rank}d", (4, 6, 4), {"padding": "same", "padding_mode": "circular"}, image
        yield (
            f"ConvTranspose{rank}d",
            (4, 6, 3),
            {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
            image,
        )
        yield f"BatchNorm{rank}d", (4,), {}, image
        yield f"BatchNorm{rank}d", (4,), {"momentum": None, "eps": 1e-3}, image
        yield f"BatchNorm{rank}d", (4,), {"affine": False, "track_running_stats": False}, image
        yield f"InstanceNorm{rank}d", (4,), {"affine": True, "track_running_stats": True}, image
        yield f"InstanceNorm{rank}d", (4,), {}, image[1:]
        yield f"MaxPool{rank}d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, image
        yield f"AvgPool{rank}d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, image
        yield f"LPPool{rank}d", (2, 3), {"stride": 2}, image
        yield f"AdaptiveAvgPool{rank}d", (2,), {}, image
        yield f"AdaptiveMaxPool{rank}d", (2,), {}, image
    yield "BatchNorm1d", (4,), {}, (5, 4)
    yield "Linear", (7, 3), {}, (2, 5, 7)
    yield "LayerNorm", (7,), {}, (2, 5, 7)
    yield "LayerNorm", ((5, 7),), {"bias": False}, (2, 5, 7)
    yield "GroupNorm", (2, 4), {}, IMAGES[2]
    yield "LocalResponseNorm", (3,), {}, IMAGES[2]
    yield "Flatten", (), {}, IMAGES[2]
    yield "Flatten", (2, 3), {}, IMAGES[2]
    yield "Unflatten", (1, (2, 2)), {}, IMAGES[2]
    yield "PixelShuffle", (2,), {}, IMAGES[2]
    yield "Upsample", (), {"scale_factor": 2}, IMAGES[2]
    yield "Upsample", (), {"size": (5, 11), "mode": "bilinear", "align_corners": True}, IMAGES[2]
    yield "PReLU", (4,), {}, IMAGES[2]
    for name in ("ReLU", "ReLU6", "ELU", "GELU", "Sigmoid", "Tanh", "SiLU", "Mish", "Softplus", "Hardswish"):
        yield name, (), {}, IMAGES[2]
    yield "Hardsigmoid", (), {}, IMAGES[1]
    yield "LeakyReLU", (0.2,), {}, IMAGES[2]
    yield "Softmax", (), {"dim": -1}, IMAGES[2]
    yield "LogSoftmax", (1,), {}, IMAGES[2]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), list(layer_cases()))
def test_layer_gives_torchs_outputs_gradients_and_statistics(name, args, kwargs, shape, train):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(*args, **kwargs).double().train(train)
    ours = getattr(nn, name)(*args, **kwargs).to(np.float64).train(train)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for seed in (0, 1):
        x, t = (
            Tensor(draw(shape, seed, np.float64), True),
            torch.tensor(draw(shape, seed, np.float64), requires_grad=True),
        )
        y, expected = ours(x), theirs(t)
        np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-10)
        weight = draw(y.shape, 9, np.float64)
        y.backward(weight)
        expected.backward(torch.tensor(weight))
        np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-7, atol=1e-9)
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(own.grad, other.grad.numpy(), rtol=1e-7, atol=1e-9)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-9, err_msg=key)


LOSSES = [
    ("MSELoss", {}), ("L1Loss", {"reduction": "sum"}),
    ("SmoothL1Loss", {"beta": 0.5}), ("HuberLoss", {"delta": 0.7}),
    ("BCEWithLogitsLoss", {}), ("BCELoss", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), LOSSES)
def test_losses_follow_torch(name, options):
    torch = pytest.importorskip("torch")
    x, y = draw((4, 5), 0, np.float64), np.abs(np.tanh(draw((4, 5), 1, np.float64)))
    if name == "BCELoss":
        x = 1 / (1 + np.exp(-x))
    expected = getattr(torch.nn, name)(**options)(torch.tensor(x), torch.tensor(y))
    assert float(getattr(nn, name)(**options)(x, y)) == pytest.approx(float(expected), rel=1e-10)


def test_cross_entropy_layers_follow_torch():
    torch = pytest.importorskip("torch")
    x, y = draw((6, 4), 0, np.float64), np.array([0, 3, 1, -100, 2, 2])
    weight = np.array([1.0, 2.0, 0.5, 1.5])
    for smoothing, reduction in itertools.product((0.0, 0.1), ("mean", "sum")):
        options = {"reduction": reduction, "label_smoothing": smoothing}
        theirs = torch.nn.CrossEntropyLoss(torch.tensor(weight), **options)(torch.tensor(x), torch.tensor(y))
        assert float(nn.CrossEntropyLoss(weight, **options)(x, y)) == pytest.approx(float(theirs), rel=1e-10)
