"""Transfer learning: a net trained on the digits 0 to 4 learns 5 to 9 from two images each.

The weights go through a file, the body is frozen, the head replaced and trained; then all is fine-tuned
slowly. The same net from scratch stands beside.
"""

import common
import numpy as np

from fastconv import nn
from fastconv.train import Trainer, pictures


def network():
    return nn.Sequential(
        nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        ),
        nn.Linear(128, 5),
    )


given = common.options(__doc__)
images = common.digits()
low, high = images.y_train < 5, images.y_train >= 5
few = np.concatenate([np.flatnonzero(images.y_train == digit)[:2] for digit in range(5, 10)])
x_few, y_few = images.x_train[few], images.y_train[few] - 5
x_test, y_test = images.x_test[images.y_test >= 5], images.y_test[images.y_test >= 5] - 5
epochs = 1 if given.quick else 15

nn.init.manual_seed(0)
first = Trainer(network(), lr=0.003, seed=0)
first.fit(images.x_train[low], images.y_train[low], epochs, 32)
first.model.save(given.out / "digits_0_to_4.npz")

model = network().load(given.out / "digits_0_to_4.npz")
model[0].requires_grad_(False)
model[1] = nn.Linear(128, 5)
head = Trainer(model, lr=0.01, seed=0)
head.fit(x_few, y_few, 4 * epochs, 5)
print(f"head only:    {head.evaluate(x_test, y_test)['accuracy']:.2%}")

model.requires_grad_(True)
tuned = Trainer(model, lr=0.0005, seed=0)
tuned.fit(x_few, y_few, 2 * epochs, 5)
print(f"fine-tuned:   {tuned.evaluate(x_test, y_test)['accuracy']:.2%}")

scratch = Trainer(network(), lr=0.003, seed=0)
scratch.fit(x_few, y_few, 4 * epochs, 5)
print(f"from scratch: {scratch.evaluate(x_test, y_test)['accuracy']:.2%}")
figure = pictures.predictions(x_test, y_test, tuned.predict(x_test), tuple("56789"), "Learned from 10 images")
figure.savefig(given.out / "transfer_learning.png")
