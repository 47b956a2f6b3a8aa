"""Layers that infer the size of their input on the first call, or from the first state loaded into them."""

import inspect

import numpy as np

from ..geometry import type_error
from . import init
from .module import Module
from .parameter import uninitialised


class Lazy(Module):
    """Base of layers whose `size_name` argument may be None until the first input shows it.

    A subclass has `_build(size, rng)`, which fills the arrays; `_size_of_input(input)`; and
    `_size_of_state(name, shape)`, the size that a stored array implies or None. Parameters exist from the
    start, with no elements, so that an optimiser may be made before the first call.
    """

    size_name = "in_channels"

    # parameters: name -> whether the layer has it (None otherwise), in the order of the state's keys.
    def _start(self, size: int | None, dtype, seed, parameters: dict[str, bool]) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise type_error(type(self).__name__, "dtype", f"is {self.dtype}", "float32 or float64")
        self._seed = seed
        for name, present in parameters.items():
            setattr(self, name, uninitialised(self.dtype) if present else None)
        if size is not None:
            self._infer(size)

    def _infer(self, size: int) -> None:
        setattr(self, self.size_name, size)
        self._build(size, init.generator(self._seed))

    def _infer_from_input(self, input) -> None:
        self._infer(self._size_of_input(input))

    def _infer_from_state(self, state, prefix: str) -> None:
        if getattr(self, self.size_name) is not None:
            return
        for key, value in state.items():
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and hasattr(self, name):
                size = self._size_of_state(name, np.shape(value))
                if size is not None:
                    self._infer(size)
                    return


# LazyConv2d(32, 3) is Conv2d(None, 32, 3): PyTorch's name for the same thing, with its own `defaults`.
def lazy_name(layer: type, **defaults) -> type:
    size = layer.size_name
    first, _, *rest = inspect.signature(layer.__init__).parameters.values()
    rest = [p.replace(default=defaults.get(p.name, p.default)) for p in rest]
    signature = inspect.Signature([first, *rest])

    def __init__(self, *arguments, **keywords):
        call = signature.bind(self, *arguments, **keywords)
        call.apply_defaults()
        layer.__init__(self, None, *call.args[1:], **call.kwargs)

    __init__.__signature__ = signature
    name = "Lazy" + layer.__name__
    arguments = ", ".join("3" for p in rest if p.default is p.empty)
    doc = f"""`{layer.__name__}` whose `{size}` is inferred on the first call: `{layer.__name__}(None, ...)`.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.{name}({arguments}).{size} is None
    True
    """
    body = {"__init__": __init__, "__doc__": doc, "__module__": layer.__module__}
    return type(name, (layer,), body)
