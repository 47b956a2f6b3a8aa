"""The stubs say what the declarations say, and a typed user's code runs."""

import pytest

import stubs
import typed_user


@pytest.mark.parametrize("room", stubs.STUBS)
def test_stubs_are_made_from_the_declarations(room):
    written = stubs.path(room).read_text(encoding="utf-8")
    assert written == stubs.STUBS[room](), "run `python tests/stubs.py`"


def test_a_users_code_runs():
    typed_user.calls()
    typed_user.training()
