"""Threads: the same bits from any number of them, called by one or many Python threads."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastconv as fc
from fastconv import _core
from interpreter import run

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 24, 30, 33)).astype(np.float32)
W = rng.standard_normal((40, 24, 3, 3)).astype(np.float32)


def step(x=X, w=W):
    """A forward and a backward pass; every array that came out."""
    y = fc.conv2d(x, w, padding=1)
    pooled, indices = fc.max_pool2d(y, 2, return_indices=True)
    grads = fc.conv2d_backward(y, x, w, padding=1)
    return [y, pooled, indices, *grads, fc.max_pool2d_backward(pooled, indices, y.shape)]


def bits(arrays):
    return [a.tobytes() for a in arrays]


def test_repeated_calls_give_the_same_bits():
    assert bits(step()) == bits(step())


def test_the_alignment_of_the_input_does_not_change_the_bits():
    shifted = np.empty(X.nbytes + 4, np.uint8)[4:].view(np.float32).reshape(X.shape)
    shifted[...] = X
    assert bits(step(shifted)) == bits(step())


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_many_python_threads_give_the_same_bits(threads):
    with fc.threads(1):
        want = bits(step())

    def work(seed):
        with fc.threads(threads):
            return bits(step()) == want

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(12)))


# More threads than the loop over tasks has shares for, and tasks enough for all of them.
def test_a_hundred_threads_give_the_same_bits():
    planes = np.ascontiguousarray(np.broadcast_to(X[:1], (130, *X.shape[1:])))
    with fc.threads(1):
        want = bits([fc.max_pool2d(planes, 2), fc.conv2d(planes, W[:, :, :1, :1])])
    with fc.threads(100):
        assert bits([fc.max_pool2d(planes, 2), fc.conv2d(planes, W[:, :, :1, :1])]) == want


def test_python_threads_with_different_shapes_do_not_share_scratch():
    shapes = [(1, 24, n, n + 3) for n in (5, 9, 14, 22, 31, 40)]
    inputs = [np.random.default_rng(i).standard_normal(s).astype(np.float32) for i, s in enumerate(shapes)]
    want = [bits(step(x)) for x in inputs]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(4):
            assert list(pool.map(lambda x: bits(step(x)), inputs)) == want


# What a thread takes apart of rows with stride 2 lies at the end of its scratch, the next thread's panels lie behind.
def test_threads_do_not_reach_into_the_scratch_of_others():
    x = rng.standard_normal((1, 72, 224, 48)).astype(np.float32)
    w = rng.standard_normal((56, 72, 2, 2)).astype(np.float32)
    with fc.threads(1):
        want = fc.conv2d(x, w, stride=2, padding=(0, 1)).tobytes()
    with fc.threads(2):
        assert all(fc.conv2d(x, w, stride=2, padding=(0, 1)).tobytes() == want for _ in range(30))


def test_the_gil_is_released_during_a_call():
    """A Python thread makes progress while another is inside one long call."""
    x = np.zeros((1, 64, 400, 400), np.float32)
    w = np.zeros((64, 64, 5, 5), np.float32)
    started, ticks, done = threading.Event(), [], threading.Event()

    def tick():
        started.set()
        while not done.is_set():
            ticks.append(1)
            done.wait(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    started.wait()
    before = len(ticks)
    with fc.threads(1):
        fc.conv2d(x, w)
    progress = len(ticks) - before
    done.set()
    ticker.join()
    assert progress > 5


def test_threads_is_local_to_its_context_and_restored():
    outside = fc.get_num_threads()
    with fc.threads(3):
        assert fc.get_num_threads() == 3
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(fc.get_num_threads).result() == outside
    assert fc.get_num_threads() == outside


@pytest.mark.parametrize("bad", [0, -1])
def test_a_number_of_threads_below_one_is_refused(bad):
    with pytest.raises(ValueError, match="threads"):
        fc.set_num_threads(bad)


def test_environment_sets_the_number_of_threads():
    code = "import fastconv; print(fastconv.get_num_threads())"
    assert run(code, FASTCONV_NUM_THREADS="3") == "3"
    assert run(code, FASTCONV_NUM_THREADS="", OMP_NUM_THREADS="1") == "1"


def test_environment_chooses_the_instruction_set():
    code = "from fastconv import _core; print(_core.isa())"
    for level in _core.isa_levels():
        assert run(code, FASTCONV_ISA=level) == level


def test_an_unknown_instruction_set_is_refused_by_name():
    environment = {**os.environ, "FASTCONV_ISA": "sse9"}
    result = subprocess.run(
        [sys.executable, "-c", "import fastconv"], env=environment, capture_output=True, text=True
    )
    assert result.returncode != 0
    assert "FASTCONV_ISA" in result.stderr
    assert "sse9" in result.stderr


def test_another_process_gives_the_same_bits():
    code = f"""
import hashlib, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_concurrency import bits, step
print(hashlib.sha256(b"".join(bits(step()))).hexdigest())
"""
    assert run(code, FASTCONV_NUM_THREADS="1") == run(code, FASTCONV_NUM_THREADS="3")
