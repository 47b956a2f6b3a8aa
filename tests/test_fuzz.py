"""Corrupted calls end in a result or a documented error; `make fuzz` does the same for minutes, under a sanitizer."""

import random

import pytest

import fuzz


@pytest.mark.parametrize("seed", range(20))
def test_a_corrupted_call_ends_in_a_result_or_a_documented_error(seed):
    rng = random.Random(seed)
    for _ in range(100):
        data = rng.randbytes(64)
        try:
            fuzz.check(data)
        except Exception as error:
            raise AssertionError(f"python tests/fuzz.py --bytes {data.hex()}") from error
