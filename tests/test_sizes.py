"""Convolutions of the sizes that networks have, drawn at random, beside PyTorch's in float64 (in float32 some of its
own gradients are wrong): where cuts into blocks, shares and threads meet, small arrays never come. FASTCONV_CASES says
how many (default 2,000; a fifth of them)."""

import os
import random

import numpy as np
import pytest

from arguments import function

torch = pytest.importorskip("torch")

COUNT = int(os.environ.get("FASTCONV_CASES", "2000")) // 5
FIRST = int(os.environ.get("FASTCONV_SEED", "0"))
CHANNELS = (1, 3, 8, 10, 16, 20, 24, 32, 48, 56, 64, 72, 96, 100, 112, 128, 160, 192, 224, 256, 320, 384, 512, 768)
IMAGES = (1, 1, 2, 3, 5, 7, 8, 12, 16, 17, 24, 32, 33, 64, 100, 128)
EXTENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 16, 17, 20, 25, 28, 30, 32, 33, 39, 48, 56, 64, 71, 96, 112)
ROWS = (5, 16, 33, 64, 100, 250, 500, 1000, 4000)
MOST_WORK, MOST_CELLS = 3e8, 4e6


def drawn(seed):
    """The call of a seed: the operation's rank, whether it is transposed, shapes of input and weight, parameters."""
    rng = random.Random(seed)
    while True:
        rank, transposed = rng.choice((1, 2, 2, 2, 2, 3)), rng.random() < 0.25
        groups = rng.choice((1, 1, 1, 1, 2, 4, 32, 0))
        channels, out = rng.choice(CHANNELS), rng.choice(CHANNELS)
        if groups == 0:
            groups = out = channels
        channels, out = max(1, channels // groups) * groups, max(1, out // groups) * groups
        kernel = [rng.choice((1, 2, 3, 3, 3, 4, 5, 7))] * rank
        if rng.random() < 0.3:
            kernel = [rng.choice((1, 2, 3, 4, 5, 7)) for _ in kernel]
        stride = [rng.choice((1, 1, 1, 2, 2, 3, 4))] * rank
        if rng.random() < 0.2:
            stride = [rng.choice((1, 2, 3)) for _ in stride]
        dilation = [rng.choice((1, 1, 1, 1, 2, 3))] * rank
        extents = EXTENTS[:15] if rank == 3 else EXTENTS
        spatial = [rng.choice(ROWS if rank == 1 else extents)] * rank
        if rng.random() < 0.4:
            spatial = [rng.choice(extents) for _ in spatial]
        reach = [(k - 1) * d for k, d in zip(kernel, dilation)]
        padding = [r // 2 if rng.random() < 0.6 else rng.randint(0, r) for r in reach]
        shape = [rng.choice(IMAGES), channels, *spatial]
        weight = [channels, out // groups, *kernel] if transposed else [out, channels // groups, *kernel]
        if transposed:
            result = [(n - 1) * s - 2 * p + r + 1 for n, s, p, r in zip(spatial, stride, padding, reach)]
        else:
            result = [(n + 2 * p - r - 1) // s + 1 for n, s, p, r in zip(spatial, stride, padding, reach)]
        if min(result) < 1:
            continue
        cells = np.prod(spatial), np.prod(result)
        work = 2.0 * shape[0] * channels * out / groups * np.prod(kernel) * cells[not transposed]
        if work < MOST_WORK and shape[0] * (channels * cells[0] + out * cells[1]) < MOST_CELLS:
            return rank, transposed, shape, weight, (stride, padding, dilation), groups


@pytest.mark.parametrize("part", range(10))
def test_convolutions_of_any_size_agree_with_pytorch(part):
    for seed in range(FIRST + part, FIRST + COUNT, 10):
        rank, transposed, shape, weight, axes, groups = drawn(seed)
        dtype = np.float64 if seed % 5 == 4 else np.float32
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal(shape).astype(dtype), rng.standard_normal(weight).astype(dtype)
        names = dict(zip(("stride", "padding", "dilation"), map(tuple, axes)), groups=groups)
        kind = "conv_transpose" if transposed else "conv"
        given = transposed, [0] * rank, groups
        wide = [torch.from_numpy(array).double() for array in (x, w)]
        want = [torch.ops.aten.convolution(*wide, None, *axes, *given).numpy()]
        dy = rng.standard_normal(want[0].shape).astype(dtype)
        wide.insert(0, torch.from_numpy(dy).double())
        grads = torch.ops.aten.convolution_backward(*wide, None, *axes, *given, [True, True, False])
        want += [grad.numpy() for grad in grads[:2]]
        got = function(kind, rank)(x, w, **names), *function(kind, rank, "_backward")(dy, x, w, **names)[:2]
        for label, a, b in zip(("forward", "grad_input", "grad_weight"), got, want):
            error = np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)
            repeat = f"FASTCONV_SEED={seed} FASTCONV_CASES=5 pytest tests/test_sizes.py"
            call = f"{label} of {kind}{rank}d {shape} {weight} {names}"
            assert error < 2e3 * np.finfo(dtype).eps, f"{repeat}  # {call} is off by {error:.2g}"
