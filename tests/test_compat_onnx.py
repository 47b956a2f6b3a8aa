"""fastconv.compat.onnx: weights of a file into the layers of the same names."""

import numpy as np
import pytest

from fastconv import nn
from fastconv.compat.onnx import weights

onnx = pytest.importorskip("onnx")


def test_weights_of_a_file_fill_the_layers_of_the_same_names(tmp_path):
    source = nn.Sequential(nn.Conv2d(2, 3, 3, seed=0), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4, seed=1))
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in source.state_dict().items()]
    arrays.append(onnx.numpy_helper.from_array(np.int64([1, -1]), "shape"))
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "net", [], [], arrays)), tmp_path / "net.onnx")
    target = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    missing, unexpected = target.load_state_dict(weights(tmp_path / "net.onnx"), strict=False)
    assert (missing, unexpected) == ([], ["shape"])
    x = np.ones((1, 2, 4, 4), np.float32)
    np.testing.assert_array_equal(target(x).numpy(), source(x).numpy())
    loaded = weights(str(tmp_path / "net.onnx"))
    loaded["0.bias"][:] = 0
    assert loaded["0.bias"].flags.owndata


def test_missing_onnx_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "fastconv\[onnx\]"'):
        weights("net.onnx")
