"""Ctrl-C between two batches."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopped_by_interrupt(trainer: Any) -> Iterator[None]:
    """The first Ctrl-C asks fit to stop after the current batch; the second does what it always did.

    Signals belong to the main thread, so elsewhere nothing changes; nor where the program has a handler of its own.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous is not signal.default_int_handler:
        yield
        return

    def ask(signum, frame):
        trainer._interrupted = True
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
