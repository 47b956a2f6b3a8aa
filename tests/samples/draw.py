"""Array arguments as one-line NumPy expressions, so that a failing case can be printed and pasted."""

from dataclasses import dataclass

import numpy as np

PREAMBLE = "import numpy as np, fastconv; rng = np.random.default_rng"
NAMES = {"np": np, "rng": np.random.default_rng}

# How each kind of argument is drawn: for comparison within rounding, and as small integers.
KINDS = {
    "normal": ("rng({seed}).standard_normal({shape})", "rng({seed}).integers(-4, 5, {shape})"),
    "positive": ("rng({seed}).uniform(0.5, 2, {shape})", "rng({seed}).integers(1, 5, {shape})"),
    "unit": ("rng({seed}).uniform(0.05, 0.95, {shape})", "rng({seed}).integers(0, 2, {shape})"),
    "apart": (
        "rng({seed}).permutation(np.prod({shape})).reshape({shape}) / 8",
        "rng({seed}).integers(-4, 5, {shape})",
    ),
}

LAYOUTS = {
    "contiguous": "{}",
    "fortran": "np.asfortranarray({})",
    "negative strides": "np.flip(np.flip({}).copy())",
    "offset view": "(lambda a: np.pad(a, 1)[tuple(slice(1, -1) for _ in a.shape)])({})",
    "every second": "(lambda a: np.repeat(a, 2, -1)[..., ::2])({})",
    "zero strides": "(lambda a: np.broadcast_to(a[..., :1], a.shape))({})",
    "byte-swapped": "(lambda a: a.astype(a.dtype.newbyteorder()))({})",
    "read-only": "(lambda a: a.setflags(write=False) or a)({})",
    "unaligned": "(lambda a: np.ndarray(a.shape, a.dtype, b'\\0' + a.tobytes(), 1))({})",
}


@dataclass(frozen=True)
class Draw:
    """A floating argument of a kind and shape; its dtype, seed and layout come from the test."""

    kind: str
    shape: tuple

    def code(self, dtype, seed, exact=False, layout="contiguous"):
        expression = KINDS[self.kind][exact].format(seed=seed, shape=self.shape)
        shaped = layout if self.shape else "contiguous"
        return LAYOUTS[shaped].format(f"np.asarray({expression}, '{dtype}')")


@dataclass(frozen=True)
class Whole:
    """An index argument in [0, high), with some entries replaced by `hole`."""

    high: int
    shape: tuple
    hole: int | None = None

    def code(self, dtype, seed, exact=False, layout="contiguous"):
        expression = f"rng({seed}).integers(0, {self.high}, {self.shape})"
        if self.hole is None:
            return expression
        return f"np.where(rng({seed} + 1).random({self.shape}) < 0.3, {self.hole}, {expression})"


@dataclass(frozen=True)
class Code:
    """Any other array, as an expression."""

    expression: str

    def code(self, dtype, seed, exact=False, layout="contiguous"):
        return self.expression


def normal(*shape):
    return Draw("normal", shape)


def positive(*shape):
    return Draw("positive", shape)


def unit(*shape):
    return Draw("unit", shape)


def apart(*shape):
    """Distinct values, so that a maximum stays one under a small step; as small integers, many ties."""
    return Draw("apart", shape)


class Sample:
    """Arguments of one call, by name; arrays are Draws or lists of them."""

    def __init__(self, **arguments):
        self.arguments = arguments

    def argument_code(self, dtype, exact=False, layout="contiguous"):
        """{argument: expression}."""

        def code(value, seed):
            if isinstance(value, list) and value and hasattr(value[0], "code"):
                return f"[{', '.join(code(v, 10 * seed + i) for i, v in enumerate(value))}]"
            return value.code(dtype, seed, exact, layout) if hasattr(value, "code") else repr(value)

        return {name: code(value, seed) for seed, (name, value) in enumerate(self.arguments.items(), 1)}

    def make(self, dtype, exact=False, layout="contiguous"):
        """{argument: value}."""
        return {name: eval(c, dict(NAMES)) for name, c in self.argument_code(dtype, exact, layout).items()}

    def reproducer(self, call, dtype, exact=False, layout="contiguous", isa=None, threads=None):
        """A shell command that runs the one call."""
        arguments = ", ".join(f"{n}={c}" for n, c in self.argument_code(dtype, exact, layout).items())
        setting = f"FASTCONV_ISA={isa} " if isa else ""
        setting += f"FASTCONV_NUM_THREADS={threads} " if threads else ""
        return f'{setting}python -c "{PREAMBLE}; print(fastconv.{call}({arguments}))"'
