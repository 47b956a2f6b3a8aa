"""Batches of unequal images, two ways: resized to one size, or padded to the largest of the batch.

A fully convolutional net with global pooling takes either. Padded batches are an iterable of their own.
"""

import common
import numpy as np

import fastconv
from fastconv import nn
from fastconv.train import Trainer, pictures


def unequal(number, side, seed):
    """A list of (3, h, w) pieces of two photographs, sides of 24 to 48, and their labels."""
    rng = np.random.default_rng(seed)
    pieces, labels = common.patches(number, 48, side, seed)
    heights, widths = rng.integers(24, 49, (2, number))
    cut = [piece[:, :h, :w] / np.float32(255) for piece, h, w in zip(pieces, heights, widths, strict=True)]
    return cut, labels


def resized(images, size=32):
    """All images bilinearly resized to one array (N, 3, size, size)."""
    return np.concatenate(
        [fastconv.interpolate(image[None], (size, size), mode="bilinear") for image in images]
    )


def padded(images):
    """Zeros to the right and below, up to the largest height and width."""
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    batch = np.zeros((len(images), 3, height, width), np.float32)
    for place, image in zip(batch, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    return batch


class PaddedBatches:
    """An iterable of (padded images, labels); neighbours in height share a batch."""

    def __init__(self, images, labels, size):
        self.images, self.labels, self.size = images, labels, size
        self.order = np.argsort([image.shape[1] for image in images], kind="stable")

    def __len__(self):
        return -(-len(self.images) // self.size)

    def __iter__(self):
        for start in range(0, len(self.images), self.size):
            rows = self.order[start : start + self.size]
            yield padded([self.images[row] for row in rows]), self.labels[rows]


def network():
    nn.init.manual_seed(0)
    layers, before = [], 3
    for width in (16, 32, 64):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))


given = common.options(__doc__)
train, train_labels = unequal(96 if given.quick else 1500, "left", 0)
test, test_labels = unequal(64 if given.quick else 400, "right", 1)
epochs = 1 if given.quick else 4

by_size = Trainer(network(), lr=0.003, seed=0)
by_size.fit(resized(train), train_labels, epochs, 32)
print(f"resized: {by_size.evaluate(resized(test), test_labels)['accuracy']:.2%}")

by_padding = Trainer(network(), lr=0.003, seed=0)
by_padding.fit(PaddedBatches(train, train_labels, 32), epochs=epochs)
print(f"padded:  {by_padding.evaluate(PaddedBatches(test, test_labels, 32))['accuracy']:.2%}")

scores = by_size.predict(resized(test))
figure = pictures.predictions(resized(test), test_labels, scores, ("temple", "flower"))
figure.savefig(given.out / "unequal_images.png")
