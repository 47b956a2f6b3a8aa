"""Normalisation layers: BatchNorm*, InstanceNorm*, LayerNorm, GroupNorm, LocalResponseNorm."""

import numpy as np

from ..geometry import integer, integers, value_error
from ..ops.batch_norm import fold
from . import functional as F
from .lazy import Lazy, lazy_name
from .module import Module
from .parameter import Parameter

# Elements of a weight that take less time to scale than a layer takes to be called; results a channel that take none.
FOLDED, FEW_POSITIONS = 1 << 18, 32


# What batch and instance norm share: one weight, bias, running mean and running variance a channel.
class _ChannelNorm(Lazy):
    size_name = "num_features"
    ranks: tuple[int, ...] = ()

    def _setup(self, num_features, eps, momentum, affine, track_running_stats, bias, dtype):
        self.num_features = None
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, np.empty(0, dtype) if track_running_stats else None)
        self._start(num_features, dtype, None, {"weight": affine, "bias": affine and bias})

    def _build(self, num_features, rng):
        integer(type(self).__name__, "num_features", num_features, 1)
        if self.affine:
            self.weight.data = np.ones(num_features, self.dtype)
        if self.bias is not None:
            self.bias.data = np.zeros(num_features, self.dtype)
        if self.track_running_stats:
            self.running_mean = np.zeros(num_features, self.dtype)
            self.running_var = np.ones(num_features, self.dtype)
            self.num_batches_tracked = np.zeros((), np.int64)

    def _size_of_input(self, input):
        return input.shape[1]

    def _size_of_state(self, name, shape):
        return shape[0] if len(shape) == 1 else None

    def _check(self, input) -> None:
        if len(input.shape) not in self.ranks:
            expected = " or ".join(map(str, self.ranks))
            raise value_error(type(self).__name__, "input", f"has {len(input.shape)} axes", expected)
        if self.num_features is None:
            self._infer_from_input(input)

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int | None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype=np.float32,
    ):
        self._setup(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    # `activation` and `residual` are those of batch_norm, which applies them in the same pass: see Sequential.
    def forward(self, input, activation=None, residual=None):
        self._check(input)
        momentum = self.momentum
        tracking = self.training and self.track_running_stats
        if tracking:
            self.num_batches_tracked += 1
            if momentum is None:  # a plain average over all batches so far
                momentum = 1.0 / float(self.num_batches_tracked)
        return F.batch_norm(
            input,
            self.running_mean if not self.training or tracking else None,
            self.running_var if not self.training or tracking else None,
            self.weight,
            self.bias,
            self.training or (self.running_mean is None and self.running_var is None),
            momentum or 0.0,
            self.eps,
            activation=activation,
            residual=residual,
        )

    # Whether folding into a weight is possible.
    def folds(self, weight):
        return not self.training and self.running_var is not None and len(weight) == self.num_features

    # Whether it takes less time than scaling `positions` results a channel.
    def repays(self, weight, positions):
        return positions >= FEW_POSITIONS and weight.size <= max(FOLDED, positions * len(weight))

    # (weight, bias) of a convolution that normalises its results, too; None where forward has to complain.
    def folded(self, weight, bias):
        mean, variance = self.running_mean, self.running_var
        bias, gain, offset = (x if x is None else x.data for x in (bias, self.weight, self.bias))
        return fold(weight.data, bias, mean, variance, gain, offset, self.eps)

    # All that `folded` depends on but the weight, to compare.
    def numbers(self, bias):
        parameters = [x if x is None else x.data.tobytes() for x in (bias, self.weight, self.bias)]
        return self.eps, [x if x is None else x.tobytes() for x in (self.running_mean, self.running_var)], parameters


class _InstanceNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int | None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype=np.float32,
    ):
        self._setup(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def _size_of_input(self, input):
        return input.shape[1 if len(input.shape) == max(self.ranks) else 0]

    def forward(self, input):
        self._check(input)
        if len(input.shape) == min(self.ranks):  # (C, *spatial): a batch of one
            output = self._normalise(input.reshape((1, *input.shape)))
            return output.reshape(tuple(output.shape[1:]))
        return self._normalise(input)

    def _normalise(self, input):
        use_input_stats = self.training or not self.track_running_stats
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            use_input_stats,
            self.momentum or 0.0,
            self.eps,
        )


class LayerNorm(Module):
    """Normalises over the last axes, those of `normalized_shape` (Ba et al. 2016).

    Shapes: input (*, *normalized_shape), weight and bias normalized_shape.
    y = (x - mean) / √(var + eps) · weight + bias.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.LayerNorm(64)(np.zeros((2, 10, 64), np.float32)).shape
    (2, 10, 64)
    """

    def __init__(
        self,
        normalized_shape,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype=np.float32,
    ):
        shape = (normalized_shape,) if np.ndim(normalized_shape) == 0 else tuple(normalized_shape)
        self.normalized_shape = integers("LayerNorm", "normalized_shape", shape, len(shape), 1)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalises each sample over groups of channels (Wu and He 2018).

    Shapes: input (N, num_channels, *spatial), weight and bias (num_channels,).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.GroupNorm(32, 64)(np.zeros((2, 64, 8, 8), np.float32)).shape
    (2, 64, 8, 8)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype=np.float32,
    ):
        integer("GroupNorm", "num_groups", num_groups, 1)
        if integer("GroupNorm", "num_channels", num_channels, 1) % num_groups:
            raise value_error(
                "GroupNorm", "num_channels", f"is {num_channels}", f"a multiple of num_groups, {num_groups}"
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class LocalResponseNorm(Module):
    """Divides by a power of the sum of squares over `size` neighbouring channels (Krizhevsky et al. 2012).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.LocalResponseNorm(2)(np.zeros((1, 3, 4, 4))).shape
    (1, 3, 4, 4)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


_BATCH_DOC = """Normalises each channel over the batch and all positions (Ioffe and Szegedy 2015).

    Shapes: input {shapes}; weight, bias and running statistics (num_features,).
    Training: y = (x - mean) / √(var + eps) · weight + bias with the batch's own biased variance, and running
    averages (of the unbiased variance) move by `momentum`, or are plain averages when it is None. Evaluation
    uses the running averages. `num_features=None` is inferred from the first input.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.{name}(3)(np.zeros({example}, np.float32)).shape
    {example}
    """

_INSTANCE_DOC = """Normalises each channel of each sample over its positions (Ulyanov et al. 2016).

    Shapes: input {shapes}; weight and bias (num_features,) when `affine`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.{name}(3)(np.zeros({example}, np.float32)).shape
    {example}
    """


def _layer(base: type, prefix: str, rank: int, doc: str) -> type:
    axes = ", ".join(("D", "H", "W")[3 - rank :]) if rank > 1 else "L"
    if base is _InstanceNorm:
        ranks, shapes = (rank + 1, rank + 2), f"(N, C, {axes}) or (C, {axes})"
    else:
        ranks, shapes = (
            ((2, 3) if rank == 1 else (rank + 2,)),
            ("(N, C) or " if rank == 1 else "") + f"(N, C, {axes})",
        )
    name, example = f"{prefix}{rank}d", (2, 3, *(4,) * rank)
    text = doc.format(shapes=shapes, name=name, example=example)
    return type(name, (base,), {"ranks": ranks, "__doc__": text, "__module__": __name__})


BatchNorm1d, BatchNorm2d, BatchNorm3d = (
    _layer(_BatchNorm, "BatchNorm", rank, _BATCH_DOC) for rank in (1, 2, 3)
)
InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = (
    _layer(_InstanceNorm, "InstanceNorm", rank, _INSTANCE_DOC) for rank in (1, 2, 3)
)
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = map(lazy_name, (BatchNorm1d, BatchNorm2d, BatchNorm3d))
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = (
    lazy_name(layer, affine=True, track_running_stats=True)
    for layer in (InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
)
