"""explain: the kernel that really ran, work counted by its definition, limits measured here."""

import numpy as np
import pytest

import fastconv as fc
from fastconv import OPS, _core
from harness import copied
from samples import SAMPLES

RNG = np.random.default_rng(3)


def drawn(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


X, W = drawn(1, 32, 40, 40), drawn(48, 32, 3, 3)


def test_counts_the_work_of_the_definition_and_prints_what_it_returns(capsys):
    found = fc.explain(fc.conv2d, X, W, padding=1)
    assert str(found) == capsys.readouterr().out.rstrip("\n")
    assert found.op == "conv2d"
    assert found.flops == 2 * 48 * 32 * 9 * 40 * 40
    assert found.bytes == X.nbytes + W.nbytes + 4 * 48 * 40 * 40
    assert found.intensity == found.flops / found.bytes
    assert found.isa == _core.isa()
    assert found.threads == fc.get_num_threads()
    assert (found.dtype, found.precision) == ("float32", "default")
    assert found.roofline == max(found.flops / found.peak_flops, found.bytes / found.bandwidth)
    assert found.bound in ("compute", "memory")
    assert found.percent == pytest.approx(100 * found.roofline / found.seconds)


def test_names_the_kernel_and_the_reason_that_the_table_of_choices_gives():
    kernels = {
        "winograd": fc.explain(fc.conv2d, X, W, padding=1),
        "gather": fc.explain(fc.conv2d, X, drawn(48, 32, 1, 1)),
        "pixels": fc.explain(fc.conv2d, X, drawn(48, 32, 4, 4), stride=4),
        "tall": fc.explain(fc.conv2d, drawn(1, 1, 40, 150), drawn(1, 1, 15, 15), padding=7),
        "strip": fc.explain(fc.conv2d, X, drawn(32, 1, 3, 3), groups=32),
        "channels last": fc.explain(fc.conv2d, drawn(1, 40, 40, 32), drawn(32, 1, 3, 3), groups=32, layout="NHWC"),
        "taps": fc.explain(fc.conv2d_backward, drawn(1, 6, 38, 38), X[:, :6], drawn(6, 1, 3, 3), groups=6),
        "channels": fc.explain(fc.conv2d_backward, drawn(1, 32, 9, 9), X[..., :11, :11], drawn(32, 2, 3, 3), groups=16),
        "tiles": fc.explain(fc.conv2d_backward, drawn(1, 48, 40, 40), X, W, padding=1, precision="exact"),
    }
    for word, found in kernels.items():
        assert word in found.kernel, found
        assert found.reason
    regions = fc.explain(fc.conv2d, X, W, padding=24, dilation=24)
    assert "regions" in regions.reason
    across = fc.explain(fc.conv_transpose2d, drawn(16, 32, 6, 6), drawn(32, 32, 7, 7))
    assert "several images" in across.reason
    exact = fc.explain(fc.conv2d, drawn(1, 32, 96, 96), drawn(128, 32, 3, 3), padding=1, precision="exact")
    assert (exact.kernel, exact.precision) == ("gather", "exact")
    assert "exact" in exact.reason


def test_names_every_pass_of_a_backward_and_counts_only_those_needed():
    dy = drawn(1, 48, 40, 40)
    both = fc.explain(fc.conv2d_backward, dy, X, W, padding=1)
    one = fc.explain(fc.conv2d_backward, dy, X, W, padding=1, needs=(False, True, False))
    assert "grad_input: " in both.kernel
    assert "grad_weight: " in both.kernel
    assert both.flops == 2 * one.flops
    assert both.op == "conv2d_backward"


def test_names_the_phases_of_a_transposed_convolution():
    found = fc.explain(fc.conv_transpose2d, X, drawn(32, 16, 3, 3), stride=3, dilation=2)
    assert "9 phases" in found.kernel
    together = fc.explain(fc.conv_transpose2d, X, drawn(32, 16, 3, 3), stride=3)
    assert together.kernel == "gather"
    assert "all phases" in together.reason


def test_a_prepared_weight_takes_the_same_kernel():
    plain = fc.explain(fc.conv2d, X, W, padding=1)
    ready = fc.explain(fc.conv2d, X, fc.prepare(fc.conv2d, W), padding=1)
    assert (ready.kernel, ready.reason, ready.flops) == (plain.kernel, plain.reason, plain.flops)


@pytest.mark.parametrize("name", sorted(OPS))
def test_explains_every_operation(name):
    arguments = copied(SAMPLES[name][0].make("float32"))
    found = fc.explain(OPS[name].public, **arguments)
    assert found.op == name
    assert found.kernel
    assert found.reason
    assert found.seconds > 0
    assert found.bytes > 0


def test_leaves_running_statistics_alone():
    mean, var = np.zeros(32, np.float32), np.ones(32, np.float32)
    fc.explain(fc.batch_norm, X, mean, var, training=True)
    assert not mean.any()


def test_refuses_what_is_no_operation():
    for wrong in (np.add, "conv2d", None, fc.explain):
        with pytest.raises(TypeError, match="^explain: op is "):
            fc.explain(wrong, X)
    with pytest.raises(ValueError, match="^conv2d: "):
        fc.explain(fc.conv2d, X, drawn(4, 3, 3, 3))
