"""Optimisers and schedules follow torch.optim step by step; state survives a round trip."""

import copy
import pickle

import numpy as np
import pytest

from fastconv import nn, optim
from fastconv.optim import lr_scheduler

DTYPES = [np.float32, np.float64]
OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "maximize": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.02, "amsgrad": True}),
    ("Adam", {"lr": 0.01, "maximize": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
]
SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("ConstantLR", {"factor": 0.4, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 6}),
    ("PolynomialLR", {"total_iters": 7, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.9 + 0.001 * t}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3, "step_size_down": 5}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "mode": "triangular2"}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": [0.2, 0.3], "step_size_up": 4, "mode": "exp_range", "gamma": 0.95},
    ),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20}),
    (
        "OneCycleLR",
        {"max_lr": 0.3, "epochs": 4, "steps_per_epoch": 5, "three_phase": True, "anneal_strategy": "linear"},
    ),
]


def parameters(dtype, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(3, 4), (5,), (260, 257)]  # the last one is longer than one piece
    return [nn.Parameter(rng.standard_normal(shape).astype(dtype)) for shape in shapes]


def gradients(ours, step):
    rng = np.random.default_rng(1000 + step)
    return [rng.standard_normal(p.shape).astype(p.dtype) for p in ours]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "options"), OPTIMISERS)
def test_optimiser_follows_torch_step_by_step(name, options, dtype):
    torch = pytest.importorskip("torch")
    ours = parameters(dtype)
    theirs = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]
    mine, yours = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    for step in range(12):
        for own, other, gradient in zip(ours, theirs, gradients(ours, step), strict=True):
            own.grad, other.grad = gradient.copy(), torch.tensor(gradient)
        mine.step()
        yours.step()
        for own, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(own.data, other.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedule_follows_torch_step_by_step(name, options):
    torch = pytest.importorskip("torch")
    ours, theirs = parameters(np.float64), [torch.nn.Parameter(torch.zeros(2)) for _ in range(3)]

    def build(module, params):
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.05}]
        optimiser = module.SGD(groups, lr=0.1, momentum=0.9)
        return optimiser, getattr(module.lr_scheduler, name)(optimiser, **options)

    (mine, my_schedule), (yours, your_schedule) = build(optim, ours), build(torch.optim, theirs)
    yours.step()
    for _ in range(20):
        for own, other in zip(mine.param_groups, yours.param_groups, strict=True):
            assert own["lr"] == pytest.approx(other["lr"], rel=1e-12, abs=1e-15)
            assert own["momentum"] == pytest.approx(other["momentum"], rel=1e-12)
        assert my_schedule.get_last_lr() == pytest.approx(your_schedule.get_last_lr(), rel=1e-12, abs=1e-15)
        my_schedule.step()
        your_schedule.step()


# PyTorch divides by zero here.
def test_one_cycle_whose_rise_is_one_step_starts_at_the_peak():
    optimiser = optim.SGD(parameters(np.float32), lr=0.1, momentum=0.9)
    schedule = lr_scheduler.OneCycleLR(optimiser, 0.5, total_steps=10, pct_start=0.1)
    assert schedule.get_last_lr() == [0.5]
    schedule.step()
    assert 0 < schedule.get_last_lr()[0] < 0.5


def test_schedules_in_sequence_and_together_follow_torch():
    torch = pytest.importorskip("torch")

    def rates(module, param):
        optimiser = module.Adam([param], lr=0.1)
        s = module.lr_scheduler
        warm = s.LinearLR(optimiser, 0.1, total_iters=4)
        decay = s.CosineAnnealingLR(optimiser, T_max=6)
        steps = s.MultiStepLR(optimiser, [2, 3])
        sequence = s.SequentialLR(optimiser, [warm, decay, steps], milestones=[4, 9])
        slowly = s.ExponentialLR(optimiser, 0.99)
        optimiser.step()
        for _ in range(15):
            yield optimiser.param_groups[0]["lr"]
            sequence.step()
            slowly.step()

    assert list(rates(optim, parameters(np.float32)[0])) == pytest.approx(
        list(rates(torch.optim, torch.nn.Parameter(torch.zeros(2)))), rel=1e-12
    )


def test_chained_schedules_follow_torch_and_keep_their_state():
    torch = pytest.importorskip("torch")

    def chain(module, param):
        optimiser = module.SGD([param], lr=0.1)
        s = module.lr_scheduler
        warm = s.ConstantLR(optimiser, 0.1, total_iters=3)
        return optimiser, s.ChainedScheduler([warm, s.ExponentialLR(optimiser, 0.9), s.StepLR(optimiser, 2)])

    mine, ours = chain(optim, parameters(np.float32)[0])
    yours, theirs = chain(torch.optim, torch.nn.Parameter(torch.zeros(2)))
    again, copy = chain(optim, parameters(np.float32)[0])
    yours.step()
    for step in range(9):
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12)
        if step == 4:
            again.load_state_dict(mine.state_dict())
            copy.load_state_dict(ours.state_dict())
        for chained in (ours, theirs, *([copy] if step >= 4 else [])):
            chained.step()
    assert copy.get_last_lr() == ours.get_last_lr() == [group["lr"] for group in again.param_groups]
    with pytest.raises(ValueError, match="another optimizer"):
        lr_scheduler.ChainedScheduler([ours.schedulers[0], copy.schedulers[0]])


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1, "cooldown": 2},
        {"mode": "max", "factor": 0.5, "patience": 0, "threshold_mode": "abs", "min_lr": 0.02},
    ],
)
def test_plateau_follows_torch(options):
    torch = pytest.importorskip("torch")
    metrics = np.random.default_rng(3).uniform(0.5, 1.5, 30)

    def rates(module, param):
        optimiser = module.SGD([param], lr=0.1)
        schedule = module.lr_scheduler.ReduceLROnPlateau(optimiser, **options)
        for metric in metrics:
            schedule.step(metric)
            yield optimiser.param_groups[0]["lr"]

    expected = list(rates(torch.optim, torch.nn.Parameter(torch.zeros(2))))
    assert list(rates(optim, parameters(np.float32)[0])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIMISERS)
def test_optimiser_state_round_trip_continues_with_the_same_bits(name, options):
    def run(params, optimiser, steps):
        for step in steps:
            for p, gradient in zip(params, gradients(params, step), strict=True):
                p.grad = gradient
            optimiser.step()

    whole = parameters(np.float32)
    run(whole, getattr(optim, name)(whole, **options), range(6))
    first = parameters(np.float32)
    before = getattr(optim, name)(first, **options)
    run(first, before, range(3))
    second = [nn.Parameter(p.data.copy()) for p in first]
    after = getattr(optim, name)(second, **{**options, "lr": 77.0})
    after.load_state_dict(before.state_dict())
    run(second, after, range(3, 6))
    for a, b in zip(whole, second, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_schedule_state_round_trip():
    for name, options in SCHEDULES:
        a = optim.SGD(parameters(np.float32), lr=0.1, momentum=0.9)
        if isinstance(options.get("max_lr"), list):
            options = {**options, "max_lr": 0.2}
        first = getattr(lr_scheduler, name)(a, **options)
        for _ in range(4):
            first.step()
        b = optim.SGD(parameters(np.float32), lr=0.1, momentum=0.9)
        second = getattr(lr_scheduler, name)(b, **options)
        b.load_state_dict(a.state_dict())
        second.load_state_dict(first.state_dict())
        for _ in range(5):
            first.step()
            second.step()
            assert a.param_groups[0]["lr"] == b.param_groups[0]["lr"], name


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, 0.0, float("inf"), "inf", float("-inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_gradient_clipping_follows_torch(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    ours = parameters(np.float64)
    theirs = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]
    for own, other, gradient in zip(ours, theirs, gradients(ours, 0), strict=True):
        own.grad, other.grad = gradient.copy(), torch.tensor(gradient)
    norm = optim.clip_grad_norm_(ours, max_norm, norm_type)
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)))
    optim.clip_grad_value_(ours, 0.01)
    torch.nn.utils.clip_grad_value_(theirs, 0.01)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own.grad, other.grad.numpy(), rtol=1e-10)


def _stepped(make, data):
    parameter = nn.Parameter(data)
    parameter.grad = np.ones_like(parameter.data)
    optimizer = make([parameter])
    optimizer.step()
    return parameter, optimizer


KEEPING = [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), optim.RMSprop, lambda p: optim.Adam(p, amsgrad=True)]


@pytest.mark.parametrize("make", KEEPING)
def test_what_does_not_fit_the_parameter_is_refused(make):
    parameter, optimizer = _stepped(make, np.ones(10, np.float32))
    parameter.grad = np.ones(1, np.float32)
    with pytest.raises(ValueError, match=r"grad has shape \(1,\) \(expected \(10,\)\)"):
        optimizer.step()
    parameter.data = parameter.grad = np.ones(1000, np.float32)
    with pytest.raises(ValueError, match=r"has shape \(10,\) \(expected \(1000,\)\)"):
        optimizer.step()
    with pytest.raises(TypeError, match="params is an array of float16"):
        _stepped(make, np.ones(10, np.float16))


@pytest.mark.parametrize("make", KEEPING)
def test_state_follows_a_parameter_into_another_dtype(make):
    parameter, optimizer = _stepped(make, np.ones(10, np.float32))
    same, other = _stepped(make, np.ones(10))
    parameter.data, parameter.grad = parameter.data.astype(np.float64), np.ones(10)
    optimizer.step()
    other.step()
    np.testing.assert_allclose(parameter.data, same.data, rtol=1e-6)


@pytest.mark.parametrize("make", KEEPING)
def test_state_of_a_single_number_continues(make):
    parameter, optimizer = _stepped(make, np.array(1.0))
    parameter.data, parameter.grad = np.array(1.0), np.array(1.0)
    optimizer, again = make([parameter]), make([parameter])
    optimizer.step()
    again.load_state_dict(optimizer.state_dict())
    before = parameter.data.copy()
    optimizer.step()
    want = parameter.data.copy()
    parameter.data[...] = before
    again.step()
    assert parameter.data == want


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state["state"][0].pop("exp_avg_sq"), "state of parameter 0 has no exp_avg_sq"),
        (lambda state: state["state"][0].pop("step"), "state of parameter 0 has no step"),
        (lambda state: state["param_groups"][0].update(amsgrad=True), "parameter 0 has no max_exp_avg_sq"),
        (lambda state: state["state"].update({1: {}}), "state has the key 1"),
        (lambda state: state["state"].update({-1: {}}), "state has the key -1"),
        (lambda state: state["state"][0].update(step=-1), "step is -1"),
        (lambda state: state["param_groups"][0].update(lr=-1), "lr is -1"),
        (lambda state: state["param_groups"][0].update(betas=[0.9, 1.0]), "betas is"),
        (lambda state: state.pop("state"), "state has no state"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    parameter, optimizer = _stepped(optim.Adam, np.ones(3))
    before, state = copy.deepcopy(optimizer.state_dict()), optimizer.state_dict()
    change(state)
    with pytest.raises(ValueError, match=f"^Adam: .*{message}"):
        optimizer.load_state_dict(state)
    assert repr(optimizer.state_dict()) == repr(before)
    optimizer.load_state_dict({**before, "state": {}})
    optimizer.step()
    assert optimizer.state[parameter]["step"] == 1


def test_a_loaded_group_is_checked_as_a_given_one():
    _, optimizer = _stepped(optim.SGD, np.ones(3))
    state = optimizer.state_dict()
    state["param_groups"][0]["nesterov"] = True
    with pytest.raises(ValueError, match="nesterov is True with momentum 0"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (optim.SGD, {"momentum": 0.9}),
        (optim.RMSprop, {"momentum": 0.9}),
        (optim.RMSprop, {"centered": True}),
        (optim.Adam, {"amsgrad": True}),
    ],
)
def test_an_option_set_after_the_first_step_begins_with_fresh_state(make, option):
    parameter, optimizer = _stepped(make, np.ones(3))
    same, other = _stepped(lambda p: make(p, **option), np.ones(3))
    for key, value in optimizer.state[parameter].items():
        other.state[same][key] = copy.copy(value)
    for key in set(other.state[same]) - set(optimizer.state[parameter]):
        other.state[same][key] = np.zeros(3)
    if make is optim.SGD:
        other.state.clear()
    same.data[...] = parameter.data
    optimizer.param_groups[0].update(option)
    for _ in range(3):
        optimizer.step()
        other.step()
        np.testing.assert_array_equal(parameter.data, same.data)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_a_copied_optimiser_continues_beside_its_copied_model(twin):
    both = _stepped(optim.Adam, np.ones(3))
    for parameter, optimizer in (both, twin(both)):
        assert list(optimizer.state_dict()["state"]) == [0]
        optimizer.step()
        assert optimizer.state[parameter]["step"] == 2
        np.testing.assert_allclose(parameter.data, 0.998, rtol=1e-6)


def test_clipping_reaches_the_gradient_of_a_single_number():
    scale = nn.Parameter(np.array(3.0))
    (scale * scale).backward()
    assert optim.clip_grad_norm_([scale], 1.0) == 6
    assert float(scale.grad) == pytest.approx(1)


def test_step_changes_arrays_in_place_and_skips_what_has_no_gradient():
    first, second = parameters(np.float32)[:2]
    array, untouched = first.data, second.data.copy()
    first.grad = np.ones_like(array)
    optim.Adam([first, second]).step()
    assert first.data is array
    np.testing.assert_array_equal(second.data, untouched)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD([]), "params is empty"),
        (lambda p: optim.SGD([p, p]), "one parameter twice"),
        (lambda p: optim.SGD([p], lr=-1), "lr is -1"),
        (lambda p: optim.SGD([p], nesterov=True), "nesterov"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), "betas"),
        (lambda p: optim.SGD([{"params": [p], "speed": 1}]), "speed"),
        (lambda p: lr_scheduler.StepLR(optim.SGD([p]), 0), "step_size is 0"),
        (lambda p: lr_scheduler.OneCycleLR(optim.Adam([p]), 0.1), "total_steps"),
    ],
)
def test_senseless_options_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(parameters(np.float32)[0])


def test_named_parameters_and_torchs_switches_are_taken():
    model = nn.Linear(2, 3)
    optimizer = optim.AdamW(model.named_parameters(), foreach=True, fused=False, capturable=True)
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
    assert "fused" not in optimizer.param_groups[0]
    groups = optim.SGD([{"params": model.named_parameters(), "lr": 1.0}], fused=True).param_groups
    assert groups[0]["params"] == list(model.parameters())
