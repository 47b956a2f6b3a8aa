"""The public names of fastconv beside operations and rooms."""

from .autograd import Function, checkpoint, gradcheck
from .insight import explain
from .op import OPS, op
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
