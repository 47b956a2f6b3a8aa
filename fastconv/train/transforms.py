"""Augmentation on whole batches of images (N, C, H, W): seeded, for uint8 (0..255) and float (0..1) alike.

Names and parameters are torchvision's. Each transform draws from its own generator (`seed=`), or from the
one given in the call, which is what `Trainer.fit(augment=...)` does so that a resumed run repeats an
unbroken one.
"""

from collections.abc import Sequence

import numpy as np

from .. import ops


class Transform:
    """Base: `_apply(images, rng)` on float images in 0..1 returns new images, never the old ones changed."""

    keeps_uint8 = True

    def __init__(self, seed: int | None = None):
        self.rng = np.random.default_rng(seed)

    def __call__(self, images: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        images = np.asarray(images)
        if images.ndim != 4:
            raise ValueError(
                f"{type(self).__name__}: images have shape {images.shape} (expected (N, C, H, W))"
            )
        result = self._apply(_as_float(images), self.rng if rng is None else rng)
        return (
            result if images.dtype == np.uint8 and not self.keeps_uint8 else _as_dtype(result, images.dtype)
        )

    def _apply(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        raise NotImplementedError


# uint8 becomes float32 in 0..1 for the computation, and rounds back.
def _as_float(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images * np.float32(1 / 255)
    if images.dtype.kind != "f":
        raise TypeError(f"transform: images have dtype {images.dtype} (expected uint8 or float)")
    return images


def _as_dtype(images: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype == np.uint8:
        return np.clip(np.rint(images * 255), 0, 255).astype(np.uint8)
    return images.astype(dtype, copy=False)


class Compose(Transform):
    """One transform after another. Neighbours that only move pixels are joined into one resampling pass."""

    def __init__(self, transforms: Sequence, seed: int | None = None):
        super().__init__(seed)
        self.transforms = list(transforms)
        self.keeps_uint8 = all(getattr(transform, "keeps_uint8", True) for transform in self.transforms)

    def _apply(self, images, rng):
        pending: list[_Affine] = []
        for transform in self.transforms:
            if isinstance(transform, _Affine):
                pending.append(transform)
                continue
            images = _resample_all(images, pending, rng)
            pending = []
            if isinstance(transform, Transform):
                images = transform._apply(images, rng)
            else:
                images = transform(images)
        return _resample_all(images, pending, rng)


# A transform that maps each output position to an input position by one 2x3 matrix a sample, in pixels from
# the centre of the image: (y, x) of the input = matrix @ (y, x, 1) of the output.
class _Affine(Transform):
    def _matrices(self, count: int, size: tuple[int, int], rng) -> np.ndarray:
        raise NotImplementedError

    def _output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        return size

    def _apply(self, images, rng):
        return _resample_all(images, [self], rng)


def _resample_all(images: np.ndarray, transforms: list[_Affine], rng) -> np.ndarray:
    if not transforms:
        return images
    count, size = len(images), images.shape[2:]
    total = np.tile(np.eye(3), (count, 1, 1))
    for transform in transforms:
        step = np.tile(np.eye(3), (count, 1, 1))
        step[:, :2] = transform._matrices(count, size, rng)
        total = total @ step
        size = transform._output_size(size)
    return resample(images, total[:, :2], size)


def resample(images: np.ndarray, matrices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear resampling of (N, C, H, W) to (N, C, *size); outside the image is 0.

    matrices (N, 2, 3) map output positions to input positions, (y, x) in pixels from the centre of each
    image.
    """
    count, channels, height, width = images.shape
    rows, columns = size
    y, x = np.mgrid[:rows, :columns].reshape(2, -1).astype(np.float32)  # (rows columns,)
    grid = np.stack([y - (rows - 1) / 2, x - (columns - 1) / 2, np.ones_like(y)])  # (3, rows columns)
    source = ops.matmul(matrices.astype(np.float32), grid)  # (N, 2, rows columns)
    y, x = source[:, 0] + (height - 1) / 2, source[:, 1] + (width - 1) / 2
    top, left = np.floor(y), np.floor(x)
    flat = images.reshape(count, channels, height * width)
    result = np.zeros((count, channels, rows * columns), images.dtype)
    for dy in (0, 1):
        for dx in (0, 1):
            yy, xx = top + dy, left + dx
            share = (1 - np.abs(y - yy)) * (1 - np.abs(x - xx))
            share *= (yy >= 0) & (yy < height) & (xx >= 0) & (xx < width)
            index = np.clip(yy, 0, height - 1) * width + np.clip(xx, 0, width - 1)
            taken = np.take_along_axis(flat, index.astype(np.intp)[:, None], 2)  # (N, C, rows columns)
            result += taken * share[:, None].astype(images.dtype)
    return result.reshape(count, channels, rows, columns)


class RandomRotation(_Affine):
    """Rotates each image by an angle drawn from [-degrees, degrees], or from a pair of angles."""

    def __init__(self, degrees, seed: int | None = None):
        super().__init__(seed)
        self.low, self.high = (-degrees, degrees) if np.ndim(degrees) == 0 else degrees
        if self.low > self.high:
            raise ValueError(
                f"RandomRotation: degrees is {degrees} (expected a number of 0 or more, or (low, high))"
            )

    def _matrices(self, count, size, rng):
        angle = np.deg2rad(rng.uniform(self.low, self.high, count))
        cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros(count)
        return np.stack([np.stack([cos, sin, zero], 1), np.stack([-sin, cos, zero], 1)], 1)


class RandomAffine(_Affine):
    """Turns, shifts, scales and slants each image at random, all in one resampling pass.

    degrees: clockwise angle from [-degrees, degrees] or a pair; translate: largest shift (right, down) as a
    share of the size, either way; scale: a pair of factors; shear: angle of the slant along x, as degrees.
    A shift need not be whole pixels.
    """

    def __init__(self, degrees, translate=None, scale=None, shear=None, seed: int | None = None):
        super().__init__(seed)
        self.degrees = _angles("degrees", degrees)
        self.shear = _angles("shear", 0 if shear is None else shear)
        self.translate = (0.0, 0.0) if translate is None else tuple(translate)
        self.scale = (1.0, 1.0) if scale is None else tuple(scale)
        if not all(0 <= share <= 1 for share in self.translate) or not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(
                f"RandomAffine: translate is {translate}, scale {scale} "
                "(expected shares of 0 to 1, and a rising positive pair)"
            )

    # An image point goes to shift + scale · turn @ slant @ point; this is the inverse, with (y, x) order.
    def _matrices(self, count, size, rng):
        height, width = size
        angle = np.deg2rad(rng.uniform(*self.degrees, count))
        slant = np.tan(np.deg2rad(rng.uniform(*self.shear, count)))
        factor = rng.uniform(*self.scale, count)
        right = rng.uniform(-1, 1, count) * self.translate[0] * width
        down = rng.uniform(-1, 1, count) * self.translate[1] * height
        cos, sin = np.cos(angle), np.sin(angle)
        linear = (
            np.stack([np.stack([cos, -sin], 1), np.stack([sin + slant * cos, cos - slant * sin], 1)], 1)
            / factor[:, None, None]
        )  # (N, 2, 2)
        return np.concatenate([linear, -linear @ np.stack([down, right], 1)[:, :, None]], 2)


def _angles(name: str, value) -> tuple[float, float]:
    low, high = (-value, value) if np.ndim(value) == 0 else value
    if not low <= high:
        raise ValueError(f"RandomAffine: {name} is {value} (expected a number of 0 or more, or (low, high))")
    return low, high


class RandomResizedCrop(_Affine):
    """Cuts a piece of random area (share in `scale`) and aspect (in `ratio`) and resizes it to `size`."""

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), seed: int | None = None):
        super().__init__(seed)
        self.size = (int(size), int(size)) if np.ndim(size) == 0 else tuple(map(int, size))
        self.scale, self.ratio = scale, ratio
        if not 0 < scale[0] <= scale[1] or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f"RandomResizedCrop: scale is {scale}, ratio {ratio} (expected rising positive pairs)"
            )

    def _output_size(self, size):
        return self.size

    # A piece that would be larger than the image is shortened to it.
    def _matrices(self, count, size, rng):
        height, width = size
        area = rng.uniform(*self.scale, count) * height * width
        aspect = np.exp(rng.uniform(*np.log(self.ratio), count))
        crop_height = np.minimum(np.sqrt(area / aspect), height)
        crop_width = np.minimum(np.sqrt(area * aspect), width)
        centre_y = (rng.random(count) - 0.5) * (height - crop_height)
        centre_x = (rng.random(count) - 0.5) * (width - crop_width)
        zero = np.zeros(count)
        return np.stack(
            [
                np.stack([crop_height / self.size[0], zero, centre_y], 1),
                np.stack([zero, crop_width / self.size[1], centre_x], 1),
            ],
            1,
        )


class RandomHorizontalFlip(_Affine):
    """Mirrors each image left to right with probability p."""

    def __init__(self, p: float = 0.5, seed: int | None = None):
        super().__init__(seed)
        self.p = p

    def _matrices(self, count, size, rng):
        sign = np.where(rng.random(count) < self.p, -1.0, 1.0)
        matrices = np.zeros((count, 2, 3))
        matrices[:, 0, 0] = 1
        matrices[:, 1, 1] = sign
        return matrices

    # Alone, it needs no resampling.
    def _apply(self, images, rng):
        mirrored = rng.random(len(images)) < self.p
        return np.where(mirrored[:, None, None, None], images[..., ::-1], images)


class RandomCrop(Transform):
    """Cuts a piece of `size` at a random place of each image, after adding `padding` zeros on every side."""

    def __init__(self, size, padding: int = 0, seed: int | None = None):
        super().__init__(seed)
        self.size = (int(size), int(size)) if np.ndim(size) == 0 else tuple(map(int, size))
        self.padding = padding

    def _apply(self, images, rng):
        border = (self.padding, self.padding)
        padded = np.pad(images, ((0, 0), (0, 0), border, border))
        rows, columns = self.size
        room = (padded.shape[2] - rows, padded.shape[3] - columns)
        if min(room) < 0:
            raise ValueError(
                f"RandomCrop: images have size {images.shape[2:]} (expected {self.size} or more)"
            )
        top, left = rng.integers(0, room[0] + 1, len(images)), rng.integers(0, room[1] + 1, len(images))
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, self.size, (2, 3)
        )  # (N, C, top, left, H, W)
        return np.ascontiguousarray(windows[np.arange(len(images)), :, top, left])


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation (factors from [1 - v, 1 + v]) and hue (a turn from [-v, v]).

    Each argument may be a pair (low, high) instead. One order of the four is drawn for each batch, factors
    for each image. Saturation and hue need three channels; images of one channel keep theirs.
    """

    def __init__(self, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0, seed: int | None = None):
        super().__init__(seed)
        self.brightness = _range("brightness", brightness, 1.0)
        self.contrast = _range("contrast", contrast, 1.0)
        self.saturation = _range("saturation", saturation, 1.0)
        self.hue = _range("hue", hue, 0.0)

    def _apply(self, images, rng):
        steps = [
            (_brightness, self.brightness, 1.0),
            (_contrast, self.contrast, 1.0),
            (_saturation, self.saturation, 1.0),
            (_hue, self.hue, 0.0),
        ]
        for number in rng.permutation(4):
            function, bounds, neutral = steps[number]
            amount = rng.uniform(*bounds, len(images)).astype(images.dtype)[:, None, None, None]
            if bounds != (neutral, neutral):
                images = np.clip(function(images, amount), 0, 1)
        return images


def _range(name: str, value, centre: float) -> tuple[float, float]:
    if np.ndim(value):
        low, high = value
    else:
        low, high = (max(0.0, 1 - value), 1 + value) if centre else (-value, value)
    if low > high or (not centre and not -0.5 <= low <= high <= 0.5):
        raise ValueError(
            f"ColorJitter: {name} is {value} (expected 0 or more, or (low, high); hue within 0.5)"
        )
    return float(low), float(high)


# Luma weights of ITU-R BT.601, as torchvision and Pillow have them.
def _grey(images: np.ndarray) -> np.ndarray:
    if images.shape[1] != 3:
        return images.mean(1, keepdims=True)
    weights = np.asarray([0.299, 0.587, 0.114], images.dtype)
    return ops.conv2d(images, weights.reshape(1, 3, 1, 1))


def _brightness(images, amount):
    return images * amount


def _contrast(images, amount):
    middle = _grey(images).mean((1, 2, 3), keepdims=True)
    return middle + (images - middle) * amount


def _saturation(images, amount):
    if images.shape[1] != 3:
        return images
    grey = _grey(images)
    return grey + (images - grey) * amount


# Turns the hue of HSV by `amount` of a full circle: value and chroma stay.
def _hue(images, amount):
    if images.shape[1] != 3:
        return images
    r, g, b = images[:, 0], images[:, 1], images[:, 2]
    value, low = images.max(1), images.min(1)
    chroma = value - low
    safe = np.where(chroma > 0, chroma, 1)
    hue = np.where(
        value == r, (g - b) / safe % 6, np.where(value == g, (b - r) / safe + 2, (r - g) / safe + 4)
    )
    hue = (hue + 6 * amount[:, 0]) % 6
    turned = []
    for offset in (5, 3, 1):  # red, green, blue
        k = (offset + hue) % 6
        turned.append(value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(turned, 1).astype(images.dtype, copy=False)


class Normalize(Transform):
    """(image - mean) / std per channel; uint8 images become float32 in 0..1 first and stay float32.

    For all images, those of validation and prediction too: not for `augment`, which only training images pass.
    """

    keeps_uint8 = False

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = np.atleast_1d(mean), np.atleast_1d(std)
        if np.any(self.std <= 0):
            raise ValueError(f"Normalize: std is {std} (expected positive numbers)")

    def _apply(self, images, rng):
        shape = (-1, 1, 1)
        mean, std = (part.reshape(shape).astype(images.dtype) for part in (self.mean, self.std))
        return (images - mean) / std


class Cutout(Transform):
    """Blanks one square of `size` pixels at a random place of each image (DeVries and Taylor 2017)."""

    def __init__(self, size: int, seed: int | None = None):
        super().__init__(seed)
        self.size = size

    def _apply(self, images, rng):
        count, _, height, width = images.shape
        top = rng.integers(0, height, count)[:, None] - self.size // 2
        left = rng.integers(0, width, count)[:, None] - self.size // 2
        rows, columns = np.arange(height), np.arange(width)
        inside_rows = (rows >= top) & (rows < top + self.size)  # (N, H)
        inside_columns = (columns >= left) & (columns < left + self.size)  # (N, W)
        hidden = inside_rows[:, :, None] & inside_columns[:, None, :]
        return np.where(hidden[:, None], images.dtype.type(0), images)
