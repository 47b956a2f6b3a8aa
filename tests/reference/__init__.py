"""The oracle: one plain, slow function per operation, with its name and arguments, sharing no code with it.

The files mirror fastconv/ops. Everything is float64, except that linear operations compute in the dtype they
are given: int64 arrays give exact results.
"""

from . import activation, arithmetic, conv, linear, loss, norm, pool, resample

MODULES = (activation, arithmetic, conv, linear, loss, norm, pool, resample)


def lookup(name):
    """The reference of an operation, or None."""
    return next((getattr(module, name) for module in MODULES if hasattr(module, name)), None)
