"""Random calls of every operation, each beside PyTorch: values, both gradients' ways, refusals.

A call is drawn from (operation, dtype, seed) alone, so one line repeats it:
`PYTHONPATH=.:tests python -m differential conv2d float32 17`.
"""

import importlib

from .engine import CASES, Refusal, check, draw_case

for _module in ("convolution", "elementwise", "losses", "normalisation", "pooling", "resampling", "shaping"):
    importlib.import_module(f"{__name__}.{_module}")

__all__ = ["CASES", "Refusal", "check", "draw_case"]
