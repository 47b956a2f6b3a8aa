"""Fair timing of several contenders on one problem: interleaved rounds, with nobody else's threads awake.

Three things spoil a comparison of threaded libraries in one process. The workers of the last one spin after
their call and hold a core: `settle` waits until they sleep. Workers that wake up may share a core until the
scheduler moves one of them, tens of milliseconds later: every turn starts with untimed calls until one is
nearly as fast as the contender has ever been. And other processes want the cores too: a turn in which threads
were preempted is repeated.
"""

import time
from resource import RUSAGE_SELF, getrusage
from statistics import median

SAMPLE = 1e-4  # seconds: a short call is repeated within one sample until it lasts about this long
TURN = 8e-3  # seconds of samples in one turn
WARM = 0.2  # seconds of untimed calls in one turn, at most (or one call)
PATIENCE = (0, 0.05, 0.1, 0.2, 0.4)  # seconds to wait before each try of a turn
NEAR = 1.2  # times the fastest call so far: warm enough
SLOW = 8  # times slower than the fastest, and
SLOW_SECONDS = 0.3  # longer than this: one call is enough


def settle(limit=1.0):
    """Returns once the worker threads of this process have stopped spinning, or after `limit` seconds."""
    deadline = time.perf_counter() + limit
    while time.perf_counter() < deadline:
        wall, cpu = time.perf_counter(), time.process_time()
        time.sleep(1e-3)
        if time.process_time() - cpu < 0.1 * (time.perf_counter() - wall):
            return


class Timer:
    """The timings of one contender on one problem: `rounds` has the median seconds a call of each turn."""

    def __init__(self, call):
        self.call, self.rounds = call, []
        self.inner = 1
        settle()
        self.fastest = self.sample()
        if self.fastest < SLOW_SECONDS:
            self.inner = max(1, round(SAMPLE / self.sample()))
            self.fastest = min(self.sample(), self.sample())

    def sample(self):
        call = self.call
        start = time.perf_counter()
        for _ in range(self.inner):
            call()
        return (time.perf_counter() - start) / self.inner

    def warm_up(self, least):
        start = time.perf_counter()
        while True:
            now, spent = self.sample(), time.perf_counter() - start
            self.fastest = min(self.fastest, now)
            if spent > WARM or (spent > least and now <= NEAR * self.fastest):
                return

    def turn(self):
        """One turn, repeated (PATIENCE times at most) while the kernel takes cores away from it."""
        best = None
        for pause in PATIENCE:
            time.sleep(pause)
            settle()
            self.warm_up(least=0 if self.rounds else WARM / 2)
            count = max(1, round(TURN / (self.inner * self.fastest)))
            before = getrusage(RUSAGE_SELF).ru_nivcsw
            seconds = median(self.sample() for _ in range(count))
            switches = getrusage(RUSAGE_SELF).ru_nivcsw - before
            best = min(best or (switches, seconds), (switches, seconds))
            if switches <= 1:
                break
        self.rounds.append(best[1])


def interleave(calls, rounds):
    """{name: call} -> {name: seconds a call in each round}. Each round starts with another contender."""
    timers = {name: Timer(call) for name, call in calls.items()}
    limit = max(SLOW_SECONDS, SLOW * min(timer.fastest for timer in timers.values()))
    slow = [timer for timer in timers.values() if timer.fastest > limit]
    rest = [timer for timer in timers.values() if timer.fastest <= limit]
    for timer in slow:
        timer.rounds.append(timer.fastest)
    for i in range(rounds):
        shift = i % len(rest)
        for timer in rest[shift:] + rest[:shift]:
            timer.turn()
    return {name: timer.rounds for name, timer in timers.items()}
