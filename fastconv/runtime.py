"""Threads, instruction set and scratch memory: what runs, and how much of the machine it takes."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _core
from .geometry.arguments import PRECISIONS, choice, integer
from .geometry.arrays import value_error

MAX_THREADS = 1024


def available_cpus(root: str | os.PathLike[str] = "/") -> int:
    """CPUs this process may use at once: its affinity mask, cut by the quota of its control groups."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota, period in _quotas(root):
        if 0 < quota < cpus * period:
            cpus = math.ceil(quota / period)
    return max(1, cpus)


# (quota, period) of every control group around this process, innermost first, in both versions of the file system.
def _quotas(root: str | os.PathLike[str]) -> Iterator[tuple[int, int]]:
    try:
        groups = _read(root, "proc/self/cgroup").splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount, names = ("cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us")) if controllers else ("", ("cpu.max",))
        around = path.strip("/").split("/")
        for depth in range(len(around), -1, -1):
            folder = os.path.join(root, "sys/fs/cgroup", mount, *around[:depth])
            try:
                quota, period = " ".join(_read(folder, name) for name in names).split()
                yield int(quota), int(period)
            except (OSError, ValueError):
                continue  # no such file, or no limit: "max"


def _read(folder: str | os.PathLike[str], name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def _from_environment() -> int | None:
    for name in ("FASTCONV_NUM_THREADS", "OMP_NUM_THREADS"):
        word = os.environ.get(name, "").split(",")[0].strip()
        if word.isdecimal() and int(word) > 0:
            return min(int(word), MAX_THREADS)
        if word and name.startswith("FASTCONV"):
            raise value_error("fastconv", name, f"is {word!r}", "a positive integer")
    return None


def set_num_threads(n: int) -> None:
    """Use `n` threads for every call that no `threads(...)` context governs.

    The first value is FASTCONV_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs that affinity and cgroup quota allow.
    Results have the same bits for every `n`. Raises TypeError or ValueError unless 1 <= n <= 1024.

    >>> import fastconv
    >>> before = fastconv.get_num_threads()
    >>> fastconv.set_num_threads(1); fastconv.get_num_threads()
    1
    >>> fastconv.set_num_threads(before)
    """
    _core.set_default_threads(_thread_count("set_num_threads", n))


def get_num_threads() -> int:
    """Threads that a call made here and now would use.

    >>> import fastconv
    >>> fastconv.get_num_threads() >= 1
    True
    """
    return _core.get_threads()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads inside the block; local to the thread and the asyncio task.

    Raises TypeError or ValueError unless 1 <= n <= 1024.

    >>> import fastconv
    >>> with fastconv.threads(1):
    ...     fastconv.get_num_threads()
    1
    """
    token = _core.use_local_threads(_thread_count("threads", n))
    try:
        yield
    finally:
        _core.local_threads.reset(token)


@contextmanager
def precision(mode: str) -> Iterator[None]:
    """How convolutions inside the block may round; local to the thread and the asyncio task.

    "exact": direct summation only, so that small integers give exact results. "default": Winograd's F(4x4, 3x3) where
    it pays; error at most 32 eps max sum |x||w|. "fast": reduced precision where the machine computes it faster; no
    kernel does so yet, and "fast" computes as "default". A call's own `precision=` goes before the block's. Recorded
    gradients are computed as their forward was. Raises TypeError or ValueError for another mode.

    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 16, 8, 8), np.float32), np.ones((16, 16, 3, 3), np.float32)
    >>> with fastconv.precision("exact"):
    ...     fastconv.conv2d(x, w).max()
    np.float32(144.0)
    """
    token = _core.use_local_precision(PRECISIONS.index(choice("precision", "mode", mode, PRECISIONS)))
    try:
        yield
    finally:
        _core.local_precision.reset(token)


def _thread_count(op: str, n: Any) -> int:
    n = integer(op, "n", n, 1)
    if n > MAX_THREADS:
        raise value_error(op, "n", f"is {n}", f"at most {MAX_THREADS}")
    return n


def set_flush_denormal(mode: bool) -> None:
    """Whether kernels take denormal numbers (below 1.2e-38 in float32) for zero; at the start they do.

    On some processors a denormal costs a hundred times a normal number. Only kernels are concerned: the floating-point
    mode of the caller stays as it is. Corresponds to `torch.set_flush_denormal`.

    >>> import numpy as np, fastconv
    >>> tiny = np.full((1, 1, 1), 1e-40, np.float32)
    >>> fastconv.set_flush_denormal(False)
    >>> bool(fastconv.conv1d(tiny, np.ones((1, 1, 1), np.float32)) == tiny)
    True
    >>> fastconv.set_flush_denormal(True)
    """
    _core.set_flush_denormals(mode)


def release_scratch() -> None:
    """Give the memory that kernels keep between calls, and that of freed results, back to the system.

    >>> import fastconv
    >>> fastconv.release_scratch()
    """
    _core.release_scratch()


def configuration() -> dict[str, Any]:
    """What `show_config` prints, as a dictionary."""
    from . import __version__

    return {
        "fastconv": __version__,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "instruction sets": ", ".join(_core.isa_levels()),
        "in use": _core.isa(),
        "openmp": _core.openmp(),
        "threads": _core.get_threads(),
        "precision": PRECISIONS[_core.get_precision()],
        "cpus available": available_cpus(),
        "scratch held": f"{_core.scratch_bytes()} bytes",
        "freed results held": f"{_core.freed_bytes()} bytes",
    }


def show_config() -> None:
    """Print version, instruction sets compiled in and in use, OpenMP runtime and threads.

    >>> import fastconv
    >>> fastconv.show_config()  # doctest: +ELLIPSIS
    fastconv...
    """
    for name, value in configuration().items():
        print(f"{name:17s} {value}")


def _start() -> None:
    name = os.environ.get("FASTCONV_ISA", "")
    if not _core.use_isa(name):
        raise value_error("fastconv", "FASTCONV_ISA", f"is {name!r}", f"one of {', '.join(_core.isa_levels())}")
    _core.set_default_threads(_from_environment() or available_cpus())


_start()
