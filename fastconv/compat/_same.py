"""Padding as TensorFlow's 'same' and ONNX's auto_pad ask for."""


def same_edges(extents, window, strides, dilation, late=True):
    """(before, after) of each axis, so that ceil(extent / stride) windows fit. An odd cell goes after, or before where
    it is not late."""
    edges = []
    for extent, size, stride, step in zip(extents, window, strides, dilation, strict=True):
        total = max((-(-extent // stride) - 1) * stride + (size - 1) * step + 1 - extent, 0)
        edge = total // 2, total - total // 2
        edges.append(edge if late else edge[::-1])
    return tuple(edges)
