"""Adam and AdamW."""

import math

from .. import _core
from .optimizer import Optimizer


class Adam(Optimizer):
    """Adaptive moments, as `torch.optim.Adam` (Kingma and Ba 2015).

    m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  w -= lr · m̂ / (√v̂ + eps) with m̂ = m / (1 - β₁ᵗ),
    v̂ = v / (1 - β₂ᵗ); g includes weight_decay · w. With `amsgrad` v is replaced by the largest v so far.

    `foreach`, `fused` and `capturable` are PyTorch's ways of computing the same; here they have no effect.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.float32([3.0, -0.5])
    >>> optim.Adam([w], lr=0.1).step()
    >>> w.data
    array([0.9, 1.1], dtype=float32)
    """

    decoupled = False

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
    ):
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def _needed(self, group):
        return ["step", "exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * bool(group["amsgrad"])

    # lr / (1 - β₁ᵗ) and √(1 - β₂ᵗ) hold both bias corrections.
    def _update(self, parameter, gradient, state, group, first):
        state["step"] += 1
        beta1, beta2 = group["betas"]
        decay = group["weight_decay"]
        _core.optimise(
            _core.ADAM,
            parameter,
            gradient,
            state["exp_avg"],
            state["exp_avg_sq"],
            state["max_exp_avg_sq"] if group["amsgrad"] else None,
            group["lr"] / (1 - beta1 ** state["step"]),
            beta2=beta2,
            keep=1 - beta1,
            correction=math.sqrt(1 - beta2 ** state["step"]),
            eps=group["eps"],
            decay=0.0 if self.decoupled else decay,
            shrink=1 - group["lr"] * decay if self.decoupled else 1.0,
            maximize=group["maximize"],
        )


class AdamW(Adam):
    """Adam with decoupled weight decay, w *= 1 - lr · weight_decay, as `torch.optim.AdamW`.

    Source: Loshchilov and Hutter 2019.

    `foreach`, `fused` and `capturable` are PyTorch's ways of computing the same; here they have no effect.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.full(2, 3.0, np.float32)
    >>> optim.AdamW([w], lr=0.1).step()
    >>> w.data
    array([0.89900005, 0.89900005], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
