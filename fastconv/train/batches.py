"""What fit, evaluate and predict read: arrays, memory-maps or iterables, as a stream of batches."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..geometry import value_error
from ..tensor import Tensor

UINT8_RANGE = 255


class Arrays:
    """Inputs (one array, or a tuple for a model of several inputs), targets (likewise) and weights, cut into batches.

    Anything with a length, a shape and slices will do: a memory-map is read batch by batch, never as a whole.
    """

    def __init__(self, x, y=None, weight=None):
        self.inputs = tuple(_array_like(part) for part in (x if isinstance(x, tuple) else (x,)))
        self.target = _targets(y)
        self.length = len(self.inputs[0])
        for part in (*self.inputs[1:], *(self.target if isinstance(self.target, tuple) else (self.target,))):
            if part is None:
                continue
            if len(part) != self.length:
                raise value_error(
                    "fit", "y", f"has {len(part)} samples, x has {self.length}", "equal numbers"
                )
        if not self.length:
            raise value_error("fit", "x", "has no samples", "one or more")
        self.weight = None if weight is None else sample_weights(weight, self.length)

    def batches(self, size: int, order: np.ndarray | None = None) -> Iterator[tuple]:
        """(inputs, target, weight) of `size` samples each; `order`: all samples, as they are to be taken.

        The last batch may be smaller, but is no single sample: that joins the batch before.
        """
        ends = np.arange(1, self.count(size) + 1) * size
        ends[-1] = self.length
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            rows = slice(start, end) if order is None else order[start:end]
            yield self._at(rows)

    def count(self, size: int) -> int:
        """Number of batches."""
        return batch_count(self.length, size)

    def split(self, share: float) -> tuple["Arrays", "Arrays"]:
        """(training, validation) parts without copying: validation is the last `share`, as Keras has it."""
        cut = self.length - round(self.length * share)
        if not 0 < cut < self.length:
            raise value_error(
                "fit", "validation_split", f"is {share} of {self.length} samples", "some for each part"
            )
        return Arrays(*self._at(slice(0, cut))), Arrays(*self._at(slice(cut, None)))

    def _at(self, rows) -> tuple:
        return _rows(self.inputs, rows), _rows(self.target, rows), _rows(self.weight, rows)


class Stream:
    """An iterable of batches (x, y), (x, y, weight) or lists like PyTorch's DataLoader's, read once an epoch."""

    def __init__(self, source: Iterable):
        self.source = source

    def batches(self, size: int, order=None) -> Iterator[tuple]:
        batch = None
        for batch in self.source:
            x, *rest = batch if isinstance(batch, (tuple, list)) and len(batch) in (2, 3) else (batch,)
            y, weight = (*rest, None, None)[:2]
            inputs = tuple(map(_array_like, x if isinstance(x, tuple) else (x,)))
            yield inputs, y, None if weight is None else sample_weights(weight, len(inputs[0]))
        if batch is None:
            raise value_error("fit", "x", "has no batches", "one or more")

    def count(self, size: int) -> int | None:
        return len(self.source) if hasattr(self.source, "__len__") else None

    @property
    def once(self) -> bool:
        """Whether the source is an iterator, spent after one epoch."""
        return iter(self.source) is self.source


def batch_count(samples: int, size: int) -> int:
    """Number of batches of `size`: a single sample at the end, in which batch norm finds no spread, makes none."""
    whole, rest = divmod(samples, size)
    return whole + (rest > 0 if rest != 1 else not whole)


def as_batches(x, y=None, weight=None) -> Arrays | Stream:
    """Arrays when x has a shape, is a tuple of arrays, or comes with y; otherwise a Stream of batches."""
    if y is not None or isinstance(x, tuple) or hasattr(x, "shape"):
        return Arrays(x, y, weight)
    if not isinstance(x, Iterable):
        raise TypeError(f"fit: x is a {type(x).__name__} (expected an array or an iterable of batches)")
    if weight is not None:
        raise value_error("fit", "sample_weight", "is given for an iterable", "batches (x, y, weight)")
    return Stream(x)


def sample_weights(weight, samples: int) -> np.ndarray:
    """(samples,) finite weights of at least 0, as floats."""
    weight = np.asarray(_array_like(weight), np.float64)
    if weight.shape != (samples,):
        raise value_error("fit", "sample_weight", f"has shape {weight.shape}", f"{(samples,)}, one weight a sample")
    if not np.isfinite(weight).all() or weight.min() < 0:
        wrong = weight[~(weight >= 0) | (weight == np.inf)][0]
        raise value_error("fit", "sample_weight", f"has the value {wrong}", "finite weights of 0 or more")
    return weight


def training_data(x, y, weight, validation_data, validation_split: float, epochs: int) -> tuple:
    """(training, validation or None) of what `fit` was given."""
    data = _not_spent("x", with_target(as_batches(x, y, weight)), epochs)
    if validation_data is not None:
        given = validation_data if _is_whole(validation_data) else (validation_data,)
        return data, _not_spent("validation_data", with_target(as_batches(*given)), epochs)
    if validation_split:
        if isinstance(data, Stream):
            raise ValueError("fit: validation_split is given for an iterable (expected validation_data)")
        return data.split(validation_split)
    return data, None


def _not_spent(argument: str, data: Arrays | Stream, epochs: int) -> Arrays | Stream:
    if isinstance(data, Stream) and data.once and epochs > 1:
        came = f"is an iterator, spent after one of {epochs} epochs"
        raise value_error("fit", argument, came, "a list or the like")
    return data


def with_target(data: Arrays | Stream) -> Arrays | Stream:
    """The data itself; ValueError for arrays without targets."""
    if isinstance(data, Arrays) and data.target is None:
        raise ValueError("fit: y is missing (expected one target a sample)")
    return data


# uint8 counts as pixels and becomes 0 to 1; floats take the model's dtype; other integers (word indices)
# stay.
def as_input(part, dtype: np.dtype) -> np.ndarray:
    part = np.asarray(part)
    if part.dtype == np.uint8:
        return np.multiply(part, dtype.type(1 / UINT8_RANGE), dtype=dtype)
    return part.astype(dtype, copy=False) if part.dtype.kind == "f" else part


def _array_like(value):
    if isinstance(value, Tensor):
        return value.data
    return value if hasattr(value, "shape") and hasattr(value, "dtype") else np.asarray(value)


# A tuple of arrays is one target for each output of the model; other tuples are one array.
def _targets(y):
    several = isinstance(y, tuple) and all(len(getattr(part, "shape", ())) for part in y)
    return tuple(map(_array_like, y)) if several else None if y is None else _array_like(y)


# Whether this is (x, y) or (x, y, weight) of all samples; a list may be batches instead.
def _is_whole(data) -> bool:
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        return False
    return isinstance(data, tuple) or all(hasattr(part, "shape") for part in data)


def _rows(array, rows):
    if isinstance(array, tuple):
        return tuple(part[rows] for part in array)
    return None if array is None else array[rows]
