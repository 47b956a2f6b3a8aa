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

import functools
import types

import numpy as np

from ..extras import optional
from ..geometry import type_error
from ..op import Op, with_signature
from ..ops import OPS

torch = optional("torch", "torch")

__all__ = ["swap"]


HALF = (torch.float16, torch.bfloat16)


class _Bridge(torch.autograd.Function):
    # The first result alone is differentiable. `save_for_backward` is there for torch's check that nobody has written
    # into the inputs since; what the gradient needs is in `saved`, in the same memory.
    @staticmethod
    def forward(ctx, op, call, *inputs):
        result, ctx.saved = op.recorded(**_arrays(call))
        ctx.op = op
        ctx.save_for_backward(*[x for x in inputs if _is_tensor(type(x))])
        result = _tensors(result)
        if isinstance(result, tuple):
            ctx.mark_non_differentiable(*result[1:])
        return result

    @staticmethod
    def backward(ctx, grad_output, *_):
        needs = ctx.needs_input_grad[2:]
        sources = (grad_output, *ctx.saved_tensors)
        grads = ctx.op.on_tape(grad_output.detach().numpy(), ctx.saved, needs)
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


# isinstance(value, torch.Tensor) asks a metaclass, for longer than some operations take.
@functools.cache
def _is_tensor(kind: type):
    return issubclass(kind, torch.Tensor)


def _arrays(call):
    return {name: value.detach().numpy() if _is_tensor(type(value)) else value for name, value in call.items()}


def _tensors(result):
    if isinstance(result, tuple):
        return tuple(map(torch.from_numpy, result))
    return torch.from_numpy(np.asarray(result))


# A gradient as a tensor that torch may keep and add to: never a view of another one.
def _own(grad):
    return torch.from_numpy(np.array(grad) if np.ndim(grad) == 0 or grad.base is not None else grad)


def _call(op: Op, call: dict):
    inputs = [call[name] for name in op.inputs]
    given = [x for x in inputs if _is_tensor(type(x))]
    if call.get("out") is not None:
        raise type_error(op.name, "out", "is given", "None: torch gets a tensor of its own")
    recording, half = False, None
    for x in given:
        recording = recording or x.requires_grad
        half = x.dtype if x.dtype in HALF else half
    if half is not None:
        singles = (x.float() if _is_tensor(type(x)) else x for x in inputs)
        result = _call(op, call | dict(zip(op.inputs, singles)))
        return (result[0].to(half), *result[1:]) if isinstance(result, tuple) else result.to(half)
    if (recording and torch.is_grad_enabled()) or torch.autograd.forward_ad._current_level >= 0:
        return _Bridge.apply(op, call, *inputs)  # which refuses forward mode
    return _tensors(op.public(**_arrays(call)))


def _bridge(op: Op):
    public = with_signature(op, _call)
    public.__doc__ = f"`fastconv.{op.name}` of torch tensors, with a gradient."
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
