"""300 classes: pairs of scanned digits, 00 to 99, each in three colours; top-1 and top-5 accuracy."""

import common
import numpy as np
from matplotlib.figure import Figure

from fastconv import nn
from fastconv.optim.lr_scheduler import OneCycleLR
from fastconv.train import LearningRateSchedule, Trainer

COLOURS = {"red": (1.0, 0.3, 0.2), "green": (0.3, 1.0, 0.3), "blue": (0.35, 0.5, 1.0)}


def pairs(digits, labels, number, seed):
    """(number, 3, 8, 16) coloured pairs and their classes: 3 * (tens and ones) + colour."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(digits), (2, number))
    colour = rng.integers(0, 3, number)
    both = np.concatenate([digits[first], digits[second]], 3) / np.float32(255)  # (number, 1, 8, 16)
    tint = np.array(list(COLOURS.values()), np.float32)[colour]
    return both * tint[:, :, None, None], 3 * (10 * labels[first] + labels[second]) + colour


given = common.options(__doc__)
images = common.digits()
x_train, y_train = pairs(images.x_train, images.y_train, 600 if given.quick else 20000, 0)
x_test, y_test = pairs(images.x_test, images.y_test, 200 if given.quick else 2000, 1)
nn.init.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 48, 3, padding=1),
    nn.BatchNorm2d(48),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(48, 64, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(512, 256),
    nn.ReLU(),
    nn.Linear(256, 300),
)
model.summary((3, 8, 16))
epochs = 1 if given.quick else 5
schedule = LearningRateSchedule(lambda o: OneCycleLR(o, 0.006, epochs * -(-len(x_train) // 64)), per="batch")
trainer = Trainer(model, metrics=["accuracy", "top_5_accuracy"], callbacks=[schedule], seed=0)
trainer.fit(x_train, y_train, epochs, 64)
measured = trainer.evaluate(x_test, y_test)
print(f"300 classes: top 1 {measured['accuracy']:.2%}, top 5 {measured['top_5_accuracy']:.2%}")

found = trainer.predict(x_test).argmax(1)
figure = Figure(figsize=(12, 4.5), layout="constrained")
names = [f"{number:02d} {colour}" for number in range(100) for colour in COLOURS]
for cell, image, label, guess in zip(figure.subplots(4, 8).reshape(-1), x_test, y_test, found, strict=False):
    cell.imshow(np.moveaxis(image, 0, 2))
    cell.set_title(names[guess], fontsize=9, color="#1b7f5c" if guess == label else "#c8402f")
    cell.axis("off")
figure.savefig(given.out / "many_classes.png")
