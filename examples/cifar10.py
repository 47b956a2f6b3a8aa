"""The article's CIFAR-10 classifier: Conv 32, 64, 128, each with a pool, Dense 512, softmax; Adam, 10 epochs.

Each line stands beside what the same program says in Keras. Reads CIFAR-10 in its own python or binary
archive format from --data. Without it, pieces of two photographs of the same size stand in, so that the
program can be tried at once.
"""

from pathlib import Path

import common

from fastconv import nn, one_hot
from fastconv.train import Trainer, data, pictures

given = common.options(__doc__, ("--data", {"type": Path, "help": "folder or archive of CIFAR-10"}))

# 1. Load and prepare the data: images (N, 3, 32, 32) of 0 to 255, labels 0 to 9.
if given.data is not None:  # cifar10.load_data()
    x_train, y_train, x_test, y_test, classes = data.load_cifar10(given.data)
else:
    x_train, y_train = common.patches(256 if given.quick else 4000, 32, "left")
    x_test, y_test = common.patches(64 if given.quick else 1000, 32, "right", seed=1)
    classes = ("temple", "flower")
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255  # the same
t_train, t_test = one_hot(y_train, len(classes)), one_hot(y_test, len(classes))  # to_categorical(y_train, 10)

# 2. Build the network.
nn.init.manual_seed(0)
model = nn.Sequential(  # models.Sequential([
    *(nn.Conv2d(3, 32, 3), nn.ReLU()),  # Conv2D(32, (3, 3), activation="relu", input_shape=(32, 32, 3)),
    nn.MaxPool2d(2),  # MaxPooling2D((2, 2)),
    *(nn.Conv2d(32, 64, 3), nn.ReLU()),  # Conv2D(64, (3, 3), activation="relu"),
    nn.MaxPool2d(2),  # MaxPooling2D((2, 2)),
    *(nn.Conv2d(64, 128, 3), nn.ReLU()),  # Conv2D(128, (3, 3), activation="relu"),
    nn.MaxPool2d(2),  # MaxPooling2D((2, 2)),
    nn.Flatten(),  # Flatten(),
    *(nn.Linear(512, 512), nn.ReLU()),  # Dense(512, activation="relu"),
    nn.Linear(512, len(classes)),  # Dense(10, activation="softmax")]): here softmax is part of the loss
)
model.summary((3, 32, 32))  # model.summary()

# 3. Choose optimiser, loss and metrics: model.compile(...)
trainer = Trainer(model, optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], seed=0)

# 4. Train: model.fit(...)
epochs = 1 if given.quick else 10 if given.data else 4
trainer.fit(x_train, t_train, epochs=epochs, batch_size=64, validation_split=0.1)

# 5. Evaluate: model.evaluate(...)
measured = trainer.evaluate(x_test, t_test)
print(f"test accuracy {measured['accuracy']:.2%}, loss {measured['loss']:.4f}")
scores = trainer.predict(x_test)
pictures.predictions(x_test, y_test, scores, classes).savefig(given.out / "cifar10.png")
