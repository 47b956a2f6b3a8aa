"""Every operation, forward beside its gradient; the names come from the declarations themselves."""

from ..op import OPS
from . import conv  # noqa: F401
from . import activation, arithmetic, linear, methods, reduction, shaping, softmax  # noqa: F401

__all__: list[str] = []
for _operation in OPS.values():
    globals()[_operation.name] = _operation.public
    __all__.append(_operation.name)
    if _operation.public_backward is not None:
        globals()[f"{_operation.name}_backward"] = _operation.public_backward
        __all__.append(f"{_operation.name}_backward")

for _function in conv.extras:
    globals()[_function.__name__] = _function
    __all__.append(_function.__name__)
