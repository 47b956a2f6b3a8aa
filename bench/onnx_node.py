"""A problem as an ONNX model of one node, its weight a constant: what ONNX Runtime and OpenVINO run."""

from problem import Unsupported


def onnx_model(problem):
    """(the serialised model, the name of the problem's array that it takes)."""
    layer, mode = problem.layer, problem.mode
    if mode == "grad_weight" or (mode == "grad_input" and not layer.has_weight):
        raise Unsupported("ONNX has no such operator")
    from onnx import helper, numpy_helper  # an optional package

    shape = layer.input_shape if mode == "grad_input" else layer.output_shape
    source = "grad_output" if mode == "grad_input" else "input"
    attributes = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": layer.padding * 2}
    constants = []
    if layer.has_weight:
        attributes |= {"dilations": layer.dilation, "group": layer.groups}
        constants = [numpy_helper.from_array(problem.arrays["weight"], "weight")]
        kind = "Conv"
        if (layer.op == "conv_transpose") != (mode == "grad_input"):
            kind = "ConvTranspose"
            attributes["output_padding"] = left_over(layer) if mode == "grad_input" else (0,) * layer.ndim
    elif layer.op == "global_avg_pool":
        kind, attributes = "GlobalAveragePool", {}
    elif layer.op == "max_pool":
        kind = "MaxPool"
    else:
        kind, attributes = "AveragePool", attributes | {"count_include_pad": 1}
    element = helper.np_dtype_to_tensor_dtype(problem.dtype)
    node = helper.make_node(kind, ["x", *(c.name for c in constants)], ["y"], **attributes)
    x = helper.make_tensor_value_info("x", element, problem.arrays[source].shape)
    y = helper.make_tensor_value_info("y", element, shape)
    graph = helper.make_graph([node], "layer", [x], [y], constants)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString(), source


# Input elements at the end of each axis that no window of a strided convolution reaches.
def left_over(layer):
    axes = zip(layer.spatial, layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in axes)
