"""Corrupted calls end in a result or a documented error; `make fuzz` does the same for minutes, under a sanitizer."""

import itertools
import random

import numpy as np
import pytest

import fuzz
import harness


@pytest.mark.parametrize("seed", range(20))
def test_a_corrupted_call_ends_in_a_result_or_a_documented_error(seed):
    rng = random.Random(seed)
    for _ in range(100):
        data = rng.randbytes(64)
        try:
            fuzz.check(data)
        except Exception as error:
            raise AssertionError(f"python tests/fuzz.py --bytes {data.hex()}") from error


# Every one and every two axes of the arrays: channels of input and weight, say, are gone together.
@pytest.mark.parametrize("name", fuzz.NAMES)
def test_axes_without_elements_end_in_a_result_or_a_documented_error(name):
    operation = fuzz.OPS[name]
    for sample in fuzz.SAMPLES[name]:
        arguments = sample.make("float64")
        for call in without_elements(arguments):
            with fuzz.refused(name):
                operation.public(**harness.copied(call))
        if not operation.inputs:
            continue
        values, rest = fuzz.gradient_arguments(operation, harness.copied(arguments))
        for call in without_elements(dict(enumerate(values))):
            with fuzz.refused(name):
                operation.public_backward(*call.values(), **rest)


def without_elements(call):
    axes = [(key, axis) for key, x in call.items() if isinstance(x, np.ndarray) for axis in range(x.ndim)]
    for chosen in (*itertools.combinations(axes, 1), *itertools.combinations(axes, 2)):
        fewer = dict(call)
        for key, axis in chosen:
            fewer[key] = np.delete(fewer[key], slice(None), axis)
        yield fewer
