"""Tensor and the tape: what was computed from what, and the walk back through it."""

from __future__ import annotations

import contextvars
import importlib
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from types import FunctionType
from typing import Any, Self

import numpy as np

from ._core import ChosenCells
from .geometry.arrays import allocate, is_half, to_ndarray, type_error, value_error

_recording: contextvars.ContextVar[bool] = contextvars.ContextVar("fastconv_recording", default=True)


def is_grad_enabled() -> bool:
    """Whether operations on tensors are recorded here and now.

    >>> is_grad_enabled()
    True
    """
    return _recording.get()


class _GradMode(ContextDecorator):
    mode = True

    # `@no_grad` and `@no_grad()` both decorate.
    def __new__(cls, function: Callable | None = None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def _recreate_cm(self):
        return type(self)()

    def __enter__(self) -> Self:
        self._token = _recording.set(self.mode)
        return self

    def __exit__(self, *exception: Any) -> None:
        _recording.reset(self._token)


class no_grad(_GradMode):
    """Context and decorator in which nothing is recorded; local to the thread and the asyncio task.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     (w * 2.0).requires_grad
    False
    """

    mode = False


class enable_grad(_GradMode):
    """Context and decorator that records again inside a `no_grad()`.

    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """


# One recorded operation. `links` holds, per differentiable input, the Node that made it, the leaf Tensor
# itself, or None; intermediate Tensors are not held, so an activation lives only as long as some `saved`
# tuple needs it.
class Node:
    __slots__ = ("__weakref__", "backward", "links", "needs", "saved")

    def __init__(self, backward: Callable, saved: tuple, parents: Sequence[Tensor | None], needs: tuple[bool, ...]):
        self.backward = backward
        self.saved = saved
        self.links = tuple([(p._node or p) if need else None for p, need in zip(parents, needs)])
        self.needs = needs

    # Gradients of all inputs, the first one added to `onto`, or ChosenCells if it may be; unless `keep`, the saved
    # arrays are released before the next node runs.
    def run(self, grad_output: Any, keep: bool, onto: np.ndarray | None, may_choose: bool) -> tuple:
        backward, saved = self.backward.choose if may_choose else self.backward, self.saved
        if not keep:
            self.backward = self.saved = None
        grads = backward(grad_output, saved, self.needs, *(() if onto is None else (onto,)))
        return tuple(grads) if isinstance(grads, (tuple, list)) else (grads,)


# Operations as methods, and their types. Operations know tensors, not the other way round: ops/methods.py binds them to
# Tensor, and is imported when the first of them is used.
class _Operations:
    __slots__ = ()

    @property
    def T(self) -> Tensor: ...
    def __getitem__(self, index: Any) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> np.ndarray: ...  # type: ignore[override]
    def __ne__(self, other: Any) -> np.ndarray: ...  # type: ignore[override]
    def __lt__(self, other: Any) -> np.ndarray: ...
    def __le__(self, other: Any) -> np.ndarray: ...
    def __gt__(self, other: Any) -> np.ndarray: ...
    def __ge__(self, other: Any) -> np.ndarray: ...
    def exp(self) -> Tensor: ...
    def log(self) -> Tensor: ...
    def sqrt(self) -> Tensor: ...
    def abs(self) -> Tensor: ...
    def clip(self, min: float | None = None, max: float | None = None) -> Tensor: ...
    def clamp(self, min: float | None = None, max: float | None = None) -> Tensor: ...
    def maximum(self, other: Any) -> Tensor: ...
    def minimum(self, other: Any) -> Tensor: ...
    def matmul(self, other: Any) -> Tensor: ...
    def relu(self) -> Tensor: ...
    def sigmoid(self) -> Tensor: ...
    def tanh(self) -> Tensor: ...
    def softmax(self, dim: int | None = None, dtype: Any = None) -> Tensor: ...
    def log_softmax(self, dim: int | None = None, dtype: Any = None) -> Tensor: ...
    def sum(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor: ...
    def mean(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor: ...
    def max(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor: ...
    def min(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor: ...
    def argmax(self, dim: int | None = None, keepdim: bool = False) -> np.ndarray: ...
    def reshape(self, *shape: int | Sequence[int]) -> Tensor: ...
    def view(self, *shape: int | Sequence[int]) -> Tensor: ...
    def permute(self, *dims: int | Sequence[int]) -> Tensor: ...
    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor: ...
    def transpose(self, dim0: int, dim1: int) -> Tensor: ...
    def squeeze(self, dim: int | Sequence[int] | None = None) -> Tensor: ...
    def unsqueeze(self, dim: int) -> Tensor: ...


class _BoundByOps:
    def __init__(self, name: str):
        self.name = name

    def __get__(self, tensor: Tensor | None, owner: type) -> Any:
        importlib.import_module("fastconv.ops.methods")
        return getattr(owner if tensor is None else tensor, self.name)


for _name, _value in tuple(vars(_Operations).items()):
    if isinstance(_value, (property, FunctionType)):
        setattr(_Operations, _name, _BoundByOps(_name))


class Tensor(_Operations):
    """An ndarray with a gradient: operations on it are recorded, `backward()` walks them in reverse.

    `Tensor(data, requires_grad=False)` takes an array without copying it. `.data` is the ndarray, `.grad` the
    ndarray of d(result)/d(data) that `backward()` adds to (None before). Writing into `.data` between the
    forward and the backward pass is not noticed: the gradient is then that of the changed data.

    Raises TypeError for data that is no array of real numbers, or if a gradient is asked of integers.

    >>> import numpy as np
    >>> w = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4., 6.])
    """

    __slots__ = ("__weakref__", "_node", "data", "grad", "requires_grad")
    # NumPy's operators step back, so `array + tensor` is recorded as well.
    __array_ufunc__ = None

    def __init__(self, data: Any, requires_grad: bool = False):
        if isinstance(data, Tensor):
            data = data.data
        data = to_ndarray("Tensor", "data", data)
        if data.dtype.kind not in "biuf" and not is_half(data.dtype):
            raise type_error("Tensor", "data", f"is an array of {data.dtype}", "real numbers")
        if requires_grad and data.dtype.kind in "biu":
            raise type_error("Tensor", "data", f"is an array of {data.dtype}", "floating point to require a gradient")
        self.data = data
        self.grad: np.ndarray | None = None
        self.requires_grad = bool(requires_grad)
        self._node: Node | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def is_leaf(self) -> bool:
        return self._node is None

    def backward(self, grad: Any = None, retain_graph: bool | None = False) -> None:
        """Add d(self)/d(leaf), weighted by `grad`, to `.grad` of every leaf; frees the graph.

        `grad` has this tensor's shape and may be left out for a single number. With `retain_graph` the graph, and
        what it saved, stays for another call. Raises ValueError if nothing was recorded, if `grad` does not fit, or
        if the graph was freed by an earlier call.

        >>> x = Tensor([3.0], requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        array([6.])
        """
        if not self.requires_grad:
            raise value_error("backward", "tensor", "does not require a gradient", "one computed from such a tensor")
        if grad is None:
            if self.size != 1:
                raise value_error(
                    "backward",
                    "grad",
                    f"is missing for a tensor of shape {self.shape}",
                    "an array of that shape",
                )
            grad = np.ones_like(self.data)
        else:
            grad = to_ndarray("backward", "grad", grad)
            if grad.shape != self.shape:
                raise value_error("backward", "grad", f"has shape {grad.shape}", f"{self.shape}")
            if grad.dtype != self.dtype:
                raise type_error("backward", "grad", f"is {grad.dtype}", f"{self.dtype}")
        _walk(self, grad, bool(retain_graph))

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for a gradient, or no longer; returns the tensor itself.

        Raises TypeError if a gradient is asked of integers, ValueError if a result is to have none (see `detach`).

        >>> Tensor([3.0]).requires_grad_().requires_grad
        True
        """
        if requires_grad and self.dtype.kind in "biu":
            raise type_error("requires_grad_", "tensor", f"is an array of {self.dtype}", "floating point")
        if not requires_grad and not self.is_leaf:
            raise value_error("requires_grad_", "requires_grad", "is False for a result", "True, or a detached tensor")
        self.requires_grad = bool(requires_grad)
        return self

    def detach(self) -> Tensor:
        """The same data as a tensor that records nothing."""
        return Tensor(self.data)

    def numpy(self) -> np.ndarray:
        """The data as an ndarray (the same memory)."""
        return self.data

    def item(self) -> float:
        """The single element as a Python number; ValueError if there are more."""
        if self.size != 1:
            raise value_error("item", "tensor", f"has {self.size} elements", "1")
        return self.data.item()

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec else self, spec) if spec else repr(self)

    def __repr__(self) -> str:
        text = np.array2string(self.data, separator=", ", prefix="Tensor(")
        return f"Tensor({text}{', requires_grad=True' if self.requires_grad else ''})"

    __hash__ = object.__hash__


# A Tensor around a fresh result, without __init__'s checks.
def wrap(data: np.ndarray, node: Node | None = None) -> Tensor:
    tensor = Tensor.__new__(Tensor)
    tensor.data = data
    tensor.grad = None
    tensor.requires_grad = node is not None
    tensor._node = node
    return tensor


# Nodes from `root` back to the leaves, every node before the nodes it was computed from. Iterative: a chain
# of a million operations needs no deeper stack than one.
def _order(root: Node) -> list[Node]:
    done: list[Node] = []
    seen = {root}
    stack = [(root, iter(root.links))]
    while stack:
        node, links = stack[-1]
        for link in links:
            if type(link) is Node and link not in seen:
                seen.add(link)
                stack.append((link, iter(link.links)))
                break
        else:
            stack.pop()
            done.append(node)
    done.reverse()
    return done


def _walk(root: Tensor, grad: np.ndarray, keep: bool) -> None:
    if root._node is None:
        _accumulate(root, grad.copy())
        return
    order = _order(root._node)
    if None in [node.backward for node in order]:
        raise value_error(
            "backward",
            "tensor",
            "belongs to a graph that was freed by an earlier backward",
            "a new forward pass",
        )
    grads: dict[Node, Any] = {root._node: grad}
    owned: set[Node] = set()
    order.reverse()
    while order:
        node = order.pop()
        grad_output = grads.pop(node, None)
        if grad_output is None:
            if not keep:
                node.backward = node.saved = None
            continue
        saved, links, onto = node.saved, node.links, None
        if getattr(node.backward, "sums", False) and type(links[0]) is Node:
            onto = _whole(grads.pop(links[0], None))
        may_choose = _chooses(node.backward) and _takes_chosen(links[0]) and links[0] not in grads
        results = node.run(grad_output, keep, onto, may_choose)
        for place, (link, result) in enumerate(zip(links, results, strict=True)):
            if link is None or result is None:
                continue
            if type(link) is not Node:
                shared = result.base is not None or result is grad_output
                shared = shared or any(result is other for other in (*results[:place], *saved))
                _accumulate(link, np.array(result, order="C") if shared else np.asarray(result))
            elif link not in grads:
                grads[link] = result
                if place == 0 and onto is not None:
                    owned.add(link)
            elif link in owned:
                grads[link] += result
            else:
                total = allocate("backward", result.shape, result.dtype)
                grads[link] = np.add(_whole(grads[link]), result, out=total)
                owned.add(link)


def _chooses(backward: Any) -> bool:
    return getattr(backward, "choose", None) is not None


def _takes_chosen(link: Any) -> bool:
    return type(link) is Node and getattr(link.backward, "takes_chosen", False)


def _whole(grad: Any) -> Any:
    return grad.array() if type(grad) is ChosenCells else grad


# `.grad` of a leaf is its own memory: it is added to in place and never aliases an array of somebody else.
def _accumulate(leaf: Tensor, grad: np.ndarray) -> None:
    if leaf.grad is None:
        leaf.grad = grad
    else:
        leaf.grad += grad


def record(result: Any, backward: Callable | None, saved: tuple, parents: Sequence[Tensor | None]) -> Any:
    """Wrap an op's result (or the tuple of them) in Tensors, with a Node where a parent requires a gradient.

    `backward(grad_output, saved, needs)` returns one gradient per parent; the first result alone is
    differentiable.
    """
    needs = tuple([parent is not None and parent.requires_grad for parent in parents])
    node = Node(backward, saved, parents, needs) if True in needs and _recording.get() else None
    if isinstance(result, tuple):
        return (wrap(np.asarray(result[0]), node), *(wrap(extra) for extra in result[1:]))
    return wrap(np.asarray(result), node)


def cast(value: Tensor, dtype: np.dtype) -> Tensor:
    """`value` in another floating dtype, with its gradient in the old one."""
    old = value.dtype
    return record(value.data.astype(dtype), lambda grad, saved, needs: grad.astype(old), (), (value,))
