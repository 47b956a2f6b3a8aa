"""Random arrays and the small network of several test files."""

import numpy as np

from fastconv import nn


def draw(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def small_model(seed=0):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, seed=seed),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 3, seed=seed + 1),
    )
