"""A short table: fastconv beside NumPy im2col and SciPy on the same convolutions, in interleaved rounds."""

import time
from typing import NamedTuple

import numpy as np

from .. import nn
from ..nn import functional as F


class Layer(NamedTuple):
    """One forward convolution: input shape (N, C, H, W), weight shape (K, C, R, S), stride, padding."""

    name: str
    input_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    stride: int = 1
    padding: int = 0


LAYERS = (
    Layer("ResNet 3x3, 64 to 64, 56x56", (1, 64, 56, 56), (64, 64, 3, 3), 1, 1),
    Layer("ResNet 1x1, 256 to 64, 56x56", (1, 256, 56, 56), (64, 256, 1, 1)),
    Layer("first layer 7x7 / 2, 224x224", (1, 3, 224, 224), (64, 3, 7, 7), 2, 3),
    Layer("CIFAR-10 3x3, 32 to 64, batch 64", (64, 32, 15, 15), (64, 32, 3, 3)),
)


def layers_of(model: nn.Module, input_shape, batch: int) -> list[Layer]:
    """The 2-D convolutions of a model, as they are called for one batch."""
    found = []

    def watch(name):
        def hook(module, given, output):
            shape = (batch, *given[0].shape[1:])
            weight = module.weight.shape
            text = f"{name}: {weight[2]}x{weight[3]}, {weight[1]} to {weight[0]}, {shape[2]}x{shape[3]}"
            found.append(Layer(text, shape, weight, module.stride[0], module.padding[0]))

        return hook

    removers = [
        module.register_forward_hook(watch(f"layer {name}"))
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    training = model.training
    model.eval()(np.zeros((1, *input_shape), np.float32))
    model.train(training)
    for remove in removers:
        remove()
    return found


def im2col(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The classic NumPy convolution: all windows as columns of one matrix, then one matrix product."""
    border = (padding, padding)
    x = np.pad(x, ((0, 0), (0, 0), border, border))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    n, c, p, q, r, s = windows.shape
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * r * s)
    out = columns @ weight.reshape(len(weight), -1).T  # (N P Q, K)
    return out.reshape(n, p, q, -1).transpose(0, 3, 1, 2)


def scipy_correlate(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """One scipy.signal.correlate per output channel and sample, strided afterwards."""
    from scipy.signal import correlate

    border = (padding, padding)
    x = np.pad(x, ((0, 0), (0, 0), border, border))
    out = [[correlate(image, kernel, "valid")[0] for kernel in weight] for image in x]
    return np.asarray(out)[:, :, ::stride, ::stride]


def table(layers, seconds: float = 0.4) -> str:
    """Milliseconds a call (median of interleaved rounds), and how many times faster fastconv is."""
    contenders = {"NumPy im2col": im2col}
    try:
        import scipy.signal  # noqa: F401

        contenders["SciPy"] = scipy_correlate
    except ImportError:
        pass
    rows = [
        (
            "layer",
            "fastconv ms",
            *(f"{name} ms" for name in contenders),
            *(f"vs {name}" for name in contenders),
        )
    ]
    for layer in layers:
        rng = np.random.default_rng(0)
        x = rng.standard_normal(layer.input_shape, dtype=np.float32)
        weight = rng.standard_normal(layer.weight_shape, dtype=np.float32)
        arguments = (x, weight, layer.stride, layer.padding)
        calls = [lambda x, w, stride, padding: F.conv2d(x, w, None, stride, padding), *contenders.values()]
        expected = calls[0](*arguments)
        for call in contenders.values():
            if not np.allclose(call(*arguments), expected, rtol=1e-3, atol=1e-2):
                raise ValueError(f"bench: results differ on {layer.name}")
        ours, *others = (1000 * second for second in _medians(calls, arguments, seconds))
        numbers = [
            f"{ours:.3f}",
            *(f"{other:.3f}" for other in others),
            *(f"{other / ours:.1f} x" for other in others),
        ]
        rows.append((layer.name, *numbers))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


# Seconds a call of each function; rounds alternate so that a slow moment of the machine hits all of them
# alike.
def _medians(calls, arguments, seconds: float) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    while len(times[-1]) < 3 or (time.perf_counter() < end and len(times[-1]) < 200):
        for call, own in zip(calls, times, strict=True):
            for _ in range(1 if own and own[-1] > 0.1 else 5):
                start = time.perf_counter()
                call(*arguments)
                own.append(time.perf_counter() - start)
    return [float(np.median(own)) for own in times]
