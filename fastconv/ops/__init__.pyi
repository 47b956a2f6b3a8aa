"""Made by tests/stubs.py from the declarations: change those."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..tensor import Tensor

Array: TypeAlias = NDArray[Any] | Sequence[Any]
Sizes: TypeAlias = int | Sequence[int]

@overload
def relu(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def relu(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def relu_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def relu6(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def relu6(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def relu6_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def leaky_relu(input: Array, negative_slope: float = 0.01, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def leaky_relu(input: Tensor | Array, negative_slope: float = 0.01, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def leaky_relu_backward(grad_output: Tensor | Array, input: Tensor | Array, negative_slope: float = 0.01) -> NDArray[Any]: ...
@overload
def elu(input: Array, alpha: float = 1.0, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def elu(input: Tensor | Array, alpha: float = 1.0, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def elu_backward(grad_output: Tensor | Array, input: Tensor | Array, alpha: float = 1.0) -> NDArray[Any]: ...
@overload
def sigmoid(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def sigmoid(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def sigmoid_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def tanh(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def tanh(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def tanh_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def silu(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def silu(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def silu_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def mish(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def mish(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def mish_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def softplus(input: Tensor | Array, beta: float = 1.0, threshold: float = 20.0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def softplus_backward(grad_output: Tensor | Array, input: Tensor | Array, beta: float = 1.0, threshold: float = 20.0) -> NDArray[Any]: ...
@overload
def hardswish(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def hardswish(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def hardswish_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def hardsigmoid(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def hardsigmoid(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def hardsigmoid_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def gelu(input: Array, approximate: str = 'none', *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def gelu(input: Tensor | Array, approximate: str = 'none', *, out: NDArray[Any] | None = None) -> Tensor: ...
def gelu_backward(grad_output: Tensor | Array, input: Tensor | Array, approximate: str = 'none') -> NDArray[Any]: ...
@overload
def add(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def add(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def add_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def sub(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def sub(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def sub_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def mul(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def mul(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def mul_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def div(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def div(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def div_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def pow(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def pow(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def pow_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def maximum(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def maximum(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def maximum_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def minimum(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def minimum(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def minimum_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def neg(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def neg(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def neg_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def exp(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def exp(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def exp_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def log(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def log(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def log_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def sqrt(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def sqrt(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def sqrt_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def abs(input: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def abs(input: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def abs_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def clip(input: Array, min: float | None = None, max: float | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def clip(input: Tensor | Array, min: float | None = None, max: float | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def clip_backward(grad_output: Tensor | Array, input: Tensor | Array, min: float | None = None, max: float | None = None) -> NDArray[Any]: ...
@overload
def where(condition: Array, input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def where(condition: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def where_backward(grad_output: Tensor | Array, condition: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def matmul(input: Array, other: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def matmul(input: Tensor | Array, other: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def matmul_backward(grad_output: Tensor | Array, input: Tensor | Array, other: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def max_pool1d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_pool1d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def max_pool1d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def max_pool1d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def max_pool1d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def min_pool1d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def min_pool1d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def min_pool1d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def min_pool1d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def min_pool1d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def avg_pool1d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def avg_pool1d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def avg_pool1d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def lp_pool1d(input: Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def lp_pool1d(input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def lp_pool1d_backward(grad_output: Tensor | Array, input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def max_pool2d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_pool2d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def max_pool2d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def max_pool2d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def max_pool2d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def min_pool2d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def min_pool2d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def min_pool2d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def min_pool2d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def min_pool2d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def avg_pool2d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def avg_pool2d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def avg_pool2d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def lp_pool2d(input: Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def lp_pool2d(input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def lp_pool2d_backward(grad_output: Tensor | Array, input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def max_pool3d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_pool3d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def max_pool3d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def max_pool3d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def max_pool3d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def min_pool3d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def min_pool3d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def min_pool3d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def min_pool3d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def min_pool3d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def avg_pool3d(input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def avg_pool3d(input: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def avg_pool3d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def lp_pool3d(input: Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def lp_pool3d(input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def lp_pool3d_backward(grad_output: Tensor | Array, input: Tensor | Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def global_avg_pool(input: Array, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def global_avg_pool(input: Tensor | Array, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def global_avg_pool_backward(grad_output: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def global_max_pool(input: Array, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def global_max_pool(input: Tensor | Array, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def global_max_pool_backward(grad_output: Tensor | Array, input: Tensor | Array, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def adaptive_avg_pool1d(input: Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_avg_pool1d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def adaptive_avg_pool1d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def adaptive_max_pool1d(input: Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool1d(input: Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool1d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def adaptive_max_pool1d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def adaptive_max_pool1d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def max_unpool1d(input: Array, indices: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_unpool1d(input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def max_unpool1d_backward(grad_output: Tensor | Array, input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None) -> NDArray[Any]: ...
@overload
def adaptive_avg_pool2d(input: Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_avg_pool2d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def adaptive_avg_pool2d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def adaptive_max_pool2d(input: Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool2d(input: Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool2d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def adaptive_max_pool2d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def adaptive_max_pool2d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def max_unpool2d(input: Array, indices: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_unpool2d(input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def max_unpool2d_backward(grad_output: Tensor | Array, input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None) -> NDArray[Any]: ...
@overload
def adaptive_avg_pool3d(input: Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_avg_pool3d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
def adaptive_avg_pool3d_backward(grad_output: Tensor | Array, input_shape: Sequence[int], output_size: int | Sequence[int | None] | None, *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def adaptive_max_pool3d(input: Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool3d(input: Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]: ...  # type: ignore[overload-overlap]
@overload
def adaptive_max_pool3d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, return_indices: Literal[False] = False, *, layout: str = 'NCHW', out: NDArray[Any] | None = None) -> Tensor: ...
@overload
def adaptive_max_pool3d(input: Tensor | Array, output_size: int | Sequence[int | None] | None, *, return_indices: Literal[True], layout: str = 'NCHW', out: NDArray[Any] | None = None) -> tuple[Tensor, Tensor]: ...
def adaptive_max_pool3d_backward(grad_output: Tensor | Array, indices: Tensor | Array, input_shape: Sequence[int], *, layout: str = 'NCHW') -> NDArray[Any]: ...
@overload
def max_unpool3d(input: Array, indices: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max_unpool3d(input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def max_unpool3d_backward(grad_output: Tensor | Array, input: Tensor | Array, indices: Tensor | Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, output_size: int | Sequence[int | None] | None = None) -> NDArray[Any]: ...
@overload
def affine_grid(theta: Array, size: Sizes | None, align_corners: bool | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def affine_grid(theta: Tensor | Array, size: Sizes | None, align_corners: bool | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def affine_grid_backward(grad_output: Tensor | Array, theta: Tensor | Array, size: Sizes | None, align_corners: bool | None = None) -> NDArray[Any]: ...
@overload
def batch_norm(input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None = None, bias: Array | None = None, training: bool = False, momentum: float | None = 0.1, eps: float = 1e-05, *, activation: str | None = None, residual: Array | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def batch_norm(input: Tensor | Array, running_mean: Tensor | Array | None, running_var: Tensor | Array | None, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, training: bool = False, momentum: float | None = 0.1, eps: float = 1e-05, *, activation: str | None = None, residual: Tensor | Array | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def batch_norm_backward(grad_output: Tensor | Array, input: Tensor | Array, running_mean: Tensor | Array | None, running_var: Tensor | Array | None, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, training: bool = False, momentum: float | None = 0.1, eps: float = 1e-05, statistics: tuple[NDArray[Any], NDArray[Any]] | None = None, *, activation: str | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, needs: Sequence[bool] = (True, True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv1d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv1d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv1d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv_transpose1d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv_transpose1d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv_transpose1d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv2d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv2d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv2d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv_transpose2d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv_transpose2d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv_transpose2d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv3d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv3d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv3d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def conv_transpose3d(input: Array, weight: Array, bias: Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def conv_transpose3d(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, *, activation: str | None = None, residual: Tensor | Array | None = None, layout: str = 'NCHW', precision: str | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def conv_transpose3d_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, stride: Sizes | None = 1, padding: Sizes = 0, output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1, needs: Sequence[bool] = (True, True, True), *, activation: str | None = None, bias: Tensor | Array | None = None, residual: Tensor | Array | None = None, output: Tensor | Array | None = None, layout: str = 'NCHW', per_sample: bool = False, precision: str | None = None) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def mse_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', weight: Array | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def mse_loss(input: Tensor | Array, target: Tensor | Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', weight: Tensor | Array | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def mse_loss_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, reduction: str = 'mean', weight: Tensor | Array | None = None, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', weight: Array | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def l1_loss(input: Tensor | Array, target: Tensor | Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', weight: Tensor | Array | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def l1_loss_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, reduction: str = 'mean', weight: Tensor | Array | None = None, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def smooth_l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', beta: float = 1.0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def smooth_l1_loss(input: Tensor | Array, target: Tensor | Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', beta: float = 1.0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def smooth_l1_loss_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, reduction: str = 'mean', beta: float = 1.0, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def huber_loss(input: Array, target: Array, reduction: str = 'mean', delta: float = 1.0, weight: Array | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def huber_loss(input: Tensor | Array, target: Tensor | Array, reduction: str = 'mean', delta: float = 1.0, weight: Tensor | Array | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def huber_loss_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, reduction: str = 'mean', delta: float = 1.0, weight: Tensor | Array | None = None, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def dropout(input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def dropout(input: Tensor | Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def dropout_backward(grad_output: Tensor | Array, mask: Tensor | Array) -> NDArray[Any]: ...
@overload
def dropout1d(input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def dropout1d(input: Tensor | Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def dropout1d_backward(grad_output: Tensor | Array, mask: Tensor | Array) -> NDArray[Any]: ...
@overload
def dropout2d(input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def dropout2d(input: Tensor | Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def dropout2d_backward(grad_output: Tensor | Array, mask: Tensor | Array) -> NDArray[Any]: ...
@overload
def dropout3d(input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def dropout3d(input: Tensor | Array, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: int | None = None, generator: np.random.Generator | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def dropout3d_backward(grad_output: Tensor | Array, mask: Tensor | Array) -> NDArray[Any]: ...
@overload
def interpolate(input: Array, size: Sizes | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def interpolate(input: Tensor | Array, size: Sizes | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def interpolate_backward(grad_output: Tensor | Array, input: Tensor | Array, size: Sizes | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False) -> NDArray[Any]: ...
@overload
def grid_sample(input: Array, grid: Array, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def grid_sample(input: Tensor | Array, grid: Tensor | Array, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def grid_sample_backward(grad_output: Tensor | Array, input: Tensor | Array, grid: Tensor | Array, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool | None = None, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def linear(input: Array, weight: Array, bias: Array | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def linear(input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def linear_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, bias: Tensor | Array | None = None, *, needs: Sequence[bool] = (True, True, True), per_sample: bool = False) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def embedding(input: Array, weight: Array, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def embedding(input: Tensor | Array, weight: Tensor | Array, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def embedding_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, padding_idx: int | None = None, scale_grad_by_freq: bool = False) -> NDArray[Any]: ...
@overload
def local_response_norm(input: Array, size: Sizes | None, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def local_response_norm(input: Tensor | Array, size: Sizes | None, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def local_response_norm_backward(grad_output: Tensor | Array, input: Tensor | Array, size: Sizes | None, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> NDArray[Any]: ...
@overload
def softmax(input: Array, dim: int | Sequence[int] | None = None, *, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def softmax(input: Tensor | Array, dim: int | Sequence[int] | None = None, *, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def softmax_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, dtype: DTypeLike | None = None, output: Tensor | Array | None = None) -> NDArray[Any]: ...
@overload
def log_softmax(input: Array, dim: int | Sequence[int] | None = None, *, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def log_softmax(input: Tensor | Array, dim: int | Sequence[int] | None = None, *, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None) -> Tensor: ...
def log_softmax_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, dtype: DTypeLike | None = None, output: Tensor | Array | None = None) -> NDArray[Any]: ...
@overload
def nll_loss(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def nll_loss(input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', *, out: NDArray[Any] | None = None) -> Tensor: ...
def nll_loss_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, ignore_index: int = -100, reduction: str = 'mean') -> NDArray[Any]: ...
@overload
def cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', label_smoothing: float = 0.0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def cross_entropy(input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', label_smoothing: float = 0.0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def cross_entropy_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, ignore_index: int = -100, reduction: str = 'mean', label_smoothing: float = 0.0, *, needs: Sequence[bool] = (True, False)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def binary_cross_entropy(input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', *, out: NDArray[Any] | None = None) -> Tensor: ...
def binary_cross_entropy_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, reduction: str = 'mean', *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def binary_cross_entropy_with_logits(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', pos_weight: Array | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def binary_cross_entropy_with_logits(input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', pos_weight: Tensor | Array | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def binary_cross_entropy_with_logits_backward(grad_output: Tensor | Array, input: Tensor | Array, target: Tensor | Array, weight: Tensor | Array | None = None, reduction: str = 'mean', pos_weight: Tensor | Array | None = None, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def sum(input: Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def sum(input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def sum_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> NDArray[Any]: ...
@overload
def mean(input: Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def mean(input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def mean_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> NDArray[Any]: ...
@overload
def max(input: Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def max(input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def max_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> NDArray[Any]: ...
@overload
def min(input: Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def min(input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def min_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> NDArray[Any]: ...
@overload
def reshape(input: Array, shape: Sizes, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def reshape(input: Tensor | Array, shape: Sizes, *, out: NDArray[Any] | None = None) -> Tensor: ...
def reshape_backward(grad_output: Tensor | Array, input: Tensor | Array, shape: Sizes) -> NDArray[Any]: ...
@overload
def flatten(input: Array, start_dim: int = 0, end_dim: int = -1, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def flatten(input: Tensor | Array, start_dim: int = 0, end_dim: int = -1, *, out: NDArray[Any] | None = None) -> Tensor: ...
def flatten_backward(grad_output: Tensor | Array, input: Tensor | Array, start_dim: int = 0, end_dim: int = -1) -> NDArray[Any]: ...
@overload
def permute(input: Array, dims: Sequence[int], *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def permute(input: Tensor | Array, dims: Sequence[int], *, out: NDArray[Any] | None = None) -> Tensor: ...
def permute_backward(grad_output: Tensor | Array, input: Tensor | Array, dims: Sequence[int]) -> NDArray[Any]: ...
@overload
def transpose(input: Array, dim0: int, dim1: int, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def transpose(input: Tensor | Array, dim0: int, dim1: int, *, out: NDArray[Any] | None = None) -> Tensor: ...
def transpose_backward(grad_output: Tensor | Array, input: Tensor | Array, dim0: int, dim1: int) -> NDArray[Any]: ...
@overload
def squeeze(input: Array, dim: int | Sequence[int] | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def squeeze(input: Tensor | Array, dim: int | Sequence[int] | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def squeeze_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None = None) -> NDArray[Any]: ...
@overload
def unsqueeze(input: Array, dim: int | Sequence[int] | None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def unsqueeze(input: Tensor | Array, dim: int | Sequence[int] | None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def unsqueeze_backward(grad_output: Tensor | Array, input: Tensor | Array, dim: int | Sequence[int] | None) -> NDArray[Any]: ...
@overload
def concat(tensors: Sequence[Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def concat(tensors: Sequence[Tensor | Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def concat_backward(grad_output: Tensor | Array, tensors: Sequence[Array], dim: int | Sequence[int] | None = 0) -> list[NDArray[Any]]: ...
@overload
def stack(tensors: Sequence[Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def stack(tensors: Sequence[Tensor | Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def stack_backward(grad_output: Tensor | Array, tensors: Sequence[Array], dim: int | Sequence[int] | None = 0) -> list[NDArray[Any]]: ...
@overload
def getitem(input: Array, index: Any, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...
@overload
def getitem(input: Tensor | Array, index: Any, *, out: NDArray[Any] | None = None) -> Tensor: ...
def getitem_backward(grad_output: Tensor | Array, input: Tensor | Array, index: Any) -> NDArray[Any]: ...
@overload
def layer_norm(input: Array, normalized_shape: Sizes, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def layer_norm(input: Tensor | Array, normalized_shape: Sizes, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> Tensor: ...
def layer_norm_backward(grad_output: Tensor | Array, input: Tensor | Array, normalized_shape: Sizes, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, eps: float = 1e-05, statistics: tuple[NDArray[Any], NDArray[Any]] | None = None, *, needs: Sequence[bool] = (True, True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def group_norm(input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def group_norm(input: Tensor | Array, num_groups: int, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> Tensor: ...
def group_norm_backward(grad_output: Tensor | Array, input: Tensor | Array, num_groups: int, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, eps: float = 1e-05, statistics: tuple[NDArray[Any], NDArray[Any]] | None = None, *, needs: Sequence[bool] = (True, True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def instance_norm(input: Array, running_mean: Array | None = None, running_var: Array | None = None, weight: Array | None = None, bias: Array | None = None, use_input_stats: bool = True, momentum: float | None = 0.1, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def instance_norm(input: Tensor | Array, running_mean: Tensor | Array | None = None, running_var: Tensor | Array | None = None, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, use_input_stats: bool = True, momentum: float | None = 0.1, eps: float = 1e-05, *, out: NDArray[Any] | None = None) -> Tensor: ...
def instance_norm_backward(grad_output: Tensor | Array, input: Tensor | Array, running_mean: Tensor | Array | None = None, running_var: Tensor | Array | None = None, weight: Tensor | Array | None = None, bias: Tensor | Array | None = None, use_input_stats: bool = True, momentum: float | None = 0.1, eps: float = 1e-05, statistics: tuple[NDArray[Any], NDArray[Any]] | None = None, *, needs: Sequence[bool] = (True, True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...
@overload
def pad(input: Array, pad: Sequence[int], mode: str = 'constant', value: float | None = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def pad(input: Tensor | Array, pad: Sequence[int], mode: str = 'constant', value: float | None = None, *, out: NDArray[Any] | None = None) -> Tensor: ...
def pad_backward(grad_output: Tensor | Array, input: Tensor | Array, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> NDArray[Any]: ...
@overload
def pixel_shuffle(input: Array, upscale_factor: int, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def pixel_shuffle(input: Tensor | Array, upscale_factor: int, *, out: NDArray[Any] | None = None) -> Tensor: ...
def pixel_shuffle_backward(grad_output: Tensor | Array, input: Tensor | Array, upscale_factor: int) -> NDArray[Any]: ...
@overload
def pixel_unshuffle(input: Array, downscale_factor: int, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def pixel_unshuffle(input: Tensor | Array, downscale_factor: int, *, out: NDArray[Any] | None = None) -> Tensor: ...
def pixel_unshuffle_backward(grad_output: Tensor | Array, input: Tensor | Array, downscale_factor: int) -> NDArray[Any]: ...
@overload
def channel_shuffle(input: Array, groups: int, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def channel_shuffle(input: Tensor | Array, groups: int, *, out: NDArray[Any] | None = None) -> Tensor: ...
def channel_shuffle_backward(grad_output: Tensor | Array, input: Tensor | Array, groups: int) -> NDArray[Any]: ...
@overload
def prelu(input: Array, weight: Array, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def prelu(input: Tensor | Array, weight: Tensor | Array, *, out: NDArray[Any] | None = None) -> Tensor: ...
def prelu_backward(grad_output: Tensor | Array, input: Tensor | Array, weight: Tensor | Array, *, needs: Sequence[bool] = (True, True)) -> tuple[NDArray[Any] | None, NDArray[Any] | None]: ...
def conv1d_input(input_shape: Sequence[int], weight: Tensor | Array, grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def conv1d_weight(input: Tensor | Array, weight_shape: Sequence[int], grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def conv2d_input(input_shape: Sequence[int], weight: Tensor | Array, grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def conv2d_weight(input: Tensor | Array, weight_shape: Sequence[int], grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def conv3d_input(input_shape: Sequence[int], weight: Tensor | Array, grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def conv3d_weight(input: Tensor | Array, weight_shape: Sequence[int], grad_output: Tensor | Array, stride: Sizes | None = 1, padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1, *, precision: str | None = None) -> NDArray[Any]: ...
def one_hot(labels: Tensor | Array, num_classes: int = -1) -> NDArray[Any]: ...
@overload
def swish(input: Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def swish(input: Tensor | Array, inplace: bool = False, *, out: NDArray[Any] | None = None) -> Tensor: ...
def swish_backward(grad_output: Tensor | Array, input: Tensor | Array) -> NDArray[Any]: ...
@overload
def cat(tensors: Sequence[Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> NDArray[Any]: ...  # type: ignore[overload-overlap]
@overload
def cat(tensors: Sequence[Tensor | Array], dim: int | Sequence[int] | None = 0, *, out: NDArray[Any] | None = None) -> Tensor: ...
def cat_backward(grad_output: Tensor | Array, tensors: Sequence[Array], dim: int | Sequence[int] | None = 0) -> list[NDArray[Any]]: ...

__all__ = [
    "relu",
    "relu_backward",
    "relu6",
    "relu6_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "elu",
    "elu_backward",
    "sigmoid",
    "sigmoid_backward",
    "tanh",
    "tanh_backward",
    "silu",
    "silu_backward",
    "mish",
    "mish_backward",
    "softplus",
    "softplus_backward",
    "hardswish",
    "hardswish_backward",
    "hardsigmoid",
    "hardsigmoid_backward",
    "gelu",
    "gelu_backward",
    "add",
    "add_backward",
    "sub",
    "sub_backward",
    "mul",
    "mul_backward",
    "div",
    "div_backward",
    "pow",
    "pow_backward",
    "maximum",
    "maximum_backward",
    "minimum",
    "minimum_backward",
    "neg",
    "neg_backward",
    "exp",
    "exp_backward",
    "log",
    "log_backward",
    "sqrt",
    "sqrt_backward",
    "abs",
    "abs_backward",
    "clip",
    "clip_backward",
    "where",
    "where_backward",
    "matmul",
    "matmul_backward",
    "max_pool1d",
    "max_pool1d_backward",
    "min_pool1d",
    "min_pool1d_backward",
    "avg_pool1d",
    "avg_pool1d_backward",
    "lp_pool1d",
    "lp_pool1d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "min_pool2d",
    "min_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "lp_pool2d",
    "lp_pool2d_backward",
    "max_pool3d",
    "max_pool3d_backward",
    "min_pool3d",
    "min_pool3d_backward",
    "avg_pool3d",
    "avg_pool3d_backward",
    "lp_pool3d",
    "lp_pool3d_backward",
    "global_avg_pool",
    "global_avg_pool_backward",
    "global_max_pool",
    "global_max_pool_backward",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool1d_backward",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_backward",
    "max_unpool1d",
    "max_unpool1d_backward",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_backward",
    "max_unpool2d",
    "max_unpool2d_backward",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool3d_backward",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_backward",
    "max_unpool3d",
    "max_unpool3d_backward",
    "affine_grid",
    "affine_grid_backward",
    "batch_norm",
    "batch_norm_backward",
    "conv1d",
    "conv1d_backward",
    "conv_transpose1d",
    "conv_transpose1d_backward",
    "conv2d",
    "conv2d_backward",
    "conv_transpose2d",
    "conv_transpose2d_backward",
    "conv3d",
    "conv3d_backward",
    "conv_transpose3d",
    "conv_transpose3d_backward",
    "mse_loss",
    "mse_loss_backward",
    "l1_loss",
    "l1_loss_backward",
    "smooth_l1_loss",
    "smooth_l1_loss_backward",
    "huber_loss",
    "huber_loss_backward",
    "dropout",
    "dropout_backward",
    "dropout1d",
    "dropout1d_backward",
    "dropout2d",
    "dropout2d_backward",
    "dropout3d",
    "dropout3d_backward",
    "interpolate",
    "interpolate_backward",
    "grid_sample",
    "grid_sample_backward",
    "linear",
    "linear_backward",
    "embedding",
    "embedding_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "softmax",
    "softmax_backward",
    "log_softmax",
    "log_softmax_backward",
    "nll_loss",
    "nll_loss_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "sum",
    "sum_backward",
    "mean",
    "mean_backward",
    "max",
    "max_backward",
    "min",
    "min_backward",
    "reshape",
    "reshape_backward",
    "flatten",
    "flatten_backward",
    "permute",
    "permute_backward",
    "transpose",
    "transpose_backward",
    "squeeze",
    "squeeze_backward",
    "unsqueeze",
    "unsqueeze_backward",
    "concat",
    "concat_backward",
    "stack",
    "stack_backward",
    "getitem",
    "getitem_backward",
    "layer_norm",
    "layer_norm_backward",
    "group_norm",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_backward",
    "pad",
    "pad_backward",
    "pixel_shuffle",
    "pixel_shuffle_backward",
    "pixel_unshuffle",
    "pixel_unshuffle_backward",
    "channel_shuffle",
    "channel_shuffle_backward",
    "prelu",
    "prelu_backward",
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
    "one_hot",
    "swish",
    "swish_backward",
    "cat",
    "cat_backward",
]
