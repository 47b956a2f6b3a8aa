"""Made by tests/stubs.py from the declarations: change those."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from numpy.typing import DTypeLike, NDArray

from . import functional, init
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .module import Module
from .parameter import Parameter
from .serialization import load, save

Array: TypeAlias = NDArray[Any] | Sequence[Any]
Sizes: TypeAlias = int | Sequence[int]

# Arguments, parameters and buffers are attributes.
class _Layer(Module):
    def __getattr__(self, name: str) -> Any: ...

class Dropout(_Layer):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
class Embedding(_Layer):
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class Flatten(_Layer):
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None: ...
class GroupNorm(_Layer):
    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-05, affine: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class Identity(_Layer):
    def __init__(self, *arguments: Any, **keywords: Any) -> None: ...
class LayerNorm(_Layer):
    def __init__(self, normalized_shape: Sizes, eps: float = 1e-05, elementwise_affine: bool = True, bias: bool = True, *, dtype: DTypeLike | None = ...) -> None: ...
class LocalResponseNorm(_Layer):
    def __init__(self, size: Sizes | None, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> None: ...
class PReLU(_Layer):
    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike | None = ...) -> None: ...
class Unflatten(_Layer):
    def __init__(self, dim: int | Sequence[int] | None, unflattened_size: Sequence[int]) -> None: ...
class AdaptiveAvgPool1d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None) -> None: ...
class AdaptiveAvgPool2d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None) -> None: ...
class AdaptiveAvgPool3d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None) -> None: ...
class AdaptiveMaxPool1d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None: ...
class AdaptiveMaxPool2d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None: ...
class AdaptiveMaxPool3d(_Layer):
    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None: ...
class Dropout1d(Dropout):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
class Dropout2d(Dropout):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
class Dropout3d(Dropout):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None: ...
class ELU(_Layer):
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None: ...
class GELU(_Layer):
    def __init__(self, approximate: str = 'none') -> None: ...
class Hardsigmoid(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class Hardswish(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class LPPool1d(_Layer):
    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False) -> None: ...
class LPPool2d(_Layer):
    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False) -> None: ...
class LPPool3d(_Layer):
    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False) -> None: ...
class LeakyReLU(_Layer):
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None: ...
class Linear(_Layer):
    def __init__(self, in_features: int | None, out_features: int, bias: bool = True, *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class Mish(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class PixelShuffle(_Layer):
    def __init__(self, upscale_factor: int) -> None: ...
class PixelUnshuffle(_Layer):
    def __init__(self, downscale_factor: int) -> None: ...
class ReLU(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class ReLU6(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class SiLU(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class Sigmoid(_Layer):
    def __init__(self) -> None: ...
class Softplus(_Layer):
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None: ...
class Swish(_Layer):
    def __init__(self, inplace: bool = False) -> None: ...
class Tanh(_Layer):
    def __init__(self) -> None: ...
class Upsample(_Layer):
    def __init__(self, size: Sizes | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> None: ...
class AvgPool1d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> None: ...
class AvgPool2d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> None: ...
class AvgPool3d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> None: ...
class BCELoss(_Layer):
    def __init__(self, weight: Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...
class BCEWithLogitsLoss(_Layer):
    def __init__(self, weight: Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', pos_weight: Array | None = None) -> None: ...
class CrossEntropyLoss(_Layer):
    def __init__(self, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', label_smoothing: float = 0.0) -> None: ...
class HuberLoss(_Layer):
    def __init__(self, reduction: str = 'mean', delta: float = 1.0) -> None: ...
class L1Loss(_Layer):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...
class LazyLinear(Linear):
    def __init__(self, out_features: int, bias: bool = True, *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LogSoftmax(_Layer):
    def __init__(self, dim: int | Sequence[int] | None = None) -> None: ...
class MSELoss(_Layer):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...
class MaxPool1d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class MaxPool2d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class MaxPool3d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class MinPool1d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class MinPool2d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class MinPool3d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, return_indices: bool = False, ceil_mode: bool = False) -> None: ...
class NLLLoss(_Layer):
    def __init__(self, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean') -> None: ...
class SmoothL1Loss(_Layer):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', beta: float = 1.0) -> None: ...
class Softmax(_Layer):
    def __init__(self, dim: int | Sequence[int] | None = None) -> None: ...
class BatchNorm1d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class BatchNorm2d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class BatchNorm3d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class Conv1d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class Conv2d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class Conv3d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class ConvTranspose1d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class ConvTranspose2d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class ConvTranspose3d(_Layer):
    def __init__(self, in_channels: int | None, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class InstanceNorm1d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class InstanceNorm2d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class InstanceNorm3d(_Layer):
    def __init__(self, num_features: int | None, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class MaxUnpool1d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None: ...
class MaxUnpool2d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None: ...
class MaxUnpool3d(_Layer):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None: ...
class LazyBatchNorm1d(BatchNorm1d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class LazyBatchNorm2d(BatchNorm2d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class LazyBatchNorm3d(BatchNorm3d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class LazyConv1d(Conv1d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyConv2d(Conv2d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyConv3d(Conv3d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyConvTranspose1d(ConvTranspose1d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyConvTranspose2d(ConvTranspose2d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyConvTranspose3d(ConvTranspose3d):
    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True, dilation: Sizes = 1, padding_mode: str = 'zeros', *, dtype: DTypeLike | None = ..., seed: int | None = None) -> None: ...
class LazyInstanceNorm1d(InstanceNorm1d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class LazyInstanceNorm2d(InstanceNorm2d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...
class LazyInstanceNorm3d(InstanceNorm3d):
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, bias: bool = True, dtype: DTypeLike | None = ...) -> None: ...

__all__ = [
    "ReLU",
    "ReLU6",
    "LeakyReLU",
    "ELU",
    "GELU",
    "Sigmoid",
    "Tanh",
    "SiLU",
    "Mish",
    "Softplus",
    "Hardswish",
    "Hardsigmoid",
    "Swish",
    "Softmax",
    "LogSoftmax",
    "PReLU",
    "MSELoss",
    "L1Loss",
    "SmoothL1Loss",
    "HuberLoss",
    "CrossEntropyLoss",
    "NLLLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "PixelShuffle",
    "PixelUnshuffle",
    "Upsample",
    "MaxPool1d",
    "MinPool1d",
    "AvgPool1d",
    "LPPool1d",
    "MaxUnpool1d",
    "AdaptiveAvgPool1d",
    "AdaptiveMaxPool1d",
    "MaxPool2d",
    "MinPool2d",
    "AvgPool2d",
    "LPPool2d",
    "MaxUnpool2d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "MaxPool3d",
    "MinPool3d",
    "AvgPool3d",
    "LPPool3d",
    "MaxUnpool3d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "Linear",
    "LocalResponseNorm",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "Sequential",
    "Unflatten",
    "functional",
    "init",
    "load",
    "save",
]
