"""The two limits of this machine, measured like a contender in the same rounds: arithmetic and memory."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

MATRIX = 1024
PROBE_ROUNDS = 1_000_000


def fma_peak(dtype, threads):
    """A call that does a known number of multiply-adds, that number in FLOPs, and what it is.

    fastconv's probe keeps the FMA units of a core busy from registers, one probe a thread. Without fastconv,
    a matrix product gives a lower bound.
    """
    probe = getattr(sys.modules.get("fastconv._core"), "fma_probe", None)
    if probe is not None:
        double = int(np.dtype(dtype) == np.float64)
        return (
            spread(partial(probe, PROBE_ROUNDS, double), threads),
            threads * probe(PROBE_ROUNDS, double),
            "FMA probe",
        )
    a, b = np.ones((2, MATRIX, MATRIX), dtype)
    out = np.empty_like(a)
    return (lambda: np.matmul(a, b, out=out)), 2 * MATRIX**3, "NumPy matmul, a lower bound of the FMA peak"


# A call that runs `work` on every thread at once; it must release the GIL.
def spread(work, threads):
    if threads == 1:
        return work
    pool = ThreadPoolExecutor(threads)
    return lambda: [future.result() for future in [pool.submit(work) for _ in range(threads)]]


def stream(read, written, threads):
    """A call that reads `read` bytes and writes `written` bytes once, from and to the same warm arrays."""
    source, target = np.ones(read // 4, np.float32), np.ones(written // 4, np.float32)
    if threads == 1 or read + written < 1 << 20:  # handing over to Python threads costs more than it saves
        return lambda: move(source, target)
    pool = ThreadPoolExecutor(threads)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    return lambda: list(pool.map(move, *zip(*parts, strict=True)))


def move(source, target):
    both = min(source.size, target.size)
    np.copyto(target[:both], source[:both])
    if source.size > both:
        source[both:].max()
    target[both:].fill(1)
