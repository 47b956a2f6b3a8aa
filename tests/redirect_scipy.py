"""A pytest plugin that replaces SciPy's functions before its tests are collected, and counts what becomes of calls.

A call counts as fallen through if SciPy's own function of any of the names runs inside it. The counts and the failed
tests are written as JSON to the file that REDIRECT_REPORT names."""

import functools
import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path

import fastconv.compat
from fastconv.compat import _redirect

counts = Counter()
failed = []
inside = threading.local()


def counted(ours):
    @functools.wraps(ours)
    def call(*args, **kwargs):
        outer = getattr(inside, "fallen", None)
        inside.fallen = False
        try:
            return ours(*args, **kwargs)
        finally:
            counts["redirected"] += 1
            counts["fell_through"] += inside.fallen
            inside.fallen = outer

    return call


def watched(original):
    @functools.wraps(original)
    def call(*args, **kwargs):
        if getattr(inside, "fallen", None) is not None:
            inside.fallen = True
        return original(*args, **kwargs)

    return call


def pytest_configure(config):
    pairs = _redirect.replacements()
    _redirect.replacements = lambda: [(original, counted(ours)) for original, ours in pairs]
    fastconv.compat.install()
    for original, _ in pairs:
        setattr(sys.modules[original.__module__], original.__name__, watched(original))


def pytest_runtest_logreport(report):
    if report.failed:
        failed.append(report.nodeid.split("/")[-1])
    elif report.when == "call" and report.passed:
        counts["passed"] += 1


def pytest_sessionfinish(session):
    Path(os.environ["REDIRECT_REPORT"]).write_text(json.dumps(counts | {"failed": failed}))
