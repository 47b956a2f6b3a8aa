"""Pictures: learning curves, predictions, confusion matrix, filters, feature maps. Needs `fastconv[plot]`.

Every function returns a matplotlib Figure that belongs to no window; `.savefig(path)` writes it.
"""

import math

import numpy as np

from ..extras import optional
from ..tensor import no_grad
from .batches import as_input

INK, FAINT, GOOD, BAD, SECOND = "#22303c", "#d9e0e6", "#1b7f5c", "#c8402f", "#d98a1f"


def _figure(width: float, height: float):
    figure = optional("matplotlib.figure", "plot").Figure(
        figsize=(width, height), dpi=130, layout="constrained"
    )
    figure.patch.set_facecolor("white")
    return figure


def _tidy(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#8b98a5")
    axes.tick_params(colors="#55626f", labelsize=9)
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def learning_curve(history, title: str = "Learning curve"):
    """One panel a quantity, on training and on held-out data, the best epoch marked."""
    names = [name for name in history.history if not name.startswith("val_") and name != "lr"]
    figure = _figure(5.2 * max(1, len(names)), 3.9)
    figure.suptitle(title, color=INK, fontsize=14, fontweight="bold")
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), number)
        _tidy(axes)
        for key, label, colour in ((name, "training", SECOND), (f"val_{name}", "held out", GOOD)):
            if key not in history:
                continue
            values = np.array([np.nan if value is None else value for value in history[key]], float)
            marker = "o" if len(values) < 25 else None
            axes.plot(
                history.epoch, values, label=label, color=colour, linewidth=2, marker=marker, markersize=4
            )
            if key.startswith("val_") and np.isfinite(values).any():
                best = int(np.nanargmin(values) if name in ("loss", "mse", "mae") else np.nanargmax(values))
                text = f"{values[best]:.2%}" if "accuracy" in name else f"{values[best]:.4g}"
                axes.plot(
                    history.epoch[best], values[best], "o", color=colour, markersize=9, mfc="none", mew=2
                )
                axes.annotate(
                    f"best {text}\nepoch {history.epoch[best]}",
                    (history.epoch[best], values[best]),
                    xytext=(0, 16 if name in ("loss", "mse", "mae") else -34),
                    textcoords="offset points",
                    ha="center",
                    fontsize=9,
                    color=colour,
                )
        axes.set_xlabel("epoch", color=INK)
        axes.set_title(name.replace("_", " "), color=INK, fontsize=11)
        if "accuracy" in name:
            axes.yaxis.set_major_formatter(
                optional("matplotlib.ticker", "plot").PercentFormatter(1.0, decimals=0)
            )
        axes.margins(x=0.06, y=0.16)
        if name in ("loss", "mse", "mae"):
            axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, fontsize=9, loc="upper right" if name in ("loss", "mse", "mae") else "lower right")
    return figure


def confusion_matrix(labels, predicted, classes: int) -> np.ndarray:
    """(classes, classes) counts: row the true class, column the predicted one."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels), np.asarray(predicted)), 1)
    return counts


def predictions(images, labels, scores, classes, title: str = "Predictions on held-out images"):
    """Some images that were right, those that were most surely wrong, and the confusion matrix.

    images (N, C, H, W) uint8 or float in 0..1; labels (N,); scores (N, classes) probabilities or logits.
    """
    labels, chance = np.asarray(labels), _probabilities(np.asarray(scores))
    found = chance.argmax(1)
    right, wrong = np.flatnonzero(found == labels), np.flatnonzero(found != labels)
    wrong = wrong[np.argsort(-chance[wrong, found[wrong]])]
    accuracy = len(right) / max(1, len(labels))
    figure = _figure(13, 6.6)
    figure.suptitle(
        f"{title}: {accuracy:.2%} right ({len(wrong)} of {len(labels)} wrong)",
        color=INK,
        fontsize=15,
        fontweight="bold",
    )
    left, middle = figure.subfigures(1, 2, width_ratios=(1.0, 1.0))
    top, bottom = left.subfigures(2, 1, height_ratios=(3, 2))
    one_each = [right[labels[right] == label] for label in range(len(classes))]
    some = [rows[number] for number in range(24) for rows in one_each if len(rows) > number]
    _grid(top, images, labels, found, chance, classes, some[:24], 3, "right", GOOD)
    _grid(bottom, images, labels, found, chance, classes, wrong[:16], 2, "wrong, the surest first", BAD)
    _draw_confusion(middle, confusion_matrix(labels, found, len(classes)), classes)
    return figure


def _grid(figure, images, labels, found, chance, classes, rows, height, title, colour) -> None:
    figure.suptitle(title, color=colour, fontsize=11, fontweight="bold")
    width = 8
    cells = figure.subplots(height, width).reshape(-1)
    for cell in cells:
        cell.axis("off")
    for cell, row in zip(cells, rows, strict=False):
        _show(cell, images[row])
        text = f"{classes[found[row]]}  {chance[row, found[row]]:.0%}"
        if found[row] != labels[row]:
            text = f"{classes[labels[row]]} read as {classes[found[row]]}"
        cell.set_title(text, fontsize=7.5, color=colour, pad=2)
    if not len(rows):
        cells[0].text(0, 0.5, "none", fontsize=11, color=colour)


def _draw_confusion(figure, counts: np.ndarray, classes) -> None:
    axes = figure.add_subplot()
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    shown = np.where(np.eye(len(classes), dtype=bool), share, -share)
    axes.imshow(shown, cmap=_green_and_red(), vmin=-0.25, vmax=1.0)
    if len(classes) <= 20:
        for row, column in np.argwhere(counts):
            colour = "white" if row == column and share[row, column] > 0.5 else INK
            axes.text(column, row, counts[row, column], ha="center", va="center", fontsize=9, color=colour)
    turn = 45 if max(map(len, classes)) > 2 else 0
    axes.set_xticks(range(len(classes)), classes, rotation=turn, ha="right" if turn else "center", fontsize=9)
    axes.set_yticks(range(len(classes)), classes, fontsize=9)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    axes.set_title("confusion matrix", color=INK, fontsize=11, fontweight="bold")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0, colors="#55626f")


# Mistakes (below 0) towards red, right answers towards green, nothing white.
def _green_and_red():
    colours = optional("matplotlib.colors", "plot")
    zero = 0.25 / 1.25
    return colours.LinearSegmentedColormap.from_list("mistakes", [(0, BAD), (zero, "#f6f8fa"), (1, GOOD)])


def filters(weight, columns: int = 8, title: str = "Filters"):
    """The kernels of a 2-D convolution (out, in, H, W), each scaled to its own range."""
    weight = np.asarray(weight)
    three = weight.shape[1] == 3
    tiles = weight if three else weight[:, 0:1]
    return _tiles([_stretched(tile) for tile in tiles], columns, title)


def feature_maps(model, image, layer: str, columns: int = 8):
    """What the layer named `layer` (as `named_modules` has it) makes of one image (C, H, W), uint8 or float in 0..1."""
    seen = []
    remove = model.get_submodule(layer).register_forward_hook(
        lambda module, given, output: seen.append(output)
    )
    try:
        with no_grad():
            model(as_input(np.asarray(image)[None], next(model.parameters()).dtype))
    finally:
        remove()
    maps = np.asarray(seen[0])[0]
    return _tiles([_stretched(part[None]) for part in maps], columns, f"Feature maps of {layer}")


def _tiles(images, columns: int, title: str):
    rows = math.ceil(len(images) / columns)
    figure = _figure(columns * 1.1, rows * 1.1 + 0.5)
    figure.suptitle(title, color=INK, fontsize=12, fontweight="bold")
    cells = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for cell in cells:
        cell.axis("off")
    for cell, image in zip(cells, images, strict=False):
        _show(cell, image)
    return figure


def _show(axes, image) -> None:
    image = np.asarray(image)
    if image.dtype == np.uint8:
        image = image / 255
    image = np.clip(np.moveaxis(image, 0, -1), 0, 1)
    axes.imshow(image[..., 0] if image.shape[2] == 1 else image, cmap="gray_r", vmin=0, vmax=1)


def _stretched(tile: np.ndarray) -> np.ndarray:
    low, high = tile.min(), tile.max()
    return (tile - low) / (high - low) if high > low else np.zeros_like(tile)


# Scores as probabilities: rows that already sum to 1 stay.
def _probabilities(scores: np.ndarray) -> np.ndarray:
    if scores.min() >= 0 and np.allclose(scores.sum(1), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
