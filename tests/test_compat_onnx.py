"""fastconv.compat.onnx: weights of a file into the layers of the same names."""

import numpy as np
import pytest

from fastconv import nn
from fastconv.compat.onnx import Backend, prepare, weights

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


WINDOWS = {
    "Conv": {"strides": [2, 1], "dilations": [1, 2], "group": 2, "pads": [1, 0, 2, 1]},
    "Conv same upper": {"strides": [2, 2], "auto_pad": "SAME_UPPER", "group": 2},
    "Conv same lower": {"auto_pad": "SAME_LOWER", "group": 2},
    "Conv valid": {"auto_pad": "VALID", "group": 2},
    "MaxPool": {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]},
    "MaxPool ceil": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    "MaxPool same": {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"},
    "MaxPool dilated": {"kernel_shape": [2, 2], "dilations": [2, 2]},
    "AveragePool": {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]},
    "AveragePool counting": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    "AveragePool uneven": {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "count_include_pad": 1},
    "AveragePool same": {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "GlobalAveragePool": {},
    "GlobalMaxPool": {},
    "ConvTranspose": {"auto_pad": "NOTSET", "strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 0], "group": 2},
    "ConvTranspose uneven": {"strides": [2, 1], "pads": [1, 0, 0, 1]},
    "ConvTranspose same upper": {"strides": [2, 2], "auto_pad": "SAME_UPPER", "group": 2},
    "ConvTranspose same lower": {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    "ConvTranspose valid": {"strides": [1, 2], "auto_pad": "VALID"},
    "ConvTranspose of a shape": {"strides": [2, 2], "output_shape": [18, 15]},
    "ConvTranspose of a larger shape": {"strides": [3, 2], "output_shape": [28, 16], "auto_pad": "SAME_UPPER"},
    "Pad cutting": {"pads": [0, 0, -1, 1, 0, 0, 1, -2]},
    "Pad reflecting what is cut": {"pads": [0, 0, -1, 1, 0, 0, 1, -2], "mode": "reflect"},
}


def compare(made, inputs):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, inputs)
    for result, other in zip(prepare(made).run(inputs), expected, strict=True):
        assert result.dtype == other.dtype
        np.testing.assert_allclose(result, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_are_those_of_onnx_runtime(name):
    kind, attributes = name.split()[0], WINDOWS[name]
    inputs, arrays = {"x": draw(2, 4, 9, 8)}, {}
    if kind == "Conv":
        arrays = {"w": draw(6, 2, 3, 2), "b": draw(6)}
    elif kind == "ConvTranspose":
        arrays = {"w": draw(4, 3, 3, 2), "b": draw(3 * attributes.get("group", 1))}
    compare(model([(kind, ["x", *arrays], attributes)], inputs, 8 if kind == "Pad" else 18, **arrays), inputs)


SINGLE = {
    "Relu": {}, "Sigmoid": {}, "Tanh": {}, "Softplus": {}, "HardSwish": {}, "HardSigmoid": {"alpha": 0.3},
    "Elu": {"alpha": 0.5}, "LeakyRelu": {"alpha": 0.2}, "Softmax": {"axis": 1}, "LogSoftmax": {}, "Identity": {},
    "Flatten": {"axis": 2}, "Gelu": {}, "Mish": {}, "Sqrt": {}, "Erf": {},
    "Transpose": {"perm": [0, 2, 3, 1]}, "Dropout": {}, "ReduceMean": {"keepdims": 0},
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_operators_of_one_input_are_those_of_onnx_runtime(name):
    inputs = {"x": draw(2, 3, 4, 5)}
    compare(model([(name, ["x"], SINGLE[name])], inputs, opset=20), inputs)


OLDER = [
    ("Softmax", ["x"], {}),
    ("LogSoftmax", ["x"], {"axis": 2}),
    ("BatchNormalization", ["x", "s", "t", "m", "v"], {"spatial": 1}),
]


@pytest.mark.parametrize("node", OLDER, ids=lambda node: node[0])
def test_older_versions_of_operators_keep_their_meaning(node):
    arrays = {"s": draw(3), "t": draw(3), "m": draw(3), "v": np.abs(draw(3)) + 1}
    arrays = {name: array for name, array in arrays.items() if name in node[1]}
    inputs = {"x": draw(2, 3, 4, 5)}
    compare(model([node], inputs, opset=8, **arrays), inputs)
    if node[0] == "BatchNormalization":
        with pytest.raises(ValueError, match="spatial"):
            prepare(model([(*node[:2], {"spatial": 0})], inputs, opset=8, **arrays)).run(inputs)


@pytest.mark.parametrize("noop", [0, 1])
def test_means_over_no_axes_are_over_all_unless_they_are_none(noop):
    inputs, axes = {"x": draw(2, 3, 4)}, np.zeros(0, np.int64)
    compare(model([("ReduceMean", ["x", "a"], {"noop_with_empty_axes": noop})], inputs, a=axes), inputs)


def test_integers_are_divided_exactly():
    made = model([("Div", ["a", "b"], {})], {}, a=np.int64([2**60 + 1, -7, 7]), b=np.int64([1, 2, -2]))
    assert prepare(made).run({})[0].tolist() == [2**60 + 1, -3, -3]


MAX = ("MaxPool", ["x"], {"kernel_shape": [2, 2]})


def test_places_of_maxima_are_those_of_onnx_runtime():
    inputs = {"x": draw(2, 3, 7, 8)}
    for options in ({}, {"pads": [1, 0, 0, 1]}, {"pads": [1, 1, 0, 0], "strides": [2, 2]}, {"storage_order": 1}):
        made = model([(*MAX[:2], MAX[2] | options), ("Identity", ["places"], {})], inputs)
        made.graph.node[0].output.append("places")
        made.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
        compare(made, inputs)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16"])
def test_short_types_are_computed_in_float32(dtype):
    x = (draw(1, 2, 5, 6) * 50).astype(np.float32).astype(dtype)
    result = prepare(model([MAX], {"x": x})).run(x)[0]
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, prepare(model([MAX], {"x": x})).run(x.astype(np.float32))[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_keeps_its_digits(dtype):
    import math

    x = np.concatenate([np.logspace(-40, 1.5, 300), [0.0, np.inf]]).astype(dtype)
    x = np.concatenate([x, -x, [np.nan]]).astype(dtype)
    result = prepare(model([("Erf", ["x"], {})], {"x": x})).run(x)[0]
    assert result.dtype == dtype
    expected = [math.erf(value) for value in x]
    np.testing.assert_allclose(result, expected, rtol=2 * np.finfo(dtype).eps, atol=1e-45)


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


# Layers of torch that pad come from its exporter with widths that are computed in the graph.
@pytest.mark.parametrize("options", [{}, {"value": onnx.helper.make_tensor("", onnx.TensorProto.INT64, [1], [2])}])
def test_constants_of_a_shape(options):
    inputs = {"x": draw(2, 3)}
    nodes = [("Shape", ["x"], {}), ("ConstantOfShape", ["n0"], options), ("Cast", ["n1"], {"to": 1})]
    compare(model([*nodes, ("Add", ["n2", "x"], {})], inputs), inputs)


@pytest.mark.parametrize("slope", [draw(3, 1, 1), draw(1)])
def test_slopes_of_prelu_are_broadcast(slope):
    inputs = {"x": draw(2, 3, 4, 5)}
    compare(model([("PRelu", ["x", "s"], {})], inputs, s=slope), inputs)


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5)])
def test_instance_normalisation(shape):
    inputs = {"x": draw(*shape)}
    made = model([("InstanceNormalization", ["x", "s", "t"], {"epsilon": 0.1})], inputs, s=draw(3), t=draw(3))
    compare(made, inputs)


@pytest.mark.parametrize("target", [{"s": np.float32([1, 1, 2, 0.6])}, {"n": np.int64([2, 3, 7, 1])}], ids=["s", "n"])
@pytest.mark.parametrize("place", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_resized_images_are_those_of_onnx_runtime(mode, place, target):
    inputs = {"x": draw(2, 3, 5, 8)}
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil") if mode == "nearest" else (None,):
        options = {"mode": mode, "coordinate_transformation_mode": place}
        options |= {"nearest_mode": nearest} if nearest else {}
        names = ["x", "", "s"] if "s" in target else ["x", "", "", "n"]
        compare(model([("Resize", names, options)], inputs, **target), inputs)


def test_rare_attributes_are_left_to_the_reference():
    inputs = {"x": draw(1, 2, 6, 5)}
    dilated = {"kernel_shape": [2, 2], "dilations": [1, 2]}
    assert not prepare(model([("AveragePool", ["x"], dilated | {"dilations": [1, 1]})], inputs, opset=19)).elsewhere
    made = model([("AveragePool", ["x"], dilated)], inputs, opset=19)
    assert prepare(made).elsewhere == {"AveragePool"}
    compare(made, inputs)
    options = {"mode": "linear", "antialias": 1}
    compare(model([("Resize", ["x", "", "s"], options)], inputs, s=np.float32([1, 1, 0.5, 0.6])), inputs)
    both = {"s": np.float32([1, 1, 2, 2]), "n": np.int64([1, 2, 12, 10])}
    with pytest.raises(ValueError, match="Resize: scales and sizes"):
        prepare(model([("Resize", ["x", "", "s", "n"], {})], inputs, **both)).run(inputs)


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
    }
    net = model(nodes, {"x": x}, **constants)
    ready = prepare(net)
    assert [node.kind for node in ready.nodes] == left
    (wanted,) = ReferenceEvaluator(net).run(None, {"x": x})
    np.testing.assert_allclose(ready.run({"x": x})[0], wanted, rtol=2e-5, atol=2e-5)


def test_a_result_that_is_asked_for_stays_as_it_is():
    x = draw(1, 2, 5, 5)
    net = model([("Conv", ["x", "w"], {}), ("Relu", ["n0"], {})], {"x": x}, w=draw(3, 2, 3, 3))
    net.graph.output.append(onnx.helper.make_tensor_value_info("n0", onnx.TensorProto.FLOAT, None))
    relu, conv = prepare(net).run(x)
    assert (conv < 0).any()
    np.testing.assert_array_equal(relu, np.maximum(conv, 0))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_and_borders_of_large_images(mode):
    from onnx.reference import ReferenceEvaluator

    x = draw(1, 8, 60, 50)
    pads = np.int64([0, 0, 3, 1, 0, 0, 2, 4])
    net = model([("DepthToSpace", ["x"], {"blocksize": 2, "mode": mode}), ("Pad", ["n0", "pads"], {"mode": "reflect"})],
                {"x": x}, pads=pads)  # fmt: skip
    np.testing.assert_array_equal(prepare(net).run(x)[0], ReferenceEvaluator(net).run(None, {"x": x})[0])
