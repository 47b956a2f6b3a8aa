"""Random calls of every operation beside PyTorch; FASTCONV_CASES says how many (default 2,000)."""

import os

import pytest

pytest.importorskip("torch")

from differential import CASES, check, draw_case
from fastconv import OPS

TOTAL = int(os.environ.get("FASTCONV_CASES", "2000"))
FIRST = int(os.environ.get("FASTCONV_SEED", "0"))


def test_every_operation_has_random_cases():
    assert set(CASES) == set(OPS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_agrees_with_pytorch(name, dtype):
    count = -(-TOTAL // (2 * len(CASES)))
    failures = []
    for seed in range(FIRST, FIRST + count):
        try:
            check(draw_case(name, dtype, seed))
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, f"{len(failures)} of {count} calls\n" + "\n".join(failures[:5])
