"""Convolution and transposed convolution of rank 1, 2 and 3: one implementation, forward beside its gradient."""

import numpy as np

from .. import _core
from ..geometry import conv as rules
from ..geometry.arguments import choice
from ..geometry.arrays import allocate, arrays, contiguous, new_output
from ..op import OPS, op

# Public functions beside the operations: conv2d_input and conv2d_weight, for each rank.
extras = []

LAYOUTS = ("NCHW", "NHWC")

# Activations whose slope the result tells as well as what they were applied to.
SLOPE_FROM_RESULT = ("relu", "relu6")


def plain_arrays(name, **named):
    """The arrays C-contiguous, native and of one dtype; copied only where they are not."""
    return tuple(value if value is None else contiguous(value) for value in arrays(name, **named))


def to_channels_first(layout, rank, *values):
    """Arrays of the caller's layout in the kernels'."""
    if layout == "NCHW":
        return values
    return tuple(x if x is None else contiguous(np.moveaxis(x, -1, -rank - 1)) for x in values)


def to_layout(name, layout, rank, x, out, *inputs):
    """A result of the kernels in the caller's layout, in `out` if that is given."""
    if layout == "NCHW":
        return x
    x = np.moveaxis(x, -rank - 1, -1)
    if out is None:
        return contiguous(x)
    new_output(name, out, x.shape, x.dtype, *inputs)[...] = x
    return out


# What differs between a convolution and its transpose: the shape rule, and which pass of the kernels is the forward.
class Convolution:
    forward = staticmethod(_core.conv_forward)
    grad_input = staticmethod(_core.conv_grad_input)

    @staticmethod
    def grad_weight(geometry, grad_output, input, grad_weight):
        return _core.conv_grad_weight(geometry, grad_output, input, grad_weight)

    @staticmethod
    def geometry(name, rank, input, weight, stride, padding, dilation, groups):
        if type(stride) is not int or type(dilation) is not int or type(groups) is not int:
            stride, dilation = rules.parameters(name, rank, stride=stride, dilation=dilation)
            groups = rules.parameters(name, 1, groups=groups)[0]
            groups = groups if type(groups) is int else groups[0]
        if type(padding) is not int:
            padding = rules.padding_parameter(name, rank, padding)
        return rules.conv_geometry(name, rank, input, weight, stride, padding, dilation, groups)


class Transpose:
    forward = staticmethod(_core.conv_grad_input)
    grad_input = staticmethod(_core.conv_forward)

    @staticmethod
    def grad_weight(geometry, grad_output, input, grad_weight):
        return _core.conv_grad_weight(geometry, input, grad_output, grad_weight)

    @staticmethod
    def geometry(name, rank, input, weight, stride, padding, output_padding, groups, dilation):
        stride, padding, output_padding, dilation = rules.parameters(
            name, rank, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
        )
        groups = rules.parameters(name, 1, groups=groups)[0]
        groups = groups if type(groups) is int else groups[0]
        return rules.conv_transpose_geometry(
            name, rank, input, weight, stride, padding, output_padding, groups, dilation
        )


def _forward(kind, name, rank, input, weight, bias, parameters, activation, residual, layout, out):
    if layout != "NCHW":
        choice(name, "layout", layout, LAYOUTS)
    arrays_given = (input, weight, bias, residual)
    if not _core.plain(input, weight, bias, residual) or layout != "NCHW":
        input, weight, bias, residual = plain_arrays(
            name, input=input, weight=weight, bias=bias, residual=residual
        )
        input, residual = to_channels_first(layout, rank, input, residual)
    geometry, shape = kind.geometry(name, rank, input.shape, weight.shape, *parameters)
    rules.channel_vector(name, "bias", bias, shape[-rank - 1])
    rules.same_shape(name, "residual", residual, shape)
    code = 0 if activation is None else rules.activation_code(name, activation)
    if out is None or layout != "NCHW":
        result = allocate(name, shape, input.dtype)
    else:
        result = new_output(name, out, shape, input.dtype, *arrays_given)
    kind.forward(geometry, input, weight, bias, residual, code, result)
    return to_layout(name, layout, rank, result, out, *arrays_given)


def _per_sample(kind, name, rank, parameters, grad_output, input, weight, grads):
    """Weight and bias gradients of each sample alone, stacked along a first axis."""
    single = kind.geometry(name, rank, (1, *input.shape[1:]), weight.shape, *parameters)[0]
    grad_weight, grad_bias = grads
    for n in range(input.shape[0]):
        if grad_weight is not None:
            kind.grad_weight(single, grad_output[n : n + 1], input[n : n + 1], grad_weight[n])
        if grad_bias is not None:
            _bias_grad(rank, grad_output[n], grad_bias[n])


def _bias_grad(rank, grad_output, grad_bias):
    pixels = int(np.prod(grad_output.shape[-rank:]))
    outer = grad_output.shape[0] if grad_output.ndim == rank + 2 else 1
    return _core.channel_sum(outer, grad_output.shape[-rank - 1], pixels, grad_output, grad_bias)


def _backward(kind, name, rank, grad_output, input, weight, parameters, needs, activation, bias, residual, output,
              layout, per_sample):
    choice(name, "layout", layout, LAYOUTS)
    grad_output, input, weight, bias, residual = plain_arrays(
        name, grad_output=grad_output, input=input, weight=weight, bias=bias, residual=residual
    )
    if output is not None and activation in SLOPE_FROM_RESULT:
        grad_output = OPS[activation].backward(grad_output, output)
    elif activation is not None:
        grad_output = _through_activation(kind, name, rank, grad_output, input, weight, bias, parameters, activation,
                                          residual, layout)
    grad_residual = grad_output
    grad_output, input = to_channels_first(layout, rank, grad_output, input)
    geometry, shape = kind.geometry(name, rank, input.shape, weight.shape, *parameters)
    rules.same_shape(name, "grad_output", grad_output, shape)
    rules.needs_flags(name, needs)
    dtype, K = input.dtype, shape[-rank - 1]
    grad_input = grad_weight = grad_bias = None
    if needs[0]:
        grad_input = allocate(name, input.shape, dtype)
        kind.grad_input(geometry, grad_output, weight, None, None, 0, grad_input)
        grad_input = to_layout(name, layout, rank, grad_input, None)
    samples = (input.shape[0],) if per_sample else ()
    if needs[1]:
        grad_weight = allocate(name, (*samples, *weight.shape), dtype)
    if needs[2]:
        grad_bias = allocate(name, (*samples, K), dtype)
    if per_sample:
        rules.batched(name, rank, input.shape)
        _per_sample(kind, name, rank, parameters, grad_output, input, weight, (grad_weight, grad_bias))
    else:
        if needs[1]:
            kind.grad_weight(geometry, grad_output, input, grad_weight)
        if needs[2]:
            _bias_grad(rank, grad_output, grad_bias)
    grads = (grad_input, grad_weight, grad_bias)
    return (*grads, grad_residual if needs[3] else None) if len(needs) == 4 else grads


# d/d(sum) of activation(sum): the sum is computed once more, which costs a forward and no memory between passes.
def _through_activation(kind, name, rank, grad_output, input, weight, bias, parameters, activation, residual, layout):
    rules.activation_code(name, activation)
    total = _forward(kind, name, rank, input, weight, bias, parameters, None, residual, layout, None)
    rules.same_shape(name, "grad_output", grad_output, total.shape)
    return contiguous(OPS[activation].backward(grad_output, total))


# Arguments of the backward function that most calls leave at their defaults.
def _extra(bias, activation, residual, layout, result):
    if activation is None and layout == "NCHW":
        return ()
    if activation in SLOPE_FROM_RESULT:
        return ({"activation": activation, "output": result, "layout": layout},)
    return ({"activation": activation, "bias": bias, "residual": residual, "layout": layout},)


EXAMPLE = """
    >>> import numpy as np, fastconv
    >>> x = np.ones((1, 2{ones}), np.float32)
    >>> w = np.ones((4, 2{threes}), np.float32)
    >>> fastconv.conv{rank}d(x, w, padding=1).shape
    (1, 4{ones})
    """


def _bind_conv(rank):
    axes = ("L", "H, W", "D, H, W")[rank - 1]
    kernel = ("S", "R, S", "T, R, S")[rank - 1]

    @op("input", "weight", "bias", "residual", name=f"conv{rank}d")
    def conv(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, *, activation=None, residual=None,
             layout="NCHW", out=None):
        parameters = (stride, padding, dilation, groups)
        result = _forward(Convolution, conv_name, rank, input, weight, bias, parameters, activation, residual, layout,
                          out)
        return result, (input, weight, *parameters, *_extra(bias, activation, residual, layout, result))

    conv_name = conv.op.name
    conv.__doc__ = f"""Cross-correlate `input` with `weight` over {rank} spatial {'axis' if rank == 1 else 'axes'}.

    output[n, k, o] = activation(bias[k] + residual[n, k, o] +
    sum over c, r of weight[k, c, r] * input[n, c, o * stride - padding + r * dilation]), samples outside counting as 0.

    input (N, C, {axes}) or (C, {axes}); weight (K, C // groups, {kernel}); bias (K,); result (N, K, output...) in the
    input's dtype. stride, dilation: int or one per axis. padding: int, one per axis, 'valid' (none) or 'same' (stride
    1, output as large as the input, an odd cell of padding at the end). groups: channels are split into that many
    independent convolutions. activation: None, 'relu', 'relu6', 'leaky_relu', 'sigmoid', 'tanh', 'silu', 'hardswish',
    'hardsigmoid', 'elu', 'gelu', 'mish' or 'softplus', fused with residual (shaped as the result). layout: 'NHWC' takes
    and gives channels last. out: array to write to.

    Raises TypeError for dtypes other than float32 and float64 (float16 and bfloat16 are stored only) or mixed ones,
    ValueError for shapes and values that do not fit, MemoryError for a result too large.

    Source: the semantics of torch.nn.functional.conv{rank}d.
    {EXAMPLE.format(rank=rank, ones=", 5" * rank, threes=", 3" * rank)}"""

    @conv.gradient
    def backward(grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, needs=(True, True, True), *,
                 activation=None, bias=None, residual=None, output=None, layout="NCHW", per_sample=False):
        parameters = (stride, padding, dilation, groups)
        return _backward(Convolution, f"{conv_name}_backward", rank, grad_output, input, weight, parameters, needs,
                         activation, bias, residual, output, layout, per_sample)

    backward.__doc__ = _backward_doc(rank, "conv")

    def grad_input(input_shape, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        name = f"{conv_name}_input"
        weight, grad_output = plain_arrays(name, weight=weight, grad_output=grad_output)
        shape = rules.shape_argument(name, "input_shape", input_shape)
        geometry, expected = Convolution.geometry(name, rank, shape, weight.shape, stride, padding, dilation, groups)
        rules.same_shape(name, "grad_output", grad_output, expected)
        return _core.conv_grad_input(geometry, grad_output, weight, None, None, 0, allocate(name, shape, weight.dtype))

    grad_input.__doc__ = f"""Gradient of conv{rank}d with respect to its input, of shape `input_shape`.

    Arguments as in conv{rank}d; grad_output is shaped as its result. Raises as conv{rank}d does.

    >>> import numpy as np, fastconv
    >>> w, dy = np.ones((4, 2{", 3" * rank})), np.ones((1, 4{", 5" * rank}))
    >>> fastconv.conv{rank}d_input((1, 2{", 7" * rank}), w, dy).shape
    (1, 2{", 7" * rank})
    """

    def grad_weight(input, weight_shape, grad_output, stride=1, padding=0, dilation=1, groups=1):
        name = f"{conv_name}_weight"
        input, grad_output = plain_arrays(name, input=input, grad_output=grad_output)
        shape = rules.shape_argument(name, "weight_shape", weight_shape)
        geometry, expected = Convolution.geometry(name, rank, input.shape, shape, stride, padding, dilation, groups)
        rules.same_shape(name, "grad_output", grad_output, expected)
        return _core.conv_grad_weight(geometry, grad_output, input, allocate(name, shape, input.dtype))

    grad_weight.__doc__ = f"""Gradient of conv{rank}d with respect to its weight, of shape `weight_shape`.

    Arguments as in conv{rank}d; grad_output is shaped as its result. Raises as conv{rank}d does.

    >>> import numpy as np, fastconv
    >>> x, dy = np.ones((1, 2{", 7" * rank})), np.ones((1, 4{", 5" * rank}))
    >>> fastconv.conv{rank}d_weight(x, (4, 2{", 3" * rank}), dy).shape
    (4, 2{", 3" * rank})
    """
    for function, of in ((grad_input, "input"), (grad_weight, "weight")):
        function.__name__ = function.__qualname__ = f"{conv_name}_{of}"
        extras.append(function)


def _bind_conv_transpose(rank):
    axes = ("L", "H, W", "D, H, W")[rank - 1]
    kernel = ("S", "R, S", "T, R, S")[rank - 1]

    @op("input", "weight", "bias", "residual", name=f"conv_transpose{rank}d")
    def conv(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, *, activation=None,
             residual=None, layout="NCHW", out=None):
        parameters = (stride, padding, output_padding, groups, dilation)
        result = _forward(Transpose, conv_name, rank, input, weight, bias, parameters, activation, residual, layout,
                          out)
        return result, (input, weight, *parameters, *_extra(bias, activation, residual, layout, result))

    conv_name = conv.op.name
    conv.__doc__ = f"""Transposed convolution: the gradient of conv{rank}d with respect to its input, as an operation.

    Every input cell adds weight * cell to a window of the output; output extent on each axis
    (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1.

    input (N, C, {axes}) or (C, {axes}); weight (C, K // groups, {kernel}); bias (K,); result (N, K, output...).
    output_padding: cells added at the end of each axis, less than stride or dilation. The other parameters are as in
    conv{rank}d. Raises TypeError, ValueError and MemoryError as conv{rank}d does.

    Source: the semantics of torch.nn.functional.conv_transpose{rank}d.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 2{", 5" * rank})), np.ones((2, 4{", 2" * rank}))
    >>> fastconv.conv_transpose{rank}d(x, w, stride=2).shape
    (1, 4{", 10" * rank})
    """

    @conv.gradient
    def backward(grad_output, input, weight, stride=1, padding=0, output_padding=0, groups=1, dilation=1,
                 needs=(True, True, True), *, activation=None, bias=None, residual=None, output=None,
                 layout="NCHW", per_sample=False):
        parameters = (stride, padding, output_padding, groups, dilation)
        return _backward(Transpose, f"{conv_name}_backward", rank, grad_output, input, weight, parameters, needs,
                         activation, bias, residual, output, layout, per_sample)

    backward.__doc__ = _backward_doc(rank, "conv_transpose")


def _backward_doc(rank, kind):
    shape = f"(4, 2{', 3' * rank})" if kind == "conv" else f"(2, 4{', 3' * rank})"
    return f"""Gradients of {kind}{rank}d: (grad_input, grad_weight, grad_bias), None where not needed.

    grad_output is shaped as the result of {kind}{rank}d; `needs` says which of the three to compute. per_sample=True
    gives grad_weight and grad_bias a leading axis N, one gradient for each sample. A call that fused activation or
    residual passes them again (and bias); `output`, its result, spares computing it once more. Everything is checked
    anew; raises as {kind}{rank}d does.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 2{', 5' * rank})), np.ones({shape})
    >>> dy = np.ones(fastconv.{kind}{rank}d(x, w).shape)
    >>> [g.shape for g in fastconv.{kind}{rank}d_backward(dy, x, w)]
    [(1, 2{', 5' * rank}), {shape}, (4,)]
    """


for _rank in (1, 2, 3):
    _bind_conv(_rank)
    _bind_conv_transpose(_rank)
