"""Adam and AdamW."""

import math

import numpy as np

from .optimizer import Optimizer


class Adam(Optimizer):
    """Adaptive moments, as `torch.optim.Adam` (Kingma and Ba 2015).

    m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  w -= lr · m̂ / (√v̂ + eps) with m̂ = m / (1 - β₁ᵗ),
    v̂ = v / (1 - β₂ᵗ); g includes weight_decay · w. With `amsgrad` v is replaced by the largest v so far.

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
    ):
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def _start(self, state, data, group):
        state["step"] = 0
        state["exp_avg"] = np.zeros_like(data)
        state["exp_avg_sq"] = np.zeros_like(data)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = np.zeros_like(data)

    # (step size, √(1 - β₂ᵗ)): both bias corrections.
    def _scalars(self, state, group):
        state["step"] += 1
        beta1, beta2 = group["betas"]
        step_size = group["lr"] / (1 - beta1 ** state["step"])
        return step_size, math.sqrt(1 - beta2 ** state["step"])

    def _update(self, parameter, gradient, state, group, scalars, scratch, second, first):
        step_size, correction = scalars
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        if group["weight_decay"]:
            if self.decoupled:
                parameter *= 1 - group["lr"] * group["weight_decay"]
            else:
                np.multiply(parameter, group["weight_decay"], out=second)
                gradient = np.add(gradient, second, out=second)
        np.subtract(gradient, mean, out=scratch)
        scratch *= 1 - beta1
        mean += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1 - beta2
        square *= beta2
        square += scratch
        if group["amsgrad"]:
            square = np.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
        np.sqrt(square, out=scratch)
        scratch /= correction
        scratch += group["eps"]
        np.divide(mean, scratch, out=scratch)
        scratch *= step_size
        parameter -= scratch


class AdamW(Adam):
    """Adam with decoupled weight decay, w *= 1 - lr · weight_decay, as `torch.optim.AdamW`.

    Source: Loshchilov and Hutter 2019.
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
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
