"""Modules that hold modules or parameters: Sequential, and the lists and dicts of both."""

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from ..geometry import value_error
from ..tensor import is_grad_enabled
from .conv import _Conv
from .module import Module
from .norm import _BatchNorm
from .parameter import Parameter
from .wrap import Stateless

# Activations without arguments that cost the convolution kernels nothing to apply.
FUSED = {"relu", "relu6", "hardswish"}
# Those of them whose gradient needs no more than their result, and which never change the order of two numbers.
CLIPPED = {"relu", "relu6"}
Owned = TypeVar("Owned", Module, Parameter)


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
        for module in list(modules):
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Module]):
        return self.extend(modules)

    def pop(self, index: int = -1) -> Module:
        """Give up one module, which is returned; those after it are renumbered."""
        module = getattr(self, self._name(index))
        del self[index]
        return module

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

    _known: dict[bool, tuple[list, list[tuple[Module, dict]]]] | None = None  # what modules call, their schedule

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                _name_child(self, name, _checked(self, module))
        else:
            super().__init__(modules)

    def __add__(self, other: "Sequential") -> "Sequential":
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def forward(self, input):
        for module, keywords in self._steps():
            input = module.forward(input, **keywords) if keywords else module(input)
        return input

    # A schedule is kept while it is of the very modules, none of them hooked, replaced or told otherwise since.
    def _steps(self):
        modules, training = list(self.children()), is_grad_enabled()
        if any(map(_is_altered, modules)):
            return _schedule(modules, training)
        called = [(m, type(m).forward, type(m).__call__, m.__dict__.get("_arguments")) for m in modules]
        every = self._known or {}
        known = every.get(training)
        if known is None or known[0] != called:
            known = called, _schedule(modules, training)
            self._known = {**every, training: known}
        return known[1]


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

    def __add__(self, other: Iterable[Module]) -> "ModuleList":
        return ModuleList([*self, *other])


# A dict of attributes of one kind.
class _Named(Module, Generic[Owned]):
    def _owned(self, value: Any) -> Owned:
        raise NotImplementedError

    def __getitem__(self, name: str) -> Owned:
        return dict(self.items())[name]

    def __setitem__(self, name: str, value: Any) -> None:
        _name_child(self, name, self._owned(value))

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
        return [name for name, _ in self.items()]

    def values(self) -> list[Owned]:
        """What the names stand for, in the order of insertion."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[str, Owned]]:
        """Pairs of both, in the order of insertion."""
        raise NotImplementedError

    def update(self, values: Any) -> None:
        """Own what a dict, or (name, value) pairs, hold as well."""
        for name, value in dict(values).items():
            self[name] = value

    def pop(self, name: str) -> Owned:
        """Give up one name; what it stood for is returned."""
        value = self[name]
        delattr(self, name)
        return value


class ModuleDict(_Named[Module]):
    """A dict of modules whose parameters belong to the model; it has no forward of its own.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.ModuleDict({"squash": nn.Tanh()}).keys()
    ['squash']
    """

    def __init__(self, modules: Any = ()):
        self.update(modules or ())

    def _owned(self, value: Any) -> Module:
        return _checked(self, value)

    def items(self) -> list[tuple[str, Module]]:
        """(name, module), in the order of insertion."""
        return list(self.named_children())


class ParameterDict(_Named[Parameter]):
    """A dict of parameters that belong to the model; arrays become parameters.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.ParameterDict({"scale": [2.0]})["scale"]
    Parameter(shape=(1,), dtype=float64, requires_grad=True)
    """

    def __init__(self, parameters: Any = ()):
        self.update(parameters or ())

    def _owned(self, value: Any) -> Parameter:
        return _as_parameter(value)

    def items(self) -> list[tuple[str, Parameter]]:
        """(name, parameter), in the order of insertion."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Parameter)]


class ParameterList(Module):
    """A list of parameters that belong to the model; arrays become parameters.

    Examples
    --------
    >>> from fastconv import nn
    >>> len(nn.ParameterList([[1.0], [2.0, 3.0]]))
    2
    """

    def __init__(self, values: Iterable[Any] = ()):
        self.extend(values or ())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Parameter]:
        return (value for value in vars(self).values() if isinstance(value, Parameter))

    def __getitem__(self, index):
        chosen = list(self)[index]
        return ParameterList(chosen) if isinstance(index, slice) else chosen

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(range(len(self))[index]), _as_parameter(value))

    def append(self, value: Any):
        """Add one parameter at the end; returns the list."""
        setattr(self, str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]):
        """Add parameters at the end; returns the list."""
        for value in list(values):
            self.append(value)
        return self


# [(module, keywords of its forward)], the cheapest way to the same numbers. What writes an array applies the
# activation that follows at once, and a convolution for inference the batch normalisation, too; where a gradient is
# wanted, a maximum is pooled before a ReLU, which then has fewer cells to do. Before a max pool a convolution computes
# what its windows see. Hooks see every layer, so layers that have some stay as they are.
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
        fused = name is not None and "activation" not in keywords and (name in CLIPPED or not training)
        if _pools_maxima(module) and _is_plain(before, _Conv):
            steps[-1:] = [(before, {**keywords, "pool": module}), (module, {})]
        elif not training and not keywords and _is_plain(before, _Conv) and _is_plain(module, _BatchNorm):
            steps[-1] = (before, {"norm": module})
        elif fused and (_is_plain(before, _Conv) or (name == "relu" and _is_plain(before, _BatchNorm))):
            steps[-1] = (before, {**keywords, "activation": name})
        else:
            steps.append((module, {}))
    return steps


# Whether a layer's forward is hooked or replaced.
def _is_altered(module: Module) -> bool:
    return bool("forward" in module.__dict__ or module._forward_hooks or module._forward_pre_hooks)


# Whether a layer does what `kind` does: its forward is neither hooked nor replaced, by a subclass or on the layer.
def _is_plain(module: Module | None, kind: type) -> bool:
    if not isinstance(module, kind) or _is_altered(module):
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
def _name_child(container: Module, name: str, value: Module | Parameter) -> None:
    if not name or "." in name or hasattr(type(container), name):
        came = f"has the name {name!r}"
        kind = "parameters" if isinstance(value, Parameter) else "modules"
        raise value_error(type(container).__name__, kind, came, "one that is no attribute and has no dot")
    setattr(container, name, value)


def _checked(container: Module, module: Module) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__}: came {type(module).__name__} (expected a Module)")
    return module


def _as_parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)
