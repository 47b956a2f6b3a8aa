"""Arguments and parametrisations that the tests of bad input and of special values share."""

import numpy as np
import pytest

import fastconv as fc

RANKS = (1, 2, 3)
HUGE = (2**31 - 1, 2**31, 2**62, 2**63 - 1, 2**64, 10**30)
TOO_LARGE = (2**44, 2**62, 2**63 - 1, 2**64, 10**30)

each_rank = pytest.mark.parametrize("rank", RANKS)
each_pool = pytest.mark.parametrize("pool", ["max_pool", "min_pool", "avg_pool"])
each_convolution = pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
each_huge = pytest.mark.parametrize("huge", HUGE)
each_too_large = pytest.mark.parametrize("huge", TOO_LARGE)


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def many(*shape):
    """An array of any size in four bytes."""
    return np.broadcast_to(np.float32(1), shape)


def function(kind, rank, suffix=""):
    return getattr(fc, f"{kind}{rank}d{suffix}")


def image(rank, channels=2, extent=6):
    return ones(1, channels, *(extent,) * rank)


def filters(rank, first=2, second=2, extent=3):
    return ones(first, second, *(extent,) * rank)
