"""explain(): what a call computes with, why, and how far that is from what this machine can do."""

import functools
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core
from .geometry.arguments import PRECISIONS
from .geometry.arrays import FLOAT64, ndarray, type_error
from .geometry.conv import precision_code
from .op import Op
from .ops import OPS
from .ops.conv import passes
from .tensor import Tensor, no_grad


@dataclass(frozen=True)
class Explanation:
    """What `explain` found out. Times are seconds, rates per second; `flops` counts a multiply-add as two.

    `flops` are those of the definition: Winograd does fewer, so that `percent` may pass 100. `bytes` reads every input
    once and writes every result once. `roofline` is the least time that either allows, `bound` names which.
    """

    op: str
    kernel: str
    reason: str
    isa: str
    dtype: str
    threads: int
    precision: str
    flops: int
    bytes: int
    peak_flops: float
    bandwidth: float
    seconds: float

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / self.bytes if self.bytes else 0.0

    @property
    def roofline(self) -> float:
        """Seconds below which this machine cannot go, by `peak_flops` and `bandwidth`."""
        return max(self.flops / self.peak_flops, self.bytes / self.bandwidth)

    @property
    def bound(self) -> str:
        """'compute' or 'memory', whichever takes longer."""
        return "compute" if self.flops / self.peak_flops > self.bytes / self.bandwidth else "memory"

    @property
    def percent(self) -> float:
        """The measured speed in percent of the roofline."""
        return 100 * self.roofline / self.seconds

    def __str__(self) -> str:
        peak, speed = self.peak_flops / 1e9, self.flops / self.seconds / 1e9
        rows = {
            "op": self.op,
            "kernel": self.kernel,
            "why": self.reason,
            "machine": f"{self.isa}, {self.dtype}, {self.threads} thread{'s' * (self.threads > 1)}, "
            f"precision {self.precision}",
            "work": f"{self.flops / 1e6:.6g} MFLOP, {self.bytes / 1e6:.6g} MB, {self.intensity:.3g} FLOP/byte",
            "limits": f"{peak:.4g} GFLOP/s, {self.bandwidth / 1e9:.3g} GB/s (measured)",
            "roofline": f"{_duration(self.roofline)}, bound by {self.bound}",
            "measured": f"{_duration(self.seconds)}, {speed:.4g} GFLOP/s, {self.percent:.3g} % of the roofline",
        }
        return "\n".join(f"{name:9s} {value}" for name, value in rows.items())


# Seconds in the unit that fits.
def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e6:.4g} µs"


def explain(op: Callable, *args: Any, **kwargs: Any) -> Explanation:
    """Run `op(*args, **kwargs)`, print what it computes with and how fast, and return that.

    op: an operation of fastconv, such as `fastconv.conv2d`, or the plain backward of one. The call is made several
    times, and the machine's peak rate and memory bandwidth are measured once for each number of threads, which takes a
    moment; arguments are not changed. For convolutions `kernel` and `reason` come from the table by which the
    kernels choose. Raises TypeError for anything that is no operation, and what the call itself raises.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 32, 56, 56), np.float32), np.ones((32, 32, 3, 3), np.float32)
    >>> found = fastconv.explain(fastconv.conv2d, x, w, padding=1)  # doctest: +ELLIPSIS
    op        conv2d
    kernel    winograd
    why       F(4, 3) tiles take fewer ...
    >>> found.flops
    57802752
    """
    operation, backward = _operation_of(op)
    name = f"{operation.name}_backward" if backward else operation.name
    import inspect

    signature = inspect.signature(operation.backward if backward else operation.forward)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    if not operation.name.startswith("conv"):  # some update an argument in place
        arguments = {key: _copied(value) for key, value in arguments.items()}
    call = functools.partial(op, **arguments)
    with no_grad():
        result, seconds = _measured(call)
    given, made = _arrays(arguments.values()), _arrays([result])
    floats = [a.dtype for a in given + made if a.dtype.kind == "f"]
    kind = int(FLOAT64 in floats)
    threads = _core.get_threads()
    kernel, reason, flops = _kernel(operation, name, arguments, kind, made)
    code = precision_code(name, arguments.get("precision"))
    found = Explanation(
        op=name,
        kernel=kernel,
        reason=reason,
        isa=_core.isa(),
        dtype=str(floats[0]) if floats else "none",
        threads=threads,
        precision=PRECISIONS[_core.get_precision() if code < 0 else code],
        flops=flops,
        bytes=sum(a.nbytes for a in given + made),
        peak_flops=_peak(threads, kind, _core.isa()),
        bandwidth=_bandwidth(threads),
        seconds=seconds,
    )
    print(found)
    return found


def _copied(value: Any) -> Any:
    value = value.data if isinstance(value, Tensor) else value
    return np.array(value) if isinstance(value, ndarray) else value


def _operation_of(op: Any) -> tuple[Op, bool]:
    for operation in OPS.values():
        if op is operation.public:
            return operation, False
        if op is operation.public_backward and op is not None:
            return operation, True
    raise type_error("explain", "op", f"is {op!r}", "an operation of fastconv or its backward")


def _arrays(values: Any) -> list[ndarray]:
    found = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += _arrays(value)
        elif isinstance(value, Tensor):
            found.append(value.data)
        elif isinstance(value, ndarray) or hasattr(value, "_fastconv_prepared"):
            found.append(np.asarray(value))
    return found


# Kernel, reason and floating-point operations: of convolutions by the kernels' own table, of others in general.
def _kernel(operation: Op, name: str, arguments: dict, kind: int, made: list[ndarray]) -> tuple[str, str, int]:
    if operation.name.startswith("conv"):
        return _convolution(name, arguments, kind)
    flops = sum(a.size for a in made)
    if operation.name in ("linear", "matmul"):
        inner = np.asarray(next(iter(arguments.values()))).shape[-1]
        reason = "few rows are inner products in place, many run on the convolution kernels, the smallest on NumPy"
        return "matrix product", reason, 2 * flops * inner
    module = sys.modules[operation.forward.__module__]
    if "pool" in operation.name:
        return "plane kernel", "lanes run along the rows of each plane", flops
    if hasattr(module, "_core"):
        return "vector pass", "one pass over memory, fused", flops
    return "NumPy", "NumPy runs it at memory speed", flops


def _convolution(name: str, arguments: dict, kind: int) -> tuple[str, str, int]:
    code = precision_code(name, arguments.get("precision"))
    kernels, reasons, flops = [], [], 0
    calls = passes(name, arguments)
    for label, number, geometry in calls:
        choices = geometry.choices(number, kind, code)
        for choice in dict.fromkeys(choices):
            prefix = f"{label}: " if len(calls) > 1 else ""
            several = f" ({choices.count(choice)} phases)" if len(choices) > 1 else ""
            kernels.append(prefix + choice[0] + several)
            reasons.append(prefix + choice[1])
        flops += 2 * geometry.macs
    return "; ".join(kernels), "; ".join(dict.fromkeys(reasons)), flops


# The result, and the shortest of several runs.
def _measured(call: Callable) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    first = time.perf_counter() - start
    runs = max(3, min(1000, math.ceil(0.1 / max(first, 1e-9))))
    return result, min(_timed(call) for _ in range(runs))


def _timed(call: Callable) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


# Work done per second by `threads` threads that each call `work`, which releases the GIL and returns its amount.
def _rate(threads: int, work: Callable[[], float]) -> float:
    from concurrent.futures import ThreadPoolExecutor

    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            start = time.perf_counter()
            done = sum(pool.map(lambda _: work(), range(threads)))
            best = max(best, done / (time.perf_counter() - start))
    return best


@functools.cache
def _peak(threads: int, kind: int, isa: str) -> float:
    return _rate(threads, lambda: _core.fma_probe(1_000_000, kind))


# A copy reads and writes: two bytes moved for each.
@functools.cache
def _bandwidth(threads: int) -> float:
    size = 1 << 22
    pairs = [(np.ones(size), np.ones(size)) for _ in range(threads)]

    def copy() -> float:
        pair = pairs.pop()
        np.copyto(*pair)
        pairs.append(pair)
        return 2 * pair[0].nbytes

    return _rate(threads, copy)
