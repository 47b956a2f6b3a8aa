# Cells along axes: picked by an index, or summed by a sparse matrix. Included by _core.pyx.

def pick(tuple extent, tuple result, cnp.ndarray index, double value, cnp.ndarray x, cnp.ndarray y):
    """y (outer, *result) with the cells of x (outer, *extent) that index, int64 and trusted, names along three axes in turn."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(cnp.PyArray_SIZE(y))
    cdef int64_t[3] sizes = extent, sizes_of_y = result
    cdef const int64_t *at = <const int64_t *>data(index)
    cdef void *source = data(x)
    cdef void *target = data(y)
    cdef int64_t outer
    if cnp.PyArray_SIZE(y) == 0:
        return y
    outer = cnp.PyArray_SIZE(y) // (sizes_of_y[0] * sizes_of_y[1] * sizes_of_y[2])
    with nogil:
        op.pick(outer, sizes, sizes_of_y, at, value, source, target, threads)
    raise_interrupt()
    return y


def resample(int64_t outer, int64_t inner, cnp.ndarray bounds, cnp.ndarray columns, cnp.ndarray weights, cnp.ndarray x, cnp.ndarray y):
    """y (outer, rows, inner) = matrix along the middle axis of x; row r is weights at columns, from bounds[r] to bounds[r + 1].

    bounds and columns are int64 and trusted."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(4 * max(cnp.PyArray_SIZE(x), cnp.PyArray_SIZE(y)))
    cdef const int64_t *starts = <const int64_t *>data(bounds)
    cdef const int64_t *at = <const int64_t *>data(columns)
    cdef void *w = data(weights)
    cdef void *source = data(x)
    cdef void *target = data(y)
    cdef int64_t cells, rows
    if cnp.PyArray_SIZE(x) == 0 or cnp.PyArray_SIZE(y) == 0:
        return y
    cells, rows = cnp.PyArray_SIZE(x) // (outer * inner), cnp.PyArray_SIZE(y) // (outer * inner)
    with nogil:
        op.resample(outer, cells, rows, inner, starts, at, w, source, target, threads)
    raise_interrupt()
    return y


def resample_grad(cnp.ndarray bounds, cnp.ndarray columns, cnp.ndarray weights, cnp.ndarray x, cnp.ndarray grad_output, grad_x, grad_weights):
    """Gradients of resample for x (cells, inner) and weights, written where not None, from grad_output (rows, inner)."""
    cdef const fc_operators *op = operators(x)
    cdef int64_t cells = cnp.PyArray_DIM(x, 0), inner = cnp.PyArray_DIM(x, 1), rows = cnp.PyArray_DIM(grad_output, 0)
    cdef int threads = threads_for(4 * inner * cnp.PyArray_SIZE(columns))
    cdef const int64_t *starts = <const int64_t *>data(bounds)
    cdef const int64_t *at = <const int64_t *>data(columns)
    cdef void *w = data(weights)
    cdef void *source = data(x)
    cdef void *g = data(grad_output)
    cdef void *dx = data(grad_x)
    cdef void *dw = data(grad_weights)
    with nogil:
        op.resample_grad(cells, rows, inner, starts, at, w, source, g, dx, dw, threads)
    raise_interrupt()
