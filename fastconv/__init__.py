"""Convolution and pooling kernels with autograd on plain NumPy arrays."""

import importlib
from typing import TYPE_CHECKING

from . import runtime  # noqa: F401  (refuses a wrong environment at once)
from .op import op  # noqa: F401  (named as its module, so the name must be there before another imports that)

__version__ = "0.1.0"

_ROOMS = ("compat", "nn", "optim", "train")

# A program that only imports pays for nothing else: operations come with the first use of any public name, layers,
# optimisers and drop-ins each when they are named.
if TYPE_CHECKING:
    from . import ops
    from .api import *  # noqa: F403
    from .api import __all__
    from .ops import *  # noqa: F403

    __all__ += ops.__all__
else:

    def __getattr__(name):
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        modules = [importlib.import_module(f"{__name__}.{module}") for module in ("api", "ops")]
        public = {name: getattr(module, name) for module in modules for name in module.__all__}
        globals().update(public, __all__=list(public))
        if name in globals():
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__"), *_ROOMS})
