# Weights prepared once for many calls. Included by _core.pyx.

cdef enum:
    MOST_MADE = 4  # shapes and parameters for which one weight keeps what was made


cdef class PreparedWeight:
    """A weight `array` that nothing can write to, and what passes make of it, made when first asked for."""
    cdef readonly cnp.ndarray array
    cdef readonly object dtype
    cdef readonly dict made  # (geometry, instruction set, exact) -> bytes, or None where the weight is read in place
    cdef bint computed_with  # in this dtype: half precision is only stored
    cdef ConvGeometry geometry  # what was asked for last
    cdef const fc_operators *op
    cdef int exact
    cdef cnp.ndarray last

    def __init__(self, cnp.ndarray array, dtype):
        # Memory of a bytes object: no flag can make it writeable.
        self.array = frombuffer(array.tobytes(), array.dtype).reshape((<object>array).shape)
        self.dtype = dtype
        self.computed_with = dtype == array.dtype
        self.made = {}

    cpdef object packed(self, ConvGeometry geometry, bint forward, int precision):
        """What the pass makes of the weight, or None where it reads the weight in place."""
        cdef const fc_operators *op = operators(self.array)
        cdef int exact = precision_here(precision) == EXACT
        with cython.critical_section(self):
            if geometry is not self.geometry or op != self.op or exact != self.exact:
                key = (geometry, <size_t>op, exact)
                if key not in self.made:
                    while len(self.made) >= MOST_MADE:
                        self.made.pop(next(iter(self.made)), None)
                    self.made[key] = self.make(geometry, forward, precision)
                self.geometry, self.op, self.exact, self.last = geometry, op, exact, self.made[key]
            return self.last

    cdef make(self, ConvGeometry geometry, bint forward, int precision):
        cdef int64_t size = geometry.packed_bytes(forward, cnp.PyArray_TYPE(self.array) == cnp.NPY_FLOAT64, precision)
        if size == 0:
            return None
        memory = empty_array(size + 64, "uint8")
        made = memory[-<size_t>data(memory) % 64:][:size]
        conv_pack(geometry, forward, self.array, made, precision)
        return made
