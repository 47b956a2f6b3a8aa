"""Convolution layers: Conv1d|2d|3d, ConvTranspose1d|2d|3d and their Lazy names, one implementation each."""

import math

import numpy as np

from ..geometry import choice, integer, integers, value_error
from ..geometry.conv import conv_geometry, padding_edges, per_axis
from ..geometry.pool import seen_extents, window_parameters
from ..ops.prepare import prepare
from ..tensor import Tensor, is_grad_enabled, wrap
from . import functional as F
from . import init
from .lazy import Lazy, lazy_name

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _bare(x):
    return x.data if isinstance(x, Tensor) else x


class _Convolution(Lazy):
    rank = 0
    op_name = ""
    _ready = None
    _folded = None  # (numbers of a batch norm, the prepared weight and bias that have them folded in)

    # Where no gradient is wanted the operation gets arrays, for which it looks at less.
    def _op(self, input, weight, bias, *others, **keywords):
        function = getattr(F, self.op_name)
        if is_grad_enabled():
            return function(input, weight, bias, *others, **keywords)
        input, weight, bias = _bare(input), _bare(weight), _bare(bias)
        return wrap(function(input, weight, bias, *others, **keywords))

    # The weight for one call. What was prepared counts only while the parameter holds its very array, which nothing can
    # write to; so it is never stale.
    def _weight(self):
        ready = self._ready
        return self.weight if ready is None or self.weight.data is not ready.stored or is_grad_enabled() else ready

    # (weight, bias) with a batch norm folded in, or None: see _BatchNorm.folded. Of a prepared weight they are kept
    # while the norm has the same numbers, so that any size of input repays them.
    def _fold(self, norm, shape):
        if len(shape) != self.rank + 2 or not norm.folds(self.weight):
            return None
        if self._weight() is self.weight:
            positions = math.prod(shape[2:]) // math.prod(self.stride)  # of a sample, whatever comes with it
            return norm.folded(self.weight, self.bias) if norm.repays(self.weight, positions) else None
        numbers = norm.numbers(self.bias)
        if self._folded is None or self._folded[0] != numbers:
            folded = norm.folded(self.weight, self.bias)
            if folded is None:
                return None
            weight = prepare(getattr(F, self.op_name), folded[0], groups=self.groups)
            self._folded = numbers, (weight, folded[1])
        return self._folded[1]

    def _prepare(self):
        self._folded = None
        if self.in_channels is not None:
            self._ready = prepare(getattr(F, self.op_name), self.weight.data, groups=self.groups)
            self.weight.data = self._ready.stored

    def _unprepare(self):
        if self._ready is not None:
            if self.weight.data is self._ready.stored:
                self.weight.data = self.weight.data.copy()
            self._ready = self._folded = None

    # Shared by both directions: arguments, checks, arrays.
    def _setup(self, in_channels, out_channels, kernel_size, stride, dilation, groups, bias, dtype, seed):
        layer = type(self).__name__
        self.in_channels = None
        self.out_channels = integer(layer, "out_channels", out_channels, 1)
        self.kernel_size = integers(layer, "kernel_size", kernel_size, self.rank, 1)
        self.stride = integers(layer, "stride", stride, self.rank, 1)
        self.dilation = integers(layer, "dilation", dilation, self.rank, 1)
        self.groups = integer(layer, "groups", groups, 1)
        if self.out_channels % self.groups:
            raise value_error(layer, "out_channels", f"is {out_channels}", f"a multiple of groups, {groups}")
        self._start(in_channels, dtype, seed, {"weight": True, "bias": bias})

    def _build(self, in_channels, rng):
        layer = type(self).__name__
        if integer(layer, "in_channels", in_channels, 1) % self.groups:
            raise value_error(
                layer, "in_channels", f"is {in_channels}", f"a multiple of groups, {self.groups}"
            )
        shape = self._weight_shape(in_channels)
        self.weight.data = init.default_weight(shape, self.dtype, rng)
        if self.bias is not None:
            self.bias.data = init.default_bias(self.out_channels, shape, self.dtype, rng)

    def _size_of_input(self, input):
        return input.shape[-1 - self.rank]

    def extra_repr(self):
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        usual = {"padding": 0, "output_padding": 0, "dilation": 1}
        for name, value in usual.items():
            own = getattr(self, name, value)
            if own not in (value, (value,) * self.rank):
                parts.append(f"{name}={own}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if getattr(self, "padding_mode", "zeros") != "zeros":
            parts.append(f"padding_mode={self.padding_mode!r}")
        return ", ".join(parts)


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int | None,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype=np.float32,
        seed=None,
    ):
        layer = type(self).__name__
        choice(layer, "padding_mode", padding_mode, PADDING_MODES)
        if isinstance(padding, str):
            choice(layer, "padding", padding, ("same", "valid"))
        else:
            padding = integers(layer, "padding", padding, self.rank, 0)
        self.padding = padding
        self.padding_mode = padding_mode
        self._setup(in_channels, out_channels, kernel_size, stride, dilation, groups, bias, dtype, seed)
        if padding == "same" and max(self.stride) > 1:
            raise value_error(layer, "stride", f"is {self.stride} with padding 'same'", "1")

    def _weight_shape(self, in_channels):
        return (self.out_channels, in_channels // self.groups, *self.kernel_size)

    def _size_of_state(self, name, shape):
        return shape[1] * self.groups if name == "weight" and len(shape) == self.rank + 2 else None

    # (before, after) of each axis.
    def _edges(self):
        return zip(*padding_edges(self.op_name, self.padding, self.kernel_size, self.stride, self.dilation))

    # Padding that leaves out the cells at the end of each axis that no window of a pool would see.
    def _padding_for(self, pool, shape):
        if self.padding_mode != "zeros" or pool.ceil_mode or pool.return_indices:
            return self.padding
        name, rank = self.op_name, self.rank
        convolution = self.weight.shape, self.stride, self.padding, self.dilation, self.groups
        extents = conv_geometry(name, rank, shape, *convolution)[1][-rank:]
        window = window_parameters(pool.op_name, rank, pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        seen = seen_extents(extents, *(per_axis(rank, value) for value in window))
        if seen == extents:
            return self.padding
        return tuple((b, a - (n - m) * s) for (b, a), n, m, s in zip(self._edges(), extents, seen, self.stride))

    # `norm`, a batch normalisation of the result, and `activation`, the name of one that the kernels apply as they
    # write, are for inference; `pool` is the max pool that alone takes the result: see Sequential.
    def forward(self, input, activation=None, norm=None, pool=None):
        if self.in_channels is None:
            self._infer_from_input(input)
        padding = self.padding if pool is None else self._padding_for(pool, np.shape(input))
        if norm is None:
            weight, bias = self._weight(), self.bias
        else:
            folded = self._fold(norm, np.shape(input))
            if folded is None:
                result = norm.forward(self.forward(input), activation if activation == "relu" else None)
                return result if activation in (None, "relu") else getattr(F, activation)(result)
            weight, bias = folded
        if self.padding_mode != "zeros":
            borders = [cells for edge in reversed(list(self._edges())) for cells in edge]  # as F.pad takes them
            input, padding = F.pad(input, borders, self.padding_mode), 0
        return self._op(
            input, weight, bias, self.stride, padding, self.dilation, self.groups, activation=activation
        )


class _ConvTranspose(_Convolution):
    def __init__(
        self,
        in_channels: int | None,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups: int = 1,
        bias: bool = True,
        dilation=1,
        padding_mode: str = "zeros",
        *,
        dtype=np.float32,
        seed=None,
    ):
        layer = type(self).__name__
        self.padding_mode = choice(layer, "padding_mode", padding_mode, ("zeros",))
        self.padding = integers(layer, "padding", padding, self.rank, 0)
        self.output_padding = integers(layer, "output_padding", output_padding, self.rank, 0)
        self._setup(in_channels, out_channels, kernel_size, stride, dilation, groups, bias, dtype, seed)

    def _weight_shape(self, in_channels):
        return (in_channels, self.out_channels // self.groups, *self.kernel_size)

    def _size_of_state(self, name, shape):
        return shape[0] if name == "weight" and len(shape) == self.rank + 2 else None

    # output_padding that makes the result `output_size` long on each spatial axis.
    def _output_padding_for(self, input, output_size) -> tuple[int, ...]:
        sizes = output_size if np.ndim(output_size) == 0 else tuple(output_size)
        sizes = sizes[2:] if np.size(sizes) == self.rank + 2 else sizes
        sizes = integers(type(self).__name__, "output_size", sizes, self.rank, 1)
        extras = []
        for axis, size in enumerate(sizes):
            smallest = (input.shape[axis - self.rank] - 1) * self.stride[axis] - 2 * self.padding[axis]
            smallest += self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            if not smallest <= size < smallest + self.stride[axis]:
                largest = smallest + self.stride[axis] - 1
                raise value_error(
                    type(self).__name__,
                    "output_size",
                    f"is {sizes}",
                    f"{smallest} to {largest} on axis {axis}",
                )
            extras.append(size - smallest)
        return tuple(extras)

    def forward(self, input, output_size=None):
        if self.in_channels is None:
            self._infer_from_input(input)
        extra = self.output_padding if output_size is None else self._output_padding_for(input, output_size)
        return self._op(
            input, self._weight(), self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


_CONV_DOC = """{rank}-D convolution (cross-correlation) with learned weights, as `torch.nn.Conv{rank}d`.

    Shapes: input (N, in_channels, {axes}) or (in_channels, {axes}); weight (out_channels, in_channels //
    groups, *kernel_size); bias (out_channels,). Each output extent is ⌊(extent + 2 padding - dilation
    (kernel_size - 1) - 1) / stride⌋ + 1.

    Parameters
    ----------
    in_channels : int or None
        None is inferred from the first input.
    padding : int, tuple, 'same' or 'valid'
        Elements added on both sides of each axis.
    padding_mode : 'zeros', 'reflect', 'replicate' or 'circular'
        What is added.
    seed : int, optional
        Makes the initial weights, U(-1/√fan_in, 1/√fan_in), repeatable.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Conv{rank}d(3, 8, 3, padding=1)(np.zeros({example}, np.float32)).shape
    {result}
    """

_TRANSPOSE_DOC = """{rank}-D transposed convolution with learned weights, as `torch.nn.ConvTranspose{rank}d`.

    Shapes: input (N, in_channels, {axes}) or (in_channels, {axes}); weight (in_channels, out_channels //
    groups, *kernel_size); bias (out_channels,). Each output extent is (extent - 1) stride - 2 padding +
    dilation (kernel_size - 1) + output_padding + 1. `forward(input, output_size)` chooses output_padding so
    that the output has that size.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.ConvTranspose{rank}d(3, 8, 2, stride=2)(np.zeros({example}, np.float32)).shape
    {doubled}
    """


def _layer(base: type, prefix: str, rank: int, doc: str) -> type:
    words = {
        "rank": rank,
        "axes": ", ".join(("D", "H", "W")[3 - rank :]) if rank > 1 else "L",
        "example": (1, 3) + (8,) * rank,
        "result": (1, 8) + (8,) * rank,
        "doubled": (1, 8) + (16,) * rank,
    }
    op_name = ("conv" if base is _Conv else "conv_transpose") + f"{rank}d"

    body = {"rank": rank, "op_name": op_name, "__doc__": doc.format(**words), "__module__": __name__}
    return type(f"{prefix}{rank}d", (base,), body)


Conv1d, Conv2d, Conv3d = (_layer(_Conv, "Conv", rank, _CONV_DOC) for rank in (1, 2, 3))
ConvTranspose1d, ConvTranspose2d, ConvTranspose3d = (
    _layer(_ConvTranspose, "ConvTranspose", rank, _TRANSPOSE_DOC) for rank in (1, 2, 3)
)
LazyConv1d, LazyConv2d, LazyConv3d = map(lazy_name, (Conv1d, Conv2d, Conv3d))
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = map(
    lazy_name, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
)


# Multiply-adds of one forward call, counted as two operations each; padded taps count as the definition has
# them.
def flops(layer: _Convolution, input_shape, output_shape) -> int:
    positions = input_shape if isinstance(layer, _ConvTranspose) else output_shape
    channels_in_front = layer.weight.shape[0]
    per_position = layer.weight.size // channels_in_front
    total = 2 * math.prod(positions) * per_position
    return total + (math.prod(output_shape) if layer.bias is not None else 0)
