"""Losses and metrics by name, and the shape a target needs for each."""

import copy
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from .. import nn
from ..geometry.loss import reduction
from ..nn import functional as F
from ..tensor import Tensor

LOSSES = {
    "cross_entropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "nll": "nll_loss",
    "mse": "mse_loss",
    "mean_squared_error": "mse_loss",
    "mae": "l1_loss",
    "mean_absolute_error": "l1_loss",
    "smooth_l1": "smooth_l1_loss",
    "huber": "huber_loss",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
}
ACCURACY = ("accuracy", "binary_accuracy")
CLASSES = ("cross_entropy", "nll_loss")
# The module of each operation.
MODULES = {getattr(nn, name).op_name: getattr(nn, name) for name in nn.loss.__all__}


def make_loss(loss: str | Callable, class_weight=None) -> Callable[..., Tensor]:
    """`loss(output, target, sample_weight=None)` from a name in LOSSES, a loss module, or any callable on Tensors.

    Targets are brought to the dtype of the output, and those of a loss that is known to its shape.

    class_weight: {class: weight} or one weight a class, for the losses on classes. sample_weight: (N,); the losses of
    the samples are multiplied by it, and what a mean divides by is not.
    """
    if callable(loss):
        if class_weight is not None:
            raise ValueError(
                "Trainer: class_weight is given with a callable loss (expected a loss on classes by name)"
            )
        known = operation(loss)

        def measure(output: Tensor, target, sample_weight=None) -> Tensor:
            target = as_target(known, output, target)
            if sample_weight is None:
                return loss(output, target)
            return _weighted(loss if known else None, output, target, sample_weight)

        return measure
    name = operation(loss)
    if name not in LOSSES.values():
        raise ValueError(f"Trainer: loss is {loss!r} (expected one of {', '.join(LOSSES)}, or a callable)")
    if class_weight is not None and name not in CLASSES:
        raise ValueError(f"Trainer: class_weight is given with loss {loss!r} (expected a loss on classes)")

    def compute(output: Tensor, target: np.ndarray, sample_weight=None) -> Tensor:
        target = as_target(name, output, target)
        given = {}
        if class_weight is not None:
            given["weight"] = weights(class_weight, output.shape[1], output.dtype)
        if sample_weight is None:
            return getattr(F, name)(output, target, **given)
        return _weighted(MODULES[name](**given), output, target, sample_weight)

    return compute


# A loss module's value where each sample counts `sample_weight` times as much.
def _weighted(module, output: Tensor, target: np.ndarray, sample_weight: np.ndarray) -> Tensor:
    given = module._arguments if module else {"reduction": "none"}
    old = {name: None for name in ("size_average", "reduce") if name in given}
    kind = reduction("Trainer", given["reduction"], *map(given.get, old))
    if kind not in ("mean", "sum"):
        raise ValueError(
            "Trainer: sample_weight is given with a custom loss (expected one by name, or of fastconv.nn)"
        )
    single = copy.copy(module)
    single._arguments = {**given, **old, "reduction": "none"}
    values = single(output, target)
    values = values if isinstance(values, Tensor) else Tensor(values)
    factors = sample_weight.astype(values.dtype).reshape(-1, *[1] * (len(values.shape) - 1))
    total = (values * factors).sum()
    return total if kind == "sum" else total / _divisor(module, values.shape, target)


# What the mean of a loss module divides by: the weights of the classes that are not ignored, or the elements.
def _divisor(module, shape: tuple[int, ...], target: np.ndarray) -> float:
    if module.op_name not in CLASSES or target.dtype.kind == "f":
        return float(np.prod(shape))
    kept = target[target != module.ignore_index]
    return float(kept.size if module.weight is None else np.asarray(module.weight)[kept].sum())


def find(name, table) -> str | None:
    """The name in `table` that `name` means: "MSE", "Adam" and "CategoricalCrossentropy" count as small letters."""
    return {_letters(known): known for known in table}.get(_letters(name)) if isinstance(name, str) else None


def _letters(name: str) -> str:
    return name.lower().replace("_", "")


# The operation that a loss computes: by name, or a module of fastconv.nn; None for any other callable.
def operation(loss) -> str | None:
    if isinstance(loss, str):
        found = find(loss, {**LOSSES, **{name: name for name in LOSSES.values()}})
        return LOSSES.get(found, found)
    return loss.op_name if type(loss) in MODULES.values() else None


# The layer that a loss on scores contains, and which therefore does not end the model.
CONTAINED = {"cross_entropy": nn.Softmax, "binary_cross_entropy_with_logits": nn.Sigmoid}


# Warns where a Sequential ends in a layer that its loss contains: it would learn slowly, for no visible reason.
def check_end(model, loss) -> None:
    while isinstance(model, nn.Sequential) and len(model):
        model = model[-1]
    name = operation(loss)
    if name in CONTAINED and type(model) is CONTAINED[name]:
        layer = type(model).__name__
        text = f"Trainer: the model ends in {layer}, which {name} applies itself (leave {layer} out)"
        warnings.warn(text, stacklevel=3)


# {class: weight} (1 for classes not named) or a sequence, as an array of one weight a class.
def weights(class_weight, classes: int, dtype) -> np.ndarray:
    if isinstance(class_weight, dict):
        class_weight = [class_weight.get(label, 1.0) for label in range(classes)]
    array = np.asarray(class_weight, dtype)
    if array.shape != (classes,):
        raise ValueError(f"Trainer: class_weight has shape {array.shape} (expected {(classes,)})")
    return array


# Class indices as int64, probabilities and numbers in the output's dtype; (N,) becomes (N, 1) where the
# output is. For a loss without name only floats change, to the output's dtype.
def as_target(name: str | None, output, target):
    if name is not None and isinstance(output, tuple):
        raise _many(f"loss is {name!r}", "a function of outputs and targets")
    if name is None:
        return _as_float(output[0] if isinstance(output, tuple) else output, target)
    target = np.asarray(target)
    if name in CLASSES:
        target = _without_unit_axis(output, target)
        if target.ndim == len(output.shape):
            return target.astype(output.dtype, copy=False)
        if target.dtype.kind not in "iub":
            raise TypeError(
                f"{name}: target has dtype {target.dtype} (expected integer classes, or one row a sample)"
            )
        return target.astype(np.int64, copy=False)
    target = target.astype(output.dtype, copy=False)
    if target.shape != tuple(output.shape) and target.size == output.size:
        target = target.reshape(output.shape)
    return target


# Class numbers (N, 1), as Keras's data sets have them, become (N,).
def _without_unit_axis(output, target: np.ndarray) -> np.ndarray:
    unit = target.ndim == len(output.shape) > 1 and target.shape[1] == 1 != output.shape[1]
    return target[:, 0] if unit else target


def _as_float(output, target):
    if isinstance(target, tuple):
        return tuple(_as_float(output, part) for part in target)
    if not hasattr(target, "dtype"):
        return target
    target = np.asarray(target)
    return target.astype(output.dtype, copy=False) if target.dtype.kind == "f" else target


def accuracy(output: np.ndarray, target: np.ndarray, boundary: float = 0.0) -> float:
    """Share of samples whose class is right: largest score or, for a single score, whether it is above `boundary`.

    The boundary is 0 for scores and 0.5 for probabilities.
    """
    if output.ndim == 1 or output.shape[1] == 1:
        found = output.reshape(-1) > boundary
        return float((found == (np.asarray(target).reshape(-1) > 0.5)).mean())
    return float((output.argmax(1) == _labels(output, target)).mean())


def binary_accuracy(output: np.ndarray, target: np.ndarray, boundary: float = 0.0) -> float:
    """Share of elements that are right: above `boundary` where the target is above 0.5, each label for itself.

    The boundary is 0 for scores and 0.5 for probabilities.
    """
    return float(((output > boundary) == (np.asarray(target).reshape(output.shape) > 0.5)).mean())


def top_5_accuracy(output: np.ndarray, target: np.ndarray) -> float:
    """Share of samples whose class is among the five largest scores."""
    labels = _labels(output, target)
    score = np.take_along_axis(output, labels[:, None], 1)
    return float(((output > score).sum(1) < 5).mean())


def mse(output: np.ndarray, target: np.ndarray) -> float:
    """Mean squared error."""
    return float(np.square(output - np.asarray(target).reshape(output.shape)).mean())


def mae(output: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.abs(output - np.asarray(target).reshape(output.shape)).mean())


METRICS = {
    "accuracy": accuracy,
    "binary_accuracy": binary_accuracy,
    "top_5_accuracy": top_5_accuracy,
    "mse": mse,
    "mae": mae,
}
# The losses on labels that do not exclude each other, and what parts yes from no in the output that they take.
BINARY = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}


def make_metrics(metrics, loss=None) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """{name: function(output, target)} of names in METRICS and functions.

    The accuracy of a model with this `loss`: binary cross entropies have labels that are right or wrong each for
    itself; binary_cross_entropy is given probabilities, all others scores.
    """
    table = {}
    for metric in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics or ():
        metric = metric if callable(metric) else find(metric, METRICS) or metric
        if not callable(metric) and metric not in METRICS:
            raise ValueError(
                f"Trainer: metric is {metric!r} (expected one of {', '.join(METRICS)}, or a function)"
            )
        name = getattr(metric, "__name__", type(metric).__name__) if callable(metric) else metric
        if name in table:
            raise ValueError(f"Trainer: metrics has {name!r} twice (expected functions of different __name__)")
        table[name] = metric if callable(metric) else METRICS[metric]
        if metric in ACCURACY and operation(loss) in BINARY:
            table[name] = partial(binary_accuracy, boundary=BINARY[operation(loss)])
        if isinstance(metric, str):
            table[name] = _of_one_output(name, table[name])
    return table


def _of_one_output(name: str, metric: Callable) -> Callable:
    def measure(output, target):
        if isinstance(output, tuple):
            raise _many(f"metric is {name!r}", "metrics=() or functions of outputs and targets")
        return metric(output, target)

    return measure


def _many(what: str, expected: str) -> ValueError:
    return ValueError(f"Trainer: {what}, of one output, where the model has several (expected {expected})")


def _labels(output: np.ndarray, target: np.ndarray) -> np.ndarray:
    target = _without_unit_axis(output, np.asarray(target))
    return target.argmax(1) if target.ndim == output.ndim else target


__all__ = [
    "LOSSES",
    "METRICS",
    "accuracy",
    "binary_accuracy",
    "mae",
    "make_loss",
    "make_metrics",
    "mse",
    "top_5_accuracy",
    "weights",
]
