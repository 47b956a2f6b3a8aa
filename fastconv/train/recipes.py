"""What `fastconv train` does: one network and one recipe for each data set, from raw images to pictures."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import nn
from ..optim.lr_scheduler import OneCycleLR
from . import data, neighbours, pictures
from .callbacks import Checkpoint, CSVLogger, LearningRateSchedule
from .trainer import Trainer
from .transforms import RandomAffine


@dataclass
class Recipe:
    """How to load a set, network, epochs, loss, augmentation.

    one_cycle: the peak of a one-cycle schedule of the learning rate, in multiples of `lr`.
    """

    load: Callable[[Path | None], data.Dataset]
    network: Callable[[int, int], nn.Module]
    epochs: int
    loss: Callable | str = "cross_entropy"
    augment: Callable | None = None
    one_cycle: float | None = None


def digits_network(channels: int, classes: int) -> nn.Module:
    """Two 3x3 convolutions and a pool, twice, then one dense layer: for 8 x 8 images."""
    layers, width = [], channels
    for wider in (32, 64):
        for _ in range(2):
            layers += [nn.Conv2d(width, wider, 3, padding=1, bias=False), nn.BatchNorm2d(wider), nn.ReLU()]
            width = wider
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.LazyLinear(classes))


def article_network(channels: int, classes: int) -> nn.Module:
    """The CIFAR-10 classifier of the introductions: Conv 32, 64, 128, each with a pool, then Dense 512."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(512),
        nn.ReLU(),
        nn.Linear(512, classes),
    )


def lenet(channels: int, classes: int) -> nn.Module:
    """LeNet-5 with ReLU and max pooling, for 28 x 28 images (LeCun et al. 1998)."""
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )


# Loads a set from the path that the user gave.
def _from_path(load: Callable, name: str, home: str) -> Callable[[Path | None], data.Dataset]:
    def from_path(path):
        if path is None:
            raise ValueError(f"train {name}: --data is missing (expected the path of its files, from {home})")
        return load(path)

    return from_path


# Chosen mainly by twofold cross-validation within the training images.
DIGITS = Recipe(
    lambda path: data.load_digits(),
    digits_network,
    epochs=10,
    loss=nn.CrossEntropyLoss(label_smoothing=0.1),
    augment=RandomAffine(12, translate=(0.09, 0.09), scale=(0.87, 1.15), shear=12),
    one_cycle=10.0,
)

RECIPES = {
    "digits": DIGITS,
    "cifar10": Recipe(_from_path(data.load_cifar10, "cifar10", data.CIFAR10_HOME), article_network, 10),
    "mnist": Recipe(_from_path(data.load_mnist, "mnist", data.MNIST_HOME), lenet, 5, one_cycle=5.0),
}


def run(
    name: str,
    path: Path | None = None,
    *,
    epochs: int | None = None,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    out: Path | None = None,
    compare: bool = False,
) -> float:
    """Train on one data set, print what came of it, write pictures into `out`; returns the test accuracy."""
    recipe = RECIPES[name]
    epochs = epochs or recipe.epochs
    images = recipe.load(path)
    print(
        f"{name}: {len(images.x_train):,} training and {len(images.x_test):,} test images "
        f"of {' x '.join(map(str, images.x_train.shape[1:]))}, {len(images.classes)} classes"
    )
    nn.init.manual_seed(seed)
    model = recipe.network(images.x_train.shape[1], len(images.classes))
    model.summary(images.x_train.shape[1:])
    callbacks = []
    if recipe.one_cycle is not None:
        steps = epochs * -(-len(images.x_train) // batch_size)
        peak = recipe.one_cycle * lr
        callbacks.append(
            LearningRateSchedule(lambda optimizer: OneCycleLR(optimizer, peak, steps), per="batch")
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        callbacks += [CSVLogger(out / "history.csv"), Checkpoint(out / "checkpoint.npz")]
    trainer = Trainer(model, "adam", recipe.loss, ["accuracy"], callbacks, seed, lr=lr)
    start = time.perf_counter()
    history = trainer.fit(
        images.x_train,
        images.y_train,
        epochs,
        batch_size,
        validation_data=(images.x_test, images.y_test),
        augment=recipe.augment,
        verbose=True,
    )
    seconds = time.perf_counter() - start
    if history.interrupted:
        raise KeyboardInterrupt
    measured = trainer.evaluate(images.x_test, images.y_test)
    speed = len(images.x_train) * len(history) / seconds
    print(
        f"test accuracy {measured['accuracy']:.2%}, loss {measured['loss']:.4f}; "
        f"{len(history)} epochs in {seconds:.1f} s ({speed:,.0f} images a second)"
    )
    if out is not None:
        _write(out, name, model, trainer, history, images)
    if compare:
        print("\nthe same convolutions, this machine, this run:")
        print(neighbours.table(neighbours.layers_of(model, images.x_train.shape[1:], batch_size)))
    return measured["accuracy"]


def _write(out: Path, name: str, model, trainer: Trainer, history, images: data.Dataset) -> None:
    model.save(out / "model.npz")
    history.plot(out / "learning_curve.png")
    shown = slice(0, 10000)
    scores = trainer.predict(images.x_test[shown])
    figure = pictures.predictions(images.x_test[shown], images.y_test[shown], scores, images.classes)
    figure.savefig(out / "predictions.png")
    weight = np.asarray(model[0].weight.data)
    pictures.filters(weight, title=f"Filters of the first layer, {name}").savefig(out / "filters.png")
    print(f"wrote learning_curve.png, predictions.png, filters.png, history.csv and model.npz to {out}")
