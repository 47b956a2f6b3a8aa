"""Bridges to the neighbours: one module each, imported when first named, with that neighbour's signatures."""

import importlib
import pkgutil


def __getattr__(name: str):
    if name in __dir__():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
