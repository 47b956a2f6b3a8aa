"""One call: drawn, made on both sides, compared."""

import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

import fastconv
from fastconv import OPS

from .draw import Draw

# Operation -> function of a Draw that makes a Case.
CASES: dict[str, Callable] = {}


class Refusal(Exception):
    """Raised by a peer that PyTorch lacks, in place of its RuntimeError."""


@dataclass
class Case:
    """One call. `arrays` are the arrays by parameter name (a list for operations on sequences).

    peer(**arguments) makes the same call in PyTorch. scale: None for sums of products, whose error is bounded
    by 32 eps sum |x||w|; otherwise the size of the terms behind one number of the result. exact: no rounding
    at all. written: names of arrays that the call updates in place. The float32 call is compared with
    PyTorch's in float64, or `same_dtype`, where a rounding decides which cell is taken.
    """

    arrays: dict
    parameters: dict
    peer: Callable
    scale: float | None = 1.0
    exact: bool = False
    written: tuple = ()
    same_dtype: bool = False
    gradients: bool = True
    name: str = ""
    dtype: str = ""
    seed: int = 0
    notes: list = field(default_factory=list)

    def __str__(self):
        def text(value):
            if isinstance(value, np.ndarray):
                return f"{value.dtype}{value.shape}"
            return f"[{', '.join(map(text, value))}]" if isinstance(value, list) else repr(value)

        arguments = {**self.arrays, **self.parameters}
        call = ", ".join(f"{name}={text(value)}" for name, value in arguments.items())
        return f"python -m differential {self.name} {self.dtype} {self.seed}  # {self.name}({call})"


def cases(*names):
    """Register a function that draws a Case for each of these operations; `{}` stands for ranks 1, 2 and 3."""

    def declare(function):
        for name in names:
            for rank in (1, 2, 3) if "{}" in name else (0,):
                CASES[name.format(rank)] = function
        return function

    return declare


def draw_case(name, dtype, seed):
    rank = re.search(r"([123])d$", name)
    draw = Draw(dtype, seed, int(rank[1]) if rank else seed % 3 + 1)
    case = CASES[name](draw, name)
    case.name, case.dtype, case.seed = name, dtype, seed
    return case


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def mapped(arrays, convert):
    """convert(name, array) for every array, also inside lists; None stays."""
    return {
        name: None
        if value is None
        else [convert(name, v) for v in value]
        if isinstance(value, list)
        else convert(name, value)
        for name, value in arrays.items()
    }


def flat(arrays):
    for value in arrays.values():
        yield from value if isinstance(value, list) else [value]


# PyTorch's result, its gradients by leaf, and its written arrays. `dtype` is that of the floating arrays.
def run_peer(case, arrays, dtype, grad_output=None):
    leaves = []

    def tensor(name, value):
        made = torch.from_numpy(np.array(value))
        if is_float(value):
            made = made.to(dtype)
            if name in differentiable(case):
                leaves.append(made.requires_grad_())
        return made

    given = mapped(arrays, tensor)
    result = case.peer(**given, **case.parameters)
    result = result if isinstance(result, tuple) else (result,)
    grads = []
    if grad_output is not None and result[0].requires_grad:
        result[0].backward(torch.from_numpy(grad_output).to(result[0].dtype))
        grads = [None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]
    written = {name: given[name].detach().numpy() for name in case.written if given[name] is not None}
    return [r.detach().numpy() for r in result], grads, written


def differentiable(case):
    if not case.gradients:
        return ()
    inputs = OPS[case.name].inputs
    return [n for n in inputs if any(map(is_float, flat({n: case.arrays.get(n)})))]


def run_ours(case):
    arrays = mapped(case.arrays, lambda name, value: value.copy())
    result = OPS[case.name].public(**arrays, **case.parameters)
    return (result if isinstance(result, tuple) else (result,)), {n: arrays[n] for n in case.written}


def run_tape(case, grad_output):
    leaves = []

    def tensor(name, value):
        value = value.copy()
        if name in differentiable(case):
            leaves.append(fastconv.Tensor(value, requires_grad=True))
            return leaves[-1]
        return value

    result = OPS[case.name].public(**mapped(case.arrays, tensor), **case.parameters)
    result = result[0] if isinstance(result, tuple) else result
    result.backward(grad_output)
    return result.data, [leaf.grad for leaf in leaves]


# The plain backward function on what the forward says it needs.
def run_backward(case, grad_output):
    operation = OPS[case.name]
    arrays = mapped(case.arrays, lambda name, value: value.copy())
    call = dict(operation.signature.bind(**arrays, **case.parameters).arguments)
    call = {name: call.get(name, p.default) for name, p in operation.signature.parameters.items()}
    _, saved = operation.run(call, True)
    saved, keywords = (saved[:-1], saved[-1]) if saved and type(saved[-1]) is dict else (saved, {})
    if "needs" in inspect.signature(operation.backward).parameters:
        keywords["needs"] = (True,) * len(operation.inputs)
    grads = operation.public_backward(grad_output, *saved, **keywords)
    if operation.sequence:
        return list(grads)
    grads = grads if isinstance(grads, tuple) else (grads,)
    wanted = differentiable(case)
    return [grad for name, grad in zip(operation.inputs, grads) if name in wanted]


def check(case):
    """Raise AssertionError with a line that repeats the call if the two sides differ."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            want, _, written = run_peer(case, case.arrays, oracle_dtype(case))
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, Refusal) as error:
            return check_refusal(case, error)
        try:
            got, ours_written = run_ours(case)
        except (ValueError, TypeError) as error:
            raise AssertionError(f"refused, PyTorch gives {want[0].shape}: {error}\n{case}") from None
        gradients = case.gradients and differentiable(case) and OPS[case.name].backward is not None
        grad_output, grads = None, []
        if gradients:
            draws = np.random.default_rng(case.seed + 1)
            values = draws.integers(-3, 4, want[0].shape) if case.exact else draws.standard_normal(want[0].shape)
            grad_output = np.asarray(values, case.parameters.get("dtype") or case.dtype)
            grads = run_peer(case, case.arrays, oracle_dtype(case), grad_output)[1]
        scales = product_scales(case, grad_output) if case.scale is None else None
        for number, (a, b) in enumerate(zip(got, want, strict=True)):
            compare(case, f"result {number}", a, b, scales and scales[0])
        for name, value in written.items():
            compare(case, name, ours_written[name], value, None)
        if grads:
            check_gradients(case, grad_output, grads, got[0], scales)


def check_gradients(case, grad_output, grads, result, scales):
    value, taped = run_tape(case, grad_output)
    assert np.array_equal(value, result, equal_nan=True), f"the tape changes the result\n{case}"
    plain = run_backward(case, grad_output)
    for number, want in enumerate(grads):
        for way, ours in (("tape", taped[number]), ("plain", plain[number])):
            if want is None:
                want = np.zeros_like(ours)
            compare(case, f"gradient {number} ({way})", ours, want, scales and scales[1][number])


def check_refusal(case, error):
    try:
        run_ours(case)
    except (ValueError, TypeError):
        return
    except Exception as other:
        raise AssertionError(f"raises {other!r}, PyTorch {error}\n{case}") from other
    raise AssertionError(f"accepted, PyTorch says: {error}\n{case}")


def oracle_dtype(case):
    return getattr(torch, case.dtype) if case.same_dtype or case.dtype == "float64" else torch.float64


# sum |x||w| behind each number of the result and of the gradients: the same call on absolute values.
def product_scales(case, grad_output):
    arrays = mapped(case.arrays, lambda name, value: np.asarray(np.abs(value)) if is_float(value) else value)
    weight = None if grad_output is None else np.asarray(np.abs(grad_output))
    result, grads, _ = run_peer(case, arrays, torch.float64, weight)
    return result[0], grads


def compare(case, label, got, want, scale):
    got = np.asarray(got)
    if want.dtype.kind == "f":
        wanted = case.dtype if "gradient" in label else case.parameters.get("dtype") or case.dtype
        assert got.dtype == wanted, f"{label} is {got.dtype}\n{case}"
    else:
        assert got.dtype == want.dtype, f"{label} is {got.dtype} instead of {want.dtype}\n{case}"
    assert got.shape == want.shape, f"{label} has shape {got.shape} instead of {want.shape}\n{case}"
    if not got.size:
        return
    finite = want[np.isfinite(want)] if want.dtype.kind == "f" else want
    largest = np.abs(finite).max(initial=0)
    allowed = 0.0
    if not case.exact and want.dtype.kind == "f":
        terms = max(largest, case.scale, 1e-30) if scale is None else np.abs(scale).max(initial=0)
        allowed = 32 * np.finfo(case.dtype).eps * terms
    error = np.abs(got.astype(float) - want.astype(float))
    wrong = ~(error <= allowed) & ~(np.isnan(got) & np.isnan(want)) & (got != want)
    if wrong.any():
        at = tuple(map(int, np.argwhere(wrong)[0]))
        text = f"{label}: {int(wrong.sum())} of {wrong.size} differ, at {at} {got[at]} instead of {want[at]}"
        raise AssertionError(f"{text}, allowed {allowed:.3g}\n{case}")
