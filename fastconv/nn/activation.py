"""Activation layers, one line each: name, operation, arguments, values at -1 and 2, formula."""

import numpy as np

from . import functional as F
from .module import Module
from .parameter import Parameter
from .wrap import Stateless, stateless


class _InferredAxis(Stateless):
    """Softmax and its like; `dim=None` is the axis PyTorch guesses: 0 for 0, 1 or 3 axes, else 1."""

    def forward(self, input):
        dim = self._arguments["dim"]
        if dim is None:
            dim = 0 if len(input.shape) in (0, 1, 3) else 1
        return getattr(F, self.op_name)(input, dim)


_TABLE = [
    ("ReLU", "relu", {}, "[0., 2.]", "max(0, x)."),
    ("ReLU6", "relu6", {}, "[0., 2.]", "min(max(0, x), 6)."),
    ("LeakyReLU", "leaky_relu", {"negative_slope": 0.01}, "[-0.01,  2.  ]", "x for x > 0, else negative_slope · x."),
    ("ELU", "elu", {"alpha": 1.0}, "[-0.63212056,  2.        ]",
     "x for x > 0, else alpha · (exp(x) - 1) (Clevert et al. 2016)."),
    (
        "GELU",
        "gelu",
        {"approximate": "none"}, "[-0.15865525,  1.95449974]",
        "x · Φ(x), Φ the normal distribution function (Hendrycks, Gimpel 2016).",
    ),
    ("Sigmoid", "sigmoid", {}, "[0.26894142, 0.88079708]", "1 / (1 + exp(-x))."),
    ("Tanh", "tanh", {}, "[-0.76159416,  0.96402758]", "Hyperbolic tangent."),
    ("SiLU", "silu", {}, "[-0.26894142,  1.76159416]", "x · sigmoid(x), also called swish (Ramachandran et al. 2017)."),
    ("Mish", "mish", {}, "[-0.30340146,  1.94395896]", "x · tanh(softplus(x)) (Misra 2019)."),
    (
        "Softplus",
        "softplus",
        {"beta": 1.0, "threshold": 20.0}, "[0.31326169, 2.12692801]",
        "log(1 + exp(beta x)) / beta; x where beta x > threshold.",
    ),
    ("Hardswish", "hardswish", {}, "[-0.33333333,  1.66666667]", "x · relu6(x + 3) / 6 (Howard et al. 2019)."),
    ("Hardsigmoid", "hardsigmoid", {}, "[0.33333333, 0.83333333]", "relu6(x + 3) / 6."),
]
_INPLACE = {"ReLU", "ReLU6", "LeakyReLU", "ELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid"}

for _name, _op, _defaults, _values, _formula in _TABLE:
    _doc = f"{_formula}\n\n    Element by element; any shape."
    _ignored = ("inplace",) if _name in _INPLACE else ()
    _example = (f"nn.{_name}()(np.array([-1.0, 2.0]))", f"array({_values})")
    globals()[_name] = stateless(_name, _op, _defaults, _doc, _example, module=__name__, ignored=_ignored)

Swish = globals()["SiLU"]
Softmax = stateless(
    "Softmax",
    "softmax",
    {"dim": None},
    "exp(x) / Σ exp(x) along `dim`.",
    ("nn.Softmax(0)(np.zeros(2))", "array([0.5, 0.5])"),
    module=__name__,
    base=_InferredAxis,
)
LogSoftmax = stateless(
    "LogSoftmax",
    "log_softmax",
    {"dim": None},
    "x - log Σ exp(x) along `dim`.",
    ("nn.LogSoftmax(0)(np.zeros(2))", "array([-0.69314718, -0.69314718])"),
    module=__name__,
    base=_InferredAxis,
)


class PReLU(Module):
    """x for x > 0, else weight · x, with one learned weight, or one a channel (He et al. 2015).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.PReLU()(np.float32([-4.0, 2.0])).numpy()
    array([-1.,  2.], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype=np.float32):
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


__all__ = [*(row[0] for row in _TABLE), "Swish", "Softmax", "LogSoftmax", "PReLU"]
