"""Training learns, repeats by seed and measures what it says; callbacks, losses, metrics do their part."""

import csv
import io
import json
import sys

import numpy as np
import pytest

from fastconv import nn, optim
from fastconv.nn import functional as F
from fastconv.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau
from fastconv.tensor import Tensor
from fastconv.train import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    LearningRateSchedule,
    ProgressBar,
    Trainer,
    checkpoint,
    losses,
    pictures,
)
from training import bars, model, same_state, trainer


def test_fit_learns_evaluate_measures_and_predict_agrees():
    x, y = bars()
    test_x, test_y = bars(64, 1)
    run = trainer()
    history = run.fit(x, y, epochs=12, batch_size=16, validation_data=(test_x, test_y), verbose=False)
    assert history["loss"][-1] < history["loss"][0] / 2
    measured = run.evaluate(test_x, test_y, batch_size=16)
    assert measured["accuracy"] >= 0.95
    assert measured == {"loss": history["val_loss"][-1], "accuracy": history["val_accuracy"][-1]}
    scores = run.predict(test_x, batch_size=10)
    assert scores.shape == (64, 2)
    assert np.mean(scores.argmax(1) == test_y) == measured["accuracy"]
    assert all(m.training for m in run.model.modules())


def test_same_seed_gives_the_same_bits_and_another_seed_others():
    x, y = bars()
    runs = [trainer(seed=seed) for seed in (3, 3, 4)]
    for run in runs:
        run.fit(x, y, epochs=2, batch_size=16, verbose=False)
    same_state(runs[0].model, runs[1].model)
    assert not np.array_equal(runs[0].model[0].weight.data, runs[2].model[0].weight.data)


def test_memory_maps_lists_of_batches_and_arrays_train_alike(tmp_path):
    x, y = bars()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, len(x), 16)]
    runs = [trainer() for _ in range(3)]
    for run, source in zip(runs, ((list(x), list(y)), (mapped, y), (batches,)), strict=True):
        run.fit(*source, epochs=2, batch_size=16, shuffle=False, verbose=False, validation_data=batches[:2])
    same_state(runs[0].model, runs[1].model)
    same_state(runs[0].model, runs[2].model)
    assert runs[0].evaluate(x, y, 16) == runs[2].evaluate(batches)


def test_an_iterator_is_refused_for_several_epochs():
    x, y = bars()
    with pytest.raises(ValueError, match="iterator"):
        trainer().fit(iter([(x, y)]), epochs=2, verbose=False)
    with pytest.raises(ValueError, match="validation_data is an iterator"):
        trainer().fit(x, y, epochs=2, validation_data=iter([(x, y)]), verbose=False)
    trainer().fit(iter([(x, y)]), epochs=1, validation_data=iter([(x, y)]), verbose=False)


def test_an_iterable_without_batches_is_refused():
    for call in (trainer().fit, trainer().evaluate, trainer().predict):
        with pytest.raises(ValueError, match="has no batches"):
            call(iter([]))


def test_several_inputs_reach_the_model():
    class Two(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(3, 2, seed=0), nn.Linear(5, 2, seed=1)

        def forward(self, a, b):
            return self.first(a) + self.second(b)

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 3)), rng.standard_normal((40, 5))
    y = (a[:, 0] + b[:, 0] > 0).astype(int)
    run = Trainer(Two(), lr=0.1, seed=0)
    run.fit((a, b), y, epochs=20, verbose=False)
    assert run.evaluate((a, b), y)["accuracy"] > 0.9
    assert run.predict((a, b)).shape == (40, 2)


def test_batches_and_validation_data_may_be_lists():
    x, y = bars(32)
    batches = [[x[i : i + 8], y[i : i + 8]] for i in range(0, 32, 8)]
    runs = [trainer(), trainer()]
    histories = [
        runs[0].fit(x, y, 1, 8, shuffle=False, validation_data=(x, y), verbose=False),
        runs[1].fit(batches, validation_data=[x, y], verbose=False),
    ]
    for name, values in histories[0].history.items():
        assert histories[1].history[name] == pytest.approx(values)
    assert runs[0].evaluate(x, y, 8) == pytest.approx(runs[1].evaluate(batches))


def test_targets_of_several_outputs_reach_the_loss():
    class Two(nn.Module):
        def __init__(self):
            self.kind, self.place = nn.Linear(3, 2, seed=0), nn.Linear(3, 1, seed=1)

        def forward(self, x):
            return self.kind(x), self.place(x)

    def loss(output, target):
        return F.cross_entropy(output[0], target[0]) + F.mse_loss(output[1], target[1])

    def place_error(output, target):
        return np.abs(output[1] - target[1]).mean()

    x = np.random.default_rng(0).standard_normal((40, 3))
    y = (x[:, 0] > 0).astype(int), x[:, 1:2]
    run = Trainer(Two(), loss=loss, metrics=[place_error], lr=0.1, seed=0)
    history = run.fit(x, y, epochs=30, validation_split=0.2, verbose=False)
    assert history["val_place_error"][-1] < 0.2
    assert run.evaluate(x, y)["place_error"] < 0.2
    with pytest.raises(ValueError, match="39 samples, x has 40"):
        run.fit(x, (y[0], y[1][1:]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8, bool])
@pytest.mark.parametrize(
    ("loss", "name"), [(nn.MSELoss(), "mse"), (nn.BCEWithLogitsLoss(), "binary_cross_entropy_with_logits")]
)
def test_loss_modules_take_targets_as_losses_by_name_do(loss, name, dtype):
    x = np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(dtype)
    runs = [Trainer(nn.Linear(3, 1, seed=0), loss=one, metrics=()) for one in (loss, name)]
    assert runs[0].evaluate(x, y) == runs[1].evaluate(x, y)


def test_custom_losses_get_floats_in_the_dtype_of_the_output():
    x = np.random.default_rng(0).standard_normal((16, 3))
    run = Trainer(nn.Linear(3, 1, seed=0), loss=lambda output, y: ((output - y) ** 2).mean(), metrics=())
    known = Trainer(nn.Linear(3, 1, seed=0), loss="mse", metrics=())
    assert run.evaluate(x, x[:, :1])["loss"] == pytest.approx(known.evaluate(x, x[:, :1])["loss"])


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "binary_crossentropy", nn.BCELoss()])
def test_accuracy_of_a_probability_is_measured_at_a_half(loss):
    x = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    y = x[:, 0] > 0
    run = Trainer(nn.Sequential(nn.Linear(3, 1, seed=0), nn.Sigmoid()), loss=loss, lr=0.1, seed=0)
    run.fit(x, y, epochs=20, verbose=False)
    accuracy = ((run.predict(x)[:, 0] > 0.5) == y).mean()
    assert run.evaluate(x, y)["accuracy"] == pytest.approx(accuracy)
    assert accuracy > 0.9


@pytest.mark.parametrize(
    ("end", "loss"),
    [(nn.Softmax(1), "categorical_crossentropy"), (nn.Softmax(1), nn.CrossEntropyLoss()),
     (nn.Sigmoid(), "binary_cross_entropy_with_logits")],
)  # fmt: skip
def test_a_layer_that_the_loss_contains_is_warned_of(end, loss):
    network = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.ReLU(), end))
    with pytest.warns(UserWarning, match=f"ends in {type(end).__name__}"):
        Trainer(network, loss=loss)
    Trainer(network, loss="mse")


def test_one_hot_and_integer_labels_train_alike():
    x, y = bars()
    runs = [trainer(), trainer(loss="categorical_crossentropy")]
    results = [run.fit(x, t, epochs=2, verbose=False) for run, t in zip(runs, (y, np.eye(2)[y]), strict=True)]
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=1e-4)
    assert results[0]["accuracy"] == results[1]["accuracy"]
    assert trainer().fit(x, y[:, None], epochs=2, verbose=False).history == results[0].history


def test_penalties_are_the_gradients_and_values_of_their_formulas():
    x, y = bars(16)
    plain, punished = trainer(optimizer="sgd", seed=0), trainer(optimizer="sgd", seed=0, l1=0.01, l2=0.1)
    start = [p.data.copy() for p in plain.model.parameters()]
    first = [run.fit(x, y, 1, 16, shuffle=False, verbose=False)["loss"][0] for run in (plain, punished)]
    weights = [w for w in start if w.ndim > 1]
    expected = sum(0.01 * np.abs(w).sum() + 0.1 * np.square(w).sum() for w in weights)
    assert first[1] - first[0] == pytest.approx(expected, rel=1e-4)
    for w, a, b in zip(start, plain.model.parameters(), punished.model.parameters(), strict=True):
        pull = 0.01 * np.sign(w) + 0.2 * w if w.ndim > 1 else 0
        np.testing.assert_allclose(b.data, a.data - 0.01 * pull, rtol=1e-5, atol=1e-6)


def test_gradients_are_clipped():
    x, y = bars(16)
    run = trainer(clip_norm=1e-3)
    run.fit(x, y, 1, 16, verbose=False)
    norm = np.sqrt(sum(np.square(p.grad).sum() for p in run.model.parameters()))
    assert norm == pytest.approx(1e-3, rel=1e-2)
    run = trainer(clip_value=1e-4)
    run.fit(x, y, 1, 16, verbose=False)
    assert max(np.abs(p.grad).max() for p in run.model.parameters()) <= np.float32(1e-4)


def test_class_weights_are_those_of_weighted_cross_entropy():
    from fastconv.nn import functional as F

    x, y = bars(32)
    run = trainer(class_weight={1: 5.0})
    measured = run.evaluate(x, y, 32)
    scores = run.predict(x)
    assert measured["loss"] == pytest.approx(float(F.cross_entropy(scores, y, np.float32([1, 5]))), rel=1e-5)
    with pytest.raises(ValueError, match="class_weight"):
        trainer(loss="mse", class_weight=[1, 2])


def test_a_frozen_model_is_evaluated_and_predicts_but_is_not_trained():
    x, y = bars(16)
    frozen = model().requires_grad_(False)
    trainer = Trainer(frozen)
    assert trainer.predict(x).shape == (16, 2)
    assert trainer.evaluate(x, y)["loss"] > 0
    for refused in (lambda: trainer.fit(x, y), trainer.state_dict):
        with pytest.raises(ValueError, match="^Trainer: no parameter of the model requires a gradient"):
            refused()
    half = model()
    half[0].requires_grad_(False)
    before = {key: array.copy() for key, array in half.state_dict().items()}
    Trainer(half).fit(x, y)
    after = half.state_dict()
    np.testing.assert_array_equal(after["0.weight"], before["0.weight"])
    assert (after["6.weight"] != before["6.weight"]).any()


def test_regression_with_a_custom_loss_and_metric():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 4))
    y = x @ [1.0, -2.0, 0.5, 3.0]

    def worst(output, target):
        return np.abs(output[:, 0] - target).max()

    def squares(output, target):
        return ((output - target[:, None].astype(np.float32)) ** 2).mean()

    for loss in ("mse", squares):
        run = Trainer(nn.Linear(4, 1, seed=0), "sgd", loss, ["mse", worst], seed=0, lr=0.1)
        history = run.fit(x, y, epochs=40, verbose=False)
        assert history["mse"][-1] < 1e-3
        assert set(history.history) == {"loss", "mse", "worst", "lr"}


def test_early_stopping_waits_its_patience_and_restores_the_best():
    class Scripted(Callback):
        def __init__(self, values):
            self.values = values

        def on_epoch_end(self, trainer, epoch, logs):
            logs["val_loss"] = self.values[epoch - 1]
            if epoch == 2:
                self.best = trainer.model.state_dict()["6.weight"].copy()

    x, y = bars(32)
    script = Scripted([3.0, 1.0, 2.0, 1.5, 0.5])
    run = trainer(callbacks=[script, EarlyStopping(patience=2, restore_best_weights=True)])
    history = run.fit(x, y, epochs=9, verbose=False)
    assert history.epoch == [1, 2, 3, 4]
    np.testing.assert_array_equal(run.model.state_dict()["6.weight"], script.best)
    with pytest.raises(ValueError, match="monitor is 'val_beauty'"):
        trainer(callbacks=[EarlyStopping("val_beauty")]).fit(x, y, verbose=False)


def test_best_only_checkpoints_and_names_with_the_epoch(tmp_path):
    x, y = bars(32)
    run = trainer(callbacks=[Checkpoint(tmp_path / "e{epoch:02d}.npz", every=2)])
    run.fit(x, y, epochs=5, verbose=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e02.npz", "e04.npz"]
    named = trainer(callbacks=[Checkpoint(tmp_path / "{epoch}-{loss:.3f}.npz")])
    assert (tmp_path / f"1-{named.fit(x, y, verbose=False)['loss'][0]:.3f}.npz").exists()
    best = trainer(callbacks=[Checkpoint(tmp_path / "best.npz", save_best_only=True, monitor="loss")])
    history = best.fit(x, y, epochs=4, verbose=False)
    assert (
        checkpoint.read(tmp_path / "best.npz")["history"]["epoch"][-1] == int(np.argmin(history["loss"])) + 1
    )


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_learning_rate_schedules_move_the_rate(per):
    x, y = bars(64)
    make = (lambda o: CosineAnnealingLR(o, T_max=4)) if per == "epoch" else (lambda o: OneCycleLR(o, 0.1, 16))
    run = trainer(callbacks=[LearningRateSchedule(make, per)])
    rates = run.fit(x, y, epochs=4, batch_size=16, verbose=False)["lr"]
    if per == "epoch":
        assert rates == pytest.approx([0.01 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(4)])
    else:
        assert rates[-1] < 0.01 < max(rates)
    plateau = LearningRateSchedule(lambda o: ReduceLROnPlateau(o, patience=0, threshold=10), monitor="loss")
    assert trainer(callbacks=[plateau]).fit(x, y, epochs=3, verbose=False)["lr"][-1] < 0.01


def test_plateau_schedule_follows_the_loss_of_every_batch():
    x, y = bars(32)
    rate = LearningRateSchedule(
        lambda optimizer: ReduceLROnPlateau(optimizer, patience=0, threshold=10.0), "batch", "loss"
    )
    history = trainer(callbacks=[rate], lr=1.0).fit(x, y, epochs=1, batch_size=8, verbose=False)
    assert history["lr"] == pytest.approx([1e-4])


def test_csv_file_has_one_row_an_epoch(tmp_path):
    x, y = bars(32)
    history = trainer(callbacks=[CSVLogger(tmp_path / "log.csv")]).fit(x, y, epochs=3, verbose=False)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["loss"]) for row in rows] == history["loss"]


def test_progress_bar_shows_epochs_and_numbers(capsys):
    x, y = bars(32)
    trainer().fit(x, y, epochs=2, verbose=True)
    shown = capsys.readouterr().err
    assert "epoch 2/2" in shown
    assert "loss" in shown
    trainer().fit(x, y)  # not a terminal: silent
    assert capsys.readouterr().err == ""


def test_progress_bar_moves_on_a_terminal():
    pytest.importorskip("tqdm")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    x, y = bars(32)
    screen = Terminal()
    trainer(callbacks=[ProgressBar(screen)]).fit(x, y, epochs=2, batch_size=8)
    assert "4/4" in screen.getvalue()
    assert "accuracy" in screen.getvalue()


def test_progress_without_tqdm_is_a_line_an_epoch(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    x, y = bars(32)
    trainer().fit(x, y, epochs=2)
    assert capsys.readouterr().err.count("\n") == 2


def test_missing_extras_are_named(monkeypatch, tmp_path):
    x, y = bars(32)
    history = trainer().fit(x, y, verbose=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r'pip install "fastconv\[plot\]"'):
        history.plot()
    with pytest.raises(ImportError, match=r'pip install "fastconv\[safetensors\]"'):
        trainer().save(tmp_path / "run.safetensors")


def test_pictures_are_written(tmp_path):
    pytest.importorskip("matplotlib")
    x, y = bars(64)
    run = trainer()
    history = run.fit(x, y, epochs=3, validation_split=0.25, verbose=False)
    history.plot(tmp_path / "curve.png")
    pictures.predictions(x, y, run.predict(x), ("column", "row")).savefig(tmp_path / "predictions.png")
    pictures.filters(run.model[0].weight.data).savefig(tmp_path / "filters.png")
    pictures.feature_maps(run.model.eval(), x[0], "2").savefig(tmp_path / "maps.png")
    assert all(p.stat().st_size > 2000 for p in tmp_path.iterdir())
    np.testing.assert_array_equal(pictures.confusion_matrix([0, 1, 1], [0, 0, 1], 2), [[1, 0], [1, 1]])


def test_metrics_are_their_formulas():
    scores = np.float32([[1, 3, 2], [0, -1, 5], [2, 1, 0]])
    assert losses.accuracy(scores, np.array([1, 2, 2])) == pytest.approx(2 / 3)
    assert losses.accuracy(scores, np.eye(3)[[1, 2, 2]]) == pytest.approx(2 / 3)
    assert losses.accuracy(np.float32([[1], [-1], [2]]), np.array([1, 0, 0])) == pytest.approx(2 / 3)
    many = np.arange(20.0).reshape(2, 10)
    assert losses.top_5_accuracy(many, np.array([5, 4])) == 0.5
    assert losses.mse(np.float32([[1], [3]]), np.array([1, 1])) == 2
    assert losses.mae(np.float32([[1], [4]]), np.array([1, 1])) == 1.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, y: trainer(optimizer="magic"), ValueError, "optimizer is 'magic'"),
        (lambda x, y: trainer(loss="magic"), ValueError, "loss is 'magic'"),
        (lambda x, y: trainer(metrics=["magic"]), ValueError, "metric is 'magic'"),
        (lambda x, y: trainer(metrics=["mse", losses.mse]), ValueError, "metrics has 'mse' twice"),
        (lambda x, y: trainer().fit(x, y[:-1]), ValueError, "95 samples, x has 96"),
        (lambda x, y: trainer().fit(x[:0], y[:0]), ValueError, "no samples"),
        (lambda x, y: trainer().fit(x, y, epochs=0), ValueError, "epochs is 0"),
        (lambda x, y: trainer().fit(x, y, validation_split=1.0), ValueError, "validation_split"),
        (lambda x, y: trainer().fit(x, y.astype(float)), TypeError, "target has dtype float64"),
        (lambda x, y: trainer().fit(3), TypeError, "expected an array"),
        (lambda x, y: trainer().fit(x), ValueError, "y is missing"),
        (lambda x, y: Trainer(model(), optim.Adam(model().parameters()), lr=0.1), ValueError, "lr is given"),
    ],
)
def test_senseless_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(*bars())


def test_state_of_a_trainer_is_plain_data():
    x, y = bars(32)
    run = trainer(callbacks=[EarlyStopping("loss", restore_best_weights=True)])
    run.fit(x, y, verbose=False)

    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value.shape if isinstance(value, np.ndarray) else value

    json.dumps(plain(run.state_dict()))
    assert not any(isinstance(value, Tensor) for value in run.state_dict()["model"].values())
