"""Calls of losses: every reduction, weights, classes by number and by probability, inputs of any rank."""

import numpy as np
import torch.nn.functional as F

from .engine import Case, cases


# Reductions by word, or by the two older switches.
def _reduction(draw, old=True):
    if old and draw.chance(0.1):
        return {"size_average": draw.choice(None, True, False), "reduce": draw.choice(True, False, None)}
    return draw.choice({}, *({"reduction": kind} for kind in ("mean", "sum", "none", "none")))


def _rounding(parameters, size):
    return 2.0 * size if parameters.get("reduction") == "sum" or "reduce" in parameters else 2.0


@cases("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
def distance(draw, name):
    shape = draw.shape(0, 4)
    parameters = _reduction(draw, old=name != "huber_loss")
    if name == "smooth_l1_loss" and draw.chance(0.7):
        parameters["beta"] = draw.choice(0.0, 0.3, 2, 1.0)
    if name == "huber_loss" and draw.chance(0.7):
        parameters["delta"] = draw.choice(0.3, 2, 1.0, 0.0 if draw.chance(0.2) else 0.5)
    arrays = {"input": draw.normal(*shape), "target": draw.normal(*shape)}
    if name != "smooth_l1_loss" and draw.chance(0.3):
        arrays["weight"] = draw.positive(*shape)
    return Case(arrays, parameters, getattr(F, name), 16 * _rounding(parameters, int(np.prod(shape))))


def _scores(draw):
    classes = draw.size(24)
    positions = () if draw.chance(0.5) else draw.shape(1, 3, 5)
    batch = (draw.size(9),)
    if draw.chance(0.1):
        batch = positions = ()
    return classes, batch, positions


def _class_parameters(draw, classes, most):
    parameters = _reduction(draw)
    if draw.chance(0.4):
        parameters["ignore_index"] = draw.choice(-100, 0, classes - 1, 255, -1)
    return parameters, draw.positive(classes) if draw.chance() else None


@cases("nll_loss")
def likelihood(draw, name):
    classes, batch, positions = _scores(draw)
    parameters, weight = _class_parameters(draw, classes, 1)
    target = draw.labels(classes, *batch, *positions)
    arrays = {"input": draw.normal(*batch, classes, *positions), "target": np.asarray(target)}
    _ignore(draw, arrays["target"], parameters)
    return Case({**arrays, "weight": weight}, parameters, F.nll_loss, 8 * _rounding(parameters, target.size))


# Some targets are the ignored one, but for the first; now and then one is no class.
def _ignore(draw, target, parameters):
    if target.size > 1 and draw.chance():
        flat = target.reshape(-1)
        flat[1:][draw.numbers.random(flat.size - 1) < 0.3] = parameters.get("ignore_index", -100)
        if draw.chance(0.1):
            flat[-1] = 1000


@cases("cross_entropy")
def cross_entropy(draw, name):
    classes, batch, positions = _scores(draw)
    parameters, weight = _class_parameters(draw, classes, 1)
    x = draw.normal(*batch, classes, *positions) * draw.dtype.type(draw.choice(1, 10))
    if draw.chance(0.4):
        parameters["label_smoothing"] = draw.choice(0.1, 0.5, 1.0, 0.0)
    if draw.chance(0.4):
        parameters.pop("ignore_index", None)
        target = draw.unit(*x.shape)
        target /= target.sum(axis=1 if len(x.shape) > 1 else 0, keepdims=True)
    else:
        target = np.asarray(draw.labels(classes, *batch, *positions))
        _ignore(draw, target, parameters)
    scale = 40 * _rounding(parameters, target.size)
    return Case({"input": x, "target": target, "weight": weight}, parameters, F.cross_entropy, scale)


@cases("binary_cross_entropy", "binary_cross_entropy_with_logits")
def binary(draw, name):
    shape = draw.shape(0, 4)
    parameters = _reduction(draw)
    x = draw.unit(*shape) if name == "binary_cross_entropy" else draw.normal(*shape) * draw.dtype.type(5)
    arrays = {"input": x, "target": draw.unit(*shape)}
    broadcast = [shape, shape[-1:], (1,) * len(shape)]
    if draw.chance():
        arrays["weight"] = draw.positive(*draw.choice(*broadcast))
    if name.endswith("logits") and draw.chance():
        arrays["pos_weight"] = draw.positive(*draw.choice(*broadcast))
    scale = 100 * _rounding(parameters, x.size)
    return Case(arrays, parameters, getattr(F, name), scale)
