"""What the tests of training share: a small data set, a small model, a Trainer."""

import numpy as np

from fastconv import nn
from fastconv.train import Trainer


def bars(count=96, seed=0):
    """Images of one bright row or one bright column, and which of both it is."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, 1, 8, 8)).astype(np.uint8)
    labels = rng.integers(0, 2, count)
    for image, label, place in zip(images, labels, rng.integers(0, 8, count), strict=True):
        image[0, place, :] += 180 if label else 0
        image[0, :, place] += 0 if label else 180
    return images, labels


def model(seed=0):
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, seed=seed),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(96, 2, seed=seed + 1),
    )


def trainer(**options):
    options = {"seed": 3, "lr": 0.01, **options}
    return Trainer(model(), **options)


def same_state(a, b):
    for key, value in a.state_dict().items():
        np.testing.assert_array_equal(value, b.state_dict()[key], err_msg=key)
