"""Activations: one function of one number each, and its derivative."""

import math
from collections.abc import Callable

import numpy as np

from ..geometry.arguments import choice, real
from ..geometry.arrays import as_array, contiguous, ndarray, new_output
from ..geometry.elementwise import like
from ..op import op
from .special import normal_cdf

# Elements a chain of NumPy passes works on at a time, so that its temporaries stay in the first-level caches.
BLOCK = 16384


# Run step(out_block, *array_blocks) over flat blocks; a chain of passes then costs one trip to memory.
def blockwise(step: Callable, out: ndarray, *arrays: ndarray) -> ndarray:
    flat = [contiguous(value).reshape(-1) for value in arrays]
    target = out.reshape(-1)
    for start in range(0, target.size, BLOCK):
        part = slice(start, start + BLOCK)
        step(target[part], *(value[part] for value in flat))
    return out


# An activation from step(y, x, *parameters), which fills y, and slope(y, g, x, *parameters), which fills y
# with g * f'(x). `parameters` maps the public parameters to their defaults.
def _activation(name: str, text: str, step: Callable, slope: Callable, **parameters: float) -> tuple:
    signature = "".join(f", {key}={default!r}" for key, default in parameters.items())
    values = "".join(f", {key}" for key in parameters)
    scope: dict = {"run": None}
    exec(
        f"def forward(input{signature}, *, out=None):\n    return run(input, out{values})\n"
        f"def backward(grad_output, input{signature}):\n    return back(grad_output, input{values})\n",
        scope,
    )

    def run(input, out, *given):
        input = as_array(name, "input", input)
        numbers = [real(name, key, value) for key, value in zip(parameters, given, strict=True)]
        out = new_output(name, out, input.shape, input.dtype, input)
        return blockwise(lambda y, x: step(y, x, *numbers), out, input), (input, *given)

    def back(grad_output, input, *given):
        grad_output, input = like(f"{name}_backward", grad_output, input)
        numbers = [real(f"{name}_backward", key, value) for key, value in zip(parameters, given, strict=True)]
        out = np.empty(input.shape, input.dtype)
        return blockwise(lambda y, g, x: slope(y, g, x, *numbers), out, grad_output, input)

    scope["run"], scope["back"] = run, back
    forward, backward = scope["forward"], scope["backward"]
    forward.__name__, forward.__module__ = name, __name__
    forward.__doc__ = text
    backward.__doc__ = f"Gradient of `{name}` for input; grad_output has input's shape and dtype."
    backward.__module__ = __name__
    public = op("input", quiet=True)(forward)
    return public, public.gradient(backward)


def _text(formula: str, source: str, example: str) -> str:
    return f"""{formula}, element by element, of an array of any shape.

    Returns an array of input's shape and dtype. Raises TypeError for anything but floating point.
    Source: {source}.

    >>> import numpy as np
    >>> {example}
    """


# y = g where chosen, else 0: a product with the mask would turn an infinite gradient into NaN.
def _select(y: ndarray, g: ndarray, chosen: ndarray) -> None:
    y.fill(0)
    np.copyto(y, g, where=chosen)


def _relu_slope(y, g, x):
    _select(y, g, ~(x <= 0))


relu, relu_backward = _activation(
    "relu",
    _text(
        "max(input, 0)",
        "Nair and Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines",
        "relu(np.array([-1.0, 2.0]))\n    array([0., 2.])",
    ),
    lambda y, x: np.maximum(x, 0, out=y),
    _relu_slope,
)


def _relu6_slope(y, g, x):
    _select(y, g, ~((x <= 0) | (x >= 6)))


relu6, relu6_backward = _activation(
    "relu6",
    _text(
        "min(max(input, 0), 6)",
        "Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10",
        "relu6(np.array([-1.0, 2.0, 8.0]))\n    array([0., 2., 6.])",
    ),
    lambda y, x: np.minimum(np.maximum(x, 0, out=y), 6, out=y),
    _relu6_slope,
)


def _leaky_relu_step(y, x, negative_slope):
    np.multiply(x, negative_slope, out=y)
    np.copyto(y, x, where=x > 0)


def _leaky_relu_slope(y, g, x, negative_slope):
    np.multiply(g, negative_slope, out=y)
    np.copyto(y, g, where=x > 0)


leaky_relu, leaky_relu_backward = _activation(
    "leaky_relu",
    _text(
        "input where positive, else negative_slope * input",
        "Maas et al. 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models",
        "leaky_relu(np.array([-1.0, 2.0]), 0.1)\n    array([-0.1,  2. ])",
    ),
    _leaky_relu_step,
    _leaky_relu_slope,
    negative_slope=0.01,
)


def _elu_step(y, x, alpha):
    np.minimum(x, 0, out=y)
    np.expm1(y, out=y)
    y *= alpha
    np.copyto(y, x, where=x > 0)


def _elu_slope(y, g, x, alpha):
    np.minimum(x, 0, out=y)
    np.exp(y, out=y)
    y *= alpha
    y *= g
    np.copyto(y, g, where=~(x <= 0))


elu, elu_backward = _activation(
    "elu",
    _text(
        "input where positive, else alpha * (e ** input - 1)",
        "Clevert et al. 2015, Fast and Accurate Deep Network Learning by Exponential Linear Units",
        "elu(np.array([-1.0, 2.0]))\n    array([-0.63212056,  2.        ])",
    ),
    _elu_step,
    _elu_slope,
    alpha=1.0,
)


# 1 / (1 + e ** -x): where e ** -x overflows the quotient is the right 0.
def sigmoid_step(y, x):
    np.negative(x, out=y)
    np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


def _sigmoid_slope(y, g, x):
    sigmoid_step(y, x)
    y *= (1 - y) * g


sigmoid, sigmoid_backward = _activation(
    "sigmoid",
    _text(
        "1 / (1 + e ** -input)",
        "the logistic function",
        "sigmoid(np.array([0.0, 2.0]))\n    array([0.5       , 0.88079708])",
    ),
    sigmoid_step,
    _sigmoid_slope,
)


def _tanh_slope(y, g, x):
    np.tanh(x, out=y)
    np.multiply(y, y, out=y)
    np.subtract(1, y, out=y)
    y *= g


tanh, tanh_backward = _activation(
    "tanh",
    _text(
        "The hyperbolic tangent",
        "numpy.tanh",
        "tanh(np.array([0.0, 1.0]))\n    array([0.        , 0.76159416])",
    ),
    lambda y, x: np.tanh(x, out=y),
    _tanh_slope,
)


# x / (1 + e ** -x)
def _silu_step(y, x):
    np.negative(x, out=y)
    np.exp(y, out=y)
    y += 1
    np.divide(x, y, out=y)


# s (1 + x (1 - s)), s = sigmoid(x)
def _silu_slope(y, g, x):
    sigmoid_step(y, x)
    inner = 1 - y
    inner *= x
    inner += 1
    y *= inner
    y *= g


silu, silu_backward = _activation(
    "silu",
    _text(
        "input * sigmoid(input), also known as swish",
        "Ramachandran et al. 2017, Searching for Activation Functions",
        "silu(np.array([0.0, 2.0]))\n    array([0.        , 1.76159416])",
    ),
    _silu_step,
    _silu_slope,
)


# With e = e ** x and n = e (e + 2): tanh(log(1 + e)) = n / (n + 2), free of cancellation. Beyond 20 (40) it
# is 1 in either precision, so x is limited there before anything can overflow.
def _mish_step(y, x):
    e = np.exp(np.minimum(x, 40))
    np.add(e, 2, out=y)
    y *= e
    np.divide(y, y + 2, out=y)
    y *= x


# (n + 4 x e (1 + e) / (n + 2)) / (n + 2)
def _mish_slope(y, g, x):
    near = np.minimum(x, 40)
    e = np.exp(near)
    n = e + 2
    n *= e
    np.add(e, 1, out=y)
    y *= e
    y *= near
    y *= 4
    y /= n + 2
    y += n
    y /= n + 2
    y *= g


mish, mish_backward = _activation(
    "mish",
    _text(
        "input * tanh(log(1 + e ** input))",
        "Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function",
        "mish(np.array([0.0, 2.0]))\n    array([0.        , 1.94395896])",
    ),
    _mish_step,
    _mish_slope,
)


def _softplus_step(y, x, beta, threshold):
    np.multiply(x, beta, out=y)
    linear = y > threshold
    np.exp(y, out=y)
    np.log1p(y, out=y)
    y /= beta
    np.copyto(y, x, where=linear)


def _softplus_slope(y, g, x, beta, threshold):
    scaled = x * beta
    sigmoid_step(y, scaled)
    y *= g
    np.copyto(y, g, where=scaled > threshold)


softplus, softplus_backward = _activation(
    "softplus",
    _text(
        "log(1 + e ** (beta * input)) / beta, and input itself where beta * input > threshold",
        "Dugas et al. 2000, Incorporating Second-Order Functional Knowledge",
        "softplus(np.array([0.0, 2.0]))\n    array([0.69314718, 2.12692801])",
    ),
    _softplus_step,
    _softplus_slope,
    beta=1.0,
    threshold=20.0,
)


def _hardswish_step(y, x):
    np.add(x, 3, out=y)
    np.maximum(y, 0, out=y)
    np.minimum(y, 6, out=y)
    y *= x
    y /= 6


def _hardswish_slope(y, g, x):
    np.divide(x, 3, out=y)
    y += 0.5
    y *= g
    np.copyto(y, g, where=x >= 3)
    np.copyto(y, 0, where=x <= -3)


hardswish, hardswish_backward = _activation(
    "hardswish",
    _text(
        "input * relu6(input + 3) / 6",
        "Howard et al. 2019, Searching for MobileNetV3",
        "hardswish(np.array([-4.0, 0.0, 3.0]))\n    array([-0.,  0.,  3.])",
    ),
    _hardswish_step,
    _hardswish_slope,
)


def _hardsigmoid_step(y, x):
    np.add(x, 3, out=y)
    np.maximum(y, 0, out=y)
    np.minimum(y, 6, out=y)
    y /= 6


def _hardsigmoid_slope(y, g, x):
    _select(y, g, (x > -3) & (x < 3))
    y /= 6


hardsigmoid, hardsigmoid_backward = _activation(
    "hardsigmoid",
    _text(
        "relu6(input + 3) / 6",
        "Howard et al. 2019, Searching for MobileNetV3",
        "hardsigmoid(np.array([-4.0, 0.0, 3.0]))\n    array([0. , 0.5, 1. ])",
    ),
    _hardsigmoid_step,
    _hardsigmoid_slope,
)


def _gelu_step(y, x):
    np.multiply(normal_cdf(x), x, out=y)


# Φ(x) + x φ(x)
def _gelu_slope(y, g, x):
    np.multiply(x, x, out=y)
    y *= -0.5
    np.exp(y, out=y)
    y *= 1 / math.sqrt(2 * math.pi)
    y *= x
    y += normal_cdf(x)
    y *= g


_TANH_SCALE = math.sqrt(2 / math.pi)
_TANH_CUBE = 0.044715


# √(2/π) (x + 0.044715 x³)
def _tanh_argument(y, x):
    np.multiply(x, x, out=y)
    y *= _TANH_CUBE
    y += 1
    y *= x
    y *= _TANH_SCALE


def _gelu_tanh_step(y, x):
    _tanh_argument(y, x)
    np.tanh(y, out=y)
    y += 1
    y *= x
    y *= 0.5


# With t = tanh(u): (1 + t) / 2 + x (1 - t²) u' / 2. Beyond 20 the second term is nothing, and x³ must not
# overflow.
def _gelu_tanh_slope(y, g, x):
    x = np.clip(x, -20, 20)
    _tanh_argument(y, x)
    t = np.tanh(y)
    np.multiply(x, x, out=y)
    y *= 3 * _TANH_CUBE
    y += 1
    y *= _TANH_SCALE
    y *= x
    y *= 1 - t * t
    y += 1 + t
    y *= 0.5
    y *= g


_GELU = {"none": (_gelu_step, _gelu_slope), "tanh": (_gelu_tanh_step, _gelu_tanh_slope)}


@op("input", quiet=True)
def gelu(input, approximate="none", *, out=None):
    """input * Φ(input), Φ the normal distribution; approximate='tanh' takes the formula with tanh for it.

    0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). Any shape. Raises ValueError for another `approximate`,
    TypeError for anything but floating point. Source: Hendrycks and Gimpel 2016, Gaussian Error Linear Units.

    >>> import numpy as np
    >>> gelu(np.array([0.0, 2.0]))
    array([0.        , 1.95449974])
    """
    input = as_array("gelu", "input", input)
    step, _ = _GELU[choice("gelu", "approximate", approximate, tuple(_GELU))]
    out = new_output("gelu", out, input.shape, input.dtype, input)
    return blockwise(step, out, input), (input, approximate)


@gelu.gradient
def gelu_backward(grad_output, input, approximate="none"):
    """Gradient of `gelu` for input; grad_output has input's shape and dtype."""
    grad_output, input = like("gelu_backward", grad_output, input)
    _, slope = _GELU[choice("gelu_backward", "approximate", approximate, tuple(_GELU))]
    return blockwise(slope, np.empty(input.shape, input.dtype), grad_output, input)


swish = silu
swish_backward = silu_backward
