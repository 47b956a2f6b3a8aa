"""Dropout layers: random zeros while training, nothing in evaluation."""

from ..geometry import real, value_error
from . import functional as F
from .module import Module


class Dropout(Module):
    """While training, zeroes elements with probability p and scales the rest by 1 / (1 - p).

    Masks are drawn from the generator that `fastconv.nn.init.manual_seed` restarts. Any shape.
    Source: Srivastava et al. 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Dropout(0.5).eval()(np.ones((1, 3), np.float32))
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, p: float = 0.5, inplace: bool = False):
        self.p = real(type(self).__name__, "p", p)
        if not 0 <= self.p <= 1:
            raise value_error(type(self).__name__, "p", f"is {p}", "a probability from 0 to 1")

    def forward(self, input):
        return F.dropout(input, self.p, True) if self.training and self.p else input

    def extra_repr(self):
        return f"p={self.p}"


_CHANNELS_DOC = """While training, zeroes whole channels with probability p and scales the rest by 1 / (1 - p).

    Shapes: (N, C, {axes}) or (C, {axes}). Source: Tompson et al. 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.{name}(1.0)(np.ones({example})).sum()
    np.float64(0.0)
    """


def _layer(rank: int) -> type:
    name = f"Dropout{rank}d"

    def forward(self, input):
        return getattr(F, name.lower())(input, self.p, True) if self.training and self.p else input

    axes = ("L", "H, W", "D, H, W")[rank - 1]
    doc = _CHANNELS_DOC.format(axes=axes, name=name, example=(1, 3, *(4,) * rank))
    return type(name, (Dropout,), {"forward": forward, "__doc__": doc, "__module__": __name__})


Dropout1d, Dropout2d, Dropout3d = map(_layer, (1, 2, 3))
