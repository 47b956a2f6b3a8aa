"""Fixtures: the instruction set level of a test."""

import pytest

from fastconv import _core


@pytest.fixture(params=_core.isa_levels())
def isa(request):
    """Run the test on each level this machine has, then go back to the one before."""
    before = _core.isa()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)
