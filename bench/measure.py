"""Fair timing of several contenders on one problem: interleaved rounds, medians, nobody else's threads awake."""

import time
from statistics import median

import numpy as np

TARGET_SECONDS = 2e-3  # a turn repeats a short call until it takes about this long
SLOW = 20  # a contender this many times slower than the fastest, and over SLOW_SECONDS, gets one turn
SLOW_SECONDS = 0.5


def settle(limit=1.0):
    """Returns once the worker threads of this process have stopped spinning, or after `limit` seconds."""
    deadline = time.perf_counter() + limit
    while time.perf_counter() < deadline:
        wall, cpu = time.perf_counter(), time.process_time()
        time.sleep(1e-3)
        if time.process_time() - cpu < 0.1 * (time.perf_counter() - wall):
            return


def seconds(call, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


# One turn: a call that wakes threads and caches, then the timed ones.
def turn(call, repeats):
    settle()
    call()
    return seconds(call, repeats)


def interleave(calls, rounds):
    """{name: call} -> {name: median seconds a call}. Every round runs all of them, each time from another start."""
    first = {}
    for name, call in calls.items():
        settle()
        call()
        first[name] = seconds(call, 1)
    slow = {n for n, t in first.items() if t > SLOW_SECONDS and t > SLOW * min(first.values())}
    repeats = {name: max(1, min(1000, round(TARGET_SECONDS / t))) for name, t in first.items()}
    times = {name: [first[name]] if name in slow else [] for name in calls}
    names = [name for name in calls if name not in slow]
    for i in range(rounds):
        shift = i % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            times[name].append(turn(calls[name], repeats[name]))
    return {name: median(values) for name, values in times.items()}


def error_in_eps(result, exact, scale):
    """Largest error in units of eps * max sum |x||w|, and infinity for a wrong shape or dtype."""
    result = np.asarray(result)
    if result.shape != exact.shape:
        return np.inf
    difference = np.abs(result - exact).max()
    error = difference / (np.finfo(result.dtype).eps * scale)
    return float(error) if np.isfinite(error) else np.inf
