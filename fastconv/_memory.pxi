# Scratch, memory of results, and what an array must be to be computed with as it is. Included by _core.pyx.

# One grow-only block. A call takes one from the pool and puts it back, so concurrent calls never share one and a
# program has as many as calls that ever ran at once.
@cython.final
cdef class Arena:
    cdef void *base
    cdef void *memory
    cdef int64_t size
    cdef int64_t unused_calls

    cdef void *reserve(self, int64_t bytes) except NULL:
        # A block far larger than needed for a long time is given back.
        self.unused_calls = self.unused_calls + 1 if bytes < self.size // 8 else 0
        if bytes <= self.size and self.unused_calls < 1000 and (FC_KEEPS_SCRATCH or bytes == 0):
            return self.memory
        free(self.base)
        self.base = NULL
        self.size = 0
        self.memory = fc_allocate(bytes, &self.base)
        if self.memory is NULL:
            raise MemoryError(f"fastconv: no memory for {bytes} bytes of scratch")
        self.size = bytes
        self.unused_calls = 0
        return self.memory

    def __dealloc__(self):
        free(self.base)


cdef list pool = []


cdef inline Arena borrow():
    try:
        return <Arena>pool.pop()
    except IndexError:
        return Arena()


def release_scratch():
    """Give all scratch memory, and that of freed results, back to the system."""
    pool.clear()
    blocks_release()


def scratch_bytes():
    """Bytes of scratch held for later calls."""
    return sum((<Arena>arena).size for arena in list(pool))


def freed_bytes():
    """Bytes of freed results held for later ones."""
    return blocks_kept()


cdef object blocks = blocks_capsule()
cdef double LARGE_RESULT = 65536


def empty(tuple shape, cnp.dtype dtype):
    """numpy.empty; a large array lies in memory that an earlier one left, see blocks.h."""
    cdef double bytes = dtype.itemsize
    for extent in shape:
        bytes *= <double>extent
    if not LARGE_RESULT <= bytes < 1e18:
        return empty_array(shape, dtype)
    previous = PyDataMem_SetHandler(blocks)
    try:
        return empty_array(shape, dtype)
    finally:
        PyDataMem_SetHandler(previous)


# The same for a plain array of floats.
cdef object empty_plain(int n, cnp.npy_intp *shape, int type):
    cdef double bytes = 8 if type == cnp.NPY_FLOAT64 else 4
    cdef int axis
    for axis in range(n):
        bytes *= <double>shape[axis]
    if not LARGE_RESULT <= bytes:
        return cnp.PyArray_EMPTY(n, shape, type, 0)
    previous = PyDataMem_SetHandler(blocks)
    try:
        return cnp.PyArray_EMPTY(n, shape, type, 0)
    finally:
        PyDataMem_SetHandler(previous)


cdef inline const fc_operators *operators(cnp.ndarray x):
    return fc_operators_for(cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT64)


cdef inline void *data(x):
    return NULL if x is None else cnp.PyArray_DATA(<cnp.ndarray>x)


cdef inline bint is_plain(x, int type):
    if x is None:
        return True
    return (cnp.PyArray_CheckExact(x) and cnp.PyArray_TYPE(<cnp.ndarray>x) == type
            and cnp.PyArray_CHKFLAGS(<cnp.ndarray>x, cnp.NPY_ARRAY_CARRAY_RO) and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x))


cpdef bint plain(x, y=None, z=None, w=None):
    """Whether all are C-contiguous, aligned, native ndarrays of one dtype, float32 or float64; None passes."""
    cdef int type
    if not cnp.PyArray_CheckExact(x):
        return False
    type = cnp.PyArray_TYPE(<cnp.ndarray>x)
    if type != cnp.NPY_FLOAT32 and type != cnp.NPY_FLOAT64:
        return False
    return is_plain(x, type) and is_plain(y, type) and is_plain(z, type) and is_plain(w, type)
