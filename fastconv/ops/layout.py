"""Channels last: arrays reordered to channels first, as most kernels have them, and back, by one pass over memory."""

import math

import numpy as np

from .. import _core
from ..geometry.arrays import FLOAT64, INT64, allocate, contiguous, new_output
from ..geometry.conv import has_channels

LAYOUTS = ("NCHW", "NHWC")


def seen_first(name, rank, x):
    """(…, *spatial, C) as a view (…, C, *spatial); None stays None."""
    if x is None:
        return None
    has_channels(name, rank, x)
    return np.moveaxis(x, -1, -rank - 1)


def seen_last(rank, x):
    """The array that `seen_first` gave a view of."""
    return None if x is None else np.moveaxis(x, -rank - 1, -1)


def laid_first(name, rank, x):
    """What `seen_first` gave, C-contiguous, copied once at most."""
    last = seen_last(rank, x)
    if x is None or x.flags.c_contiguous or not _core.plain(last) or not x.size:
        return x if x is None else contiguous(x)
    result = allocate(name, x.shape, x.dtype)
    cells, channels = math.prod(last.shape[-rank - 1 : -1]), last.shape[-1]
    return _core.reorder(x.size // (cells * channels), cells, channels, last, result)


def channels_first(name, rank, x):
    """(…, *spatial, C) as C-contiguous (…, C, *spatial), copied once at most; None stays None.

    Positions, C-contiguous int64, move as the float64 of their bits.
    """
    if x is not None and x.dtype == INT64:
        return channels_first(name, rank, x.view(FLOAT64)).view(INT64)
    return laid_first(name, rank, seen_first(name, rank, x))


def channels_last(name, rank, x, out=None, *inputs):
    """C-contiguous (…, C, *spatial) as C-contiguous (…, *spatial, C), in `out` if that is given."""
    if x.dtype == INT64:
        return channels_last(name, rank, x.view(FLOAT64)).view(INT64)
    last = np.moveaxis(x, -rank - 1, -1)
    if out is None and last.flags.c_contiguous:
        return last
    result = new_output(name, out, last.shape, x.dtype, *inputs)
    cells, channels = math.prod(x.shape[-rank:]), x.shape[-rank - 1]
    return _core.reorder(x.size // (cells * channels), channels, cells, x, result) if x.size else result
