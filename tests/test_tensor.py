"""The tape: what is recorded, what is freed, and how it refuses misuse."""

import array
import gc
import threading
import weakref

import numpy as np
import pytest

import fastconv as fc
from fastconv import Function, Tensor, checkpoint, gradcheck, no_grad


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


class Double(Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


class Triple(Function):
    """Its gradient is wrong on purpose."""

    @staticmethod
    def forward(ctx, x):
        return 3 * x

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


def test_data_is_taken_without_a_copy():
    array = np.zeros(3, np.float32)
    assert Tensor(array).data is array
    assert Tensor(array).numpy() is array


def test_arrays_in_give_arrays_out_and_tensors_in_give_tensors_out():
    x = np.ones((1, 2), np.float32)
    assert type(fc.relu(x)) is np.ndarray
    assert type(fc.relu(Tensor(x))) is Tensor
    assert not fc.relu(Tensor(x)).requires_grad
    assert fc.relu(Tensor(x, requires_grad=True)).requires_grad


def test_one_tensor_among_arrays_is_enough():
    result = fc.linear(np.ones((2, 3)), Tensor(np.ones((4, 3)), requires_grad=True))
    assert type(result) is Tensor
    assert result.requires_grad


def test_gradients_of_a_value_used_twice_add_up():
    x = leaf(1.0, -2.0)
    (x * x + x).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, -3.0])


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"activation": "relu"}, {"precision": "exact"}], ids=str)
@pytest.mark.parametrize("operation", [fc.conv2d, fc.conv_transpose2d], ids=["conv2d", "conv_transpose2d"])
def test_gradients_of_what_convolutions_share_add_up(operation, options):
    x, *weights = (np.random.default_rng(0).standard_normal(shape) for shape in [(2, 4, 9, 9), *[(4, 4, 3, 3)] * 2])

    def gradient(*losses):
        leaf = Tensor(x, requires_grad=True)
        shared = leaf * 1.0
        sum([loss(shared) for loss in losses]).backward()
        return leaf.grad

    losses = [lambda y, w=w: operation(y, w, padding=1, **options).sum() for w in weights] + [lambda y: (y * 3).sum()]
    for order in (losses, losses[::-1]):
        np.testing.assert_allclose(gradient(*order), sum(gradient(loss) for loss in losses), rtol=1e-12, atol=1e-12)


def test_gradients_accumulate_over_backward_calls_until_zero_grad():
    x = leaf(1.0)
    for _ in range(2):
        (x * 3.0).sum().backward()
    assert x.grad == 6.0
    x.zero_grad()
    assert x.grad is None


def test_a_diamond_visits_each_node_once():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 0.5
    y.sum().backward()
    assert x.grad == 1.0


def test_a_chain_of_20000_operations_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    y.sum().backward()
    assert x.grad == 1.0


def test_dropping_a_long_chain_needs_no_recursion():
    y = leaf(1.0)
    for _ in range(50_000):
        y = y * 1.0
    del y
    gc.collect()


def test_backward_frees_what_the_graph_saved():
    x = leaf(1.0, 2.0)
    middle = fc.exp(x)
    saved = weakref.ref(middle.data)
    loss = (middle * middle).sum()
    del middle
    assert saved() is not None, "the graph must keep what backward needs"
    loss.backward()
    gc.collect()
    assert saved() is None


def test_a_freed_graph_refuses_a_second_backward():
    loss = (leaf(1.0) * 2.0).sum()
    loss.backward()
    with pytest.raises(ValueError, match="freed"):
        loss.backward()


def test_backward_needs_a_gradient_for_anything_but_one_number():
    y = leaf(1.0, 2.0) * 2.0
    with pytest.raises(ValueError, match="grad is missing"):
        y.backward()
    with pytest.raises(ValueError, match="shape"):
        y.backward(np.ones(3))
    with pytest.raises(TypeError, match="float32"):
        y.backward(np.ones(2, np.float32))


def test_backward_refuses_what_was_not_recorded():
    with pytest.raises(ValueError, match="does not require a gradient"):
        Tensor([1.0]).backward()


def test_backward_leaves_the_given_gradient_alone():
    x = leaf(1.0, 2.0)
    grad = np.array([1.0, 5.0])
    y = x + x
    y.backward(grad)
    np.testing.assert_array_equal(grad, [1.0, 5.0])
    np.testing.assert_array_equal(x.grad, [2.0, 10.0])
    assert not np.may_share_memory(x.grad, grad)


def test_gradients_of_two_leaves_share_no_memory():
    a, b = leaf(1.0), leaf(2.0)
    (a + b).backward()
    a.grad += 1
    assert b.grad == 1.0


def test_broadcasting_sums_the_gradient_back():
    a = Tensor(np.ones((2, 1, 3)), requires_grad=True)
    b = Tensor(np.full((4, 1), 2.0), requires_grad=True)
    (a * b).sum().backward()
    np.testing.assert_array_equal(a.grad, np.full((2, 1, 3), 8.0))
    np.testing.assert_array_equal(b.grad, np.full((4, 1), 6.0))


def test_an_array_on_the_left_of_an_operator_is_recorded():
    x = leaf(2.0)
    (np.array([3.0]) * x).backward()
    assert x.grad == 3.0


def test_python_numbers_keep_the_dtype():
    assert (Tensor(np.ones(1, np.float32)) * 2.5 + 1).dtype == np.float32


def test_detach_cuts_the_tape():
    x = leaf(3.0)
    (x * x.detach()).backward()
    assert x.grad == 3.0


def test_no_grad_records_nothing_as_context_and_as_decorator():
    x = leaf(1.0)
    with no_grad():
        assert not (x * 2.0).requires_grad

    @no_grad()
    def double():
        return x * 2.0

    assert not double().requires_grad
    assert (x * 2.0).requires_grad


def test_no_grad_is_local_to_its_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((leaf(1.0) * 2.0).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (leaf(1.0) * 2.0).requires_grad


def test_integers_cannot_require_a_gradient():
    with pytest.raises(TypeError, match="int64"):
        Tensor(np.arange(3), requires_grad=True)


def test_a_gradient_is_asked_for_and_given_up_in_place():
    x = Tensor(np.array([3.0]))
    assert x.requires_grad_() is x
    (x * x).backward(retain_graph=False)
    np.testing.assert_array_equal(x.grad, [6])
    assert not x.requires_grad_(False).requires_grad
    with pytest.raises(TypeError, match="^requires_grad_: tensor is an array of int64"):
        Tensor(np.array([1])).requires_grad_()
    result = x.requires_grad_() * 2.0
    assert result.requires_grad_().requires_grad
    with pytest.raises(ValueError, match="^requires_grad_: requires_grad is False for a result"):
        result.requires_grad_(False)


def test_a_retained_graph_takes_backward_again_and_adds():
    x = leaf(1.0, 2.0)
    y = x * x
    loss = (y + y * 3.0).sum()
    loss.backward(retain_graph=True)
    np.testing.assert_array_equal(x.grad, [8, 16])
    loss.backward(retain_graph=None)
    np.testing.assert_array_equal(x.grad, [16, 32])
    with pytest.raises(ValueError, match="freed"):
        loss.backward()


@pytest.mark.parametrize("function", [fc.relu, fc.sigmoid, fc.tanh, fc.softmax, fc.log_softmax])
def test_methods_are_the_functions(function):
    x = leaf(-1.0, 2.0)
    options = {"dim": 0} if "softmax" in function.__name__ else {}
    result = getattr(x, function.__name__)(**options)
    assert result.requires_grad
    np.testing.assert_array_equal(result.data, function(x.data, **options))
    assert fc.cat is fc.concat


def test_item_is_for_one_element():
    assert leaf(2.5).item() == 2.5
    with pytest.raises(ValueError, match="2 elements"):
        leaf(1.0, 2.0).item()


def test_a_function_of_ones_own_is_recorded():
    x = leaf(1.0, 2.0)
    Double.apply(x * 3.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [6.0, 6.0])


def test_a_function_that_returns_a_gradient_of_wrong_shape_is_refused():
    class Wrong(Double):
        @staticmethod
        def backward(ctx, grad_output):
            return np.ones(7)

    with pytest.raises(ValueError, match="Wrong: gradient has shape"):
        Wrong.apply(leaf(1.0, 2.0)).sum().backward()


def test_a_function_that_returns_too_many_gradients_is_refused():
    class Many(Double):
        @staticmethod
        def backward(ctx, grad_output):
            return grad_output, grad_output

    with pytest.raises(ValueError, match="Many: backward returned 2 gradients"):
        Many.apply(leaf(1.0)).backward()


def test_a_function_cannot_change_gradients_that_others_share():
    class DoubledInPlace(Double):
        @staticmethod
        def backward(ctx, grad_output):
            grad_output *= 2
            return grad_output

    class Same(Double):
        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    x, given = leaf(1.0, 2.0), np.ones(2)
    middle = Same.apply(x)
    with pytest.raises(ValueError, match="read-only"):
        (DoubledInPlace.apply(middle) + middle).backward(given)
    np.testing.assert_array_equal(given, [1, 1])
    middle = Same.apply(x)
    (Double.apply(middle) + Same.apply(middle)).backward(given)
    np.testing.assert_array_equal(x.grad, [3, 3])
    x.grad *= 2
    np.testing.assert_array_equal(given, [1, 1])


def test_gradcheck_accepts_a_right_gradient():
    assert gradcheck(Double.apply, np.array([1.0, -2.0]))


def test_gradcheck_finds_a_wrong_gradient():
    with pytest.raises(AssertionError, match="gradcheck: input 0"):
        gradcheck(Triple.apply, np.array([1.0, -2.0]))


def test_gradcheck_finds_a_missing_gradient():
    with pytest.raises(AssertionError, match="gradcheck"):
        gradcheck(lambda t: Tensor(t.data * 2), np.array([1.0]))


def test_checkpoint_gives_the_same_bits_as_the_plain_call():
    data = np.random.default_rng(0).standard_normal((3, 4))

    def block(t):
        return fc.tanh(t * t) * 3.0

    plain, again = Tensor(data, requires_grad=True), Tensor(data, requires_grad=True)
    block(plain).sum().backward()
    checkpoint(block, again).sum().backward()
    assert plain.grad.tobytes() == again.grad.tobytes()


def test_gradients_of_a_function_come_in_the_dtype_of_its_inputs():
    class Promoted(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * np.float64(3)

    x = Tensor(np.ones((1, 1, 4), np.float32), requires_grad=True)
    Promoted.apply(fc.conv1d(Promoted.apply(x), np.ones((1, 1, 1), np.float32))).sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, np.full((1, 1, 4), 9))


def test_gradcheck_wants_a_tensor():
    with pytest.raises(TypeError, match="gradcheck: fn returned a ndarray"):
        gradcheck(lambda x: x.data, np.ones(2))


def test_indexing_scatters_the_gradient_and_counts_repeats():
    x = Tensor(np.arange(4.0), requires_grad=True)
    x[np.array([0, 0, 3])].sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize("index", [((0, 0, 3),), array.array("l", [0, 0, 3]), [0, 0, 3]])
def test_repeats_count_in_whatever_sequence_they_come(index):
    x = Tensor(np.arange(4.0), requires_grad=True)
    x[index].sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_gradients_of_arrays_without_axes_are_arrays(dtype):
    x, y = (Tensor(np.array(value, dtype), requires_grad=True) for value in (0.5, 2.0))
    for result in (-x, x * y, y / x, fc.maximum(x, y), x.exp(), x.max(), fc.mse_loss(x, y), fc.stack([x, y]).sum()):
        x.grad = y.grad = None
        result.backward()
        assert all(one.grad is None or type(one.grad) is np.ndarray for one in (x, y))
    assert type(fc.neg_backward(x.data, x.data)) is np.ndarray
    assert [type(grad) for grad in fc.mul_backward(x.data, x.data, y.data)] == [np.ndarray, np.ndarray]


def test_out_is_refused_while_a_gradient_is_recorded():
    with pytest.raises(ValueError, match="relu: out "):
        fc.relu(leaf(1.0), out=np.empty(1))


def test_only_the_first_of_several_results_is_differentiable():
    x = Tensor(np.arange(8.0).reshape(1, 1, 8), requires_grad=True)
    result, indices = fc.max_pool1d(x, 2, return_indices=True)
    assert result.requires_grad
    assert not indices.requires_grad
    result.sum().backward()
    np.testing.assert_array_equal(x.grad.ravel(), [0, 1] * 4)


def test_a_kept_result_may_be_resized_like_any_array():
    result = fc.relu(np.arange(1 << 15, dtype=np.float32))
    result.resize(1 << 17, refcheck=False)
    np.testing.assert_array_equal(result[: 1 << 15], np.arange(1 << 15))
    assert not result[1 << 15 :].any()


def test_plain_gradients_share_no_memory_with_what_was_given():
    g = np.ones((2, 3), np.float32)
    for result in (*fc.add_backward(g, g, g), fc.reshape_backward(g, np.zeros((3, 2), np.float32), (2, 3))):
        assert not np.shares_memory(result, g)
    first, second = fc.add_backward(g, g, g)
    assert not np.shares_memory(first, second)
