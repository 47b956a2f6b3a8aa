"""Whole networks for inference: fastconv beside its peers on the same weights and images, interleaved in one run."""

import argparse
import json
import sys
import tempfile
import warnings
from math import exp, fsum, log
from pathlib import Path
from statistics import median

import numpy as np

import zoo
from compare import log as note
from measure import interleave
from train import run

OURS = "fastconv"
TOLERANCE = 1e-4  # of the largest output


class FastConv:
    name, prepared = OURS, False

    def start(self, threads):
        import fastconv

        fastconv.set_num_threads(threads)

    def call(self, network, state, x, file):
        import fastconv

        model = zoo.NETWORKS[network](fastconv.nn, fastconv.concat)
        model.load_state_dict(state)
        model.eval()
        if self.prepared:
            model.prepare()

        def call():
            with fastconv.no_grad():
                return model(x).numpy()

        return call


class FastConvPrepared(FastConv):
    name, prepared = "fastconv (prepared)", True


class FastConvOnnx(FastConv):
    name = "fastconv (ONNX file)"

    def call(self, network, state, x, file):
        from fastconv.compat import onnx

        ready = onnx.prepare(str(file))
        return lambda: ready.run(x)[0]


class PyTorch:
    name, channels_last = "PyTorch", False

    def start(self, threads):
        import torch

        torch.set_num_threads(threads)

    def call(self, network, state, x, file):
        import torch

        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        model = zoo.NETWORKS[network](torch.nn, torch.cat)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        model = model.eval().to(memory_format=layout)
        images = torch.from_numpy(x).contiguous(memory_format=layout)

        def call():
            with torch.inference_mode():
                return model(images).numpy()

        return call


class PyTorchChannelsLast(PyTorch):
    name, channels_last = "PyTorch channels_last", True


class OnnxRuntime:
    name = "ONNX Runtime"

    def start(self, threads):
        import onnxruntime

        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads

    def call(self, network, state, x, file):
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), self.options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": x})[0]


CONTENDERS = (FastConv, FastConvPrepared, FastConvOnnx, PyTorch, PyTorchChannelsLast, OnnxRuntime)


def exported(network, x, file):
    """Weights of the network as arrays; the network as an ONNX file, which folds its normalisations."""
    import torch

    torch.manual_seed(0)
    model = zoo.NETWORKS[network](torch.nn, torch.cat).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    arguments = {"dynamo": False, "input_names": ["x"], "output_names": ["y"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter that needs no other package
        torch.onnx.export(model, (torch.from_numpy(x),), str(file), **arguments)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def seconds(network, batch, threads, rounds):
    """{contender: seconds a call of each round}, of those that give PyTorch's result."""
    x = np.random.default_rng(0).standard_normal((batch, *zoo.SHAPES[network]), np.float32)
    calls, results = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")
        state = exported(network, x, file)
        for kind in CONTENDERS:
            contender = kind()
            try:
                contender.start(threads)
                calls[kind.name] = contender.call(network, state, x, file)
                results[kind.name] = calls[kind.name]()
            except ImportError as error:
                note(f"without {kind.name}: {error}")
    wanted = results[PyTorch.name]
    for name, result in results.items():
        if np.abs(result - wanted).max() > TOLERANCE * np.abs(wanted).max():
            raise SystemExit(f"{name} gives another result of {network}")
    return interleave(calls, rounds)


def table(rows, batch, threads):
    """Markdown: milliseconds of each contender, and fastconv's advantage over each in the geometric mean."""
    names = list(dict.fromkeys(name for times in rows.values() for name in times))
    lines = [f"\nbatch {batch}, {threads} thread{'s' if threads > 1 else ''}, ms\n", "| | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    ratios = {name: [] for name in names}
    for network, times in rows.items():
        steps = {name: median(values) for name, values in times.items()}
        for name, step in steps.items():
            ratios[name].append(log(step / steps[OURS]))
        lines.append(f"| {network} | " + " | ".join(f"{1e3 * steps[name]:.2f}" for name in names) + " |")
    means = " | ".join(f"{exp(fsum(ratios[name]) / len(ratios[name])):.2f}" for name in names)
    return "\n".join([*lines, f"| fastconv is faster by | {means} |"])


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--networks", default=",".join(zoo.NETWORKS), help="separated by commas (default: %(default)s)")
    add("--threads", default="1,2", help="thread counts, separated by commas (default: %(default)s)")
    add("--rounds", type=int, default=5, help="rounds of which medians are taken (default: %(default)s)")
    add("--batch", type=int, default=1, help="images at a time (default: %(default)s)")
    add("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker:
        network, path = options.worker.split(":", 1)
        Path(path).write_text(json.dumps(seconds(network, options.batch, int(options.threads), options.rounds)))
        return 0
    for threads in map(int, options.threads.split(",")):
        networks = options.networks.split(",")
        rows = {network: run(argv, network, threads, __file__) for network in networks}
        print(table(rows, options.batch, threads), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
