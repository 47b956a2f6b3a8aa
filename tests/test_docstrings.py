"""Every public name has a docstring whose example runs; one without fails here by name."""

import contextlib
import doctest
import io
import sys

import numpy as np
import pytest

import fastconv
from fastconv import nn, optim, train

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PLACES = {"fastconv": fastconv, "nn": nn, "optim": optim, "lr_scheduler": optim.lr_scheduler, "train": train}
PUBLIC = [
    (place, name) for place, module in PLACES.items() for name in module.__all__ if callable(getattr(module, name))
]


@pytest.mark.parametrize(("place", "name"), PUBLIC)
def test_the_example_of_a_public_name_runs(place, name):
    thing = getattr(PLACES[place], name)
    text = thing.__doc__ or ""
    assert ">>> " in text, f"{place}.{name} has no docstring with an example"
    home = vars(sys.modules[getattr(thing, "__module__", "fastconv")])
    names = {**vars(fastconv), **home, "np": np, "fastconv": fastconv}
    test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        result = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=output.write)
    assert not result.failed, output.getvalue()
