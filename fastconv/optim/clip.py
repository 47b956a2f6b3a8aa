"""Gradient clipping."""

import math
from collections.abc import Iterable

import numpy as np

from ..tensor import Tensor


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[np.ndarray]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def clip_grad_norm_(
    parameters, max_norm: float, norm_type: float | str = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients in place so that their joint norm is at most `max_norm`; returns the norm before.

    `norm_type` may be infinite, also as "inf". Raises ValueError for a norm that is not finite if `error_if_nonfinite`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.float32([3.0, 4.0])
    >>> float(optim.clip_grad_norm_([w], 1.0))
    5.0
    >>> w.grad.round(3)
    array([0.6, 0.8], dtype=float32)
    """
    gradients, norm_type = _gradients(parameters), float(norm_type)
    if norm_type == 2:
        total = math.sqrt(sum(float(np.square(g).sum(dtype=np.float64)) for g in gradients))
    else:
        norms = [np.linalg.norm(g.ravel(), norm_type) for g in gradients if g.size]
        total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise ValueError(f"clip_grad_norm_: the norm of the gradients is {total} (expected a finite number)")
    scale = max_norm / (total + 1e-6)
    if scale < 1 or math.isnan(scale):
        for g in gradients:
            g *= scale
    return total


def clip_grad_value_(parameters, clip_value: float) -> None:
    """Bound every element of every gradient, in place, to [-clip_value, clip_value].

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.float32([3.0, -0.5])
    >>> optim.clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5], dtype=float32)
    """
    for g in _gradients(parameters):
        np.clip(g, -clip_value, clip_value, out=g)
