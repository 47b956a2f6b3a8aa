"""Files of named arrays: .npz (never pickled) and .safetensors; written whole or not at all."""

import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from ..geometry import type_error
from ..tensor import Tensor
from .module import Module

FORMATS = (".npz", ".safetensors")
# How .safetensors writes types that NumPy has; BF16 it has not.
TYPES = {
    "BOOL": "?", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U8": "u1", "U16": "<u2", "U32": "<u4",
    "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8",
}  # fmt: skip


def save(state: dict | Module, path) -> None:
    """Write a dict of names to arrays to `path`, whose suffix, .npz or .safetensors, chooses the format.

    Of a module its `state_dict()` is written.

    A reader sees the old file or the new one, never a part: the bytes go to a temporary file in the same
    folder, are flushed to disk, and the file is renamed. .safetensors needs `pip install
    "fastconv[safetensors]"`.

    Examples
    --------
    >>> import tempfile
    >>> from fastconv import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save({"weight": np.ones(2)}, f"{folder}/state.npz")
    ...     nn.load(f"{folder}/state.npz")
    {'weight': array([1., 1.])}
    """
    if isinstance(state, Module):
        state = state.state_dict()
    arrays = {
        name: np.asarray(value.data if isinstance(value, Tensor) else value) for name, value in state.items()
    }
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"save: {name} holds Python objects (expected numbers)")
        if array.dtype.kind == "V" and _suffix(path) == ".npz":
            raise TypeError(f"save: {name} is {array.dtype}, which .npz forgets (expected float32, or .safetensors)")
    if _suffix(path) == ".npz":
        write_whole(path, lambda file: _write_npz(file, arrays))
    else:
        data = safetensors_package().numpy.save(
            {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()}
        )
        write_whole(path, lambda file: file.write(data))


def load(path) -> dict[str, np.ndarray]:
    """Read a file that `save`, NumPy's `savez` or any safetensors writer made. Nothing is ever unpickled.

    bfloat16 comes as an array of ml_dtypes.bfloat16 if that package is installed, else as float32 of the same values.

    Raises
    ------
    ValueError
        When the file is truncated, damaged or not of the format that its name says.
    TypeError
        When it holds numbers of eight bits or fewer that are no integers.

    Examples
    --------
    >>> import tempfile
    >>> from fastconv import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save({"bias": np.zeros(1)}, f"{folder}/state.npz")
    ...     sorted(nn.load(f"{folder}/state.npz"))
    ['bias']
    """
    path = Path(path)
    suffix = _suffix(path)
    with path.open("rb") as file:
        try:
            if suffix == ".npz":
                with np.load(file, allow_pickle=False) as archive:
                    return {name: archive[name] for name in archive.files}
            entries = safetensors_package().deserialize(file.read())
        except ImportError:
            raise
        except Exception as error:
            raise ValueError(f"{path} is not a whole {suffix} file of arrays: {error}") from None
    return {name: _array(name, entry["dtype"], entry["data"]).reshape(entry["shape"]) for name, entry in entries}


def write_whole(path, write) -> None:
    """Call `write(file)` so that `path` is what it was or all that was written, whatever interrupts."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _usual_mode())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)


# mkstemp makes files private; a saved model is as readable as any other file of this user.
def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


# The rename itself reaches the disk when the folder is flushed; not every system can.
def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


# As numpy.savez, but any name is possible ("file" is not, there) and equal states give equal bytes (no
# clock).
def _write_npz(file, arrays: dict[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _suffix(path) -> str:
    suffix = Path(path).suffix
    if suffix not in FORMATS:
        raise ValueError(f"{path}: file name ends in {suffix!r} (expected {' or '.join(FORMATS)})")
    return suffix


# One array of a .safetensors file, flat. A bfloat16 is the upper half of the float32 of the same value.
def _array(name: str, kind: str, data) -> np.ndarray:
    if kind in TYPES:
        return np.frombuffer(data, TYPES[kind])
    if kind != "BF16":
        raise type_error("load", name, f"is {kind}", f"BF16, {', '.join(TYPES)}")
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return (np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.frombuffer(data, bfloat16)


def safetensors_package():
    """The package safetensors with its module numpy, or an ImportError that says how to get it."""
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError('.safetensors files need: pip install "fastconv[safetensors]"') from None
    return safetensors
