"""The `fastconv` command: info, train, bench."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors are one line on stderr and exit status 1 (2: wrong usage, 130: Ctrl-C)."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("fastconv: interrupted", file=sys.stderr)
        return 130
    except (OSError, ValueError, TypeError, ImportError, MemoryError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"fastconv: {message}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastconv", description="Convolutional networks on plain NumPy arrays.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"fastconv {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    info = commands.add_parser("info", help="show version, instruction sets, threads")
    info.set_defaults(run=_info)

    train = commands.add_parser("train", help="train a small network on a data set", allow_abbrev=False)
    train.add_argument("data_set", choices=("digits", "cifar10", "mnist"))
    train.add_argument("--data", type=Path, metavar="PATH", help="folder or archive of cifar10 or mnist")
    train.add_argument("--epochs", type=_positive, help="default: digits 10, cifar10 10, mnist 5")
    train.add_argument("--batch-size", type=_positive, default=64)
    train.add_argument("--lr", type=_rate, default=1e-3, help="Adam's learning rate (default 0.001)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--out", type=Path, metavar="DIR", help="write pictures, history and the model here")
    train.add_argument("--compare", action="store_true", help="time the same convolutions in NumPy and SciPy")
    train.set_defaults(run=_train)

    bench = commands.add_parser("bench", help="time a few convolutions beside NumPy im2col and SciPy")
    bench.add_argument("--seconds", type=float, default=1.0, help="time for each line (default 1)")
    bench.set_defaults(run=_bench)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def _info(options) -> None:
    from . import show_config

    show_config()


def _train(options) -> None:
    from .train import recipes

    recipes.run(
        options.data_set,
        options.data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        lr=options.lr,
        seed=options.seed,
        out=options.out,
        compare=options.compare or options.data_set == "digits",
    )


def _bench(options) -> None:
    from .train import neighbours

    print(neighbours.table(neighbours.LAYERS, options.seconds))


if __name__ == "__main__":
    sys.exit(main())
