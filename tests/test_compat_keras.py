"""fastconv.compat.keras: Keras's meaning of every argument against plain formulas, and Keras's own tests."""

import importlib.util
import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from fastconv.compat import keras as bridge

rng = np.random.default_rng(0)
needs_keras = pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="needs keras")


def channels_last(function, inputs, *kernels, data_format, **options):
    """The result channels last, of inputs that are channels last, by the road of either data format."""
    if data_format == "channels_first":
        inputs = np.moveaxis(inputs, -1, 1)
    result = function(inputs, *kernels, data_format=data_format, **options)
    assert result.flags.c_contiguous
    return np.moveaxis(result, 1, -1) if data_format == "channels_first" else result


def windows(inputs, size, strides, dilation, padding):
    """(output position, the window's cells inside the input as (kernel position, input position)) by definition."""
    rank = inputs.ndim - 2
    axes = []
    for extent, s, stride, d in zip(inputs.shape[1:-1], size, strides, dilation, strict=True):
        span = (s - 1) * d + 1
        count = math.ceil(extent / stride) if padding == "same" else (extent - span) // stride + 1
        before = max((count - 1) * stride + span - extent, 0) // 2 if padding == "same" else 0
        axes.append(
            [[(k, o * stride - before + k * d) for k in range(s) if 0 <= o * stride - before + k * d < extent]
             for o in range(count)]
        )  # fmt: skip
    for position in itertools.product(*(range(len(axis)) for axis in axes)):
        cells = itertools.product(*(axes[i][position[i]] for i in range(rank)))
        yield position, [tuple(zip(*cell, strict=True)) for cell in cells]


def convolution(inputs, kernel, strides, dilation, padding):
    """keras.ops.conv as nested loops, channels last."""
    rank = inputs.ndim - 2
    per_group, K = kernel.shape[-2:]
    groups = inputs.shape[-1] // per_group
    found = {}
    for position, cells in windows(inputs, kernel.shape[:rank], strides, dilation, padding):
        found[position] = np.zeros((len(inputs), K))
        for k, i in cells:
            for g in range(groups):
                c, o = slice(g * per_group, (g + 1) * per_group), slice(g * K // groups, (g + 1) * K // groups)
                found[position][:, o] += inputs[(slice(None), *i, c)] @ kernel[(*k, slice(None), o)]
    extents = [max(axis) + 1 for axis in zip(*found)]
    result = np.array([found[p] for p in itertools.product(*map(range, extents))])
    return np.moveaxis(result, 0, 1).reshape(len(inputs), *extents, K)


GEOMETRIES = [  # extents, kernel, strides, dilation
    ((9,), (3,), (1,), (1,)),
    ((9,), (4,), (2,), (1,)),
    ((7, 8), (3, 2), (2, 3), (1, 1)),
    ((8, 7), (2, 3), (1, 1), (2, 3)),
    ((6, 6), (1, 5), (3, 1), (1, 1)),
    ((5, 4, 6), (2, 3, 1), (2, 1, 2), (1, 1, 1)),
]
FORMATS = ["channels_last", "channels_first"]


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("extents", "size", "strides", "dilation"), GEOMETRIES)
def test_conv_is_its_formula(extents, size, strides, dilation, groups, padding, data_format):
    x, kernel = rng.standard_normal((2, *extents, 4)), rng.standard_normal((*size, 4 // groups, 6))
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    result = channels_last(bridge.conv, x, kernel, data_format=data_format, **options)
    np.testing.assert_allclose(result, convolution(x, kernel, strides, dilation, padding), atol=1e-12)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_and_separable_convolutions_are_their_formulas(padding, data_format):
    x, kernel, points = (rng.standard_normal(s) for s in ((2, 7, 8, 3), (3, 2, 3, 2), (1, 1, 6, 5)))
    options = {"strides": 2, "padding": padding, "data_format": data_format}
    result = channels_last(bridge.depthwise_conv, x, kernel, **options)
    expected = np.stack(
        [convolution(x[..., c : c + 1], kernel[:, :, c : c + 1, m : m + 1], (2, 2), (1, 1), padding)[..., 0]
         for c in range(3) for m in range(2)], -1
    )  # fmt: skip
    np.testing.assert_allclose(result, expected, atol=1e-12)
    result = channels_last(bridge.separable_conv, x, kernel, points, **options)
    np.testing.assert_allclose(result, expected @ points[0, 0], atol=1e-12)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("extents", "size", "strides", "dilation"), GEOMETRIES)
def test_conv_transpose_is_the_adjoint_of_conv(extents, size, strides, dilation, padding, data_format):
    x, kernel = rng.standard_normal((2, *extents, 3)), rng.standard_normal((*size, 4, 3))
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    result = channels_last(bridge.conv_transpose, x, kernel, data_format=data_format, **options)
    y = rng.standard_normal(result.shape)
    back = convolution(y, kernel, strides, dilation, padding)
    assert back.shape == x.shape
    np.testing.assert_allclose(np.vdot(result, y), np.vdot(x, back), rtol=1e-10)


def test_output_padding_of_conv_transpose_adds_cells_at_the_end():
    x, kernel = rng.standard_normal((1, 4, 2)), rng.standard_normal((3, 5, 2))
    whole = bridge.conv_transpose(x, kernel, strides=3, output_padding=0)
    assert whole.shape == (1, 12, 5)
    longer = bridge.conv_transpose(x, kernel, strides=3, output_padding=2)
    np.testing.assert_array_equal(longer, np.pad(whole, ((0, 0), (0, 2), (0, 0))))
    for extra in (0, 1, 2):
        assert bridge.conv_transpose(x, kernel, 3, "same", extra).shape == (1, 9 + 1 + extra, 5)
    assert bridge.conv_transpose(x, kernel[:2], strides=5).shape == (1, 20, 5)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("extents", "size", "strides", "_"), GEOMETRIES)
def test_pools_are_their_formulas(extents, size, strides, _, padding, data_format):
    x = rng.standard_normal((2, *extents, 3)) - 5
    options = {"strides": strides, "padding": padding, "data_format": data_format}
    results = [channels_last(f, x, size, **options) for f in (bridge.max_pool, bridge.average_pool)]
    for position, cells in windows(x, size, strides, (1,) * len(size), padding):
        seen = np.array([x[(slice(None), *i)] for _, i in cells])
        for result, reduce in zip(results, (np.max, np.mean), strict=True):
            np.testing.assert_allclose(result[(slice(None), *position)], reduce(seen, axis=0), atol=1e-12)


def test_strides_of_pools_default_to_the_window():
    x = rng.standard_normal((1, 6, 6, 2))
    np.testing.assert_array_equal(bridge.max_pool(x, 2), bridge.max_pool(x, (2, 2), (2, 2)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_stay(dtype):
    x, kernel = np.ones((1, 5, 5, 2), dtype), np.ones((2, 2, 2, 3), dtype)
    for result in (bridge.conv(x, kernel, padding="same", strides=2), bridge.average_pool(x, 2, padding="same")):
        assert result.dtype == dtype


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, k: bridge.conv(x, k, padding="full"), "padding"),
        (lambda x, k: bridge.conv(x, k, data_format="NCHW"), "data_format"),
        (lambda x, k: bridge.conv(x[..., :3], k), "3 input channels"),
        (lambda x, k: bridge.conv(x[0, 0], k), "inputs have"),
        (lambda x, k: bridge.depthwise_conv(x, k[:, :, :1]), "channels"),
        (lambda x, k: bridge.conv_transpose(x, k), "channels"),
        (lambda x, k: bridge.max_pool(x, 0), "kernel_size"),
    ],
)
def test_senseless_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((1, 5, 5, 4)), np.ones((2, 2, 2, 6)))


# ---- Keras itself, each time in a process of its own


def run(code, **environment):
    environment = {**os.environ, "KERAS_BACKEND": "numpy", **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


PREDICT = """
import sys, numpy as np, fastconv.compat.keras as bridge
sys.modules["jax"] = None
bridge.install()
import keras
from keras import layers
net = keras.Sequential([
    layers.Input((12, 12, 3)), layers.Conv2D(4, 3, 2, "same", activation="relu"), layers.MaxPooling2D(2),
    layers.SeparableConv2D(5, 2), layers.Conv2DTranspose(3, 3, 2), layers.AveragePooling2D(2, padding="same"),
])
x = np.random.default_rng(0).standard_normal((2, 12, 12, 3)).astype("float32")
first = bridge.conv(x, net.layers[0].kernel.numpy(), 2, "same")
np.testing.assert_allclose(net.layers[0](x), np.maximum(first, 0), rtol=1e-5)
assert net.predict(x, verbose=0).shape == (2, 3, 3, 3)
assert keras.ops.max_pool(np.arange(4).reshape(1, 4, 1), 2).dtype == "float32"
np.testing.assert_allclose(keras.ops.fft((x, 0 * x))[0], np.fft.fft(x).real, atol=1e-4)
assert sys.modules["jax"] is None and "keras.src.backend.jax" not in sys.modules
"""

TESTS = """
import pathlib, sys, fastconv.compat.keras as bridge
bridge.install()
import keras, pytest
source = pathlib.Path(keras.__file__).parent / "src"
files = [*source.glob("layers/convolutional/*_test.py"), *source.glob("layers/pooling/*_test.py"),
         source / "ops" / "nn_test.py"]
options = ["-k", "conv or pool", "-m", "not requires_trainable_backend", "-W", "ignore", "-q", "--tb=short"]
options += ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(source)]
sys.exit(pytest.main([*map(str, sorted(file for file in files if file.exists())), *options]))
"""


@needs_keras
def test_models_predict_without_jax():
    result = run(PREDICT)
    assert result.returncode == 0, result.stderr


@needs_keras
def test_keras_s_own_tests_of_these_operations_pass():
    result = run(TESTS)
    if result.returncode == 4:
        pytest.skip("this Keras comes without its tests")
    assert result.returncode == 0, result.stdout[-4000:]
    assert int(result.stdout.rsplit(" passed", 1)[0].rsplit(None, 1)[-1]) > 100


@needs_keras
def test_other_backends_are_refused():
    result = run("import fastconv.compat.keras as bridge; bridge.install()", KERAS_BACKEND="torch")
    assert "install: KERAS_BACKEND is 'torch' (expected 'numpy')" in result.stderr


def test_missing_keras_is_named():
    result = run("import sys; sys.modules['keras'] = None; import fastconv.compat.keras as bridge; bridge.install()")
    assert 'pip install "fastconv[keras]"' in result.stderr
