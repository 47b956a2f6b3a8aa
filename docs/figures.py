"""What the pictures of the pages share: a photograph, and images side by side."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image


def photograph(name: str = "flower", step: int = 2) -> np.ndarray:
    """One of scikit-learn's photographs as float32 (1, 3, H, W) in 0..1."""
    pixels = load_sample_image(f"{name}.jpg")[::step, ::step].astype(np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[np.newaxis]


def grey(name: str = "china", step: int = 2) -> np.ndarray:
    """The same in shades of grey, (1, 1, H, W)."""
    return photograph(name, step).mean(1, keepdims=True, dtype=np.float32)


def show(**images) -> None:
    """Images (1, C, H, W), (C, H, W) or (H, W) side by side under their names."""
    _, axes = plt.subplots(1, len(images), figsize=(3.2 * len(images), 3), layout="constrained")
    for ax, (name, image) in zip(np.atleast_1d(axes), images.items()):
        image = np.squeeze(np.asarray(image))
        if image.ndim == 3:
            image = np.clip(image.transpose(1, 2, 0), 0, 1)
        ax.imshow(image, cmap="gray")
        ax.set_title(f"{name.replace('_', ' ')}\n{' x '.join(map(str, image.shape[:2]))}", fontsize=10)
        ax.set_axis_off()


def grid(ax, shape, title: str, marked=(), colour="#1f6f8b", padding: int = 0) -> None:
    """A lattice of cells (rows, columns); `padding` border cells are pale, `marked` cells (row, column) filled."""
    rows, columns = shape
    for row in range(rows):
        for column in range(columns):
            inside = padding <= row < rows - padding and padding <= column < columns - padding
            face = colour if (row, column) in marked else "#f2efe6" if inside else "white"
            line = "-" if inside else ":"
            ax.add_patch(plt.Rectangle((column, row), 1, 1, facecolor=face, edgecolor="#888888", linestyle=line))
    ax.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal", title=title)
    ax.set_axis_off()
