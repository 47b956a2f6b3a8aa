"""RMSprop."""

from .. import _core
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradients divided by a running root mean square, as `torch.optim.RMSprop` (Hinton 2012).

    s = alpha · s + (1 - alpha) · g²;  w -= lr · g / (√s + eps). `centered` takes the running mean of g,
    squared, from s first; with momentum v = momentum · v + g / (√s + eps) and w -= lr · v.

    `foreach`, `fused` and `capturable` are PyTorch's ways of computing the same; here they have no effect.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn, optim
    >>> w = nn.Parameter(np.ones(2, np.float32))
    >>> w.grad = np.full(2, 3.0, np.float32)
    >>> optim.RMSprop([w], lr=0.01).step()
    >>> w.data
    array([0.9, 0.9], dtype=float32)
    """

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def _needed(self, group):
        buffers = ["momentum_buffer"] * bool(group["momentum"]) + ["grad_avg"] * bool(group["centered"])
        return ["step", "square_avg", *buffers]

    def _update(self, parameter, gradient, state, group, first):
        state["step"] += 1
        _core.optimise(
            _core.RMSPROP,
            parameter,
            gradient,
            state["momentum_buffer"] if group["momentum"] else None,
            state["square_avg"],
            state["grad_avg"] if group["centered"] else None,
            group["lr"],
            beta1=group["momentum"],
            beta2=group["alpha"],
            eps=group["eps"],
            decay=group["weight_decay"],
            maximize=group["maximize"],
        )
