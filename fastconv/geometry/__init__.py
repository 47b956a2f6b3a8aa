"""Shape rules and argument checks: the one place that raises."""

from .arguments import axes, axis, choice, finite, flag, integer, integers, real
from .arrays import (
    allocate,
    as_array,
    contiguous,
    index_array,
    is_half,
    new_output,
    same_dtype,
    to_ndarray,
    type_error,
    value_error,
)

__all__ = [
    "allocate",
    "as_array",
    "axes",
    "axis",
    "choice",
    "contiguous",
    "finite",
    "flag",
    "index_array",
    "integer",
    "integers",
    "is_half",
    "new_output",
    "real",
    "same_dtype",
    "to_ndarray",
    "type_error",
    "value_error",
]
