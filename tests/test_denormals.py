"""Floating-point state: kernels flush denormals on every thread and leave the caller's mode and flags alone."""

import ctypes
import ctypes.util
import platform
import time

import numpy as np
import pytest

import fastconv as fc

F = np.float32
TINY = 1e-40
FE_UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())


@pytest.fixture
def denormals_kept():
    fc.set_flush_denormal(False)
    yield
    fc.set_flush_denormal(True)


def images(value):
    return np.full((16, 8, 32, 32), value, F)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_thread_takes_denormals_for_zero(isa, threads):
    with fc.threads(threads):
        y = fc.conv2d(images(TINY), np.ones((8, 8, 3, 3), F))
        pooled = fc.avg_pool2d(images(TINY), 2)
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(pooled, 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_denormals_are_computed_with_on_request(isa, threads, denormals_kept):
    with fc.threads(threads):
        y = fc.conv2d(images(TINY), np.ones((8, 8, 1, 1), F))
    np.testing.assert_array_equal(y, 8 * F(TINY))


def test_denormals_do_not_slow_a_kernel():
    def seconds(x):
        samples = []
        for _ in range(20):
            start = time.thread_time()
            fc.conv2d(x, w, groups=8)
            samples.append(time.thread_time() - start)
        return min(samples)

    w = np.full((8, 1, 7, 7), 0.5, F)
    with fc.threads(1):  # others are waited for in a loop, which counts
        seconds(images(1))
        assert seconds(images(TINY)) < 5 * seconds(images(1))


def test_the_callers_denormals_survive_a_call():
    fc.conv2d(images(TINY), np.ones((8, 8, 3, 3), F))
    assert F(TINY) * F(0.5) != 0
    assert np.full(100, TINY, F).sum() > 0


def test_numpy_hears_nothing_of_overflow_inside_a_kernel():
    with np.errstate(all="raise"):
        y = fc.conv2d(images(3e38), np.ones((8, 8, 3, 3), F))
    assert np.isinf(y).all()


@pytest.mark.skipif(FE_UPWARD is None or not ctypes.util.find_library("m"), reason="needs fesetround")
def test_the_callers_rounding_is_kept_and_changes_no_bit():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 8, 32, 32), F), rng.standard_normal((8, 8, 3, 3), F)
    want = fc.conv2d(x, w).tobytes()
    nearest = libm.fegetround()
    libm.fesetround(FE_UPWARD)
    try:
        got = {}
        for threads in (1, 2):
            with fc.threads(threads):
                got[threads] = fc.conv2d(x, w).tobytes()
        mode = libm.fegetround()
    finally:
        libm.fesetround(nearest)
    assert mode == FE_UPWARD
    assert got == {1: want, 2: want}
