"""The suite of named layers: every contender on every layer and pass, checked, then timed in rounds."""

import re
from statistics import median

import numpy as np

from contenders import OURS, PEERS, start_all
from measure import interleave
from oracle import TOLERANCE, Oracle
from probes import fma_peak, stream
from problem import Problem, Unsupported
from shapes import LAYERS, NEIGHBOURS

PEAK, STREAM = "FMA peak", "stream"


def measure(options, threads, log):
    """(a record for each layer and pass, {contender: version}, notes)."""
    peers = () if options.only_fastconv else [kind for kind in PEERS if re.search(options.peers, kind.name)]
    contenders, notes = start_all((*OURS, *peers), threads)
    layers = [x for x in (NEIGHBOURS if options.neighbours else LAYERS) if re.search(options.layers, x.name)]
    records = []
    for layer in layers:
        for mode in layer.modes:
            if mode in options.modes.split(","):
                problem = Problem.random(layer, mode, np.dtype(options.dtype))
                record = compare(problem, contenders, threads, options.rounds)
                records.append(record)
                times = "  ".join(f"{name} {1e3 * t:.4g}" for name, t in record["seconds"].items())
                log(f"{threads} threads  {layer.name:30} {mode:11} ms: {times}")
    return records, {c.name: c.version for c in contenders}, notes


def compare(problem, contenders, threads, rounds):
    layer, mode, oracle = problem.layer, problem.mode, Oracle(problem)
    calls, errors, notes = {}, {}, []
    for contender in contenders:
        try:
            call = contender.build(problem)
            errors[contender.name] = oracle.error(call())
        except Unsupported:
            continue
        except Exception as error:
            notes.append(f"{contender.name} failed: {error}")
            continue
        if errors[contender.name] <= TOLERANCE:
            calls[contender.name] = call
        else:
            notes.append(f"{contender.name} is wrong: error {errors[contender.name]:.3g} eps")
    read, written = layer.traffic(mode, problem.dtype)
    calls[PEAK], flops, probe = fma_peak(problem.dtype, threads)
    calls[STREAM] = stream(read, written, threads)
    times = interleave(calls, rounds)
    seconds = {name: median(values) for name, values in times.items()}
    peak, moved = flops / min(times[PEAK]), seconds[STREAM]
    del seconds[PEAK], seconds[STREAM]
    return {
        "layer": layer.name,
        "mode": mode,
        "threads": threads,
        "family": layer.family,
        "flops": layer.flops(mode),
        "bytes": read + written,
        "peak": peak,
        "probe": probe,
        "stream": moved,
        "floor": max(layer.flops(mode) / peak, moved),
        "seconds": seconds,
        "rounds": {name: times[name] for name in seconds},
        "errors": errors,
        "wrong": errors.get("fastconv", 0) > TOLERANCE or errors.get("fastconv (prepared)", 0) > TOLERANCE,
        "notes": notes,
    }
