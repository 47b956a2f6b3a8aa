"""Long work of NumPy's a part at a time: signals are seen between the parts, and what lies between two steps of one
stays in cache."""

from collections.abc import Callable, Iterator
from typing import Any

from ..geometry.arrays import ndarray

CELLS = 1 << 17


def parts(size: int, cells: int = CELLS) -> Iterator[slice]:
    """Slices of `cells` each that follow one another."""
    return (slice(start, start + cells) for start in range(0, size, cells))


def cells_apart(function: Callable, x: ndarray, *numbers: Any, out: ndarray) -> ndarray:
    """function(x, *numbers, out=out), which goes cell by cell; x and out are contiguous and of one size."""
    cells, to = x.reshape(-1), out.reshape(-1)
    for part in parts(out.size):
        function(cells[part], *numbers, out=to[part])
    return out


def samples_apart(x: ndarray) -> Iterator[slice]:
    """Slices of the first axis with some samples each, one at least."""
    return parts(len(x), max(1, CELLS * len(x) // max(1, x.size)))
