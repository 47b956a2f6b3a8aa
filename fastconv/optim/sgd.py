"""Stochastic gradient descent."""

from .. import _core
from ..geometry import value_error
from .optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as `torch.optim.SGD` (Sutskever et al. 2013).

    g = grad + weight_decay · w;  v = momentum · v + (1 - dampening) · g (v = g at the first step);
    w -= lr · v, or lr · (g + momentum · v) when nesterov, or lr · g without momentum.

    `foreach` and `fused` are PyTorch's ways of computing the same; here they have no effect.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.ones(2, np.float32)
    >>> optim.SGD([w], lr=0.1).step()
    >>> w.data
    array([0.9, 0.9], dtype=float32)
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )

    def _check(self, group):
        super()._check(group)
        momentum, dampening = group["momentum"], group["dampening"]
        if group["nesterov"] and (momentum <= 0 or dampening != 0):
            came = f"is True with momentum {momentum}, dampening {dampening}"
            raise value_error("SGD", "nesterov", came, "momentum > 0, dampening 0")

    def _needed(self, group):
        return ["momentum_buffer"] * bool(group["momentum"])

    def _update(self, parameter, gradient, state, group, first):
        _core.optimise(
            _core.SGD,
            parameter,
            gradient,
            state["momentum_buffer"] if group["momentum"] else None,
            None,
            None,
            group["lr"],
            beta1=group["momentum"],
            keep=1 - group["dampening"],
            decay=group["weight_decay"],
            first=first,
            nesterov=group["nesterov"],
            maximize=group["maximize"],
        )
