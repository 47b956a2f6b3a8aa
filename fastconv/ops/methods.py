"""Tensor's operators and methods, bound to the operations they call."""

import numpy as np

from ..tensor import Tensor
from . import activation, softmax
from . import arithmetic as a
from . import reduction as r
from . import shaping as s


def _spread_arguments(function):
    def method(self, *values):
        return function(
            self, values[0] if len(values) == 1 and isinstance(values[0], (tuple, list)) else values
        )

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


# Comparisons have no gradient: they give plain bool arrays.
def _comparison(ufunc):
    return lambda self, other: ufunc(self.data, np.asarray(other) if isinstance(other, Tensor) else other)


def bind() -> None:
    """Give Tensor its arithmetic; tensor.py itself knows no operation."""
    for function in (
        a.exp,
        a.log,
        a.sqrt,
        a.abs,
        a.clip,
        a.matmul,
        a.maximum,
        a.minimum,
        r.sum,
        r.mean,
        r.max,
        r.min,
        activation.relu,
        activation.sigmoid,
        activation.tanh,
        softmax.softmax,
        softmax.log_softmax,
    ):
        setattr(Tensor, function.__name__, function)
    for function in (s.flatten, s.transpose, s.squeeze, s.unsqueeze):
        setattr(Tensor, function.__name__, function)
    Tensor.clamp = a.clip
    Tensor.reshape = Tensor.view = _spread_arguments(s.reshape)
    Tensor.permute = _spread_arguments(s.permute)
    Tensor.T = property(lambda self: s.permute(self, tuple(reversed(range(self.ndim)))))
    Tensor.argmax = lambda self, dim=None, keepdim=False: self.data.argmax(dim, keepdims=keepdim)
    Tensor.__getitem__ = s.getitem
    Tensor.__neg__ = a.neg
    Tensor.__abs__ = a.abs
    for name in ("add", "sub", "mul", "pow", "matmul"):
        function = getattr(a, name)
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", lambda self, other, function=function: function(other, self))
    Tensor.__truediv__ = a.div
    Tensor.__rtruediv__ = lambda self, other: a.div(other, self)
    for name, ufunc in (
        ("eq", np.equal),
        ("ne", np.not_equal),
        ("lt", np.less),
        ("le", np.less_equal),
        ("gt", np.greater),
        ("ge", np.greater_equal),
    ):
        setattr(Tensor, f"__{name}__", _comparison(ufunc))


bind()
