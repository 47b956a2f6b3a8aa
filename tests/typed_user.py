"""A user's code, checked by `mypy --strict` and run: what a call gives is known to the type checker."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastconv as fc
import fastconv.nn.functional as F
from fastconv import nn, optim
from fastconv.train import Trainer

x = np.ones((1, 3, 8, 8), np.float32)
w = np.ones((4, 3, 3, 3), np.float32)


def calls() -> None:
    y = fc.conv2d(x, w, padding="same", dilation=(1, 2))
    assert_type(y, NDArray[Any])
    pooled, indices = fc.max_pool2d(y, 2, return_indices=True)
    print(float(fc.relu(fc.avg_pool2d(pooled, (2, 2), stride=None)).sum()), indices.max())
    for grad in fc.conv2d_backward(y, x, w, padding="same", dilation=(1, 2), needs=(True, False, True)):
        print(None if grad is None else grad.shape)
    fc.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True, out=np.empty((1, 3, 4, 4), np.float32))

    t = fc.Tensor(w, requires_grad=True)
    z = fc.conv2d(x, t)
    assert_type(z, fc.Tensor)
    loss = F.cross_entropy(z.flatten(1), np.array([1]), label_smoothing=0.1)
    assert_type(loss, fc.Tensor)
    ((loss * 2.0 + 1.0) ** 2).mean().backward()
    if t.grad is not None:
        print(t.grad.shape, z[0, 0].max().item(), fc.concat([z, z], 1).shape)


class Net(nn.Module):
    def __init__(self) -> None:
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 10)

    def forward(self, input: NDArray[np.float32]) -> fc.Tensor:
        features = self.body(input)
        pooled: fc.Tensor = fc.global_avg_pool(features).flatten(1)
        result: fc.Tensor = self.head(pooled)
        return result


def training() -> None:
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    print(model.head.weight.shape)
    with fc.no_grad(), fc.threads(2):
        model.eval()(x)
    optimizer.zero_grad()
    optimizer.step()
    Trainer(model, "adam", "cross_entropy").fit(x, np.array([1]), epochs=1, batch_size=1)
