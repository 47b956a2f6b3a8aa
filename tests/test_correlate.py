"""Correlation along axes and over planes: every layout, edge and block beside sums written out in float64."""

import numpy as np
import pytest

import fastconv as fc
from fastconv.compat._correlate import along, taps_along
from fastconv.ops.correlate import all_finite, correlate_axes, correlate_planes, correlate_spectra

MODES = ("reflect", "mirror", "nearest", "wrap", "constant")


def draw_step(rng, axis, n, constant):
    size = int(rng.integers(1, rng.choice([3, 6, 40])))
    start, extent = (int(rng.integers(-size, size)), int(rng.integers(1, n + size))) if rng.random() < 0.4 else (0, n)
    divisor = float(rng.choice([1, 3, 9]))
    return along(axis, rng.standard_normal(size), n, start, extent, rng.choice(MODES), constant, divisor)


def written_out(x, steps):
    """The sums, and those of magnitudes: what rounding is proportional to."""
    for step in steps:
        lines = np.moveaxis(x, step.axis, -1)
        lines = np.where(step.cells < 0, step.constant, lines[..., step.cells])
        sums = [lines[..., j : j + step.extent] * weight for j, weight in enumerate(step.weights)]
        x = np.moveaxis(sum(sums) / step.divisor, -1, step.axis)
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(24))
def test_every_axis_and_edge(seed, dtype, isa):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    shape = [int(n) for n in rng.integers(1, rng.choice([4, 40, 90]), rank)]
    if seed % 8 == 0 and rank < 3:
        shape[-1] = 4500  # several blocks of columns
    x = rng.standard_normal(shape).astype(dtype)
    axes, constant = rng.permutation(rank)[: rng.integers(1, rank + 1)], rng.choice([0.0, 2.5])
    steps = [draw_step(rng, int(axis), shape[axis], constant) for axis in axes]
    rounded = [step._replace(weights=step.weights.astype(dtype).astype(float)) for step in steps]
    want = written_out(x.astype(float), rounded)
    magnitudes = [step._replace(weights=abs(step.weights), constant=abs(constant)) for step in rounded]
    size = written_out(abs(x).astype(float), magnitudes)
    for threads in (1, 2):
        with fc.threads(threads):
            got, finite = correlate_axes(x, steps)
        assert finite
        assert got.shape == want.shape
        error = (np.abs(got - want) / np.maximum(size, 1e-30)).max()
        assert error <= 32 * np.finfo(dtype).eps, f"seed {seed}, {steps}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(24))
def test_kernels_over_planes(seed, dtype, isa):
    rng = np.random.default_rng(seed)
    shape = [int(n) for n in rng.integers(1, rng.choice([4, 40, 90]), rng.integers(2, 4))]
    if seed % 8 == 0:
        shape[-1] = 4500
    x, constant = rng.standard_normal(shape).astype(dtype), rng.choice([0.0, 2.5])
    kernel = rng.standard_normal(rng.integers(1, 9, 2)).astype(dtype)
    lines = []
    for axis, taps in zip((x.ndim - 2, x.ndim - 1), kernel.shape):
        n = shape[axis]
        start, extent = (int(rng.integers(-taps, taps)), int(rng.integers(1, n + taps))) if seed % 3 else (0, n)
        lines.append(taps_along(axis, taps, n, start, extent, rng.choice(MODES), constant))
    wide = written_out(x.astype(float), [line._replace(taps=1, weights=np.ones(1)) for line in lines])
    windows = np.lib.stride_tricks.sliding_window_view(wide, kernel.shape, (-2, -1))
    want, size = (windows * kernel).sum((-2, -1)), (abs(windows) * abs(kernel)).sum((-2, -1))
    for threads in (1, 2):
        with fc.threads(threads):
            got, finite = correlate_planes(x, kernel, *lines)
        assert finite
        assert got.shape == want.shape
        assert (np.abs(got - want) <= 32 * np.finfo(dtype).eps * size).all(), f"seed {seed}, {lines}"
    length = 1 << int(rng.integers((len(kernel) - 1).bit_length(), 10))
    with fc.threads(1):
        one, _ = correlate_spectra(x, kernel, *lines, length)
    for threads in (1, 2):
        with fc.threads(threads):
            got, finite = correlate_spectra(x, kernel, *lines, length)
        assert finite
        assert np.array_equal(got, one)
        assert (np.abs(got - want) <= 32 * np.finfo(dtype).eps * size.max()).all(), f"seed {seed}, {lines}, {length}"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_whether_all_is_finite(bad, isa):
    x = np.ones((70, 333), np.float32)
    assert all_finite(x)
    step = along(1, np.ones(3), 333, -1, 333, "reflect")
    square = [taps_along(axis, 3, n, -1, n, "reflect") for axis, n in enumerate(x.shape)]
    assert correlate_planes(x, np.ones((3, 3)), *square)[1]
    assert correlate_spectra(x, np.ones((3, 3)), *square, 32)[1]
    for place in [(0, 0), (3, 200), (69, 332)]:
        x[place] = bad
        result, finite = correlate_axes(x, [step])
        assert not finite
        assert not correlate_planes(x, np.ones((3, 3)), *square)[1]
        assert not correlate_spectra(x, np.ones((3, 3)), *square, 32)[1]
        assert np.isfinite(result).sum() == x.size - (2 if place[1] in (0, 332) else 3)
        assert not all_finite(x)
        x[place] = 1


def test_a_mean_of_equal_numbers_is_that_number(isa):
    x = np.full((20, 300), 7, np.float32)
    for size in range(1, 32):
        steps = [along(a, np.ones(size), x.shape[a], -(size // 2), x.shape[a], "nearest", 0, size) for a in (0, 1)]
        assert (correlate_axes(x, steps)[0] == 7).all()
