"""The article's CIFAR-10 classifier: Conv 32, 64, 128, each with a pool, Dense 512, softmax.

Trained for 10 epochs with Adam. Reads CIFAR-10 in its own python or binary archive format from --data.
Without it, pieces of two photographs of the same size stand in, so that the program can be tried at once.
"""

from pathlib import Path

import common

from fastconv import nn
from fastconv.train import Trainer, data, pictures

given = common.options(__doc__, ("--data", {"type": Path, "help": "folder or archive of CIFAR-10"}))

# 1. The data: images (N, 3, 32, 32) of 0 to 255, labels 0 to 9.
if given.data is not None:
    x_train, y_train, x_test, y_test, classes = data.load_cifar10(given.data)
else:
    x_train, y_train = common.patches(256 if given.quick else 4000, 32, "left")
    x_test, y_test = common.patches(64 if given.quick else 1000, 32, "right", seed=1)
    classes = ("temple", "flower")

# 2. The network. Softmax is part of the loss, which is more exact.
model = nn.Sequential(
    nn.Conv2d(3, 32, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(64, 128, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(512, 512),
    nn.ReLU(),
    nn.Linear(512, len(classes)),
)
model.summary((3, 32, 32))

# 3. Compile and train.
trainer = Trainer(model, optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], seed=0)
epochs = 1 if given.quick else 10 if given.data else 4
history = trainer.fit(x_train, y_train, epochs=epochs, batch_size=64, validation_split=0.1)

# 4. Evaluate.
measured = trainer.evaluate(x_test, y_test)
print(f"test accuracy {measured['accuracy']:.2%}, loss {measured['loss']:.4f}")
scores = trainer.predict(x_test)
pictures.predictions(x_test, y_test, scores, classes).savefig(given.out / "cifar10.png")
