"""A convolutional network as feature extractor, a support vector machine as classifier (scikit-learn)."""

import common
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fastconv import nn
from fastconv.train import Trainer, pictures

given = common.options(__doc__)
images = common.digits(given.quick)
nn.init.manual_seed(0)
body = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),  # (N, 128)
)
trainer = Trainer(nn.Sequential(body, nn.Linear(128, 10)), lr=0.003, seed=0)
trainer.fit(images.x_train, images.y_train, 2 if given.quick else 20, 64)
print(f"network:        {trainer.evaluate(images.x_test, images.y_test)['accuracy']:.2%}")

extract = Trainer(body).predict
machine = make_pipeline(StandardScaler(), SVC(C=10))
machine.fit(extract(images.x_train), images.y_train)
features = extract(images.x_test)
print(f"features + SVM: {machine.score(features, images.y_test):.2%}")
figure = pictures.predictions(
    images.x_test, images.y_test, machine.decision_function(features), images.classes, "Features into an SVM"
)
figure.savefig(given.out / "features_svm.png")
