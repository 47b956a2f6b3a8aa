"""Convolutions of the sizes that networks have, drawn at random, beside the reference in float64: where cuts into
blocks, shares and threads meet, small arrays never come. FASTCONV_CASES says how many (default 2,000; a fifth of
them)."""

import os
import random

import numpy as np
import pytest

import fastconv as fc
from arguments import function
from reference import conv as reference

COUNT = int(os.environ.get("FASTCONV_CASES", "2000")) // 5
FIRST = int(os.environ.get("FASTCONV_SEED", "0"))
CHANNELS = (1, 3, 8, 10, 16, 20, 24, 32, 48, 56, 64, 72, 96, 100, 112, 128, 160, 192, 224, 256, 320, 384, 512, 768)
IMAGES = (1, 1, 2, 3, 5, 7, 8, 12, 16, 17, 24, 32, 33, 64, 100, 128)
EXTENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 16, 17, 20, 25, 28, 30, 32, 33, 39, 48, 56, 64, 71, 96, 112)
ROWS = (5, 16, 33, 64, 100, 250, 500, 1000, 4000)
MOST_WORK, MOST_CELLS = 3e8, 4e6


def drawn(seed):
    """The call of a seed: the operation and its rank, shapes of input and weight, parameters."""
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
        names = {"stride": tuple(stride), "padding": tuple(padding), "dilation": tuple(dilation), "groups": groups}
        if transposed:
            extra = [rng.choice((0, rng.randrange(max(s, d)))) for s, d in zip(stride, dilation)]
            names["output_padding"] = tuple(extra)
            axes = zip(spatial, stride, padding, reach, extra)
            result = [(n - 1) * s - 2 * p + r + 1 + e for n, s, p, r, e in axes]
        else:
            result = [(n + 2 * p - r - 1) // s + 1 for n, s, p, r in zip(spatial, stride, padding, reach)]
        if min(result) < 1:
            continue
        cells = np.prod(spatial), np.prod(result)
        work = 2.0 * shape[0] * channels * out / groups * np.prod(kernel) * cells[not transposed]
        if work < MOST_WORK and shape[0] * (channels * cells[0] + out * cells[1]) < MOST_CELLS:
            return "conv_transpose" if transposed else "conv", rank, shape, weight, names


def results(kind, rank, dy, x, w, weight, names):
    """Of one call with `weight`, which is w or made of it, and of its backward pass."""
    return function(kind, rank)(x, weight, **names), *function(kind, rank, "_backward")(dy, x, w, **names)[:2]


@pytest.mark.parametrize("part", range(10))
def test_convolutions_of_any_size_agree_with_the_reference(part):
    for seed in range(FIRST + part, FIRST + COUNT, 10):
        kind, rank, shape, weight, names = drawn(seed)
        dtype = np.float64 if seed % 5 == 4 else np.float32
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal(shape).astype(dtype), rng.standard_normal(weight).astype(dtype)
        forward, backward = getattr(reference, kind), getattr(reference, f"{kind}_backward")
        wide = x.astype(np.float64), w.astype(np.float64)
        y = forward(*wide, **names)
        dy = rng.standard_normal(y.shape).astype(dtype)
        want = y, *backward(dy.astype(np.float64), *wide, **names)[:2]
        with fc.threads(1):
            got = results(kind, rank, dy, x, w, w, names)
        ready = fc.prepare(function(kind, rank), w, **names)
        shared = []
        for threads, same in ((2, w), (3, ready)):
            with fc.threads(threads):
                shared.append(results(kind, rank, dy, x, w, same, names))
        for i, label in enumerate(("forward", "grad_input", "grad_weight")):
            error = np.linalg.norm(got[i] - want[i]) / max(np.linalg.norm(want[i]), 1e-30)
            repeat = f"FASTCONV_SEED={seed} FASTCONV_CASES=5 pytest tests/test_sizes.py"
            call = f"{label} of {kind}{rank}d {shape} {weight} {names}"
            assert error < 2e3 * np.finfo(dtype).eps, f"{repeat}  # {call} is off by {error:.2g}"
            for other in shared:
                assert got[i].tobytes() == other[i].tobytes(), f"{repeat}  # {call}: other bits on several threads"
