"""ONNX's own tests of backends: every operator and function of every version, and small networks."""

import re
import warnings

import pytest

pytest.importorskip("onnx")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the numbers that the tests are made of
    from onnx.backend.test.runner import Runner

    from fastconv.compat.onnx import Backend

    runner = Runner(Backend, __name__)

EXCLUDED = {
    "_cuda$": "not here",
    "test_bernoulli": "random numbers of the reference's own generator",
    "test_cast.*_to_FLOAT8": "the comparison does not know the type",
    "test_gradient_of|test_scatter_with": "the reference has no such operator",
    "test_scan_sum|test_if_opt|test_loop16_seq_none|test_range_.*_delta_expanded": "nor does the reference pass",
    "test_attention_4d_causal_fp16_expanded": "sums are not rounded to 16 bits on the way",
    "test_resize_downsample_scales_.*_align_corners": "of a size that is not whole: as ONNX Runtime",
}


def chosen(kind):
    case = runner.test_cases[f"OnnxBackend{kind}ModelTest"]
    for name in [name for name in vars(case) if re.search("|".join(EXCLUDED), name)]:
        delattr(case, name)
    return case


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
globals().update({f"Test{kind}": chosen(kind) for kind in ("Node", "Simple", "PyTorchConverted", "PyTorchOperator")})
