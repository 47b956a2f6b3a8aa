"""What counts as an array: whatever NumPy can read, as it stands; never what only looks like one."""

import array

import numpy as np
import pytest

import fastconv as fc
import harness
from fastconv import OPS
from samples import SAMPLES

X = np.arange(8.0).reshape(1, 2, 4)
W = np.array([[[1.0, -1.0], [0.5, 2.0]]])
WANT = fc.conv1d(X, W)


class OnlyArray:
    def __init__(self, value):
        self.value = value

    def __array__(self, dtype=None, copy=None):
        return self.value if dtype is None else self.value.astype(dtype)


class OnlyDlpack:
    def __init__(self, value):
        self.value = value

    def __dlpack__(self, **keywords):
        return self.value.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.value.__dlpack_device__()


class Elsewhere(OnlyDlpack):
    """An array on another device."""

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **keywords):
        raise BufferError("not on this device")


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize(
    "wrap",
    [OnlyArray, OnlyDlpack, memoryview, np.ndarray.tolist, lambda a: a.view(Subclass), lambda a: a.astype(">f8"),
     np.asfortranarray, lambda a: np.flip(np.flip(a).copy()), lambda a: np.repeat(a, 2, -1)[..., ::2]],
    ids=["__array__", "__dlpack__", "buffer", "list", "subclass", "byte-swapped", "Fortran", "negative", "strided"],
)  # fmt: skip
def test_reads_what_numpy_reads_and_returns_a_plain_array(wrap):
    got = fc.conv1d(wrap(X), wrap(W))
    assert type(got) is np.ndarray
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, WANT)


def test_reads_a_buffer_of_the_standard_library():
    got = fc.relu(array.array("f", [-1.0, 2.0]))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [0.0, 2.0])


def test_a_number_is_an_array_without_axes():
    assert fc.relu(np.float32(-2.0)).shape == ()
    assert fc.relu(np.float32(-2.0)).dtype == np.float32
    assert float(fc.exp(0.0)) == 1.0


def test_memory_mapped_arrays_are_read_in_place(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(fc.conv1d(mapped, W), WANT)


def test_an_array_on_another_device_is_refused():
    with pytest.raises(TypeError, match="^conv1d: input is a Elsewhere that gives no array"):
        fc.conv1d(Elsewhere(X), W)


def refused(name, convert):
    arguments = harness.copied(SAMPLES[name][0].make("float32"))
    first = OPS[name].inputs[0]
    value = arguments[first]
    arguments[first] = [convert(v) for v in value] if isinstance(value, list) else convert(value)
    with pytest.raises(TypeError, match=f"^{name}: {first}"):
        harness.call(name, arguments)


@pytest.mark.parametrize("name", sorted(name for name in SAMPLES if OPS[name].inputs))
def test_every_operation_refuses_masked_arrays_objects_dates_and_text(name):
    refused(name, lambda v: np.ma.masked_array(v, False))
    refused(name, lambda v: v.astype(object))
    refused(name, lambda v: v.astype("datetime64[s]"))
    refused(name, lambda v: np.full(v.shape, "1.0"))
    refused(name, lambda v: v.astype(np.longdouble))
    refused(name, lambda v: np.zeros(v.shape, [("a", np.float32)]))


@pytest.mark.parametrize("index", [np.nan, 0.0, "0", None, True])
def test_positions_that_are_no_integers_are_refused(index):
    indices = np.full((1, 2, 2), index)
    for call in (
        lambda: fc.max_pool1d_backward(np.ones((1, 2, 2)), indices, (1, 2, 4)),
        lambda: fc.adaptive_max_pool1d_backward(np.ones((1, 2, 2)), indices, (1, 2, 4)),
        lambda: fc.max_unpool1d(np.ones((1, 2, 2)), indices, 2),
    ):
        with pytest.raises(TypeError, match="indices is an array of"):
            call()


def test_unsigned_and_small_integers_are_positions():
    for dtype in (np.uint8, np.int16, np.uint64, ">i4"):
        grad = fc.max_pool1d_backward(np.ones((1, 1, 2)), np.array([[[1, 3]]], dtype), (1, 1, 4))
        np.testing.assert_array_equal(grad.ravel(), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="indices holds 18446744073709551615"):
        fc.max_pool1d_backward(np.ones((1, 1, 1)), np.array([[[2**64 - 1]]], np.uint64), (1, 1, 4))


@pytest.mark.parametrize("backward", [fc.concat_backward, fc.stack_backward])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_of_sequences_take_half_precision_and_tensors(backward, dtype):
    dtype = np.dtype(pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else dtype)
    shape = (4,) if backward is fc.concat_backward else (2, 2)
    grad_output = np.arange(4, dtype=dtype).reshape(shape)
    for wrap in (np.asarray, fc.Tensor):
        grads = backward(wrap(grad_output), [wrap(np.zeros(2, dtype)), wrap(np.zeros(2, dtype))])
        assert [grad.dtype for grad in grads] == [dtype, dtype]
        np.testing.assert_array_equal(np.concatenate(grads).astype(float), [0, 1, 2, 3])
    with pytest.raises(TypeError, match="one dtype"):
        backward(grad_output, [np.zeros(2, dtype), np.zeros(2, np.float32)])


def test_half_precision_takes_out_as_other_types_do():
    x = np.arange(48, dtype=np.float16).reshape(2, 3, 8)
    out = np.empty((2, 3, 4), np.float16)
    values, indices = fc.max_pool1d(x, 2, return_indices=True, out=out)
    assert values is out
    np.testing.assert_array_equal(out, x[..., 1::2])
    np.testing.assert_array_equal(indices, np.broadcast_to([1, 3, 5, 7], out.shape))
    with pytest.raises(ValueError, match="^relu: out shares memory"):
        fc.relu(x, out=x)
    with pytest.raises(ValueError, match="^relu: out is given while a gradient is recorded"):
        fc.relu(fc.Tensor(x, requires_grad=True), out=np.empty_like(x))
