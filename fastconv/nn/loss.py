"""Losses as modules, one line each: name, operation, arguments, formula."""

import numpy as np

from ..geometry import to_ndarray
from .wrap import Stateless, stateless


# Weights are buffers: saved and converted with the model, and not trained.
class _Loss(Stateless):
    def __init__(self, *values, **named):
        super().__init__(*values, **named)
        for name in ("weight", "pos_weight"):
            if name in self.defaults:
                value = self._arguments.pop(name)
                copied = None if value is None else np.array(to_ndarray(type(self).__name__, name, value))
                self.register_buffer(name, copied)

    def forward(self, input, target):
        return self._call(input, target, **{name: getattr(self, name) for name in self._buffer_names})


_OLD = {"size_average": None, "reduce": None}
_MEAN = {**_OLD, "reduction": "mean"}
_CLASSES = {"weight": None, "size_average": None, "ignore_index": -100, "reduce": None, "reduction": "mean"}
_TABLE = [
    ("MSELoss", "mse_loss", _MEAN, "(input - target)²."),
    ("L1Loss", "l1_loss", _MEAN, "|input - target|."),
    ("SmoothL1Loss", "smooth_l1_loss", {**_MEAN, "beta": 1.0}, "d²/(2 beta), |d| - beta/2 from |d| = beta."),
    ("HuberLoss", "huber_loss", {"reduction": "mean", "delta": 1.0},
     "d²/2 if |d| < delta, else delta (|d| - delta/2)."),
    ("CrossEntropyLoss", "cross_entropy",
     {**_CLASSES, "label_smoothing": 0.0},
     "-log softmax(input)[target]; target holds class indices (N,) or probabilities (N, C)."),
    ("NLLLoss", "nll_loss", _CLASSES,
     "-input[target] for log-probabilities."),
    ("BCELoss", "binary_cross_entropy", {"weight": None, **_MEAN}, "-t log p - (1 - t) log(1 - p)."),
    ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", {"weight": None, **_MEAN, "pos_weight": None},
     "binary cross entropy of sigmoid(input)."),
]  # fmt: skip

_EXAMPLES = {
    "MSELoss": ("np.array([1.0, 4.0]), np.array([1.0, 2.0])", "array(2.)"),
    "L1Loss": ("np.array([1.0, 4.0]), np.array([1.0, 2.0])", "array(1.)"),
    "SmoothL1Loss": ("np.array([1.0, 4.0]), np.array([1.0, 2.0])", "array(0.75)"),
    "HuberLoss": ("np.array([1.0, 4.0]), np.array([1.0, 2.0])", "array(0.75)"),
    "CrossEntropyLoss": ("np.zeros((1, 2)), np.array([1])", "array(0.69314718)"),
    "NLLLoss": ("np.log([[0.25, 0.75]]), np.array([1])", "array(0.28768207)"),
    "BCELoss": ("np.array([0.5]), np.array([1.0])", "array(0.69314718)"),
    "BCEWithLogitsLoss": ("np.array([0.0]), np.array([1.0])", "array(0.69314718)"),
}

for _name, _op, _defaults, _formula in _TABLE:
    _doc = f"{_formula}\n\n    forward(input, target); `reduction` is 'mean', 'sum' or 'none'."
    _doc += " Weights are buffers." if "weight" in _defaults else ""
    _arguments, _result = _EXAMPLES[_name]
    _example = (f"nn.{_name}()({_arguments})", _result)
    globals()[_name] = stateless(_name, _op, _defaults, _doc, _example, module=__name__, base=_Loss)

__all__ = [row[0] for row in _TABLE]
