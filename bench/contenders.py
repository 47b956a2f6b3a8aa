"""Everything that is measured: fastconv and its peers, each at its fastest, behind one small interface.

A contender's `start(threads)` imports its library and sets its threads; `build(problem)` does all that may be
done beforehand and returns a call without arguments that gives the result. Inputs are plain C-contiguous NCHW
arrays. What a contender cannot do raises `Unsupported` with the reason.
"""

import importlib

import numpy as np

import im2col
from onnx_node import onnx_model
from problem import Unsupported, conv_options, short


class FastConv:
    name = "fastconv"

    def start(self, threads):
        self.lib = importlib.import_module("fastconv")
        self.lib.set_num_threads(threads)
        self.version = getattr(self.lib, "__version__", "?")

    def function(self, name):
        try:
            return getattr(self.lib, name)
        except AttributeError:
            raise Unsupported(f"there is no fastconv.{name}") from None

    def build(self, problem):
        layer, arrays = problem.layer, problem.arrays
        base = layer.op if layer.op == "global_avg_pool" else f"{layer.op}{layer.ndim}d"
        function = self.function(base if problem.mode == "forward" else f"{base}_backward")
        x, grad = arrays["input"], arrays["grad_output"]
        window = (short(layer.kernel_size), short(layer.stride), short(layer.padding))
        if problem.mode == "forward":
            return self.forward(function, layer, arrays, window)
        if layer.has_weight:
            place = ("grad_input", "grad_weight").index(problem.mode)
            needs = tuple(i == place for i in range(3))
            options = dict(conv_options(layer), needs=needs)
            return lambda: function(grad, x, arrays["weight"], **options)[place]
        if layer.op == "max_pool":
            return lambda: function(grad, arrays["indices"], layer.input_shape)
        if layer.op == "avg_pool":
            return lambda: function(grad, layer.input_shape, *window)
        if layer.op == "adaptive_avg_pool":
            return lambda: function(grad, layer.input_shape, layer.output_shape[2:])
        return lambda: function(grad, layer.input_shape)

    def forward(self, function, layer, arrays, window):
        x = arrays["input"]
        if layer.has_weight:
            weight, options = self.weight(function, layer, arrays["weight"]), conv_options(layer)
            return lambda: function(x, weight, **options)
        if layer.op == "global_avg_pool":
            return lambda: function(x)
        if layer.op == "adaptive_avg_pool":
            return lambda: function(x, layer.output_shape[2:])
        return lambda: function(x, *window)

    def weight(self, function, layer, weight):
        return weight


class Prepared(FastConv):
    """fastconv with the weights packed beforehand."""

    name = "fastconv (prepared)"

    def build(self, problem):
        if not problem.layer.has_weight or problem.mode != "forward":
            raise Unsupported("there is no weight to prepare")
        self.function("prepare")
        return super().build(problem)

    def weight(self, function, layer, weight):
        return self.lib.prepare(function, weight, **conv_options(layer))


class PyTorch:
    name = "PyTorch"

    def start(self, threads):
        self.lib = importlib.import_module("torch")
        self.lib.set_num_threads(threads)
        self.version = self.lib.__version__
        self.inference = self.lib.inference_mode()
        self.inference.__enter__()  # for the rest of the process

    def build(self, problem):
        layer = problem.layer
        tensors = {name: self.lib.from_numpy(array) for name, array in problem.arrays.items()}
        return (self.forward if problem.mode == "forward" else self.backward)(layer, problem.mode, tensors)

    def forward(self, layer, mode, tensors):
        x, functional = tensors["input"], self.lib.nn.functional
        if layer.op == "global_avg_pool":
            axes = tuple(range(2, 2 + layer.ndim))
            return lambda: x.mean(axes, keepdim=True)
        function = getattr(functional, f"{layer.op}{layer.ndim}d")
        if layer.has_weight:
            weight, options = tensors["weight"], conv_options(layer)
            return lambda: function(x, weight, **options)
        if layer.op == "adaptive_avg_pool":
            return lambda: function(x, layer.output_shape[2:])
        window = (short(layer.kernel_size), short(layer.stride), short(layer.padding))
        return lambda: function(x, *window)

    # The operator that autograd itself calls, asked for one gradient.
    def backward(self, layer, mode, tensors):
        aten, x, grad = self.lib.ops.aten, tensors["input"], tensors["grad_output"]
        window = (list(layer.kernel_size), list(layer.stride), list(layer.padding))
        if layer.has_weight:
            place = ("grad_input", "grad_weight").index(mode)
            transposed, zeros = layer.op == "conv_transpose", [0] * layer.ndim
            sizes = (
                list(layer.stride),
                list(layer.padding),
                list(layer.dilation),
                transposed,
                zeros,
                layer.groups,
            )
            mask = [i == place for i in range(3)]
            return lambda: aten.convolution_backward(grad, x, tensors["weight"], None, *sizes, mask)[place]
        if layer.op == "global_avg_pool":
            scale = 1 / np.prod(layer.spatial)
            return lambda: (grad * scale).expand(layer.input_shape).contiguous()
        if layer.ndim != 2 or layer.op == "adaptive_avg_pool":
            raise Unsupported("not wired up")
        if layer.op == "max_pool":
            function, indices = aten.max_pool2d_with_indices_backward, tensors["indices"]
            return lambda: function(grad, x, *window, [1, 1], False, indices)
        return lambda: aten.avg_pool2d_backward(grad, x, *window, False, True, None)


class OnnxRuntime:
    """Weights are packed when the session is made, results are fresh arrays."""

    name = "ONNX Runtime"

    def start(self, threads):
        self.lib, self.threads = importlib.import_module("onnxruntime"), threads
        importlib.import_module("onnx")
        self.lib.set_default_logger_severity(4)
        self.version = self.lib.__version__

    def session(self, problem):
        if problem.dtype != np.float32:
            raise Unsupported("has no float64 kernels for these operators")
        model, source = onnx_model(problem)
        options = self.lib.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        session = self.lib.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return session, problem.arrays[source]

    def build(self, problem):
        session, x = self.session(problem)
        return lambda: session.run(None, {"x": x})[0]


class OnnxRuntimeBound(OnnxRuntime):
    """Results go to one array, given beforehand."""

    name = "ONNX Runtime (bound)"

    def build(self, problem):
        session, x = self.session(problem)
        out = np.empty(session.get_outputs()[0].shape, x.dtype)
        binding = session.io_binding()
        binding.bind_cpu_input("x", x)
        binding.bind_output("y", "cpu", 0, x.dtype, out.shape, out.ctypes.data)

        def call():
            session.run_with_iobinding(binding)
            return out

        return call


class OpenVino:
    """Weights are packed when the model is compiled, results stay in the request's own array."""

    name = "OpenVINO"

    def start(self, threads):
        self.lib = importlib.import_module("openvino")
        importlib.import_module("onnx")
        self.core, self.version = self.lib.Core(), self.lib.__version__.split("-")[0]
        self.options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }

    def build(self, problem):
        if problem.dtype != np.float32:
            raise Unsupported("computes in float32")
        model, source = onnx_model(problem)
        request = self.core.compile_model(
            self.core.read_model(model), "CPU", self.options
        ).create_infer_request()
        request.set_input_tensor(self.lib.Tensor(problem.arrays[source], shared_memory=True))

        def call():
            request.infer(share_outputs=True)
            return request.get_output_tensor().data

        return call


# (image, kernel) of a same-size filter of one channel.
def image_and_kernel(problem):
    layer = problem.layer
    same = all(k == 2 * p + 1 for k, p in zip(layer.kernel_size, layer.padding, strict=True))
    plain = set(layer.stride) == set(layer.dilation) == {1}
    single = layer.has_weight and layer.batch == layer.in_channels == layer.out_channels == 1
    if not (problem.mode == "forward" and layer.ndim == 2 and same and plain and single):
        raise Unsupported("not a same-size filter of one channel")
    return problem.arrays["input"][0, 0], problem.arrays["weight"][0, 0]


class OpenCV:
    name = "OpenCV"

    def start(self, threads):
        self.lib = importlib.import_module("cv2")
        self.lib.setNumThreads(threads)
        self.version = self.lib.__version__

    def build(self, problem):
        image, kernel = image_and_kernel(problem)
        function, zeros = self.lib.filter2D, self.lib.BORDER_CONSTANT
        return lambda: function(image, -1, kernel, borderType=zeros)[None, None]


class SciPy:
    """ndimage.correlate, and for large kernels signal.oaconvolve, which is faster there."""

    name = "SciPy"

    def start(self, threads):
        self.ndimage = importlib.import_module("scipy.ndimage")
        self.signal = importlib.import_module("scipy.signal")
        self.version = importlib.import_module("scipy").__version__

    def build(self, problem):
        image, kernel = image_and_kernel(problem)
        if kernel.size > 100:
            flipped = kernel[::-1, ::-1]
            return lambda: self.signal.oaconvolve(image, flipped, mode="same")[None, None]
        return lambda: self.ndimage.correlate(image, kernel, mode="constant")[None, None]


class NumPy:
    name = "NumPy im2col"

    def start(self, threads):
        self.version = np.__version__

    def build(self, problem):
        layer = problem.layer
        small, large = sorted((np.prod(layer.input_shape), np.prod(layer.output_shape)))
        rows = large if layer.op == "conv_transpose" else small
        if rows * np.prod(layer.kernel_size) > 5e8:
            raise Unsupported("columns of more than 2 GB")
        return lambda: im2col.run(problem)


OURS = (FastConv, Prepared)
PEERS = (PyTorch, OnnxRuntime, OnnxRuntimeBound, OpenVino, OpenCV, SciPy, NumPy)


def start_all(classes, threads):
    """The contenders whose library is installed, and a note for each of the others."""
    ready, notes = [], []
    for kind in classes:
        contender = kind()
        try:
            contender.start(threads)
            ready.append(contender)
        except Exception as error:
            notes.append(f"{contender.name}: {error}")
    return ready, notes
