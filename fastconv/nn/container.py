"""Modules that hold modules: Sequential, ModuleList, ModuleDict."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..geometry import value_error
from ..tensor import is_grad_enabled
from .conv import _Conv
from .module import Module
from .norm import _BatchNorm
from .wrap import Stateless

# Activations without arguments that cost the convolution kernels nothing to apply.
FUSED = {"relu", "relu6", "hardswish"}
# Those of them whose gradient needs no more than their result, and which never change the order of two numbers.
CLIPPED = {"relu", "relu6"}


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

    # A slice keeps the names, and so the keys of its state.
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
        number = len(self)
        while str(number) in vars(self):  # a slice begins with a later name than "0"
            number += 1
        setattr(self, str(number), _checked(self, module))
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

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                _name_child(self, name, module)
        else:
            super().__init__(modules)

    def forward(self, input):
        for module, keywords in _schedule(list(self.children()), is_grad_enabled()):
            input = module.forward(input, **keywords) if keywords else module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters belong to the model; it has no forward of its own.

    Examples
    --------
    >>> from fastconv import nn
    >>> len(nn.ModuleList([nn.ReLU(), nn.Tanh()]))
    2
    """

    # A slice is a new list, counted from 0.
    def __getitem__(self, index):
        return type(self)(list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)


class ModuleDict(Module):
    """A dict of modules whose parameters belong to the model; it has no forward of its own.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.ModuleDict({"squash": nn.Tanh()}).keys()
    ['squash']
    """

    def __init__(self, modules: Any = ()):
        self.update(modules or ())

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        _name_child(self, name, module)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

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

    def update(self, modules: Any) -> None:
        """Own the modules of a dict, or of (name, module) pairs, as well."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, name: str) -> Module:
        """Give up one module, which is returned."""
        module = self[name]
        delattr(self, name)
        return module


# [(module, keywords of its forward)], the cheapest way to the same numbers. What writes an array applies the
# activation that follows at once; and where a gradient is wanted, a maximum is pooled before a ReLU, which then has
# fewer cells to do. Hooks see every layer, so layers that have some stay as they are.
def _schedule(modules: list[Module], training: bool) -> list[tuple[Module, dict]]:
    steps: list[tuple[Module, dict]] = []
    for i in range(len(modules) - 1 if training else 0):
        before = modules[i - 1] if i else None
        clips = _activation(modules[i]) in CLIPPED and not _is_plain(before, _BatchNorm)
        if clips and _pools_maxima(modules[i + 1]):
            modules[i], modules[i + 1] = modules[i + 1], modules[i]
    for module in modules:
        name = _activation(module)
        before, keywords = steps[-1] if steps else (None, {})
        fused = name is not None and not keywords and (name in CLIPPED or not training)
        if fused and (_is_plain(before, _Conv) or (name == "relu" and _is_plain(before, _BatchNorm))):
            steps[-1] = (before, {"activation": name})
        else:
            steps.append((module, {}))
    return steps


# Whether a layer does what `kind` does: its forward is neither hooked nor replaced, by a subclass or on the layer.
def _is_plain(module: Module | None, kind: type) -> bool:
    if not isinstance(module, kind) or module._forward_hooks or "forward" in vars(module):
        return False
    return type(module).forward is kind.forward and type(module).__call__ is Module.__call__


# The name of a layer that is nothing but an activation without arguments.
def _activation(module: Module | None) -> str | None:
    plain = _is_plain(module, Stateless) and not module.defaults
    return module.op_name if plain and module.op_name in FUSED else None


def _pools_maxima(module: Module | None) -> bool:
    pools = _is_plain(module, Stateless) and module.op_name.startswith("max_pool")
    return pools and not module.return_indices


# A child is an attribute, and its name a part of the keys of the state.
def _name_child(container: Module, name: str, module: Module) -> None:
    if not name or "." in name or hasattr(type(container), name):
        came = f"has the name {name!r}"
        raise value_error(type(container).__name__, "modules", came, "one that is no attribute and has no dot")
    setattr(container, name, _checked(container, module))


def _checked(container: Module, module: Module) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__}: came {type(module).__name__} (expected a Module)")
    return module
