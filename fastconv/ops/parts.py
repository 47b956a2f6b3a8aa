"""Long work of NumPy's a part at a time: signals are seen between the parts, and what lies between two steps of one
stays in cache."""

from collections.abc import Callable, Iterator
from typing import Any

from ..geometry.arrays import ndarray

CELLS = 1 << 17


def cells_apart(function: Callable, x: ndarray, *numbers: Any, out: ndarray) -> ndarray:
    """function(x, *numbers, out=out), which goes cell by cell; x and out are contiguous and of one size."""
    cells, to = x.reshape(-1), out.reshape(-1)
    for start in range(0, out.size, CELLS):
        part = slice(start, start + CELLS)
        function(cells[part], *numbers, out=to[part])
    return out


def samples_apart(x: ndarray) -> Iterator[slice]:
    """Slices of the first axis with some samples each, one at least."""
    samples = len(x)
    step = max(1, CELLS * samples // max(1, x.size))
    return (slice(start, start + step) for start in range(0, samples, step))
