"""HIPS autograd: fastconv's operations as primitives, each with the gradient it declares.

`from fastconv.compat.autograd import conv2d, max_pool2d` gives functions that take autograd's boxes beside arrays,
with the arguments of `fastconv`'s own. `convolve` has the signature of `autograd.scipy.signal.convolve`, so that
existing code changes one import.

First derivatives (`grad`, `jacobian`, `elementwise_grad`, ...) work for every operation. Derivatives of derivatives
work for convolutions, transposed convolutions, average and maximum pooling and ReLU; elsewhere they raise
NotImplementedError that names the operation.

>>> import autograd.numpy as np
>>> from autograd import grad
>>> from fastconv.compat.autograd import conv1d
>>> x = np.arange(6.0).reshape(1, 1, 6)
>>> grad(lambda w: np.sum(conv1d(x, w) ** 2))(np.ones((1, 1, 2)))
array([[[140., 190.]]])
"""

import math

import numpy as np

from .. import ops
from ..extras import optional
from ..geometry import choice, value_error
from ..op import Op, with_signature
from ..ops import OPS

extend = optional("autograd.extend", "autograd")
anp = optional("autograd.numpy", "autograd")
tracer = optional("autograd.tracer", "autograd")
isbox = tracer.isbox

# Operation -> function (argnum, g, inputs, call, saved) that gives one input's gradient in terms of primitives.
_AGAIN = {}


# One operation as a function of boxes. The primitive takes the differentiable inputs by position; `call` holds the
# other arguments and `memo` takes what the forward pass saved, once a call.
def _bridge(op: Op):
    def forward(*inputs, call, memo):
        result, memo["saved"] = op.recorded(**call, **dict(zip(op.inputs, inputs)))
        if isinstance(result, tuple):
            raise value_error(op.name, "return_indices", "is set while a gradient is traced", "False")
        return result

    forward.__name__ = op.name
    primitive = extend.primitive(forward)

    def vjps(argnums, ans, inputs, kwargs):
        call, saved = kwargs["call"], kwargs["memo"]["saved"]
        needs = tuple(i in argnums for i in range(len(op.inputs)))
        dtype = ans.dtype

        def vjp(g):
            if isbox(g) or any(map(isbox, inputs)):
                if op.name not in _AGAIN:
                    raise NotImplementedError(
                        f"{op.name}: a derivative of its derivative is asked for (expected one of {', '.join(_AGAIN)})"
                    )
                return tuple(_AGAIN[op.name](argnum, g, inputs, call, saved) for argnum in argnums)
            grads = op.on_tape(np.asarray(g, dtype), saved, needs)
            grads = grads if isinstance(grads, (tuple, list)) else (grads,)
            return tuple(grads[argnum] for argnum in argnums)

        return vjp

    extend.defvjp_argnums(primitive, vjps)

    def road(op, call):
        if not any(isbox(call[name]) for name in op.inputs):
            return op.public(**call)
        if call.get("out") is not None:
            raise value_error(op.name, "out", "is given while a gradient is traced", "None")
        inputs = [call.pop(name) for name in op.inputs]
        return primitive(*inputs, call=call, memo={})

    public = with_signature(op, road)
    public.__doc__ = f"`fastconv.{op.name}` of arrays and autograd's boxes, with a gradient."
    public.__module__ = __name__
    return public


__all__ = ["convolve"]
for _op in list(OPS.values()):
    if _op.backward is not None and not _op.sequence:
        globals()[_op.name] = _bridge(_op)
        __all__.append(_op.name)


# ---- derivatives of derivatives


# conv, its input gradient and its weight gradient are each linear in both arguments, and each other's derivatives:
# with B(x, w, g) = <conv(x, w), g>, all three are partial gradients of B.
def _again_conv(rank: int) -> None:
    conv = globals()[f"conv{rank}d"]
    raw_input, raw_weight = getattr(ops, f"conv{rank}d_input"), getattr(ops, f"conv{rank}d_weight")
    grad_input = extend.primitive(lambda w, g, shape, parameters: raw_input(shape, w, g, *parameters))
    grad_weight = extend.primitive(lambda x, g, shape, parameters: raw_weight(x, shape, g, *parameters))
    extend.defvjp(
        grad_input,
        lambda ans, w, g, shape, parameters: lambda v: grad_weight(v, g, w.shape, parameters),
        lambda ans, w, g, shape, parameters: lambda v: conv(v, w, None, *parameters),
    )
    extend.defvjp(
        grad_weight,
        lambda ans, x, g, shape, parameters: lambda v: grad_input(v, g, x.shape, parameters),
        lambda ans, x, g, shape, parameters: lambda v: conv(x, v, None, *parameters),
    )

    def along(argnum, g):
        if argnum == 3:
            return g
        return anp.sum(g, axis=tuple(i for i in range(anp.ndim(g)) if i != anp.ndim(g) - rank - 1))

    def parameters_of(name, call):
        if call["activation"] is not None or call["layout"] != "NCHW":
            raise NotImplementedError(
                f"{name}: a derivative of its derivative is asked for (expected activation=None, layout='NCHW')"
            )
        return call["stride"], call["padding"], call["dilation"], call["groups"]

    def again(argnum, g, inputs, call, saved):
        parameters, (x, w) = parameters_of(f"conv{rank}d", call), inputs[:2]
        if argnum == 0:
            return grad_input(w, g, x.shape, parameters)
        return grad_weight(x, g, w.shape, parameters) if argnum == 1 else along(argnum, g)

    def again_transpose(argnum, g, inputs, call, saved):
        parameters, (x, w) = parameters_of(f"conv_transpose{rank}d", call), inputs[:2]
        if argnum == 0:
            return conv(g, w, None, *parameters)
        return grad_weight(g, x, w.shape, parameters) if argnum == 1 else along(argnum, g)

    _AGAIN[f"conv{rank}d"], _AGAIN[f"conv_transpose{rank}d"] = again, again_transpose


# An operation whose gradient is linear in g and, but for jumps, does not change with the input: the derivative of the
# gradient along v is `push(v, call, saved)`, the operation's own linear part.
def _again_linear(name: str, push) -> None:
    op = OPS[name]
    pull = extend.primitive(lambda g, call, saved: op.on_tape(g, saved, (True,)))
    extend.defvjp(pull, lambda ans, g, call, saved: lambda v: push(v, call, saved))
    _AGAIN[name] = lambda argnum, g, inputs, call, saved: pull(g, call, saved)


def _again_mean(name: str) -> None:
    pool = globals()[name]
    _again_linear(name, lambda v, call, saved: pool(v, **call))


# The values of v where the pool found its maxima: positions are flat in each channel's plane.
def _chosen(rank: int):
    @extend.primitive
    def choose(v, indices):
        cells = v.reshape(*v.shape[: v.ndim - rank], -1)
        return np.take_along_axis(cells, indices.reshape(*cells.shape[:-1], -1), -1).reshape(indices.shape)

    scatter = getattr(ops, f"max_pool{rank}d_backward")
    spread = extend.primitive(lambda v, indices, shape: scatter(v, indices, shape))
    extend.defvjp(choose, lambda ans, v, indices: lambda g: spread(g, indices, v.shape))
    extend.defvjp(spread, lambda ans, v, indices, shape: lambda g: choose(g, indices))

    def push(v, call, saved):
        if call["layout"] != "NCHW":
            raise NotImplementedError("max_pool: a derivative of its derivative needs layout='NCHW'")
        return choose(v, saved[0])

    return push


for _rank in (1, 2, 3):
    _again_conv(_rank)
    _again_mean(f"avg_pool{_rank}d")
    for _word in ("max", "min"):
        _again_linear(f"{_word}_pool{_rank}d", _chosen(_rank))
_relu_slope = extend.primitive(lambda v, saved: OPS["relu"].on_tape(v, saved, (True,)))
extend.defvjp(_relu_slope, lambda ans, v, saved: lambda g: _relu_slope(g, saved))
_again_linear("relu", lambda v, call, saved: _relu_slope(v, saved))


# ---- the drop-in


def convolve(A, B, axes=None, dot_axes=((), ()), mode="full"):
    """Convolution over some axes and dot product over others, as `autograd.scipy.signal.convolve`.

    axes: a pair of lists, the axes of A and of B that are convolved with each other (default: all); dot_axes: a pair
    of lists, those that are summed over. The result's axes are the remaining ones of A, the remaining ones of B, and
    the convolved ones. mode: 'full', 'valid' or 'same' (as large as A). One to three axes may be convolved.

    Raises ValueError for other numbers of axes and shapes that do not fit, TypeError as `fastconv.conv2d` does.

    >>> import numpy as np
    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]), mode="same")
    array([1. , 2.5, 4. ])
    """
    choice("convolve", "mode", mode, ("full", "valid", "same"))
    a_shape, b_shape = (np.shape(tracer.getval(array)) for array in (A, B))
    axes = [list(range(len(a_shape)))] * 2 if axes is None else axes
    rank = len(axes[0])
    if not 1 <= rank <= 3:
        raise value_error("convolve", "axes", f"name {rank} axes", "1, 2 or 3")
    pairs = [(a_shape[i], b_shape[j]) for i, j in zip(*axes, strict=True)]
    if mode == "valid" and any(a < b for a, b in pairs):
        if any(a > b for a, b in pairs):
            raise value_error("convolve", "B", f"has shape {b_shape}, A {a_shape}", "one to hold the other")
        kept_a, kept_b = (len(shape) - rank - len(dot_axes[0]) for shape in (a_shape, b_shape))
        swapped = convolve(B, A, axes[::-1], dot_axes[::-1], mode)
        order = [*range(kept_b, kept_b + kept_a), *range(kept_b), *range(kept_a + kept_b, swapped.ndim)]
        return anp.transpose(swapped, order)
    x, kept_a = _grouped(A, a_shape, axes[0], dot_axes[0])  # (N, C, *extents)
    w, kept_b = _grouped(B, b_shape, axes[1], dot_axes[1])  # (K, C, *kernel)
    w = w[(slice(None), slice(None), *[slice(None, None, -1)] * rank)]
    edges = {"full": lambda k: (k - 1, k - 1), "same": lambda k: (k // 2, (k - 1) // 2), "valid": lambda k: (0, 0)}
    result = globals()[f"conv{rank}d"](x, w, padding=tuple(map(edges[mode], w.shape[2:])))
    return _reshaped(result, (*kept_a, *kept_b, *result.shape[2:]))


# (product of the axes kept, product of those summed over, *those convolved), and the extents of the axes kept.
def _grouped(array, shape, convolved, summed):
    kept = [i for i in range(len(shape)) if i not in convolved and i not in summed]
    order = [*kept, *summed, *convolved]
    if order != sorted(order):
        array = anp.transpose(array, order)
    count = [math.prod(shape[i] for i in axes) for axes in (kept, summed)]
    return _reshaped(array, (*count, *(shape[i] for i in convolved))), [shape[i] for i in kept]


# Each operation of autograd's on a box takes longer than some convolutions: none that changes nothing.
def _reshaped(array, shape):
    return array if np.shape(tracer.getval(array)) == shape else anp.reshape(array, shape)
