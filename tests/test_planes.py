"""Planes of few channels on one side: large ones are cut into blocks and bands, the rows of small ones lie side by side
in vectors. Short rows and wide strides, whose pixels are read in place. Every pixel is right, wherever cuts fall."""

import numpy as np
import pytest

import fastconv as fc
from arguments import function
from reference import lookup
from reference.conv import conv, conv_backward

# input shape, output channels, kernel, parameters
LAYERS = {
    "image": ((1, 1, 70, 300), 1, (3, 3), {"padding": 1}),
    "image without padding": ((2, 1, 40, 277), 1, (3, 3), {}),
    "image with padding above": ((1, 1, 33, 290), 1, (3, 3), {"padding": (2, 0)}),
    "image with padding beside": ((1, 1, 33, 290), 2, (3, 3), {"padding": (0, 2)}),
    "image of several blocks": ((1, 1, 37, 4300), 1, (3, 3), {"padding": 1}),
    "depthwise": ((2, 3, 64, 190), 3, (3, 3), {"padding": 1, "groups": 3}),
    "depthwise with a stride": ((2, 37, 9, 12), 37, (3, 3), {"padding": 1, "stride": 2, "groups": 37}),
    "depthwise, wide with a stride": ((3, 18, 14, 13), 18, (5, 4), {"padding": (2, 1), "stride": 2, "groups": 18}),
    "depthwise with gaps": ((2, 19, 11, 10), 19, (1, 2), {"stride": 2, "groups": 19}),
    "depthwise of a volume": ((1, 20, 3, 8, 9), 20, (2, 3, 3), {"padding": 1, "stride": (1, 2, 2), "groups": 20}),
    "large window": ((1, 1, 150, 700), 1, (5, 5), {"padding": 2}),
    "wide window": ((1, 1, 90, 600), 2, (2, 7), {"padding": (1, 3)}),
    "dilated": ((1, 1, 130, 600), 1, (5, 5), {"padding": 6, "dilation": 3}),
    "dilated, odd": ((3, 3, 10, 11, 11), 1, (3, 3, 2), {"padding": (1, 3, 2), "dilation": (3, 2, 1)}),
    "strided": ((1, 2, 180, 900), 2, (5, 5), {"padding": 2, "stride": 2, "groups": 2}),
    "unequally strided": ((1, 1, 160, 900), 1, (7, 3), {"padding": (3, 1), "stride": (3, 1)}),
    "two channels": ((1, 2, 90, 500), 1, (7, 7), {"padding": 3}),
    "volume": ((1, 1, 4, 50, 300), 1, (2, 3, 3), {"padding": 1}),
    "tall window": ((1, 1, 97, 420), 1, (13, 11), {"padding": (6, 5)}),
    "short rows": ((3, 6, 14, 14), 16, (5, 5), {}),
    "short rows, padded": ((2, 3, 9, 10), 12, (4, 5), {"padding": (1, 2)}),
    "short rows, dilated": ((2, 4, 15, 13), 13, (3, 3), {"padding": 1, "dilation": 2}),
    "short rows of groups": ((2, 32, 7, 7), 24, (3, 3), {"padding": 1, "groups": 4}),
    "short rows of a volume": ((2, 3, 4, 6, 7), 10, (2, 3, 3), {"padding": 1}),
    "short rows, strided below": ((2, 4, 20, 11), 12, (5, 4), {"stride": (2, 1)}),
    "one small plane": ((1, 70, 7, 7), 40, (3, 3), {"padding": 1}),
    "one small plane, strided": ((1, 70, 8, 8), 40, (3, 3), {"padding": 1, "stride": 2}),
    "one small plane, dilated": ((1, 70, 5, 9), 40, (3, 3), {"padding": (1, 2), "dilation": (1, 2)}),
    "one plane of few vectors": ((1, 70, 5, 5), 40, (3, 3), {"padding": 1}),
    "one small volume": ((1, 70, 3, 4, 5), 40, (2, 3, 3), {"padding": 1}),
    "one small plane of groups": ((1, 140, 7, 6), 140, (3, 3), {"padding": 1, "groups": 2}),
    "few channels of many": ((2, 60, 21, 33), 13, (3, 3), {"padding": 1}),
    "few channels of a volume": ((1, 40, 4, 13, 16), 8, (3, 3, 3), {"padding": 1}),
    "single taps": ((2, 70, 9, 23), 5, (1, 1), {}),
    "single taps back": ((1, 13, 300), 75, (1,), {}),
    "single taps of groups": ((2, 80, 13, 29), 40, (1, 1), {"groups": 2}),
    "single taps on small planes": ((5, 37, 7, 7), 17, (1, 1), {}),
    "single taps of phases": ((2, 12, 1, 300), 40, (1, 2), {"stride": (1, 2)}),
    "single taps of one phase": ((2, 12, 1, 300), 40, (1, 1), {"stride": (1, 2)}),
    "a few pixels more": ((2, 70, 14, 14), 40, (3, 3), {"padding": 1}),
    "a few pixels more of small images": ((3, 70, 6, 6), 20, (2, 2), {"padding": (1, 0), "stride": (2, 1)}),
    "a few single taps more": ((1, 70, 18, 18), 40, (1, 1), {}),
    "rows like the source's": ((1, 24, 14, 13), 40, (5, 5), {"padding": 2}),
    "rows like the source's, dilated": ((2, 24, 12, 20), 40, (3, 3), {"padding": (5, 6), "dilation": (5, 6)}),
    "rows like the source's, fewer": ((1, 40, 19, 17), 33, (4, 7), {"padding": (0, 3)}),
    "rows like the source's, more": ((1, 40, 9, 17), 33, (2, 3), {"padding": (3, 1)}),
    "rows like the source's of a volume": ((1, 20, 5, 9, 10), 36, (3, 3, 5), {"padding": (2, 1, 2)}),
    "rows like the source's of groups": ((1, 160, 13, 13), 80, (5, 3), {"padding": (2, 1), "groups": 2}),
    "every second row and column": ((2, 30, 29, 31), 40, (3, 3), {"padding": 1, "stride": 2}),
    "every second of long columns": ((1, 40, 90, 64), 48, (5, 4), {"padding": (2, 1), "stride": 2}),
    "every second, without padding": ((1, 50, 17, 42), 64, (2, 2), {"stride": 2}),
    "every second, far apart": ((1, 50, 40, 41), 64, (3, 3), {"padding": (0, 3), "stride": 2, "dilation": (1, 3)}),
    "every second of groups": ((1, 160, 21, 22), 200, (3, 5), {"padding": (4, 2), "stride": 2, "groups": 2}),
    "every second of far rows": ((1, 50, 33, 40), 64, (3, 2), {"padding": (12, 0), "stride": 2, "dilation": (12, 1)}),
    "two by two pixels": ((1, 300, 2, 2), 450, (1, 1), {}),
    "three pixels": ((1, 128, 1, 3), 128, (3, 3), {"padding": 1}),
    "two images of a pixel": ((2, 300, 1, 1), 450, (1, 1), {}),
    "seven images of a pixel": ((7, 1100, 1, 1), 37, (1, 1), {}),
    "a pixel among cells that none sees": ((2, 48, 4, 4), 224, (1, 1), {"stride": 4}),
    "a pixel that sees the border": ((2, 90, 1, 1), 60, (1, 1), {"padding": 1, "stride": 3}),
    "a pixel of a few channels": ((1, 19, 1), 3, (1,), {}),
    "a pixel of groups": ((5, 60, 1, 1, 1), 54, (1, 1, 1), {"groups": 3, "stride": 2}),
    "single taps of many channels": ((2, 500, 33, 20), 70, (1, 1), {}),
    "single taps of two groups": ((1, 84, 40, 41), 92, (1, 1), {"groups": 2}),
    "single taps of a volume": ((1, 30, 9, 20, 21), 50, (1, 1, 1), {}),
    "single taps of few rows from afar": ((1, 70, 60, 61), 5, (1, 1), {}),
    "single taps of few channels where they lie": ((2, 21, 90, 97), 43, (1, 1), {}),
    "single taps of every second": ((2, 40, 21, 26), 30, (1, 1), {"stride": 2}),
    "single taps of every second, of groups": ((3, 70, 14, 33), 80, (1, 1), {"stride": 2, "groups": 2}),
    "rows that nothing reaches": ((2, 40, 5, 6, 7), 30, (2, 5, 1), {"padding": (1, 4, 0), "dilation": 2, "stride": 2}),
    "single taps of large results": ((1, 6, 190, 197), 60, (1, 1), {}),
    "single taps near by": ((2, 90, 15, 13), 50, (1, 1), {}),
    "depthwise, nine pixels": ((3, 37, 3, 3), 37, (3, 3), {"padding": 1, "groups": 37}),
    "depthwise, four pixels with a stride": ((2, 20, 2, 2), 20, (4, 4), {"padding": 1, "stride": 2, "groups": 20}),
    "depthwise, one pixel": ((1, 19, 1, 1), 19, (5, 5), {"padding": 2, "groups": 19}),
    "few channels, many rows": ((1, 3, 41, 46), 260, (5, 4), {"padding": 1, "stride": 5}),
    "joint phases": ((2, 7, 31, 45), 10, (6, 6), {"padding": (2, 1), "stride": 3}),
    "joint phases of eight": ((2, 3, 50, 71), 12, (16, 16), {"padding": 5, "stride": 8}),
    "joint phases of one row": ((1, 1, 9001), 20, (64,), {"padding": 10, "stride": 16}),
    "joint phases of groups": ((2, 4, 60, 35), 4, (8, 8), {"padding": 2, "stride": 4, "groups": 4}),
    "joint phases of a volume": ((1, 5, 8, 12, 13), 6, (4, 2, 6), {"padding": (1, 0, 2), "stride": (4, 1, 3)}),
    "joint phases of bands": ((1, 24, 129, 130), 40, (4, 4), {"stride": 4}),
    "joint phases beyond the pixels": ((1, 20, 5, 7), 33, (16, 8), {"padding": (8, 4), "stride": (8, 4)}),
    "pixels of bands": ((1, 33, 60, 31), 20, (4, 3), {"padding": (2, 1), "stride": (2, 3)}),
    "pixels in place": ((2, 24, 40, 29), 70, (5, 5), {"stride": 4}),
    "pixels of many images": ((37, 40, 6, 7), 18, (3, 2), {"padding": 1, "stride": 2}),
    "pixels of groups": ((3, 48, 14, 11), 60, (3, 3), {"padding": 1, "stride": (2, 3), "groups": 3}),
    "pixels of a volume": ((2, 20, 9, 8, 10), 33, (3, 2, 3), {"padding": (1, 1, 2), "stride": (2, 1, 3)}),
    "pixels far apart": ((2, 50, 11, 12), 40, (3, 3), {"padding": 4, "dilation": (3, 4), "stride": 2}),
    "pixels of one row": ((3, 64, 90), 25, (4,), {"padding": 1, "stride": 3}),
    "taps beyond small planes": ((19, 21, 8, 9), 30, (5, 4), {}),
    "taps beyond small planes, dilated": ((13, 34, 9, 10), 24, (3, 3), {"dilation": (2, 3)}),
    "taps beyond small planes, strided": ((14, 40, 9, 7), 40, (4, 3), {"stride": (2, 1)}),
    "taps beyond small planes of groups": ((16, 54, 6, 6), 60, (3, 3), {"groups": 3}),
    "taps beyond small volumes": ((13, 18, 4, 5, 4), 40, (3, 3, 2), {}),
    "taps beyond short rows": ((20, 40, 15), 33, (7,), {}),
    "taps beyond small planes of many channels": ((17, 70, 5, 5), 150, (3, 3), {}),
    "pixels that see nothing": ((13, 20, 8, 6), 30, (3, 3), {"stride": (2, 1)}),
    "column phases of few channels": ((3, 8, 21, 40), 30, (3, 3), {"padding": 1, "stride": 2}),
    "column phases without taps": ((2, 7, 12, 45), 20, (3, 1), {"padding": (1, 0), "stride": 2}),
    "column phases of small groups": ((2, 32, 20, 37), 32, (3, 3), {"padding": 1, "stride": 2, "groups": 4}),
    "column phases of groups": ((2, 48, 9, 70), 48, (5, 4), {"padding": (2, 1), "stride": 2, "groups": 3}),
    "every second of one plane of several": ((1, 100, 2, 11, 8), 128, (3, 3, 5), {"padding": (1, 1, 2), "stride": 2}),
    "every second of regions of planes": ((4, 100, 4, 4, 4), 224, (2, 2, 2), {"padding": (1, 0, 0), "stride": 2}),
    "column phases of odd rows": ((2, 20, 9, 33), 10, (3, 5), {"padding": (0, 1), "stride": 2}),
    "column phases that leave a pixel more": ((1, 20, 9, 25), 12, (3, 4), {"stride": 2}),
    "column phases of one axis": ((2, 5, 301), 24, (4,), {"padding": 1, "stride": 2}),
    "column phases of a volume": ((1, 6, 5, 8, 38), 22, (3, 3, 3), {"padding": 1, "stride": 2}),
    "tall window on a small plane": ((1, 2, 49, 57), 2, (23, 19), {"padding": (11, 9), "groups": 2}),
    "tall window larger than its plane": ((2, 3, 20, 69), 3, (31, 25), {"padding": (19, 12), "groups": 3}),
    "tall window without padding": ((1, 2, 60, 333), 2, (14, 6), {"groups": 2}),
}


def drawn(name, draw):
    shape, channels, kernel, parameters = LAYERS[name]
    rng = np.random.default_rng(sum(shape))
    x, w = draw(rng, shape), draw(rng, (channels, shape[1] // parameters.get("groups", 1), *kernel))
    b = draw(rng, (channels,))
    out = function("conv", len(kernel))(x, w, b, **parameters)
    return x, w, b, draw(rng, out.shape), parameters


def passes(x, w, b, grad, parameters):
    rank = w.ndim - 2
    with fc.precision("exact"):
        forward = function("conv", rank)(x, w, b, **parameters)
        return forward, function("conv", rank, "_backward")(grad, x, w, **parameters)[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_small_integers_give_exact_sums(name, dtype, isa):
    x, w, b, grad, parameters = drawn(name, lambda rng, shape: rng.integers(-3, 4, shape).astype(dtype))
    exact = conv(x, w, b, **parameters), conv_backward(grad, x, w, **parameters)[0]
    for got, want in zip(passes(x, w, b, grad, parameters), exact, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", LAYERS)
def test_bits_do_not_depend_on_the_number_of_threads(name, isa):
    layer = drawn(name, lambda rng, shape: rng.standard_normal(shape).astype(np.float32))
    with fc.threads(1):
        alone = passes(*layer)
    with fc.threads(2):
        for one, two in zip(alone, passes(*layer), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", LAYERS)
def test_the_epilogue_reaches_every_pixel_once(name):
    x, w, b, grad, parameters = drawn(name, lambda rng, shape: rng.integers(-3, 4, shape).astype(np.float32))
    forward = function("conv", w.ndim - 2)
    with fc.precision("exact"):
        fused = forward(x, w, b, residual=grad, activation="relu", **parameters)
    np.testing.assert_array_equal(fused, np.maximum(conv(x, w, b, **parameters) + grad, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 9, 70), (1, 2, 33, 129), (3, 5, 6, 7), (9, 30, 5, 9), (4, 5, 12, 4)])
@pytest.mark.parametrize(
    "window",
    [(2,), (2, 2, 0, 1, True), (3, 2, 1), (3, 1, 1, 2), ((2, 3), (2, 1)), (9, 1, 4)],
    ids=repr,
)
def test_maxima_are_where_the_first_of_the_largest_or_the_last_nan_is(shape, window, dtype, isa):
    rng = np.random.default_rng(5)
    x = rng.integers(-2, 3, shape).astype(dtype)
    x[rng.random(shape) < 0.1], x[rng.random(shape) < 0.1] = np.nan, -np.inf
    want, places = lookup("max_pool2d")(x, *window, return_indices=True)
    got, indices = fc.max_pool2d(x, *window, return_indices=True)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_array_equal(fc.max_pool2d(x, *window), want)
    np.testing.assert_array_equal(fc.min_pool2d(-x, *window), -want)


@pytest.mark.parametrize("shape", [(9, 30, 5, 9), (1, 9, 12, 4), (2, 4, 3, 3)])
def test_means_and_gradients_of_small_planes_are_those_of_each_plane(shape, isa):
    rng = np.random.default_rng(6)
    x = rng.integers(-9, 9, shape).astype(np.float32)
    np.testing.assert_array_equal(fc.avg_pool2d(x, 2), lookup("avg_pool2d")(x, 2))
    np.testing.assert_array_equal(
        fc.avg_pool2d(x, 2, 1, divisor_override=8), lookup("avg_pool2d")(x, 2, 1, divisor_override=8)
    )
    y, indices = fc.max_pool2d(x, (2, 3), (1, 1), return_indices=True)
    grad = rng.integers(-9, 9, y.shape).astype(np.float32)
    back = fc.max_pool2d_backward(grad, indices, shape)
    for plane in np.ndindex(shape[:2]):
        want = np.bincount(indices[plane].ravel(), grad[plane].ravel(), back[plane].size)
        np.testing.assert_array_equal(back[plane].ravel(), want)
