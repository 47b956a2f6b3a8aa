"""A residual network with shortcut connections on CIFAR-shaped images (He et al. 2015).

Reads CIFAR-10 from --data; without it, tells pieces of two photographs apart.
"""

from pathlib import Path

import common

from fastconv import nn
from fastconv.optim.lr_scheduler import OneCycleLR
from fastconv.train import LearningRateSchedule, Trainer, data, pictures
from fastconv.train.transforms import Compose, RandomCrop, RandomHorizontalFlip


class Block(nn.Module):
    """x -> relu(two convolutions of x + x); the shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, channels, out_channels, stride=1):
        self.body = nn.Sequential(
            nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        )
        self.norm = nn.BatchNorm2d(out_channels)
        same = stride == 1 and channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1, stride, bias=False)

    def forward(self, x):
        # relu(norm(body(x)) + shortcut(x)), in one pass
        return self.norm(self.body(x), activation="relu", residual=self.shortcut(x))


def resnet(blocks: int, classes: int) -> nn.Module:
    """ResNet-(6 blocks + 2): three stages of 16, 32 and 64 channels."""
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(blocks):
            layers.append(Block(channels, width, stride if number == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


given = common.options(__doc__, ("--data", {"type": Path, "help": "folder or archive of CIFAR-10"}))
if given.data is not None:
    x_train, y_train, x_test, y_test, classes = data.load_cifar10(given.data)
else:
    x_train, y_train = common.patches(128 if given.quick else 3000, 32, "left")
    x_test, y_test = common.patches(64 if given.quick else 500, 32, "right", seed=1)
    classes = ("temple", "flower")

nn.init.manual_seed(0)
model = resnet(1 if given.quick else 3, len(classes))
model.summary((3, 32, 32))
epochs, batch = (1 if given.quick else 3), 64
steps = epochs * -(-len(x_train) // batch)
schedule = LearningRateSchedule(lambda optimizer: OneCycleLR(optimizer, 0.01, steps), per="batch")
trainer = Trainer(model, "adamw", callbacks=[schedule], seed=0)
trainer.fit(
    x_train, y_train, epochs, batch, augment=Compose([RandomCrop(32, padding=4), RandomHorizontalFlip()])
)
print(f"test accuracy {trainer.evaluate(x_test, y_test)['accuracy']:.2%}")
pictures.predictions(x_test, y_test, trainer.predict(x_test), classes).savefig(given.out / "resnet.png")
