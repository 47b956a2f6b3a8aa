"""fastconv.compat.ndimage against scipy.ndimage: names, arguments, types, borders."""

import inspect
import itertools

import numpy as np
import pytest

import fastconv
from fastconv.compat import ndimage as ours

theirs = pytest.importorskip("scipy.ndimage")

MODES = ["reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant"]
FILTERS = [name for name in ours.__all__ if hasattr(theirs, name)]


def image(shape, dtype=np.float64, seed=0):
    draw = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return draw.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
    real = draw.standard_normal(shape)
    return (real + 1j * draw.standard_normal(shape) if dtype.kind == "c" else real).astype(dtype)


def same(name, *arguments, **options):
    with np.errstate(invalid="ignore"):
        expected = getattr(theirs, name)(*arguments, **options)
        result = getattr(ours, name)(*arguments, **options)
    assert result.dtype == expected.dtype
    if result.dtype.kind in "biu":
        np.testing.assert_array_equal(result, expected)
    else:
        single = result.dtype in (np.float32, np.complex64)
        scale = max(np.abs(expected[np.isfinite(expected)]).max(initial=0), 1)
        tolerance = 2e-6 if single else 1e-13
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("name", FILTERS)
def test_signatures_are_scipys_and_perhaps_a_nan_policy(name):
    parameters = dict(inspect.signature(getattr(ours, name)).parameters)
    parameters.pop("nan_policy", None)
    expected = inspect.signature(getattr(theirs, name)).parameters
    assert list(parameters.items()) == list(expected.items())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(7,), (1, 6), (5, 8), (3, 4, 5), (2, 3, 4, 5), (300, 260)])
def test_every_mode_and_rank(mode, shape):
    x = image(shape)
    options = {"mode": mode, "cval": 2.5}
    weights = image([min(n, k) for n, k in zip(shape, (3, 4, 3, 2))], seed=1)
    same("correlate", x, weights, **options)
    same("convolve", x, weights, **options)
    same("gaussian_filter", x, 1.2, **options)
    for name in ("uniform_filter", "maximum_filter", "minimum_filter"):
        same(name, x, 3, **options)
        same(name, x, 4, origin=1, **options)
    for axis in range(len(shape)):
        same("correlate1d", x, [1.5, 2, -1, 0.5], axis, origin=-1, **options)
        same("convolve1d", x, [1.5, 2, -1], axis, origin=1, **options)
        same("uniform_filter1d", x, 5, axis, **options)
        same("maximum_filter1d", x, 5, axis, **options)
        same("sobel", x, axis, **options)
        same("prewitt", x, axis, **options)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32"])
def test_integers_are_cut_and_wrap_as_in_scipy(dtype):
    for x in (image((9, 11), dtype), np.full((9, 11), 97, dtype), np.arange(99).astype(dtype).reshape(9, 11)):
        for output in (None, np.uint8, np.int16, np.uint32, np.float64):
            same("gaussian_filter", x, 1.0, output=output)
            same("gaussian_filter", x, 2.3, order=1, output=output)
            same("correlate", x, image((3, 3)), output=output)
            same("correlate1d", x, [0.1, 0.2, 0.4, 0.2, 0.1], output=output)
            same("uniform_filter", x, (3, 4), output=output)
            same("laplace", x, output=output)
            same("gaussian_laplace", x, 1.0, output=output)
            same("gaussian_gradient_magnitude", x, 1.0, output=output)
            same("maximum_filter", x, 3, output=output)


def test_sums_of_integers_are_exact():
    draw = np.random.default_rng(0)
    x = draw.integers(-(2**31), 2**31, (300, 300))
    product = np.outer([3, -7, 11, 13, 5], [9, 7, -2, 6, 17])
    for weights in (product, draw.integers(-50, 50, (13, 9)), draw.integers(-50, 50, (5, 5))):
        for output in (None, np.int32, np.uint8, np.float64):
            expected = theirs.correlate(x, weights, output)
            np.testing.assert_array_equal(ours.correlate(x, weights, output), expected)


def test_doubt_knows_the_largest_value_of_signed_integers():
    x = np.full((20, 20), -128, np.int8)
    weights = np.full((3, 3), 0.1)
    same("correlate", x, weights, output=np.int16)
    same("correlate", np.full((4, 4), 2**62), np.array([[0.5, 0.3], [1.0, 0.7]]))


def test_weights_that_are_no_numbers_are_taken_for_equal_as_in_scipy():
    same("convolve1d", image((3, 5), "uint8"), [np.nan, 8.0, np.inf], axis=0, output=np.float64)


def test_booleans_are_bytes_between_two_steps():
    x = np.random.default_rng(0).random((9, 11, 7)) < 0.5
    for name in ("sobel", "prewitt"):
        result, expected = getattr(ours, name)(x), getattr(theirs, name)(x)
        np.testing.assert_array_equal(result, expected.view(np.uint8) != 0)
    floats = 300 * image((9, 11))
    for name, size in (("gaussian_filter", 1.5), ("uniform_filter", 3), ("maximum_filter", 3)):
        result, expected = (getattr(module, name)(floats, size, output=bool) for module in (ours, theirs))
        np.testing.assert_array_equal(result, expected.view(np.uint8) != 0)


@pytest.mark.parametrize("dtype", ["float16", "float64", "longdouble", "complex128", ">i4"])
def test_filters_of_no_step_copy_every_type(dtype):
    x = image((4, 5), dtype)
    for name, size in (("gaussian_filter", 0.0), ("uniform_filter", 1), ("maximum_filter", 1), ("laplace", None)):
        if name == "maximum_filter" and x.dtype.kind == "c":
            continue
        arguments, options = ((x,), {"axes": ()}) if size is None else ((x, size), {})
        result = getattr(ours, name)(*arguments, **options)
        assert not np.shares_memory(result, x)
        assert result.dtype == getattr(theirs, name)(*arguments, **options).dtype
        np.testing.assert_array_equal(result, x)


def test_magnitude_leaves_an_image_without_blur_alone():
    x = image((4, 5))
    before = x.copy()
    same("gaussian_gradient_magnitude", x, 0.0)
    same("gaussian_gradient_magnitude", x, [0.0, 1.0])
    np.testing.assert_array_equal(x, before)


def test_byte_orders_are_those_asked_for():
    x = image((6, 7), ">f4")
    for output in (None, ">f8", np.dtype(">i4")):
        for name in ("sobel", "laplace"):
            expected = getattr(theirs, name)(x, output=output).dtype
            assert getattr(ours, name)(x, output=output).dtype.str == expected.str


@pytest.mark.filterwarnings("ignore:promoting specified output dtype")
def test_complex_images_need_complex_outputs():
    x = image((6, 7), "complex64")
    assert ours.gaussian_filter1d(x, 1.0, output=np.float32).dtype == np.complex64
    for name, arguments in (("sobel", ()), ("laplace", ()), ("gaussian_filter", (1.0,)), ("gaussian_laplace", (1.0,))):
        for module in (theirs, ours):
            with pytest.raises(RuntimeError, match="complex dtype"):
                getattr(module, name)(x, *arguments, output=np.float32)


def test_constants_that_integers_cannot_hold():
    x = image((4, 7), "uint8")
    for cval in (np.nan, np.inf):
        same("uniform_filter", x, 2, mode="constant", cval=cval, output=np.float64)
        same("uniform_filter1d", x, 3, mode="constant", cval=cval, output=np.float64)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_images_and_kernels(dtype):
    x, weights = image((6, 7), dtype), image((3, 2), "complex128", 1)
    same("correlate", x, weights, mode="constant", cval=1 + 2j)
    same("convolve", x, weights)
    same("convolve", image((6, 7)), weights, output=np.complex128)
    same("correlate1d", x, weights[0])
    same("uniform_filter", x, 3)
    same("gaussian_filter", x, 1)


@pytest.mark.parametrize("axes", [axes for n in (1, 2) for axes in itertools.permutations(range(-3, 3), n)])
def test_axes_are_those_of_scipy(axes):
    x = image((5, 6, 7))
    if len({axis % 3 for axis in axes}) < len(axes):
        with pytest.raises(ValueError, match="unique"):
            ours.correlate(x, np.ones((2, 3)[: len(axes)]), axes=axes)
        return
    weights = image((3, 3)[: len(axes)], seed=2)
    footprint = np.array([[1, 0, 1], [1, 1, 0]], bool)
    same("correlate", x, weights, axes=axes, origin=[0, 1][: len(axes)])
    same("uniform_filter", x, [2, 3][: len(axes)], axes=axes)
    same("maximum_filter", x, footprint=footprint[0] if len(axes) == 1 else footprint, axes=axes)


@pytest.mark.parametrize("k", [3, 5, 9, 31])
def test_large_float32_images_keep_float32_accuracy(k):
    x = image((300, 310), np.float32)
    vector = image((k,), np.float32, 1)
    for mode in ("reflect", "wrap", "constant"):
        weights, options = image((k, k), np.float32, 2) / k, {"mode": mode, "cval": 1.0}
        expected = theirs.correlate(x.astype(np.float64), weights, **options)
        largest = theirs.correlate(np.abs(x), np.abs(weights), **options).max()
        error = np.abs(ours.correlate(x, weights, **options) - expected).max()
        assert error <= 8 * np.finfo(np.float32).eps * largest
        same("correlate", x, np.outer(vector, vector) / k, mode=mode, cval=1.0)
        same("uniform_filter", x, k, mode=mode, cval=1.0)
        same("maximum_filter", x, k, mode=mode, cval=1.0)


@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
@pytest.mark.parametrize("mode", MODES)
def test_filters_of_several_axes_on_large_images(mode, bad):
    for shape in ((280, 310), (40, 41, 50)):
        x = image(shape, np.float32)
        if bad is not None:
            x[(5,) * x.ndim] = bad
        options = {"mode": mode, "cval": 1.5}
        for axis in range(x.ndim):
            same("sobel", x, axis, **options)
            same("prewitt", x, axis, **options)
        same("laplace", x, **options)
        same("laplace", x, axes=(0,), **options)
        same("gaussian_filter", x, [1.0, 2.0, 0.5][: x.ndim], order=[0, 1, 2][: x.ndim], **options)
        same("gaussian_laplace", x, 1.0, **options)
        same("gaussian_gradient_magnitude", x, 1.0, **options)
        same("uniform_filter", x, [4, 5, 1][: x.ndim], origin=[-1, 1, 0][: x.ndim], **options)
        same("correlate", x, image((3, 5, 4)[: x.ndim], seed=1), origin=1, **options)


def test_nan_and_infinity_reach_where_they_do_in_scipy():
    for size in (20, 300):
        x = image((size, size), np.float32)
        x[4, 5], x[9, 2], x[15, 15] = np.nan, np.inf, -np.inf
        same("correlate", x, np.array([[1.0, 0, 2], [0, 0, 0], [3, 0, 4]]))
        same("correlate1d", x, [1.0, 0, 2])
        same("uniform_filter", x, 3)
        same("gaussian_filter", x, 1.0)


def test_sums_beyond_float32_do_not_overflow():
    x = np.full((300, 300), 2e38, np.float32)
    same("uniform_filter", x, 5)
    same("correlate", x, np.full((3, 3), 1 / 9))


def test_several_kernels_at_once_are_those_one_by_one():
    for x, weights in (
        (image((40, 50)), image((5, 3, 3), seed=1)),
        (image((300, 300), np.float32), image((3, 4, 5), seed=1)),
        (image((20, 30), np.uint8), image((2, 3, 3), seed=1)),
        (image((2, 3, 4, 5)), image((2, 1, 2, 2, 3), seed=1)),
        (image((6, 7), "complex64"), image((2, 2, 2), seed=1)),
    ):
        result = ours.correlate_many(x, weights, mode="mirror")
        assert result.dtype == x.dtype
        expected = np.stack([ours.correlate(x, w, mode="mirror") for w in weights])
        np.testing.assert_allclose(result, expected, rtol=2e-6, atol=2e-5)


@pytest.mark.parametrize("size", [12, 300])
def test_nan_policies(size):
    x = image((size, size))
    missing = np.random.default_rng(1).random(x.shape) < 0.2
    x[missing] = np.nan
    x[:4, :4] = np.nan
    weights = np.random.default_rng(2).random((3, 3))
    filled, present = np.where(np.isnan(x), 0, x), (~np.isnan(x)).astype(float)
    omitted = theirs.correlate(filled, weights)
    np.testing.assert_allclose(ours.correlate(x, weights, nan_policy="omit"), omitted, atol=1e-12)
    with np.errstate(all="ignore"):
        scaled = omitted / theirs.correlate(present, weights) * weights.sum()
    interpolated = ours.correlate(x, weights, nan_policy="interpolate")
    np.testing.assert_allclose(interpolated, scaled, rtol=1e-10)
    assert np.isnan(interpolated[1, 1])
    touched = theirs.correlate(present, np.ones((3, 3))) < 8.5
    np.testing.assert_array_equal(np.isnan(ours.correlate(x, weights)), touched)
    means = ours.uniform_filter(x, 3, nan_policy="interpolate")
    assert np.isclose(means[7, 7], np.nanmean(x[6:9, 6:9]))
    assert np.isfinite(ours.gaussian_filter(x, 2.0, nan_policy="interpolate")).all()
    with pytest.raises(ValueError, match="sum is not zero"):
        ours.correlate1d(x, [-1, 0, 1], nan_policy="interpolate")
    with pytest.raises(ValueError, match="nan_policy"):
        ours.correlate(x, weights, nan_policy="drop")


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1, 1, 1, 3)])
def test_no_axes_no_cells_and_many_axes(shape):
    x = image(shape)
    same("correlate", x, np.full([1] * max(len(shape) - 1, 0) + [2] * min(len(shape), 1), 2.0))
    for name in ("gaussian_filter", "uniform_filter", "maximum_filter"):
        same(name, x, 2)
        assert type(getattr(ours, name)(x, 2)) is np.ndarray
    assert type(ours.correlate(np.array(3.0), np.array(2.0))) is np.ndarray
    for value in (np.inf, np.nan, 2.5):
        same("correlate", np.array(value), np.array(2.0))
        same("convolve", np.array(value), np.array(0.0))
    same("correlate", np.array(3.5), np.array(2.0), output=np.int8)


def test_results_go_to_the_given_output():
    x = np.arange(12).reshape(3, 4)
    output = np.zeros((3, 4), np.float32)[:, ::-1]
    assert ours.correlate(x, np.ones((3, 3)), output) is output
    np.testing.assert_array_equal(output, theirs.correlate(x, np.ones((3, 3)), np.float32))
    ours.gaussian_filter(x, 1.0, output=x)
    np.testing.assert_array_equal(x, theirs.gaussian_filter(np.arange(12).reshape(3, 4), 1.0))


BAD_CALLS = {
    "weights of another rank": ("correlate", (np.ones((3, 3)), [1, 2]), {}),
    "no weights": ("correlate1d", (np.ones(3), []), {}),
    "unknown mode": ("correlate", (np.ones(3), [1.0]), {"mode": "mirrored"}),
    "several modes": ("correlate", (np.ones(3), [1.0]), {"mode": ["wrap"]}),
    "origin outside": ("correlate", (np.ones(3), [1.0, 1]), {"origin": 1}),
    "origin outside of a box": ("uniform_filter", (np.ones(3), 3), {"origin": 2}),
    "axis outside": ("correlate1d", (np.ones(3), [1.0]), {"axis": 1}),
    "half precision": ("uniform_filter", (np.ones(3, np.float16), 3), {}),
    "objects": ("maximum_filter", (np.ones(3, object), 3), {}),
    "output of another shape": ("correlate", (np.ones(3), [1.0]), {"output": np.zeros(4)}),
    "output no number": ("correlate", (np.ones(3), [1.0]), {"output": "S3"}),
    "cval no number": ("correlate", (np.ones(3), [1.0]), {"cval": "a"}),
    "no size": ("maximum_filter", (np.ones(3),), {}),
    "empty footprint": ("maximum_filter", (np.ones(3),), {"footprint": [0, 0]}),
    "complex extremes": ("minimum_filter", (np.ones(3, complex), 3), {}),
    "sizes of another rank": ("uniform_filter", (np.ones((3, 3)), [3]), {}),
    "size nothing": ("uniform_filter1d", (np.ones(3), 0), {}),
    "order negative": ("gaussian_filter", (np.ones(3), 1.0), {"order": -1}),
    "radius a fraction": ("gaussian_filter", (np.ones(3), 1.0), {"radius": 1.5}),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_arguments_raise_what_scipy_raises(case):
    name, arguments, options = BAD_CALLS[case]
    with pytest.raises(Exception) as expected:
        getattr(theirs, name)(*arguments, **options)
    with pytest.raises(expected.type):
        getattr(ours, name)(*arguments, **options)


@pytest.mark.parametrize("output", [None, "f", "e", "F", "G"])
@pytest.mark.parametrize("name", ["correlate", "convolve"])
def test_images_of_no_cells_have_any_type(name, output):
    for dtype in ("float32", "float16", "longdouble"):
        x, weights = np.zeros((7, 0), dtype), np.ones((5, 2))
        result, expected = (getattr(where, name)(x, weights, output=output) for where in (ours, theirs))
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)


def test_same_bits_for_any_thread_count():
    x, weights = image((400, 500), np.float32), image((7, 7), np.float32)
    with fastconv.threads(1):
        one = ours.correlate(x, weights), ours.uniform_filter(x, 9), ours.maximum_filter(x, 9)
    with fastconv.threads(2):
        two = ours.correlate(x, weights), ours.uniform_filter(x, 9), ours.maximum_filter(x, 9)
    assert all(np.array_equal(a, b) for a, b in zip(one, two))
