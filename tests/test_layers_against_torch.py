"""Every layer beside torch.nn's: arguments, attributes, state both ways, results and gradients in both modes."""

import inspect

import numpy as np
import pytest

from fastconv import Tensor, nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

CONTAINERS = {"Module", "Parameter", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
SPATIAL = {1: (13,), 2: (9, 8), 3: (5, 6, 7)}


def _ranked(name, channels, *calls):
    """The same calls for ranks 1, 2 and 3; `{}` in a name is the rank."""
    return [
        (name.format(rank), args, keywords, (2, channels, *SPATIAL[rank]))
        for rank in (1, 2, 3)
        for args, keywords in calls
    ]


def _call(*args, **keywords):
    return args, keywords


LAYERS = [
    *_ranked(
        "Conv{}d",
        4,
        _call(4, 6, 3),
        _call(4, 6, 3, 2, 1, 2, 2, False),
        _call(4, 6, 2, padding="same", padding_mode="reflect"),
        _call(4, 8, 3, padding=1, padding_mode="circular", groups=4),
        _call(4, 2, 3, padding=2, padding_mode="replicate", stride=2),
    ),
    *_ranked("ConvTranspose{}d", 4, _call(4, 6, 3), _call(4, 6, 3, 2, 1, 1, 2, False, 2)),
    *_ranked(
        "MaxPool{}d",
        3,
        _call(2),
        _call(3, 2, 1, 1, False, True),
        _call(kernel_size=2, stride=1, dilation=2, return_indices=True),
    ),
    *_ranked("AvgPool{}d", 3, _call(2), _call(3, 2, 1, True, False)),
    *_ranked("LPPool{}d", 3, _call(2, 2), _call(2.0, 3, 2, True)),
    *_ranked("AdaptiveAvgPool{}d", 3, _call(1), _call(4)),
    *_ranked("AdaptiveMaxPool{}d", 3, _call(2), _call(4, True)),
    *_ranked("InstanceNorm{}d", 5, _call(5), _call(5, 1e-3, 0.2, True, True), _call(5, affine=True)),
    *_ranked("InstanceNorm{}d", 5, _call(5, momentum=None, track_running_stats=True)),
    *_ranked(
        "BatchNorm{}d",
        5,
        _call(5),
        _call(5, 1e-3, 0.3, False),
        _call(5, momentum=None),
        _call(5, track_running_stats=False),
    ),
    *_ranked("Dropout{}d", 3, _call(0.0), _call(1.0, True)),
    ("BatchNorm1d", (7,), {}, (4, 7)),
    ("LayerNorm", (8,), {}, (3, 4, 8)),
    ("LayerNorm", ((4, 8), 1e-3, True, False), {}, (3, 4, 8)),
    ("LayerNorm", ([8],), {"elementwise_affine": False}, (3, 8)),
    ("GroupNorm", (2, 6), {}, (3, 6, 5, 4)),
    ("GroupNorm", (3, 6, 1e-3, False), {}, (3, 6, 5)),
    ("LocalResponseNorm", (3,), {}, (2, 5, 4, 4)),
    ("LocalResponseNorm", (2, 0.1, 0.5, 2.0), {}, (2, 5, 4)),
    ("Linear", (6, 4), {}, (3, 5, 6)),
    ("Linear", (6, 4, False), {}, (3, 6)),
    ("Flatten", (), {}, (2, 3, 4, 5)),
    ("Flatten", (0, 2), {}, (2, 3, 4, 5)),
    ("Unflatten", (1, (2, 3)), {}, (2, 6, 4)),
    ("Identity", (54,), {"unused": 1}, (2, 3)),
    ("Dropout", (0.0,), {}, (4, 5)),
    ("Dropout", (1.0, True), {}, (4, 5)),
    ("PixelShuffle", (2,), {}, (2, 8, 3, 4)),
    ("PixelUnshuffle", (2,), {}, (2, 3, 6, 4)),
    ("Upsample", (), {"scale_factor": 2}, (2, 3, 4, 5)),
    ("Upsample", ((7, 9), None, "bilinear", True), {}, (2, 3, 4, 5)),
    ("Upsample", (None, 1.7, "bicubic", False, True), {}, (2, 3, 4, 5)),
    ("Upsample", (None, 0.6, "linear"), {}, (2, 3, 10)),
    *_ranked("ZeroPad{}d", 3, _call(2)),
    *_ranked("ConstantPad{}d", 3, _call(1, 3.5)),
    *_ranked("ReflectionPad{}d", 3, _call(1)),
    *_ranked("ReplicationPad{}d", 3, _call(padding=3)),
    *_ranked("CircularPad{}d", 3, _call(2)),
    ("ZeroPad2d", ((1, -1, 0, 2),), {}, (2, 3, 4, 5)),
    ("ReflectionPad2d", ((1, 2, 3, 0),), {}, (3, 4, 5)),
    ("PReLU", (), {}, (2, 3, 4)),
    ("PReLU", (3, 0.1), {}, (2, 3, 4)),
    ("Softmax", (1,), {}, (2, 3, 4)),
    ("Softmax", (), {"dim": -1}, (2, 3, 4)),
    ("LogSoftmax", (0,), {}, (2, 3)),
    ("LeakyReLU", (0.2, True), {}, (4, 5)),
    ("ELU", (0.7, True), {}, (4, 5)),
    ("GELU", ("tanh",), {}, (4, 5)),
    ("Softplus", (2, 10), {}, (4, 5)),
    *((name, (), {}, (4, 5)) for name in ("LeakyReLU", "ELU", "GELU", "Softplus", "Sigmoid", "Tanh")),
    *((name, (True,), {}, (4, 5)) for name in ("ReLU", "ReLU6", "SiLU", "Mish", "Hardswish", "Hardsigmoid")),
]
# Of PyTorch's arguments those that say where, not what.
PLACES = {"device", "dtype"}


def _names(constructor):
    parameters = inspect.signature(constructor).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    return [(p.name, p.default) for p in parameters if p.kind in kinds and p.name not in PLACES | {"self"}]


def _close(got, want, what):
    want = want.detach().numpy()
    assert got.shape == want.shape, what
    np.testing.assert_allclose(np.asarray(got), want, rtol=2e-4, atol=2e-5, err_msg=str(what))


def _first(result):
    return result if isinstance(result, tuple) else (result,)


def _state(model):
    return {key: np.asarray(value) for key, value in model.state_dict().items()}


@pytest.mark.parametrize(
    "name", sorted(n for n in nn.__all__ if inspect.isclass(getattr(nn, n)) and hasattr(torch.nn, n))
)
def test_takes_torchs_arguments_by_position_and_keyword(name):
    if name in CONTAINERS:
        pytest.skip("containers have no arguments to compare")
    theirs = _names(getattr(torch.nn, name).__init__)
    assert _names(getattr(nn, name))[: len(theirs)] == theirs or name == "Embedding"
    if name == "Embedding":  # two private ones end PyTorch's
        assert _names(nn.Embedding) == [p for p in theirs if not p[0].startswith("_")]


def test_every_layer_is_compared():
    compared = {name for name, *_ in LAYERS}
    layers = {n for n in nn.__all__ if inspect.isclass(getattr(nn, n)) and hasattr(torch.nn, n)}
    layers -= compared | CONTAINERS | {"Embedding", "Sequential"}
    rest = {n for n in layers if not n.startswith(("Lazy", "MaxUnpool")) and not n.endswith("Loss")}
    assert not rest


@pytest.mark.parametrize(("name", "args", "keywords", "shape"), LAYERS, ids=lambda v: str(v).replace(" ", ""))
def test_layer_has_torchs_attributes_state_results_and_gradients(name, args, keywords, shape):
    ours, theirs = getattr(nn, name)(*args, **keywords), getattr(torch.nn, name)(*args, **keywords)
    for attribute, _ in _names(type(theirs).__init__):
        want = getattr(theirs, attribute, None)
        if isinstance(want, (bool, int, float, str, tuple)) and attribute != "inplace":
            got = getattr(ours, attribute)
            assert got == want or (got,) * len(shape[2:]) == want or got is want, (attribute, got, want)
    assert {k: v.shape for k, v in _state(ours).items()} == {k: tuple(v.shape) for k, v in _state(theirs).items()}
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    for training in (True, True, False):
        ours.train(training), theirs.train(training)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        results, wants = _first(ours(a)), _first(theirs(b.clone()))
        for got, want in zip(results, wants, strict=True):
            _close(got, want, (name, "result"))
        if not wants[0].requires_grad:
            continue
        weight = np.random.default_rng(2).standard_normal(wants[0].shape).astype(np.float32)
        ours.zero_grad(), theirs.zero_grad()
        results[0].backward(weight)
        wants[0].backward(torch.from_numpy(weight))
        _close(a.grad, b.grad, (name, "gradient"))
        for (key, got), (_, want) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            _close(got.grad, want.grad, key)
    for key, value in theirs.state_dict().items():
        _close(_state(ours)[key], value, key)
    theirs.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in _state(ours).items()})


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_layer_agrees(rank):
    x = np.random.default_rng(1).standard_normal((2, 3, *SPATIAL[rank])).astype(np.float32)
    pooled, indices = getattr(torch.nn, f"MaxPool{rank}d")(2, return_indices=True)(torch.from_numpy(x))
    theirs = getattr(torch.nn, f"MaxUnpool{rank}d")(2)(pooled, indices, output_size=x.shape)
    ours = getattr(nn, f"MaxUnpool{rank}d")(2)(pooled.numpy(), indices.numpy(), output_size=x.shape)
    _close(ours, theirs, rank)


LOSSES = [
    ("MSELoss", {"reduction": "sum"}), ("L1Loss", {}), ("SmoothL1Loss", {"beta": 0.3}), ("HuberLoss", {"delta": 0.4}),
    ("BCEWithLogitsLoss", {"pos_weight": [2.0, 1.0, 3.0]}), ("BCELoss", {"weight": [2.0, 1.0, 3.0]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "keywords"), LOSSES, ids=lambda v: str(v))
def test_loss_layer_agrees(name, keywords):
    draws = np.random.default_rng(0)
    x, y = (draws.uniform(0.1, 0.9, (4, 3)).astype(np.float32) for _ in range(2))
    weights = {k: np.float32(v) for k, v in keywords.items() if isinstance(v, list)}
    rest = {k: v for k, v in keywords.items() if k not in weights}
    theirs = getattr(torch.nn, name)(**rest, **{k: torch.from_numpy(v) for k, v in weights.items()})
    ours = getattr(nn, name)(**rest, **weights)
    _close(ours(x, y), theirs(torch.from_numpy(x), torch.from_numpy(y)), name)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_class_loss_layer_agrees(name):
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    y, weight = np.array([0, 2, 1, 1, 0]), np.float32([1, 2, 3])
    theirs = getattr(torch.nn, name)(torch.from_numpy(weight), ignore_index=1)
    ours = getattr(nn, name)(weight, ignore_index=1)
    _close(ours(x, y), theirs(torch.from_numpy(x), torch.from_numpy(y)), name)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"max_norm": 1.0, "norm_type": 1.0}], ids=str)
def test_embedding_layer_agrees(options):
    theirs, ours = torch.nn.Embedding(6, 4, **options), nn.Embedding(6, 4, **options)
    ours.load_state_dict(theirs.state_dict())
    rows = np.array([[1, 2], [5, 1]])
    got, want = ours(rows), theirs(torch.from_numpy(rows))
    _close(got, want, "result")
    got.backward(np.ones(got.shape, np.float32))
    want.backward(torch.ones(want.shape))
    _close(ours.weight.grad, theirs.weight.grad, "gradient")
    _close(ours.weight.data, theirs.weight, "weight")


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"])
def test_weights_of_losses_are_buffers(name):
    given = {"weight": np.float32([0.5, 2.0])}
    if name == "BCEWithLogitsLoss":
        given["pos_weight"] = np.float32([3.0, 1.0])
    theirs = getattr(torch.nn, name)(**{key: torch.tensor(value) for key, value in given.items()})
    ours, plain = getattr(nn, name)(**given), getattr(nn, name)()
    assert repr(ours) == repr(plain)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == list(given)
    assert plain.state_dict() == {}
    assert plain.weight is None
    holder = nn.ModuleList([ours])
    assert [key for key, _ in holder.named_buffers()] == [f"0.{key}" for key in given]
    assert {value.dtype for value in holder.double().buffers()} == {np.dtype(np.float64)}
    ours.load_state_dict({key: value * 2 for key, value in given.items()})
    theirs.load_state_dict({key: torch.tensor(value * 2) for key, value in given.items()})
    np.testing.assert_array_equal(given["weight"], np.float32([0.5, 2.0]))
    x = np.array([[0.2, 0.7], [0.9, 0.4], [0.5, 0.1]])
    y = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]) if name.startswith("BCE") else np.array([0, 1, 1])
    want = float(theirs.double()(torch.tensor(x), torch.tensor(y)))
    assert float(ours(x, y)) == pytest.approx(want, rel=1e-12)
