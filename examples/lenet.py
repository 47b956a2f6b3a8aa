"""LeNet on scanned digits: convolution, pooling, convolution, pooling, three dense layers (LeCun et al. 1998).

--data reads MNIST's own files instead of scikit-learn's digits; the images may have any size.
"""

from pathlib import Path

import common

from fastconv import nn
from fastconv.optim.lr_scheduler import OneCycleLR
from fastconv.train import LearningRateSchedule, Trainer, data, pictures
from fastconv.train.transforms import RandomAffine

given = common.options(__doc__, ("--data", {"type": Path, "help": "folder or .npz of MNIST"}))
images = data.load_mnist(given.data) if given.data else common.digits(given.quick)

nn.init.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2),  # (N, 6, 8, 8)
    nn.ReLU(),
    nn.MaxPool2d(2),  # (N, 6, 4, 4)
    nn.Conv2d(6, 16, 5, padding=2),
    nn.ReLU(),
    nn.MaxPool2d(2),  # (N, 16, 2, 2)
    nn.Flatten(),
    nn.LazyLinear(120),
    nn.ReLU(),
    nn.Linear(120, 84),
    nn.ReLU(),
    nn.Linear(84, 10),
)
model.summary(images.x_train.shape[1:])

epochs = 2 if given.quick else 5 if given.data else 60
steps = epochs * -(-len(images.x_train) // 64)
schedule = LearningRateSchedule(lambda optimizer: OneCycleLR(optimizer, 0.006, steps), per="batch")
trainer = Trainer(model, loss=nn.CrossEntropyLoss(label_smoothing=0.1), callbacks=[schedule], seed=0)
moves = RandomAffine(6, translate=(0.05, 0.05), scale=(0.94, 1.06), shear=5)
trainer.fit(images.x_train, images.y_train, epochs, 64, augment=moves)
print(f"test accuracy {trainer.evaluate(images.x_test, images.y_test)['accuracy']:.2%}")
scores = trainer.predict(images.x_test)
pictures.predictions(images.x_test, images.y_test, scores, images.classes).savefig(given.out / "lenet.png")
