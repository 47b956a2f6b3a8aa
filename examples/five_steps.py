"""The five steps of training, written by hand: initialise, forward, loss, gradient, update."""

import common
import numpy as np

import fastconv
from fastconv import nn

given = common.options(__doc__)
images = common.digits(given.quick)
x, y = images.x_train / np.float32(255), images.y_train
rng = np.random.default_rng(0)

# 1. Initialise: small random weights.
kernels = nn.Parameter(rng.normal(0, 0.2, (16, 1, 3, 3)).astype(np.float32))
bias = nn.Parameter(np.zeros(16, np.float32))
dense = nn.Parameter(rng.normal(0, 0.1, (10, 16 * 3 * 3)).astype(np.float32))
parameters = (kernels, bias, dense)


def forward(batch):
    """(N, 1, 8, 8) images to (N, 10) scores."""
    features = fastconv.relu(fastconv.conv2d(batch, kernels, bias))  # (N, 16, 6, 6)
    pooled = fastconv.max_pool2d(features, 2)  # (N, 16, 3, 3)
    return fastconv.linear(pooled.reshape((len(batch), -1)), dense)


losses = []
for _ in range(2 if given.quick else 30):
    for rows in np.array_split(rng.permutation(len(x)), len(x) // 32):
        scores = forward(x[rows])  # 2. Forward.
        loss = fastconv.cross_entropy(scores, y[rows])  # 3. Loss.
        loss.backward()  # 4. Gradient.
        for parameter in parameters:  # 5. Update.
            parameter.data -= 0.1 * parameter.grad
            parameter.grad = None
        losses.append(loss.item())

with fastconv.no_grad():
    scores = forward(images.x_test / np.float32(255)).numpy()
print(f"test accuracy {np.mean(scores.argmax(1) == images.y_test):.2%}, last loss {losses[-1]:.4f}")

from fastconv.train import pictures  # noqa: E402

pictures.predictions(images.x_test, images.y_test, scores, images.classes).savefig(
    given.out / "five_steps.png"
)
