"""Trainer: the words, targets and weights that users of Keras and scikit-learn bring along."""

import numpy as np
import pytest

from fastconv import nn
from fastconv.train import Trainer, losses


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
