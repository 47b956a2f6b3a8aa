"""Options whose promise is more than a value: what is written, what is not, which older words count."""

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "elu", "silu", "mish", "hardswish", "hardsigmoid"])
def test_inplace_is_taken_and_writes_nothing(name):
    x = np.linspace(-2, 2, 9)
    before = x.copy()
    result = getattr(fc, name)(x, inplace=True)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(x, result)


def test_dropout_takes_inplace_where_pytorch_has_it():
    x = np.ones(8)
    np.testing.assert_array_equal(fc.dropout(x, 1.0, True, True), np.zeros(8))
    np.testing.assert_array_equal(x, np.ones(8))


@pytest.mark.parametrize(
    ("size_average", "reduce", "reduction"),
    [(None, True, "mean"), (True, None, "mean"), (False, None, "sum"), (False, True, "sum"), (True, False, "none")],
)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"])
def test_older_switches_of_losses_decide_before_reduction(name, size_average, reduce, reduction):
    x, y = np.linspace(0, 1, 6), np.linspace(1, 3, 6)
    loss = getattr(fc, name)
    want = loss(x, y, reduction=reduction)
    np.testing.assert_array_equal(loss(x, y, size_average=size_average, reduce=reduce, reduction="none"), want)


def test_class_losses_take_pytorchs_positions():
    x, y, w = np.log([[0.2, 0.8], [0.5, 0.5]]), np.array([1, 0]), np.array([1.0, 3.0])
    want = fc.cross_entropy(x, y, weight=w, ignore_index=0, reduction="sum", label_smoothing=0.1)
    np.testing.assert_array_equal(fc.cross_entropy(x, y, w, None, 0, None, "sum", 0.1), want)
    np.testing.assert_array_equal(nn.CrossEntropyLoss(w, None, 0, None, "sum", 0.1)(x, y), want)
    np.testing.assert_array_equal(
        fc.nll_loss(x, y, w, None, 0, None, "sum"), fc.nll_loss(x, y, w, ignore_index=0, reduction="sum")
    )


def test_embedding_shortens_the_rows_that_are_looked_up_and_no_others():
    table = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    got = fc.embedding(np.array([0, 1, 0]), table, max_norm=1.0)
    np.testing.assert_allclose(got, [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(table, [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], rtol=1e-6)


def test_embedding_refuses_to_shorten_what_it_cannot_write():
    table = np.ones((3, 2))
    table.setflags(write=False)
    with pytest.raises(ValueError, match="^embedding: weight is read-only"):
        fc.embedding(np.array([0]), table, max_norm=1.0)


def test_embedding_divides_gradients_by_frequency_where_asked():
    table, rows = np.ones((3, 1)), np.array([0, 0, 2])
    grad = fc.embedding_backward(np.ones((3, 1)), rows, table, scale_grad_by_freq=True)
    np.testing.assert_array_equal(grad.ravel(), [1.0, 0.0, 1.0])


def test_embedding_layer_starts_from_a_table():
    table = np.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table, padding_idx=1)
    assert not layer.weight.requires_grad
    np.testing.assert_array_equal(np.asarray(layer(np.array([2, 1]))), [[4.0, 5.0], [2.0, 3.0]])


# One window narrower than its input once looked like windows side by side.
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradient_of_one_window_stays_inside_it(rank):
    shape = (2, 2, *(4,) * rank)
    grad = getattr(fc, f"avg_pool{rank}d_backward")(np.ones((2, 2, *(1,) * rank)), shape, 1, 5)
    want = np.zeros(shape)
    want[(..., *(0,) * rank)] = 1
    np.testing.assert_array_equal(grad, want)


def test_linear_with_a_vector_of_weights_has_gradients():
    grads = fc.linear_backward(np.array(2.0), np.array([1.0, 3.0]), np.array([5.0, 7.0]), np.array(1.0))
    for got, want in zip(grads, ([10.0, 14.0], [2.0, 6.0], 2.0), strict=True):
        np.testing.assert_array_equal(got, want)
