"""SciPy's functions replaced by ours, for code that cannot be edited."""

import contextlib
import importlib
import sys
import threading

from ..extras import optional

# Our modules and SciPy's: what ours exports and SciPy's has too is replaced.
MODULES = {"ndimage": "scipy.ndimage", "signal": "scipy.signal"}

_lock = threading.Lock()
_replaced: list[tuple[dict, str, object]] = []  # (namespace, name, SciPy's function)


def replacements():
    """[(SciPy's function, ours)]"""
    found = []
    for ours, theirs in MODULES.items():
        module, original = importlib.import_module(f".{ours}", __package__), optional(theirs, "scipy")
        found += [
            (getattr(original, name), getattr(module, name)) for name in module.__all__ if hasattr(original, name)
        ]
    return found


def install() -> None:
    """Replace SciPy's filters and convolutions by fastconv.compat's, wherever a loaded module holds them by name.

    Modules loaded later find ours in scipy.ndimage and scipy.signal. SciPy's own functions keep calling each other.
    Installing twice is installing once. Raises ImportError if SciPy is missing.

    >>> import fastconv.compat, scipy.ndimage
    >>> fastconv.compat.install()
    >>> scipy.ndimage.correlate is fastconv.compat.ndimage.correlate
    True
    >>> fastconv.compat.uninstall()
    >>> scipy.ndimage.correlate is fastconv.compat.ndimage.correlate
    False
    """
    with _lock:
        if _replaced:
            return
        # What array types a function takes: SciPy's tests look it up for every function they are about.
        capabilities = getattr(sys.modules.get("scipy._lib._array_api"), "xp_capabilities_table", {})
        for original, ours in replacements():
            if original in capabilities:
                capabilities[ours] = capabilities[original]
            for name, module in list(sys.modules.items()):
                if name != original.__module__ and name.split(".")[0] != "fastconv":
                    namespace = getattr(module, "__dict__", {})
                    for key in [key for key, value in list(namespace.items()) if value is original]:
                        _replaced.append((namespace, key, original))
                        namespace[key] = ours


def uninstall() -> None:
    """Put SciPy's functions back where install() found them; nothing if it did not run."""
    with _lock:
        for namespace, key, original in _replaced:
            namespace[key] = original
        _replaced.clear()


@contextlib.contextmanager
def patched():
    """A block in which SciPy's functions are replaced, in all threads: install() and, unless it had run, uninstall().

    >>> import fastconv.compat, scipy.signal
    >>> with fastconv.compat.patched():
    ...     scipy.signal.convolve is fastconv.compat.signal.convolve
    True
    """
    outermost = not _replaced
    install()
    try:
        yield
    finally:
        if outermost:
            uninstall()
