"""Every operation beside PyTorch on random shapes: values, gradients, both dtypes. Skipped without torch."""

import random

import numpy as np
import pytest

import fastconv as fc

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

DTYPES = ("float32", "float64")
RANKS = (1, 2, 3)
CASES = 30

each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_rank = pytest.mark.parametrize("rank", RANKS)


class Draw:
    """A seeded source of shapes, parameters and arrays."""

    def __init__(self, seed, rank=2, dtype="float32"):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.rank = rank
        self.dtype = dtype

    def upto(self, low, high):
        return tuple(self.random.randint(low, high) for _ in range(self.rank))

    def array(self, *shape):
        return self.numbers.standard_normal(shape).astype(self.dtype)

    def apart(self, *shape):
        """Values far enough apart that rounding makes no ties."""
        return (self.numbers.permutation(int(np.prod(shape))).reshape(shape) / 16 - 8).astype(self.dtype)


def compare(ours, theirs, arrays, scale, what):
    """Run both on leaves made of `arrays`; results and gradients agree within 32 eps * scale."""
    leaves = [None if a is None else fc.Tensor(a, requires_grad=True) for a in arrays]
    peers = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    result, want = ours(*leaves), theirs(*peers)
    grad = np.random.default_rng(5).standard_normal(want.shape).astype(arrays[0].dtype)
    result.backward(grad)
    want.backward(torch.from_numpy(grad))
    pairs = [("result", result.data, want.detach().numpy())]
    pairs += [
        (f"gradient {i}", a.grad, b.grad.numpy())
        for i, (a, b) in enumerate(zip(leaves, peers))
        if a is not None
    ]
    for label, got, expected in pairs:
        assert got.dtype == expected.dtype, (what, label)
        assert got.shape == expected.shape, (what, label)
        allowed = 32 * np.finfo(got.dtype).eps * max(scale(label), np.abs(expected).max(initial=1e-30))
        error = np.abs(got.astype(float) - expected).max(initial=0)
        assert error <= allowed, f"{what}: {label} differs by {error:.3g}, allowed {allowed:.3g}"


def terms(draw, channels, kernel, spatial):
    """A generous count of the products behind one number of the output or of a gradient."""
    count = channels * int(np.prod(kernel)) + int(np.prod(spatial)) * 3
    return lambda label: 2.0 * count


@each_rank
@each_dtype
def test_convolution(rank, dtype):
    for seed in range(CASES):
        draw = Draw(1000 * rank + seed, rank, dtype)
        groups = draw.random.choice([1, 1, 2, 3])
        per_group, out = draw.random.randint(1, 12), groups * draw.random.randint(1, 12)
        kernel, dilation = draw.upto(1, 4), draw.upto(1, 3)
        padding = draw.random.choice([draw.upto(0, 4), "same", "valid", draw.random.randint(0, 2)])
        stride = 1 if padding == "same" else draw.upto(1, 4)
        spatial = draw.upto(10, (41, 17, 12)[rank - 1])
        batch = draw.random.choice([(), (1,), (3,)])
        x = draw.array(*batch, groups * per_group, *spatial)
        w = draw.array(out, per_group, *kernel)
        b = draw.array(out) if draw.random.random() < 0.7 else None
        parameters = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        name = f"conv{rank}d"
        compare(
            lambda x, w, b: getattr(fc, name)(x, w, b, **parameters),
            lambda x, w, b: getattr(F, name)(x, w, b, **parameters),
            [x, w, b],
            terms(draw, max(per_group, out // groups), kernel, spatial),
            f"{name}{x.shape}{w.shape}{parameters}",
        )


@each_rank
@each_dtype
def test_transposed_convolution(rank, dtype):
    for seed in range(CASES):
        draw = Draw(2000 * rank + seed, rank, dtype)
        groups = draw.random.choice([1, 1, 2, 3])
        channels, out = groups * draw.random.randint(1, 9), draw.random.randint(1, 9)
        kernel, stride, dilation = draw.upto(1, 4), draw.upto(1, 4), draw.upto(1, 3)
        spatial = draw.upto(4, (21, 9, 6)[rank - 1])
        parameters = {
            "stride": stride,
            "padding": draw.upto(0, 2),
            "output_padding": tuple(draw.random.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)),
            "groups": groups,
            "dilation": dilation,
        }
        x = draw.array(draw.random.randint(1, 3), channels, *spatial)
        w = draw.array(channels, out, *kernel)
        b = draw.array(out * groups) if draw.random.random() < 0.7 else None
        name = f"conv_transpose{rank}d"
        compare(
            lambda x, w, b: getattr(fc, name)(x, w, b, **parameters),
            lambda x, w, b: getattr(F, name)(x, w, b, **parameters),
            [x, w, b],
            terms(draw, max(channels, out), kernel, [s * t for s, t in zip(spatial, stride)]),
            f"{name}{x.shape}{w.shape}{parameters}",
        )


def window(draw):
    kernel = draw.upto(1, 4)
    return {
        "kernel_size": kernel,
        "stride": draw.random.choice([None, draw.upto(1, 5)]),
        "padding": tuple(draw.random.randint(0, k // 2) for k in kernel),
        "ceil_mode": draw.random.random() < 0.5,
    }


def negated(pool):
    return lambda x, **parameters: -pool(-x, **parameters)


@each_rank
@each_dtype
@pytest.mark.parametrize("kind", ["max", "min"])
def test_extreme_pool(kind, rank, dtype):
    name = f"{kind}_pool{rank}d"
    peer = getattr(F, f"max_pool{rank}d")
    for seed in range(CASES):
        draw = Draw(3000 * rank + seed, rank, dtype)
        parameters = {**window(draw), "dilation": draw.upto(1, 3)}
        x = draw.apart(*draw.random.choice([(), (1,), (2,)]), 3, *draw.upto(10, (41, 16, 11)[rank - 1]))
        compare(
            lambda x: getattr(fc, name)(x, **parameters),
            lambda x: (peer if kind == "max" else negated(peer))(x, **parameters),
            [x],
            lambda label: 1.0,
            f"{name}{x.shape}{parameters}",
        )
        indices = getattr(fc, name)(x, **parameters, return_indices=True)[1]
        signed = torch.from_numpy(x if kind == "max" else -x)
        np.testing.assert_array_equal(indices, peer(signed, **parameters, return_indices=True)[1].numpy())


@each_rank
@each_dtype
def test_average_pool(rank, dtype):
    name = f"avg_pool{rank}d"
    for seed in range(CASES):
        draw = Draw(4000 * rank + seed, rank, dtype)
        parameters = {**window(draw), "count_include_pad": draw.random.random() < 0.5}
        if rank > 1:
            parameters["divisor_override"] = draw.random.choice([None, None, 1, 7])
        x = draw.array(*draw.random.choice([(), (1,), (2,)]), 3, *draw.upto(10, (41, 16, 11)[rank - 1]))
        compare(
            lambda x: getattr(fc, name)(x, **parameters),
            lambda x: getattr(F, name)(x, **parameters),
            [x],
            lambda label: 4.0**rank,
            f"{name}{x.shape}{parameters}",
        )


ACTIVATIONS = {
    "relu": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.3}],
    "sigmoid": [{}],
    "tanh": [{}],
    "silu": [{}],
    "elu": [{}, {"alpha": 0.4}],
    "mish": [{}],
    "softmax": [{"dim": 1}, {"dim": 0}, {"dim": -1}],
    "log_softmax": [{"dim": 1}, {"dim": 0}, {"dim": -1}],
    "gelu": [{}, {"approximate": "tanh"}],
    "softplus": [{}, {"beta": 2.0, "threshold": 5.0}],
    "hardswish": [{}],
    "hardsigmoid": [{}],
    "relu6": [{}],
}


# PyTorch multiplies by 1/6 rounded to float32, in float64 too.
@each_dtype
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, dtype):
    coarse = 1e9 if name in ("hardsigmoid", "hardswish") and dtype == "float64" else 1
    peer = getattr(F, name) if hasattr(F, name) else getattr(torch, name)
    for seed in range(12):
        draw = Draw(seed, 3, dtype)
        x = draw.array(*draw.upto(1, 17)) * draw.random.choice([1, 5, 30])
        for parameters in ACTIVATIONS[name]:
            compare(
                lambda x: getattr(fc, name)(x, **parameters),
                lambda x: peer(x, **parameters),
                [x],
                lambda label: 4.0 * coarse,
                f"{name}{x.shape}{parameters}",
            )


@each_dtype
def test_linear(dtype):
    for seed in range(CASES):
        draw = Draw(seed, 1, dtype)
        lead, inner, outer = draw.upto(1, 9), draw.random.randint(1, 70), draw.random.randint(1, 40)
        bias = draw.array(outer) if seed % 2 else None
        arrays = [draw.array(*lead, inner), draw.array(outer, inner), bias]
        compare(
            fc.linear,
            F.linear,
            arrays,
            lambda label: 2.0 * max(inner, outer, lead[0]),
            f"linear {lead} {inner} {outer}",
        )


@each_dtype
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(training, dtype):
    for seed in range(CASES):
        draw = Draw(seed, seed % 4, dtype)
        channels = draw.random.randint(1, 20)
        x = draw.array(draw.random.randint(4, 6), channels, *draw.upto(2, 9))
        mean, var = draw.array(channels), np.abs(draw.array(channels)) + 0.5
        arrays = [x, draw.array(channels), draw.array(channels)]
        kept = mean.copy(), var.copy()
        peers = torch.from_numpy(mean.copy()), torch.from_numpy(var.copy())
        compare(
            lambda x, w, b: fc.batch_norm(x, *kept, w, b, training, 0.2, 1e-3),
            lambda x, w, b: F.batch_norm(x, *peers, w, b, training, 0.2, 1e-3),
            arrays,
            lambda label: 4.0 * x.size / channels,
            f"batch_norm{x.shape} training={training}",
        )
        for ours, theirs in zip(kept, peers):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5 if dtype == "float32" else 1e-13)


@each_dtype
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(reduction, dtype):
    for seed in range(CASES):
        draw = Draw(seed, seed % 3, dtype)
        x = draw.array(draw.random.randint(1, 8), draw.random.randint(2, 12), *draw.upto(1, 5))
        y = draw.array(*x.shape)
        scale = 4.0 * x.size
        compare(
            lambda x: fc.mse_loss(x, y, reduction=reduction),
            lambda x: F.mse_loss(x, torch.from_numpy(y), reduction=reduction),
            [x],
            lambda label: scale,
            f"mse_loss{x.shape}",
        )
        labels = draw.numbers.integers(0, x.shape[1], (x.shape[0], *x.shape[2:]))
        labels.flat[1:][draw.numbers.random(labels.size - 1) < 0.2] = -100
        weight = np.abs(draw.array(x.shape[1])) + 0.1
        smoothing = draw.random.choice([0.0, 0.1])
        compare(
            lambda x: fc.cross_entropy(x, labels, weight, reduction=reduction, label_smoothing=smoothing),
            lambda x: F.cross_entropy(
                x,
                torch.from_numpy(labels),
                torch.from_numpy(weight),
                reduction=reduction,
                label_smoothing=smoothing,
            ),
            [x],
            lambda label: scale,
            f"cross_entropy{x.shape} smoothing={smoothing}",
        )
        chances = np.abs(y) / np.abs(y).sum(1, keepdims=True)
        compare(
            lambda x: fc.cross_entropy(x, chances, weight, reduction=reduction),
            lambda x: F.cross_entropy(
                x, torch.from_numpy(chances), torch.from_numpy(weight), reduction=reduction
            ),
            [x],
            lambda label: scale,
            f"cross_entropy{x.shape} of probabilities",
        )
