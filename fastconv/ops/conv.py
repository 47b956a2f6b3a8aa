"""Convolution and transposed convolution of rank 1, 2 and 3: one implementation, forward beside its gradient."""

import numpy as np

from .. import _core
from ..geometry import conv as rules
from ..geometry.arguments import PRECISIONS, choice, flag, integer
from ..geometry.arrays import FLOAT64, allocate, arrays, contiguous, new_output, same_dtype
from ..op import OPS, op
from .layout import LAYOUTS, channels_last, laid_first, seen_first, seen_last
from .prepare import TAKES, Prepared

# Public functions beside the operations: conv2d_input and conv2d_weight, for each rank.
extras = []

# Activations whose slope the result tells as well as what they were applied to.
SLOPE_FROM_RESULT = ("relu", "relu6")

# The kernels' number of the forward pass that reads channels last in place.
FORWARD_LAST = 3


def plain_arrays(name, **named):
    """The arrays C-contiguous, native and of one dtype; copied only where they are not."""
    return tuple(value if value is None else contiguous(value) for value in arrays(name, **named))


def _kernel_arrays(name, layout, rank, *, weight, bias=None, **images):
    """(*images, weight, bias): images channels first, views if theirs come last; weight and bias contiguous."""
    choice(name, "layout", layout, LAYOUTS)
    *given, weight, bias = arrays(name, **images, weight=weight, bias=bias)
    given = (seen_first(name, rank, x) if layout == "NHWC" else x for x in given)
    return (*given, *(x if x is None else contiguous(x) for x in (weight, bias)))


# What differs between a convolution and its transpose: the shape rule, and which pass of the kernels is the forward.
# `names` are the parameters of `geometry` after the shapes, in order.
class Convolution:
    names = ("stride", "padding", "dilation", "groups")
    transposed = False
    forward = staticmethod(_core.conv_forward)
    grad_input = staticmethod(_core.conv_grad_input)

    @staticmethod
    def grad_weight(geometry, grad_output, input, grad_weight, precision):
        return _core.conv_grad_weight(geometry, grad_output, input, grad_weight, precision)

    @staticmethod
    def geometry(name, rank, input, weight, stride, padding, dilation, groups):
        if type(stride) is not int or type(dilation) is not int or type(groups) is not int:
            stride, dilation = rules.parameters(name, rank, stride=stride, dilation=dilation)
            groups = integer(name, "groups", groups)
        if type(padding) is not int:
            padding = rules.padding_parameter(name, rank, padding)
        return rules.conv_geometry(name, rank, input, weight, stride, padding, dilation, groups)


class Transpose:
    names = ("stride", "padding", "output_padding", "groups", "dilation")
    transposed = True
    forward = staticmethod(_core.conv_grad_input)
    grad_input = staticmethod(_core.conv_forward)

    @staticmethod
    def grad_weight(geometry, grad_output, input, grad_weight, precision):
        return _core.conv_grad_weight(geometry, input, grad_output, grad_weight, precision)

    @staticmethod
    def geometry(name, rank, input, weight, stride, padding, output_padding, groups, dilation):
        stride, padding, output_padding, dilation = rules.parameters(
            name, rank, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
        )
        groups = integer(name, "groups", groups)
        return rules.conv_transpose_geometry(
            name, rank, input, weight, stride, padding, output_padding, groups, dilation
        )


CALLS: dict[str, "_Calls"] = {}


# One operation: its kind and rank, and the geometries of the calls made so far.
class _Calls:
    def __init__(self, kind, rank):
        self.kind, self.rank = kind, rank
        self.name = f"conv{'_transpose' * kind.transposed}{rank}d"
        self.quick = (_core.TransposeCalls if kind.transposed else _core.ConvCalls)(
            rank, kind.transposed, {name: code for code, name in enumerate(rules.ACTIVATIONS) if code}
        )
        TAKES[self.name] = (rank, kind.transposed)
        CALLS[self.name] = self

    # (geometry, result's shape), channels first; what can be remembered for the short way is.
    def geometry(self, name, input, weight, parameters):
        found = self.kind.geometry(name, self.rank, input.shape, weight.shape, *parameters)
        self.quick.remember(found[0], input, weight, **dict(zip(self.kind.names, parameters)))
        return found


def _forward(calls, name, input, weight, bias, parameters, activation, residual, layout, precision, out):
    kind, rank, code = calls.kind, calls.rank, rules.precision_code(name, precision)
    arrays_given = (input, weight, bias, residual)
    ready = weight if isinstance(weight, Prepared) else None
    if ready is not None:
        (input,) = arrays(name, input=input)
        same_dtype(name, input=input, weight=ready)
        weight = ready.array
    if not _core.plain(input, weight, bias, residual) or layout != "NCHW":
        input, residual, weight, bias = _kernel_arrays(
            name, layout, rank, input=input, residual=residual, weight=weight, bias=bias
        )
    geometry, shape = calls.geometry(name, input, weight, parameters)
    rules.channel_vector(name, "bias", bias, shape[-rank - 1])
    rules.same_shape(name, "residual", residual, shape)
    fused = 0 if activation is None else rules.activation_code(name, activation)
    if layout == "NHWC" and takes_last(kind, geometry, input, code):
        shape = (*shape[: -rank - 1], *shape[-rank:], shape[-rank - 1])
        result = new_output(name, out, shape, input.dtype, *arrays_given)
        input, residual = (x if x is None else contiguous(seen_last(rank, x)) for x in (input, residual))
        calls.quick.remember(geometry, input, weight, **dict(zip(kind.names, parameters)), last=True)
        return _core.conv_last(geometry, input, weight, bias, residual, fused, result, code)
    input, residual = laid_first(name, rank, input), laid_first(name, rank, residual)
    if out is None or layout != "NCHW":
        result = allocate(name, shape, input.dtype)
    else:
        result = new_output(name, out, shape, input.dtype, *arrays_given)
    packed = None if ready is None else ready.packed(geometry, not kind.transposed, code)
    kind.forward(geometry, input, weight, bias, residual, fused, result, code, packed)
    if layout == "NCHW":
        return result
    return channels_last(name, rank, result, out, *arrays_given)


def takes_last(kind, geometry, view, code):
    """Whether channels last are read in place; what is channels first in memory is no such array."""
    return not (kind.transposed or view.flags.c_contiguous) and geometry.takes_last(view.dtype == FLOAT64, code)


def _per_sample(kind, name, rank, parameters, grad_output, input, weight, grads, precision):
    """Weight and bias gradients of each sample alone, stacked along a first axis."""
    single = kind.geometry(name, rank, (1, *input.shape[1:]), weight.shape, *parameters)[0]
    grad_weight, grad_bias = grads
    for n in range(input.shape[0]):
        if grad_weight is not None:
            kind.grad_weight(single, grad_output[n : n + 1], input[n : n + 1], grad_weight[n], precision)
        if grad_bias is not None:
            _bias_grad(rank, grad_output[n], grad_bias[n])


def _bias_grad(rank, grad_output, grad_bias):
    pixels = int(np.prod(grad_output.shape[-rank:]))
    outer = grad_output.shape[0] if grad_output.ndim == rank + 2 else 1
    return _core.channel_sum(outer, grad_output.shape[-rank - 1], pixels, grad_output, grad_bias)


def _backward(calls, grad_output, input, weight, parameters, needs, activation, bias, residual, output, layout,
              per_sample, precision):
    kind, rank, name = calls.kind, calls.rank, f"{calls.name}_backward"
    code = rules.precision_code(name, precision)
    rules.needs_flags(name, needs)
    per_sample = flag(name, "per_sample", per_sample)
    images = {"grad_output": grad_output, "input": input, "residual": residual, "output": output}
    grad_output, input, residual, output, weight, bias = _kernel_arrays(
        name, layout, rank, **images, weight=weight, bias=bias
    )
    geometry, shape = calls.geometry(name, input, weight, parameters)
    rules.same_shape(name, "grad_output", grad_output, shape)
    rules.same_shape(name, "output", output, shape)
    grad_output, input, output = (laid_first(name, rank, x) for x in (grad_output, input, output))
    if output is not None and activation in SLOPE_FROM_RESULT:
        grad_output = contiguous(OPS[activation].backward(grad_output, output))
    elif activation is not None:
        grad_output = _through_activation(calls, name, grad_output, input, weight, bias, parameters, activation,
                                          residual, precision)
    dtype, K = input.dtype, shape[-rank - 1]
    grad_input = grad_weight = grad_bias = None
    if needs[0]:
        grad_input = allocate(name, input.shape, dtype)
        kind.grad_input(geometry, grad_output, weight, None, None, 0, grad_input, code)
        grad_input = grad_input if layout == "NCHW" else channels_last(name, rank, grad_input)
    samples = (input.shape[0],) if per_sample else ()
    if needs[1]:
        grad_weight = allocate(name, (*samples, *weight.shape), dtype)
    if needs[2]:
        grad_bias = allocate(name, (*samples, K), dtype)
    if per_sample:
        rules.batched(name, rank, input.shape)
        _per_sample(kind, name, rank, parameters, grad_output, input, weight, (grad_weight, grad_bias), code)
    else:
        if needs[1]:
            kind.grad_weight(geometry, grad_output, input, grad_weight, code)
        if needs[2]:
            _bias_grad(rank, grad_output, grad_bias)
    grads = (grad_input, grad_weight, grad_bias)
    if len(needs) == 3:
        return grads
    if needs[3] and layout == "NHWC":
        grad_output = channels_last(name, rank, grad_output)
    return (*grads, grad_output if needs[3] else None)


# d/d(sum) of activation(sum): the sum is computed once more, which costs a forward and no memory between passes.
def _through_activation(calls, name, grad_output, input, weight, bias, parameters, activation, residual, precision):
    rules.activation_code(name, activation)
    total = _forward(calls, name, input, weight, bias, parameters, None, residual, "NCHW", precision, None)
    return contiguous(OPS[activation].backward(grad_output, total))


# What explain() asks: the passes of a call of `name`, as (label, the kernels' number of it, geometry).
def passes(name, arguments):
    calls = CALLS[name.removesuffix("_backward")]
    kind, rank = calls.kind, calls.rank
    input = np.asarray(arguments["input"])
    last = arguments["layout"] == "NHWC"
    if last:
        input = np.moveaxis(input, -1, -rank - 1)
    parameters = [arguments[key] for key in kind.names]
    geometry = kind.geometry(name, rank, input.shape, arguments["weight"].shape, *parameters)[0]
    code = rules.precision_code(name, arguments["precision"])
    forward = FORWARD_LAST if last and takes_last(kind, geometry, input, code) else int(kind.transposed)
    numbers = {"forward": forward, "grad_input": int(not kind.transposed), "grad_weight": 2}
    if not name.endswith("_backward"):
        wanted = ["forward"]
    else:
        wanted = [label for label, need in zip(("grad_input", "grad_weight"), arguments["needs"]) if need]
    return [(label, numbers[label], geometry) for label in wanted]


# The result and what the backward function takes; arguments that most calls leave at their defaults are left out.
def _recorded(calls, input, weight, bias, parameters, activation, residual, layout, precision, out):
    options = (activation, residual, layout, precision, out)
    result = calls.quick.forward(input, weight, bias, *parameters, *options)
    if result is None:
        result = _forward(calls, calls.name, input, weight, bias, parameters, *options)
    saved = (input, weight.array if isinstance(weight, Prepared) else weight, *parameters)
    if precision is None:
        precision = PRECISIONS[_core.get_precision()]
    if activation is None and layout == "NCHW" and precision == "default":
        return result, saved
    rest = {"activation": activation, "layout": layout, "precision": precision}
    rest |= {"output": result} if activation in SLOPE_FROM_RESULT else {"bias": bias, "residual": residual}
    return result, (*saved, rest)


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

    calls = _Calls(Convolution, rank)
    conv_name = calls.name

    @op("input", "weight", "bias", "residual", name=conv_name, quick=calls.quick.forward)
    def conv(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, *, activation=None, residual=None,
             layout="NCHW", precision=None, out=None):
        parameters = (stride, padding, dilation, groups)
        return _recorded(calls, input, weight, bias, parameters, activation, residual, layout, precision, out)

    conv.__doc__ = f"""Cross-correlate `input` with `weight` over {rank} spatial {'axis' if rank == 1 else 'axes'}.

    output[n, k, o] = activation(bias[k] + residual[n, k, o] +
    sum over c, r of weight[k, c, r] * input[n, c, o * stride - padding + r * dilation]), samples outside counting as 0.

    input (N, C, {axes}) or (C, {axes}); weight (K, C // groups, {kernel}); bias (K,); result (N, K, output...) in the
    input's dtype. stride, dilation: int or one per axis. padding: int, one per axis, a pair (before, after) for an
    axis, of which after may be negative to cut cells off, 'valid' (none) or 'same' (stride 1, output as large as the
    input, an odd cell of padding at the end). groups: channels are split into that many
    independent convolutions. activation: None, 'relu', 'relu6', 'leaky_relu', 'sigmoid', 'tanh', 'silu', 'hardswish',
    'hardsigmoid', 'elu', 'gelu', 'mish' or 'softplus', fused with residual (shaped as the result). layout: 'NHWC' takes
    and gives channels last. precision: 'exact' (direct summation only), 'default' (Winograd where it pays) or 'fast'
    (as default: no kernel of lower precision exists yet); None is what `fastconv.precision` says. A weight may come
    from `fastconv.prepare`. out: array to write to.

    Raises TypeError for dtypes other than float32 and float64 (float16 and bfloat16 are stored only) or mixed ones,
    ValueError for shapes and values that do not fit, MemoryError for a result too large.

    Source: the semantics of torch.nn.functional.conv{rank}d.
    {EXAMPLE.format(rank=rank, ones=", 5" * rank, threes=", 3" * rank)}"""

    @conv.op.gradient(quick=calls.quick.backward, sums=True, takes_chosen=True)
    def backward(grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, needs=(True, True, True), *,
                 activation=None, bias=None, residual=None, output=None, layout="NCHW", per_sample=False,
                 precision=None):
        parameters = (stride, padding, dilation, groups)
        return _backward(calls, grad_output, input, weight, parameters, needs, activation, bias, residual, output,
                         layout, per_sample, precision)

    backward.__doc__ = _backward_doc(rank, "conv")

    def grad_input(input_shape, weight, grad_output, stride=1, padding=0, dilation=1, groups=1, *, precision=None):
        name = f"{conv_name}_input"
        weight, grad_output = plain_arrays(name, weight=weight, grad_output=grad_output)
        shape = rules.shape_argument(name, "input_shape", input_shape)
        geometry, expected = Convolution.geometry(name, rank, shape, weight.shape, stride, padding, dilation, groups)
        rules.same_shape(name, "grad_output", grad_output, expected)
        code, result = rules.precision_code(name, precision), allocate(name, shape, weight.dtype)
        return _core.conv_grad_input(geometry, grad_output, weight, None, None, 0, result, code)

    grad_input.__doc__ = f"""Gradient of conv{rank}d with respect to its input, of shape `input_shape`.

    Arguments as in conv{rank}d; grad_output is shaped as its result. Raises as conv{rank}d does.

    >>> import numpy as np, fastconv
    >>> w, dy = np.ones((4, 2{", 3" * rank})), np.ones((1, 4{", 5" * rank}))
    >>> fastconv.conv{rank}d_input((1, 2{", 7" * rank}), w, dy).shape
    (1, 2{", 7" * rank})
    """

    def grad_weight(input, weight_shape, grad_output, stride=1, padding=0, dilation=1, groups=1, *, precision=None):
        name = f"{conv_name}_weight"
        input, grad_output = plain_arrays(name, input=input, grad_output=grad_output)
        shape = rules.shape_argument(name, "weight_shape", weight_shape)
        geometry, expected = Convolution.geometry(name, rank, input.shape, shape, stride, padding, dilation, groups)
        rules.same_shape(name, "grad_output", grad_output, expected)
        code, result = rules.precision_code(name, precision), allocate(name, shape, input.dtype)
        return _core.conv_grad_weight(geometry, grad_output, input, result, code)

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

    calls = _Calls(Transpose, rank)
    conv_name = calls.name

    @op("input", "weight", "bias", "residual", name=conv_name, quick=calls.quick.forward)
    def conv(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, *, activation=None,
             residual=None, layout="NCHW", precision=None, out=None):
        parameters = (stride, padding, output_padding, groups, dilation)
        return _recorded(calls, input, weight, bias, parameters, activation, residual, layout, precision, out)

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

    @conv.op.gradient(quick=calls.quick.backward, sums=True)
    def backward(grad_output, input, weight, stride=1, padding=0, output_padding=0, groups=1, dilation=1,
                 needs=(True, True, True), *, activation=None, bias=None, residual=None, output=None,
                 layout="NCHW", per_sample=False, precision=None):
        parameters = (stride, padding, output_padding, groups, dilation)
        return _backward(calls, grad_output, input, weight, parameters, needs, activation, bias, residual, output,
                         layout, per_sample, precision)

    backward.__doc__ = _backward_doc(rank, "conv_transpose")


def _backward_doc(rank, kind):
    shape = f"(4, 2{', 3' * rank})" if kind == "conv" else f"(2, 4{', 3' * rank})"
    return f"""Gradients of {kind}{rank}d: (grad_input, grad_weight, grad_bias), None where not needed.

    grad_output is shaped as the result of {kind}{rank}d; `needs` says which of the three to compute. per_sample=True
    gives grad_weight and grad_bias a leading axis N, one gradient for each sample. A call that fused activation or
    residual passes them again (and bias); `output`, its result, spares computing it once more. precision is as in
    {kind}{rank}d. Everything is checked anew; raises as {kind}{rank}d does.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 2{', 5' * rank})), np.ones({shape})
    >>> dy = np.ones(fastconv.{kind}{rank}d(x, w).shape)
    >>> [g.shape for g in fastconv.{kind}{rank}d_backward(dy, x, w)]
    [(1, 2{', 5' * rank}), {shape}, (4,)]
    """


for _rank in (1, 2, 3):
    _bind_conv(_rank)
    _bind_conv_transpose(_rank)
