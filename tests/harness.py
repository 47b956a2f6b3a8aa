"""What the tests over all operations share: calls of an operation and of its reference, bounds, reports."""

import functools

import numpy as np

from fastconv import OPS, Tensor
from reference import lookup
from samples import EXACT, SAMPLES

DTYPES = ("float32", "float64")
CONVOLUTIONS = tuple(f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3))


def first(result):
    """The result itself, of operations that return several."""
    return result[0] if isinstance(result, tuple) else result


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def mapped(arguments, convert):
    """Apply convert to every floating array of the arguments, also inside lists."""

    def visit(value):
        if isinstance(value, list):
            return [visit(v) for v in value]
        return convert(value) if is_float(value) else value

    return {name: visit(value) for name, value in arguments.items()}


def copied(arguments):
    """Fresh C-contiguous native copies, as operations may update statistics in place."""
    return mapped(arguments, lambda a: np.array(a, a.dtype.newbyteorder("="), order="C"))


def call(name, arguments):
    return OPS[name].public(**arguments)


def oracle(name, arguments, dtype=np.float64):
    return lookup(name)(**mapped(copied(arguments), lambda a: a.astype(dtype)))


@functools.cache
def expected(name, index, dtype, exact):
    """The oracle's results for sample `index`: in int64 for small integers where the operation keeps them."""
    arguments = SAMPLES[name][index].make(dtype, exact)
    return oracle(name, arguments, np.int64 if exact else np.float64)


def is_exact(name, sample):
    """Whether small integers give integers: a convolution may end in an activation, or be allowed, not to."""
    arguments = sample.arguments
    return (
        name in EXACT
        and arguments.get("activation") in (None, "relu", "relu6")
        and arguments.get("precision") != "fast"
    )


def is_plain(sample):
    """Whether a convolution has neither epilogue nor layout, as the formulas of its gradients assume."""
    return not {"activation", "residual", "layout"} & set(sample.arguments)


def bound(name, arguments, result, dtype):
    """Largest error allowed: 32 eps max sum |x||w| for sums of products, 64 eps max |result| elsewhere."""
    eps = np.finfo(dtype).eps
    if not result.size:
        return eps
    if name in CONVOLUTIONS or name in ("linear", "matmul"):
        linear = {key: value for key, value in arguments.items() if key != "activation"}
        return 32 * eps * max(oracle(name, mapped(linear, np.abs)).max(), eps)
    return 64 * eps * max(1.0, np.abs(result[np.isfinite(result)]).max(initial=0))


def differentiable(name, arguments):
    """Names of the inputs of this call that have a gradient."""
    return [i for i in OPS[name].inputs if is_float(arguments.get(i)) or isinstance(arguments.get(i), list)]


def traced(name, arguments):
    """Call on Tensors; the leaves, flat and in the order of the operation's inputs, and the result."""
    names = differentiable(name, arguments)
    arguments = dict(arguments)
    leaves = []
    for i in names:
        value = arguments[i]
        tensors = [Tensor(v, requires_grad=True) for v in (value if isinstance(value, list) else [value])]
        leaves += tensors
        arguments[i] = tensors if isinstance(value, list) else tensors[0]
    return leaves, first(call(name, arguments))


def gradients(name, arguments, grad_output):
    leaves, result = traced(name, arguments)
    result.backward(grad_output)
    return [leaf.grad if leaf.grad is not None else np.zeros_like(leaf.data) for leaf in leaves]


def grad_output_for(result, exact=False):
    rng = np.random.default_rng(99)
    values = rng.integers(-4, 5, result.shape) if exact else rng.standard_normal(result.shape)
    return np.asarray(values, result.dtype)


@functools.cache
def slopes(name, index):
    """Central differences of the reference along random directions: (directions, slope, scale) of each."""
    arguments = copied(SAMPLES[name][index].make("float64"))
    names = differentiable(name, arguments)
    rng = np.random.default_rng(7)
    result = np.asarray(first(oracle(name, arguments)))
    weight, h = grad_output_for(result), 1e-6
    found = []
    for _ in range(3):
        moved = {}
        for i in names:
            value = arguments[i]
            moved[i] = [rng.standard_normal(v.shape) for v in (value if isinstance(value, list) else [value])]
        ends = []
        for sign in (h, -h):
            shifted = dict(arguments)
            for i in names:
                if isinstance(arguments[i], list):
                    shifted[i] = [v + sign * d for v, d in zip(arguments[i], moved[i], strict=True)]
                else:
                    shifted[i] = arguments[i] + sign * moved[i][0]
            ends.append(np.asarray(first(oracle(name, shifted))))
        terms = weight * (ends[0] - ends[1]) / (2 * h)
        directions = [d for i in names for d in moved[i]]
        found.append((directions, terms.sum(), 1 + np.abs(terms).sum()))
    return found


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


class Report:
    """Collects the failing samples of a test; each line ends with a command that makes the one call."""

    def __init__(self, name, dtype, **setting):
        self.name, self.dtype, self.setting = name, dtype, setting
        self.lines = []

    def check(self, ok, what, sample, exact=False, layout="contiguous"):
        if not ok:
            command = sample.reproducer(self.name, self.dtype, exact, layout, **self.setting)
            self.lines.append(f"{self.name}: {what}\n    {command}")

    def close(self, got, want, tolerance, sample, exact=False, layout="contiguous", label=""):
        """got must have want's shape, the test's dtype, and be within tolerance (NaN equal to NaN)."""
        got = np.asarray(got)
        if got.dtype != self.dtype or got.shape != want.shape:
            came = f"{label}{got.dtype}{got.shape} instead of {self.dtype}{want.shape}"
            return self.check(False, came, sample, exact, layout)
        error = np.abs(np.asarray(got, np.float64) - want)
        wrong = ~(error <= tolerance) & ~(np.isnan(got) & np.isnan(want)) & (got != want)
        if wrong.any():
            at = tuple(map(int, np.argwhere(wrong)[0]))
            text = (
                f"{label}{int(wrong.sum())} of {wrong.size} differ, at {at} {got[at]} instead of {want[at]}"
            )
            self.check(False, f"{text} (allowed {tolerance:.2g})", sample, exact, layout)

    def finish(self):
        assert not self.lines, f"{len(self.lines)} failures\n" + "\n".join(self.lines[:5])
