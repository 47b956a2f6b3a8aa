"""pytest-benchmark runs of fastconv on the named layers: ``pytest bench/bench_ops.py -k 'rn50 and forward'``.

The ordinary test run does not collect this file. `compare.py` is the one that puts peers beside fastconv.
"""

import pytest

from contenders import FastConv
from problem import Problem, Unsupported
from shapes import LAYERS

CASES = [pytest.param(layer, mode, id=f"{layer.name}-{mode}") for layer in LAYERS for mode in layer.modes]


@pytest.fixture(scope="module", params=[1, 2], ids=["1thread", "2threads"])
def contender(request):
    contender = FastConv()
    before = pytest.importorskip("fastconv").get_num_threads()
    contender.start(request.param)
    yield contender
    contender.lib.set_num_threads(before)


@pytest.mark.parametrize(("layer", "mode"), CASES)
def test_speed(benchmark, contender, layer, mode):
    try:
        call = contender.build(Problem.random(layer, mode))
    except Unsupported as reason:
        pytest.skip(str(reason))
    benchmark.group = f"{layer.family}, {mode}"
    benchmark.extra_info["flops"] = layer.flops(mode)
    benchmark(call)
