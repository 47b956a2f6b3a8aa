"""Keras: convolution and pooling for its NumPy backend, which otherwise takes them from jax.

>>> import os
>>> os.environ["KERAS_BACKEND"] = "numpy"           # doctest: +SKIP
>>> import fastconv.compat.keras
>>> fastconv.compat.keras.install()                 # doctest: +SKIP
>>> import keras                                    # doctest: +SKIP

From then on models predict without jax. The functions below are the operations themselves, on plain arrays and with
Keras's meaning of every argument: kernels (*kernel_size, in_channels // groups, out_channels), padding 'valid' or
'same' (TensorFlow's: as even as can be, an odd cell at the end), data_format 'channels_last' or 'channels_first'.
"""

import functools
import importlib.util
import inspect
import os
import sys
import types
from contextlib import contextmanager

import numpy as np

from .. import ops
from ..extras import optional
from ..geometry import choice, value_error
from ._same import same_edges

__all__ = ["average_pool", "conv", "conv_transpose", "depthwise_conv", "install", "max_pool", "separable_conv"]

STUBS = ("jax", "jax.lax", "keras.src.backend.jax", "keras.src.backend.jax.math")
LAYOUTS = {"channels_last": "NHWC", "channels_first": "NCHW"}


def conv(inputs, kernel, strides=1, padding="valid", data_format="channels_last", dilation_rate=1):
    """Convolution of rank 1, 2 or 3; groups follow from the channels.

    inputs (N, *extents, C) or (N, C, *extents); kernel (*kernel_size, C // groups, K). Raises ValueError for shapes
    that do not fit. Source: the semantics of keras.ops.conv.

    >>> conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4)), strides=2, padding="same").shape
    (1, 3, 3, 4)
    """
    name, rank = "conv", np.ndim(inputs) - 2
    axes = _axes(name, rank, data_format)
    channels, per_group = inputs.shape[_channel_axis(data_format)], kernel.shape[-2]
    if channels % per_group:
        raise value_error(name, "inputs", f"have {channels} input channels", f"a multiple of kernel's {per_group}")
    strides, dilation_rate = (_each(rank, value) for value in (strides, dilation_rate))
    padding = _edges(name, inputs, axes, kernel.shape[:rank], strides, dilation_rate, padding)
    weight = np.moveaxis(kernel, (-1, -2), (0, 1))  # (K, C // groups, *kernel_size)
    function = getattr(ops, f"conv{rank}d")
    groups = channels // per_group
    return function(inputs, weight, None, strides, padding, dilation_rate, groups, layout=LAYOUTS[data_format])


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format="channels_last", dilation_rate=1):
    """Each channel with its own kernels: kernel (*kernel_size, C, multiplier), C * multiplier channels come out.

    The other arguments are those of `conv`. Source: the semantics of keras.ops.depthwise_conv.

    >>> depthwise_conv(np.ones((1, 5, 2)), np.ones((3, 2, 3))).shape
    (1, 3, 6)
    """
    channels = inputs.shape[_channel_axis(data_format)]
    if kernel.shape[-2] != channels:
        came = f"has {kernel.shape[-2]} channels, inputs {channels}"
        raise value_error("depthwise_conv", "kernel", came, "as many")
    kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return conv(inputs, kernel, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs,
    depthwise_kernel,
    pointwise_kernel,
    strides=1,
    padding="valid",
    data_format="channels_last",
    dilation_rate=1,
):
    """`depthwise_conv`, then a pointwise `conv` with a kernel of (*ones, C * multiplier, K).

    Source: the semantics of keras.ops.separable_conv.

    >>> separable_conv(np.ones((1, 5, 2)), np.ones((3, 2, 3)), np.ones((1, 6, 4))).shape
    (1, 3, 4)
    """
    inputs = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(inputs, pointwise_kernel, data_format=data_format)


def conv_transpose(
    inputs,
    kernel,
    strides=1,
    padding="valid",
    output_padding=None,
    data_format="channels_last",
    dilation_rate=1,
):
    """Transposed convolution: kernel (*kernel_size, K, C).

    Extent on each axis with 'valid': (input - 1) stride + kernel + output_padding, by default at least input stride;
    with 'same': input stride, or (input - 1) stride + kernel % 2 + output_padding if that is given, kernel being
    dilation (kernel_size - 1) + 1. Source: the semantics of keras.ops.conv_transpose.

    >>> conv_transpose(np.ones((1, 4, 2)), np.ones((3, 5, 2)), strides=2, padding="same").shape
    (1, 8, 5)
    """
    name, rank = "conv_transpose", np.ndim(inputs) - 2
    axes = _axes(name, rank, data_format)
    choice(name, "padding", padding, ("valid", "same"))
    strides, dilation_rate, output_padding = (_each(rank, v) for v in (strides, dilation_rate, output_padding))
    weight = np.moveaxis(kernel, (-1, -2), (0, 1))  # (C, K, *kernel_size)
    function = getattr(ops, f"conv_transpose{rank}d")
    whole = function(inputs, weight, stride=strides, dilation=dilation_rate, layout=LAYOUTS[data_format])
    grow = [(0, 0)] * whole.ndim
    keep = [slice(None)] * whole.ndim
    for axis, size, stride, dilation, extra in zip(axes, kernel.shape, strides, dilation_rate, output_padding):
        size = dilation * (size - 1) + 1
        before, after = _edges_cut(size, stride, padding, extra)
        keep[axis] = slice(before, whole.shape[axis] - max(after, 0))
        grow[axis] = (0, max(-after, 0))
    whole = whole[tuple(keep)]
    return np.pad(whole, grow) if any(map(any, grow)) else np.ascontiguousarray(whole)


# Cells that one axis of a whole transposed convolution loses at its start and, where not negative, at its end.
def _edges_cut(size, stride, padding, extra):
    if padding == "valid":
        return 0, -(max(stride - size, 0) if extra is None else extra)
    total = stride + size - 2 if extra is None else size + size % 2 - 2 + extra
    start = min(-(-total // 2), size - 1)
    return size - 1 - start, size - 1 - (total - start)


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format="channels_last"):
    """The maximum of each window; strides default to pool_size.

    Source: the semantics of keras.ops.max_pool.

    >>> max_pool(np.arange(5.0).reshape(1, 5, 1), 2, padding="same").ravel()
    array([1., 3., 4.])
    """
    rank = np.ndim(inputs) - 2
    axes = _axes("max_pool", rank, data_format)
    pool_size, strides = _each(rank, pool_size), _each(rank, pool_size if strides is None else strides)
    inputs, padding = _padded("max_pool", inputs, axes, pool_size, strides, (1,) * rank, padding, fill=-np.inf)
    function = getattr(ops, f"max_pool{rank}d")
    return function(inputs, pool_size, strides, padding, layout=LAYOUTS[data_format])


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format="channels_last"):
    """The mean of each window, of those of its cells that lie in the input; strides default to pool_size.

    Source: the semantics of keras.ops.average_pool.

    >>> average_pool(np.arange(5.0).reshape(1, 5, 1), 2, padding="same").ravel()
    array([0.5, 2.5, 4. ])
    """
    name, rank = "average_pool", np.ndim(inputs) - 2
    axes = _axes(name, rank, data_format)
    pool_size, strides = _each(rank, pool_size), _each(rank, pool_size if strides is None else strides)
    padded, padding = _padded(name, inputs, axes, pool_size, strides, (1,) * rank, padding)
    function = getattr(ops, f"avg_pool{rank}d")
    options = {"count_include_pad": False, "layout": LAYOUTS[data_format]}
    result = function(padded, pool_size, strides, padding, **options)
    if padded is not inputs:
        shape = [inputs.shape[axis] if axis in axes else 1 for axis in range(inputs.ndim)]
        ones = _padded(name, np.ones(shape, inputs.dtype), axes, pool_size, strides, (1,) * rank, "same")[0]
        result /= function(ones, pool_size, strides, padding, **options)
    return result


# ---- arguments


def _channel_axis(data_format: str) -> int:
    return -1 if data_format == "channels_last" else 1


def _axes(name, rank, data_format):
    choice(name, "data_format", data_format, tuple(LAYOUTS))
    if not 1 <= rank <= 3:
        raise value_error(name, "inputs", f"have {rank + 2} axes", "3, 4 or 5")
    return range(1, rank + 1) if data_format == "channels_last" else range(2, rank + 2)


def _each(rank: int, value) -> tuple:
    return (value,) * rank if value is None or np.ndim(value) == 0 else tuple(value)


# (before, after) of each axis.
def _edges(name, inputs, axes, window, strides, dilation, padding):
    if choice(name, "padding", padding.lower(), ("valid", "same")) == "valid":
        return ((0, 0),) * len(axes)
    return same_edges([inputs.shape[axis] for axis in axes], window, strides, dilation)


# (inputs, padding of a pool): in one number an axis where both ends get as much, or else in inputs that are padded
# already.
def _padded(name, inputs, axes, window, strides, dilation, padding, fill=0):
    edges = _edges(name, inputs, axes, window, strides, dilation, padding)
    if all(before == after for before, after in edges):
        return inputs, tuple(before for before, _ in edges)
    widths = [(0, 0)] * inputs.ndim
    for axis, edge in zip(axes, edges):
        widths[axis] = edge
    return np.pad(inputs, widths, constant_values=fill), 0


# ---- the backend


def install() -> None:
    """Give Keras's NumPy backend these operations; without jax, call it before anything imports Keras.

    Raises ValueError if Keras runs, or is set to run, on another backend; ImportError without Keras.
    """
    wanted = os.environ.setdefault("KERAS_BACKEND", "numpy")
    if wanted != "numpy":
        raise value_error("install", "KERAS_BACKEND", f"is {wanted!r}", "'numpy'")
    with _without_jax():
        backend = optional("keras", "keras").src.backend
    if backend.backend() != "numpy":
        raise value_error("install", "Keras", f"runs on {backend.backend()}", "KERAS_BACKEND=numpy when it is imported")
    for function in (average_pool, conv, conv_transpose, depthwise_conv, max_pool, separable_conv):
        setattr(backend.nn, function.__name__, _for_keras(function, backend))


# The operation on what Keras hands over: variables, any floats, integers (as Keras's float), its own data format.
def _for_keras(function, backend):
    signature = inspect.signature(function)
    arrays = [name for name in signature.parameters if name == "inputs" or name.endswith("kernel")]

    @functools.wraps(function)
    def operation(*args, **kwargs):
        call = signature.bind(*args, **kwargs).arguments
        call["data_format"] = backend.standardize_data_format(call.get("data_format"))
        values = [backend.convert_to_tensor(call[name]) for name in arrays]
        dtype = np.result_type(*values)
        dtype = backend.floatx() if dtype.kind in "iub" else dtype
        return function(**call | {name: value.astype(dtype, copy=False) for name, value in zip(arrays, values)})

    return operation


# Keras's NumPy backend imports jax for the operations that are replaced here and for two Fourier transforms, which
# NumPy has. Where jax is missing, empty modules stand for it until Keras is imported; whatever else would look into
# them is told by an ImportError that jax is missing.
@contextmanager
def _without_jax():
    if "keras" in sys.modules or importlib.util.find_spec("jax") is not None:
        yield
        return
    stubs = {name: types.ModuleType(name) for name in STUBS}
    stubs["jax"].lax, stubs["jax"].__getattr__ = stubs["jax.lax"], _missing
    transforms = stubs["keras.src.backend.jax.math"]
    transforms.fft, transforms.fft2 = _transform(np.fft.fft), _transform(np.fft.fft2)
    before = {name: sys.modules[name] for name in STUBS if name in sys.modules}
    sys.modules |= stubs
    try:
        yield
    finally:
        for name in STUBS:
            del sys.modules[name]
        sys.modules |= before


def _missing(name: str):
    raise AttributeError(name) if name.startswith("__") else ImportError("jax is not installed")


# A Fourier transform of (real, imaginary), in the dtype they came in.
def _transform(function):
    def transform(x):
        real, imaginary = map(np.asarray, x)
        result = function(real + 1j * imaginary)
        return result.real.astype(real.dtype), result.imag.astype(real.dtype)

    return transform
