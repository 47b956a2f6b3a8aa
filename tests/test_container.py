"""Sequential, ModuleList and ModuleDict hold modules; Sequential joins layers without changing results."""

import operator

import numpy as np
import pytest

import fastconv
from fastconv import nn
from fastconv.nn import functional as F
from nets import draw, small_model


def test_containers_index_slice_grow_and_shrink():
    model = small_model()
    assert isinstance(model[0], nn.Conv2d)
    assert isinstance(model[-1], nn.Linear)
    assert len(model[1:3]) == 2
    model[-1] = nn.Linear(64, 10)
    assert model(draw((2, 1, 8, 8))).shape == (2, 10)
    del model[2]
    assert [name for name, _ in model.named_children()] == list("01234")
    model.insert(2, nn.Tanh()).append(nn.Identity())
    assert [type(m).__name__ for m in model][2] == "Tanh"
    blocks = nn.ModuleList([nn.Linear(2, 2)]).extend([nn.Linear(2, 3)])
    assert next(iter(nn.ModuleDict({"a": blocks}).state_dict())) == "a.0.weight"
    backbone = model[2:].append(nn.Tanh())
    assert [name for name, _ in backbone.named_children()] == list("234567")
    tail = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])[1:].append(nn.Linear(2, 3))
    assert list(tail.state_dict()) == ["1.weight", "1.bias"]
    named = nn.Sequential({"body": nn.Linear(2, 2), "head": nn.ReLU()})
    assert list(named.state_dict()) == ["body.weight", "body.bias"]
    with pytest.raises(TypeError, match="expected a Module"):
        nn.Sequential(np.zeros(3))


def test_module_dict_is_a_dict_and_refuses_names_that_are_taken():
    heads = nn.ModuleDict({"a": nn.ReLU()})
    heads.update({"b": nn.Linear(2, 3), "a": nn.Tanh()})
    assert heads.keys() == ["a", "b"]
    assert "b" in heads
    assert "c" not in heads
    assert isinstance(heads.pop("a"), nn.Tanh)
    del heads["b"]
    assert len(heads) == 0
    for name in ("keys", "forward", "train", "a.b", ""):
        with pytest.raises(ValueError, match="ModuleDict: modules has the name"):
            heads[name] = nn.ReLU()
        with pytest.raises(ValueError, match="Sequential: modules has the name"):
            nn.Sequential({name.replace("keys", "append"): nn.ReLU()})


def test_containers_add_up_and_give_up_their_modules():
    first, second = nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential({"head": nn.Linear(3, 1)})
    both = first + second
    assert type(both) is nn.Sequential
    assert list(both.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert both[2] is second[0]
    assert len(first) == 2
    with pytest.raises(TypeError, match="unsupported operand"):
        operator.add(first, [nn.ReLU()])
    head = both.pop()
    assert head is second[0]
    assert both.pop(0) is first[0]
    assert [name for name, _ in both.named_children()] == ["0"]
    with pytest.raises(IndexError, match="Sequential has 1 modules, index is 1"):
        both.pop(1)
    before = both
    both += [head]
    both += both
    assert both is before
    assert len(both) == 4
    blocks = operator.add(nn.ModuleList([nn.ReLU()]), [nn.Tanh(), nn.Identity()])
    assert isinstance(blocks.pop(1), nn.Tanh)
    assert [type(block) for block in blocks] == [nn.ReLU, nn.Identity]


def test_lists_and_dicts_of_parameters_belong_to_the_model():
    torch = pytest.importorskip("torch")
    listed = []
    for library, new in ((nn, np.zeros), (torch.nn, torch.zeros)):
        model = library.Module()
        model.weights = library.ParameterList([library.Parameter(new(2))])
        model.weights.append(library.Parameter(new(3))).extend([new(1)])
        model.weights[-1] = library.Parameter(new(4))
        model.scales = library.ParameterDict({"b": new(5), "a": new(6)})
        model.scales.update({"c": library.Parameter(new(7))})
        model.scales.pop("b")
        tail = [tuple(value.shape) for value in model.weights[1:]]
        sizes = (len(model.weights), len(model.scales), list(model.scales.keys()), "a" in model.scales)
        named = [(name, tuple(value.shape)) for name, value in model.named_parameters()]
        listed.append((named, tail, sizes, list(model.state_dict())))
    assert listed[0] == listed[1]
    with pytest.raises(IndexError):
        nn.ParameterList([[1.0]])[1] = [2.0]
    with pytest.raises(ValueError, match="^ParameterDict: parameters has the name 'keys'"):
        nn.ParameterDict({"keys": [1.0]})


@pytest.mark.parametrize(
    "activation", [nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.SiLU, nn.Hardswish, nn.LeakyReLU]
)
def test_inference_fuses_activations_without_changing_results(activation):
    model = nn.Sequential(nn.Conv2d(3, 4, 3, seed=0), activation(), nn.Conv2d(4, 2, 3, seed=1), activation())
    x = draw((2, 3, 8, 8))
    recorded = model(x).numpy()
    with fastconv.no_grad():
        np.testing.assert_allclose(model(x).numpy(), recorded, rtol=1e-5, atol=1e-6)


def normalised(conv, **options):
    norm = nn.BatchNorm2d(4, **options)
    if norm.running_var is not None:
        norm.running_mean[...], norm.running_var[...] = draw(4), np.abs(draw(4)) + 0.5
    for parameter in norm.parameters():
        parameter.data[...] = draw(parameter.shape)
    return conv, norm


FOLDS = {
    "plain": lambda: normalised(nn.Conv2d(3, 4, 3, seed=0)),
    "no bias": lambda: normalised(nn.Conv2d(3, 4, 3, bias=False, seed=0)),
    "groups, stride": lambda: normalised(nn.Conv2d(6, 4, 3, 2, 1, groups=2, seed=0)),
    "no weight": lambda: normalised(nn.Conv2d(3, 4, 3, seed=0), affine=False),
    "no shift": lambda: normalised(nn.Conv2d(3, 4, 3, seed=0), bias=False),
    "statistics of the batch": lambda: normalised(nn.Conv2d(3, 4, 3, seed=0), track_running_stats=False),
    "reflected": lambda: normalised(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect", seed=0)),
    "large weight": lambda: normalised(nn.Conv2d(8192, 4, 3, seed=0)),
}


@pytest.mark.parametrize("activation", [None, nn.ReLU, nn.ReLU6, nn.SiLU])
@pytest.mark.parametrize("name", FOLDS)
def test_inference_folds_batch_normalisation_without_changing_results(name, activation):
    model = nn.Sequential(*FOLDS[name](), *([] if activation is None else [activation()])).eval()
    x = draw((2, model[0].in_channels, 9, 8))
    recorded = model(x).numpy()
    with fastconv.no_grad():
        np.testing.assert_allclose(model(x).numpy(), recorded, rtol=1e-5, atol=1e-5)
        model[1].bias is None or np.copyto(model[1].bias.data, 3)  # the next call sees what changed
        changed = model(x).numpy()
    np.testing.assert_allclose(changed, model(x).numpy(), rtol=1e-5, atol=1e-5)


def test_inference_folds_nothing_that_forward_refuses_or_a_hook_sees():
    seen = []
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    model[1].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    with fastconv.no_grad():
        model(draw((1, 3, 5, 5)))
        assert seen == [(1, 4, 3, 3)]
        with pytest.raises(ValueError, match="BatchNorm2d: input has 3 axes"):
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()(draw((3, 5, 5)))
        with pytest.raises(ValueError, match="batch_norm"):
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5)).eval()(draw((1, 3, 5, 5)))
        with pytest.raises(TypeError, match="batch_norm"):
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, dtype=np.float64)).eval()(draw((1, 3, 5, 5)))


def step(model, x):
    """Result and gradients of one pass, all layers called in turn if they are hooked."""
    model.zero_grad()
    result = model(x)
    (result * result).sum().backward()
    return [result.numpy(), *(parameter.grad for parameter in model.parameters())]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.Hardswish])
@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2)])
@pytest.mark.parametrize("norm", [nn.Identity, lambda: nn.BatchNorm2d(4)])
def test_training_fuses_layers_without_changing_results_or_gradients(norm, activation, pool):
    def model():
        last = nn.Conv2d(4, 2, 3, seed=1)
        return nn.Sequential(nn.Conv2d(3, 4, 3, seed=0), norm(), activation(), pool, last, activation())

    fused, plain = model(), model()
    for module in plain:
        module.register_forward_hook(lambda module, inputs, output: None)
    x = draw((4, 3, 10, 10)) * 3
    for ours, expected in zip(step(fused, x), step(plain, x), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_training_fuses_no_layer_that_a_subclass_changed():
    class Doubled(nn.Conv2d):
        def forward(self, input):
            return super().forward(input) * 2.0

    class Shifted(nn.ReLU):
        def forward(self, input):
            return super().forward(input) + 1.0

    class Lowered(nn.MaxPool2d):
        def forward(self, input):
            return super().forward(input) - 5.0

    replaced = nn.Conv2d(1, 1, 1, seed=0)
    replaced.forward = lambda input: F.conv2d(input, replaced.weight) * 2.0
    x = draw((2, 1, 4, 4))
    for layers in (
        [Doubled(1, 1, 1, seed=0), nn.ReLU()],
        [replaced, nn.ReLU()],
        [nn.Conv2d(1, 1, 1, seed=0), Shifted()],
        [nn.ReLU(), Lowered(2)],
    ):
        one, other = layers
        np.testing.assert_array_equal(np.asarray(nn.Sequential(*layers)(x)), np.asarray(other(one(x))))


def test_what_changes_between_two_calls_for_inference_is_seen(monkeypatch):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 3, 8, 8), np.float32)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, seed=0), nn.BatchNorm2d(4), nn.ReLU()).eval()
    with fastconv.no_grad():
        first, seen = model(x).numpy(), []
        np.testing.assert_array_equal(model(x).numpy(), first)
        with model[1].register_forward_hook(lambda module, inputs, output: seen.append(output)):
            np.testing.assert_allclose(model(x).numpy(), first, rtol=1e-5, atol=1e-6)
        assert len(seen) == 1
        model(x)
        assert len(seen) == 1
        model[2].forward = lambda input: input * 0
        assert not model(x).numpy().any()
        del model[2].forward
        np.testing.assert_array_equal(model(x).numpy(), first)
        model[2] = nn.Identity()
        assert (model(x).numpy() < 0).any()
        model.append(nn.ReLU())
        np.testing.assert_allclose(model(x).numpy(), first, rtol=1e-5, atol=1e-6)
        with monkeypatch.context() as patch:
            patch.setattr(nn.ReLU, "forward", lambda self, input: input * 0)
            assert not model(x).numpy().any()
        model[1].running_mean += 1
        assert (model(x).numpy() != first).any()


def test_what_changes_between_two_calls_in_training_is_seen():
    x = np.random.default_rng(3).standard_normal((2, 3, 8, 8), np.float32)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, seed=0), nn.ReLU(), nn.MaxPool2d(2))
    first, seen = model(x).numpy(), []
    with model[0].register_forward_hook(lambda module, inputs, output: seen.append(output)):
        np.testing.assert_allclose(model(x).numpy(), first, rtol=1e-5, atol=1e-6)
    assert seen[0].shape == (2, 4, 6, 6)
    model[2].return_indices = True
    values, indices = model(x)
    np.testing.assert_allclose(values.numpy(), first, rtol=1e-5, atol=1e-6)
    assert indices.shape == values.shape
    model[2] = nn.AvgPool2d(2)
    assert (model(x).numpy() < first).any()


def test_a_prepared_convolution_folds_a_norm_at_any_size():
    x = np.random.default_rng(4).standard_normal((2, 600, 2, 2), np.float32)
    model = nn.Sequential(nn.Conv2d(600, 600, 1, seed=0), nn.BatchNorm2d(600), nn.ReLU()).eval()
    with fastconv.no_grad():
        plain = model(x).numpy()
        model.prepare()
        for shift in (0, 1):
            model[1].running_mean += shift
            np.testing.assert_allclose(
                model(x).numpy(), np.maximum(model[1](model[0](x)).numpy(), 0), rtol=1e-4, atol=1e-5
            )
    assert (plain != 0).any()


# Cells that no window of the pool sees are not computed, and get no gradient; everything else is as layer by layer.
@pytest.mark.parametrize(
    ("size", "conv", "pool"),
    [
        ((15, 15), {}, {}),
        ((14, 17), {"padding": "same"}, {"kernel_size": 3}),
        ((21, 22), {"padding": 1, "stride": 2}, {"kernel_size": (3, 2), "padding": 1}),
        ((15, 21), {"padding": (0, 2), "dilation": (2, 1)}, {"kernel_size": (2, 3), "dilation": (1, 2)}),
        ((9, 12), {}, {"kernel_size": 6}),
        ((15, 15), {}, {"ceil_mode": True}),
        ((15, 15), {"padding": 1, "padding_mode": "reflect"}, {}),
    ],
)
def test_a_convolution_computes_what_the_pool_after_it_sees(size, conv, pool):
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, **conv, seed=0, dtype=np.float64), nn.ReLU(), nn.MaxPool2d(**{"kernel_size": 2, **pool})
    )
    x = fastconv.Tensor(np.random.default_rng(1).standard_normal((4, 3, *size)), requires_grad=True)
    found = []
    for call in (model, lambda x: model[2](model[1](model[0](x)))):
        model.zero_grad()
        x.grad = None
        plain = call(x)
        plain.backward(np.cos(plain.data))
        with fastconv.no_grad():
            found.append([plain.data, call(x).data, x.grad, *(p.grad for p in model.parameters())])
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="max_pool2d: kernel_size"):
        nn.Sequential(model[0], nn.MaxPool2d(40))(x)


def test_positions_of_a_pool_are_of_the_whole_convolution():
    conv, pool = nn.Conv2d(3, 5, 3, seed=0), nn.MaxPool2d(2, return_indices=True)
    x = np.random.default_rng(1).standard_normal((2, 3, 15, 15)).astype(np.float32)
    with fastconv.no_grad():
        y, indices = nn.Sequential(conv, pool)(x)
        features = conv(x).data.reshape(2, 5, -1)
    found = np.take_along_axis(features, indices.data.reshape(2, 5, -1), 2)
    np.testing.assert_array_equal(found.ravel(), y.data.ravel())
