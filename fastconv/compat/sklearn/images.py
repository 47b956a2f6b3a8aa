"""What the estimators share: X as images, the default network, and its outputs for any number of images."""

import math

import numpy as np

from ... import nn
from ...extras import optional
from ...geometry import value_error
from ...tensor import Tensor, no_grad
from ...train.batches import as_input

base = optional("sklearn.base", "sklearn")
validation = optional("sklearn.utils.validation", "sklearn")

WIDTHS = (32, 64, 128, 256)


def image_network(image_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The default network for images of shape (C, *spatial): what CNNClassifier trains without a `module`.

    The input is normalised; then come two 3-wide convolutions and a pool, up to four times, until no axis has four
    cells left; then one dense layer.

    >>> image_network((1, 8, 8), 10)[-1].out_features
    10
    """
    channels, *extents = image_shape
    rank = len(extents)
    Conv, Norm, Pool, Average = (
        getattr(nn, f"{kind}{rank}d") for kind in ("Conv", "BatchNorm", "MaxPool", "AdaptiveAvgPool")
    )
    layers = [Norm(channels, affine=False)]
    for width in WIDTHS:
        for _ in range(2):
            layers += [Conv(channels, width, 3, padding=1, bias=False), Norm(width), nn.ReLU()]
            channels = width
        window = tuple(min(extent, 2) for extent in extents)
        extents = [extent // size for extent, size in zip(extents, window)]
        layers.append(Pool(window))
        if max(extents) < 4:
            break
    cells = tuple(min(extent, 4) for extent in extents)
    dense = nn.Linear(channels * math.prod(cells), outputs)
    return nn.Sequential(*layers, Average(cells), nn.Flatten(), nn.Dropout(0.3), dense)


class ImageEstimator(base.BaseEstimator):
    """What all three share: rows of X as images of one shape."""

    # X checked, as images (n, C, *spatial), and y checked if it is given. `reset`: learn the shape; otherwise hold X
    # to it. `least`: number of samples.
    def _images(self, X, reset, *y, least=1):
        given = ()
        shape = np.shape(X) if isinstance(X, (list, tuple)) else getattr(X, "shape", ())
        if len(shape) > 2:
            given, X = tuple(shape[1:]), np.asarray(X).reshape(shape[0], -1)
        numbers = {"multi_output": True, "y_numeric": base.is_regressor(self)} if y else {}
        checked = validation.validate_data(self, X, *y, reset=reset, ensure_min_samples=least, **numbers)
        rows, *y = checked if y else (checked,)
        if reset:
            self.image_shape_ = self._image_shape(given, rows.shape[1])
        if rows.dtype.kind != "f" and rows.dtype != np.uint8:
            rows = rows.astype(np.float32)
        images = rows.reshape(len(rows), *self.image_shape_)
        return (images, *y) if y else images

    # (C, *spatial) of images with `features` values that came in shape `given` (empty: as rows).
    def _image_shape(self, given, features):
        shape = given if self.image_shape is None else tuple(self.image_shape)
        if not shape:
            side = math.isqrt(features)
            shape = (side, side) if side * side == features else (features,)
        if math.prod(shape) != features:
            came = f"is {shape} of {math.prod(shape)} values"
            raise value_error(type(self).__name__, "image_shape", came, f"{features}, as X has")
        if len(shape) > 4:
            raise value_error(type(self).__name__, "X", f"has images of shape {shape}", "at most (C, D, H, W)")
        return shape if len(shape) > 2 else (1, *shape)


# The network's outputs for images of any number, without touching its mode.
def outputs_of(network, images, size=256):
    dtype = next((p.dtype for p in network.parameters()), np.dtype(np.float32))
    with no_grad():
        parts = [network(as_input(images[i : i + size], dtype)) for i in range(0, len(images), size)]
    return np.concatenate([part.data if isinstance(part, Tensor) else part for part in parts])
