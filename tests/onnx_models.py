"""Models of ONNX made of a few nodes, and what ONNX Runtime computes with them."""

import numpy as np
import pytest

from fastconv.compat.onnx import prepare

onnx = pytest.importorskip("onnx")


def model(nodes, inputs, opset=18, **initialisers):
    """A model of nodes (operator, input names, attributes); each output is named by its place, the last is 'y'."""
    from onnx import helper

    made = []
    for place, (kind, names, attributes) in enumerate(nodes):
        output = "y" if place == len(nodes) - 1 else f"n{place}"
        made.append(helper.make_node(kind, names, [output], **attributes))
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape) for name, array in inputs.items()]
    arrays = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in initialisers.items()]
    end = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(made, "net", infos, [end], arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def compare(made, inputs):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, inputs)
    for result, other in zip(prepare(made).run(inputs), expected, strict=True):
        assert result.dtype == other.dtype
        np.testing.assert_allclose(result, other, rtol=1e-4, atol=1e-5)
