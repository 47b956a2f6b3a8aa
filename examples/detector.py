"""A single-shot detector: for each cell of a grid, whether a shape is there, which, and where.

Images are drawn: squares, discs and triangles of random size and place. Per cell the net gives 1 objectness
score, 4 box numbers (centre within the cell, half height, half width) and 3 class scores (after Redmon et
al. 2016).
"""

import common
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fastconv import nn
from fastconv.nn import functional as F
from fastconv.train import Trainer

SIZE, GRID, CLASSES = 48, 6, ("square", "disc", "triangle")
CELL = SIZE // GRID


def scenes(number, seed):
    """Images (N, 1, 48, 48) and targets (N, 6, 6, 6): objectness, box (4), class."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (number, 1, SIZE, SIZE)).astype(np.uint8)
    targets = np.zeros((number, 6, GRID, GRID), np.float32)
    y, x = np.mgrid[:SIZE, :SIZE]
    for image, target in zip(images, targets, strict=True):
        for _ in range(rng.integers(1, 4)):
            half = rng.uniform(4, 8)
            cy, cx = rng.uniform(half, SIZE - half, 2)
            row, column, label = int(cy // CELL), int(cx // CELL), rng.integers(0, 3)
            if target[0, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].any():
                continue
            dy, dx = y - cy, x - cx
            inside = (np.abs(dy) < half) & (np.abs(dx) < half)
            if label == 1:
                inside = dy**2 + dx**2 < half**2
            elif label == 2:
                inside &= 2 * np.abs(dx) < dy + half
            image[0, inside] = rng.integers(140, 255)
            target[:, row, column] = 1, cy / CELL - row, cx / CELL - column, half / CELL, half / CELL, label
    return images, targets


def detection_loss(output, target):
    """Objectness everywhere; box and class only in cells that hold a shape."""
    there = target[:, 0]
    count = max(1.0, float(there.sum()))
    objectness = F.binary_cross_entropy_with_logits(output[:, 0], there)
    box = (((output[:, 1:5] - target[:, 1:5]) ** 2) * there[:, None]).sum() / count
    scores = output[:, 5:].permute((0, 2, 3, 1)).reshape((-1, len(CLASSES)))
    label = np.where(there > 0, target[:, 5], -100).astype(np.int64).reshape(-1)
    return objectness * 5.0 + box + F.cross_entropy(scores, label)


def found_cells(output, target):
    """Share of cells with the right answer about objectness, among cells that hold or claim a shape."""
    claimed, there = output[:, 0] > 0, target[:, 0] > 0
    return (claimed & there).sum() / max(1, (claimed | there).sum())


given = common.options(__doc__)
x_train, y_train = scenes(128 if given.quick else 3000, 0)
x_test, y_test = scenes(200, 1)
nn.init.manual_seed(0)
layers, before = [], 1
for width in (16, 32, 64):
    layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    before = width
model = nn.Sequential(*layers, nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 5 + len(CLASSES), 1))
trainer = Trainer(model, loss=detection_loss, metrics=[found_cells], lr=0.003, seed=0)
trainer.fit(x_train, y_train, 1 if given.quick else 12, 32)

output = trainer.predict(x_test)
there = y_test[:, 0] > 0
print(f"cells found: {found_cells(output, y_test):.1%}")
print(f"classes right: {np.mean(output[:, 5:].argmax(1)[there] == y_test[:, 5][there]):.1%}")
distance = (
    np.abs(np.moveaxis(output[:, 1:5], 1, 3)[there] - np.moveaxis(y_test[:, 1:5], 1, 3)[there]).mean() * CELL
)
print(f"boxes off by {distance:.2f} pixels on average")

figure = Figure(figsize=(12, 6.4), layout="constrained")
for axes, image, guess in zip(figure.subplots(2, 4).reshape(-1), x_test, output, strict=False):
    axes.imshow(image[0], cmap="gray")
    axes.axis("off")
    for row, column in np.argwhere(guess[0] > 0):
        cy, cx, half_height, half_width = guess[1:5, row, column] * CELL + (row * CELL, column * CELL, 0, 0)
        corner = (cx - half_width, cy - half_height)
        axes.add_patch(
            Rectangle(corner, 2 * half_width, 2 * half_height, fill=False, edgecolor="#39d98a", lw=2)
        )
        axes.text(*corner, CLASSES[guess[5:, row, column].argmax()], color="#39d98a", fontsize=9, va="bottom")
figure.savefig(given.out / "detector.png")
