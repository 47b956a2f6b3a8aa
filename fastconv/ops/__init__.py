"""Every operation, forward beside its gradient; the names come from the declarations themselves."""

from ..op import OPS
from . import (  # noqa: F401
    activation,
    adaptive_pool,
    affine_grid,
    arithmetic,
    batch_norm,
    conv,
    distance,
    dropout,
    grid_sample,
    interpolate,
    linear,
    local_response,
    loss,
    methods,
    norm,
    pad,
    pixel_shuffle,
    pool,
    prelu,
    reduction,
    shaping,
    softmax,
)

# What a module exports beside its declared operations.
_WITH_EXTRAS = (conv, linear)
_EXTRAS = {function.__name__: function for module in _WITH_EXTRAS for function in module.extras}
_EXTRAS |= {"swish": activation.swish, "swish_backward": activation.swish_backward}
_EXTRAS |= {"cat": shaping.concat, "cat_backward": shaping.concat_backward}

# A user may have declared others before.
_OURS = [operation for operation in OPS.values() if operation.forward.__module__.startswith(f"{__name__}.")]

__all__: list[str] = []
for _operation in _OURS:
    globals()[_operation.name] = _operation.public
    __all__.append(_operation.name)
    if _operation.public_backward is not None:
        globals()[f"{_operation.name}_backward"] = _operation.public_backward
        __all__.append(f"{_operation.name}_backward")

globals().update(_EXTRAS)
__all__ += _EXTRAS

# Functions are pickled by the place where their name is found; those made in a loop have no name in their own module.
for _name in __all__:
    globals()[_name].__module__ = __name__
