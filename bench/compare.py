"""fastconv beside its peers on the named layers, in one run. See README.md in this folder."""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUICK = "^(tiny_|rn50_3x3_256_14|mbv2_dw3_960|pool_avg2s2_256|t_lenet2|t_pool_max2s2)"

# glibc keeps freed memory: without this, page faults on large results dominate the time of every library.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 33),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTCONV_NUM_THREADS")


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--suite",
        choices=("layers", "filters"),
        default="layers",
        help="filters: image filters as in scipy.ndimage",
    )
    add("--layers", metavar="REGEX", default="", help="only the layers whose name matches")
    add(
        "--neighbours",
        action="store_true",
        help="the sizes beside the named layers instead of the named ones",
    )
    add(
        "--modes",
        default="forward,grad_input,grad_weight",
        help="passes, separated by commas (default: %(default)s)",
    )
    add("--threads", default="1,2", help="thread counts, separated by commas (default: %(default)s)")
    add("--rounds", type=int, default=7, help="rounds of which medians are taken (default: %(default)s)")
    add("--peers", metavar="REGEX", default="", help="only the peers whose name matches")
    add("--only-fastconv", action="store_true", help="no peers: for tuning")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add(
        "--quick",
        action="store_true",
        help="a smoke run: few layers, two rounds, writes files only with --out",
    )
    add("--out", type=Path, help="folder of the results (default: results/ beside this script)")
    add("--json", action="store_true", help="print the JSON instead of the Markdown")
    add("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds = min(options.rounds, 2)
        options.layers = options.layers or (QUICK if options.suite == "layers" else "")
    return options


# Each thread count in a process of its own: most libraries read their settings once, when they are loaded.
def run_worker(argv, threads):
    environment = os.environ | ALLOCATOR | dict.fromkeys(THREAD_VARIABLES, str(threads))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        command = [sys.executable, __file__, *argv, "--threads", str(threads), "--worker", str(path)]
        status = subprocess.run(command, env=environment, check=False).returncode
        if status:
            sys.exit(f"the run with {threads} threads ended with status {status}")
        return json.loads(path.read_text())


def work(options):
    """Measures one thread count and writes its records, one for each layer and pass."""
    suite = importlib.import_module(f"suite_{options.suite}")
    records, versions, notes = suite.measure(options, int(options.threads), log)
    options.worker.write_text(json.dumps({"records": records, "versions": versions, "notes": notes}))
    return 0


def draw(run, path):
    try:
        chart = importlib.import_module("chart")
        chart.save(run, path)
    except ImportError as error:
        log(f"no chart: {error}")


def log(text):
    print(text, file=sys.stderr, flush=True)


def main(argv):
    options = parse(argv)
    if options.worker:
        return work(options)
    import report

    run = {
        "date": date.today().isoformat(),
        "machine": report.machine(),
        "command": argv,
        "records": [],
        "notes": [],
    }
    run |= {"suite": options.suite, "dtype": options.dtype, "rounds": options.rounds, "versions": {}}
    for threads in map(int, options.threads.split(",")):
        part = run_worker(argv, threads)
        run["records"] += part["records"]
        run["versions"] |= part["versions"]
        run["notes"] += [note for note in part["notes"] if note not in run["notes"]]
    markdown = report.markdown(run)
    print(report.as_json(run) if options.json else markdown)
    if options.out or not options.quick:
        folder = options.out or HERE / "results"
        folder.mkdir(parents=True, exist_ok=True)
        stem = report.stem(run, "neighbours" if options.neighbours else options.suite)
        (folder / f"{stem}.md").write_text(markdown)
        (folder / f"{stem}.json").write_text(report.as_json(run))
        draw(run, folder / f"{stem}.png")
        log(f"written: {folder / stem}.*")
    wrong = [r for r in run["records"] if r["wrong"]]
    for record in wrong:
        log(f"WRONG RESULT: fastconv on {record['layer']} {record['mode']}, {record['threads']} threads")
    if not any("fastconv" in r["seconds"] for r in run["records"]):
        log("fastconv was not measured")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
