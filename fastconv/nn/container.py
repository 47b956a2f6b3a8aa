"""Modules that hold modules: Sequential, ModuleList, ModuleDict."""

from collections.abc import Iterable, Iterator

from ..tensor import is_grad_enabled
from .conv import _Conv
from .module import Module
from .wrap import Stateless

# Activations without arguments that cost the convolution kernels nothing to apply.
FUSED = {"relu", "relu6", "hardswish"}


class _Numbered(Module):
    """Children named "0", "1", ...; indexing, slicing, len, iteration, append, extend, insert, del."""

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def _renumber(self, modules: list[Module]) -> None:
        for name in [name for name, _ in self.named_children()]:
            delattr(self, name)
        for number, module in enumerate(modules):
            setattr(self, str(number), module)

    # The name of one position; names need not be numbers (Sequential takes named modules).
    def _name(self, index: int) -> str:
        names = [name for name, _ in self.named_children()]
        try:
            return names[index]
        except IndexError:
            raise IndexError(f"{type(self).__name__} has {len(names)} modules, index is {index}") from None

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index):
        if isinstance(index, slice):
            part = type(self)()
            for name, module in list(self.named_children())[index]:
                setattr(part, name, module)
            return part
        return getattr(self, self._name(index))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), _checked(self, module))

    def __delitem__(self, index) -> None:
        modules = list(self)
        del modules[index]
        self._renumber(modules)

    def append(self, module: Module):
        """Add one module at the end; returns the container."""
        setattr(self, str(len(self)), _checked(self, module))
        return self

    def extend(self, modules: Iterable[Module]):
        """Add modules at the end; returns the container."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module):
        """Put one module before position `index`; returns the container."""
        modules = list(self)
        modules.insert(index, _checked(self, module))
        self._renumber(modules)
        return self


class Sequential(_Numbered):
    """Modules called one after the other, each on what the one before returned.

    Takes modules, or one dict of names to modules.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU())
    >>> model(np.ones((3, 2, 2), np.float32)).shape
    (3, 2)
    """

    def __init__(self, *modules):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                setattr(self, name, _checked(self, module))
        else:
            super().__init__(modules)

    def forward(self, input):
        if not is_grad_enabled():
            return self._infer(list(self.children()), input)
        for module in self.children():
            input = module(input)
        return input

    # Without gradients a convolution applies the activation that follows it as it writes: one pass over
    # memory less. Hooks see every layer, so layers that have some are called one by one.
    @staticmethod
    def _infer(modules, input):
        number = 0
        while number < len(modules):
            pair = modules[number : number + 2]
            number += 1
            if len(pair) == 2 and _fits(*pair):
                input = pair[0].forward(input, activation=pair[1].op_name)
                number += 1
            else:
                input = pair[0](input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters belong to the model; it has no forward of its own."""


class ModuleDict(Module):
    """A dict of modules whose parameters belong to the model; it has no forward of its own."""

    def __init__(self, modules: dict[str, Module] | None = None):
        for name, module in (modules or {}).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        setattr(self, name, _checked(self, module))

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """Names, in the order of insertion."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """Modules, in the order of insertion."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """(name, module), in the order of insertion."""
        return list(self.named_children())


def _fits(module: Module, following: Module) -> bool:
    if not isinstance(module, _Conv) or not isinstance(following, Stateless):
        return False
    hooked = module._forward_hooks or following._forward_hooks
    return following.op_name in FUSED and not following.defaults and not hooked


def _checked(container: Module, module: Module) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__}: came {type(module).__name__} (expected a Module)")
    return module
