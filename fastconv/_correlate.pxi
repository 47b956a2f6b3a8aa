# Correlation of planes continued beyond their edges, and whether arrays are finite. Included by _core.pyx.

def correlate(int64_t outer, rows, columns, cnp.ndarray x, kernel, roots, down, along, cnp.ndarray y):
    """y (outer, P, Q) = x (outer, H, W) correlated with a kernel (R, S), or else with `down` along H and `along` along W.

    rows, columns: (extent in x, in y, taps, cell of x under the first tap at first, the int64 cells under all taps,
    constant, divisor of sums along a vector). A cell is -1 for the constant; they are trusted. roots (N, 2): those of 1,
    with which kernel is the spectrum (N, 2, S) of its columns, or None. down, along: weights, or None for one tap of 1.
    Returns whether y is finite."""
    cdef const fc_operators *op = operators(x)
    cdef fc_correlation f
    cdef int axis, finite, threads
    cdef Arena arena
    cdef void *scratch
    cdef void *source = data(x)
    cdef void *target = data(y)
    cdef void *weights = data(kernel)
    cdef void *turns = data(roots)
    cdef int64_t N = 0 if roots is None else roots.shape[0]
    cdef void *vertical = data(down)
    cdef void *horizontal = data(along)
    f.outer = outer
    for axis, line in enumerate((rows, columns)):
        f.source[axis], f.result[axis], f.taps[axis], f.start, cells, f.constant[axis], f.divisor[axis] = line
        f.at[axis] = <const int64_t *>data(cells)
    threads = threads_for(cnp.PyArray_SIZE(y) * (2 + (f.taps[0] + f.taps[1]) // 8))
    arena = borrow()
    if weights is NULL:
        scratch = arena.reserve(op.separable_scratch(&f, threads))
    elif N:
        scratch = arena.reserve(op.spectral_scratch(&f, N, threads))
    else:
        scratch = arena.reserve(op.dense_scratch(&f, threads))
    with nogil:
        if weights is NULL:
            finite = op.separable(&f, source, vertical, horizontal, target, scratch, threads)
        elif N:
            finite = op.spectral(&f, N, source, weights, turns, target, scratch, threads)
        else:
            finite = op.dense(&f, source, weights, target, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return finite != 0


def all_finite(cnp.ndarray x):
    """Whether no element is infinite or NaN."""
    cdef const fc_operators *op = operators(x)
    cdef int64_t n = cnp.PyArray_SIZE(x)
    cdef int threads = threads_for(n)
    cdef int finite
    cdef void *source = data(x)
    with nogil:
        finite = op.all_finite(n, source, threads)
    raise_interrupt()
    return finite != 0
