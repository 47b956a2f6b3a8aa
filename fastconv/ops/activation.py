"""Activations: one function of one number each, and its derivative."""


from .. import _core
from ..geometry.arguments import choice, real
from ..geometry.arrays import as_array, contiguous, ndarray, new_output
from ..geometry.conv import ACTIVATIONS
from ..geometry.elementwise import like
from ..op import op

# The tanh form of gelu has no name of its own; its number follows the others'.
_GELU = {"none": ACTIVATIONS.index("gelu"), "tanh": len(ACTIVATIONS)}


def _value(name: str, code: int, input, out, *numbers: float) -> ndarray:
    if out is None and _core.plain(input):
        return _core.activation(code, input, None, *numbers)
    input = as_array(name, "input", input)
    out = new_output(name, out, input.shape, input.dtype, input)
    return _core.activation(code, contiguous(input), out, *numbers)


def _slope(name: str, code: int, grad_output, input, *numbers: float) -> ndarray:
    if not _core.plain(input, grad_output) or input.shape != grad_output.shape:
        grad_output, input = map(contiguous, like(name, grad_output, input))
    return _core.activation(code, input, None, *numbers, grad_output=grad_output)


# Those that PyTorch gives no `inplace`.
_NEVER_INPLACE = ("sigmoid", "tanh", "softplus")


# The kernels' activation `name`; `slopes` are its derivatives at -1 and 2, `parameters` maps the public
# parameters to their defaults.
# keeps: what the derivative is computed from, the input or (PyTorch's choice, too, for it frees the input) the result.
def _activation(name: str, slopes: str, text: str, keeps: str = "input", **parameters: float) -> tuple:
    signature = "".join(f", {key}={default!r}" for key, default in parameters.items())
    inplace = "" if name in _NEVER_INPLACE else ", inplace=False"
    values = "".join(f", {key}" for key in parameters)
    numbers = "".join(f", _real({{0!r}}, {key!r}, {key})" for key in parameters)
    back = f"{name}_backward"
    scope: dict = {"_value": _value, "_slope": _slope, "_real": real}
    code = ACTIVATIONS.index(name)
    exec(
        f"def forward(input{signature}{inplace}, *, out=None):\n"
        f"    result = _value({name!r}, {code}, input, out{numbers.format(name)})\n"
        f"    return result, ({keeps}{values},)\n"
        f"def backward(grad_output, input{signature}):\n"
        f"    return _slope({back!r}, {code}, grad_output, input{numbers.format(back)})\n",
        scope,
    )
    forward, backward = scope["forward"], scope["backward"]
    forward.__name__, forward.__module__ = name, __name__
    forward.__doc__ = text
    backward.__doc__ = f"""Gradient of `{name}` for input; grad_output has input's shape and dtype.

    >>> import numpy as np
    >>> {back}(np.ones(2), np.array([-1.0, 2.0]))
    {slopes}
    """
    public = op("input")(forward)
    return public, public.gradient(backward)


def _text(formula: str, source: str, example: str) -> str:
    return f"""{formula}, element by element, of an array of any shape.

    Returns a new array of input's shape and dtype; `inplace`, where there is one, is taken for PyTorch's sake and
    has no effect: inputs are never written. Raises TypeError for anything but floating point. Source: {source}.

    >>> import numpy as np
    >>> {example}
    """


relu, relu_backward = _activation(
    "relu",
    "array([0., 1.])",
    _text(
        "max(input, 0)",
        "Nair and Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines",
        "relu(np.array([-1.0, 2.0]))\n    array([0., 2.])",
    ),
    keeps="result",
)


relu6, relu6_backward = _activation(
    "relu6",
    "array([0., 1.])",
    _text(
        "min(max(input, 0), 6)",
        "Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10",
        "relu6(np.array([-1.0, 2.0, 8.0]))\n    array([0., 2., 6.])",
    ),
    keeps="result",
)


leaky_relu, leaky_relu_backward = _activation(
    "leaky_relu",
    "array([0.01, 1.  ])",
    _text(
        "input where positive, else negative_slope * input",
        "Maas et al. 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models",
        "leaky_relu(np.array([-1.0, 2.0]), 0.1)\n    array([-0.1,  2. ])",
    ),
    negative_slope=0.01,
)


elu, elu_backward = _activation(
    "elu",
    "array([0.36787944, 1.        ])",
    _text(
        "input where positive, else alpha * (e ** input - 1)",
        "Clevert et al. 2015, Fast and Accurate Deep Network Learning by Exponential Linear Units",
        "elu(np.array([-1.0, 2.0]))\n    array([-0.63212056,  2.        ])",
    ),
    alpha=1.0,
)


sigmoid, sigmoid_backward = _activation(
    "sigmoid",
    "array([0.19661193, 0.10499359])",
    _text(
        "1 / (1 + e ** -input)",
        "the logistic function",
        "sigmoid(np.array([0.0, 2.0]))\n    array([0.5       , 0.88079708])",
    ),
)


tanh, tanh_backward = _activation(
    "tanh",
    "array([0.41997434, 0.07065082])",
    _text(
        "The hyperbolic tangent",
        "numpy.tanh",
        "tanh(np.array([0.0, 1.0]))\n    array([0.        , 0.76159416])",
    ),
)


silu, silu_backward = _activation(
    "silu",
    "array([0.07232949, 1.09078425])",
    _text(
        "input * sigmoid(input), also known as swish",
        "Ramachandran et al. 2017, Searching for Activation Functions",
        "silu(np.array([0.0, 2.0]))\n    array([0.        , 1.76159416])",
    ),
)


mish, mish_backward = _activation(
    "mish",
    "array([0.05921676, 1.06931793])",
    _text(
        "input * tanh(log(1 + e ** input))",
        "Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function",
        "mish(np.array([0.0, 2.0]))\n    array([0.        , 1.94395896])",
    ),
)


softplus, softplus_backward = _activation(
    "softplus",
    "array([0.26894142, 0.88079708])",
    _text(
        "log(1 + e ** (beta * input)) / beta, and input itself where beta * input > threshold",
        "Dugas et al. 2000, Incorporating Second-Order Functional Knowledge",
        "softplus(np.array([0.0, 2.0]))\n    array([0.69314718, 2.12692801])",
    ),
    beta=1.0,
    threshold=20.0,
)


hardswish, hardswish_backward = _activation(
    "hardswish",
    "array([0.16666667, 1.16666667])",
    _text(
        "input * relu6(input + 3) / 6",
        "Howard et al. 2019, Searching for MobileNetV3",
        "hardswish(np.array([-4.0, 0.0, 3.0]))\n    array([-0.,  0.,  3.])",
    ),
)


hardsigmoid, hardsigmoid_backward = _activation(
    "hardsigmoid",
    "array([0.16666667, 0.16666667])",
    _text(
        "relu6(input + 3) / 6",
        "Howard et al. 2019, Searching for MobileNetV3",
        "hardsigmoid(np.array([-4.0, 0.0, 3.0]))\n    array([0. , 0.5, 1. ])",
    ),
)


@op("input")
def gelu(input, approximate="none", *, out=None):
    """input * Φ(input), Φ the normal distribution; approximate='tanh' takes the formula with tanh for it.

    0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). Any shape. Raises ValueError for another `approximate`,
    TypeError for anything but floating point. Source: Hendrycks and Gimpel 2016, Gaussian Error Linear Units.

    >>> import numpy as np
    >>> gelu(np.array([0.0, 2.0]))
    array([0.        , 1.95449974])
    """
    code = _GELU[choice("gelu", "approximate", approximate, tuple(_GELU))]
    return _value("gelu", code, input, out), (input, approximate)


@gelu.gradient
def gelu_backward(grad_output, input, approximate="none"):
    """Gradient of `gelu` for input; grad_output has input's shape and dtype.

    >>> import numpy as np
    >>> gelu_backward(np.ones(1), np.zeros(1))
    array([0.5])
    """
    code = _GELU[choice("gelu_backward", "approximate", approximate, tuple(_GELU))]
    return _slope("gelu_backward", code, grad_output, input)


swish = silu
swish_backward = silu_backward
