"""fastconv.compat.signal against scipy.signal, install() and patched(), and both without SciPy."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from fastconv import compat
from fastconv.compat import signal as ours
from fastconv.compat.signal import convolution

theirs = pytest.importorskip("scipy.signal")

SHAPES = [
    ((50,), (7,)),
    ((7,), (50,)),
    ((3000,), (400,)),
    ((20, 30), (5, 4)),
    ((6, 7, 8), (3, 3, 3)),
    ((4, 3, 5, 4), (2, 2, 2, 2)),
]
DTYPES = ["int8", "uint8", "int64", "float32", "float64", "complex64", "complex128"]


def draw(shape, dtype, seed=0):
    values = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        return values.integers(0, 100, shape).astype(dtype)
    real = values.standard_normal(shape)
    return (real + 1j * values.standard_normal(shape) if np.dtype(dtype).kind == "c" else real).astype(dtype)


def close(result, expected, single):
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    if result.dtype.kind in "iu":
        np.testing.assert_array_equal(result, expected)
    else:
        tolerance = 1e-4 if single else 1e-10
        atol = tolerance * np.abs(expected).max(initial=0)
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=atol)


@pytest.mark.parametrize("name", ours.__all__)
def test_signatures_are_scipys(name):
    assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(theirs, name))


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_every_type_mode_and_method(shapes, dtype, mode):
    a = draw(shapes[0], dtype)
    for other in (dtype, "float32", "int64"):
        b = draw(shapes[1], other, 1)
        single = {a.dtype.char, b.dtype.char} & set("fF")
        for method in ("direct", "fft", "auto"):
            if method != "direct" and np.result_type(a, b).kind in "iu":
                continue
            close(ours.convolve(a, b, mode, method), theirs.convolve(a, b, mode, "direct"), single)
            close(ours.correlate(a, b, mode, method), theirs.correlate(a, b, mode, "direct"), single)
        for name in ("fftconvolve", "oaconvolve"):
            close(getattr(ours, name)(a, b, mode), getattr(theirs, name)(a, b, mode), single)


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_images_with_every_boundary(boundary, mode, dtype):
    for n, k in (((9, 8), (3, 4)), ((3, 4), (9, 8)), ((5, 1), (2, 7)), ((300, 200), (5, 5))):
        if mode == "valid" and n[1] == 1:
            continue
        a, b = draw(n, dtype), draw(k, dtype, 1)
        for name in ("convolve2d", "correlate2d"):
            result = getattr(ours, name)(a, b, mode, boundary, 2)
            close(result, getattr(theirs, name)(a, b, mode, boundary, 2), a.dtype.char in "fF")


def test_integers_wrap_and_stay_exact():
    a = np.array([[2**62, 3], [5, 2**61]])
    np.testing.assert_array_equal(ours.convolve(a, a), theirs.convolve(a, a, method="direct"))
    b = np.int8([[100, 100]])
    np.testing.assert_array_equal(ours.convolve2d(b, b), theirs.convolve2d(b, b))
    long = np.random.default_rng(0).integers(0, 2**20, 5000)
    np.testing.assert_array_equal(ours.convolve(long, long), np.convolve(long, long))


def test_sums_of_integers_are_exact():
    values = np.random.default_rng(0)
    image, kernel = values.integers(-(2**31), 2**31, (300, 260)), values.integers(-50, 50, (13, 9))
    product = np.outer([3, -7, 11, 13, 5], [9, 7, -2, 6, 17])
    for a in (image, (image % 30000).astype(np.int32), (image % 200).astype(np.uint8)):
        for b in (kernel, product):
            b = b.astype(np.int32)
            expected = theirs.correlate(a, np.flip(b), "same", "direct")
            np.testing.assert_array_equal(ours.convolve(a, b, "same", "direct"), expected)
            np.testing.assert_array_equal(ours.convolve2d(a, b, "same"), expected)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning", "ignore:invalid value:RuntimeWarning")
def test_fill_values_are_those_scipy_takes():
    x = np.ones((2, 2))
    refused = [("uint8", -1), ("uint8", 300), ("int16", np.nan), ("float32", 1j), ("int8", None), ("int8", [1, 2])]
    for dtype, fill in refused:
        for module in (theirs, ours):
            with pytest.raises(ValueError):
                module.convolve2d(x.astype(dtype), x.astype(dtype), fillvalue=fill)
            module.convolve2d(x.astype(dtype), x.astype(dtype), boundary="symm", fillvalue=fill)
    for dtype, fill in (("uint8", 2.5), ("uint8", True), ("int8", np.complex64(2))):
        a = x.astype(dtype)
        close(ours.convolve2d(a, a, fillvalue=fill), theirs.convolve2d(a, a, fillvalue=fill), False)


def test_images_of_no_cells():
    for n, k in (((5, 2), (3, 0)), ((0, 4), (3, 2)), ((2, 0), (0, 3))):
        a, b = np.ones(n), np.ones(k)
        for mode in ("full", "same"):
            for name in ("convolve2d", "correlate2d"):
                close(getattr(ours, name)(a, b, mode, "fill", 2), getattr(theirs, name)(a, b, mode, "fill", 2), False)


def test_axes_and_broadcasting():
    a, b = draw((5, 60, 4), "float64"), draw((5, 9, 1), "float64", 1)
    for mode in ("full", "same", "valid"):
        close(ours.oaconvolve(a, b, mode, axes=1), theirs.oaconvolve(a, b, mode, axes=1), False)
        close(ours.fftconvolve(a, b, mode, axes=[-2]), theirs.fftconvolve(a, b, mode, axes=[-2]), False)


def test_long_signals_are_convolved_in_blocks():
    a, b = draw((100_000,), "float32"), draw((701,), "float32", 1)
    close(ours.convolve(a, b, "same"), theirs.oaconvolve(a, b, "same"), True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize(
    ("n", "k", "axes"),
    [
        ((300, 280), (21, 17), None),
        ((2, 200, 90), (1, 70, 5), None),
        ((500, 6), (40, 1), 0),
        ((15, 11), (190, 210), None),
        ((5, 120, 100), (1, 9, 1), [1]),
    ],
)
def test_images_are_transformed_in_bands(n, k, axes, dtype, monkeypatch):
    a, b = draw(n, dtype), draw(k, dtype, 1)
    made = []
    bands = convolution.convolve_bands
    monkeypatch.setattr(convolution, "convolve_bands", lambda *given: made.append(given) or bands(*given))
    for mode in ("full", "same", "valid"):
        close(ours.fftconvolve(a, b, mode, axes), theirs.fftconvolve(a, b, mode, axes), dtype == "float32")
    assert len(made) == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_transforms_of_what_is_not_finite_are_scipy_s(bad):
    a, b = draw((300, 280), "float32"), draw((21, 17), "float32", 1)
    a[200, 100] = bad
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ours.fftconvolve(a, b), theirs.fftconvolve(a, b))
        with pytest.warns(RuntimeWarning, match="NaN or infinity"):
            assert np.isnan(ours.convolve(a, b, method="fft")).all()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (([1], [[2]]), {}),
        (([1], [2]), {"mode": "most"}),
        (([1], [2]), {"method": "slow"}),
        (([], [2]), {}),
        ((np.ones((2, 3)), np.ones((3, 2))), {"mode": "valid"}),
    ],
)
def test_bad_arguments_raise_value_errors(arguments, options):
    for module in (theirs, ours):
        with pytest.raises(ValueError):
            module.convolve(*arguments, **options)


def test_install_reaches_names_that_were_imported_before():
    import scipy.ndimage

    held = sys.modules[__name__]
    held.held_function = original = theirs.fftconvolve
    try:
        with compat.patched():
            assert held.held_function is ours.fftconvolve
            assert scipy.ndimage.sobel is compat.ndimage.sobel
            with compat.patched():
                compat.install()
            assert theirs.fftconvolve is ours.fftconvolve
        assert held.held_function is theirs.fftconvolve is original
        compat.uninstall()
    finally:
        del held.held_function


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("shapes", [((4, 0), (4, 1)), ((4, 1), (4, 0))])
def test_empty_images_are_scipy_s_and_empty_lines_refused(shapes, name, mode):
    a, b = map(np.ones, shapes)
    result, expected = (getattr(where, name)(a, b, mode, "direct") for where in (ours, theirs))
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    for arguments in ((a, b, mode, "fft"), (a[0], b[0], mode)):
        with pytest.raises(ValueError, match="cannot be empty"):
            getattr(ours, name)(*arguments)


@pytest.mark.parametrize("name", ["convolve", "correlate", "convolve2d", "correlate2d"])
def test_booleans_and_half_precision_are_taken_as_numpy_takes_them(name):
    a, b = np.ones((4, 5)), np.ones((2, 2))
    result = getattr(ours, name)(a == 1, b == 1)
    assert result.dtype == bool
    assert result.all()
    half = getattr(ours, name)(a.astype(np.float16), b.astype(np.float16))
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, getattr(theirs, name)(a, b))


def test_infinities_in_complex_sums_are_those_of_the_parts():
    x, w = draw((2000,), "complex64"), draw((100,), "complex64", 1)
    x[900] = -np.inf + 0.4j
    with np.errstate(invalid="ignore"):
        result = ours.convolve(x, w, method="direct")
    assert np.isinf(result.real[900:1000]).all()
    assert np.isinf(result.imag[900:1000]).all()
    assert np.isfinite(np.delete(result, slice(900, 1000))).all()


@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
def test_transforms_of_mixed_types_have_the_precision_of_the_result(name):
    a, b = draw((6, 20), "int64"), draw((2, 9), "complex64")
    for x, w in ((a, b), (a.astype("float32"), b.real.astype("float64"))):
        exact = theirs.convolve(x.astype("float64"), w.astype("complex128" if w is b else "float64"), method="direct")
        close(getattr(ours, name)(x, w), exact, single=False)


def test_everything_works_without_scipy():
    code = """
import sys
sys.modules["scipy"] = None
import numpy as np
from fastconv import compat
x = np.arange(30.0).reshape(5, 6)
compat.ndimage.gaussian_filter(x, 1.0), compat.ndimage.maximum_filter(x, footprint=[[1, 0], [0, 1]])
a, b = np.ones(5000, np.float32), np.ones(500, np.float32)
assert compat.signal.oaconvolve(a, b).dtype == np.float32
np.testing.assert_allclose(compat.signal.convolve(a, b, method="fft"), np.convolve(a, b), rtol=1e-4)
direct = compat.signal.convolve(x, x, method="direct")
np.testing.assert_allclose(compat.signal.convolve(x, x, method="fft"), direct, atol=1e-9)
try:
    compat.install()
except ImportError as error:
    assert "fastconv[scipy]" in str(error)
else:
    raise SystemExit("installed nowhere")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
