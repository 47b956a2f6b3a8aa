"""CIFAR-10's python batches: pickles, read by an unpickler that admits only what the format consists of."""

import io
import pickle
from collections.abc import Callable

import numpy as np

# Everything a batch may name: how NumPy rebuilds an array, under its old and new address, and the byte
# strings of pickles written by Python 3 in protocol 2. No other name is looked up, so no other code can
# run.
ADMITTED: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
}


# What _codecs.encode does in such pickles, and nothing else: text back to bytes.
def _to_bytes(text: str, encoding: str = "latin1") -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes are not written as latin1 text")
    return text.encode("latin1")


class _BatchUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("_codecs", "encode"):
            return _to_bytes
        try:
            return ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which no CIFAR-10 batch contains"
            ) from None

    def persistent_load(self, key):
        raise pickle.UnpicklingError("it refers to outside objects, which no CIFAR-10 batch does")


def read_batch(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of one batch.

    Raises ValueError when the content is damaged, names anything it should not, or has another layout.
    """
    try:
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        images, labels = batch["data"], batch["labels"]
    except Exception as error:
        raise ValueError(f"{name} is no batch of CIFAR-10's python version: {error}") from None
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (3072,):
        raise ValueError(f"{name} has images of another layout (expected uint8 (N, 3072))")
    if (
        not isinstance(labels, list)
        or not all(type(label) is int for label in labels)
        or len(labels) != len(images)
    ):
        raise ValueError(f"{name} has labels that are no list of {len(images)} integers")
    return images.reshape(-1, 3, 32, 32), np.asarray(labels, np.int64)
