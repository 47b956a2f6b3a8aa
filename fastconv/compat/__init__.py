"""Bridges to the neighbours: one module each, imported when first named, with that neighbour's signatures."""

import importlib
import pkgutil

from ._redirect import install, patched, uninstall

__all__ = ["install", "patched", "uninstall"]


def __getattr__(name: str):
    if name in _modules():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_modules()])


def _modules():
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
