"""ONNX: the weights of a model, as arrays that `load_state_dict` takes."""

import numpy as np

from ..extras import optional

__all__ = ["weights"]


def weights(model) -> dict[str, np.ndarray]:
    """The initialisers of an ONNX model by name.

    model: a path, or an onnx.ModelProto. PyTorch's exporter keeps the names of a state_dict, so that
    `net.load_state_dict(weights(path), strict=False)` fills the layers of the same names; weights that were exported
    transposed or folded into others keep the shape and name that the file has. Raises ImportError without onnx.

    >>> import onnx
    >>> array = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "0.weight")
    >>> graph = onnx.helper.make_graph([], "net", [], [], [array])
    >>> weights(onnx.helper.make_model(graph))["0.weight"].shape
    (2, 3)
    """
    onnx = optional("onnx", "onnx")
    if not isinstance(model, onnx.ModelProto):
        model = onnx.load(model)
    return {array.name: onnx.numpy_helper.to_array(array).copy() for array in model.graph.initializer}
