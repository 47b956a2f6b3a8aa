"""Optional packages: import them where they are used, and say how to get them."""

import importlib


def optional(module: str, extra: str):
    """The module, or an ImportError that names the extra to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        needs = module.split(".")[0]
        raise ImportError(f'{needs} is needed for this: pip install "fastconv[{extra}]"') from None
