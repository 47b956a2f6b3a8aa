"""Memory: too little of it is a MemoryError before anything runs; scratch stays within the documented bound."""

import math
import sys

import numpy as np
import pytest

import fastconv as fc
from fastconv import _core
from fastconv.compat import ndimage
from fastconv.compat._correlate import SMALL_KERNEL, taps_along
from fastconv.ops.correlate import correlate_planes, correlate_spectra
from interpreter import CALL, run

MIB = 1 << 20


def test_a_result_too_large_for_memory_is_a_memory_error():
    x, w = np.ones((1, 1, 2, 2), np.float32), np.ones((1, 1, 1, 1), np.float32)
    with pytest.raises(MemoryError):
        fc.conv2d(x, w, padding=1 << 22)
    with pytest.raises(MemoryError):
        fc.conv_transpose2d(x, w, stride=1 << 23)
    assert fc.conv2d(x, w).sum() == 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and RLIMIT_AS")
def test_scratch_that_does_not_fit_is_a_memory_error_before_any_thread_starts():
    code = """
import resource
weight, y = np.zeros((1024, 1024, 3, 3), np.float32), np.empty((1, 1024, 16, 16), np.float32)
fc.set_num_threads(2)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 20), resource.RLIM_INFINITY))
before = alive()
try:
    fc.conv2d_input(y.shape, weight, y, padding=1)
except MemoryError as error:
    assert "scratch" in str(error), error
    assert alive() == before
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(len(call()))
"""
    assert run(CALL, code) == str(4 * 16 * 40 * 40 * 4)


# (N, C, *spatial), (K, C / groups, *kernel), parameters: every way of computing.
LAYERS = [
    ((1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    ((16, 128, 7, 7), (128, 128, 3, 3), {"padding": 1}),
    ((1, 256, 14, 14), (256, 256, 3, 3), {"padding": 1}),
    ((2, 64, 28, 28), (128, 64, 3, 3), {"stride": 2, "padding": 1}),
    ((4, 64, 28, 28), (256, 64, 1, 1), {}),
    ((1, 3, 112, 112), (64, 3, 7, 7), {"stride": 2, "padding": 3}),
    ((2, 96, 28, 28), (96, 1, 7, 7), {"padding": 3, "groups": 96}),
    ((1, 128, 28, 28), (128, 4, 3, 3), {"padding": 1, "groups": 32}),
    ((1, 256, 14, 14), (256, 1, 5, 5), {"padding": 2, "groups": 256}),
    ((1, 1, 512, 512), (1, 1, 15, 15), {}),
    ((1, 64, 4000), (64, 64, 9), {"padding": 4}),
    ((1, 16, 64000), (32, 16, 2), {"dilation": 8}),
    ((1, 16, 8, 28, 28), (32, 16, 3, 3, 3), {"padding": 1}),
    ((1, 256, 28, 28), (256, 256, 2, 2), {}),
    ((1, 128, 40, 40), (128, 128, 4, 4), {"stride": 2, "padding": 1}),
    ((1, 64, 8, 8), (256, 64, 4, 4), {"stride": 2, "padding": 1}),
    ((1, 64, 27, 27), (192, 64, 5, 5), {"padding": 2}),
    ((1, 128, 33, 33), (64, 128, 3, 3), {"padding": 18, "dilation": 18}),
    ((1, 704, 13, 13), (256, 704, 3, 3), {"padding": 8, "dilation": 8}),
    ((1, 64, 64, 64), (64, 64, 3, 3), {"padding": 16, "dilation": 16}),
    ((1, 32, 200, 200), (32, 32, 3, 3), {"padding": 60, "dilation": 60}),
    ((1, 256, 40, 40), (256, 256, 3, 3), {"padding": 1}),
    ((2, 256, 60, 60), (2, 256, 3, 3), {"padding": 1}),
    ((1, 3, 20, 20), (4, 3, 3, 3), {"padding": 3000, "dilation": 3000}),
    ((1, 16, 9, 9), (16, 16, 3, 3), {"padding": 5000, "stride": 5000}),
    ((1, 1, 160, 160), (21, 1, 32, 32), {"stride": 16, "padding": 8}),
    ((1, 8, 96, 6000), (16, 8, 8, 8), {"stride": 8}),
    ((1, 64, 1, 16000), (64, 64, 1, 4), {"stride": (1, 4)}),
    ((1, 16, 5, 20, 33), (1, 16, 2, 2, 3), {"stride": 2, "padding": 65, "dilation": 64}),
    ((1, 3, 20, 20, 20), (8, 3, 3, 3, 3), {"padding": 17, "dilation": 17}),
]


def scratch_of(call):
    fc.release_scratch()
    call()
    return _core.scratch_bytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("x_shape", "w_shape", "parameters"), LAYERS, ids=str)
def test_scratch_of_a_convolution_is_within_its_bound(isa, x_shape, w_shape, parameters, dtype, threads):
    """11 times the weight, and for each thread and once more 4 MiB and the longest rows of all channels."""
    x, w = np.ones(x_shape, dtype), np.ones(w_shape, dtype)
    rank = len(x_shape) - 2
    conv, grad_input, grad_weight = (getattr(fc, f"conv{rank}d{end}") for end in ("", "_input", "_weight"))
    y = conv(x, w, **parameters)
    rows = (x.shape[1] * x.shape[-1] + y.shape[1] * y.shape[-1]) * x.itemsize
    bound = 11 * w.nbytes + (threads + 1) * (4 * MIB + rows)
    with fc.threads(threads):
        assert scratch_of(lambda: conv(x, w, **parameters)) <= bound
        assert scratch_of(lambda: grad_input(x.shape, w, y, **parameters)) <= bound
        assert scratch_of(lambda: grad_weight(x, w.shape, y, **parameters)) <= bound


@pytest.mark.parametrize("parameters", [(3, 1, 1), (2, 2, 0), (31, 1, 15), (112, 1, 0)], ids=str)
def test_scratch_of_pooling_is_within_its_bound(isa, parameters):
    x = np.ones((2, 8, 112, 112), np.float32)
    with fc.threads(2):
        for pool in (fc.max_pool2d, fc.avg_pool2d):
            assert scratch_of(lambda: pool(x, *parameters)) <= 3 * 4 * MIB


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", [(5, 5), (13, 13), (31, 31), (7, 300), (200, 200), (300, 3)], ids=str)
def test_scratch_of_image_filters_is_within_its_bound(isa, kernel, dtype):
    x, weights = np.ones((700, 900), dtype), np.random.default_rng(0).standard_normal(kernel).astype(dtype)
    steps = [taps_along(axis, k, n, 0, n, "reflect") for axis, (n, k) in enumerate(zip(x.shape, kernel))]
    with fc.threads(2):
        for filtered in (ndimage.gaussian_filter, ndimage.uniform_filter):
            assert scratch_of(lambda: filtered(x, 5)) <= 2 * MIB
        if max(kernel) <= SMALL_KERNEL:
            assert scratch_of(lambda: correlate_planes(x, weights, *steps)) <= 2 * MIB
        for length in (512, 1024):
            bound = 2 * max(MIB, 32 * 1024 * (kernel[1] + 64))
            assert scratch_of(lambda: correlate_spectra(x, weights, *steps, length)) <= bound


def test_scratch_is_given_back_on_request():
    fc.conv2d(np.ones((1, 64, 30, 30), np.float32), np.ones((64, 64, 3, 3), np.float32))
    assert _core.scratch_bytes() > 0
    fc.relu(np.ones(1 << 16, np.float32))
    assert _core.freed_bytes() > 0
    fc.release_scratch()
    assert _core.scratch_bytes() == _core.freed_bytes() == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_process_takes_no_more_than_arrays_and_scratch():
    """Also in the calls that are interrupted or fail: the peak of a hundred calls is that of one."""
    code = """
import resource
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    call()
before = peak()
for _ in range(100):
    call()
    try:
        fc.conv2d(x, w[:, :3])
    except ValueError:
        pass
print(peak() - before)
"""
    assert int(run(CALL, code)) < 4 * math.prod((4, 16, 40, 40)) * 4 / 1024


def test_memory_of_a_freed_result_is_used_again_but_never_while_it_is_held():
    x = np.ones(1 << 16, np.float32)
    fc.release_scratch()
    first = fc.relu(x)
    address, view = first.ctypes.data, first[5:]
    del first
    held = [fc.relu(x * (n + 2)) for n in range(3)]
    assert not any(np.shares_memory(view, other) for other in held)
    assert np.all(view == 1)
    del view
    assert fc.relu(x).ctypes.data == address
    fc.release_scratch()
    assert [other[0] for other in held] == [2, 3, 4]
