"""prepare: weights made ready once, with the bits of the plain call and never stale."""

import numpy as np
import pytest

import fastconv as fc
from arguments import each_rank, function
from fastconv import _core
from harness import CONVOLUTIONS, Report, call, copied, same_bits
from samples import LARGE, SAMPLES

each_convolution = pytest.mark.parametrize("name", CONVOLUTIONS)
RNG = np.random.default_rng(5)


def drawn(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def parameters_of(arguments):
    return {key: arguments[key] for key in ("stride", "padding", "dilation", "groups") if key in arguments}


@each_convolution
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gives_the_bits_of_the_plain_call(name, dtype, isa):
    report = Report(name, dtype, isa=isa)
    for sample in [*SAMPLES[name], *LARGE.get(name, [])]:
        arguments = copied(sample.make(dtype))
        ready = fc.prepare(getattr(fc, name), arguments["weight"], **parameters_of(arguments))
        want = call(name, arguments)
        for _ in range(2):
            got = call(name, {**arguments, "weight": ready})
            report.check(same_bits(got, want), "prepared weight gives other bits", sample)
    report.finish()


def test_one_prepared_weight_serves_any_parameters_sizes_and_instruction_sets():
    w, before = drawn(32, 32, 3, 3), _core.isa()
    ready, ready_transposed = fc.prepare(fc.conv2d, w), fc.prepare(fc.conv_transpose2d, w)
    try:
        for level in [*_core.isa_levels(), _core.isa()]:
            _core.use_isa(level)
            for size, stride, padding in [(40, 1, 1), (9, 1, 0), (40, 2, 1), (41, 1, 1), (1, 2, 1), (40, (1, 2), 1)]:
                x = drawn(1, 32, size, size + 2)
                keywords = {"stride": stride, "padding": padding}
                assert same_bits(fc.conv2d(x, ready, **keywords), fc.conv2d(x, w, **keywords))
                got = fc.conv_transpose2d(x, ready_transposed, **keywords)
                assert same_bits(got, fc.conv_transpose2d(x, w, **keywords))
    finally:
        _core.use_isa(before)


def test_later_changes_of_the_weight_do_not_reach_it_and_it_cannot_be_written():
    x, w = drawn(1, 32, 30, 30), drawn(32, 32, 3, 3)
    ready, want = fc.prepare(fc.conv2d, w), fc.conv2d(x, w)
    w[...] = 0
    assert same_bits(fc.conv2d(x, ready), want)
    with pytest.raises(ValueError):
        ready.array[...] = 0
    with pytest.raises(ValueError):
        ready.array.setflags(write=True)
    np.asarray(ready)
    with pytest.raises(ValueError):
        np.asarray(ready)[...] = 0


def test_looks_like_the_weight_it_stands_for():
    w = drawn(32, 16, 3, 3)
    ready = fc.prepare(fc.conv2d, w, padding=1)
    assert (ready.shape, ready.ndim, ready.dtype) == (w.shape, 4, w.dtype)
    assert same_bits(np.array(ready), w)
    assert "conv2d" in repr(ready)
    assert "(32, 16, 3, 3)" in repr(ready)
    held = ready.nbytes
    fc.conv2d(drawn(1, 16, 32, 32), ready, padding=1)
    assert ready.nbytes > held == w.nbytes


def test_what_the_kernel_makes_is_made_once_and_kept_for_a_few_shapes():
    ready = fc.prepare(fc.conv2d, drawn(32, 32, 3, 3))
    for _ in range(3):
        fc.conv2d(drawn(1, 32, 40, 40), ready)
    (made,) = ready.made.values()
    assert made.nbytes == ready.nbytes - ready.array.nbytes > 0
    for size in range(20, 40):
        fc.conv2d(drawn(1, 32, size, size), ready)
    assert len(ready.made) == 4


@each_rank
def test_gradients_flow_to_the_input_alone(rank):
    x, w = drawn(1, 4, *(9,) * rank), drawn(6, 4, *(3,) * rank)
    convolve = function("conv", rank)
    a, b = fc.Tensor(x, requires_grad=True), fc.Tensor(x, requires_grad=True)
    convolve(a, fc.prepare(convolve, w)).sum().backward()
    convolve(b, w).sum().backward()
    assert same_bits(a.grad, b.grad)


def test_half_precision_is_stored_and_must_match_the_input():
    x, w = drawn(1, 4, 9, 9), drawn(6, 4, 3, 3)
    ready = fc.prepare(fc.conv2d, w.astype(np.float16))
    want = fc.conv2d(x.astype(np.float16), w.astype(np.float16))
    assert ready.dtype == np.float16
    assert same_bits(fc.conv2d(x.astype(np.float16), ready), want)
    for wrong in (x, x.astype(np.float64)):
        with pytest.raises(TypeError, match=r"^conv2d: weight is float16"):
            fc.conv2d(wrong, ready)
    with pytest.raises(TypeError, match=r"^conv2d: .* is float"):
        fc.conv2d(x.astype(np.float16), fc.prepare(fc.conv2d, w))


def test_refuses_what_the_operation_would():
    w = drawn(6, 4, 3, 3)
    with pytest.raises(TypeError, match=r"^prepare: op is "):
        fc.prepare(fc.relu, w)
    with pytest.raises(TypeError, match=r"^prepare: op is 'conv2d'"):
        fc.prepare("conv2d", w)
    with pytest.raises(TypeError, match=r"^conv2d: weight is an array of int64"):
        fc.prepare(fc.conv2d, w.astype(np.int64))
    with pytest.raises(ValueError, match=r"^conv1d: weight has 4 dimensions"):
        fc.prepare(fc.conv1d, w)
    for wrong in ({"stride": 0}, {"dilation": -1}, {"padding": -1}, {"groups": 0}, {"groups": 4}, {"padding": "full"}):
        with pytest.raises(ValueError, match=r"^conv2d: "):
            fc.prepare(fc.conv2d, w, **wrong)
    with pytest.raises(TypeError):
        fc.prepare(fc.conv2d, w, strides=2)
    with pytest.raises(ValueError, match=r"^conv2d: weight has 4 input channels"):
        fc.conv2d(drawn(1, 3, 9, 9), fc.prepare(fc.conv2d, w))


def small_model():
    return fc.nn.Sequential(
        fc.nn.Conv2d(3, 32, 3, padding=1, seed=0),
        fc.nn.ReLU(),
        fc.nn.Conv2d(32, 32, 3, padding=1, seed=1),
        fc.nn.ConvTranspose2d(32, 4, 2, stride=2, seed=2),
    )


def test_a_prepared_model_computes_the_same_and_is_never_stale():
    model, x = small_model(), drawn(2, 3, 24, 24)
    with fc.no_grad():
        want = model.eval()(x)
        assert model.prepare() is model
        assert not model.training
        assert same_bits(model(x).data, want.data)

        weight = model[2].weight
        with pytest.raises(ValueError):
            weight.data[...] = 0
        weight.data = np.zeros_like(weight.data)
        assert same_bits(model(x).data, small_model_with(model, x))

        model.prepare()
        state = {key: np.array(value) * 2 for key, value in model.state_dict().items()}
        model.load_state_dict(state)
        assert same_bits(model(x).data, small_model_with(model, x))


def small_model_with(model, x):
    """What a model that never was prepared gives with the same state."""
    fresh = small_model()
    fresh.load_state_dict(model.state_dict())
    with fc.no_grad():
        return fresh(x).data


def test_a_prepared_model_can_be_trained_at_once():
    model, x = small_model().prepare(), drawn(2, 3, 24, 24)
    for mode in (False, True):
        model.train(mode)
        before = model(x).data
        model(x).sum().backward()
        fc.optim.SGD(model.parameters(), lr=0.01).step()
        with fc.no_grad():
            assert not same_bits(model(x).data, before)
            assert same_bits(model(x).data, small_model_with(model, x))
        model.zero_grad()


def test_copies_of_a_prepared_model_are_their_own():
    import copy
    import pickle

    model, x = small_model().prepare(), drawn(1, 3, 24, 24)
    with fc.no_grad():
        want = model(x).data
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert same_bits(twin(x).data, want)
            twin[2].weight.data = twin[2].weight.data * 2
            assert not same_bits(twin(x).data, want)
        assert same_bits(model(x).data, want)


def test_a_prepared_model_keeps_folded_weights_while_the_batch_norm_has_the_same_numbers():
    model = fc.nn.Sequential(fc.nn.Conv2d(3, 32, 3, seed=0), fc.nn.BatchNorm2d(32), fc.nn.ReLU())
    x = drawn(2, 3, 24, 24)
    model(x)  # in training: the statistics move
    with fc.no_grad():
        want = model.eval()(x).data
        model.prepare()
        assert same_bits(model(x).data, want)
        kept = model[0]._folded
        assert same_bits(model(x).data, want)
        assert model[0]._folded is kept
        norm = model[1]
        for array in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data, model[0].bias.data):
            array += 0.5
            got = model(x).data
            assert not same_bits(got, want)
            model.train().eval()
            want = model(x).data  # of weights that are not prepared
            assert same_bits(got, want)
            model.prepare()
