"""The pages: their examples run, and the reference has every public name once."""

import doctest
import sys
from collections import Counter
from pathlib import Path

import pytest

import fastconv
from fastconv import nn, optim, train

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.rst"))

pytestmark = pytest.mark.skipif(not PAGES, reason="the pages are not here")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_examples_of_a_page_give_what_it_shows(path):
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testfile(str(path), module_relative=False, optionflags=options).failed == 0


def test_the_reference_has_every_public_name_once(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    import reference_pages

    listed = Counter(name for _, _, names in reference_pages.entries() for name in names)
    wanted = {f"{package.__name__}.{name}" for package in (fastconv, nn, optim, train) for name in package.__all__}
    modules = {name for name in wanted if name not in listed}
    assert set(listed.values()) == {1}
    assert modules <= {f"fastconv.{name}" for name in MODULES}


# Public names that are neither functions nor classes: modules with names of their own, and the registry.
MODULES = (
    "OPS",
    "nn.functional",
    "nn.init",
    "optim.lr_scheduler",
    "train.data",
    "train.pictures",
    "train.transforms",
)


def test_the_index_leads_to_every_page():
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    assert [path.stem for path in PAGES if path.stem != "index" and f"\n   {path.stem}\n" not in index] == []
