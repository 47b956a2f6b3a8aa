"""Fixtures: the instruction set level of a test. Ctrl-C is heard, also where the run was started with it ignored."""

import signal

import pytest

from fastconv import _core

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=_core.isa_levels())
def isa(request):
    """Run the test on each level this machine has, then go back to the one before."""
    before = _core.isa()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)
