"""Optimizer: parameter groups, state, and the loop that updates each parameter in one pass."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..geometry import as_array, to_ndarray, value_error
from ..geometry.elementwise import same_shape
from ..tensor import Tensor, enable_grad


class Optimizer:
    """Base of optimisers.

    `params` is an iterable of parameters, of their pairs with names (`named_parameters()`), or of dicts with "params"
    and the options of that group.
    A subclass has `_needed`, the names of the state that one parameter has, and `_update`, which changes both.

    Examples
    --------
    >>> from fastconv import nn, optim
    >>> optimizer = optim.SGD([{"params": [nn.Parameter([1.0])], "lr": 0.5}, {"params": [nn.Parameter([2.0])]}], lr=0.1)
    >>> [group["lr"] for group in optimizer.param_groups]
    [0.5, 0.1]
    """

    def __init__(self, params: Iterable, **options):
        name = type(self).__name__
        if isinstance(params, (Tensor, np.ndarray)):
            raise TypeError(
                f"{name}: params is a {type(params).__name__} (expected an iterable of parameters)"
            )
        self.defaults = options
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        groups = list(params)
        if not groups:
            raise value_error(name, "params", "is empty", "one parameter or more")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with their own options; options not named are the optimiser's."""
        name = type(self).__name__
        parameters = [group["params"]] if isinstance(group["params"], Tensor) else list(map(_unnamed, group["params"]))
        known = {id(parameter) for parameter in self._parameters()}
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                raise TypeError(f"{name}: params holds a {type(parameter).__name__} (expected Tensors)")
            if id(parameter) in known:
                raise value_error(name, "params", "names one parameter twice", "each parameter once")
            known.add(id(parameter))
        unknown = set(group) - set(self.defaults) - {"params"}
        if unknown - {"initial_lr"}:
            raise value_error(name, "params", f"has the options {sorted(unknown)}", ", ".join(self.defaults))
        merged = {**self.defaults, **group, "params": parameters}
        self._check(merged)
        self.param_groups.append(merged)

    # Refuses options that make no sense; every number an optimiser takes is 0 or more, betas are below 1.
    def _check(self, group: dict[str, Any]) -> None:
        name = type(self).__name__
        for option, value in group.items():
            if option in ("lr", "momentum", "weight_decay", "eps", "alpha") and not value >= 0:
                raise value_error(name, option, f"is {value}", "0 or more")
            if option == "betas" and not (len(value) == 2 and all(0 <= beta < 1 for beta in value)):
                raise value_error(name, option, f"is {value}", "two numbers from 0 to below 1")

    def _parameters(self) -> Iterator[Tensor]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients (or, if not `set_to_none`, fill them with zeros)."""
        for parameter in self._parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.fill(0)

    def step(self, closure: Callable | None = None):
        """Change every parameter that has a gradient; returns what `closure`, called first, returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step_one(parameter, group)
        return loss

    # Kernels want contiguous arrays of one shape and dtype, and trust this. Gradient and state follow the dtype of a
    # parameter that was converted, but not the shape of one that got other data.
    def _step_one(self, parameter: Tensor, group: dict[str, Any]) -> None:
        name = type(self).__name__
        data = as_array(name, "params", parameter.data)
        if not (data.flags.c_contiguous and data.flags.writeable):
            data = np.array(data, order="C")
        parameter.data = data
        state = self.state.setdefault(parameter, {})
        first = not state
        for key in self._needed(group):
            if key not in state:
                state[key] = 0 if key == "step" else np.zeros_like(data)
        gradient = np.require(to_ndarray(name, "grad", parameter.grad), data.dtype, "CA")
        same_shape(name, "grad", gradient, data.shape)
        for key, value in state.items():
            if isinstance(value, np.ndarray):
                same_shape(name, key, value, data.shape)
                state[key] = value.astype(data.dtype, copy=False)
        self._update(data, gradient, state, group, first)

    # What the state of a parameter holds under these options: "step", arrays of its shape. All start at zero, also when
    # an option that asks for one more is set after the first step.
    def _needed(self, group: dict[str, Any]) -> list[str]:
        return []

    # Changes `parameter` and the arrays of its state in place; first: the state is fresh.
    def _update(self, parameter, gradient, state, group, first) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number of parameter: state}, "param_groups": [options and numbers]}, as PyTorch's."""
        numbers = {id(parameter): number for number, parameter in enumerate(self._parameters())}
        groups = [
            {**group, "params": [numbers[id(p)] for p in group["params"]]} for group in self.param_groups
        ]
        return {
            "state": {numbers[id(key)]: dict(value) for key, value in self.state.items()},
            "param_groups": groups,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` of an optimiser with the same groups gave; arrays are copied.

        Nothing is changed unless everything fits. Raises ValueError for other groups, options that make no sense, and
        state that is incomplete, misshaped or of no parameter.
        """
        name = type(self).__name__
        for key in ("state", "param_groups"):
            if key not in state:
                raise value_error(name, "state", f"has no {key}", "what state_dict gave")
        groups = state["param_groups"]
        ours = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in groups]
        if ours != theirs:
            raise value_error(name, "param_groups", f"has groups of {theirs} parameters", f"{ours}")
        merged = []
        for own, group in zip(self.param_groups, groups, strict=True):
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in group.items() if k != "params"}
            merged.append({**own, **options})
            self._check(merged[-1])
        owners = [(parameter, group) for group in merged for parameter in group["params"]]
        fresh: dict[Tensor, dict[str, Any]] = {}
        for key, values in state["state"].items():
            if not str(key).isdecimal() or int(key) >= len(owners):
                raise value_error(name, "state", f"has the key {key!r}", f"numbers below {len(owners)}")
            parameter, group = owners[int(key)]
            fresh[parameter] = {k: _copied(name, k, v, parameter) for k, v in values.items() if v is not None}
            missing = [k for k in self._needed(group) if k not in fresh[parameter]]
            if missing and fresh[parameter]:
                raise value_error(name, "state", f"of parameter {key} has no {', '.join(missing)}", "all or nothing")
        for own, group in zip(self.param_groups, merged, strict=True):
            own.update(group)
        self.state = fresh

    def __repr__(self) -> str:
        groups = "; ".join(
            ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
            for group in self.param_groups
        )
        return f"{type(self).__name__}({groups})"


# A parameter, or the second of (name, parameter).
def _unnamed(value: Any) -> Any:
    return value[1] if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) else value


# "step" is a number; all else is shaped as the parameter, which may itself have no axes.
def _copied(name: str, key: str, value: Any, parameter: Tensor) -> Any:
    if key == "step":
        number = np.asarray(value)
        if number.size != 1 or not number.item() >= 0:
            raise value_error(name, key, f"is {value}", "a number, 0 or more")
        return number.item()
    array = np.array(value, dtype=parameter.dtype, order="C")
    if array.shape != parameter.shape and parameter.size:
        raise value_error(name, key, f"has shape {array.shape}", f"{parameter.shape}")
    return array
