"""On top of the tape: a user's own operation, recomputation, and the check of gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import seeding
from .geometry.arrays import as_array, to_ndarray, type_error, value_error
from .tensor import Node, Tensor, enable_grad, is_grad_enabled, record, wrap


class Context:
    """What a `Function` carries from forward to backward: saved arrays, and any attribute you set."""

    def __init__(self, needs_input_grad: tuple[bool, ...]):
        self.needs_input_grad = needs_input_grad
        self.saved: tuple = ()

    def save_for_backward(self, *arrays: Any) -> None:
        """Keep arrays until `backward` has run; read them from `.saved`."""
        self.saved = arrays

    @property
    def saved_tensors(self) -> tuple:
        return self.saved


class Function:
    """A differentiable operation of your own: subclass, write `forward` and `backward`, call `apply`.

    Both are static methods on plain ndarrays: `forward(ctx, *arguments)` returns an array (or a tuple, of
    which the first is differentiable); `backward(ctx, grad_output)` returns one gradient per argument of
    forward, None where there is none; each is cast to its argument's dtype. `grad_output` cannot be written to:
    other inputs may get the same array. Raises ValueError if the number of gradients or a shape is wrong.

    >>> import numpy as np
    >>> class Square(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         return 2.0 * ctx.saved[0] * grad_output
    >>> x = Tensor(np.array([3.0]), requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    array([6.])
    """

    @staticmethod
    def forward(ctx: Context, *args: Any) -> Any:
        raise NotImplementedError("write forward(ctx, ...) as a staticmethod")

    @staticmethod
    def backward(ctx: Context, grad_output: np.ndarray) -> Any:
        raise NotImplementedError("write backward(ctx, grad_output) as a staticmethod")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward on the arrays of `args`, recorded if one is a Tensor that requires a gradient."""
        parents = tuple(arg if isinstance(arg, Tensor) else None for arg in args)
        needs = tuple(parent is not None and parent.requires_grad for parent in parents)
        context = Context(needs)
        result = cls.forward(context, *(arg.data if isinstance(arg, Tensor) else arg for arg in args))
        if not any(parent is not None for parent in parents):
            return result
        wanted = [
            (parent.shape, parent.dtype) if need else None for parent, need in zip(parents, needs, strict=True)
        ]

        def backward(grad_output, saved, needs):
            shared = np.asarray(grad_output).view()
            shared.flags.writeable = False
            grads = cls.backward(context, shared)
            grads = tuple(grads) if isinstance(grads, (tuple, list)) else (grads,)
            if len(grads) != len(wanted):
                raise value_error(
                    cls.__name__, "backward", f"returned {len(grads)} gradients", f"{len(wanted)}"
                )
            return tuple(_checked(cls.__name__, *item) for item in zip(grads, wanted, strict=True))

        return record(result, backward, (), parents)


# A gradient as its input's shape and dtype want it: NumPy's own scalars of float64, say, promote it on the way.
def _checked(name: str, grad: Any, wanted: tuple[tuple, np.dtype] | None) -> np.ndarray | None:
    if grad is None or wanted is None:
        return None
    shape, dtype = wanted
    grad = to_ndarray(name, "gradient", grad.data if isinstance(grad, Tensor) else grad)
    if grad.shape != shape:
        raise value_error(name, "gradient", f"has shape {grad.shape}", f"{shape}")
    return grad.astype(dtype, copy=False)


def checkpoint(fn: Callable, *inputs: Any) -> Any:
    """fn(*inputs), recomputed in backward instead of keeping its intermediate arrays.

    `fn` returns one Tensor and must compute the same thing twice; the package's own random generator is
    rewound for the second run, so dropout repeats its mask. Source: Chen et al. 2016, Training Deep Nets with
    Sublinear Memory Cost.

    >>> x = Tensor([2.0], requires_grad=True)
    >>> checkpoint(lambda t: t * t * t, x).backward()
    >>> x.grad
    array([12.])
    """
    if not is_grad_enabled():
        return fn(*inputs)
    state = seeding.get_state()
    # Recorded once, to learn whether a parameter inside fn requires a gradient, then dropped.
    result = fn(*_fresh(inputs))
    if not isinstance(result, Tensor):
        raise type_error("checkpoint", "fn", f"returned a {type(result).__name__}", "one Tensor")
    if not result.requires_grad:
        return result
    parents = tuple(value if isinstance(value, Tensor) else None for value in inputs)

    def backward(grad_output, saved, needs):
        again, after = _fresh(inputs), seeding.get_state()
        seeding.set_state(state)
        try:
            with enable_grad():
                fn(*again).backward(grad_output)
        finally:
            seeding.set_state(after)
        return tuple(value.grad if need else None for value, need in zip(again, needs, strict=True))

    needs = tuple(parent is not None and parent.requires_grad for parent in parents)
    return wrap(result.data, Node(backward, (), parents, needs))


def _fresh(inputs: Sequence[Any]) -> list[Any]:
    return [
        Tensor(value.data, value.requires_grad) if isinstance(value, Tensor) else value for value in inputs
    ]


def gradcheck(fn: Callable, inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3) -> bool:
    """Compare every gradient of `fn` with central differences, in float64.

    `inputs` is an array, a Tensor or a sequence of them (float64; other arguments pass through); the result
    of fn is weighted by fixed random numbers so that one number is differentiated. Raises AssertionError with
    the input, the element and both values where they differ by more than atol + rtol * |numerical|.

    >>> import numpy as np
    >>> gradcheck(lambda t: t * t, np.array([1.0, -2.0]))
    True
    """
    values = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    free = [
        i
        for i, v in enumerate(values)
        if isinstance(v, (np.ndarray, Tensor)) and np.asarray(v).dtype.kind == "f"
    ]
    points = {i: np.array(as_array("gradcheck", f"inputs[{i}]", values[i]), np.float64) for i in free}

    def call(requires_grad: bool) -> tuple[list, Tensor]:
        given = [Tensor(points[i], requires_grad) if i in points else value for i, value in enumerate(values)]
        result = fn(*given)
        result = result[0] if isinstance(result, tuple) else result
        if not isinstance(result, Tensor):
            raise type_error("gradcheck", "fn", f"returned a {type(result).__name__}", "a Tensor")
        return given, result

    given, result = call(True)
    weight = np.random.default_rng(0).standard_normal(result.shape)
    if result.requires_grad:
        result.backward(weight)
    for i, point in points.items():
        analytic = given[i].grad if given[i].grad is not None else np.zeros_like(point)
        for index in np.ndindex(point.shape):
            middle = point[index]
            ends = []
            for step in (eps, -eps):
                point[index] = middle + step
                ends.append(call(False)[1].data.copy())
            point[index] = middle
            numeric = float(((ends[0] - ends[1]) * weight).sum()) / (2 * eps)
            if not abs(numeric - analytic[index]) <= atol + rtol * abs(numeric):
                raise AssertionError(
                    f"gradcheck: input {i} at {index}: backward {analytic[index]}, differences {numeric}"
                )
    return True
