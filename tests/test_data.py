"""Loaders read the real formats, made small; transforms are seeded, whole-batch and right."""

import gzip
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from fastconv.train import data, transforms
from fastconv.train.cifar_pickle import read_batch

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def cifar_batches(count=4):
    rng = np.random.default_rng(0)
    return {
        name: (rng.integers(0, 256, (count, 3072)).astype(np.uint8), rng.integers(0, 10, count))
        for name in NAMES
    }


def cifar_folder(folder, version, batches):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (images, labels) in batches.items():
        if version == "binary":
            (folder / f"{name}.bin").write_bytes(np.c_[labels.astype(np.uint8), images].tobytes())
        else:
            content = {
                b"batch_label": b"part",
                b"labels": labels.tolist(),
                b"data": images,
                b"filenames": [b"x.png"],
            }
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return folder


def archive_of(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname="cifar-10-batches")
    return path


@pytest.mark.parametrize("version", ["python", "binary"])
@pytest.mark.parametrize("where", ["folder", "parent", "archive", "folder of the archive"])
def test_cifar10_reads_both_versions_from_wherever_they_are(tmp_path, version, where):
    batches = cifar_batches()
    folder = cifar_folder(tmp_path / "a" / "cifar-10-batches", version, batches)
    path = {"folder": folder, "parent": folder.parent}.get(where)
    if path is None:
        (tmp_path / "b").mkdir()
        path = archive_of(folder, tmp_path / "b" / f"cifar-10-{version}.tar.gz")
        path = path if where == "archive" else path.parent
    images = data.load_cifar10(path)
    assert images.x_train.shape == (20, 3, 32, 32)
    assert images.x_test.shape == (4, 3, 32, 32)
    for number, name in enumerate(NAMES[:5]):
        rows = slice(4 * number, 4 * number + 4)
        np.testing.assert_array_equal(images.x_train[rows].reshape(4, -1), batches[name][0])
        np.testing.assert_array_equal(images.y_train[rows], batches[name][1])
    np.testing.assert_array_equal(images.y_test, batches["test_batch"][1])
    assert images.x_train.dtype == np.uint8
    assert images.y_train.dtype == np.int64
    assert len(images.classes) == 10


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_cifar10_reads_pickles_of_every_protocol(protocol):
    images, labels = cifar_batches()["test_batch"]
    content = pickle.dumps({"data": images, "labels": labels.tolist()}, protocol=protocol)
    got, numbers = read_batch("test_batch", content)
    np.testing.assert_array_equal(got.reshape(4, -1), images)
    np.testing.assert_array_equal(numbers, labels)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /nonexistent/owned",)


def test_a_pickle_that_names_anything_else_is_refused(tmp_path):
    folder = cifar_folder(tmp_path / "c", "python", cifar_batches())
    for content in (
        Evil(),
        {b"data": Evil(), b"labels": []},
        {"data": np.array([Evil()], object), "labels": [1]},
    ):
        (folder / "data_batch_3").write_bytes(pickle.dumps(content, protocol=2))
        with pytest.raises(ValueError, match=r"data_batch_3 is no batch.*names (posix|nt)\.system"):
            data.load_cifar10(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        pickle.dumps([1, 2], 2),
        pickle.dumps({"labels": [1]}, 2),
        pickle.dumps({"data": np.zeros((1, 3), np.uint8), "labels": [1]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [1, 2]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [11]}, 2),
    ],
)
def test_damaged_python_batches_are_a_clear_error(tmp_path, content):
    folder = cifar_folder(tmp_path / "c", "python", cifar_batches())
    (folder / "data_batch_2").write_bytes(content)
    with pytest.raises(ValueError, match="data_batch_2"):
        data.load_cifar10(folder)


def test_missing_or_damaged_cifar10_says_what_was_expected_and_where_to_get_it(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"cifar-10-python\.tar\.gz.*cs\.toronto\.edu"):
            data.load_cifar10(path)
    folder = cifar_folder(tmp_path / "c", "binary", cifar_batches())
    (folder / "data_batch_4.bin").write_bytes(b"123")
    with pytest.raises(ValueError, match=r"3 bytes \(expected records of 3073\).*cs\.toronto\.edu"):
        data.load_cifar10(folder)
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"missing in .*: data_batch_4\.bin"):
        data.load_cifar10(folder)
    whole = archive_of(cifar_folder(tmp_path / "d", "python", cifar_batches()), tmp_path / "d.tar.gz")
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="not a whole"):
        data.load_cifar10(broken)
    empty = tmp_path / "empty.tar.gz"
    tarfile.open(empty, "w:gz").close()
    with pytest.raises(ValueError, match="none of these"):
        data.load_cifar10(empty)


def idx(array):
    return (
        struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


def mnist_parts(train=5, test=3):
    rng = np.random.default_rng(0)
    draw = lambda *shape, high=256: rng.integers(0, high, shape).astype(np.uint8)  # noqa: E731
    return {
        "train-images-idx3-ubyte": draw(train, 28, 28),
        "train-labels-idx1-ubyte": draw(train, high=10),
        "t10k-images-idx3-ubyte": draw(test, 28, 28),
        "t10k-labels-idx1-ubyte": draw(test, high=10),
    }


@pytest.mark.parametrize("form", ["plain", "gzip", "dotted", "npz"])
def test_mnist_reads_idx_files_plain_or_compressed_and_npz(tmp_path, form):
    parts = mnist_parts()
    path = tmp_path
    if form == "npz":
        path = tmp_path / "mnist.npz"
        np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), parts.values(), strict=True)))
    else:
        for name, array in parts.items():
            name = name.replace("-idx", ".idx") if form == "dotted" else name
            content = gzip.compress(idx(array)) if form == "gzip" else idx(array)
            (tmp_path / (f"{name}.gz" if form == "gzip" else name)).write_bytes(content)
    images = data.load_mnist(path)
    np.testing.assert_array_equal(images.x_train[:, 0], parts["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(images.y_test, parts["t10k-labels-idx1-ubyte"])
    assert images.x_test.shape == (3, 1, 28, 28)


def test_missing_or_damaged_mnist_says_what_was_expected_and_where_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.*yann\.lecun\.com"):
        data.load_mnist(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.*\.gz.*yann\.lecun\.com"):
        data.load_mnist(tmp_path)
    with pytest.raises(FileNotFoundError, match="x_train"):
        data.load_mnist(tmp_path / "none.npz")
    for name, array in mnist_parts().items():
        (tmp_path / name).write_bytes(idx(array))
    target = tmp_path / "t10k-labels-idx1-ubyte"
    whole = target.read_bytes()
    for damaged in (whole[:-1], b"", b"\0\0\x0d\1" + whole[4:], whole + b"x"):
        target.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"t10k-labels.*yann\.lecun\.com"):
            data.load_mnist(tmp_path)
    target.unlink()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(whole)[:-9])
    with pytest.raises(ValueError, match="not a whole gzip"):
        data.load_mnist(tmp_path)
    (tmp_path / "m.npz").write_bytes(b"PK nonsense")
    with pytest.raises(ValueError, match=r"whole \.npz"):
        data.load_mnist(tmp_path / "m.npz")
    buffer = io.BytesIO()
    np.savez(buffer, x_train=np.array([{}], object))
    (tmp_path / "m.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"whole \.npz"):
        data.load_mnist(tmp_path / "m.npz")


def test_digits_are_real_split_by_class_and_repeatable():
    pytest.importorskip("sklearn")
    images = data.load_digits()
    assert len(images.x_train) + len(images.x_test) == 1797
    assert images.x_train.shape[1:] == (1, 8, 8)
    assert len(images.x_test) == pytest.approx(0.2 * 1797, abs=5)
    assert np.bincount(images.y_test).min() >= 34
    assert images.x_train.max() == 255
    again = data.load_digits()
    np.testing.assert_array_equal(images.x_train, again.x_train)
    train = {image.tobytes() for image in images.x_train}
    assert sum(image.tobytes() in train for image in images.x_test) == 0


# ---- transforms

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 12, 10)).astype(np.uint8)
ALL = [
    lambda seed: transforms.RandomRotation(10, seed=seed),
    lambda seed: transforms.RandomAffine(10, (0.1, 0.1), (0.8, 1.2), 10, seed=seed),
    lambda seed: transforms.RandomResizedCrop(8, seed=seed),
    lambda seed: transforms.ColorJitter(0.2, 0.2, 0.2, 0.1, seed=seed),
    lambda seed: transforms.RandomHorizontalFlip(seed=seed),
    lambda seed: transforms.RandomCrop(8, padding=2, seed=seed),
    lambda seed: transforms.Cutout(4, seed=seed),
    lambda seed: transforms.Compose(
        [transforms.RandomRotation(10), transforms.RandomHorizontalFlip()], seed=seed
    ),
]


@pytest.mark.parametrize("make", ALL)
def test_transforms_repeat_by_seed_keep_dtype_and_leave_their_input(make):
    before = IMAGES.copy()
    first, second = make(1)(IMAGES), make(1)(IMAGES)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, make(2)(IMAGES))
    np.testing.assert_array_equal(IMAGES, before)
    assert first.dtype == np.uint8
    for dtype in (np.float32, np.float64):
        floats = make(1)((IMAGES / 255).astype(dtype))
        assert floats.dtype == dtype
        assert np.abs(floats * 255 - first).max() <= 0.51
    given = make(5)(IMAGES, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(given, first)


def test_rotation_by_right_angles_is_exact():
    square = IMAGES[..., :10, :]
    np.testing.assert_array_equal(transforms.RandomRotation((90, 90))(square), np.rot90(square, 1, (2, 3)))
    np.testing.assert_array_equal(transforms.RandomRotation((180, 180))(IMAGES), IMAGES[..., ::-1, ::-1])
    np.testing.assert_array_equal(transforms.RandomRotation(0)(IMAGES), IMAGES)


def test_rotation_agrees_with_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(0).random((1, 1, 21, 21))
    ours = transforms.RandomRotation((17, 17))(image)
    expected = ndimage.rotate(image[0, 0], 17, reshape=False, order=1)
    np.testing.assert_allclose(ours[0, 0, 4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-4)


def test_affine_parts_are_those_of_their_names():
    square = IMAGES[..., :10, :]
    np.testing.assert_array_equal(transforms.RandomAffine(0)(IMAGES), IMAGES)
    turned = transforms.RandomAffine((90, 90))(square)
    np.testing.assert_array_equal(turned, np.rot90(square, -1, (2, 3)))
    ramp = np.mgrid[:9, :9].astype(np.float64)[:, None]  # two images: the row, the column
    rows, columns = ramp[:, 0]
    larger = transforms.RandomAffine(0, scale=(2, 2))(ramp)[:, 0]
    np.testing.assert_allclose(larger, [(rows + 4) / 2, (columns + 4) / 2], atol=1e-6)
    slanted = transforms.RandomAffine(0, shear=(45, 45))(ramp)[:, 0]
    source = columns + rows - 4
    inside = (source >= 0) & (source <= 8)
    np.testing.assert_allclose(slanted[1][inside], source[inside], atol=1e-5)
    np.testing.assert_allclose(slanted[0][inside], rows[inside], atol=1e-5)
    shifted = transforms.RandomAffine(0, translate=(0.2, 0), seed=0)(np.tile(ramp[1:], (200, 1, 1, 1)))
    moves = shifted[:, 0, 4, 4] - 4
    assert np.abs(moves).max() <= 0.2 * 9
    assert moves.max() > 1.6
    assert moves.min() < -1.6
    with pytest.raises(ValueError, match="RandomAffine: translate"):
        transforms.RandomAffine(0, translate=(2, 0))


def test_resized_crop_of_the_whole_image_is_a_resize():
    whole = transforms.RandomResizedCrop((12, 10), scale=(1, 1), ratio=(10 / 12, 10 / 12))
    np.testing.assert_array_equal(whole(IMAGES), IMAGES)
    ramp = np.tile(np.linspace(0, 1, 16), (1, 1, 16, 1))
    half = transforms.RandomResizedCrop(8, scale=(1, 1), ratio=(1, 1))(ramp)
    np.testing.assert_allclose(half[0, 0], ramp[0, 0, ::2, :].reshape(8, 8, 2).mean(2), atol=1e-6)


def test_neighbouring_moves_are_one_resampling_with_the_same_result_as_their_product():
    images = IMAGES[..., :10, :] / 255
    joined = transforms.Compose([transforms.RandomRotation((90, 90)), transforms.RandomHorizontalFlip(1.0)])
    np.testing.assert_allclose(joined(images), np.rot90(images, 1, (2, 3))[..., ::-1], atol=1e-6)


def test_flip_crop_and_cutout_do_what_they_say():
    np.testing.assert_array_equal(transforms.RandomHorizontalFlip(1.0)(IMAGES), IMAGES[..., ::-1])
    np.testing.assert_array_equal(transforms.RandomHorizontalFlip(0.0)(IMAGES), IMAGES)
    crop = transforms.RandomCrop((5, 4), seed=0)(IMAGES)
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES[0], (5, 4), (1, 2))
    assert any(np.array_equal(crop[0], windows[:, i, j]) for i in range(8) for j in range(7))
    hidden = transforms.Cutout(4, seed=0)(np.ones((50, 1, 12, 12)))
    assert set((hidden == 0).sum((1, 2, 3))) <= {a * b for a in (2, 3, 4) for b in (2, 3, 4)}
    with pytest.raises(ValueError, match="RandomCrop"):
        transforms.RandomCrop(20)(IMAGES)


def test_colour_jitter_follows_its_formulas():
    colorsys = pytest.importorskip("colorsys")
    images = IMAGES / 255
    turned = transforms.ColorJitter(hue=(0.1, 0.1))(images)
    for pixel, result in zip(images[0].reshape(3, -1).T, turned[0].reshape(3, -1).T, strict=True):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        np.testing.assert_allclose(result, colorsys.hsv_to_rgb((h + 0.1) % 1, s, v), atol=1e-6)
    bright = transforms.ColorJitter(brightness=(0.5, 0.5))(images)
    np.testing.assert_allclose(bright, images / 2)
    grey = transforms.ColorJitter(saturation=(0, 0))(images)
    np.testing.assert_allclose(grey[:, 0], np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], images), atol=1e-7)
    flat = transforms.ColorJitter(contrast=(0, 0))(images)
    assert np.ptp(flat[0]) < 1e-7
    assert transforms.ColorJitter(0.5)(images[:, :1]).shape == (6, 1, 12, 10)


def test_normalize_gives_floats_by_channel():
    out = transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.2, 0.1])(IMAGES)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out[:, 2], (IMAGES[:, 2] / 255 - 0.3) / 0.1, rtol=1e-4, atol=1e-5)
    both = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.Normalize(0.5, 0.5)])(IMAGES)
    assert both.dtype == np.float32
    assert -1 <= both.min() < both.max() <= 1


def test_wrong_images_are_refused():
    with pytest.raises(ValueError, match=r"RandomCrop: images have shape \(3, 4\)"):
        transforms.RandomCrop(2)(np.zeros((3, 4)))
    with pytest.raises(TypeError, match="int64"):
        transforms.Cutout(2)(np.zeros((1, 1, 4, 4), np.int64))
    for make in (
        lambda: transforms.ColorJitter(hue=0.7),
        lambda: transforms.RandomResizedCrop(8, scale=(0, 1)),
    ):
        with pytest.raises(ValueError, match="expected"):
            make()
