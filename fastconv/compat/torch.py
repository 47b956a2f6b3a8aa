"""PyTorch: fastconv's operations as functions of torch tensors, forward and backward, without copies.

`from fastconv.compat import torch as fast` gives `fast.conv2d(input, weight, bias, stride, ...)` and so on, with the
arguments of `fastconv`'s own functions, which are those of `torch.nn.functional`. Tensors live on the CPU and are
float32 or float64 (half precision is stored only); arrays and tensors share memory. Results require a gradient where
torch's would. Derivatives of derivatives raise NotImplementedError (a RuntimeError) that names the operation.

>>> import torch
>>> from fastconv.compat import torch as fast
>>> x, w = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3, requires_grad=True)
>>> fast.conv2d(x, w).sum().backward()
>>> w.grad[0, 0, 0]
tensor([4., 4., 4.])
"""

import types

import numpy as np

from ..extras import optional
from ..geometry import type_error
from ..op import Op
from ..ops import OPS

torch = optional("torch", "torch")

__all__ = ["swap"]


HALF = (torch.float16, torch.bfloat16)


class _Bridge(torch.autograd.Function):
    # The first result alone is differentiable. `save_for_backward` is there for torch's check that nobody has written
    # into the inputs since; what the gradient needs is in `saved`, in the same memory.
    @staticmethod
    def forward(ctx, op, call, *inputs):
        call = call | dict(zip(op.inputs, map(_array, inputs)))
        result, saved = op.run({name: call[name] for name in op.signature.parameters}, any(ctx.needs_input_grad))
        ctx.op, ctx.saved = op, saved
        ctx.save_for_backward(*(x for x in inputs if isinstance(x, torch.Tensor)))
        if not isinstance(result, tuple):
            return torch.from_numpy(np.asarray(result))
        first, *rest = map(torch.from_numpy, result)
        ctx.mark_non_differentiable(*rest)
        return first, *rest

    @staticmethod
    def backward(ctx, grad_output, *_):
        needs = ctx.needs_input_grad[2:]
        sources = (grad_output, *ctx.saved_tensors)
        grads = ctx.op.on_tape(_array(grad_output), ctx.saved, needs)
        grads = grads if isinstance(grads, (tuple, list)) else (grads,)
        grads = [_own(grad) if need else None for grad, need in zip(grads, needs)]
        if torch.is_grad_enabled():  # under create_graph
            grads = [grad if grad is None else _Once.apply(ctx.op.name, grad, *sources) for grad in grads]
        return None, None, *grads


# A gradient that depends on `sources` and has no derivative itself: torch would take it for a constant of those.
class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, name, grad, *sources):
        ctx.name = name
        return grad.detach()

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(f"{ctx.name}: a derivative of its derivative is asked for (expected the first alone)")


def _array(value):
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


# A gradient as a tensor that torch may keep and add to: never a view of another one.
def _own(grad):
    return torch.from_numpy(np.array(grad) if np.ndim(grad) == 0 or grad.base is not None else grad)


def _bridge(op: Op):
    def public(*args, **kwargs):
        bound = op.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        call = {name: _array(value) if name not in op.inputs else value for name, value in bound.arguments.items()}
        if call.get("out") is not None:
            raise type_error(op.name, "out", "is given", "None: torch gets a tensor of its own")
        inputs = [call.pop(name) for name in op.inputs]
        half = next((x.dtype for x in inputs if isinstance(x, torch.Tensor) and x.dtype in HALF), None)
        if half is None:
            return _Bridge.apply(op, call, *inputs)
        result = _Bridge.apply(op, call, *(x.float() if isinstance(x, torch.Tensor) else x for x in inputs))
        return (result[0].to(half), *result[1:]) if isinstance(result, tuple) else result.to(half)

    public.__name__ = public.__qualname__ = op.name
    public.__doc__ = f"`fastconv.{op.name}` of torch tensors, with a gradient."
    public.__signature__ = op.signature
    public.__module__ = __name__
    return public


for _op in list(OPS.values()):
    if _op.backward is not None and not _op.sequence:
        globals()[_op.name] = _bridge(_op)
        __all__.append(_op.name)


# ---- layers


def _conv(name):
    def forward(self, input):
        padding = self.padding
        if self.padding_mode != "zeros":
            edges = self._reversed_padding_repeated_twice
            input, padding = torch.nn.functional.pad(input, edges, mode=self.padding_mode), 0
        return globals()[name](input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    return forward


def _conv_transpose(name):
    def forward(self, input, output_size=None):
        if output_size is not None:
            return type(self).forward(self, input, output_size)
        parameters = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return globals()[name](input, self.weight, self.bias, *parameters)

    return forward


def _pool(name, *attributes):
    def forward(self, input):
        return globals()[name](input, **{name: getattr(self, name) for name in attributes if hasattr(self, name)})

    return forward


_WINDOW = ("kernel_size", "stride", "padding", "ceil_mode")
_LAYERS = {}
for _rank in (1, 2, 3):
    _LAYERS[getattr(torch.nn, f"Conv{_rank}d")] = _conv(f"conv{_rank}d")
    _LAYERS[getattr(torch.nn, f"ConvTranspose{_rank}d")] = _conv_transpose(f"conv_transpose{_rank}d")
    _LAYERS[getattr(torch.nn, f"MaxPool{_rank}d")] = _pool(f"max_pool{_rank}d", *_WINDOW, "dilation", "return_indices")
    _LAYERS[getattr(torch.nn, f"AvgPool{_rank}d")] = _pool(
        f"avg_pool{_rank}d", *_WINDOW, "count_include_pad", "divisor_override"
    )


def swap(module):
    """Let the convolution and pooling layers inside a torch.nn.Module compute here; returns the module.

    Parameters, hooks and state_dict stay as they are. Layers of derived classes are left alone. A copy of a
    swapped module is swapped; one that was pickled comes back as torch's own: swap it again.

    >>> import torch
    >>> net = swap(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2)))
    >>> net(torch.ones(1, 1, 6, 6)).shape
    torch.Size([1, 2, 2, 2])
    """
    for layer in module.modules():
        if type(layer) in _LAYERS:
            layer.forward = types.MethodType(_LAYERS[type(layer)], layer)
    return module
