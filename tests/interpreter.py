"""Code in an interpreter of its own: what a process does at its start, around a fork, under a signal."""

import os
import subprocess
import sys
from pathlib import Path

# x, w and call(): a convolution that takes threads; its bits; the threads alive in this process.
CALL = """
import os
import numpy as np
import fastconv as fc

rng = np.random.default_rng(0)
x = rng.standard_normal((4, 16, 40, 40), dtype=np.float32)
w = rng.standard_normal((16, 16, 3, 3), dtype=np.float32)


def call():
    return fc.conv2d(x, w, padding=1).tobytes()


def alive():
    return len(os.listdir("/proc/self/task"))
"""


def run(*code, timeout=300, **environment):
    """What a fresh interpreter prints; an environment variable given as None is taken away."""
    environment = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    program = [sys.executable, "-c", "\n".join(code)]
    result = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def run_file(folder: Path, *code, timeout=300):
    """The same for a program in a file, as processes that import their parent's main module need it."""
    path = folder / "program.py"
    path.write_text("\n".join(code), encoding="utf-8")
    result = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
