"""Layers without weights, made from the operations whose arguments they keep."""

import inspect
from typing import ClassVar

from . import functional as F
from .module import Module

REQUIRED = inspect.Parameter.empty


class Stateless(Module):
    """A layer that calls one operation with the arguments it was made with."""

    op_name = ""
    defaults: ClassVar[dict[str, object]] = {}

    def _call(self, *inputs, **buffers):
        return getattr(F, self.op_name)(*inputs, **self._arguments, **buffers)

    def forward(self, input):
        return self._call(input)

    def __init__(self, *values, **named):
        arguments = inspect.signature(type(self)).bind(*values, **named)
        arguments.apply_defaults()
        self._arguments = {name: arguments.arguments[name] for name in self.defaults}

    # The arguments are attributes: `pool.stride` reads one, and assigning it changes what the layer does.
    def __getattr__(self, name):
        if name in type(self).defaults:
            return self._arguments[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name, value):
        if name in type(self).defaults and name in self._arguments:
            self._arguments = {**self._arguments, name: value}
        else:
            super().__setattr__(name, value)

    def extra_repr(self):
        return ", ".join(f"{name}={value!r}" for name, value in self._arguments.items() if value is not None)


EXAMPLE = """

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> {call}
    {result}
    """


# One layer class, whose constructor takes `defaults` in that order (REQUIRED: no default) and has a true
# signature. `example` is a call and what it gives. Names in `ignored` are taken for PyTorch's sake and not passed
# on (ReLU's inplace).
def stateless(name, op_name, defaults, doc, example, *, module, base=Stateless, ignored=()) -> type:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(key, kind, default=value) for key, value in defaults.items()]
    parameters += [inspect.Parameter(key, kind, default=False) for key in ignored]
    body = {
        "op_name": op_name,
        "defaults": defaults,
        "__doc__": doc + EXAMPLE.format(call=example[0], result=example[1]),
        "__module__": module,
        "__signature__": inspect.Signature(parameters),
    }
    return type(name, (base,), body)
