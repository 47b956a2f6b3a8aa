"""fastconv.compat.sklearn: scikit-learn's own checks, and what its tools do with the estimators."""

import importlib
import pickle
import sys

import numpy as np
import pytest

from fastconv import nn, seeding
from fastconv.train import EarlyStopping

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastconv.compat.sklearn import CNNClassifier, CNNFeatures, CNNRegressor


def small(channels, outputs):
    """A network of two layers, for speed."""
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, outputs)
    )


def quick(**options):
    return CNNClassifier(**{"module": small, "epochs": 15, "lr": 0.05, "augment": None, "random_state": 0, **options})


def bars(n=80):
    """(n, 8, 8) images of one bright row or column, and which of the two each is."""
    rng = np.random.default_rng(0)
    images, rows = np.zeros((n, 8, 8)), rng.random(n) < 0.5
    for image, row, place in zip(images, rows, rng.integers(8, size=n), strict=True):
        image[(place, slice(None)) if row else (slice(None), place)] = 1
    return images, np.where(rows, "row", "column")


def repeated_samples_are_other_batches(estimator):
    """What cannot hold: a sample of weight two counts once in its batch's mean and order, two equal samples twice."""
    if not isinstance(estimator, (CNNClassifier, CNNRegressor)):
        return {}
    reason = "samples that are repeated, instead of weighted, make other batches and other statistics of them"
    return {"check_sample_weight_equivalence_on_dense_data": reason}


@parametrize_with_checks(
    [
        CNNClassifier(epochs=12, batch_size=32),
        CNNRegressor(epochs=12, batch_size=16),
        CNNFeatures(CNNClassifier(epochs=1, random_state=0)),
        CNNFeatures(nn.Flatten()),  # takes images of any shape
    ],
    expected_failed_checks=repeated_samples_are_other_batches,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_s_own_checks_pass(estimator, check):
    check(estimator)


def test_digits_are_read():
    X, y = load_digits(return_X_y=True)
    X, test, y, labels = train_test_split(X, y, random_state=0)
    model = CNNClassifier(epochs=4, random_state=0).fit(X, y)
    assert model.image_shape_ == (1, 8, 8)
    assert model.n_features_in_ == 64
    assert model.score(test, labels) > 0.95


@pytest.mark.parametrize("shape", [(80, 64), (80, 8, 8), (80, 1, 8, 8)])
def test_images_come_in_any_of_three_shapes(shape):
    X, y = bars()
    expected = quick().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(quick().fit(X.reshape(shape), y).predict_proba(X), expected)


@pytest.mark.parametrize(
    ("given", "image_shape", "expected"),
    [
        ((30, 12), None, (1, 12)),
        ((30, 16), None, (1, 4, 4)),
        ((30, 12), (3, 4), (1, 3, 4)),
        ((30, 48), (3, 4, 4), (3, 4, 4)),
        ((30, 16), (16,), (1, 16)),
        ((30, 3, 5, 4), None, (3, 5, 4)),
        ((30, 2, 3, 5, 4), None, (2, 3, 5, 4)),
    ],
)
def test_shapes_are_inferred_or_given(given, image_shape, expected):
    X = np.random.default_rng(0).random(given, np.float32)
    model = CNNClassifier(image_shape=image_shape, epochs=1).fit(X, np.arange(30) % 3)
    assert model.image_shape_ == expected
    assert model.predict_proba(X.reshape(30, -1)).shape == (30, 3)


def test_labels_of_any_type_and_probabilities_in_their_order():
    X, y = bars()
    model = quick().fit(X, y)
    assert model.classes_.tolist() == ["column", "row"]
    assert model.score(X, y) == 1.0
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_array_equal(model.classes_[shares.argmax(1)], model.predict(X))
    np.testing.assert_array_equal(quick().fit(X, y == "row").predict(X), y == "row")


def test_pixels_are_scaled():
    X, y = bars()
    pixels = (X * 255).astype(np.uint8)
    np.testing.assert_allclose(
        quick().fit(pixels, y).predict_proba(pixels), quick().fit(X, y).predict_proba(X), atol=1e-5
    )


def test_random_state_decides_everything_and_leaves_the_package_s_generator():
    X, y = bars(40)
    before = seeding.get_state()
    first, same, other = (
        CNNClassifier(epochs=2, random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0
    assert seeding.get_state() == before


def test_pipelines_searches_votes_and_cross_validation():
    X, y = bars()
    flat = X.reshape(80, -1)
    assert cross_val_score(make_pipeline(StandardScaler(), quick(epochs=25)), flat, y, cv=3).mean() > 0.8
    search = GridSearchCV(quick(), {"lr": [1e-6, 0.05]}, cv=2).fit(flat, y)
    assert search.best_params_ == {"lr": 0.05}
    vote = VotingClassifier([("cnn", quick()), ("linear", LogisticRegression())], voting="soft").fit(flat, y)
    assert vote.score(flat, y) > 0.9


def test_pickles_and_clones():
    X, y = bars()
    model = quick().fit(X, y)
    model.partial_fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    again.partial_fit(X, y)
    assert not hasattr(clone(model), "module_")
    assert clone(model).get_params() == model.get_params()


def test_partial_fit_learns_in_pieces():
    X, y = bars(400)
    model = quick(lr=0.2)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X[:40], y[:40])
    for start in range(0, 400, 40):
        model.partial_fit(X[start : start + 40], y[start : start + 40], classes=["row", "column"])
    for _ in range(10):
        model.partial_fit(X, y)
    assert model.n_epochs_ == 20
    assert model.score(X, y) > 0.9
    model.partial_fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="circle"):
        model.partial_fit(X[:2], ["circle", "row"])
    with pytest.raises(ValueError, match="as before"):
        model.partial_fit(X, y, classes=["row"])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :4], y)


def test_networks_of_one_s_own():
    X, y = bars()

    def lazy():
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))

    assert quick(module=lazy).fit(X, y).score(X, y) > 0.9
    trained = quick().fit(X, y).module_
    before = trained.state_dict()["0.weight"].copy()
    tuned = quick(module=trained, epochs=1).fit(X, y)
    assert tuned.score(X, y) == 1.0
    np.testing.assert_array_equal(trained.state_dict()["0.weight"], before)
    with pytest.raises(TypeError, match="module returned a int"):
        quick(module=lambda: 3).fit(X, y)


def test_callbacks_and_history():
    X, y = bars()
    model = quick(epochs=30, lr=1e-9, callbacks=[EarlyStopping("loss", patience=2, min_delta=1.0)]).fit(X, y)
    assert len(model.history_["loss"]) == model.n_epochs_ == 3
    one = clone(model).set_params(callbacks=EarlyStopping("loss", patience=1, min_delta=1.0)).fit(X, y)
    assert one.n_epochs_ == 2


def test_interrupts_reach_the_caller():
    from fastconv.train import Callback

    class Interrupt(Callback):
        def on_batch_end(self, trainer, batch, logs):
            trainer._interrupted = True

    with pytest.raises(KeyboardInterrupt):
        quick(callbacks=[Interrupt()]).fit(*bars())


@pytest.mark.parametrize("outputs", [(), (2,)])
def test_regression_of_one_and_of_several_numbers(outputs):
    X = np.random.default_rng(0).random((128, 6, 6))
    y = 1000 + 50 * X.mean((1, 2))
    y = np.stack([y, -y], 1) if outputs else y
    model = CNNRegressor(epochs=20, random_state=0).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.8
    score = model.score(X, y)
    for _ in range(3):
        model.partial_fit(X, y)
    assert model.score(X, y) > score - 0.2
    with pytest.raises(ValueError, match="y has shape"):
        model.partial_fit(X, np.ones((128, 5)))
    assert CNNRegressor(epochs=1).partial_fit(X, y).predict(X[:3]).shape == (3, *outputs)


def test_features_of_a_network_for_any_estimator():
    X, y = bars()
    fitted = quick().fit(X, y)
    machine = make_pipeline(CNNFeatures(quick()), StandardScaler(), SVC())
    assert cross_val_score(machine, X.reshape(80, -1), y, cv=2).mean() > 0.8
    last = CNNFeatures(fitted.module_).fit(X)
    assert last.transform(X).shape == (80, 8)
    assert last.get_feature_names_out().tolist()[-1] == "cnnfeatures7"
    np.testing.assert_array_equal(CNNFeatures(FrozenEstimator(fitted)).fit_transform(X, y), last.transform(X))
    maps = CNNFeatures(fitted.module_, layer="0").fit_transform(X.astype(np.float32))
    assert maps.shape == (80, 8 * 8 * 8)
    assert maps.dtype == np.float32
    assert CNNFeatures(nn.AvgPool2d(2)).fit_transform(X).shape == (80, 16)
    again = pickle.loads(pickle.dumps(last))
    np.testing.assert_array_equal(again.transform(X), last.transform(X))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: CNNClassifier(image_shape=(5, 5)).fit(X, y), "image_shape is"),
        (lambda X, y: CNNClassifier(batch_size=0).fit(X, y), "batch_size is 0"),
        (lambda X, y: CNNClassifier(augment="much").fit(X, y), "augment is 'much'"),
        (lambda X, y: CNNClassifier().fit(X.reshape(80, 1, 1, 1, 8, 8), y), "at most"),
        (lambda X, y: CNNClassifier().fit(X[:1], y[:1]), "minimum of 2"),
        (lambda X, y: quick().fit(X, y, sample_weight=-np.ones(80)), "sample_weight goes from -1"),
        (lambda X, y: quick().fit(X, y, sample_weight=np.zeros(80)), "zero|all 0"),
        (lambda X, y: quick(class_weight="even").fit(X, y), "class_weight is 'even'"),
        (lambda X, y: quick(class_weight="balanced").partial_fit(X, y, ["row", "column"]), "class_weight is"),
        (lambda X, y: CNNFeatures(nn.Flatten(), layer="9").fit(X), "layer is '9'"),
    ],
)
def test_senseless_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*bars())


def test_samples_without_weight_are_as_if_left_out():
    X, y = bars()
    weight = np.where(np.arange(80) < 60, 3.0, 0.0)
    expected = quick().fit(X[:60], y[:60]).predict_proba(X)
    np.testing.assert_array_equal(quick().fit(X, y, sample_weight=weight).predict_proba(X), expected)
    height = X.mean((1, 2)) + (y == "row")
    models = [CNNRegressor(small, epochs=3, random_state=0) for _ in range(2)]
    models[0].fit(X[:60], height[:60])
    models[1].fit(X, height, sample_weight=weight)
    np.testing.assert_allclose(models[0].predict(X), models[1].predict(X), rtol=1e-4)


def test_weights_are_repetitions_where_one_batch_holds_all_samples():
    X, y = bars()
    times = np.arange(80) % 4
    options = {"batch_size": 1000, "epochs": 5, "module": small, "random_state": 0}
    weighted = CNNClassifier(augment=None, **options).fit(X, y, sample_weight=times)
    repeated = CNNClassifier(augment=None, **options).fit(X.repeat(times, 0), y.repeat(times))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)
    height = X.mean((1, 2)) + (y == "row")
    weighted = CNNRegressor(**options).fit(X, height, sample_weight=times)
    repeated = CNNRegressor(**options).fit(X.repeat(times, 0), height.repeat(times))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-4)


def test_weights_decide_between_contradictions():
    X = np.zeros((40, 4, 4))
    odd = np.arange(40) % 4 == 0
    weight = np.where(odd, 9.0, 1.0)
    y = np.where(odd, "odd", "usual")
    unused = {"class_weight": {"odd": 9.0}}
    for options, fit in [({}, {"sample_weight": weight}), (unused, {}), ({"class_weight": {"odd": 9, "usual": 1}}, {})]:
        assert set(quick(**options).fit(X, y, **fit).predict(X)) == {"odd"}
        model = quick(lr=0.2, **options)
        for _ in range(15):
            model.partial_fit(X, y, classes=["odd", "usual"], **fit)
        assert set(model.predict(X)) == {"odd"}
    shares = quick(class_weight="balanced", epochs=40, label_smoothing=0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(shares, 0.5, atol=0.1)
    value = CNNRegressor(small, epochs=40, lr=0.05, random_state=0).fit(X, odd, sample_weight=weight).predict(X)
    np.testing.assert_allclose(value, 0.75, atol=0.1)


def test_missing_scikit_learn_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("fastconv.compat.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("sklearn", "sklearn.base"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "fastconv\[sklearn\]"'):
        importlib.import_module("fastconv.compat.sklearn")
