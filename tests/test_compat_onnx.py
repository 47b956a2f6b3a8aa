"""fastconv.compat.onnx: weights of a file into the layers of the same names."""

import numpy as np
import pytest

from fastconv import nn
from fastconv.compat.onnx import Backend, prepare, weights

onnx = pytest.importorskip("onnx")

from onnx_models import compare, draw, model  # noqa: E402


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


def test_results_without_axes_are_arrays():
    x = np.zeros((), np.float32)
    (result,) = prepare(model([("Exp", ["x"], {}), ("Neg", ["n0"], {})], {"x": x})).run(x)
    assert type(result) is np.ndarray
    assert result == -1


def test_a_run_holds_no_array_longer_than_it_is_read():
    import tracemalloc

    x = np.zeros((1, 1, 512, 512), np.float32)
    ready = prepare(model([("Exp" if i % 2 else "Neg", [f"n{i - 1}" if i else "x"], {}) for i in range(20)], {"x": x}))
    tracemalloc.start()
    ready.run(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert x.nbytes < peak < 4 * x.nbytes


def test_graphs_inside_an_operator_read_what_lies_outside():
    from onnx import TensorProto, helper

    def branch(kind):
        end = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(kind, ["n0", "shift"], ["r"])], kind, [], [end])

    inputs = {"x": draw(2, 3), "c": np.array(True)}
    nodes = [("Relu", ["x"], {}), ("If", ["c"], {"then_branch": branch("Add"), "else_branch": branch("Sub")})]
    made = model(nodes, inputs, shift=draw(3))
    made.graph.input[1].type.tensor_type.elem_type = TensorProto.BOOL
    assert prepare(made).elsewhere == {"If"}
    for inputs["c"] in (np.array(True), np.array(False)):
        compare(made, inputs)


def test_a_network_with_shapes_computed_in_the_graph():
    inputs = {"x": draw(3, 2, 8, 8)}
    ints = {"zero": [0], "one": [1], "last": [-1], "steps": [-1], "far": [-99], "edges": [0, 0, 1, 1, 0, 0, 0, 2]}
    arrays = {name: np.int64(value) for name, value in ints.items()}
    floats = {"w": draw(4, 2, 3, 3), "s": draw(4), "t": draw(4), "m": draw(4), "v": np.abs(draw(4)) + 1}
    dense = {"d": draw(10, 4 * 9 * 10 // 2), "c": draw(10), "low": np.float32(-1), "high": np.float32(1)}
    nodes = [
        ("Conv", ["x", "w"], {"pads": [1, 1, 1, 1]}),
        ("BatchNormalization", ["n0", "s", "t", "m", "v"], {}),
        ("Clip", ["n1", "low", "high"], {}),
        ("Pad", ["n2", "edges"], {}),  # (3, 4, 9, 11)
        ("Slice", ["n3", "last", "far", "last", "steps"], {}),
        ("Slice", ["n4", "one", "eleven", "last"], {}),  # (3, 4, 9, 10)
        ("Shape", ["n5"], {}),
        ("Gather", ["n6", "zero"], {}),
        ("Concat", ["n7", "last"], {"axis": 0}),
        ("Reshape", ["n5", "n8"], {}),
        ("Slice", ["n9", "zero", "half", "one"], {}),
        ("Gemm", ["n10", "d", "c"], {"transB": 1, "alpha": 0.5}),
        ("Unsqueeze", ["n11", "one"], {}),
        ("Squeeze", ["n12", "one"], {}),
        ("Mul", ["n13", "n13"], {}),
        ("Sub", ["n14", "high"], {}),
        ("Cast", ["n15"], {"to": onnx.TensorProto.DOUBLE}),
        ("Cast", ["n16"], {"to": onnx.TensorProto.FLOAT}),
        ("ReduceMean", ["n17", "one"], {}),
        ("Div", ["n14", "n18"], {}),
    ]
    arrays |= {"eleven": np.int64([11]), "half": np.int64([180])} | floats | dense
    compare(model(nodes, inputs, **arrays), inputs)


def test_inputs_by_place_and_by_name():
    x, w = draw(2, 3), draw(3, 4)
    net = prepare(model([("MatMul", ["x", "w"], {})], {"x": x, "w": w}))
    assert (net.inputs, net.outputs) == (["x", "w"], ["y"])
    for inputs in ([x, w], {"w": w, "x": x}):
        np.testing.assert_allclose(net.run(inputs)[0], x @ w, rtol=1e-6)
    with pytest.raises(ValueError, match="inputs are"):
        net.run({"x": x})
    with pytest.raises(NotImplementedError, match="Nonsense"):
        prepare(model([("Nonsense", ["x"], {})], {"x": x}))
    with pytest.raises(ValueError, match="device is 'CUDA'"):
        Backend.prepare(model([("Relu", ["x"], {})], {"x": x}), "CUDA")


CONV = ("Conv", ["x", "w", "b"], {"pads": [1] * 4})
NORM = ["scale", "shift", "mean", "variance"]
# nodes, and what is left of them
FUSIONS = {
    "activation": ([CONV, ("Relu", ["n0"], {})], ["Conv"]),
    "limits": ([CONV, ("Clip", ["n0", "zero", "six"], {})], ["Conv"]),
    "other limits": ([CONV, ("Clip", ["n0", "zero", "one"], {})], ["Conv", "Clip"]),
    "other slope": ([CONV, ("LeakyRelu", ["n0"], {"alpha": 0.2})], ["Conv", "LeakyRelu"]),
    "norm": ([CONV, ("BatchNormalization", ["n0", *NORM], {}), ("Relu", ["n1"], {})], ["Conv"]),
    "norm without bias": (
        [("Conv", ["x", "w"], {"pads": [1] * 4}), ("BatchNormalization", ["n0", *NORM], {"epsilon": 0.1})],
        ["Conv"],
    ),
    "norm first": ([("BatchNormalization", ["x", *NORM], {}), ("Relu", ["n0"], {})], ["BatchNormalization"]),
    "shortcut as a sum": ([CONV, ("Sum", ["n0", "x"], {}), ("Relu", ["n1"], {})], ["Conv"]),
    "shortcut": ([CONV, ("Add", ["n0", "x"], {}), ("Relu", ["n1"], {})], ["Conv"]),
    "two convolutions": (
        [CONV, ("Relu", ["x"], {}), ("Conv", ["n1", "w"], {"pads": [1] * 4}), ("Add", ["n0", "n2"], {})],
        ["Conv", "Relu", "Conv"],
    ),
    "sums of three": ([CONV, ("Add", ["n0", "x"], {}), ("Add", ["n1", "x"], {})], ["Conv", "Add"]),
    "broadcast": ([CONV, ("Add", ["mean4", "n0"], {}), ("Tanh", ["n1"], {})], ["Conv"]),
    "twice": ([CONV, ("Add", ["n0", "n0"], {})], ["Conv", "Add"]),
    "read twice": ([CONV, ("Relu", ["n0"], {}), ("Sub", ["n0", "n1"], {})], ["Conv", "Relu", "Sub"]),
    "gate": ([CONV, ("Sigmoid", ["n0"], {}), ("Mul", ["n0", "n1"], {})], ["Conv"]),
    "gate alone": ([("Sigmoid", ["x"], {}), ("Mul", ["n0", "x"], {})], ["Silu"]),
    "gate, read twice": (
        [CONV, ("Sigmoid", ["n0"], {}), ("Mul", ["n0", "n1"], {}), ("Sub", ["n0", "n2"], {})],
        ["Conv", "Silu", "Sub"],
    ),
    "other gate": ([CONV, ("Sigmoid", ["n0"], {}), ("Mul", ["x", "n1"], {})], ["Conv", "Mul"]),
    "dense": ([("MatMul", ["x", "matrix"], {}), ("Add", ["row", "n0"], {})], ["Linear"]),
    "dense, wider sum": ([("MatMul", ["x", "matrix"], {}), ("Add", ["n0", "mean4"], {})], ["MatMul", "Add"]),
    "gelu": (
        [
            ("Div", ["x", "root"], {}),
            ("Erf", ["n0"], {}),
            ("Add", ["n1", "one"], {}),
            ("Mul", ["x", "n2"], {}),
            ("Mul", ["n3", "half"], {}),
        ],
        ["Gelu"],
    ),
    "gelu, halved first": (
        [
            CONV,
            ("Mul", ["n0", "half"], {}),
            ("Mul", ["n0", "half root"], {}),
            ("Erf", ["n2"], {}),
            ("Add", ["one", "n3"], {}),
            ("Mul", ["n4", "n1"], {}),
        ],
        ["Conv"],
    ),
    "gelu of something else": (
        [
            ("Div", ["x", "root"], {}),
            ("Erf", ["n0"], {}),
            ("Add", ["n1", "one"], {}),
            ("Mul", ["n0", "n2"], {}),
            ("Mul", ["n3", "half"], {}),
        ],
        ["Div", "Erf", "Add", "Mul", "Mul"],
    ),
    "constants": ([("Add", ["mean", "shift"], {}), ("Mul", ["n0", "mean"], {}), ("Add", ["n1", "matrix"], {})], []),
}


@pytest.mark.parametrize("name", FUSIONS)
def test_fewer_nodes_give_the_same_results(name):
    from onnx.reference import ReferenceEvaluator

    nodes, left = FUSIONS[name]
    x = draw(2, 6, 9, 6)
    constants = {
        "w": draw(6, 6, 3, 3) / 8,
        "b": draw(6),
        **dict(zip(NORM, (draw(6), draw(6) + 1, draw(6), np.abs(draw(6)) + np.float32(0.3)))),
        "mean4": draw(1, 6, 1, 1),
        "matrix": draw(6, 6),
        "row": draw(6),
        "zero": np.float32(0),
        "one": np.float32(1),
        "six": np.float32(6),
        "half": np.float32(0.5),
        "root": np.float32(2**0.5),
        "half root": np.float32(0.5**0.5),
    }
    net = model(nodes, {"x": x}, **constants)
    ready = prepare(net)
    assert [node.kind for node in ready.nodes] == left
    (wanted,) = ReferenceEvaluator(net).run(None, {"x": x})
    np.testing.assert_allclose(ready.run({"x": x})[0], wanted, rtol=2e-5, atol=2e-5)


def test_weights_of_transposed_convolutions_are_turned_once():
    x, w = draw(1, 8, 6, 6), draw(8, 4, 4, 4)
    node = ("ConvTranspose", ["x", "w"], {"strides": [2, 2], "pads": [1] * 4, "group": 2})
    ready = prepare(model([node], {"x": x}, w=w))
    first = ready.run(x)[0]
    assert ready.constants["w"].nbytes > w.nbytes
    np.testing.assert_array_equal(ready.run(x)[0], first)
    both = prepare(model([node, ("ReduceSum", ["w"], {"keepdims": 0}), ("Add", ["n0", "n1"], {})], {"x": x}, w=w))
    np.testing.assert_allclose(both.run(x)[0], first + w.sum(), rtol=1e-4, atol=1e-4)


def test_a_result_that_is_asked_for_stays_as_it_is():
    x = draw(1, 2, 5, 5)
    net = model([("Conv", ["x", "w"], {}), ("Relu", ["n0"], {})], {"x": x}, w=draw(3, 2, 3, 3))
    net.graph.output.append(onnx.helper.make_tensor_value_info("n0", onnx.TensorProto.FLOAT, None))
    relu, conv = prepare(net).run(x)
    assert (conv < 0).any()
    np.testing.assert_array_equal(relu, np.maximum(conv, 0))
