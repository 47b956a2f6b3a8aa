"""One harness over every operation: instruction sets, dtypes, layouts, threads, `out=`, gradients.

An operation that lacks a reference, a sample, a gradient or a docstring fails here by name.
"""

import numpy as np
import pytest

import fastconv
import harness
from fastconv import OPS
from harness import CONVOLUTIONS, DTYPES, Report, bound, call, copied, expected, first
from reference import lookup
from samples import EXACT, LARGE, LAYOUTS, SAMPLES

NAMES = sorted(OPS)
SAMPLED = sorted(set(OPS) & set(SAMPLES))
DIFFERENTIABLE = [name for name in SAMPLED if OPS[name].inputs]

every_op = pytest.mark.parametrize("name", NAMES)
each_op = pytest.mark.parametrize("name", SAMPLED)
each_differentiable_op = pytest.mark.parametrize("name", DIFFERENTIABLE)
each_exact_op = pytest.mark.parametrize("name", sorted(EXACT & set(OPS)))
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@every_op
def test_has_a_reference(name):
    assert lookup(name) is not None, f"{name} has no function in tests/reference"


@every_op
def test_has_samples(name):
    assert SAMPLES.get(name), f"{name} has no entry in tests/samples"


@every_op
def test_has_a_gradient(name):
    assert OPS[name].backward is not None or not OPS[name].inputs, f"{name} has inputs but no .gradient"


@every_op
def test_has_a_docstring_with_an_example(name):
    assert ">>> " in (OPS[name].public.__doc__ or ""), f"{name} has no docstring with an example"


@every_op
def test_is_public_with_its_backward(name):
    assert getattr(fastconv, name, None) is OPS[name].public, f"fastconv.{name} is missing"
    if OPS[name].inputs:
        assert callable(getattr(fastconv, f"{name}_backward", None)), f"fastconv.{name}_backward is missing"


def test_every_sample_is_of_an_operation():
    assert set(SAMPLES) == set(OPS)


@each_dtype
@each_op
def test_agrees_with_the_oracle(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for index, sample in enumerate(SAMPLES[name]):
        arguments = sample.make(dtype)
        want = np.asarray(first(expected(name, index, dtype, False)))
        got = first(call(name, copied(arguments)))
        report.close(got, want, bound(name, arguments, want, dtype), sample)
    report.finish()


@each_dtype
@each_exact_op
def test_small_integers_are_exact(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for index, sample in enumerate(SAMPLES[name]):
        if not harness.is_exact(name, sample):
            continue
        got = first(call(name, sample.make(dtype, exact=True)))
        report.close(got, first(expected(name, index, dtype, True)), 0, sample, exact=True)
    report.finish()


@each_dtype
@pytest.mark.parametrize(
    "name", [name for name in SAMPLED if "return_indices" in OPS[name].signature.parameters]
)
def test_indices_are_those_of_the_first_extreme(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for sample in SAMPLES[name]:
        arguments = sample.make(dtype, exact=True)
        got = call(name, {**arguments, "return_indices": True})[1]
        want = harness.oracle(name, {**arguments, "return_indices": True})[1]
        report.check(
            got.dtype == np.int64 and np.array_equal(got, want), "indices differ", sample, exact=True
        )
    report.finish()


@each_dtype
@each_op
def test_takes_any_layout(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for sample in SAMPLES[name]:
        exact = harness.is_exact(name, sample)
        for layout in LAYOUTS:
            arguments = sample.make(dtype, exact, layout)
            plain = copied(arguments)
            try:
                with fastconv.threads(1):
                    got, want = first(call(name, arguments)), first(call(name, plain))
            except (TypeError, ValueError) as error:
                report.check(False, f"{layout}: {error}", sample, exact, layout)
                continue
            tolerance = 0 if exact else bound(name, plain, want, dtype)
            report.close(got, want, tolerance, sample, exact, layout, label=f"{layout}: ")
    report.finish()


STATISTICS = ("running_mean", "running_var")


@each_dtype
@each_op
def test_leaves_its_inputs_alone_and_owns_its_result(name, dtype):
    report = Report(name, dtype)
    for sample in SAMPLES[name]:
        arguments = sample.make(dtype)
        before = copied(arguments)
        got = first(call(name, arguments))
        for argument, value in arguments.items():
            arrays = value if isinstance(value, list) else [value]
            befores = before[argument] if isinstance(value, list) else [before[argument]]
            for array, old in zip(arrays, befores, strict=True):
                if isinstance(array, np.ndarray) and argument not in STATISTICS:
                    report.check(harness.same_bits(array, old), f"{argument} was written", sample)
                    report.check(not np.may_share_memory(got, array), f"result aliases {argument}", sample)
    report.finish()


@each_dtype
@pytest.mark.parametrize("name", [name for name in SAMPLED if "out" in OPS[name].signature.parameters])
def test_fills_every_cell_of_a_poisoned_out(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for sample in SAMPLES[name]:
        want = first(call(name, sample.make(dtype)))
        out = np.full(want.shape, np.nan, want.dtype)
        got = first(call(name, {**sample.make(dtype), "out": out}))
        report.check(got is out, "the result is not out", sample)
        report.check(harness.same_bits(out, want), "out= gives other values", sample)
    report.finish()


@each_dtype
@pytest.mark.parametrize("name", [name for name in SAMPLED if "out" in OPS[name].signature.parameters])
def test_refuses_an_unfit_out(name, dtype):
    arguments = SAMPLES[name][0].make(dtype)
    fit = np.empty_like(np.asarray(first(call(name, copied(arguments)))))
    other = "float64" if dtype == "float32" else "float32"
    read_only = fit.copy()
    read_only.setflags(write=False)
    unfit = [
        np.empty((*fit.shape, 2), dtype),
        np.zeros_like(fit, other),
        np.empty((*fit.shape, 2), dtype)[..., 0],
        read_only,
    ]
    for out in unfit[: 4 if fit.size > 1 else 2]:
        with pytest.raises(ValueError, match=f"^{name}: out "):
            call(name, {**arguments, "out": out})


@each_differentiable_op
def test_gradient_is_the_slope_of_the_oracle(name, isa):
    report = Report(name, "float64", isa=isa)
    for index, sample in enumerate(SAMPLES[name]):
        arguments = copied(sample.make("float64"))
        weight = harness.grad_output_for(np.asarray(first(expected(name, index, "float64", False))))
        grads = harness.gradients(name, arguments, weight)
        for directions, slope, scale in harness.slopes(name, index):
            got = sum(float((g * d).sum()) for g, d in zip(grads, directions, strict=True))
            report.check(abs(got - slope) <= 1e-6 * scale, f"slope is {got} instead of {slope}", sample)
    report.finish()


@each_differentiable_op
def test_gradient_in_float32_follows_float64(name, isa):
    report = Report(name, "float32", isa=isa)
    for sample in SAMPLES[name]:
        arguments = copied(sample.make("float32"))
        wide = harness.mapped(arguments, lambda a: a.astype(np.float64))
        weight = harness.grad_output_for(harness.traced(name, copied(arguments))[1])
        grads = harness.gradients(name, copied(arguments), weight)
        wants = harness.gradients(name, wide, weight.astype(np.float64))
        for number, (got, want) in enumerate(zip(grads, wants, strict=True)):
            tolerance = 256 * np.finfo("float32").eps * max(1.0, np.abs(want).max(initial=0))
            report.close(got, want, tolerance, sample, label=f"gradient {number}: ")
    report.finish()


@each_dtype
@pytest.mark.parametrize("exact", [False, True], ids=["random", "integers"])
@pytest.mark.parametrize("name", [name for name in CONVOLUTIONS if name in OPS])
def test_convolution_gradients_equal_their_formula(name, exact, dtype, isa):
    report = Report(name, dtype, isa=isa)
    formula = lookup(name[:-2] + "_backward")
    for sample in filter(harness.is_plain, SAMPLES[name]):
        if exact and not harness.is_exact(name, sample):
            continue
        arguments = sample.make(dtype, exact)
        parameters = {key: value for key, value in arguments.items() if key != "bias"}
        weight = harness.grad_output_for(call(name, arguments), exact)
        wide = harness.mapped(parameters, lambda a: a.astype(np.int64 if exact else np.float64))
        wants = formula(weight.astype(np.int64 if exact else np.float64), **wide)
        sizes = formula(
            np.abs(weight).astype(np.float64), **harness.mapped(parameters, lambda a: np.abs(a, dtype=float))
        )
        backward = OPS[name].public_backward(weight, **parameters)
        taped = harness.gradients(name, arguments, weight)
        for number, (got, want, size) in enumerate(zip(backward, wants, sizes, strict=True)):
            tolerance = 0 if exact else 32 * np.finfo(dtype).eps * size.max(initial=0)
            report.close(got, want, tolerance, sample, exact, label=f"gradient {number}: ")
            if number < len(taped):
                same = harness.same_bits(np.ascontiguousarray(taped[number]), np.ascontiguousarray(got))
                report.check(same, f"gradient {number}: tape and plain backward differ", sample, exact)
    report.finish()


@pytest.mark.parametrize("name", [name for name in CONVOLUTIONS if name in OPS])
def test_convolution_gradients_are_computed_only_when_needed(name):
    sample = SAMPLES[name][0]
    arguments = sample.make("float32")
    parameters = {key: value for key, value in arguments.items() if key != "bias"}
    weight = harness.grad_output_for(call(name, arguments))
    full = OPS[name].public_backward(weight, **parameters)
    for needs in [(True, False, False), (False, True, False), (False, False, True), (False, False, False)]:
        grads = OPS[name].public_backward(weight, **parameters, needs=needs)
        for need, got, want in zip(needs, grads, full, strict=True):
            assert got is None if not need else harness.same_bits(got, want), (name, needs)


@each_differentiable_op
def test_a_retained_graph_gives_the_same_gradients_again(name):
    for sample in SAMPLES[name]:
        leaves, result = harness.traced(name, sample.make("float32"))
        weight = harness.grad_output_for(result)
        found = []
        for _ in range(2):
            result.backward(weight, retain_graph=True)
            used = [leaf for leaf in leaves if leaf.grad is not None]
            found.append([leaf.grad.copy() for leaf in used])
            for leaf in used:
                leaf.grad[...] = np.nan  # none of what the graph holds
                leaf.zero_grad()
        for once, again in zip(*found, strict=True):
            assert harness.same_bits(once, again), sample


@each_differentiable_op
def test_passes_gradcheck(name):
    sample = min(
        SAMPLES[name],
        key=lambda s: sum(a.size or 10**6 for a in s.make("float64").values() if harness.is_float(a)),
    )
    arguments = copied(sample.make("float64"))
    names = harness.differentiable(name, arguments)
    counts = [len(arguments[i]) if isinstance(arguments[i], list) else None for i in names]
    flat = [a for i in names for a in (arguments[i] if isinstance(arguments[i], list) else [arguments[i]])]

    def function(*tensors):
        given, rest = dict(copied(arguments)), list(tensors)
        for i, count in zip(names, counts, strict=True):
            given[i] = rest.pop(0) if count is None else [rest.pop(0) for _ in range(count)]
        return first(call(name, given))

    assert fastconv.gradcheck(function, flat)


def results_with(threads, name, arguments):
    """The result and every gradient, computed by this many threads; dropout draws the same numbers again."""
    fastconv.manual_seed(0)
    with fastconv.threads(threads):
        value = first(call(name, copied(arguments)))
        grad_output = harness.grad_output_for(value)
        grads = harness.gradients(name, copied(arguments), grad_output) if OPS[name].inputs else []
    return [value, *map(np.ascontiguousarray, grads)]


@each_dtype
@each_op
def test_same_bits_for_any_thread_count(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    large = LARGE.get(name, [])
    for sample in [*SAMPLES[name], *large]:
        arguments = sample.make(dtype)
        alone = results_with(1, name, arguments)
        for threads in (2, 3) if sample in large else (3,):
            together = results_with(threads, name, arguments)
            for number, (a, b) in enumerate(zip(alone, together, strict=True)):
                same = harness.same_bits(a, b)
                report.check(same, f"result {number} of {threads} threads differs from that of 1", sample)
    report.finish()


@each_dtype
@pytest.mark.parametrize("name", sorted(set(LARGE) & set(OPS)))
def test_large_calls_agree_with_the_oracle(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for sample in LARGE[name]:
        if name not in CONVOLUTIONS:
            continue
        arguments = sample.make(dtype)
        want = harness.oracle(name, arguments)
        report.close(call(name, arguments), want, bound(name, arguments, want, dtype), sample)
    report.finish()


@pytest.mark.parametrize("name", [name for name in SAMPLED if OPS[name].inputs])
def test_takes_half_precision_as_a_storage_type(name):
    report = Report(name, "float16")
    for sample in SAMPLES[name][:3]:
        arguments = copied(sample.make("float32"))
        half = harness.mapped(arguments, lambda a: a.astype(np.float16))
        got = first(call(name, half))
        want = first(call(name, harness.mapped(half, lambda a: a.astype(np.float32)))).astype(np.float16)
        report.check(
            got.dtype == np.float16 and np.array_equal(got, want, equal_nan=True), "not rounded once", sample
        )
    report.finish()


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "object"])
@each_differentiable_op
def test_refuses_what_is_not_float(name, dtype):
    arguments = SAMPLES[name][0].make("float32")
    argument = OPS[name].inputs[0]
    if OPS[name].sequence:
        arguments[argument] = [value.astype(dtype) for value in arguments[argument]]
    else:
        arguments[argument] = arguments[argument].astype(dtype)
    with pytest.raises(TypeError, match=f"^{name}: {argument}.* is .*expected"):
        call(name, arguments)


@each_differentiable_op
def test_refuses_mixed_dtypes(name):
    arguments = copied(SAMPLES[name][0].make("float32"))
    names = harness.differentiable(name, arguments)
    for argument in names[1:]:
        mixed = {**arguments, argument: arguments[argument].astype(np.float64)}
        with pytest.raises(TypeError, match=f"^{name}: "):
            call(name, mixed)
