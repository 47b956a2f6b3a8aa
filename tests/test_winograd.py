"""What Winograd's transforms compute: the error is small, NaN stays in its window, bits are the same on any threads."""

import numpy as np
import pytest

import fastconv as fc
from arguments import function
from reference.conv import conv, conv_backward

# input shape, output channels, kernel, parameters
LAYERS = {
    "square": ((2, 24, 13, 18), 29, (3, 3), {"padding": 1}),
    "dilated": ((1, 24, 17, 23), 32, (3, 3), {"padding": 2, "dilation": 2}),
    "unequally dilated": ((1, 16, 20, 33), 32, (3, 3), {"padding": (0, 12), "dilation": (1, 6)}),
    "squares dilated across": ((2, 24, 29, 37), 32, (3, 3), {"padding": (3, 5), "dilation": (4, 5)}),
    "squares of whole vectors across": ((1, 48, 48, 64), 48, (3, 3), {"padding": (5, 16), "dilation": (5, 16)}),
    "large kernel, dilated across": ((1, 64, 41, 43), 96, (5, 4), {"padding": (8, 6), "dilation": 4}),
    "one tile beyond vectors": ((1, 70, 28, 28), 50, (3, 3), {"padding": 1}),
    "some tiles beyond vectors": ((1, 64, 40, 17), 48, (3, 3), {"padding": (1, 0)}),
    "many filters": ((1, 230, 40, 44), 200, (3, 3), {"padding": 1}),
    "five by five": ((3, 16, 14, 15), 40, (5, 5), {"padding": 2}),
    "two by two": ((2, 32, 16, 17), 64, (2, 2), {}),
    "long row": ((1, 32, 9, 24), 32, (1, 7), {"padding": (0, 3)}),
    "long column": ((1, 32, 24, 9), 32, (7, 1), {"padding": (3, 0)}),
    "strided": ((1, 32, 32, 32), 32, (4, 4), {"stride": 2, "padding": 1}),
    "strided narrow planes": ((8, 96, 32, 8), 96, (3, 3), {"stride": 2, "padding": 1}),
    "phases of odd sizes": ((8, 64, 39, 61), 128, (3, 3), {"stride": 2, "padding": 1}),
    "phases without padding": ((3, 48, 66, 65), 64, (4, 4), {"stride": 2}),
    "phases of three taps and two": ((2, 64, 31, 32), 64, (5, 5), {"stride": 2, "padding": 2, "groups": 2}),
    "phases along rows": ((2, 32, 20, 64), 48, (3, 4), {"stride": (1, 2), "padding": 1}),
    "phases of one axis": ((4, 64, 500), 96, (5,), {"stride": 2, "padding": 2}),
    "phases of a volume": ((1, 32, 17, 34, 35), 64, (2, 4, 4), {"stride": (1, 2, 2), "padding": (0, 1, 1)}),
    "one axis": ((2, 40, 203), 48, (9,), {"padding": 4}),
    "one axis, wide dilation": ((2, 40, 203), 48, (3,), {"padding": 7, "dilation": 9}),
    "three axes": ((1, 16, 5, 13, 13), 32, (3, 3, 3), {"padding": 1}),
    "small whole maps": ((6, 24, 6, 5), 32, (3, 2), {}),
    "groups": ((1, 48, 16, 16), 64, (3, 3), {"padding": 1, "groups": 2}),
    "tall planes": ((1, 4, 47, 139), 4, (11, 9), {"padding": (5, 4), "groups": 4}),
    "tall planes without padding": ((1, 4, 60, 150), 4, (14, 6), {"groups": 4}),
    "few tiles, large sums": ((6, 80, 9, 15), 90, (3, 3), {"padding": 1}),
    "as many tiles as one block takes, large sums": ((8, 96, 16, 16), 96, (3, 3), {"padding": 1}),
    "many channels": ((1, 1100, 12, 12), 24, (3, 3), {"padding": 1}),
}


def drawn(name, dtype=np.float32):
    shape, channels, kernel, parameters = LAYERS[name]
    rng = np.random.default_rng(sum(shape))
    x = rng.standard_normal(shape).astype(dtype)
    w = rng.standard_normal((channels, shape[1] // parameters.get("groups", 1), *kernel)).astype(dtype)
    b = rng.standard_normal(channels).astype(dtype)
    out = function("conv", len(kernel))(x, w, b, **parameters)
    return x, w, b, rng.standard_normal(out.shape).astype(dtype), parameters


def passes(x, w, b, grad, parameters):
    rank = w.ndim - 2
    forward = function("conv", rank)(x, w, b, **parameters)
    return forward, *function("conv", rank, "_backward")(grad, x, w, **parameters)[:2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_the_error_stays_small(name, dtype, isa):
    x, w, b, grad, parameters = drawn(name, dtype)
    wide = [array.astype(np.float64) for array in (x, w, b, grad)]
    want = conv(*wide[:3], **parameters), *conv_backward(wide[3], *wide[:2], **parameters)[:2]
    for got, exact in zip(passes(x, w, b, grad, parameters), want, strict=True):
        assert np.linalg.norm(got - exact) < 50 * np.finfo(dtype).eps * np.linalg.norm(exact)


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_not_finite_stays_in_its_windows(name, isa):
    x, w, b, grad, parameters = drawn(name)
    x[0, 1].flat[5], x[-1, 0].flat[-7], grad[0, 3].flat[11] = np.nan, np.inf, np.nan
    marked = np.where(np.isfinite(x), 0.0, 1.0), np.where(np.isfinite(grad), 0.0, 1.0)
    ones = np.ones_like(w, np.float64)
    seen = conv(marked[0], ones, **parameters), conv_backward(marked[1], marked[0], ones, **parameters)[0]
    for got, reached in zip(passes(x, w, b, grad, parameters)[:2], seen, strict=True):
        np.testing.assert_array_equal(np.isfinite(got), reached == 0)


@pytest.mark.parametrize("name", LAYERS)
def test_bits_do_not_depend_on_the_number_of_threads(name, isa):
    layer = drawn(name)
    with fc.threads(1):
        alone = passes(*layer)
    with fc.threads(3):
        for one, many in zip(alone, passes(*layer), strict=True):
            np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("kernel", [(3, 3), (1, 3)])
@pytest.mark.parametrize(("channels", "out"), [(48, 64), (96, 96), (192, 160)])
def test_weight_gradients_agree_with_direct_ones_for_any_number_of_tiles(channels, out, kernel, isa):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((64, channels, 8, 8), np.float32)
    w = np.zeros((out, channels, *kernel), np.float32)
    grad = rng.standard_normal((64, out, 8, 8), np.float32)
    padding = (kernel[0] // 2, 1)
    for images in (3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64):
        arguments = grad[:images], x[:images], w, 1, padding
        got = fc.conv2d_backward(*arguments, needs=(False, True, False))[1]
        want = fc.conv2d_backward(*arguments, needs=(False, True, False), precision="exact")[1]
        error = np.linalg.norm(got - want) / np.linalg.norm(want)
        assert error < 1e-5, f"{images} images: relative error {error:.2g}"


# Input gradients of these see the same patches for several phases of a stride.
PHASES = [name for name in LAYERS if "phases" in name]


@pytest.mark.parametrize("name", PHASES)
def test_phases_of_a_stride_are_computed_by_winograd(name, isa, capsys):
    x, w, _, grad, parameters = drawn(name)
    found = fc.explain(function("conv", w.ndim - 2, "_backward"), grad, x, w, **parameters)
    assert "grad_input: winograd" in found.kernel, found.kernel


@pytest.mark.parametrize("name", PHASES)
def test_transposed_convolution_ends_in_the_same_epilogue(name, isa):
    _, w, _, x, parameters = drawn(name)
    transposed = function("conv_transpose", w.ndim - 2)
    plain = transposed(x, w, **parameters)
    rng = np.random.default_rng(1)
    bias = rng.standard_normal(plain.shape[1]).astype(np.float32)
    residual = rng.standard_normal(plain.shape).astype(np.float32)
    want = np.maximum(plain + bias[:, *(None,) * (w.ndim - 2)] + residual, 0)
    ending = {"bias": bias, "residual": residual, "activation": "relu"}
    np.testing.assert_allclose(transposed(x, w, **ending, **parameters), want, rtol=1e-5, atol=3e-5)
    prepared = fc.prepare(transposed, w, **parameters)
    np.testing.assert_array_equal(transposed(x, prepared, **parameters), plain)


def test_the_epilogue_is_applied_to_every_tile():
    x, w, b, grad, parameters = drawn("dilated")
    plain = fc.conv2d(x, w, b, **parameters)
    fused = fc.conv2d(x, w, b, residual=grad, activation="relu", **parameters)
    np.testing.assert_array_equal(fused, np.maximum(plain + grad, 0))
