"""Fuzz the checked entry points: valid calls of every operation and gradient, corrupted here and there.

Whatever comes in, the outcome is a result or one of the documented errors. `make fuzz SECONDS=300` runs this under
AddressSanitizer. `python tests/fuzz.py --bytes HEX` repeats a call; with atheris installed, `--atheris` lets the
coverage choose the bytes.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

import fastconv
import harness
from fastconv import OPS
from samples import SAMPLES

ERRORS = (TypeError, ValueError, MemoryError)
NAMES = sorted(SAMPLES)
# Nothing between: a result of some gigabytes would be computed, slowly.
NUMBERS = (0, 1, 2, 3, 4, 5, 7, 9, -1, -2, -7, 2**44, 2**62, 2**63 - 1, 2**63, 2**64, -(2**62), -(2**63), 10**30)
WORDS = ("same", "valid", "mean", "sum", "none", "reflect", "NHWC", "")
OTHERS = (None, True, 0.5, 1.5, -0.1, 1e300, np.nan, np.inf, (), [], *WORDS)
DTYPES = ("float32", "float64", "float16", "int64", "uint8", "bool", "complex128", "object", ">f4", ">f8", "U3")
VALUES = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 1e38, -1.0)
INDICES = (-1, 0, 1, 10**9, -(10**9), 2**31, 2**62, -(2**63), 2**63 - 1)


class Bytes:
    """Decisions read off a byte string; all of them the first one when it is used up."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def below(self, count):
        piece = self.data[self.at : self.at + 2]
        self.at += 2
        return int.from_bytes(piece, "little") % count

    def one(self, options):
        return options[self.below(len(options))]


def corrupted_array(source, array):
    """Another shape, layout, dtype or other values."""
    kind = source.below(7)
    if kind == 0:
        shape = list(array.shape) or [1]
        shape[source.below(len(shape))] = source.below(9)
        return np.resize(array, shape) if array.size else np.zeros(shape, array.dtype)
    if kind == 1:
        return array[None] if source.below(2) else array[..., None]
    if kind == 2:
        return array[0] if array.ndim and len(array) else array.reshape(-1)
    if kind == 3 and array.dtype != object:
        with np.errstate(all="ignore"), suppress(OverflowError):  # integers too large for the type
            return array.astype(source.one(DTYPES))
    if kind == 4 and array.size:
        array = np.array(array)
        value = source.one(INDICES if array.dtype.kind in "iu" else VALUES)
        array.flat[source.below(array.size)] = np.asarray(value).astype(array.dtype)
        return array
    if kind == 5:
        return np.flip(np.repeat(array, 2, -1)[..., ::2]) if array.ndim else array
    return np.asarray(array.T)


def corrupted(source, value):
    if isinstance(value, np.ndarray) and source.below(8):
        return corrupted_array(source, value)
    if isinstance(value, list) and value and source.below(4):
        value = list(value)
        place = source.below(len(value))
        value[place] = corrupted(source, value[place])
        return value
    kind = source.below(4)
    if kind == 0:
        return source.one(OTHERS)
    if kind == 1:
        return tuple(source.one(NUMBERS) for _ in range(source.below(5)))
    return source.one(NUMBERS)


def run(data):
    """One call: an operation, a valid sample of it, up to three corruptions, forward or backward."""
    source = Bytes(data)
    name = source.one(NAMES)
    arguments = harness.copied(source.one(SAMPLES[name]).make(source.one(("float32", "float64"))))
    operation = OPS[name]
    forward = source.below(2) or not operation.inputs
    if forward:
        call = {key: p.default for key, p in operation.signature.parameters.items()} | arguments
        for _ in range(source.below(4)):
            place = source.one(sorted(call))
            call[place] = corrupted(source, call[place])
        return operation.public(**call)
    values, rest = gradient_arguments(operation, arguments)
    for _ in range(source.below(4)):
        place = source.below(len(values))
        values[place] = corrupted(source, values[place])
    return operation.public_backward(*values, **rest)


def gradient_arguments(operation, arguments):
    """([grad_output, ...], keywords) of an operation's public_backward after a forward call."""
    result, saved = operation.recorded(**arguments)
    saved, rest = (saved[:-1], saved[-1]) if saved and type(saved[-1]) is dict else (saved, {})
    return [harness.grad_output_for(harness.first(result)), *saved], rest


def check(data):
    """Run one call; anything but a result or a documented error is raised."""
    with refused(Bytes(data).one(NAMES)):
        run(data)


@contextmanager
def refused(name):
    """Where an operation may raise a documented error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            yield
        except ERRORS:
            pass
        except IndexError:
            if name != "getitem":  # Python's protocol wants it there
                raise


def drive(seconds, seed):
    """Random bytes for so many seconds; the last ones are kept in a file, should the process die of them."""
    rng, count, end = random.Random(seed), 0, time.monotonic() + seconds
    last = Path(tempfile.gettempdir()) / f"fastconv-fuzz-{os.getpid()}"
    print(f"the bytes of a crash: {last}", flush=True)
    with last.open("wb", buffering=0) as file:
        while time.monotonic() < end:
            data = rng.randbytes(64)
            os.pwrite(file.fileno(), data.hex().encode(), 0)
            try:
                check(data)
            except Exception:
                print(f"python tests/fuzz.py --bytes {data.hex()}", file=sys.stderr)
                raise
            count += 1
    last.unlink()
    print(f"{count} calls in {seconds} s, nothing found")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bytes", help="repeat the call of these bytes")
    parser.add_argument("--atheris", action="store_true")
    options, rest = parser.parse_known_args()
    fastconv.set_num_threads(2)
    if options.bytes:
        return check(bytes.fromhex(options.bytes))
    if options.atheris:
        import atheris

        atheris.Setup([sys.argv[0], *rest], check)
        return atheris.Fuzz()
    return drive(options.seconds, options.seed)


if __name__ == "__main__":
    main()
