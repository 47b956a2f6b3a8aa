"""Checkpoint files: a tree of dicts, lists, numbers, strings and arrays, without pickle.

One .npz or .safetensors file. The arrays are stored under their paths ("model/0.weight"), everything else as
one JSON text under "tree". A file is written whole or not at all; one that is truncated or was changed is
refused with a ValueError.
"""

import hashlib
import json

import numpy as np

from ..nn import serialization

VERSION = 1


def write(path, tree: dict) -> None:
    """Write a tree so that `path` holds either its old content or all of the new."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps({"version": VERSION, "tree": _strip(tree, "", arrays), "sums": _sums(arrays)})
    arrays["tree"] = np.frombuffer(text.encode(), np.uint8)
    serialization.save(arrays, path)


def read(path) -> dict:
    """The tree that `write` stored.

    Raises
    ------
    ValueError
        When the file is truncated, was changed, or is no checkpoint.
    FileNotFoundError
        When there is none.
    """
    arrays = serialization.load(path)
    try:
        content = json.loads(arrays.pop("tree").tobytes().decode())
        if content["version"] != VERSION:
            raise ValueError(f"its version is {content['version']}, expected {VERSION}")
        if content["sums"] != _sums(arrays):
            raise ValueError("an array does not match its checksum")
        return _fill(content["tree"], arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole fastconv checkpoint: {error}") from None


# Replaces every array by {"array": its path}; keys become strings, tuples lists.
def _strip(value, path: str, arrays: dict[str, np.ndarray]):
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path}
    if isinstance(value, dict):
        return {
            "dict": {str(k): _strip(v, f"{path}/{k}" if path else str(k), arrays) for k, v in value.items()}
        }
    if isinstance(value, (list, tuple)):
        return [_strip(item, f"{path}/{number}", arrays) for number, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"checkpoint: {path} is a {type(value).__name__} (expected numbers, strings, arrays)")


def _fill(value, arrays: dict[str, np.ndarray]):
    if isinstance(value, list):
        return [_fill(item, arrays) for item in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]]
        return {key: _fill(item, arrays) for key, item in value["dict"].items()}
    return value


def _sums(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    def one(array):
        digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
        return digest.hexdigest()

    return {name: one(array) for name, array in arrays.items()}
