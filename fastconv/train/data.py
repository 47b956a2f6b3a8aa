"""Real images from disk: scikit-learn's digits, CIFAR-10 in its own archives, MNIST in idx files.

Every loader returns a Dataset of uint8 images (N, C, H, W) and int64 labels; nothing is fetched from a
network.
"""

import gzip
import math
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..extras import optional
from .cifar_pickle import read_batch

CIFAR10_HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_RECORD = 1 + 3 * 32 * 32  # label, then red, green and blue planes
MNIST_HOME = "http://yann.lecun.com/exdb/mnist/"


class Dataset(NamedTuple):
    """Training and test images (N, C, H, W) uint8, labels (N,) int64, and the names of the classes."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]


def load_digits(test_share: float = 0.2, seed: int = 0) -> Dataset:
    """scikit-learn's 1,797 scanned digits, 8 x 8, split at random into training and test images.

    Both parts have the same share of each class.     Needs `pip install "fastconv[data]"`. Source: Alpaydin
    and Kaynak 1998, UCI repository.
    """
    bunch = optional("sklearn.datasets", "data").load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[
        :, None
    ]  # (1797, 1, 8, 8), grey values of 0 to 16
    labels = bunch.target.astype(np.int64)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), bool)
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        held_out[rows[: round(len(rows) * test_share)]] = True
    train, test = rng.permutation(np.flatnonzero(~held_out)), np.flatnonzero(held_out)
    return Dataset(images[train], labels[train], images[test], labels[test], tuple("0123456789"))


def load_cifar10(path) -> Dataset:
    """CIFAR-10 from its python or binary version: the .tar.gz, or a folder with the archive or its files.

    The python version holds pickles; they are read by an unpickler that admits nothing but the arrays, lists
    and strings which that format consists of.

    Raises
    ------
    FileNotFoundError
        When the files are not there.
    ValueError
        When one is damaged or of another format.
    """
    numbers = [f"data_batch_{number}" for number in range(1, 6)]
    files = _cifar_files(Path(path), [*numbers, "test_batch"])
    batches = {}
    for name, content in files.items():
        images, labels = _binary_batch(name, content) if name.endswith(".bin") else read_batch(name, content)
        if labels.size and not 0 <= labels.min() <= labels.max() < len(CIFAR10_CLASSES):
            raise ValueError(f"{path}: {name} has labels {labels.min()} to {labels.max()} (expected 0 to 9)")
        batches[name.removesuffix(".bin")] = images, labels
    x_train, y_train = (np.concatenate([batches[name][part] for name in numbers]) for part in (0, 1))
    return Dataset(x_train, y_train, *batches["test_batch"], CIFAR10_CLASSES)


# {file name: content} of all six batches of one version, from a folder, a folder with the archive, or the
# archive.
def _cifar_files(path: Path, names: list[str]) -> dict[str, bytes]:
    expected = (
        f"{path}: expected cifar-10-python.tar.gz, cifar-10-binary.tar.gz or a folder with "
        f"{names[0]} ... {names[-1]} (.bin in the binary version), from {CIFAR10_HOME}"
    )
    if path.is_dir():
        for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())):
            for suffix in ("", ".bin"):
                files = [folder / f"{name}{suffix}" for name in names]
                if any(file.exists() for file in files):
                    missing = [file.name for file in files if not file.exists()]
                    if missing:
                        raise FileNotFoundError(f"{expected}; missing in {folder}: {', '.join(missing)}")
                    return {file.name: file.read_bytes() for file in files}
        archives = sorted(path.glob("cifar-10-*.tar.gz"))
        if not archives:
            raise FileNotFoundError(expected)
        path = archives[0]
    if not path.exists():
        raise FileNotFoundError(expected)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and name.removesuffix(".bin") in names:
                    found[name] = archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} is not a whole .tar.gz archive ({error}); get it from {CIFAR10_HOME}"
        ) from None
    for suffix in ("", ".bin"):
        if all(f"{name}{suffix}" in found for name in names):
            return {f"{name}{suffix}": found[f"{name}{suffix}"] for name in names}
    raise ValueError(f"{expected}; the archive has {', '.join(sorted(found)) or 'none of these'}")


def _binary_batch(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    if not content or len(content) % CIFAR10_RECORD:
        raise ValueError(
            f"{name} has {len(content)} bytes (expected records of {CIFAR10_RECORD}); from {CIFAR10_HOME}"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR10_RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64)


def load_mnist(path) -> Dataset:
    """MNIST (or a set in its format) from a folder of idx files, plain or .gz, or from an .npz file.

    The .npz file holds x_train, y_train, x_test and y_test.

    Raises
    ------
    FileNotFoundError
        When the files are not there.
    ValueError
        When one is damaged or of another format.
    """
    path = Path(path)
    if path.suffix == ".npz":
        parts = _mnist_npz(path)
    elif path.is_dir():
        names = ("train-images", "train-labels", "t10k-images", "t10k-labels")
        parts = [_read_idx(_idx_file(path, name)) for name in names]
    else:
        raise FileNotFoundError(
            f"{path}: expected a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, "
            "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (plain or .gz), or an .npz file; "
            f"from {MNIST_HOME}"
        )
    for images, labels in (parts[:2], parts[2:]):
        if images.ndim != 3 or labels.shape != images.shape[:1] or images.dtype != np.uint8:
            raise ValueError(
                f"{path}: images {images.dtype}{images.shape}, labels {labels.shape} "
                "(expected uint8 (N, H, W) and (N,))"
            )
    x_train, y_train, x_test, y_test = parts
    classes = tuple(str(label) for label in range(int(max(y_train.max(), y_test.max())) + 1))
    return Dataset(
        x_train[:, None], y_train.astype(np.int64), x_test[:, None], y_test.astype(np.int64), classes
    )


def _mnist_npz(path: Path) -> list[np.ndarray]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected an .npz file with x_train, y_train, x_test, y_test")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return [archive[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: expected x_train, y_train, x_test, y_test in a whole .npz file: {error}"
        ) from None


# The file of one part, under either of the names in use, plain or compressed.
def _idx_file(folder: Path, part: str) -> Path:
    axes = 3 if part.endswith("images") else 1
    names = [f"{part}{dot}idx{axes}-ubyte{end}" for end in ("", ".gz") for dot in ("-", ".")]
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{folder}: expected {names[0]} or {names[2]}, from {MNIST_HOME}")


# idx: two zero bytes, type 8 (unsigned byte), number of axes, big-endian extents, then the bytes.
def _read_idx(path: Path) -> np.ndarray:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error}); get it from {MNIST_HOME}") from None
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= axes <= 4 or len(content) < 4 + 4 * axes:
        raise ValueError(
            f"{path} is no idx file of bytes (expected to begin with 00 00 08); get it from {MNIST_HOME}"
        )
    shape = struct.unpack_from(f">{axes}I", content, 4)
    expected = 4 + 4 * axes + math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"{path} has {len(content)} bytes (expected {expected}); get it from {MNIST_HOME}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
