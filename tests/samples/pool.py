"""Pools: every rank gets the same windows, from one table of per-axis parameters."""

from .draw import Code, Sample, apart, normal, positive

WIDTHS = (2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 67, 141)
LEADS = {1: (2, 3), 2: (2, 3, 5), 3: (1, 2, 4, 5)}


def windows(rank, dilation):
    """Parameter sets; the axes of a tuple differ."""
    sets = [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": 2, "stride": 5},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": (2, 3, 4)[:rank], "stride": (2, 1, 3)[:rank], "padding": (1, 0, 2)[:rank]},
        {"kernel_size": 2, "stride": 3, "ceil_mode": True},
        {"kernel_size": 1},
    ]
    if dilation:
        sets += [{"kernel_size": 2, "dilation": 3, "stride": 1}]
        sets += [
            {"kernel_size": 2, "stride": 2, "dilation": (2, 3, 2)[:rank], "padding": 1, "ceil_mode": True}
        ]
    return sets


def pools(rank, draw, dilation=True):
    sets = windows(rank, dilation)
    widths = [Sample(input=draw(*LEADS[rank], w), kernel_size=2, stride=2) for w in WIDTHS]
    shaped = [Sample(input=draw(*LEADS[rank], 11), **parameters) for parameters in sets]
    unbatched = Sample(input=draw(*LEADS[rank][1:], 9), kernel_size=2)
    empty = Sample(input=draw(0, *LEADS[rank][1:], 9), kernel_size=2)
    return [*widths, *shaped, unbatched, empty]


def averages(rank):
    special = [
        {"kernel_size": 3, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "padding": 1, "count_include_pad": False, "ceil_mode": True},
        {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True},
        {"kernel_size": 2, "divisor_override": 7},
    ]
    return pools(rank, normal, False) + [Sample(input=normal(*LEADS[rank], 13), **s) for s in special]


def powers(rank):
    shapes = [
        (2, {"kernel_size": 2}),
        (2.0, {"kernel_size": 3, "stride": 2}),
        (3, {"kernel_size": 2, "stride": 3}),
        (Code("float('inf')"), {"kernel_size": 3, "stride": 2}),
        (Code("-float('inf')"), {"kernel_size": 2}),
    ]
    calls = [Sample(input=positive(*LEADS[rank], 11), norm_type=p, **w) for p, w in shapes]
    return [*calls, Sample(input=positive(*LEADS[rank], 11), norm_type=1, kernel_size=2, ceil_mode=True)]


def adaptive(rank):
    sizes = [1, (3, 2, 5)[:rank], 4] + ([(None, 3, 2)[:rank]] if rank > 1 else [7])
    calls = [Sample(input=apart(*LEADS[rank], 11), output_size=size) for size in sizes]
    return [*calls, Sample(input=apart(*LEADS[rank][1:], 7), output_size=2)]


def unpools(rank):
    """Indices of a pool by 2: the first cell of each window, in the second case into a larger plane."""
    out = (2, 3, 4)[:rank]
    cells = "*".join(str(2 * n) for n in out)
    starts = f"np.arange({cells}).reshape({tuple(2 * n for n in out)})[{','.join(['::2'] * rank)}]"
    indices = Code(f"np.broadcast_to({starts}, {(2, 3, *out)}).copy()")
    larger = tuple(2 * n + 1 for n in out)
    return [
        Sample(input=normal(2, 3, *out), indices=indices, kernel_size=2),
        Sample(
            input=normal(2, 3, *out), indices=indices, kernel_size=2, stride=2, padding=0, output_size=larger
        ),
    ]


SAMPLES = {
    "global_avg_pool": [Sample(input=normal(2, 3, 4, 5)), Sample(input=normal(1, 4, 33))],
    "global_max_pool": [Sample(input=apart(2, 3, 4, 5)), Sample(input=apart(1, 4, 33))],
}
for _rank in (1, 2, 3):
    SAMPLES[f"max_pool{_rank}d"] = pools(_rank, apart)
    SAMPLES[f"min_pool{_rank}d"] = pools(_rank, apart)
    SAMPLES[f"avg_pool{_rank}d"] = averages(_rank)
    SAMPLES[f"lp_pool{_rank}d"] = powers(_rank)
    SAMPLES[f"adaptive_avg_pool{_rank}d"] = adaptive(_rank)
    SAMPLES[f"adaptive_max_pool{_rank}d"] = adaptive(_rank)
    SAMPLES[f"max_unpool{_rank}d"] = unpools(_rank)

LARGE = {
    "max_pool2d": [Sample(input=normal(4, 16, 56, 57), kernel_size=3, stride=2, padding=1)],
    "min_pool2d": [Sample(input=normal(4, 16, 56, 57), kernel_size=2)],
    "avg_pool2d": [Sample(input=normal(4, 16, 56, 57), kernel_size=3, stride=2, padding=1)],
    "max_pool1d": [Sample(input=normal(8, 16, 2001), kernel_size=2)],
    "avg_pool3d": [Sample(input=normal(2, 8, 16, 17, 33), kernel_size=2)],
}

EXACT = tuple(name for name in SAMPLES if name.startswith(("max_", "min_", "adaptive_max", "global_max")))
