"""Files of named arrays: whole or a clear error, never unpickled, PyTorch's through safetensors."""

import json
import sys

import numpy as np
import pytest

from fastconv import nn
from nets import draw, small_model


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_saved_state_loads_and_a_damaged_file_is_a_clear_error(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    model, other = small_model(), small_model(7)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    other.load(path)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[key], value)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"nonsense" * 10):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a whole"):
            nn.load(path)
    with pytest.raises(ValueError, match="file name ends in"):
        model.save(tmp_path / "model.pt")


def test_pickles_in_npz_files_are_never_opened(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, weight=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="is not a whole"):
        nn.load(path)
    with pytest.raises(TypeError, match="Python objects"):
        nn.save({"weight": np.array([object()])}, path)


def test_a_safetensors_file_from_torch_gives_torchs_outputs(tmp_path):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 3),
    )
    theirs(torch.tensor(draw((4, 1, 8, 8))))  # moves the running statistics
    safetensors.save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    ours = small_model().load(tmp_path / "model.safetensors").eval()
    x = draw((4, 1, 8, 8), 3)
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(x).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_npz_refuses_what_it_cannot_give_back(tmp_path):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    with pytest.raises(TypeError, match="save: weight is bfloat16"):
        nn.Linear(2, 2).to(bfloat16).save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def write_safetensors(path, **entries):
    """A file of (type, shape, bytes), written by hand."""
    header, content = {}, b""
    for name, (kind, shape, data) in entries.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(content), len(content) + len(data)]}
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.mark.parametrize("installed", [True, False])
def test_half_precision_loads_from_safetensors_files(tmp_path, monkeypatch, installed):
    pytest.importorskip("safetensors")
    path, values = tmp_path / "half.safetensors", np.float32([1, -2.5, np.inf, 2.0**-130]).reshape(2, 2)
    upper = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    write_safetensors(path, b=("BF16", [2, 2], upper), h=("F16", [2], np.array([0.5, 3], "<f2").tobytes()))
    if installed:
        expected = pytest.importorskip("ml_dtypes").bfloat16
    else:
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
        expected = np.float32
    state = nn.load(path)
    assert state["b"].dtype == expected
    np.testing.assert_array_equal(state["b"].astype(np.float32), values)
    assert state["h"].dtype == np.float16
    np.testing.assert_array_equal(state["h"], [0.5, 3])
    layer = nn.Linear(2, 2)
    layer.load_state_dict({"weight": state["b"], "bias": state["h"]})
    np.testing.assert_array_equal(layer.weight.data, values)


def test_every_type_of_numpy_survives_a_safetensors_file(tmp_path):
    pytest.importorskip("safetensors")
    given = {kind: np.ones((2, 1), kind) for kind in "?bBhHiIqQefdF"}
    nn.save(given, tmp_path / "all.safetensors")
    for name, array in nn.load(tmp_path / "all.safetensors").items():
        assert array.dtype == given[name].dtype
        np.testing.assert_array_equal(array, given[name])
    write_safetensors(tmp_path / "eight.safetensors", w=("F8_E4M3", [2], b"88"))
    with pytest.raises(TypeError, match="^load: w is F8_E4M3"):
        nn.load(tmp_path / "eight.safetensors")


def test_a_module_is_saved_by_its_state(tmp_path):
    model = small_model()
    nn.save(model, tmp_path / "model.npz")
    assert list(nn.load(tmp_path / "model.npz")) == list(model.state_dict())
