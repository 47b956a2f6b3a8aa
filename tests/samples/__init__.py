"""Samples: for each operation the small calls that every test of the harness makes.

SAMPLES[name] lists them; LARGE[name] holds the few that are big enough to be shared out among threads;
EXACT names the operations whose results on small integers are integers, and so compare exactly.
"""

from . import activation, arithmetic, conv, linear, loss, norm, pool, resample
from .draw import LAYOUTS, Draw, Sample

MODULES = (activation, arithmetic, conv, linear, loss, norm, pool, resample)
SAMPLES = {name: samples for module in MODULES for name, samples in module.SAMPLES.items()}
LARGE = {name: samples for module in MODULES for name, samples in getattr(module, "LARGE", {}).items()}
EXACT = frozenset(name for module in MODULES for name in getattr(module, "EXACT", ()))

__all__ = ["EXACT", "LARGE", "LAYOUTS", "SAMPLES", "Draw", "Sample"]
