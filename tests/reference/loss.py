"""Losses, in float64."""

import numpy as np

from .activation import log_softmax, sigmoid


def reduced(values, reduction):
    return values if reduction == "none" else getattr(values, reduction)()


def weighted(values, weight, reduction):
    """A mean divides by the sum of the weights."""
    if weight is None:
        return reduced(values, reduction)
    return (values * weight).sum() / weight.sum() if reduction == "mean" else reduced(values * weight, reduction)


def mse_loss(input, target, reduction="mean", weight=None):
    return weighted((input - target) ** 2, weight, reduction)


def l1_loss(input, target, reduction="mean", weight=None):
    return weighted(np.abs(input - target), weight, reduction)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=1.0):
    error = np.abs(input - target)
    return reduced(np.where(error < delta, error**2 / 2, delta * (error - delta / 2)) * weight, reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


def class_axis_last(array):
    """(N, C, *positions) -> (N, *positions, C); (C,) stays."""
    return array if array.ndim == 1 else np.moveaxis(array, 1, -1)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """-w[t] input[t]; the mean divides by the sum of the weights of the targets that count."""
    input = class_axis_last(input)
    counted = target != ignore_index
    safe = np.where(counted, target, 0)
    weight = np.ones(input.shape[-1]) if weight is None else weight
    weights = weight[safe] * counted
    losses = -np.take_along_axis(input, safe[..., None], -1)[..., 0] * weights
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Targets are class indices or, when floating, probabilities.

    Smoothing mixes the target with the uniform distribution."""
    dim = 0 if input.ndim == 1 else 1
    log_p = log_softmax(input, dim)
    classes = input.shape[dim]
    weight = np.ones(classes) if weight is None else weight
    if np.issubdtype(np.asarray(target).dtype, np.floating):
        q = class_axis_last(target) * (1 - label_smoothing) + label_smoothing / classes
        losses = -(class_axis_last(log_p) * weight * q).sum(-1)
        return losses.sum() / (losses.size) if reduction == "mean" else reduced(losses, reduction)
    hard = nll_loss(log_p, target, weight, ignore_index, "none")
    counted = target != ignore_index
    smooth = -(class_axis_last(log_p) * weight).sum(-1) / classes * counted
    losses = (1 - label_smoothing) * hard + label_smoothing * smooth
    if reduction == "mean":
        return losses.sum() / (weight[np.where(counted, target, 0)] * counted).sum()
    return reduced(losses, reduction)


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    with np.errstate(divide="ignore"):
        log_p, log_not_p = np.maximum(np.log(input), -100), np.maximum(np.log1p(-input), -100)
    losses = -(target * log_p + (1 - target) * log_not_p)
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    positive = 1 if pos_weight is None else pos_weight
    losses = -(positive * target * np.log(sigmoid(input)) + (1 - target) * np.log(sigmoid(-input)))
    return reduced(losses if weight is None else losses * weight, reduction)
