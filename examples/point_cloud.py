"""A classifier of point clouds with Conv1d: one small net on every point, then the largest of each feature.

The clouds are points of the surfaces of a sphere, a cube, a cylinder and a torus, turned at random, with
noise (PointNet: Qi et al. 2017).
"""

import common
import numpy as np
from matplotlib.figure import Figure

from fastconv import nn
from fastconv.train import Trainer

SHAPES = ("sphere", "cube", "cylinder", "torus")


def cloud(shape, count, rng):
    """(3, count) points of one surface."""
    a, b = rng.uniform(0, 2 * np.pi, (2, count))
    if shape == "sphere":
        points = rng.normal(size=(3, count))
        points /= np.linalg.norm(points, axis=0)
    elif shape == "cube":
        points = rng.uniform(-1, 1, (3, count))
        points[rng.integers(0, 3, count), np.arange(count)] = rng.choice([-1, 1], count)
        points *= 0.75
    elif shape == "cylinder":
        points = np.stack([0.7 * np.cos(a), 0.7 * np.sin(a), rng.uniform(-1, 1, count)])
    else:
        points = np.stack(
            [(0.8 + 0.3 * np.cos(b)) * np.cos(a), (0.8 + 0.3 * np.cos(b)) * np.sin(a), 0.3 * np.sin(b)]
        )
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return turn @ points + rng.normal(0, 0.03, points.shape)


def clouds(number, seed, count=128):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(SHAPES), number)
    return np.stack([cloud(SHAPES[label], count, rng) for label in labels]).astype(np.float32), labels


given = common.options(__doc__)
x_train, y_train = clouds(200 if given.quick else 3000, 0)
x_test, y_test = clouds(400, 1)
nn.init.manual_seed(0)
layers = []
for before, after in ((3, 32), (32, 64), (64, 128)):
    layers += [nn.Conv1d(before, after, 1), nn.BatchNorm1d(after), nn.ReLU()]
model = nn.Sequential(
    *layers, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 4)
)
trainer = Trainer(model, lr=0.003, seed=0)
trainer.fit(x_train, y_train, 2 if given.quick else 10, 32)
print(f"test accuracy {trainer.evaluate(x_test, y_test)['accuracy']:.2%}")

found = trainer.predict(x_test).argmax(1)
figure = Figure(figsize=(12, 6), layout="constrained")
for number in range(8):
    axes = figure.add_subplot(2, 4, number + 1, projection="3d")
    axes.scatter(*x_test[number], s=6, c=x_test[number, 2], cmap="viridis")
    axes.set_title(f"{SHAPES[found[number]]} (is {SHAPES[y_test[number]]})", fontsize=10)
    axes.set_axis_off()
figure.savefig(given.out / "point_cloud.png")
