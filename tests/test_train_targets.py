"""Trainer: the words, targets and weights that users of Keras and scikit-learn bring along."""

import numpy as np
import pytest

from fastconv import nn, optim
from fastconv.train import EarlyStopping, Trainer, batches, losses


def labels_of_their_own():
    """(256, 4) numbers and, for each row, three labels that do not exclude each other."""
    x = np.random.default_rng(0).standard_normal((256, 4)).astype(np.float32)
    return x, (x[:, :3] + x[:, 3:] > 0).astype(int)


@pytest.mark.parametrize("loss", ["binary_cross_entropy_with_logits", "binary_crossentropy", nn.BCEWithLogitsLoss()])
@pytest.mark.parametrize("metric", ["accuracy", "binary_accuracy"])
def test_accuracy_of_several_labels_counts_each_for_itself(loss, metric):
    x, y = labels_of_their_own()
    probabilities = loss == "binary_crossentropy"
    network = nn.Sequential(nn.Linear(4, 3, seed=0), nn.Sigmoid() if probabilities else nn.Identity())
    run = Trainer(network, loss=loss, metrics=metric, lr=0.1, seed=0)
    run.fit(x, y, epochs=20, verbose=False)
    right = ((run.predict(x) > (0.5 if probabilities else 0)) == y).mean()
    assert run.evaluate(x, y)[metric] == pytest.approx(right)
    assert right > 0.95


def test_binary_accuracy_is_its_formula():
    scores = np.float32([[1, -3, 2], [0.2, -1, 5]])
    assert losses.binary_accuracy(scores, np.array([[1, 0, 0], [1, 1, 1]])) == pytest.approx(4 / 6)
    assert losses.binary_accuracy(scores, scores > 0.5, 0.5) == 1


LOSSES = [
    ("cross_entropy", {}, "classes"),
    ("cross_entropy", {"class_weight": [1.0, 2.0, 4.0]}, "classes"),
    (nn.CrossEntropyLoss(np.float32([1, 2, 4]), label_smoothing=0.1), {}, "classes"),
    (nn.CrossEntropyLoss(ignore_index=1), {}, "classes"),
    (nn.CrossEntropyLoss(reduction="sum"), {}, "classes"),
    ("categorical_crossentropy", {}, "numbers"),
    ("mse", {}, "numbers"),
    (nn.HuberLoss(), {}, "numbers"),
    (nn.BCEWithLogitsLoss(), {}, "numbers"),
]


def weighted_case(kind):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 4)).astype(np.float32)
    return x, rng.integers(0, 3, 20) if kind == "classes" else rng.random((20, 3)).astype(np.float32)


@pytest.mark.parametrize(("loss", "options", "kind"), LOSSES)
def test_sample_weights_are_factors_of_the_losses(loss, options, kind):
    x, y = weighted_case(kind)
    run = Trainer(nn.Linear(4, 3, seed=0), "sgd", loss, (), lr=0.0, **options)
    plain = run.evaluate(x, y)["loss"]
    assert run.evaluate(x, y, sample_weight=np.ones(20))["loss"] == pytest.approx(plain, rel=1e-5)
    parts = [run.evaluate(x, y, sample_weight=np.arange(20) == i)["loss"] for i in range(20)]
    assert sum(parts) == pytest.approx(plain, rel=1e-5)
    weight = np.arange(20) / 7
    expected = np.dot(parts, weight)
    assert run.evaluate(x, y, sample_weight=weight)["loss"] == pytest.approx(expected, rel=1e-5)
    assert run.evaluate([(x, y, weight)])["loss"] == pytest.approx(expected, rel=1e-5)
    history = run.fit(x, y, 1, 20, sample_weight=list(weight), validation_data=(x, y, weight), verbose=False)
    assert history["loss"] == pytest.approx([expected], rel=1e-5)
    assert history["val_loss"] == pytest.approx([expected], rel=1e-5)


def test_sample_weights_scale_gradients_and_are_split_with_the_samples():
    x, y = weighted_case("classes")
    weight = np.where(np.arange(20) < 10, 2.0, 0.0)
    runs = [Trainer(nn.Linear(4, 3, seed=0), "sgd", lr=0.1, seed=0) for _ in range(2)]
    runs[0].fit(x[:10], y[:10], 3, 10, shuffle=False, verbose=False)
    history = runs[1].fit(x, y, 3, 20, shuffle=False, sample_weight=weight, verbose=False)
    np.testing.assert_allclose(runs[0].model.weight.data, runs[1].model.weight.data, rtol=1e-4)
    assert 0 < history["accuracy"][0] < 1
    assert runs[1].fit(x, y, validation_split=0.5, sample_weight=weight, verbose=False)["val_loss"] == [0]


@pytest.mark.parametrize(
    ("weight", "options", "message"),
    [
        (np.ones(19), {}, r"sample_weight has shape \(19,\)"),
        (np.ones((20, 1)), {}, "sample_weight has shape"),
        (-np.ones(20), {}, "sample_weight has the value -1"),
        (np.full(20, np.nan), {}, "sample_weight has the value nan"),
        (np.ones(20), {"loss": lambda output, y: output.mean()}, "custom loss"),
        (np.ones(20), {"loss": nn.CrossEntropyLoss(reduction="none")}, "custom loss"),
    ],
)
def test_senseless_sample_weights_are_refused(weight, options, message):
    x, y = weighted_case("classes")
    with pytest.raises(ValueError, match=message):
        Trainer(nn.Linear(4, 3), **options).fit(x, y, sample_weight=weight)
    if not options:
        with pytest.raises(ValueError, match=r"batches \(x, y, weight\)"):
            Trainer(nn.Linear(4, 3)).fit([(x, y)], sample_weight=np.ones(20))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("MSE", "mse"),
        ("mean_squared_error", "mse"),
        ("MeanSquaredError", "mse"),
        ("MAE", "mae"),
        ("mean_absolute_error", "mae"),
        ("Huber", "huber"),
        ("CategoricalCrossentropy", "cross_entropy"),
        ("Sparse_Categorical_CrossEntropy", "cross_entropy"),
        ("BinaryCrossentropy", "binary_cross_entropy"),
    ],
)
def test_losses_are_found_by_keras_s_names_in_any_case(word, name):
    x, _ = labels_of_their_own()
    target = np.eye(3)[np.arange(256) % 3]
    network = nn.Sequential(nn.Linear(4, 3, seed=0), nn.Sigmoid())
    results = [Trainer(network, loss=loss, metrics=()).evaluate(x, target) for loss in (word, name)]
    assert results[0] == results[1]


def test_optimisers_and_metrics_are_found_in_any_case():
    network = nn.Linear(4, 3)
    for word, kind in [("Adam", optim.Adam), ("SGD", optim.SGD), ("RMSprop", optim.RMSprop), ("AdamW", optim.AdamW)]:
        assert type(Trainer(network, word).optimizer) is kind
    assert list(Trainer(network, metrics=["MSE", "Accuracy"]).metrics) == ["mse", "accuracy"]


def test_a_callback_may_come_alone():
    x, y = weighted_case("classes")
    run = Trainer(nn.Linear(4, 3), callbacks=EarlyStopping("loss", patience=1, min_delta=99.0))
    assert len(run.fit(x, y, epochs=5, verbose=False)) == 2
    assert Trainer(nn.Linear(4, 3), callbacks=None).callbacks == []


def test_what_knows_one_output_says_so_where_a_model_has_several():
    class Two(nn.Module):
        def __init__(self):
            self.kind = nn.Linear(4, 3)

        def forward(self, x):
            return self.kind(x), self.kind(x)

    x, y = weighted_case("classes")
    with pytest.raises(ValueError, match=r"metric is 'accuracy'.* several .*metrics=\(\)"):
        Trainer(Two(), loss=lambda output, target: output[0].mean()).fit(x, y)
    with pytest.raises(ValueError, match=r"loss is 'cross_entropy'.* several"):
        Trainer(Two()).fit(x, y)


def normed():
    return nn.Sequential(nn.Linear(4, 8, seed=0), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3, seed=1))


@pytest.mark.parametrize(
    ("samples", "size", "expected"),
    [(33, 32, [33]), (65, 32, [32, 33]), (34, 32, [32, 2]), (64, 32, [32, 32]), (1, 32, [1]), (3, 1, [1, 1, 1]),
     (3, 2, [3]), (5, 9, [5])],
)  # fmt: skip
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_single_sample_at_the_end_joins_the_batch_before(samples, size, expected, shuffle):
    x = np.arange(samples)
    data = batches.Arrays(x, x, x)
    order = np.random.default_rng(0).permutation(samples) if shuffle else None
    cut = list(data.batches(size, order))
    assert [len(target) for _, target, _ in cut] == expected
    assert data.count(size) == len(expected)
    for part in (np.concatenate([inputs[0] for inputs, *_ in cut]), *map(np.concatenate, list(zip(*cut))[1:])):
        np.testing.assert_array_equal(part, x if order is None else order)


def test_batch_norm_trains_on_any_number_of_samples():
    x = np.random.default_rng(0).standard_normal((33, 4)).astype(np.float32)
    y = np.arange(33) % 3
    for shuffle in (True, False):
        run = Trainer(normed(), seed=0)
        assert len(run.fit(x, y, 2, 32, shuffle=shuffle, verbose=False)) == 2
        assert run.batches_per_epoch == 1
        assert run.predict(x, 32).shape == (33, 3)


def test_a_single_sample_that_batch_norm_cannot_take_is_explained():
    x = np.random.default_rng(0).standard_normal((33, 4)).astype(np.float32)
    y = np.arange(33) % 3
    for call in (
        lambda run: run.fit([(x[:32], y[:32]), (x[32:], y[32:])], verbose=False),
        lambda run: run.fit(x, y, batch_size=1, verbose=False),
        lambda run: run.fit(x[:1], y[:1], verbose=False),
    ):
        with pytest.raises(ValueError, match="batch of a single sample.*expected two or more"):
            call(Trainer(normed()))
