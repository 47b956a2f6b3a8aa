"""RMSprop."""

import numpy as np

from .optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradients divided by a running root mean square, as `torch.optim.RMSprop` (Hinton 2012).

    s = alpha · s + (1 - alpha) · g²;  w -= lr · g / (√s + eps). `centered` takes the running mean of g,
    squared, from s first; with momentum v = momentum · v + g / (√s + eps) and w -= lr · v.
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

    def _start(self, state, data, group):
        state["step"] = 0
        state["square_avg"] = np.zeros_like(data)
        if group["momentum"]:
            state["momentum_buffer"] = np.zeros_like(data)
        if group["centered"]:
            state["grad_avg"] = np.zeros_like(data)

    def _scalars(self, state, group):
        state["step"] += 1
        return ()

    def _update(self, parameter, gradient, state, group, scalars, scratch, second, first):
        alpha = group["alpha"]
        if group["weight_decay"]:
            np.multiply(parameter, group["weight_decay"], out=second)
            gradient = np.add(gradient, second, out=second)
        square = state["square_avg"]
        square *= alpha
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1 - alpha
        square += scratch
        if group["centered"]:
            mean = state["grad_avg"]
            np.subtract(gradient, mean, out=scratch)
            scratch *= 1 - alpha
            mean += scratch
            np.multiply(mean, mean, out=scratch)
            np.subtract(square, scratch, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square, out=scratch)
        scratch += group["eps"]
        np.divide(gradient, scratch, out=scratch)
        if group["momentum"]:
            velocity = state["momentum_buffer"]
            velocity *= group["momentum"]
            velocity += scratch
            np.multiply(velocity, group["lr"], out=scratch)
        else:
            scratch *= group["lr"]
        parameter -= scratch
