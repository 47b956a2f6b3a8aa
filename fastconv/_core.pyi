"""Types of the compiled core. Arrays are C-contiguous, of one dtype, float32 or float64, checked by the caller."""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

import numpy as np
from numpy import dtype, ndarray

local_threads: ContextVar[int]

def set_default_threads(count: int) -> None: ...
def use_local_threads(count: int) -> Token[int]: ...
def get_threads() -> int: ...
def note_main_thread() -> None: ...

local_precision: ContextVar[int]

def use_local_precision(code: int) -> Token[int]: ...
def get_precision() -> int: ...
def isa_levels() -> list[str]: ...
def use_isa(name: str) -> bool: ...
def isa() -> str: ...
def openmp() -> str: ...
def set_flush_denormals(on: bool) -> None: ...
def fma_probe(rounds: int, type: int = ...) -> float: ...
def release_scratch() -> None: ...
def scratch_bytes() -> int: ...
def freed_bytes() -> int: ...
def empty(shape: tuple[int, ...], dtype: dtype) -> ndarray: ...
def plain(x: Any, y: Any = ..., z: Any = ..., w: Any = ...) -> bool: ...

class ConvGeometry:
    def __init__(
        self,
        N: Any,
        C: Any,
        K: Any,
        G: Any,
        input: Any,
        output: Any,
        kernel: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
    ) -> None: ...
    @property
    def macs(self) -> int: ...
    def takes_last(self, type: int, precision: int = ...) -> bool: ...
    def packed_bytes(self, forward: bool, type: int, precision: int = ...) -> int: ...
    def choices(self, backward_pass: int, type: int, precision: int) -> list[tuple[str, str]]: ...

def conv_forward(
    geometry: ConvGeometry,
    input: ndarray,
    weight: ndarray,
    bias: ndarray | None,
    residual: ndarray | None,
    activation: int,
    output: ndarray,
    precision: int = ...,
    packed: ndarray | None = ...,
) -> ndarray: ...
def conv_last(
    geometry: ConvGeometry,
    input: ndarray,
    weight: ndarray,
    bias: ndarray | None,
    residual: ndarray | None,
    activation: int,
    output: ndarray,
    precision: int = ...,
) -> ndarray: ...
def conv_grad_input(
    geometry: ConvGeometry,
    grad_output: ndarray,
    weight: ndarray,
    bias: ndarray | None,
    residual: ndarray | None,
    activation: int,
    grad_input: ndarray,
    precision: int = ...,
    packed: ndarray | None = ...,
) -> ndarray: ...
def conv_pack(
    geometry: ConvGeometry, forward: bool, weight: ndarray, packed: ndarray, precision: int = ...
) -> None: ...
def conv_grad_weight(
    geometry: ConvGeometry, grad_output: ndarray, input: ndarray, grad_weight: ndarray, precision: int = ...
) -> ndarray: ...
def conv_grad_chosen(
    geometry: ConvGeometry,
    number: int,
    values: ndarray,
    positions: ndarray,
    other: ndarray,
    result: ndarray,
    precision: int = ...,
) -> bool: ...

class ChosenCells:
    values: ndarray
    positions: ndarray
    shape: tuple[int, ...]
    def __init__(
        self,
        values: ndarray,
        positions: ndarray,
        shape: tuple[int, ...],
        fill: Callable[[ndarray, ndarray, tuple[int, ...]], ndarray],
    ) -> None: ...
    def array(self) -> ndarray: ...

def affine(input: ndarray, weight: ndarray, bias: ndarray | None, output: ndarray) -> ndarray: ...
def channel_sum(outer: int, channels: int, inner: int, x: ndarray, result: ndarray) -> ndarray: ...

def pick(
    extent: tuple[int, int, int], result: tuple[int, int, int], index: ndarray, value: float, x: ndarray, y: ndarray
) -> ndarray: ...
def resample(
    outer: int, inner: int, bounds: ndarray, columns: ndarray, weights: ndarray, x: ndarray, y: ndarray
) -> ndarray: ...
def resample_grad(
    bounds: ndarray,
    columns: ndarray,
    weights: ndarray,
    x: ndarray,
    grad_output: ndarray,
    grad_x: ndarray | None,
    grad_weights: ndarray | None,
) -> None: ...
def correlate(
    outer: int,
    rows: tuple[int, int, int, int, ndarray | None, float, float],
    columns: tuple[int, int, int, int, ndarray | None, float, float],
    x: ndarray,
    kernel: ndarray | None,
    roots: ndarray | None,
    down: ndarray | None,
    along: ndarray | None,
    y: ndarray,
) -> bool: ...
def all_finite(x: ndarray) -> bool: ...
def reorder(outer: int, rows: int, columns: int, x: ndarray, y: ndarray) -> ndarray: ...

class PreparedWeight:
    @property
    def array(self) -> ndarray: ...
    @property
    def dtype(self) -> np.dtype: ...
    @property
    def made(self) -> dict[tuple[Any, ...], ndarray | None]: ...
    def __init__(self, array: ndarray, dtype: np.dtype) -> None: ...
    def packed(self, geometry: ConvGeometry, forward: bool, precision: int) -> ndarray | None: ...

class ConvCalls:
    def __init__(self, rank: int, transposed: bool, activations: dict[str, int]) -> None: ...
    def remember(
        self,
        geometry: ConvGeometry,
        input: ndarray,
        weight: ndarray,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: Any,
        output_padding: Any = ...,
    ) -> None: ...
    def forward(self, *args: Any) -> ndarray | None: ...
    def backward(self, *args: Any, **kwargs: Any) -> tuple[ndarray | None, ...] | None: ...

class TransposeCalls(ConvCalls): ...

class PoolGeometry:
    def __init__(
        self,
        planes: Any,
        input: Any,
        output: Any,
        kernel: Any = ...,
        stride: Any = ...,
        padding: Any = ...,
        dilation: Any = ...,
        asked_kernel: Any = ...,
        asked_padding: Any = ...,
        divisor: Any = ...,
        count_padding: Any = ...,
    ) -> None: ...
    @property
    def cells(self) -> int: ...

def pool_forward(
    geometry: PoolGeometry, kind: int, input: ndarray, output: ndarray, indices: ndarray | None
) -> ndarray: ...
def pool_grad_mean(geometry: PoolGeometry, grad_output: ndarray, grad_input: ndarray) -> ndarray: ...
def pool_scatter(planes: int, source: ndarray, indices: ndarray, result: ndarray, add: bool) -> bool: ...
def pool_gather(planes: int, source: ndarray, indices: ndarray, result: ndarray) -> bool: ...
def activation(
    code: int,
    input: ndarray,
    output: ndarray | None,
    a: float = ...,
    b: float = ...,
    grad_output: Any = ...,
    slopes: ndarray | None = ...,
    rows: int = ...,
) -> ndarray: ...
def softmax(
    kind: int, outer: int, C: int, inner: int, input: ndarray, output: ndarray, grad_output: Any = ..., scale: Any = ...
) -> ndarray: ...
def norm_moments(A: int, B: int, L: int, x: ndarray, mean: ndarray, variance: ndarray) -> ndarray: ...
def norm_sums(
    A: int,
    B: int,
    L: int,
    g: ndarray,
    x: ndarray,
    mean: ndarray,
    total: ndarray,
    product: ndarray,
    scale: Any = ...,
    weight: Any = ...,
    gate: Any = ...,
) -> ndarray: ...
def norm_apply(
    L: int,
    period: int,
    g: Any,
    x: ndarray,
    mean: ndarray,
    scale: ndarray,
    slope: Any,
    shift: Any,
    weight: Any,
    y: ndarray,
    residual: Any = ...,
    gate: Any = ...,
    relu: bool = ...,
) -> ndarray: ...
def norm_layer(
    rows: int,
    L: int,
    x: ndarray,
    weight: ndarray | None,
    bias: ndarray | None,
    eps: float,
    mean: ndarray,
    inverse: ndarray,
    y: ndarray,
) -> ndarray: ...
def norm_fold(
    weight: ndarray,
    bias: ndarray | None,
    mean: ndarray,
    variance: ndarray,
    gain: ndarray | None,
    offset: ndarray | None,
    eps: float,
) -> tuple[ndarray, ndarray]: ...
def norm_batch(
    A: int,
    B: int,
    L: int,
    x: ndarray,
    gain: Any,
    shift: Any,
    residual: Any,
    eps: float,
    relu: bool,
    mean: ndarray,
    variance: ndarray,
    inverse: ndarray,
    y: ndarray,
) -> None: ...
def norm_batch_grad(
    A: int,
    B: int,
    L: int,
    g: ndarray,
    x: ndarray,
    mean: ndarray,
    inverse: ndarray,
    scale: ndarray,
    gate: Any,
    total: ndarray,
    product: ndarray,
    y: ndarray,
    output: Any = None,
    passed: Any = None,
) -> None: ...
def optimise(
    kind: int,
    parameter: ndarray,
    gradient: ndarray,
    momentum: Any,
    square: Any,
    top: Any,
    lr: float,
    beta1: float = ...,
    beta2: float = ...,
    keep: float = ...,
    correction: float = ...,
    eps: float = ...,
    decay: float = ...,
    shrink: float = ...,
    first: bool = ...,
    nesterov: bool = ...,
    maximize: bool = ...,
) -> ndarray: ...
