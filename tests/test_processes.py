"""Processes: forks, pools and servers compute with all their threads, and give their parent's bits."""

import os
import pickle
import sys

import pytest

import fastconv
from fastconv import _core, nn
from interpreter import CALL, run, run_file

with_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
with_threads = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "serial" in _core.openmp(), reason="needs /proc and OpenMP"
)


@with_fork
@with_threads
def test_a_forked_child_computes_with_all_threads():
    code = """
fc.set_num_threads(2)
want = call()
assert alive() == 2
child = os.fork()
if not child:
    os._exit(0 if call() == want and alive() == 2 else 1)
assert os.waitpid(child, 0)[1] == 0
assert call() == want and alive() == 2
"""
    run(CALL, code, OPENBLAS_NUM_THREADS="1")


@with_fork
@with_threads
def test_children_of_children_and_of_other_threads_compute():
    code = """
from concurrent.futures import ThreadPoolExecutor

fc.set_num_threads(2)
want = call()


def child_computes(depth=0):
    assert call() == want
    child = os.fork()
    if not child:
        os._exit(0 if depth == 2 or child_computes(depth + 1) else 1)
    return os.waitpid(child, 0)[1] == 0 and call() == want


assert child_computes()
with ThreadPoolExecutor(1) as pool:
    assert pool.submit(child_computes).result()
"""
    run(CALL, code)


@with_fork
def test_a_server_that_loads_and_warms_up_before_it_forks_serves():
    code = """
fc.set_num_threads(2)
want = call()
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        os._exit(0 if all(call() == want for request in range(5)) else 1)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""
    run(CALL, code)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_gives_the_parents_bits(method, tmp_path):
    code = f"""
import multiprocessing


def task(number):
    fc.set_num_threads(2)
    return call()


if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        assert set(pool.map(task, range(6))) == {{task(0)}}
    with context.Pool(2) as pool:
        assert set(pool.map(task, range(6))) == {{task(0)}}
"""
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    run_file(tmp_path, CALL, code)


@pytest.mark.parametrize("room", [fastconv, nn, nn.functional], ids=lambda room: room.__name__)
def test_public_functions_and_layers_can_be_sent_to_another_process(room):
    things = [getattr(room, name) for name in room.__all__]
    for thing in filter(callable, things):
        assert pickle.loads(pickle.dumps(thing)) is thing


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib_gives_the_parents_bits(backend, tmp_path):
    pytest.importorskip("joblib")
    code = f"""
import joblib


def task(number):
    return call()


if __name__ == "__main__":
    want = call()
    for _ in range(2):
        workers = joblib.Parallel(n_jobs=2, backend={backend!r})
        assert set(workers(joblib.delayed(task)(i) for i in range(6))) == {{want}}
"""
    run_file(tmp_path, CALL, code)


def test_workers_of_joblib_share_the_processors_among_them():
    pytest.importorskip("joblib")
    code = """
import joblib
import fastconv as fc

jobs = joblib.cpu_count()
print(max(joblib.Parallel(n_jobs=jobs)(joblib.delayed(fc.get_num_threads)() for _ in range(jobs))))
"""
    assert run(code, OMP_NUM_THREADS=None, FASTCONV_NUM_THREADS=None) == "1"


@with_fork
def test_what_a_library_forks_below_python_computes():
    """A server written in C forks without Python's hooks."""
    code = """
import ctypes
fc.set_num_threads(2)
want = call()
child = ctypes.PyDLL(None).fork()
if not child:
    os._exit(0 if call() == want else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    run(CALL, code)
