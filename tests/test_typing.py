"""The stubs say what the declarations say, and `mypy --strict` passes on a user's code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import stubs
import typed_user

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("room", stubs.STUBS)
def test_stubs_are_made_from_the_declarations(room):
    written = stubs.path(room).read_text(encoding="utf-8")
    assert written == stubs.STUBS[room](), "run `python tests/stubs.py`"


def test_a_users_code_runs():
    typed_user.calls()
    typed_user.training()


def test_mypy_strict_passes_on_a_users_code(tmp_path):
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    result = subprocess.run(
        [*command, "--cache-dir", str(tmp_path), typed_user.__file__],
        env={**os.environ, "MYPYPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
