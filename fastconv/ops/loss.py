"""Losses of probabilities: negative log likelihood and cross entropies."""

import numpy as np

from .. import _core
from ..geometry import loss as rule
from ..geometry.arguments import integer
from ..geometry.arrays import as_array, contiguous, ndarray, new_output
from ..op import op
from .activation import sigmoid, softplus
from .distance import reduce_loss, spread
from .softmax import LOG_SOFTMAX, LOG_SUM, SOFTMAX


# Everything the class losses share about one call. Scores are seen as (N, C, M): samples, classes, positions.
class _Classes:
    def __init__(self, name: str, input, target, weight, ignore_index, kind: str):
        self.kind = rule.reduction(name, kind)
        self.input = as_array(name, "input", input)
        self.n, self.c, self.m = rule.class_layout(name, self.input)
        self.weight = rule.class_weight(name, weight, self.input, self.c)
        self.shape = () if self.input.ndim == 1 else (self.input.shape[0], *self.input.shape[2:])
        self.ignore = integer(name, "ignore_index", ignore_index)
        self.numbers = rule.class_targets(name, self.input, target, self.ignore).reshape(self.n, self.m)
        self.kept = self.numbers != self.ignore
        # Each position's own class in a flat (N, C, M) array, and the class itself; (N, M).
        self.classes = np.where(self.kept, self.numbers, 0)
        self.at = self.classes * self.m + np.arange(self.m)
        self.at += (np.arange(self.n) * (self.c * self.m))[:, None]

    def scores(self) -> ndarray:
        return contiguous(self.input).reshape(self.n, self.c, self.m)

    # Weight of each sample and position: its class's, 0 where ignored. (N, M)
    def factors(self) -> ndarray:
        if self.weight is None:
            return self.kept.astype(self.input.dtype)
        return np.where(self.kept, self.weight[self.classes], self.input.dtype.type(0))

    # The value of each position's own class in a contiguous (N, C, M) array. (N, M)
    def pick(self, values: ndarray) -> ndarray:
        return values.reshape(-1)[self.at]

    def upstream(self, name: str, grad_output) -> ndarray:
        grad_output = rule.upstream(name, grad_output, self.shape, self.kind, self.input.dtype)
        return grad_output.reshape(self.n, self.m) if self.kind == "none" else grad_output

    # A mean divides by the weights of what is not ignored.
    def reduce(self, name: str, values: ndarray, factors: ndarray, out) -> ndarray:
        if self.kind != "mean":
            return reduce_loss(name, values.reshape(self.shape), self.kind, out, self.input)
        out = new_output(name, out, (), values.dtype, self.input)
        np.divide(values.sum(), factors.sum(), out=out)
        return out


@op("input", constants=("target", "weight"), quiet=True)
def nll_loss(
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", *, out=None
):
    """Negative log likelihood: -weight[target] * input[target], for log probabilities.

    input (N, C), (C,) or (N, C, d1, …); target integers (N,), () or (N, d1, …) in [0, C) or ignore_index,
    which counts nothing; weight (C,). reduction: 'mean' divides by the sum of the weights used, 'sum', or
    'none'; size_average and reduce are PyTorch's older way to say it. Raises ValueError for shapes that do
    not fit or a class outside. Source: torch.nn.functional.nll_loss.

    >>> import numpy as np
    >>> nll_loss(np.log([[0.25, 0.75]]), np.array([1]))
    array(0.28768207)
    """
    reduction = rule.reduction("nll_loss", reduction, size_average, reduce)
    call = _Classes("nll_loss", input, target, weight, ignore_index, reduction)
    factors = call.factors()
    values = np.where(call.kept, -factors * call.pick(call.scores()), call.input.dtype.type(0))
    return call.reduce("nll_loss", values, factors, out), (input, target, weight, ignore_index, reduction)


@nll_loss.gradient
def nll_loss_backward(grad_output, input, target, weight=None, ignore_index=-100, reduction="mean"):
    """Gradient of `nll_loss` for input.

    >>> import numpy as np
    >>> nll_loss_backward(np.array(1.0), np.log([[0.25, 0.75]]), np.array([1]))
    array([[ 0., -1.]])
    """
    call = _Classes("nll_loss_backward", input, target, weight, ignore_index, reduction)
    factors = call.factors()
    slope = -factors * call.upstream("nll_loss_backward", grad_output)
    if call.kind == "mean":
        slope /= factors.sum()
    grad = np.zeros((call.n, call.c, call.m), call.input.dtype)
    grad.reshape(-1)[call.at] = np.where(call.kept, slope, slope.dtype.type(0))
    return grad.reshape(call.input.shape)


# Of contiguous scores (N, C, M).
def _log_softmax(x: ndarray) -> ndarray:
    return _core.softmax(LOG_SOFTMAX, *x.shape, x, np.empty_like(x))


@op("input", "target", constants=("weight",), integers=("target",), quiet=True)
def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
    *,
    out=None,
):
    """Cross entropy of scores against classes: -sum over c of q[c] * weight[c] * log_softmax(input)[c].

    input (N, C), (C,) or (N, C, d1, …), scores before softmax. target: integers without the class axis, q
    being 1 at the class and ignore_index counting nothing; or floats of input's shape, q itself.
    label_smoothing e mixes q with the uniform distribution: (1 - e) q + e / C. reduction 'mean' divides by
    the sum of weight[class] not ignored (classes) or by the number of positions (probabilities); 'sum' and
    'none' do not; size_average and reduce are PyTorch's older way to say it. Raises ValueError for shapes
    that do not fit, a class outside or e outside [0, 1]. Source: torch.nn.functional.cross_entropy; Szegedy et
    al. 2016.

    >>> import numpy as np
    >>> cross_entropy(np.array([[0.0, np.log(3.0)]]), np.array([1]))
    array(0.28768207)
    """
    reduction = rule.reduction("cross_entropy", reduction, size_average, reduce)
    saved = (input, target, weight, ignore_index, reduction, label_smoothing)
    epsilon = rule.smoothing("cross_entropy", label_smoothing)
    if _is_soft(target):
        rule.no_ignored_class("cross_entropy", ignore_index)
        call = _Soft("cross_entropy", input, target, weight, reduction, epsilon)
        return call.loss("cross_entropy", out), saved
    call = _Classes("cross_entropy", input, target, weight, ignore_index, reduction)
    factors, scores = call.factors(), call.scores()
    if not epsilon:
        both = np.empty((2, call.n, call.m), scores.dtype)
        top, log_sum = _core.softmax(LOG_SUM, *scores.shape, scores, both)
        values = factors * (top - call.pick(scores) + log_sum)
    else:
        log_probability = _log_softmax(scores)
        values = -(1 - epsilon) * factors * call.pick(log_probability)
        smooth = log_probability if call.weight is None else log_probability * call.weight[:, None]
        values -= (epsilon / call.c) * smooth.sum(axis=1)
    values = np.where(call.kept, values, values.dtype.type(0))
    return call.reduce("cross_entropy", values, factors, out), saved


@cross_entropy.gradient
def cross_entropy_backward(
    grad_output,
    input,
    target,
    weight=None,
    ignore_index=-100,
    reduction="mean",
    label_smoothing=0.0,
    *,
    needs=(True, False),
):
    """Gradients of `cross_entropy` for (input, target); class numbers have none.

    With a = q * weight: grad_input = g * (sum(a) * softmax(input) - a).

    >>> import numpy as np
    >>> cross_entropy_backward(np.array(1.0), np.zeros((1, 2)), np.array([1]))[0]
    array([[ 0.5, -0.5]])
    """
    name = "cross_entropy_backward"
    epsilon = rule.smoothing(name, label_smoothing)
    if _is_soft(target):
        rule.no_ignored_class(name, ignore_index)
        return _Soft(name, input, target, weight, reduction, epsilon).gradients(name, grad_output, needs)
    if not needs[0]:
        return None, None
    call = _Classes(name, input, target, weight, ignore_index, reduction)
    factors = call.factors()
    g = call.upstream(name, grad_output) * call.kept.astype(call.input.dtype)
    if call.kind == "mean":
        g = g / factors.sum()
    share = epsilon / call.c
    uniform = call.c if call.weight is None else call.weight.sum()
    scores, own = call.scores(), (1 - epsilon) * factors
    scale = contiguous(g * (own + share * uniform)).astype(scores.dtype, copy=False)
    grad = _core.softmax(SOFTMAX, *scores.shape, scores, np.empty_like(scores), scale=scale)
    grad.reshape(-1)[call.at] -= g * own
    if epsilon:
        grad -= g[:, None] * (share if call.weight is None else share * call.weight[:, None])
    # An ignored position counts nothing, whatever its scores are.
    if not call.kept.all():
        np.copyto(grad, 0, where=~call.kept[:, None])
    return grad.reshape(call.input.shape), None


def _is_soft(target) -> bool:
    return np.asarray(target).dtype.kind == "f"


# Cross entropy against probabilities, seen as (N, C, M); q already holds smoothing and weights.
class _Soft:
    def __init__(self, name: str, input, target, weight, kind: str, epsilon: float):
        self.kind = rule.reduction(name, kind)
        self.input, target = rule.pair(name, input, target)
        n, self.c, m = rule.class_layout(name, self.input)
        weight = rule.class_weight(name, weight, self.input, self.c)
        self.shape = () if self.input.ndim == 1 else (self.input.shape[0], *self.input.shape[2:])
        self.view, self.count = (n, self.c, m), n * m
        self.scale = None if weight is None else weight[:, None]
        self.epsilon = epsilon
        self.target = target
        self.q = target.reshape(self.view)
        if epsilon:
            self.q = self.q * (1 - epsilon) + epsilon / self.c
        if weight is not None:
            self.q = self.q * self.scale

    def loss(self, name: str, out) -> ndarray:
        log_probability = _log_softmax(contiguous(self.input).reshape(self.view))
        values = -(self.q * log_probability).sum(axis=1).reshape(self.shape)
        return reduce_loss(name, values, self.kind, out, self.input, self.target)

    def gradients(self, name: str, grad_output, needs) -> tuple:
        g = rule.upstream(name, grad_output, self.shape, self.kind, self.input.dtype)
        g = spread(g, self.kind, self.count)
        if self.kind == "none":
            g = g.reshape(self.view[0], 1, self.view[2])
        log_probability = _log_softmax(contiguous(self.input).reshape(self.view))
        grad_target = grad_input = None
        if needs[1]:
            grad_target = log_probability * (-(1 - self.epsilon) * g)
            if self.scale is not None:
                grad_target *= self.scale
            grad_target = grad_target.reshape(self.input.shape)
        if needs[0]:
            grad_input = np.exp(log_probability)
            grad_input *= self.q.sum(axis=1, keepdims=True)
            grad_input -= self.q
            grad_input *= g
            grad_input = grad_input.reshape(self.input.shape)
        return grad_input, grad_target


@op("input", "target", constants=("weight",), quiet=True)
def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", *, out=None
):
    """-weight * (target * log(input) + (1 - target) * log(1 - input)), each logarithm at least -100.

    input and target (probabilities in [0, 1]) of one shape, weight broadcasting to it. Raises ValueError for
    a probability outside [0, 1] or shapes that do not fit. Source: torch.nn.functional.binary_cross_entropy.

    >>> import numpy as np
    >>> binary_cross_entropy(np.array([0.5, 0.9]), np.array([0.0, 1.0]), reduction="sum")
    array(0.7985077)
    """
    name = "binary_cross_entropy"
    x, t, w = rule.pair(name, input, target, weight=weight)
    rule.probabilities(name, input=x, target=t)
    kind = rule.reduction(name, reduction, size_average, reduce)
    values = np.maximum(np.log1p(-x), -100)
    values *= t - 1
    values -= t * np.maximum(np.log(x), -100)
    if w is not None:
        values *= w
    return reduce_loss(name, values, kind, out, x, t, w), (input, target, weight, kind)


@binary_cross_entropy.gradient
def binary_cross_entropy_backward(
    grad_output, input, target, weight=None, reduction="mean", *, needs=(True, True)
):
    """Gradients of `binary_cross_entropy`: g (x - t) / (x (1 - x)), and for target g log((1 - x) / x).

    >>> import numpy as np
    >>> binary_cross_entropy_backward(np.array(1.0), np.array([0.5]), np.array([1.0]))[0]
    array([-2.])
    """
    name = "binary_cross_entropy_backward"
    x, t, w = rule.pair(name, input, target, weight=weight)
    rule.probabilities(name, input=x, target=t)
    kind = rule.reduction(name, reduction)
    g = spread(rule.upstream(name, grad_output, x.shape, kind, x.dtype), kind, x.size)
    g = g if w is None else g * w
    grad_input = (x - t) / np.maximum((1 - x) * x, 1e-12) * g if needs[0] else None
    grad_target = (np.maximum(np.log1p(-x), -100) - np.maximum(np.log(x), -100)) * g if needs[1] else None
    return grad_input, grad_target


# log(1 + e ** -x), without softplus's threshold.
def _softplus_of_negative(x: ndarray) -> ndarray:
    return softplus.op.forward(-x, threshold=1e30)[0]


@op("input", "target", constants=("weight", "pos_weight"), quiet=True)
def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None, *, out=None
):
    """Binary cross entropy of sigmoid(input) against target, without its overflow.

    weight * ((1 - t) x + (1 + (pos_weight - 1) t) * log(1 + e ** -x)); input and target of one shape, weight
    and pos_weight broadcasting to it. Raises ValueError for shapes that do not fit, TypeError for mixed
    dtypes. Source: torch.nn.functional.binary_cross_entropy_with_logits.

    >>> import numpy as np
    >>> binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0]))
    array(0.69314718)
    """
    name = "binary_cross_entropy_with_logits"
    x, t, w, p = rule.pair(name, input, target, weight=weight, pos_weight=pos_weight)
    kind = rule.reduction(name, reduction, size_average, reduce)
    values = _softplus_of_negative(x)
    if p is not None:
        values *= 1 + (p - 1) * t
    values += (1 - t) * x
    if w is not None:
        values *= w
    saved = (input, target, weight, kind, pos_weight)
    return reduce_loss(name, values, kind, out, x, t, w, p), saved


@binary_cross_entropy_with_logits.gradient
def binary_cross_entropy_with_logits_backward(
    grad_output, input, target, weight=None, reduction="mean", pos_weight=None, *, needs=(True, True)
):
    """Gradients of `binary_cross_entropy_with_logits` for (input, target).

    With l = 1 + (pos_weight - 1) t: g (1 - t - l sigmoid(-x)), and g ((pos_weight - 1) log(1 + e ** -x) - x).

    >>> import numpy as np
    >>> binary_cross_entropy_with_logits_backward(np.array(1.0), np.array([0.0]), np.array([1.0]))[0]
    array([-0.5])
    """
    name = "binary_cross_entropy_with_logits_backward"
    x, t, w, p = rule.pair(name, input, target, weight=weight, pos_weight=pos_weight)
    kind = rule.reduction(name, reduction)
    g = spread(rule.upstream(name, grad_output, x.shape, kind, x.dtype), kind, x.size)
    g = g if w is None else g * w
    grad_input = grad_target = None
    if needs[0]:
        grad_input = sigmoid.op.forward(-x)[0]
        if p is not None:
            grad_input *= 1 + (p - 1) * t
        np.subtract(1 - t, grad_input, out=grad_input)
        grad_input *= g
    if needs[1]:
        grad_target = -x if p is None else (p - 1) * _softplus_of_negative(x) - x
        grad_target = grad_target * g
    return grad_input, grad_target
