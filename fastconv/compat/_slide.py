"""Windows sliding over an array of any rank: few merged axes for the kernels, borders apart from the inside."""

import numpy as np

from ._extend import extend, take_range

# One extended copy costs less than borders apart below so many cells, and for windows beyond so many.
SMALL, LONG = 1 << 19, 31


def merge(shape, window):
    """Groups of neighbouring axes that count as one: [(axes, window)], axes without a window merged.

    Leading axes without a window come first as one group, perhaps of no axis at all."""
    groups = [([], 1)]
    for axis, size in enumerate(window):
        if size == 1 and groups[-1][1] == 1:
            groups[-1][0].append(axis)
        else:
            groups.append(([axis], size))
    return groups


def slide(x, window, starts, shape, modes, cval, run, harmless):
    """run(part, padding) at every place: window number m covers cells starts + m on of the continued x.

    x, and `run`'s part: (N, axes...); window, starts, shape, modes: for these axes. run computes all windows inside
    its part with `padding` neutral cells at both ends of each axis, as (anything..., N, axes...), or turned=True those
    with their last two axes swapped. `harmless`: neutral cells do for the continuation."""
    n = x.shape[1:]
    padding = [-start for start in starts]
    level = all(p >= 0 and m == size + 2 * p - w + 1 for p, m, size, w in zip(padding, shape, n, window))
    if level and (harmless or not any(padding)):
        return run(x, padding)
    stops = [start + m + w - 1 for start, m, w in zip(starts, shape, window)]
    wide = all(size >= 4 * w for size, w in zip(n, window) if w > 1)
    if not level or tuple(shape) != n or x.size < SMALL or max(window) > LONG or not wide:
        return run(extend(x, (0, *starts), (len(x), *stops), ("", *modes), cval), [0] * len(n))
    result = run(x, padding)
    for axis, p in enumerate(padding):
        if not p:
            continue
        size, rest = n[axis], len(n) - axis - 1
        for first in (0, size - p):
            part = take_range(x, axis + 1, first - p, first + 2 * p, modes[axis], cval)
            part_starts = [0, *starts]
            part_stops = [len(x), *stops]
            part_starts[axis + 1], part_stops[axis + 1] = 0, 3 * p
            part = extend(part, part_starts, part_stops, ("", *modes), cval)
            if rest or len(n) == 1:
                edge = run(part, [0] * len(n))
            else:  # a column becomes a row, which fills vectors
                edge = run(part.swapaxes(-1, -2), [0] * len(n), turned=True).swapaxes(-1, -2)
            result[(..., slice(first, first + p), *(slice(None),) * rest)] = edge
    return result


def turn(extents, turned):
    """Extents for a run, swapped where its part is."""
    return (*extents[:-2], *extents[:-3:-1]) if turned else tuple(extents)


def slide_merged(x, window, starts, shape, modes, cval, run, harmless):
    """slide() for an x of any rank and windows over at most three groups of axes; run's part is (N, 1 to 3 axes)."""
    groups = merge(x.shape, window)
    if len(groups) == 1:
        groups.append(([], 1))
    extents = [int(np.prod([x.shape[a] for a in axes])) for axes, _ in groups]

    def of_groups(values, plain):
        return [values[axes[0]] if size > 1 or len(axes) == 1 else plain for axes, size in groups[1:]]

    outputs = [int(np.prod([shape[a] for a in axes])) for axes, _ in groups]
    result = slide(
        np.ascontiguousarray(x).reshape(extents),
        of_groups(window, 1),
        of_groups(starts, 0),
        outputs[1:],
        of_groups(modes, "nearest"),
        cval,
        run,
        harmless,
    )
    return result.reshape((*result.shape[: -len(groups)], *shape))


def by_axis(steps, shape):
    """Boxes one axis after another: (window, before, modes) over all axes for each (axis, size, before, mode)."""
    for axis, *step in steps:
        window, before, modes = [1] * len(shape), [0] * len(shape), ["nearest"] * len(shape)
        window[axis], before[axis], modes[axis] = step
        yield window, before, modes


def together(steps, shape):
    """The same as one box, if that has no more axes than the kernels."""
    window, before, modes = [1] * len(shape), [0] * len(shape), ["nearest"] * len(shape)
    for axis, *step in steps:
        window[axis], before[axis], modes[axis] = step
    return [(window, before, modes)] if len(merge(shape, window)) <= 4 else list(by_axis(steps, shape))
