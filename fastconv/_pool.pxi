# Pooling: geometry, forward, gradients, indices. Included by _core.pyx.

@cython.final
cdef class PoolGeometry:
    """A checked pooling of independent planes, three axes each; without kernel and its like it is adaptive."""
    cdef fc_pool_geometry c

    def __init__(self, planes, input, output, kernel=None, stride=None, padding=None, dilation=None, asked_kernel=None,
                 asked_padding=None, divisor=0, count_padding=True):
        self.c.planes, self.c.divisor = planes, divisor
        self.c.count_padding, self.c.adaptive = count_padding, kernel is None
        for axis in range(3):
            self.c.input[axis] = input[axis]
            self.c.output[axis] = output[axis]
            if kernel is not None:
                self.c.kernel[axis] = kernel[axis]
                self.c.stride[axis] = stride[axis]
                self.c.padding[axis] = padding[axis]
                self.c.dilation[axis] = dilation[axis]
                self.c.asked_kernel[axis] = asked_kernel[axis]
                self.c.asked_padding[axis] = asked_padding[axis]

    cdef int64_t work(self):
        cdef fc_pool_geometry *g = &self.c
        cdef int64_t seen = g.output[0] * g.output[1] * g.output[2]
        cdef int64_t cells = g.input[0] * g.input[1] * max(g.input[2], 24)  # a short row takes as long as 24 cells
        cdef int axis
        for axis in range(3):
            seen *= 1 if g.adaptive else min(g.kernel[axis], 4)  # large windows are not read cell by cell
        return g.planes * max(seen, cells)

    @property
    def cells(self):
        """Cells of one plane."""
        return self.c.input[0] * self.c.input[1] * self.c.input[2]


def pool_forward(PoolGeometry geometry, int kind, cnp.ndarray input, cnp.ndarray output, indices):
    """Pool `input` into `output`; kind 0 max, 1 min, 2 mean. int64 `indices`, of maxima, may be None."""
    cdef const fc_operators *op = operators(input)
    cdef const fc_pool_geometry *g = &geometry.c
    cdef int threads = threads_for(geometry.work())
    cdef Arena arena
    cdef void *scratch
    cdef void *x = data(input)
    cdef void *y = data(output)
    cdef int64_t *positions = <int64_t *>data(indices)
    if g.planes == 0:
        return output
    arena = borrow()
    scratch = arena.reserve(op.pool_forward_scratch(g, positions is not NULL, threads))
    with nogil:
        op.pool_forward(g, kind, x, y, positions, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return output


def pool_grad_mean(PoolGeometry geometry, cnp.ndarray grad_output, cnp.ndarray grad_input):
    cdef const fc_operators *op = operators(grad_output)
    cdef const fc_pool_geometry *g = &geometry.c
    cdef int threads = threads_for(geometry.work())
    cdef Arena arena
    cdef void *scratch
    cdef void *dy = data(grad_output)
    cdef void *dx = data(grad_input)
    if g.planes == 0:
        return grad_input
    arena = borrow()
    scratch = arena.reserve(op.pool_grad_mean_scratch(g, threads))
    with nogil:
        op.pool_grad_mean(g, dy, dx, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return grad_input


def pool_scatter(int64_t planes, cnp.ndarray source, cnp.ndarray indices, cnp.ndarray result, bint add):
    """Planes of result: source at indices, added up or the last one, zeros elsewhere. False if an index is outside."""
    cdef const fc_operators *op = operators(source)
    cdef int threads = threads_for(4 * max(cnp.PyArray_SIZE(source), cnp.PyArray_SIZE(result)))
    cdef void *x = data(source)
    cdef void *y = data(result)
    cdef const int64_t *positions = <const int64_t *>data(indices)
    cdef int64_t cells, values
    cdef bint inside
    if planes == 0:
        return True
    cells, values = cnp.PyArray_SIZE(result) // planes, cnp.PyArray_SIZE(source) // planes
    with nogil:
        inside = op.pool_scatter(planes, cells, values, add, x, positions, y, threads)
    raise_interrupt()
    return inside


def pool_gather(int64_t planes, cnp.ndarray source, cnp.ndarray indices, cnp.ndarray result):
    """Planes of result: source's cells at indices. False if an index is outside."""
    cdef const fc_operators *op = operators(source)
    cdef int threads = threads_for(4 * cnp.PyArray_SIZE(result))
    cdef void *x = data(source)
    cdef void *y = data(result)
    cdef const int64_t *positions = <const int64_t *>data(indices)
    cdef int64_t cells, values
    cdef bint inside
    if planes == 0:
        return True
    cells, values = cnp.PyArray_SIZE(source) // planes, cnp.PyArray_SIZE(result) // planes
    with nogil:
        inside = op.pool_gather(planes, cells, values, x, positions, y, threads)
    raise_interrupt()
    return inside
