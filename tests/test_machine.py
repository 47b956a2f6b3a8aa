"""The machine: how many threads, beside which other libraries, and which instructions."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import fastconv as fc
from fastconv import _core, runtime
from interpreter import CALL, run

GROUPS = {
    "no limit": ("0::/", {"cpu.max": "max 100000"}, None),
    "one and a half": ("0::/", {"cpu.max": "150000 100000"}, 2),
    "less than one": ("0::/", {"cpu.max": "20000 100000"}, 1),
    "an outer group": ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "100000 100000"}, 1),
    "an inner group": ("0::/a/b", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "300000 100000"}, 1),
    "version 1": (
        "4:memory:/m\n3:cpu,cpuacct:/c",
        {"cpu/c/cpu.cfs_quota_us": "100000", "cpu/c/cpu.cfs_period_us": "50000"},
        2,
    ),
    "version 1, no limit": (
        "3:cpu:/c",
        {"cpu/c/cpu.cfs_quota_us": "-1", "cpu/c/cpu.cfs_period_us": "50000"},
        None,
    ),
    "hidden": ("0::/elsewhere", {}, None),
}


@pytest.mark.parametrize("name", GROUPS)
def test_the_quota_of_a_control_group_limits_the_threads(name, tmp_path, monkeypatch):
    membership, files, limit = GROUPS[name]
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    files = {f"sys/fs/cgroup/{path}": text for path, text in files.items()}
    for path, text in {"proc/self/cgroup": membership, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert runtime.available_cpus(tmp_path) == (limit or 4)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity")
def test_affinity_limits_the_threads():
    code = """
import os
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
import fastconv
print(fastconv.get_num_threads())
"""
    assert run(code, OMP_NUM_THREADS=None, FASTCONV_NUM_THREADS=None) == "1"


@pytest.mark.skipif("serial" in _core.openmp(), reason="needs OpenMP")
def test_threadpoolctl_sees_and_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    assert any(library["user_api"] == "openmp" for library in threadpoolctl.threadpool_info())
    before = fc.get_num_threads()
    runtime.set_num_threads(2)
    try:
        with threadpoolctl.threadpool_limits(1, "openmp"):
            assert fc.get_num_threads() == 1
            with fc.threads(2):
                assert fc.get_num_threads() == 2
        assert fc.get_num_threads() == 2
    finally:
        runtime.set_num_threads(before)


@pytest.mark.parametrize("first", ["fastconv", "neighbours"])
def test_other_openmp_runtimes_in_the_process_do_no_harm(first):
    """torch and scikit-learn bring their own; each keeps its threads, results and forks."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    neighbours = """
import torch
from sklearn.cluster import KMeans
a, b = torch.ones(4, 16, 40, 40), torch.ones(16, 16, 3, 3)
points = np.random.default_rng(0).standard_normal((2000, 8))


def others():
    KMeans(8, n_init=1, random_state=0).fit(points)
    return torch.nn.functional.conv2d(a, b).sum().item()


"""
    code = """
fc.set_num_threads(2)
want, sum_ = call(), others()
for _ in range(3):
    assert call() == want and others() == sum_
child = os.fork()
if not child:
    os._exit(0 if call() == want else 1)
assert os.waitpid(child, 0)[1] == 0
assert call() == want and others() == sum_
"""
    imports = "import numpy as np\n" + neighbours
    run(*((CALL, imports) if first == "fastconv" else (imports, CALL)), code)


# Functions of the extension by the source file that they come from: {address: (file, name)}. The table of symbols lists
# the local ones after the name of their file.
def functions_of_files(path):
    listing = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True).stdout
    file, functions = "", {}
    for line in listing[listing.index(".symtab") :].splitlines():
        words = line.split()
        if len(words) < 7:
            continue
        if words[3] == "FILE":
            file = words[7] if len(words) > 7 else ""
        elif words[3] == "FUNC" and words[4] == "LOCAL":
            functions[int(words[1], 16)] = (file, words[7])
    return functions


AVX = re.compile(r"\s(?:v[a-z0-9]+\s|.*%(?:[yz]mm|k[1-7]\b))")
DISPATCHED = ("avx2_", "avx512_")


@pytest.mark.skipif(not _core.__file__.endswith(".so") or os.uname().machine != "x86_64", reason="needs x86-64 ELF")
@pytest.mark.skipif(not (shutil.which("objdump") and shutil.which("readelf")), reason="needs binutils")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs ELF")
def test_no_avx_outside_the_kernels_compiled_for_it():
    try:
        functions = functions_of_files(_core.__file__)
    except ValueError:
        pytest.skip("the extension is stripped")
    command = ["objdump", "-d", "--no-show-raw-insn", _core.__file__]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    file, found, seen = "", [], set()
    for line in lines:
        if line.endswith(">:"):
            file, name = functions.get(int(line.split()[0], 16), ("", line))
        elif AVX.search(line.partition(":")[2]):
            seen.add(file)
            if not file.startswith(DISPATCHED):
                found.append(f"{file} {name}: {line.strip()}")
    assert not found, found[:10]
    assert {"avx2_f32.c", "avx512_f64.c"} <= seen


# A word moved through an MMX register makes every long double NaN until somebody resets the old unit.
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_doubles_of_the_process_stay_whole(isa, dtype):
    for stride in (1, 2, 3, 4):
        fc.conv2d(np.ones((1, 2, 9, 13), dtype), np.ones((3, 2, 3, 3), dtype), stride=stride)
        assert [np.longdouble(7) * i / 7 for i in range(9)] == list(range(9)), f"after stride {stride}"


def test_every_level_computes_the_same_up_to_rounding(isa):
    x = np.random.default_rng(0).integers(-8, 8, (2, 5, 13, 17)).astype(np.float32)
    w = np.random.default_rng(1).integers(-8, 8, (7, 5, 2, 5)).astype(np.float32)
    y = fc.conv2d(x, w)
    _core.use_isa("baseline")
    np.testing.assert_array_equal(fc.conv2d(x, w), y)
