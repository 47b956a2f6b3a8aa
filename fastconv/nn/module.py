"""Module: the base class of layers and models."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from ..geometry import is_half, type_error
from .parameter import Parameter


class IncompatibleKeys(NamedTuple):
    """Where a state and a model differ: what `load_state_dict` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class HookHandle:
    """Stands for one registered hook: `remove()`, or calling this, ends it; as the end of a `with` does."""

    def __init__(self, hooks: dict[object, Callable], hook: Callable):
        self._hooks, self._key = hooks, object()
        hooks[self._key] = hook

    def remove(self) -> None:
        """Call the hook no more; a second time does nothing."""
        self._hooks.pop(self._key, None)

    def __call__(self) -> None:
        self.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.remove()


class Module:
    """Base class of every layer and model: a callable that owns parameters, buffers and other modules.

    Parameters and child modules are ordinary attributes; the order in which they were first assigned is the
    order of `parameters()` and `state_dict()`. State that is not trained (running means) is declared with
    `register_buffer`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter(np.float32([2.0]))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(np.ones((1, 3), np.float32)).numpy()
    array([[2., 2., 2.]], dtype=float32)
    """

    training = True
    _buffer_names: ClassVar[dict[str, bool]] = {}
    _forward_hooks: ClassVar[dict[object, Callable]] = {}
    _forward_pre_hooks: ClassVar[dict[object, Callable]] = {}

    def forward(self, *inputs: Any, **keywords: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward method")

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        if self._forward_pre_hooks:
            for hook in tuple(self._forward_pre_hooks.values()):
                replaced = hook(self, inputs)
                if replaced is not None:
                    inputs = replaced if isinstance(replaced, tuple) else (replaced,)
        output = self.forward(*inputs, **keywords)
        if self._forward_hooks:
            for hook in tuple(self._forward_hooks.values()):
                replaced = hook(self, inputs, output)
                output = output if replaced is None else replaced
        return output

    # ---- what a module owns

    def register_buffer(self, name: str, tensor: np.ndarray | None, persistent: bool = True) -> None:
        """Own an array that is saved with the model (when `persistent`) but not trained."""
        self._buffer_names = {**self._buffer_names, name: persistent}
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Same as assigning the attribute."""
        setattr(self, name, param)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Same as assigning the attribute."""
        setattr(self, name, module)

    def register_forward_hook(self, hook: Callable[["Module", tuple, Any], Any]) -> HookHandle:
        """Call `hook(module, inputs, output)` after every forward.

        What the hook returns, unless None, replaces the output. Returns a handle whose `remove()` ends this.
        """
        return HookHandle(self.__dict__.setdefault("_forward_hooks", {}), hook)

    def register_forward_pre_hook(self, hook: Callable[["Module", tuple], Any]) -> HookHandle:
        """Call `hook(module, inputs)` before every forward.

        What the hook returns, unless None, replaces the inputs: a tuple of them, or the only one. Returns a handle
        whose `remove()` ends this.
        """
        return HookHandle(self.__dict__.setdefault("_forward_pre_hooks", {}), hook)

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """(name, module) of the modules directly inside this one."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self) -> Iterator["Module"]:
        """The modules directly inside this one."""
        return (value for value in vars(self).values() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """(dotted name, module) of this module (named `prefix`) and all inside it, each once."""
        seen: set[int] = set()
        for name, module in self._walk(prefix):
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator["Module"]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of all parameters, shared ones once; those of this module alone if not `recurse`."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, shared ones once: what an optimiser takes."""
        return (parameter for _, parameter in self.named_parameters("", recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, np.ndarray]]:
        """(dotted name, array) of all buffers; those of this module alone if not `recurse`."""
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name in module._buffer_names:
                if getattr(module, name) is not None:
                    yield _join(path, name), getattr(module, name)

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        """All buffers."""
        return (buffer for _, buffer in self.named_buffers("", recurse))

    def get_submodule(self, name: str) -> "Module":
        """The module at a dotted name, as `named_modules` gives it."""
        module = self
        for part in filter(None, name.split(".")):
            module = getattr(module, part)
        return module

    # Every path to every module, shared ones as often as they are reached: the keys of a state.
    def _walk(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(_join(prefix, name))

    # ---- state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Parameters and persistent buffers by dotted name, under PyTorch's keys; not copies."""
        values = ((key, getattr(module, name)) for key, module, name in self._slots())
        return {key: value.data if isinstance(value, Parameter) else value for key, value in values}

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy arrays (anything `numpy.asarray` takes) into the parameters and buffers of the same names.

        Nothing is changed unless everything fits. Returns (missing_keys, unexpected_keys), both empty when
        `strict`. The number of batches that a norm has seen may be missing, as in PyTorch's older files.

        Raises
        ------
        ValueError
            When shapes differ or, if `strict`, keys are missing or unexpected. The message lists all of them.
        """
        for prefix, module in self._walk():
            module._infer_from_state(state, _join(prefix, ""))
        own = {key: (module, name) for key, module, name in self._slots()}
        counted = "num_batches_tracked"
        missing = [key for key, (_, name) in own.items() if key not in state and name != counted]
        unexpected = [key for key in state if key not in own]
        problems = []
        if strict and missing:
            problems.append(f"missing {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected {', '.join(unexpected)}")
        arrays = {key: np.asarray(value) for key, value in state.items() if key in own}
        for key, array in arrays.items():
            module, name = own[key]
            expected = getattr(module, name).shape
            if array.shape != expected:
                problems.append(f"{key} has shape {array.shape} (expected {expected})")
        if problems:
            raise ValueError(f"load_state_dict: {type(self).__name__}: " + "; ".join(problems))
        for key, array in arrays.items():
            module, name = own[key]
            target = getattr(module, name)
            module._unprepare()
            np.copyto(target.data if isinstance(target, Parameter) else target, array, casting="unsafe")
        return IncompatibleKeys(missing, unexpected)

    # (key, module, attribute) of everything that a state holds.
    def _slots(self) -> Iterator[tuple[str, "Module", str]]:
        for prefix, module in self._walk():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    yield _join(prefix, name), module, name
            for name, persistent in module._buffer_names.items():
                if persistent and getattr(module, name) is not None:
                    yield _join(prefix, name), module, name

    # Layers that infer the size of their input (see lazy.py) take it from the arrays about to be loaded.
    def _infer_from_state(self, state: dict[str, Any], prefix: str) -> None:
        pass

    def save(self, path) -> None:
        """Write `state_dict()` to a .npz or .safetensors file, whole or not at all."""
        from .serialization import save

        save(self.state_dict(), path)

    def load(self, path, strict: bool = True) -> Self:
        """Read a file that `save`, or PyTorch through safetensors, wrote from the same model."""
        from .serialization import load

        self.load_state_dict(load(path), strict)
        return self

    # ---- modes and conversions, all of which return the module itself

    def train(self, mode: bool = True) -> Self:
        """Set the training mode of this module and all inside it (dropout and batch norm differ)."""
        for module in self.modules():
            module.training = mode
            if mode:
                module._unprepare()
        return self

    def eval(self) -> Self:
        """`train(False)`."""
        return self.train(False)

    def prepare(self) -> Self:
        """`eval()`, and make the weights of convolutions ready for many calls without gradients (`fastconv.prepare`).

        Those weights become arrays that cannot be written to, so what is held is never stale: assigning other ones,
        `load_state_dict`, an optimiser's step and `train()` replace them, and the layer computes with the new ones.
        """
        self.eval()
        for module in self.modules():
            module._prepare()
        return self

    # What `prepare` and its end mean to one module.
    def _prepare(self) -> None:
        pass

    def _unprepare(self) -> None:
        pass

    def apply(self, function: Callable[["Module"], Any]) -> Self:
        """Call `function(module)` for every module inside this one, then for this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self, dtype) -> Self:
        """Convert parameters and floating-point buffers to float32 or float64.

        float16 and bfloat16 are taken too: a model stored in them computes in float32, and gives what it is given; an
        optimiser takes none.
        """
        dtype = np.dtype(dtype).newbyteorder("=")
        if dtype not in (np.float32, np.float64) and not is_half(dtype):
            raise type_error("Module.to", "dtype", f"is {dtype}", "float32, float64, float16 or bfloat16")
        for module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    value.data = value.data.astype(dtype, copy=False)
                    value.grad = None
                elif name in module._buffer_names and value is not None and value.dtype.kind not in "iub":
                    setattr(module, name, value.astype(dtype, copy=False))
            if "dtype" in vars(module):
                module.dtype = dtype
        return self

    def float(self) -> Self:
        """`to(numpy.float32)`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """`to(numpy.float64)`."""
        return self.to(np.float64)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or thaw (True) all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients (or, if not `set_to_none`, fill them with zeros)."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.fill(0)

    def summary(self, input_shape: Any, dtype: Any = np.float32) -> Any:
        """Print and return a table of layers, output shapes, parameters and FLOPs.

        `input_shape` is the shape of one sample, such as `(3, 32, 32)`, or a list of such shapes for several
        inputs.
        """
        from .summary import summarise

        table = summarise(self, input_shape, dtype)
        print(table)
        return table

    # ---- text

    def extra_repr(self) -> str:
        """What `repr` shows between the brackets of a module without children."""
        return ""

    def __repr__(self) -> str:
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n".join([f"{type(self).__name__}({self.extra_repr()}", *lines, ")"])


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
