"""LeNet on scanned digits: convolution, pooling, convolution, three dense layers (LeCun et al. 1998)."""

import common

from fastconv import nn
from fastconv.train import EarlyStopping, Trainer, pictures
from fastconv.train.transforms import RandomRotation

given = common.options(__doc__)
images = common.digits(given.quick)

model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2, seed=0),  # (N, 6, 8, 8)
    nn.Tanh(),
    nn.AvgPool2d(2),  # (N, 6, 4, 4)
    nn.Conv2d(6, 16, 3, padding=1, seed=1),
    nn.Tanh(),
    nn.AvgPool2d(2),  # (N, 16, 2, 2)
    nn.Flatten(),
    nn.Linear(64, 120, seed=2),
    nn.Tanh(),
    nn.Linear(120, 84, seed=3),
    nn.Tanh(),
    nn.Linear(84, 10, seed=4),
)
model.summary((1, 8, 8))
stopping = EarlyStopping("val_accuracy", patience=12, restore_best_weights=True)
trainer = Trainer(model, callbacks=[stopping], lr=0.003, l2=1e-5, seed=0)
trainer.fit(
    images.x_train,
    images.y_train,
    2 if given.quick else 60,
    32,
    validation_split=0.1,
    augment=RandomRotation(8),
)
print(f"test accuracy {trainer.evaluate(images.x_test, images.y_test)['accuracy']:.2%}")
scores = trainer.predict(images.x_test)
pictures.predictions(images.x_test, images.y_test, scores, images.classes).savefig(given.out / "lenet.png")
