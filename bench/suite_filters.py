"""The suite of filters: fastconv.compat beside SciPy, OpenCV and HIPS autograd, on an image, a volume and a signal."""

import importlib
import importlib.metadata
import re
from functools import partial
from statistics import median

import numpy as np

from measure import interleave

SIZE = 2048
KERNELS = (3, 5, 7, 9, 11, 15, 21, 31)
WINDOWS = (3, 5, 11, 31, 101)
VOLUME, SIGNAL = 64, (441_000, 1_025)

# Ours and SciPy's.
MODULES = {
    "ndimage": ("fastconv.compat.ndimage", "scipy.ndimage"),
    "signal": ("fastconv.compat.signal", "scipy.signal"),
}
# (name, array it takes, the call for both: (module, function, arguments after the array), the same in OpenCV, other
# calls of SciPy's that do it).
FILTERS = []


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def add(name, array, call, opencv=None, also=()):
    FILTERS.append((name, array, call, opencv, also))


for size in KERNELS:
    weights = draw(size, size) / size
    opposite = weights[::-1, ::-1]
    add(
        f"correlate_{size}",
        "image",
        ("ndimage", "correlate", (weights,)),
        lambda cv, x, w=weights: cv.filter2D(x, -1, w),
        also=[("signal", "convolve2d", (opposite, "same", "symm"))],
    )
    transformed = ("signal", "fftconvolve", (weights, "same"))
    add(f"fftconvolve_{size}", "image", transformed, also=[("signal", "oaconvolve", (weights, "same"))])
for size in (5, 31):
    vector = np.hanning(size + 2)[1:-1].astype(np.float32)
    weights = np.outer(vector, vector)
    add(
        f"correlate_outer_{size}",
        "image",
        ("ndimage", "correlate", (weights,)),
        lambda cv, x, v=vector: cv.sepFilter2D(x, -1, v, v),
    )
for sigma in (1, 2, 5):
    width = 8 * sigma + 1
    add(
        f"gaussian_{sigma}",
        "image",
        ("ndimage", "gaussian_filter", (float(sigma),)),
        lambda cv, x, s=sigma, k=width: cv.GaussianBlur(x, (k, k), s),
    )
for size in WINDOWS:
    box = np.ones((size, size), np.uint8)
    add(
        f"uniform_{size}",
        "image",
        ("ndimage", "uniform_filter", (size,)),
        lambda cv, x, k=size: cv.blur(x, (k, k)),
    )
    add(
        f"maximum_{size}",
        "image",
        ("ndimage", "maximum_filter", (size,)),
        lambda cv, x, b=box: cv.dilate(x, b),
    )
add("sobel", "image", ("ndimage", "sobel", ()), lambda cv, x: cv.Sobel(x, -1, 1, 0))
add("laplace", "image", ("ndimage", "laplace", ()), lambda cv, x: cv.Laplacian(x, -1))
add("volume_3", "volume", ("ndimage", "correlate", (draw(3, 3, 3),)))
add("fir_1025", "signal", ("signal", "oaconvolve", (draw(SIGNAL[1]),)))


def modules(options, threads):
    """({contender: {module: it}}, notes): what is installed."""
    found, notes = {}, []
    names = {"fastconv": [ours for ours, _ in MODULES.values()], "SciPy": [theirs for _, theirs in MODULES.values()]}
    for contender, needed in (names | {"OpenCV": ["cv2"]}).items():
        if contender != "fastconv" and (options.only_fastconv or not re.search(options.peers, contender)):
            continue
        try:
            loaded = [importlib.import_module(name) for name in needed]
            found[contender] = dict(zip(MODULES, loaded)) if len(loaded) > 1 else loaded[0]
        except ImportError as error:
            notes.append(f"{contender}: {error}")
    importlib.import_module("fastconv").set_num_threads(threads)
    if "OpenCV" in found:
        found["OpenCV"].setNumThreads(threads)
    return found, notes


def calls_of(found, array, call, opencv, also):
    """{contender: call without arguments}. SciPy's other ways to the same filter are contenders of their own."""
    module, name, arguments = call
    calls = {}
    for contender in ("fastconv", "SciPy"):
        if contender in found:
            calls[contender] = partial(getattr(found[contender][module], name), array, *arguments)
    if "SciPy" in found:
        for module, name, arguments in also:
            calls[f"SciPy {name}"] = partial(getattr(found["SciPy"][module], name), array, *arguments)
    if opencv and "OpenCV" in found:
        calls["OpenCV"] = partial(opencv, found["OpenCV"], array)
    return calls


def measure(options, threads, log):
    """(a record for each filter, {contender: version}, notes). OpenCV's borders may differ, unchecked."""
    found, notes = modules(options, threads)
    dtype = np.dtype(options.dtype)
    arrays = {"image": draw(SIZE, SIZE), "volume": draw(VOLUME, VOLUME, VOLUME), "signal": draw(SIGNAL[0])}
    arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    records = []
    for name, array, *rest in FILTERS:
        if not re.search(options.layers, name):
            continue
        calls, problems = calls_of(found, arrays[array], *rest), []
        for contender, call in list(calls.items()):
            try:
                call()
            except Exception as error:
                problems.append(f"{contender} failed: {error}")
                del calls[contender]
        records.append(record(name, threads, calls, options.rounds, problems))
        log(f"{threads} threads  {name:18} {records[-1]['seconds']}")
    packages = {"fastconv": "fastconv", "SciPy": "scipy", "OpenCV": "cv2"}
    versions = {name: importlib.import_module(packages[name]).__version__ for name in found}
    for name, calls in autograd_steps(options, versions, notes):
        records.append(record(name, threads, calls, options.rounds, []))
        log(f"{threads} threads  {name:18} {records[-1]['seconds']}")
    return records, versions, notes


def autograd_steps(options, versions, notes):
    """(name, calls) of the chosen training steps; adds HIPS autograd's version, or why it is not there."""
    if options.only_fastconv or not re.search(options.peers, "HIPS autograd"):
        return []
    try:
        hips = importlib.import_module("hips_autograd")
    except ImportError as error:
        notes.append(f"HIPS autograd: {error}")
        return []
    chosen = [(name, calls) for name, calls in hips.steps(options.dtype) if re.search(options.layers, name)]
    if chosen:
        versions["HIPS autograd"] = importlib.metadata.version("autograd")
    return chosen


def agree(ours, theirs):
    """Whether results are the same but for rounding: arrays, or tuples of them."""
    if isinstance(ours, tuple):
        return all(map(agree, ours, theirs))
    return np.allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def record(name, threads, calls, rounds, notes):
    times = interleave(calls, rounds) if calls else {}
    wrong = False
    for exact in {"SciPy", "HIPS autograd"} & set(calls):
        wrong = "fastconv" in calls and not agree(calls["fastconv"](), calls[exact]())
    seconds = {contender: median(values) for contender, values in times.items()}
    common = {"layer": name, "mode": "filter", "threads": threads, "family": name.split("_")[0], "errors": {}}
    return common | {"seconds": seconds, "rounds": times, "wrong": wrong, "notes": notes}
