"""NaN as missing values: what nan_policy means for a linear filter."""

import numpy as np

POLICIES = ("propagate", "omit", "interpolate")


def with_policy(real, nan_policy):
    """real(input, weights, dtype, cval) for images with missing values.

    omit: they add nothing. interpolate: nor do their weights, so a sum is scaled by sum(weights) over the sum of the
    weights that see a value, and NaN where none does; a ValueError if the weights sum to zero."""
    if nan_policy not in POLICIES:
        raise ValueError(f"nan_policy is {nan_policy!r} (expected {', '.join(POLICIES)})")

    def present(input, weights, dtype, cval):
        missing = np.isnan(input) if input.dtype.kind == "f" else np.zeros(0, bool)
        if not missing.any():
            return real(input, weights, dtype, cval)
        total = real(np.where(missing, input.dtype.type(0), input), weights, dtype, cval)
        if nan_policy == "omit":
            return total
        whole = float(np.sum(weights))
        if abs(whole) <= np.finfo(np.float64).eps * float(np.abs(weights).sum()):
            raise ValueError("nan_policy='interpolate' needs weights whose sum is not zero")
        seen = real((~missing).astype(input.dtype), weights, np.dtype(np.float64), 1.0)
        with np.errstate(all="ignore"):
            return (total * (whole / np.where(seen == 0, np.nan, seen))).astype(dtype)

    return present
