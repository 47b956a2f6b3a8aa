"""Training steps of fastconv beside its peers, interleaved in one run: images/s, memory, digits."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import training
from compare import ALLOCATOR, THREAD_VARIABLES, log
from measure import interleave

OURS = "fastconv"
GOAL = 2.0
MEMORY_STEPS = 4


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--networks", default=",".join(training.NETWORKS), help="separated by commas (default: %(default)s)")
    add("--threads", default="1,2", help="thread counts, separated by commas (default: %(default)s)")
    add("--rounds", type=int, default=15, help="rounds of which medians are taken (default: %(default)s)")
    add("--peers", metavar="REGEX", default="", help="only the peers whose name matches")
    add("--only-fastconv", action="store_true", help="no peers: for tuning")
    add("--no-digits", action="store_true", help="do not train on the digits")
    add("--no-memory", action="store_true", help="do not measure memory")
    add("--quick", action="store_true", help="a smoke run: one thread, two rounds, an epoch of digits")
    add("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds, options.threads = min(options.rounds, 2), "1"
    return options


# What runs in a process of its own, with the thread count and the allocator set before a library is loaded.
def run(argv, worker, threads, script=__file__):
    environment = os.environ | ALLOCATOR | dict.fromkeys(THREAD_VARIABLES, str(threads))
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        command = [sys.executable, script, *argv, "--threads", str(threads), "--worker", f"{worker}:{path}"]
        status = subprocess.run(command, env=environment, check=False).returncode
        if status:
            sys.exit(f"{worker} with {threads} threads ended with status {status}")
        return json.loads(path.read_text())


def work(options):
    worker, path = options.worker.split(":", 1)
    kind, *rest = worker.split("/")
    result = {"speed": speed, "memory": memory, "digits": digits}[kind](options, *rest)
    Path(path).write_text(json.dumps(result))
    return 0


def chosen(options):
    peers = [] if options.only_fastconv else training.CONTENDERS[1:]
    return [training.CONTENDERS[0], *(kind for kind in peers if re.search(options.peers, kind.name))]


def speed(options, network):
    """{contender: seconds a step of each round}, of those that are installed."""
    calls = {}
    for kind in chosen(options):
        contender = kind()
        try:
            contender.start(int(options.threads))
        except ImportError as error:
            log(f"without {contender.name}: {error}")
            continue
        calls[contender.name] = contender.step(network)
    return interleave(calls, options.rounds)


def memory(options, network, name):
    """Megabytes at the peak: of the process, and of them those that came after the library was loaded."""
    contender = next(kind for kind in training.CONTENDERS if kind.name.replace("/", " ") == name)()
    contender.start(int(options.threads))
    before = getrusage(RUSAGE_SELF).ru_maxrss
    step = contender.step(network)
    for _ in range(MEMORY_STEPS):
        step()
    peak = getrusage(RUSAGE_SELF).ru_maxrss
    return peak / 1024, (peak - before) / 1024


def digits(options):
    """(seconds of the whole recipe for the digits, its epochs, accuracy on the held-out 20 %)."""
    from fastconv import nn, train
    from fastconv.optim.lr_scheduler import OneCycleLR
    from fastconv.train.recipes import DIGITS as recipe

    images = recipe.load(None)
    nn.init.manual_seed(0)
    model = recipe.network(1, 10)
    epochs = 1 if options.quick else recipe.epochs
    steps = epochs * -(-len(images.x_train) // training.BATCH)
    schedule = train.LearningRateSchedule(
        lambda optimizer: OneCycleLR(optimizer, recipe.one_cycle * 1e-3, steps), per="batch"
    )
    trainer = train.Trainer(model, "adam", recipe.loss, callbacks=[schedule], seed=0)
    start = time.perf_counter()
    trainer.fit(images.x_train, images.y_train, epochs, training.BATCH, augment=recipe.augment, verbose=False)
    seconds = time.perf_counter() - start
    return seconds, epochs, trainer.evaluate(images.x_test, images.y_test)["accuracy"]


def table(network, threads, times, used):
    """Markdown: images/s of each contender, fastconv's advantage, memory."""
    steps = {name: median(values) for name, values in times.items()}
    mine = steps[OURS]
    lines = [
        f"\n{network}, batch {training.BATCH}, {threads} thread{'s' if threads > 1 else ''}\n",
        "| | images/s | ms a step | fastconv is faster by | peak MB (of it the step's) |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in steps.items():
        megabytes = "{:.0f} ({:.0f})".format(*used[name]) if name in used else "-"
        lines.append(
            f"| {name} | {training.BATCH / seconds:,.0f} | {1e3 * seconds:.2f} "
            f"| {seconds / mine:.2f} | {megabytes} |"
        )
    peers = [seconds for name, seconds in steps.items() if name != OURS]
    if peers:
        ratio = min(peers) / mine
        lines.append(f"\nover the fastest peer: {ratio:.2f} (goal {GOAL}{'' if ratio >= GOAL else ', missed'})")
    return "\n".join(lines)


def main(argv):
    options = parse(argv)
    if options.worker:
        return work(options)
    for threads in map(int, options.threads.split(",")):
        for network in options.networks.split(","):
            times = run(argv, f"speed/{network}", threads)
            used = {} if options.no_memory or options.quick else {
                name: run(argv, f"memory/{network}/{name.replace('/', ' ')}", threads) for name in times
            }
            print(table(network, threads, times, used), flush=True)
    if not options.no_digits:
        seconds, epochs, accuracy = run(argv, "digits", threads)
        print(f"\ndigits, {threads} threads: {accuracy:.2%} after {epochs} epochs in {seconds:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
