"""Shape rules of linear maps and table look-ups."""

from typing import Any

from .arguments import finite, integer, real
from .arrays import arrays, as_array, index_array, ndarray, value_error
from .elementwise import same_shape


def linear(op: str, input: Any, weight: Any, bias: Any = None) -> tuple:
    """input (..., in), weight (out, in) or (in,), bias (out,) or (), and the result's shape."""
    input, weight, bias = arrays(op, input=input, weight=weight, bias=bias)
    if weight.ndim not in (1, 2):
        raise value_error(
            op, "weight", f"has shape {weight.shape}", "(out_features, in_features) or (in_features,)"
        )
    if not input.ndim or input.shape[-1] != weight.shape[-1]:
        came = f"has shape {input.shape}, weight {weight.shape}"
        raise value_error(op, "input", came, f"{weight.shape[-1]} features on the last axis")
    if bias is not None:
        same_shape(op, "bias", bias, weight.shape[:-1])
    return input, weight, bias, input.shape[:-1] + weight.shape[:-1]


def embedding(op: str, input: Any, weight: Any, padding_idx: Any) -> tuple[ndarray, ndarray, int | None]:
    """Row numbers within the table, the table (rows, features), and the row without gradient."""
    weight = as_array(op, "weight", weight, 2)
    numbers = index_array(op, "input", input)
    rows = weight.shape[0]
    wrong = (numbers < 0) | (numbers >= rows)
    if wrong.any():
        raise value_error(op, "input", f"holds {numbers[wrong].flat[0]}", f"rows from 0 to {rows - 1}")
    if padding_idx is not None:
        padding_idx = integer(op, "padding_idx", padding_idx)
        if not -rows <= padding_idx < rows:
            raise value_error(op, "padding_idx", f"is {padding_idx}", f"a row from {-rows} to {rows - 1}")
        padding_idx %= rows
    return numbers, weight, padding_idx


def norm_limit(op: str, weight: ndarray, max_norm: Any, norm_type: Any) -> tuple[float, float]:
    """max_norm and norm_type, for a table whose rows are shortened in place."""
    if not weight.flags.writeable:
        raise value_error(op, "weight", "is read-only", "a writeable array, for max_norm shortens its rows")
    limit, p = finite(op, "max_norm", max_norm), real(op, "norm_type", norm_type)
    if limit < 0:
        raise value_error(op, "max_norm", f"is {limit}", "at least 0")
    return limit, p


def one_hot(op: str, labels: Any, num_classes: Any) -> tuple[ndarray, int]:
    """Class numbers and how many classes there are; -1 means one more than the largest."""
    numbers = index_array(op, "labels", labels)
    classes = integer(op, "num_classes", num_classes, -1)
    if numbers.size and numbers.min() < 0:
        raise value_error(op, "labels", f"holds {numbers.min()}", "class numbers of at least 0")
    if classes == -1:
        if not numbers.size:
            raise value_error(op, "num_classes", "is -1 for no labels", "a number of classes")
        classes = int(numbers.max()) + 1
    elif classes == 0 and not numbers.size:
        raise value_error(op, "num_classes", "is 0", "at least 1")
    if numbers.size and numbers.max() >= classes:
        raise value_error(op, "labels", f"holds {numbers.max()}", f"class numbers from 0 to {classes - 1}")
    return numbers, classes
