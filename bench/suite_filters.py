"""The suite of image filters: scipy.ndimage, fastconv's drop-in for it, and OpenCV, on one 2-D image."""

import importlib
import re
from functools import partial
from statistics import median

import numpy as np

from measure import interleave

SIZE = 1024

# (name, function of scipy.ndimage, its arguments, the same in OpenCV)
FILTERS = [
    ("uniform_5", "uniform_filter", (5,), lambda cv, x: cv.blur(x, (5, 5))),
    ("uniform_31", "uniform_filter", (31,), lambda cv, x: cv.blur(x, (31, 31))),
    ("gaussian_2", "gaussian_filter", (2.0,), lambda cv, x: cv.GaussianBlur(x, (17, 17), 2.0)),
    ("sobel", "sobel", (), lambda cv, x: cv.Sobel(x, -1, 1, 0)),
    ("laplace", "laplace", (), lambda cv, x: cv.Laplacian(x, -1)),
    ("maximum_5", "maximum_filter", (5,), lambda cv, x: cv.dilate(x, np.ones((5, 5), np.uint8))),
    ("maximum_31", "maximum_filter", (31,), lambda cv, x: cv.dilate(x, np.ones((31, 31), np.uint8))),
    ("minimum_5", "minimum_filter", (5,), lambda cv, x: cv.erode(x, np.ones((5, 5), np.uint8))),
]


def kernel(size):
    return np.random.default_rng(size).standard_normal((size, size), dtype=np.float32) / size


FILTERS += [
    (f"correlate_{k.shape[0]}", "correlate", (k,), lambda cv, x, k=k: cv.filter2D(x, -1, k))
    for k in map(kernel, (3, 7, 15))
]


def modules(options, threads):
    """{contender: module} of what is installed, and a note for each of the others."""
    names = {"fastconv": "fastconv.compat.ndimage", "SciPy": "scipy.ndimage", "OpenCV": "cv2"}
    found, notes = {}, []
    for name, module in names.items():
        if name != "fastconv" and (options.only_fastconv or not re.search(options.peers, name)):
            continue
        try:
            found[name] = importlib.import_module(module)
        except ImportError as error:
            notes.append(f"{name}: {error}")
    if "fastconv" in found:
        importlib.import_module("fastconv").set_num_threads(threads)
    if "OpenCV" in found:
        found["OpenCV"].setNumThreads(threads)
    return found, notes


def measure(options, threads, log):
    """(a record for each filter, {contender: version}, notes). OpenCV's borders may differ, unchecked."""
    found, notes = modules(options, threads)
    image = np.random.default_rng(0).standard_normal((SIZE, SIZE), dtype=np.dtype(options.dtype))
    records = []
    for name, function, arguments, in_opencv in FILTERS:
        if not re.search(options.layers, name):
            continue
        calls, problems = {}, []
        for contender, module in found.items():
            if contender == "OpenCV":
                call = partial(in_opencv, module, image)
            else:
                call = partial(getattr(module, function), image, *arguments)
            try:
                call()
                calls[contender] = call
            except Exception as error:
                problems.append(f"{contender} failed: {error}")
        records.append(record(name, threads, calls, options.rounds, problems))
        log(f"{threads} threads  {name:14} {records[-1]['seconds']}")
    packages = {
        name: importlib.import_module(module.__name__.split(".")[0]) for name, module in found.items()
    }
    versions = {name: getattr(package, "__version__", "?") for name, package in packages.items()}
    return records, versions, notes


def record(name, threads, calls, rounds, notes):
    times = interleave(calls, rounds) if calls else {}
    exact = calls["SciPy"]() if "SciPy" in calls else None
    wrong = False
    if exact is not None and "fastconv" in calls:
        wrong = not np.allclose(calls["fastconv"](), exact, rtol=1e-4, atol=1e-4)
    seconds = {contender: median(values) for contender, values in times.items()}
    common = {"layer": name, "mode": "filter", "threads": threads, "family": name.split("_")[0], "errors": {}}
    return common | {"seconds": seconds, "rounds": times, "wrong": wrong, "notes": notes}
