"""Optimizer: parameter groups, state, and the loop that updates each parameter in one pass."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..geometry import as_array, to_ndarray, value_error
from ..geometry.elementwise import same_shape
from ..tensor import Tensor, enable_grad


class Optimizer:
    """Base of optimisers.

    `params` is an iterable of parameters, or of dicts with "params" and the options of that group.
    A subclass has `_start`, which makes the state of one parameter, and `_update`, which changes it.

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
        parameters = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
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
        if first:
            self._start(state, data, group)
        gradient = np.require(to_ndarray(name, "grad", parameter.grad), data.dtype, "CA")
        same_shape(name, "grad", gradient, data.shape)
        for key, value in state.items():
            if isinstance(value, np.ndarray):
                same_shape(name, key, value, data.shape)
                state[key] = value.astype(data.dtype, copy=False)
        self._update(data, gradient, state, group, first)

    # Fills the state of a parameter that is met for the first time.
    def _start(self, state: dict[str, Any], data: np.ndarray, group: dict[str, Any]) -> None:
        raise NotImplementedError

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
        """Take over what `state_dict` of an optimiser with the same groups gave; arrays are copied."""
        name = type(self).__name__
        groups = state["param_groups"]
        ours = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in groups]
        if ours != theirs:
            raise value_error(name, "param_groups", f"has groups of {theirs} parameters", f"{ours}")
        parameters = list(self._parameters())
        fresh: dict[Tensor, dict[str, Any]] = {}
        for key, values in state["state"].items():
            parameter = parameters[int(key)]
            fresh[parameter] = {k: _copied(name, k, v, parameter) for k, v in values.items() if v is not None}
        for own, group in zip(self.param_groups, groups, strict=True):
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in group.items() if k != "params"}
            own.update(options)
        self.state = fresh

    def __repr__(self) -> str:
        groups = "; ".join(
            ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
            for group in self.param_groups
        )
        return f"{type(self).__name__}({groups})"


# "step" is a number; all else is shaped as the parameter, which may itself have no axes.
def _copied(name: str, key: str, value: Any, parameter: Tensor) -> Any:
    if key == "step":
        return np.asarray(value).item()
    array = np.array(value, dtype=parameter.dtype, order="C")
    if array.shape != parameter.shape and parameter.size:
        raise value_error(name, key, f"has shape {array.shape}", f"{parameter.shape}")
    return array
