"""precision: exact sums where they are asked for, by call, block and tape."""

import threading

import numpy as np
import pytest

import fastconv as fc
from harness import same_bits
from samples import SAMPLES


def integers(*shape, dtype=np.float32):
    return np.random.default_rng(len(shape)).integers(-4, 5, shape).astype(dtype)


X, W = integers(2, 32, 20, 24), integers(40, 32, 3, 3)
DY = integers(2, 40, 20, 24)


def explained(capsys, *arguments, **keywords):
    found = fc.explain(*arguments, **keywords)
    capsys.readouterr()
    return found


@pytest.mark.parametrize("name", ["conv2d", "conv3d", "conv_transpose2d"])
def test_the_exact_samples_are_ones_that_default_computes_by_winograd(name, isa, capsys):
    sample = next(s for s in SAMPLES[name] if s.arguments.get("precision") == "exact").make("float32", True)
    assert "winograd" not in explained(capsys, getattr(fc, name), **sample).kernel
    del sample["precision"]
    assert "winograd" in explained(capsys, getattr(fc, name), **sample).kernel


def test_exact_needs_no_tolerance_forward_and_in_all_gradients(isa):
    wide = [a.astype(np.float64) for a in (DY, X, W)]
    with fc.precision("exact"):
        np.testing.assert_array_equal(fc.conv2d(X, W, padding=1), fc.conv2d(*wide[1:], padding=1))
        for got, want in zip(
            fc.conv2d_backward(DY, X, W, padding=1), fc.conv2d_backward(*wide, padding=1), strict=True
        ):
            np.testing.assert_array_equal(got, want)


def test_a_block_and_a_calls_own_argument_mean_the_same():
    by_call = fc.conv2d(X, W, padding=1, precision="exact")
    with fc.precision("exact"):
        by_block = fc.conv2d(X, W, padding=1)
        by_default = fc.conv2d(X, W, padding=1, precision="default")
        with fc.precision("default"):
            assert same_bits(fc.conv2d(X, W, padding=1), by_default)
        assert same_bits(fc.conv2d(X, W, padding=1), by_block)
    assert same_bits(by_call, by_block)
    assert not same_bits(by_call, by_default)
    assert same_bits(fc.conv2d(X, W, padding=1), by_default)


def test_fast_computes_as_default_while_no_machine_path_exists():
    assert same_bits(fc.conv2d(X, W, padding=1, precision="fast"), fc.conv2d(X, W, padding=1))


def test_a_block_is_local_to_its_thread():
    found = []
    with fc.precision("exact"):
        worker = threading.Thread(target=lambda: found.append(fc.conv2d(X, W, padding=1)))
        worker.start()
        worker.join()
    assert same_bits(found[0], fc.conv2d(X, W, padding=1))


def test_recorded_gradients_are_computed_as_their_forward_was():
    x, w = fc.Tensor(X, requires_grad=True), fc.Tensor(W, requires_grad=True)
    with fc.precision("exact"):
        y = fc.conv2d(x, w, padding=1)
    y.backward(DY)
    want = fc.conv2d_backward(DY, X, W, padding=1, precision="exact")
    assert same_bits(x.grad, want[0])
    assert same_bits(w.grad, want[1])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradients_by_shape_take_it_too(rank):
    x, w = integers(1, 4, *(9,) * rank), integers(5, 4, *(3,) * rank)
    dy = integers(1, 5, *(7,) * rank)
    want = getattr(fc, f"conv{rank}d_backward")(dy, x, w, precision="exact")
    np.testing.assert_array_equal(getattr(fc, f"conv{rank}d_input")(x.shape, w, dy, precision="exact"), want[0])
    np.testing.assert_array_equal(getattr(fc, f"conv{rank}d_weight")(x, w.shape, dy, precision="exact"), want[1])


def test_other_modes_are_refused():
    with pytest.raises(ValueError, match="^precision: mode is 'double'"), fc.precision("double"):
        pass
    with pytest.raises(TypeError, match="^precision: mode is 32"), fc.precision(32):
        pass
    with pytest.raises(ValueError, match="^conv2d: precision is 'double'"):
        fc.conv2d(X, W, precision="double")
    with pytest.raises(TypeError, match="^conv2d_backward: precision is 1"):
        fc.conv2d_backward(DY, X, W, padding=1, precision=1)
