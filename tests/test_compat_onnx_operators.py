"""fastconv.compat.onnx: each operator beside ONNX Runtime or the reference implementation."""

import numpy as np
import pytest

from fastconv.compat.onnx import prepare

onnx = pytest.importorskip("onnx")

from onnx_models import compare, draw, model  # noqa: E402

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
    "Transpose": {"perm": [0, 2, 3, 1]}, "Dropout": {}, "ReduceMean": {"keepdims": 0}, "ReduceMax": {}, "ReduceMin": {},
    "ReduceSum": {}, "ReduceProd": {"keepdims": 0}, "Abs": {}, "Ceil": {}, "Cos": {}, "Exp": {}, "Floor": {}, "Log": {},
    "Neg": {}, "Reciprocal": {}, "Round": {}, "Sign": {}, "Sin": {}, "LRN": {"size": 3, "alpha": 0.5, "bias": 2.0},
    "Einsum": {"equation": "nchw->nhc"}, "Split": {"axis": 2, "num_outputs": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_operators_of_one_input_are_those_of_onnx_runtime(name):
    inputs = {"x": draw(2, 3, 4, 5)}
    made = model([(name, ["x"], SINGLE[name])], inputs, opset=20)
    compare(made, inputs)
    assert not prepare(made).elsewhere


A, B = draw(3, 4, 5), np.round(draw(4, 5) * 4) / 4
SEVERAL = [
    ("Max", [A, B, np.float32(0)], {}),
    ("Min", [A, B], {}),
    ("Sum", [A, B, A], {}),
    ("Pow", [np.abs(A), B], {}),
    ("Pow", [A, np.int64(3)], {}),
    ("Pow", [A, np.float32(2)], {}),
    ("Mod", [A, np.abs(B) + 1], {"fmod": 1}),
    ("Mod", [np.int64([7, -7, 7]), np.int64([3, 3, -3])], {}),
    ("Where", [A > 0, A, B], {}),
    ("Expand", [B, np.int64([2, 1, 1, 5])], {}),
    ("Tile", [B, np.int64([2, 3])], {}),
    ("Range", [np.float32(1), np.float32(4), np.float32(0.75)], {}),
    ("Einsum", [A, B], {"equation": "ijk, jk -> ik"}),
    ("GatherElements", [B, np.int64([[0, 3, 1, 2, 0], [-1, 1, 0, 0, 3]])], {"axis": 0}),
    ("ScatterND", [B, np.int64([[1], [3]]), draw(2, 5)], {}),
    ("Concat", [A, A], {"axis": -1}),
    *((name, [A, B], {}) for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")),
    *((name, [A > 0, B > 0], {}) for name in ("And", "Or", "Xor")),
    ("Not", [A > 0], {}),
    ("NonZero", [B], {}),
    ("ArgMax", [B], {"axis": 1, "keepdims": 0}),
    ("ArgMax", [B > 0.5], {"axis": 1, "select_last_index": 1}),
    ("ArgMin", [B], {}),
]


@pytest.mark.parametrize("node", SEVERAL, ids=lambda node: node[0])
def test_operators_of_several_inputs_are_those_of_the_reference(node):
    from onnx import helper, reference

    kind, arrays, attributes = node
    inputs = {f"x{i}": np.asarray(array) for i, array in enumerate(arrays)}
    made = model([(kind, [*inputs], attributes)], inputs)
    for info, array in zip(made.graph.input, inputs.values(), strict=True):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    (expected,) = reference.ReferenceEvaluator(made).run(None, inputs)
    ready = prepare(made)
    (result,) = ready.run(inputs)
    assert not ready.elsewhere
    assert result.flags.writeable
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.parametrize("sizes", [None, [1, 4, 2], [3, 3, 1]])
def test_parts_of_an_array(sizes):
    inputs, x = {"x": draw(7, 4)}, ["x", "sizes"] if sizes else ["x"]
    arrays = {"sizes": np.int64(sizes)} if sizes else {}
    made = model([("Split", x, {} if sizes else {"num_outputs": 3}), ("Sub", ["n0", "n0"], {})], inputs, **arrays)
    made.graph.node[0].output[:] = ["y", "middle", "last"]
    made.graph.node[1].output[:] = ["n1"]
    made.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("middle", "last")
    )
    made.graph.node[1].input[:] = ["middle", "middle"]
    assert not prepare(made).elsewhere
    compare(made, inputs)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample_of_older_models(mode):
    inputs = {"x": draw(1, 2, 4, 3)}
    node = ("Upsample", ["x", "scales"], {"mode": mode})
    compare(model([node], inputs, opset=9, scales=np.float32([1, 1, 2, 3])), inputs)


def test_extremes_of_nothing():
    for kind, bound in (("ReduceMax", -np.inf), ("ReduceMin", np.inf)):
        made = model([(kind, ["x", "axes"], {"keepdims": 0})], {"x": draw(2, 0)}, axes=np.int64([1]))
        assert prepare(made).run(np.zeros((2, 0), np.float32))[0].tolist() == [bound, bound]


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


@pytest.mark.parametrize("keepdims", [0, 1])
def test_means_of_planes(keepdims):
    inputs, axes = {"x": draw(2, 3, 4, 5)}, np.int64([-1, 2])
    compare(model([("ReduceMean", ["x", "a"], {"keepdims": keepdims})], inputs, a=axes), inputs)


def test_batch_norm_of_a_batch_is_not_folded():
    from onnx.reference import ReferenceEvaluator

    x, numbers = draw(2, 4, 5, 6), {name: np.abs(draw(3)) + 1 for name in "stmv"}
    nodes = [
        ("Conv", ["x", "w"], {}),
        ("BatchNormalization", ["n0", *"stmv"], {"training_mode": 1}),
        ("Relu", ["n1"], {}),
    ]
    made = model(nodes, {"x": x}, w=draw(3, 4, 2, 2), **numbers)
    ready = prepare(made)
    assert [node.kind for node in ready.nodes] == ["Conv", "BatchNormalization"]
    (expected,) = ReferenceEvaluator(made).run(None, {"x": x})
    np.testing.assert_allclose(ready.run(x)[0], expected, rtol=1e-4, atol=1e-5)


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


def test_resized_integers_keep_their_digits():
    x = np.int64([[[2**60 + 1, -7]]])
    node = ("Resize", ["x", "", "s"], {"mode": "nearest"})
    made = model([node], {"x": x}, s=np.float32([1, 1, 2]))
    made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    (result,) = prepare(made).run(x)
    assert result.tolist() == [[[2**60 + 1, 2**60 + 1, -7, -7]]]
    assert result.dtype == np.int64


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


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_and_borders_of_large_images(mode):
    from onnx.reference import ReferenceEvaluator

    x = draw(1, 8, 60, 50)
    pads = np.int64([0, 0, 3, 1, 0, 0, 2, 4])
    net = model([("DepthToSpace", ["x"], {"blocksize": 2, "mode": mode}), ("Pad", ["n0", "pads"], {"mode": "reflect"})],
                {"x": x}, pads=pads)  # fmt: skip
    np.testing.assert_array_equal(prepare(net).run(x)[0], ReferenceEvaluator(net).run(None, {"x": x})[0])
