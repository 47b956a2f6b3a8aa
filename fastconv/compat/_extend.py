"""Arrays continued beyond their edges in SciPy's boundary modes."""

import numpy as np

# SciPy's names for each of the five ways. Shown for the cells a b c d:
MODES = {
    "reflect": "reflect",  # d c b a | a b c d | d c b a
    "grid-mirror": "reflect",
    "mirror": "mirror",  # d c b | a b c d | c b a
    "nearest": "nearest",  # a a a a | a b c d | d d d d
    "wrap": "wrap",  # a b c d | a b c d | a b c d
    "grid-wrap": "wrap",
    "constant": "constant",  # k k k k | a b c d | k k k k
    "grid-constant": "constant",
}


def mode_name(mode):
    """The plain name of a mode; RuntimeError, as in SciPy, for what is none."""
    if not isinstance(mode, str) or mode not in MODES:
        raise RuntimeError("boundary mode not supported")
    return MODES[mode]


def source_index(mode, positions, n):
    """Cells of an axis of n cells that stand at `positions`, which may lie outside; constant: those of nearest."""
    if mode == "wrap":
        return positions % n
    if mode in ("nearest", "constant"):
        return np.clip(positions, 0, n - 1)
    last = 2 * n - 1 if mode == "reflect" else max(2 * n - 2, 0)
    folded = positions % (last + 1 if mode == "reflect" else max(last, 1))
    return np.minimum(folded, last - folded)


def source_cells(mode, start, stop, n):
    """The same for positions start to stop, with -1 for a constant."""
    positions = np.arange(start, stop, dtype=np.int64)
    cells = source_index(mode, positions, n)
    if mode == "constant":
        cells[(positions < 0) | (positions >= n)] = -1
    return cells


def take_range(x, axis, start, stop, mode, cval):
    """Cells start to stop of the continued axis: a view if they all exist."""
    n = x.shape[axis]
    if start >= 0 and stop <= n:
        return x[(slice(None),) * axis + (slice(start, stop),)]
    positions = np.arange(start, stop)
    before = (slice(None),) * axis
    taken = x[(*before, source_index(mode, positions, n))]
    if mode == "constant":
        taken[(*before, (positions < 0) | (positions >= n))] = cval
    return taken


def extend(x, starts, stops, modes, cval):
    """Cells [start, stop) of each continued axis of x, as a C-contiguous array.

    An axis that only grows is filled in beside the cells that exist; any other range is taken cell by cell."""
    grown = []
    for axis, (start, stop, n) in enumerate(zip(starts, stops, x.shape)):
        grows = start <= 0 and stop >= n
        if not grows:
            x = take_range(x, axis, start, stop, modes[axis], cval)
        grown.append((-start, stop - n) if grows else (0, 0))
    if not any(map(any, grown)):
        return np.ascontiguousarray(x)
    result = np.empty([before + n + after for n, (before, after) in zip(x.shape, grown)], x.dtype)
    region = [slice(before, before + n) for n, (before, _) in zip(x.shape, grown)]
    result[tuple(region)] = x
    for axis, (n, (before, after)) in enumerate(zip(x.shape, grown)):
        inside = result[tuple(region)]
        for first, count in ((-before, before), (n, after)):
            edge = list(region)
            edge[axis] = slice(before + first, before + first + count)
            if count and modes[axis] == "constant":
                result[tuple(edge)] = cval
            elif count:
                index = source_index(modes[axis], np.arange(first, first + count), n)
                result[tuple(edge)] = inside[(slice(None),) * axis + (index,)]
        region[axis] = slice(None)
    return result
