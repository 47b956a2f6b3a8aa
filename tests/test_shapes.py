"""Shapes drawn by hypothesis: any call either agrees with the oracle exactly or is refused in words."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastconv as fc
from reference import lookup
from reference.pool import pool_extent

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
ranks = st.integers(1, 3)


def axes(rank, low, high):
    return st.tuples(*[st.integers(low, high)] * rank)


def whole(shape, seed, dtype):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


@st.composite
def convolutions(draw):
    rank = draw(ranks)
    groups = draw(st.integers(1, 3))
    extent = (40, 12, 7)[rank - 1]
    return {
        "rank": rank,
        "input": (draw(st.integers(0, 3)), groups * draw(st.integers(1, 5)), *draw(axes(rank, 1, extent))),
        "out": draw(st.integers(1, 5)),
        "kernel": draw(axes(rank, 1, 5)),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "parameters": {
            "stride": draw(axes(rank, 1, 6)),
            "padding": draw(axes(rank, 0, 5)),
            "dilation": draw(axes(rank, 1, 4)),
            "groups": groups,
        },
    }


def refused(call, *arguments, **parameters):
    """The call raises ValueError, in words that start with its name."""
    with pytest.raises(ValueError, match=f"^{call.__name__}: "):
        call(*arguments, **parameters)


@relaxed
@given(convolutions())
def test_any_convolution_is_exact_or_refused(case):
    name, groups = f"conv{case['rank']}d", case["parameters"]["groups"]
    x = whole(case["input"], 1, case["dtype"])
    w = whole((groups * case["out"], x.shape[1] // groups, *case["kernel"]), 2, case["dtype"])
    p = case["parameters"]
    spans = [d * (k - 1) + 1 for d, k in zip(p["dilation"], case["kernel"])]
    fits = all(n + 2 * pad >= span for n, pad, span in zip(x.shape[2:], p["padding"], spans))
    call = getattr(fc, name)
    if not fits:
        refused(call, x, w, **p)
        return
    got = call(x, w, **p)
    np.testing.assert_array_equal(got, lookup(name)(x.astype(int), w.astype(int), **p))
    grad = whole(got.shape, 3, case["dtype"])
    wants = lookup("conv_backward")(grad.astype(int), x.astype(int), w.astype(int), **p)
    for ours, want in zip(getattr(fc, f"{name}_backward")(grad, x, w, **p), wants):
        np.testing.assert_array_equal(ours, want)


@st.composite
def many_groups(draw):
    """More groups than a vector has lanes, of few channels: kernels may take several groups at once."""
    rank, per_group = draw(ranks), draw(st.sampled_from([1, 1, 2, 3, 4, 8, 16]))
    groups = draw(st.integers(1, 40 // per_group))
    kernel = draw(axes(rank, 1, (19, 9, 3)[rank - 1]))
    extent = draw(axes(rank, 1, (90, 30, 8)[rank - 1]))
    return {
        "rank": rank,
        "input": (draw(st.integers(1, 3)), groups * per_group, *(n + k - 1 for n, k in zip(extent, kernel))),
        "weight": (groups * draw(st.sampled_from([1, per_group, 2 * per_group])), per_group, *kernel),
        "parameters": {
            "stride": draw(axes(rank, 1, 3)),
            "padding": draw(axes(rank, 0, 3)),
            "dilation": (*draw(axes(rank - 1, 1, 2)), 1),
            "groups": groups,
        },
    }


@relaxed
@given(many_groups())
def test_many_groups_are_exact(isa, case):
    name, p = f"conv{case['rank']}d", case["parameters"]
    x, w = whole(case["input"], 1, "float32"), whole(case["weight"], 2, "float32")
    spans = [d * (k - 1) + 1 for d, k in zip(p["dilation"], w.shape[2:])]
    if any(n + 2 * pad < span for n, pad, span in zip(x.shape[2:], p["padding"], spans)):
        return
    got = getattr(fc, name)(x, w, **p, precision="exact")
    np.testing.assert_array_equal(got, lookup(name)(x.astype(int), w.astype(int), **p))
    grad = whole(got.shape, 3, "float32")
    wants = lookup("conv_backward")(grad.astype(int), x.astype(int), w.astype(int), **p)
    grads = getattr(fc, f"{name}_backward")(grad, x, w, **p, precision="exact")
    for ours, want in zip(grads, wants):
        np.testing.assert_array_equal(ours, want)


@relaxed
@given(convolutions(), st.integers(0, 5))
def test_any_transposed_convolution_is_exact_or_refused(case, extra):
    name = f"conv_transpose{case['rank']}d"
    x = whole(case["input"], 1, case["dtype"])
    w = whole((x.shape[1], case["out"], *case["kernel"]), 2, case["dtype"])
    p = {**case["parameters"], "output_padding": extra}
    geometry = zip(x.shape[2:], case["kernel"], p["stride"], p["padding"], p["dilation"])
    extents = [(n - 1) * s - 2 * pad + d * (k - 1) + extra + 1 for n, k, s, pad, d in geometry]
    fits = min(extents) >= 1 and all(extra < max(s, d) for s, d in zip(p["stride"], p["dilation"]))
    call = getattr(fc, name)
    if not fits:
        refused(call, x, w, **p)
        return
    got = call(x, w, **p)
    np.testing.assert_array_equal(got, lookup(name)(x.astype(int), w.astype(int), **p))
    grad = whole(got.shape, 3, case["dtype"])
    wants = lookup("conv_transpose_backward")(grad.astype(int), x.astype(int), w.astype(int), **p)
    for ours, want in zip(getattr(fc, f"{name}_backward")(grad, x, w, **p), wants):
        np.testing.assert_array_equal(ours, want)


@st.composite
def pools(draw):
    rank = draw(ranks)
    kernel = draw(axes(rank, 1, 5))
    return {
        "rank": rank,
        "input": (
            draw(st.integers(1, 2)),
            draw(st.sampled_from([1, 2, 3, 11])),
            *draw(axes(rank, 1, (40, 12, 7)[rank - 1])),
        ),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "kernel_size": kernel,
        "stride": draw(st.none() | axes(rank, 1, 6)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
    }


def fits_pool(x, p, dilation=1):
    """Whether there is a window; with ceil_mode one that is larger than the input may be, as in PyTorch."""
    stride = p["kernel_size"] if p["stride"] is None else p["stride"]
    axes = zip(x.shape[2:], p["kernel_size"], stride, p["padding"])
    return all(pool_extent(*axis, dilation, p["ceil_mode"]) > 0 for axis in axes)


PARAMETERS = ("kernel_size", "stride", "padding", "ceil_mode")


@relaxed
@given(pools(), st.integers(1, 3), st.sampled_from(["max", "min"]))
def test_any_extreme_pool_is_exact_or_refused(case, dilation, kind):
    call = getattr(fc, f"{kind}_pool{case['rank']}d")
    x = whole(case["input"], 1, case["dtype"])
    p = {name: case[name] for name in PARAMETERS} | {"dilation": dilation, "return_indices": True}
    if not fits_pool(x, p, dilation):
        refused(call, x, **p)
        return
    got, indices = call(x, **p)
    want, places = lookup(call.__name__)(x, **p)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(indices, places)
    grad = whole(got.shape, 3, case["dtype"])
    expected = np.zeros((*x.shape[:2], int(np.prod(x.shape[2:]))))
    for plane in np.ndindex(*x.shape[:2]):
        np.add.at(expected[plane], places[plane].ravel(), grad[plane].ravel())
    back = getattr(fc, f"{call.__name__}_backward")
    np.testing.assert_array_equal(back(grad, indices, x.shape), expected.reshape(x.shape))


@relaxed
@given(pools(), st.booleans(), st.sampled_from([None, 1, 2, 8]))
def test_any_average_pool_agrees_or_is_refused(case, count_include_pad, divisor_override):
    call = getattr(fc, f"avg_pool{case['rank']}d")
    x = whole(case["input"], 1, case["dtype"])
    p = {name: case[name] for name in PARAMETERS}
    p |= {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    if not fits_pool(x, p):
        refused(call, x, **p)
        return
    got = call(x, **p)
    want = lookup(call.__name__)(x.astype(float), **p)
    assert np.abs(got - want).max() <= 4 * np.finfo(case["dtype"]).eps * max(1, np.abs(want).max())
