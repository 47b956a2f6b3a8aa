"""Every operation under PyTorch's address: `import fastconv.nn.functional as F`, then `F.conv2d(x, weight)`.

Names are looked up in `fastconv.ops` on first use and kept.
"""

from .. import ops


def __getattr__(name: str):
    try:
        value = getattr(ops, name)
    except AttributeError:
        raise AttributeError(f"fastconv has no operation named {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [name for name in dir(ops) if not name.startswith("_")]
