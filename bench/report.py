"""The figures of one run as Markdown tables and as JSON."""

import json
import os
import platform
import re
from math import exp, log
from pathlib import Path

OURS, PREPARED, PYTORCH = "fastconv", "fastconv (prepared)", "PyTorch"

# What fastconv aims at: over PyTorch, over the best peer of each layer, over it on the worst layer.
GOALS = {"forward": (3.0, 1.4, 0.9), "grad_input": (2.0, 1.6, 0.9), "grad_weight": (2.0, 1.9, 0.9)}
# Forward over PyTorch, by family.
FAMILY_GOALS = {
    "3x3 stride 1": 1.7,
    "1x1": 1.3,
    "strided, dilated, stem": 1.2,
    "1-D": 1.5,
    "3-D": 4.0,
    "transposed": 2.0,
    "grouped": 4.0,
    "depthwise": 3.0,
    "max pool": 8.0,
    "image filter": 10.0,
    "small": 2.0,
}


def machine():
    """The processor, its cores and the system."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else []
    processor = names[0] if names else platform.processor() or platform.machine()
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def stem(run, suite):
    processor = re.sub(r"\W+", "-", run["machine"]["processor"].lower()).strip("-")
    return f"{run['date']}-{processor}-{suite}-{run['dtype']}"


def geomean(values):
    values = list(values)
    return exp(sum(map(log, values)) / len(values)) if values else None


def best_peer(record):
    """(name, seconds) of the fastest contender that is not fastconv; ("", None) without one."""
    peers = {name: t for name, t in record["seconds"].items() if not name.startswith(OURS)}
    name = min(peers, key=peers.get, default="")
    return name, peers.get(name)


def over(record, seconds, ours=OURS):
    """How many times faster fastconv is than `seconds`; None where either is missing."""
    mine = record["seconds"].get(ours)
    return seconds / mine if mine and seconds else None


def over_pytorch(record, ours=OURS):
    return over(record, record["seconds"].get(PYTORCH), ours)


def over_best(record, ours=OURS):
    return over(record, best_peer(record)[1], ours)


def known(values):
    return [value for value in values if value is not None]


def show(value, goal=None):
    if value is None:
        return "-"
    mark = "" if goal is None else f" (goal {goal:g}{'' if value >= goal else ', missed'})"
    return f"{value:.3g}{mark}"


def table(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def groups(records, *keys):
    """{values of the keys: records}, in order of appearance."""
    found = {}
    for record in records:
        found.setdefault(tuple(record[key] for key in keys), []).append(record)
    return found


# "5 of 6" where fastconv was not measured on all of them.
def count(records):
    done = sum(OURS in record["seconds"] for record in records)
    return done if done == len(records) else f"{done} of {len(records)}"


def summary(records):
    head = [
        "threads",
        "pass",
        "layers",
        "over PyTorch",
        "over the best peer",
        "worst layer over its best peer",
        "where",
    ]
    rows = []
    for (threads, mode), group in groups(records, "threads", "mode").items():
        goals = GOALS.get(mode, (None,) * 3)
        worst = min((r for r in group if over_best(r)), key=over_best, default=None)
        values = (
            geomean(known(map(over_pytorch, group))),
            geomean(known(map(over_best, group))),
            over_best(worst) if worst else None,
        )
        rows.append(
            [threads, mode, count(group), *map(show, values, goals), worst["layer"] if worst else "-"]
        )
    return table(head, rows)


def families(records):
    head = [
        "pass",
        "family",
        "threads",
        "layers",
        "over PyTorch",
        "prepared over PyTorch",
        "over the best peer",
    ]
    rows = []
    for (mode, family, threads), group in sorted(groups(records, "mode", "family", "threads").items()):
        goal = FAMILY_GOALS.get(family) if mode == "forward" else None
        prepared = geomean(known(over_pytorch(r, PREPARED) for r in group))
        values = [show(geomean(known(map(over_pytorch, group))), goal), show(prepared)]
        rows.append(
            [mode, family, threads, count(group), *values, show(geomean(known(map(over_best, group))))]
        )
    return table(head, rows)


def cell(record, name):
    """Milliseconds, and for a peer how many times faster fastconv is."""
    seconds = record["seconds"].get(name)
    if seconds is None:
        return "-"
    ratio = None if name == OURS else over(record, seconds)
    return f"{1e3 * seconds:.3g}" + (f" ({ratio:.2f}x)" if ratio else "")


def details(records):
    names = list(dict.fromkeys(name for record in records for name in record["seconds"]))
    head = [
        "layer",
        "pass",
        "MFLOP",
        *names,
        "best peer",
        "over best",
        "floor ms",
        "% FMA peak",
        "% floor",
        "error, eps",
    ]
    rows = []
    for record in records:
        mine, flops = record["seconds"].get(OURS), record.get("flops")
        limits = ["-"] * 3
        if flops:
            limits[0] = f"{1e3 * record['floor']:.3g}"
        if flops and mine:
            limits[1:] = f"{100 * flops / mine / record['peak']:.0f}", f"{100 * record['floor'] / mine:.0f}"
        start = [record["layer"], record["mode"], f"{flops / 1e6:.3g}" if flops else "-"]
        middle = [cell(record, name) for name in names]
        end = [best_peer(record)[0], show(over_best(record)), *limits, show(record["errors"].get(OURS))]
        rows.append([*start, *middle, *end])
    return table(head, rows)


def markdown(run):
    records, box = run["records"], run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    parts = [
        f"# fastconv beside its peers, {run['date']}\n",
        f"{box['processor']}, {box['cores']} cores, {box['system']}, Python {platform.python_version()}. "
        f"{versions}.\n",
        f"{run['dtype']}, medians of {run['rounds']} interleaved rounds, "
        f"`compare.py {' '.join(run['command'])}`. A ratio above 1: fastconv is faster. "
        "How it is measured: bench/README.md.\n",
    ]
    if not records:
        return "\n".join([*parts, "No layer matches."])
    parts += ["## Summary (geometric means)\n", summary(records)]
    if run["suite"] == "layers":
        parts += ["## By family\n", families(records)]
    for (threads,), group in groups(records, "threads").items():
        parts.append(f"## {threads} thread{'s' * (threads > 1)}: milliseconds (fastconv's ratio)\n")
        if "peak" in group[0]:
            peaks = [record["peak"] / 1e9 for record in group]
            low, high = min(peaks), max(peaks)
            parts.append(
                f"{group[0]['probe']}: {low:.0f} to {high:.0f} GFLOP/s, measured beside each layer. "
                "The floor is the longer of all FLOPs at that rate and of moving each array once.\n"
            )
        parts.append(details(group))
    notes = [*run["notes"], *(f"{r['layer']} {r['mode']}: {note}" for r in records for note in r["notes"])]
    if notes:
        parts += ["## Left out\n", "\n".join(f"- {note}" for note in dict.fromkeys(notes)), ""]
    return "\n".join(parts)


def as_json(run):
    """The run as JSON, one record a line, the times of each round to four digits."""
    lines = []
    for record in run["records"]:
        rounds = {name: [float(f"{t:.4g}") for t in times] for name, times in record["rounds"].items()}
        lines.append(json.dumps(record | {"rounds": rounds}))
    head = json.dumps({key: value for key, value in run.items() if key != "records"}, indent=1)
    return head[:-2] + ',\n "records": [\n' + ",\n".join(lines) + "\n]}\n"
