"""What the examples share: options, real images, and where pictures go."""

import argparse
from pathlib import Path

import numpy as np

from fastconv.train import data


def options(description: str, *more) -> argparse.Namespace:
    """`--quick` (seconds instead of a minute), `--out DIR`, and further (name, keywords) arguments."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a shortened run, only to see that it works")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for the picture")
    for name, keywords in more:
        parser.add_argument(name, **keywords)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    return given


def digits(quick: bool = False) -> data.Dataset:
    """scikit-learn's scanned digits; a quarter of them when quick."""
    images = data.load_digits()
    if not quick:
        return images
    return images._replace(x_train=images.x_train[:360], y_train=images.y_train[:360])


def photographs() -> list[np.ndarray]:
    """scikit-learn's two photographs, a temple and a flower, as (3, H, W) uint8."""
    from sklearn.datasets import load_sample_image

    return [np.moveaxis(load_sample_image(f"{name}.jpg"), 2, 0) for name in ("china", "flower")]


def patches(count: int, size: int, side: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, 3, size, size) pieces of both photographs and which one each is from.

    side: "left" pieces lie in the left two thirds, "right" ones in the right third, so that training and
    test share no pixel.
    """
    rng = np.random.default_rng(seed)
    photos, labels = photographs(), rng.integers(0, 2, count)
    pieces = np.empty((count, 3, size, size), np.uint8)
    for piece, label in zip(pieces, labels, strict=True):
        photo = photos[label]
        border = 2 * photo.shape[2] // 3
        low, high = (0, border - size) if side == "left" else (border, photo.shape[2] - size)
        top, left = rng.integers(0, photo.shape[1] - size + 1), rng.integers(low, high + 1)
        piece[...] = photo[:, top : top + size, left : left + size]
    return pieces, labels
