"""SciPy's own tests of the functions that fastconv.compat replaces, with the functions replaced."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")

# What to run of SciPy's tests: those of the functions that are replaced, less thousands of sizes of one kind.
SUITES = {
    "ndimage/tests/test_filters.py": "not rank and not median and not percentile and not Vectorized and not generic",
    "signal/tests/test_signaltools.py": (
        "(TestConvolve or TestCorrelate or TestFFTConvolve or TestOAConvolve or FreqConvolves or longdtype)"
        " and not large_array and not many_sizes and not manylens and not 1d_axes and not 2d_noaxes and not 2d_axes"
    ),
}


@pytest.mark.parametrize("path", SUITES)
def test_scipys_own_tests_pass_with_the_functions_replaced(path, tmp_path):
    import scipy

    tests = Path(scipy.__file__).parent / path
    if not tests.exists():
        pytest.skip("this SciPy came without its tests")
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "--maxfail=20", "-p", "redirect_scipy", "-p", "no:cacheprovider"]
    command += ["-c", os.devnull, "--rootdir", str(tmp_path), "-k", SUITES[path], str(tests)]
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), os.environ.get("PYTHONPATH", ""), str(here.parent)]),
        "REDIRECT_REPORT": str(report),
    }
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    outcome = json.loads(report.read_text())
    assert not outcome["failed"], result.stdout[-5000:] + result.stderr[-2000:]
    assert outcome["passed"] > 200
    assert outcome["redirected"] > 500
    assert outcome["fell_through"] <= 0.1 * outcome["redirected"]
