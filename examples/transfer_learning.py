"""Transfer learning: a net that knows the digits 0 to 4 well learns 5 to 9 from two images each.

So that its features are rich, it first tells 40 classes apart: 0 to 4, turned and mirrored. The weights go
through a file, the body is frozen and only a new head trained. Beside it: the same after slow fine-tuning of
all layers, and the same net from scratch. Ten images are few, so these are means of several draws.
"""

import common
import numpy as np

from fastconv import nn, optim
from fastconv.train import Trainer, pictures
from fastconv.train.transforms import RandomAffine


def network(classes):
    """A body of three convolutions and a head of one dense layer."""
    body = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )
    return nn.Sequential(body, nn.Linear(256, classes))


def learn(model, lr, epochs):
    """Train what is not frozen on the few images; returns the trainer and its accuracy on the test images."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    trainer = Trainer(model, optim.Adam(parameters, lr), seed=0)
    trainer.fit(x_few, y_few, epochs, len(x_few), augment=MOVES)
    return trainer, trainer.evaluate(x_test, y_test)["accuracy"]


MOVES = RandomAffine(12, translate=(0.09, 0.09), scale=(0.87, 1.15), shear=12)
given = common.options(__doc__)
images = common.digits()
low = images.y_train < 5
x_new, y_new = images.x_train[~low], images.y_train[~low] - 5
x_test, y_test = images.x_test[images.y_test >= 5], images.y_test[images.y_test >= 5] - 5
epochs = 1 if given.quick else 100

old = images.x_train[low]
kinds = [np.rot90(seen, turn, (2, 3)) for turn in range(4) for seen in (old, old[..., ::-1])]
labels = [images.y_train[low] + 5 * kind for kind in range(8)]
nn.init.manual_seed(0)
first = Trainer(network(40), lr=0.003, seed=0)
first.fit(np.concatenate(kinds), np.concatenate(labels), 1 if given.quick else 8, 64, augment=MOVES)
first.model.save(given.out / "digits_0_to_4.npz")

results = {"head only": [], "fine-tuned": [], "from scratch": []}
for draw in range(1 if given.quick else 5):
    rng = np.random.default_rng(draw)
    few = np.concatenate([rng.permutation(np.flatnonzero(y_new == digit))[:2] for digit in range(5)])
    x_few, y_few = x_new[few], y_new[few]

    model = network(40).load(given.out / "digits_0_to_4.npz")
    model[0].requires_grad_(False)
    model[1] = nn.Linear(256, 5)
    results["head only"].append(learn(model, 0.01, epochs)[1])
    model.requires_grad_(True)
    tuned, accuracy = learn(model, 0.0003, epochs)
    results["fine-tuned"].append(accuracy)
    results["from scratch"].append(learn(network(5), 0.003, 2 * epochs)[1])

for name, accuracies in results.items():
    print(f"{name:13} {np.mean(accuracies):.1%}  (draws from {min(accuracies):.1%} to {max(accuracies):.1%})")
figure = pictures.predictions(x_test, y_test, tuned.predict(x_test), tuple("56789"), "From 10 images, last draw")
figure.savefig(given.out / "transfer_learning.png")
