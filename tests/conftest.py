"""Fixtures: the instruction set level of a test."""

import pytest

from fastconv import _core, runtime


@pytest.fixture(params=runtime.isa_levels())
def isa(request):
    """Run the test on each level this machine has, then go back to the one before."""
    before = runtime.isa_in_use()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)
