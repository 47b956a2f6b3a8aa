"""The package's random generator: dropout and initialisation draw from it unless they are given another."""

import functools
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

_lock = threading.Lock()


# numpy.random is slow to import: not before somebody draws.
@functools.cache
def _made() -> "Generator":
    return np.random.default_rng()


def manual_seed(seed: int | None) -> None:
    """Restart the package's generator from `seed` (None: from fresh entropy).

    >>> manual_seed(7); first = generator().random(); manual_seed(7)
    >>> generator().random() == first
    True
    """
    set_state(np.random.default_rng(seed).bit_generator.state)


def generator() -> "Generator":
    """The generator itself. Its methods lock, so threads may share it, in an order that is then theirs."""
    with _lock:
        return _made()


def get_state() -> dict[str, Any]:
    """A copy of the generator's state, for `set_state`."""
    with _lock:
        return _made().bit_generator.state


def set_state(state: dict[str, Any]) -> None:
    """Put the generator where `get_state` found it."""
    with _lock:
        _made().bit_generator.state = state
