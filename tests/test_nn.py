"""Modules have PyTorch's arguments, initial values and state keys; state loads strictly or not at all."""

import copy
import inspect
import math

import numpy as np
import pytest

import fastconv
from fastconv import Tensor, nn
from fastconv.nn import functional as F
from nets import draw, small_model


def test_default_initialisation_has_torchs_bounds_and_spread():
    for layer in (
        nn.Conv2d(8, 64, 3, seed=0),
        nn.Linear(100, 64, seed=0),
        nn.ConvTranspose2d(32, 8, 3, seed=0),
    ):
        fan_in = layer.weight.shape[1] * math.prod(layer.weight.shape[2:])
        bound = 1 / math.sqrt(fan_in)
        for array in (layer.weight.data, layer.bias.data):
            assert np.abs(array).max() <= bound
        assert layer.weight.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert nn.Embedding(1000, 50, seed=0).weight.data.std() == pytest.approx(1, rel=0.02)


def test_a_parameter_may_be_a_single_number():
    class Scale(nn.Module):
        def __init__(self):
            self.factor = nn.Parameter(np.array(2.0))

        def forward(self, x):
            return x * self.factor

    model = Scale()
    assert model.factor.shape == ()
    model.load_state_dict({"factor": np.array(3.0)})
    model(np.ones(4)).sum().backward()
    assert model.factor.grad.shape == ()
    assert model.factor.grad == 4


def test_initialisers_have_torchs_bounds():
    shape = (64, 32, 3, 3)
    w = nn.Parameter(np.empty(shape, np.float32))
    fan_in, fan_out = 32 * 9, 64 * 9
    init = nn.init
    assert init.kaiming_normal_(w, nonlinearity="relu", seed=1).data.std() == pytest.approx(
        math.sqrt(2 / fan_in), rel=0.03
    )
    assert init.xavier_normal_(w, seed=1).data.std() == pytest.approx(
        math.sqrt(2 / (fan_in + fan_out)), rel=0.03
    )
    assert np.abs(init.xavier_uniform_(w, seed=1).data).max() <= math.sqrt(6 / (fan_in + fan_out))
    assert np.abs(init.kaiming_uniform_(w, mode="fan_out", seed=1).data).max() <= math.sqrt(6 / fan_out)
    assert init.constant_(w, 3).data.min() == 3
    with pytest.raises(ValueError, match="calculate_fan: weight has shape"):
        init.xavier_normal_(nn.Parameter(np.zeros(3, np.float32)))


@pytest.mark.parametrize("limits", [{}, {"mean": 1, "std": 2, "a": 0.5, "b": 9}, {"a": 1.5, "b": 4}])
def test_a_truncated_normal_distribution_is_torchs(limits):
    torch = pytest.importorskip("torch")
    want = torch.nn.init.trunc_normal_(torch.empty(20000, dtype=float), **limits).numpy()
    got = nn.init.trunc_normal_(np.empty(20000), **limits, seed=0)
    np.testing.assert_allclose(*(np.quantile(a, np.linspace(0.05, 0.95, 10)) for a in (got, want)), atol=0.1)
    assert limits.get("a", -2) <= got.min() <= got.max() <= limits.get("b", 2)


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (4, 2, 3, 3), (5, 5)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape):
    matrix = nn.init.orthogonal_(nn.Parameter(np.empty(shape)), gain=2, seed=0).data.reshape(shape[0], -1) / 2
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 2, 3), (4, 6, 3, 4), (2, 2, 1, 2, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_weights_that_keep_their_input_are_torchs(shape, groups):
    init = pytest.importorskip("torch.nn.init")
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(nn.init.dirac_(np.empty(shape), groups), init.dirac_(torch.empty(shape), groups))
    np.testing.assert_array_equal(nn.init.eye_(np.empty(shape[:2])), init.eye_(torch.empty(shape[:2])))


def test_initialisers_refuse_weights_that_they_are_not_for():
    for fill, shape, options, came in (
        (nn.init.trunc_normal_, (3,), {"std": 0}, "std, a, b are 0, -2.0, 2.0"),
        (nn.init.orthogonal_, (3,), {}, "tensor has shape"),
        (nn.init.eye_, (2, 2, 2), {}, "tensor has shape"),
        (nn.init.dirac_, (2, 2), {}, "tensor has shape"),
        (nn.init.dirac_, (6, 2, 3), {"groups": 4}, "groups is 4"),
    ):
        with pytest.raises(ValueError, match=f"{fill.__name__}: {came}"):
            fill(np.empty(shape), **options)


def test_same_seed_gives_same_weights():
    nn.init.manual_seed(5)
    first = [nn.Linear(3, 4).weight.data, nn.Conv2d(3, 4, 3).weight.data]
    nn.init.manual_seed(5)
    again = [nn.Linear(3, 4).weight.data, nn.Conv2d(3, 4, 3).weight.data]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(nn.Linear(3, 4, seed=2).weight.data, nn.Linear(3, 4, seed=2).weight.data)


def test_module_names_parameters_buffers_and_children_as_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 3),
    )
    ours = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, method)()] == [n for n, _ in getattr(theirs, method)()], method
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_modules_take_the_keywords_of_torchs():
    torch = pytest.importorskip("torch")
    listed = []
    for library, new in ((nn, np.zeros), (torch.nn, torch.zeros)):

        class Owner(library.Module):
            pass

        model = Owner()
        model.add_module("inner", library.Linear(2, 2))
        model.register_parameter("scale", param=library.Parameter(new((1,))))
        model.register_buffer("count", tensor=new((1,)))
        library.init.constant_(model.scale, val=3.0)
        names = [name for name, _ in model.named_parameters(prefix="net", recurse=False)]
        names += [name for name, _ in model.named_parameters(prefix="net")]
        listed.append((names, len(list(model.parameters(recurse=False))), float(model.scale.data[0])))
        model.scale.grad = new((1,)) + 1.0
        model.zero_grad(set_to_none=False)
        assert float(model.scale.grad[0]) == 0
        model.zero_grad()
        assert model.scale.grad is None
    assert listed[0] == listed[1]


def test_shared_parameters_are_listed_once_and_saved_under_every_name():
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(model.parameters())) == 2
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_load_state_dict_lists_missing_unexpected_and_misshaped_keys_and_changes_nothing():
    model = small_model()
    before = {key: value.copy() for key, value in model.state_dict().items()}
    state = {key: value + 1 for key, value in before.items()}
    del state["0.bias"]
    state["extra"] = np.zeros(3)
    state["5.weight"] = np.zeros((3, 63))
    with pytest.raises(
        ValueError,
        match=r"missing 0\.bias.*unexpected extra.*5\.weight has shape \(3, 63\) \(expected \(3, 64\)\)",
    ):
        model.load_state_dict(state)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    state["5.weight"] = before["5.weight"]
    keys = model.load_state_dict(state, strict=False)
    assert keys == (["0.bias"], ["extra"])
    assert (keys.missing_keys, keys.unexpected_keys) == keys


def test_a_state_without_the_number_of_batches_loads_as_in_torch():
    model, other = small_model(), small_model(1)
    state = {key: value for key, value in other.state_dict().items() if "num_batches" not in key}
    assert model.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(model[0].weight.data, other[0].weight.data)


def test_lazy_layers_infer_sizes_and_keep_the_parameters_an_optimiser_already_holds():
    model = nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.Linear(None, 3)
    )
    held = list(model.parameters())
    y = model(draw((2, 5, 6, 6)))
    assert y.shape == (2, 3)
    assert all(a is b for a, b in zip(held, model.parameters(), strict=True))
    assert [p.shape for p in held] == [(4, 5, 3, 3), (4,), (4,), (4,), (3, 64), (3,)]


def test_lazy_layers_take_their_sizes_from_a_state():
    whole = nn.Sequential(nn.Conv2d(6, 4, 3, groups=2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 3))
    lazy = nn.Sequential(nn.LazyConv2d(4, 3, groups=2), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))
    lazy.load_state_dict(whole.state_dict())
    x = draw((2, 6, 6, 6))
    np.testing.assert_array_equal(lazy.eval()(x).numpy(), whole.eval()(x).numpy())


def test_train_eval_apply_requires_grad_zero_grad_and_dtype():
    model = small_model()
    assert not any(m.training for m in model.eval().modules())
    assert all(m.training for m in model.train().modules())
    seen = []
    model.apply(lambda m: seen.append(type(m).__name__))
    assert seen[-1] == "Sequential"
    assert len(seen) == 7
    model(draw((2, 1, 8, 8))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.requires_grad_(False)
    assert not model(draw((2, 1, 8, 8))).requires_grad
    model.to(np.float64)
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float64)}
    assert model[1].running_mean.dtype == np.float64
    assert model[1].num_batches_tracked.dtype == np.int64
    assert model.float()(draw((2, 1, 8, 8))).dtype == np.float32
    with pytest.raises(TypeError, match="dtype is int64"):
        model.to(int)


@pytest.mark.parametrize("replace", [lambda x: x + 1, lambda x: (x + 1,)])
def test_forward_pre_hooks_see_and_replace_inputs_until_removed(replace):
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    model[0].weight.data[...] = 1
    x = np.float32([[[[-1.5, 2]]]])
    seen = []
    handles = [
        model[1].register_forward_pre_hook(lambda module, given: seen.append(given[0].numpy())),
        model[1].register_forward_pre_hook(lambda module, given: replace(given[0])),
    ]
    with fastconv.no_grad():
        np.testing.assert_array_equal(model(x), [[[[0, 3]]]])
        np.testing.assert_array_equal(seen, [x])
        for handle in handles:
            handle.remove()
        np.testing.assert_array_equal(model(x), [[[[0, 2]]]])


def test_forward_hooks_see_and_replace_outputs_until_removed():
    layer = nn.ReLU()
    remove = layer.register_forward_hook(lambda module, given, output: output + 1)
    x = np.float32([-1, 2])
    np.testing.assert_array_equal(layer(x), [1, 3])
    remove()
    np.testing.assert_array_equal(layer(x), [0, 2])
    assert not nn.ReLU()._forward_hooks


def test_a_hook_registered_twice_is_called_twice_and_each_handle_removes_one():
    layer, x = nn.ReLU(), np.float32([1, 2])

    def add(module, given, output):
        return output + 1

    first, second = layer.register_forward_hook(add), layer.register_forward_hook(add)
    twin, its_first = copy.deepcopy((layer, first))
    np.testing.assert_array_equal(layer(x), [3, 4])
    first.remove()
    first.remove()
    np.testing.assert_array_equal(layer(x), [2, 3])
    np.testing.assert_array_equal(twin(x), [3, 4])
    its_first.remove()
    np.testing.assert_array_equal(twin(x), [2, 3])
    with second:
        pass
    np.testing.assert_array_equal(layer(x), [1, 2])


def test_embedding_looks_up_rows_and_spares_the_padding_row():
    layer = nn.Embedding(5, 3, padding_idx=-1, seed=0)
    indices = np.array([[0, 1, 1], [4, 4, 2]])
    out = layer(indices)
    np.testing.assert_array_equal(out.numpy(), layer.weight.data[indices])
    out.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [1, 2, 1, 0, 0])
    with pytest.raises(ValueError, match="embedding: input"):
        layer(np.array([5]))
    with pytest.raises(TypeError, match="embedding: input"):
        layer(np.array([1.0]))


def test_dropout_keeps_the_mean_while_training_and_does_nothing_in_evaluation():
    nn.init.manual_seed(0)
    x = np.ones((20, 50, 10, 10), np.float32)
    y = np.asarray(nn.Dropout(0.3)(x))
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert y.mean() == pytest.approx(1, abs=0.01)
    channels = np.asarray(nn.Dropout2d(0.3)(x))
    assert np.all(channels.min((2, 3)) == channels.max((2, 3)))
    assert 0.2 < (channels[..., 0, 0] == 0).mean() < 0.4
    assert nn.Dropout(0.3).eval()(x) is x
    with pytest.raises(ValueError, match="probability"):
        nn.Dropout(1.5)


def test_output_size_of_a_transposed_convolution_names_every_axis():
    layer, x = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1), draw((1, 2, 4, 6))
    for size in ((8, 12), [7, 11], (1, 3, 8, 12)):
        assert layer(x, output_size=size).shape == (1, 3, *size[-2:])
    assert layer(x[..., :4], output_size=8).shape == (1, 3, 8, 8)
    for size in ((8,), 8, (7, 8), (8, 12, 1), (8, 13)):
        with pytest.raises(ValueError, match="^ConvTranspose2d: output_size "):
            layer(x, output_size=size)
    with pytest.raises(TypeError, match="^ConvTranspose2d: output_size "):
        layer(x, output_size=(8.0, 12.0))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_a_model_may_be_stored_in_half_precision(name):
    dtype = np.dtype(pytest.importorskip("ml_dtypes").bfloat16 if name == "bfloat16" else name)
    model, x = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2)), draw((3, 2, 4, 4))
    want = model.eval()(x).numpy()
    assert model.to(dtype)[1].running_mean.dtype == dtype
    for ready in (model, model.prepare()):
        for recording in (True, False):
            with fastconv.enable_grad() if recording else fastconv.no_grad():
                result = np.asarray(ready(x.astype(dtype)))
            assert result.dtype == dtype
            np.testing.assert_allclose(result.astype(np.float32), want, atol=0.05)
    assert {value.dtype for value in model.parameters()} == {dtype}
    assert {value.dtype for value in model.to(np.float32).state_dict().values()} == {np.dtype("f4"), np.dtype("i8")}
    for refused in (np.longdouble, np.complex64):
        with pytest.raises(TypeError, match="^Module.to: dtype is "):
            model.to(refused)


def test_parameters_and_buffers_take_torchs_arguments():
    block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert list(block.parameters(recurse=False)) == list(block.buffers(recurse=False)) == []
    assert [name for name, _ in block[1].named_parameters("bn", recurse=False)] == ["bn.weight", "bn.bias"]
    assert next(iter(dict(block.named_buffers(prefix="block")))) == "block.1.running_mean"
    weight = block[0].weight
    weight.grad = np.ones(weight.shape, np.float32)
    block.zero_grad(set_to_none=False)
    assert not weight.grad.any()
    block.zero_grad(set_to_none=True)
    assert weight.grad is None


def test_summary_counts_parameters_and_flops():
    table = small_model().summary((1, 8, 8))
    assert table.parameters == 4 * 9 + 4 + 8 + 64 * 3 + 3
    convolution = table.rows[0]
    assert convolution.output_shape == (1, 4, 8, 8)
    assert convolution.flops == 2 * 9 * 4 * 64 + 4 * 64
    assert table.rows[-1].flops == 2 * 64 * 3 + 3
    assert "Conv2d" in str(table)
    transposed = nn.ConvTranspose2d(3, 8, 2, stride=2, bias=False).summary((3, 4, 4))
    assert transposed.flops == 2 * 16 * 3 * 8 * 4


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "kernel_size"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, "kernel_size has 3 values"),
        (lambda: nn.Conv2d(3, 4, 2.5), TypeError, "kernel_size"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels is 3"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels is 3"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "padding"),
        (lambda: nn.Conv2d(3, 4, 3, padding="same", stride=2), ValueError, "stride"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode"),
        (lambda: nn.Conv2d(3, 4, 3, dtype=np.int32), TypeError, "dtype is int32"),
        (lambda: nn.Linear(0, 3), ValueError, "in_features is 0"),
        (lambda: nn.BatchNorm2d(0), ValueError, "num_features is 0"),
        (lambda: nn.BatchNorm2d(3)(np.zeros((2, 3), np.float32)), ValueError, "input has 2 axes"),
        (lambda: nn.GroupNorm(3, 4), ValueError, "num_channels is 4"),
    ],
)
def test_senseless_layers_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_arguments_that_are_assigned_later_count():
    pool, loss, x = nn.MaxPool2d(2), nn.BCELoss(np.float32([1, 2])), np.full((1, 1, 4, 4), 0.5, np.float32)
    before = copy.copy(pool)
    pool.stride = 1
    assert before(x).shape == (1, 1, 2, 2)
    loss.reduction, loss.weight = "none", np.float32([3, 1])
    assert pool(x).shape == (1, 1, 3, 3)
    assert "stride=1" in repr(pool)
    assert "stride=1" in repr(copy.deepcopy(pool))
    np.testing.assert_allclose(loss(x[0, 0, 0, :2], np.float32([0, 1])), np.log(2) * np.float32([3, 1]), rtol=1e-6)


def test_every_layer_has_a_docstring_and_a_readable_repr():
    for name in nn.__all__:
        value = getattr(nn, name)
        if inspect.isclass(value):
            assert value.__doc__, name
            assert value.__module__.startswith("fastconv.nn"), name
    assert "Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))" in repr(small_model())


def test_modules_return_tensors_that_record_only_when_asked():
    model = small_model()
    assert model(draw((2, 1, 8, 8))).requires_grad
    with fastconv.no_grad():
        assert not model(draw((2, 1, 8, 8))).requires_grad


@pytest.mark.parametrize("change", [{"track_running_stats": False}, {"running_mean": None, "running_var": None}])
def test_batch_norm_whose_statistics_are_given_up_later_follows_torch(change):
    torch = pytest.importorskip("torch")
    ours, theirs, x = nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3), draw((4, 3, 5, 5))
    for name, value in change.items():
        setattr(ours, name, value)
        setattr(theirs, name, value)
    for training in (False, True):
        want = theirs.train(training)(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(ours.train(training)(x).numpy(), want, rtol=1e-5, atol=1e-6)
    for name, value in theirs.named_buffers():
        np.testing.assert_array_equal(getattr(ours, name), value)


def test_batch_norm_layer_adds_a_residual_and_rectifies_in_one_pass():
    layer, x, other = nn.BatchNorm2d(3), Tensor(draw((4, 3, 5, 5)), True), Tensor(draw((4, 3, 5, 5)), True)
    apart = F.relu(nn.BatchNorm2d(3)(x) + other)
    apart.sum().backward()
    expected = [apart.numpy(), x.grad, other.grad]
    x.grad = other.grad = None
    together = layer(x, activation="relu", residual=other)
    together.sum().backward()
    for ours, theirs in zip([together.numpy(), x.grad, other.grad], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="activation is 'tanh'"):
        layer(x, activation="tanh")
    with pytest.raises(ValueError, match="residual has shape"):
        layer(x, residual=other[:2])
