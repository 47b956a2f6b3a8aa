"""Dense connections: every layer sees all outputs before it, concatenated (Huang et al. 2017)."""

import common

import fastconv
from fastconv import nn
from fastconv.train import Trainer, pictures


class DenseBlock(nn.Module):
    """`layers` convolutions of `growth` channels each, every one on the concatenation of all so far."""

    def __init__(self, channels, growth, layers):
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(channels + number * growth),
                nn.ReLU(),
                nn.Conv2d(channels + number * growth, growth, 3, padding=1, bias=False),
            )
            for number in range(layers)
        )

    def forward(self, x):
        for layer in self.layers:
            x = fastconv.concat([x, layer(x)], 1)
        return x


given = common.options(__doc__)
images = common.digits(given.quick)
nn.init.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    DenseBlock(16, 8, 3),  # (N, 40, 8, 8)
    nn.Conv2d(40, 24, 1),
    nn.AvgPool2d(2),
    DenseBlock(24, 8, 3),  # (N, 48, 4, 4)
    nn.BatchNorm2d(48),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(48, 10),
)
model.summary((1, 8, 8))
trainer = Trainer(model, lr=0.003, seed=0)
trainer.fit(images.x_train, images.y_train, 2 if given.quick else 20, 64, validation_split=0.1)
print(f"test accuracy {trainer.evaluate(images.x_test, images.y_test)['accuracy']:.2%}")
scores = trainer.predict(images.x_test)
pictures.predictions(images.x_test, images.y_test, scores, images.classes).savefig(given.out / "densenet.png")
