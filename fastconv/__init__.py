"""Convolution and pooling kernels with autograd on plain NumPy arrays."""

import importlib

from . import ops
from .autograd import Function, checkpoint, gradcheck
from .insight import explain
from .op import OPS, op
from .ops import *  # noqa: F403
from .ops.prepare import prepare
from .runtime import (
    get_num_threads,
    precision,
    release_scratch,
    set_flush_denormal,
    set_num_threads,
    show_config,
    threads,
)
from .seeding import manual_seed
from .tensor import Tensor, enable_grad, is_grad_enabled, no_grad

__version__ = "0.1.0"

_LAZY = ("compat", "nn", "optim", "train")

__all__ = [
    "OPS",
    "Function",
    "Tensor",
    "checkpoint",
    "enable_grad",
    "explain",
    "get_num_threads",
    "gradcheck",
    "is_grad_enabled",
    "manual_seed",
    "no_grad",
    "op",
    "precision",
    "prepare",
    "release_scratch",
    "set_flush_denormal",
    "set_num_threads",
    "show_config",
    "threads",
]
__all__ += ops.__all__


# Layers, optimisers and drop-ins are imported when first named: a kernel user does not pay for them.
def __getattr__(name: str):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY})
