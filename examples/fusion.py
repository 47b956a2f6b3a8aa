"""Features of three layers fused early and late: several inputs and outputs in one graph.

Early: the maps of three depths, pooled to one size, are joined before one classifier. Late: each depth has a
classifier of its own, and their scores are averaged. Both heads train together; a second input, the mean
grey value, joins early.
"""

import common
import numpy as np

import fastconv
from fastconv import nn
from fastconv.nn import functional as F
from fastconv.train import Trainer, pictures


class Fusion(nn.Module):
    """(image, brightness) -> (early scores, late scores)."""

    def __init__(self, widths=(12, 24, 32), classes=10):
        channels = (1, *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Conv2d(c, w, 3, padding=1) for c, w in zip(channels, widths, strict=True)
        )
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.early = nn.Linear(4 * sum(widths) + 1, classes)
        self.late = nn.ModuleList(nn.Linear(4 * width, classes) for width in widths)

    def forward(self, image, brightness):
        features = []
        for number, stage in enumerate(self.stages):
            image = F.relu(stage(image if number == 0 else F.max_pool2d(image, 2)))
            features.append(F.flatten(self.pool(image), 1))
        early = self.early(fastconv.concat([*features, brightness], 1))
        scores = [head(feature) for head, feature in zip(self.late, features, strict=True)]
        return early, (scores[0] + scores[1] + scores[2]) / 3


def both(output, target):
    """Sum of the losses of the two outputs."""
    return F.cross_entropy(output[0], target) + F.cross_entropy(output[1], target)


def late_accuracy(output, target):
    return np.mean(output[1].argmax(1) == target)


def early_accuracy(output, target):
    return np.mean(output[0].argmax(1) == target)


given = common.options(__doc__)
images = common.digits(given.quick)
x_train, x_test = ((x, x.mean((2, 3), dtype=np.float32) / 255) for x in (images.x_train, images.x_test))
nn.init.manual_seed(0)
trainer = Trainer(Fusion(), loss=both, metrics=[early_accuracy, late_accuracy], lr=0.003, seed=0)
trainer.fit(x_train, images.y_train, 2 if given.quick else 25, 64)
measured = trainer.evaluate(x_test, images.y_test)
print(f"early fusion {measured['early_accuracy']:.2%}, late fusion {measured['late_accuracy']:.2%}")
scores, _ = trainer.predict(x_test)
pictures.predictions(images.x_test, images.y_test, scores, images.classes).savefig(given.out / "fusion.png")
