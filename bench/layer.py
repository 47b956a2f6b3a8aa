"""One measured layer: its shapes, its cost and its data."""

from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

MODES = ("forward", "grad_input", "grad_weight")


@dataclass(frozen=True)
class Layer:
    """One operation on one shape; all sizes in elements, `kernel_size` and its like one for each axis."""

    op: str
    name: str
    net: str
    input_shape: tuple[int, ...]
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def ndim(self) -> int:
        return len(self.input_shape) - 2

    @property
    def batch(self) -> int:
        return self.input_shape[0]

    @property
    def in_channels(self) -> int:
        return self.input_shape[1]

    @property
    def spatial(self) -> tuple[int, ...]:
        return self.input_shape[2:]

    @property
    def has_weight(self) -> bool:
        return self.op in ("conv", "conv_transpose")

    @property
    def modes(self) -> tuple[str, ...]:
        if not self.name.startswith("t_"):
            return MODES[:1]
        return MODES if self.has_weight else MODES[:2]

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(K, C / groups, *kernel); transposed (C, K / groups, *kernel)."""
        if self.op == "conv":
            return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        axes = zip(self.spatial, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        if self.op == "conv_transpose":
            out = ((size - 1) * s - 2 * p + d * (k - 1) + 1 for size, k, s, p, d in axes)
        else:
            out = ((size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in axes)
        return (self.batch, self.out_channels, *out)

    def flops(self, mode: str = "forward") -> int:
        """Floating-point operations of the textbook sum, padded taps included; the same for every pass."""
        taps = prod(self.kernel_size)
        if self.op == "conv":
            return 2 * prod(self.output_shape) * self.in_channels // self.groups * taps
        if self.op == "conv_transpose":
            return 2 * prod(self.input_shape) * self.out_channels // self.groups * taps
        return prod(self.output_shape) * taps

    def traffic(self, mode: str, dtype: np.dtype) -> tuple[int, int]:
        """Bytes that any implementation must read and write: every array it needs once, its result once.

        Input, output and weight each move once in every pass; a max-pool gradient also reads int64 indices.
        """
        item = np.dtype(dtype).itemsize
        sizes = {"grad_input": prod(self.input_shape), "forward": prod(self.output_shape), "grad_weight": 0}
        if self.has_weight:
            sizes["grad_weight"] = prod(self.weight_shape)
        indices = prod(self.output_shape) if (self.op, mode) == ("max_pool", "grad_input") else 0
        written = sizes.pop(mode) * item
        return sum(sizes.values()) * item + indices * 8, written

    def arrays(self, dtype: np.dtype = np.float32, seed: int = 0) -> dict[str, np.ndarray]:
        """Random C-contiguous `input`, `grad_output` and, where the layer has one, `weight`."""
        rng = np.random.default_rng(seed)
        shapes = {"input": self.input_shape, "grad_output": self.output_shape}
        if self.has_weight:
            shapes["weight"] = self.weight_shape
        return {name: rng.standard_normal(shape, dtype=dtype) for name, shape in shapes.items()}

    @property
    def family(self) -> str:
        """The kind of layer that it is counted with in a summary."""
        kernel_is_1, strided = set(self.kernel_size) == {1}, set(self.stride) != {1}
        rules = (
            ("transposed", self.op == "conv_transpose"),
            ("max pool", self.op == "max_pool"),
            ("average pool", not self.has_weight),
            ("image filter", self.in_channels == self.out_channels == 1),
            ("1-D", self.ndim == 1),
            ("3-D", self.ndim == 3),
            ("depthwise", self.groups == self.in_channels > 1),
            ("grouped", self.groups > 1),
            ("small", max(self.spatial) <= 32 and self.in_channels <= 64),
            ("1x1", kernel_is_1 and not strided),
            ("strided, dilated, stem", strided or set(self.dilation) != {1} or self.in_channels < 16),
            ("3x3 stride 1", set(self.kernel_size) == {3}),
        )
        return next((name for name, holds in rules if holds), "other")


def _layer(op, name, net, shape, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, groups=1):
    values = (kernel_size, stride, padding, dilation)
    sizes = (value if isinstance(value, tuple) else (value,) * (len(shape) - 2) for value in values)
    return Layer(op, name, net, shape, out_channels, *sizes, groups)


def _pool(op, name, net, input_shape, kernel_size, *, stride=1, padding=0):
    return _layer(op, name, net, input_shape, input_shape[1], kernel_size, stride=stride, padding=padding)


def global_avg_pool(name, net, input_shape):
    return _pool("global_avg_pool", name, net, input_shape, input_shape[2:])


# Every extent must be a multiple of output_size, so that all windows are equal.
def adaptive_avg_pool(name, net, input_shape, *, output_size):
    window = tuple(size // output_size for size in input_shape[2:])
    return _pool("adaptive_avg_pool", name, net, input_shape, window, stride=window)


conv, conv_transpose = partial(_layer, "conv"), partial(_layer, "conv_transpose")
max_pool, avg_pool = partial(_pool, "max_pool"), partial(_pool, "avg_pool")
