# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False, freethreading_compatible=True
"""The door to C: pointers in, GIL released, scratch owned. Trusts its callers, so only geometry-checked calls reach it."""

import contextvars
import os
import threading

from numpy import empty as empty_array

cimport cython
from libc.stdint cimport int64_t
cimport numpy as cnp

cnp.import_array()

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* 64-byte aligned; large blocks on huge pages where the system has them. */
    static void *fc_allocate(size_t bytes, void **base) {
        size_t alignment = bytes >= (4u << 20) ? (2u << 20) : 64;
        *base = malloc(bytes + alignment);
        if (!*base) return NULL;
        void *aligned = (void *)(((size_t)*base + alignment - 1) & ~(alignment - 1));
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (bytes >= (4u << 20)) madvise(aligned, bytes, MADV_HUGEPAGE);
    #endif
        return aligned;
    }
    /* Runs the handlers of pending signals, as Python does on its main thread only; true if one raised. */
    static unsigned long fc_main_thread;
    static int fc_check_signals(void) {
        if (PyThread_get_thread_ident() != fc_main_thread) return 0;
        PyGILState_STATE state = PyGILState_Ensure();
        int raised = PyErr_CheckSignals() != 0;
        PyGILState_Release(state);
        return raised;
    }
    """
    void *fc_allocate(size_t bytes, void **base) nogil
    int fc_check_signals() noexcept nogil
    unsigned long fc_main_thread

from cpython.tuple cimport PyTuple_CheckExact
from libc.stdlib cimport free

cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object)

cdef extern from "blocks.h":
    object blocks_capsule()
    size_t blocks_kept()
    void blocks_release()

cdef extern from "fastconv.h" nogil:
    ctypedef struct fc_conv_geometry:
        int64_t N, C, K, G
        int64_t input[3]
        int64_t output[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t padding[3]
        int64_t dilation[3]
        int exact
    ctypedef struct fc_choice:
        const char *kernel
        const char *reason
    ctypedef struct fc_pool_geometry:
        int64_t planes
        int64_t input[3]
        int64_t output[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t padding[3]
        int64_t dilation[3]
        int64_t divisor
        int64_t asked_kernel[3]
        int64_t asked_padding[3]
        int count_padding
        int adaptive
    ctypedef struct fc_epilogue:
        const void *bias
        const void *residual
        int activation
    ctypedef struct fc_step:
        double lr, sign, decay, shrink, beta1, beta2, keep, correction, eps
        int kind, first, nesterov
    ctypedef struct fc_operators:
        const char *isa
        int64_t lanes
        int64_t conv_forward_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_forward(const fc_conv_geometry *, const void *, const void *, const void *, const fc_epilogue *, void *, void *, int) noexcept nogil
        int64_t conv_grad_input_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_grad_input(const fc_conv_geometry *, const void *, const void *, const void *, const fc_epilogue *, void *, void *, int) noexcept nogil
        int64_t conv_grad_weight_scratch(const fc_conv_geometry *, int) noexcept nogil
        void conv_grad_weight(const fc_conv_geometry *, const void *, const void *, void *, void *, int) noexcept nogil
        int64_t conv_packed_bytes(const fc_conv_geometry *, int) noexcept nogil
        void conv_pack(const fc_conv_geometry *, int, const void *, void *, void *, int) noexcept nogil
        int64_t conv_choices(const fc_conv_geometry *, int, const fc_choice **, int64_t) noexcept nogil
        void channel_sum(int64_t, int64_t, int64_t, const void *, void *, int) noexcept nogil
        int64_t pool_forward_scratch(const fc_pool_geometry *, int, int) noexcept nogil
        void pool_forward(const fc_pool_geometry *, int, const void *, void *, int64_t *, void *, int) noexcept nogil
        int64_t pool_grad_mean_scratch(const fc_pool_geometry *, int) noexcept nogil
        void pool_grad_mean(const fc_pool_geometry *, const void *, void *, void *, int) noexcept nogil
        int64_t pool_scatter(int64_t, int64_t, int64_t, int, const void *, const int64_t *, void *, int) noexcept nogil
        int64_t pool_gather(int64_t, int64_t, int64_t, const void *, const int64_t *, void *, int) noexcept nogil
        void activation(int, int64_t, const void *, const void *, void *, double, double, int) noexcept nogil
        void softmax(int, int64_t, int64_t, int64_t, const void *, const void *, const void *, void *, int) noexcept nogil
        void norm_moments(int64_t, int64_t, int64_t, const void *, void *, void *, int) noexcept nogil
        void norm_sums(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, void *, void *, int) noexcept nogil
        void norm_apply(int64_t, int64_t, int64_t, const void *, const void *, const void *, const void *, const void *, const void *, const void *, const void *, const void *, const void *, int, void *, int) noexcept nogil
        void optimise(const fc_step *, int64_t, void *, const void *, void *, void *, void *, int) noexcept nogil
        void reorder(int64_t, int64_t, int64_t, const void *, void *, int) noexcept nogil
        double fma_probe(int64_t) noexcept nogil
    const fc_operators *fc_operators_for(int)
    const char *fc_isa_level(int)
    int fc_use_isa(const char *)
    int fc_openmp()
    void fc_set_flush_denormals(int)
    void fc_set_interrupt_check(int (*check)() noexcept nogil)
    int fc_interrupted()
    void fc_survive_forks()
    int fc_threads_allowed()


# ---- threads, instruction sets -------------------------------------------------------------------------------

cdef int default_threads = 1
cdef bint any_local_threads = False
local_threads = contextvars.ContextVar("fastconv_threads", default=0)


cdef int threads_here():
    if any_local_threads:
        local = local_threads.get()
        if local:
            return local
    return min(default_threads, fc_threads_allowed())


# Waking threads costs as much as passing over some hundred thousand elements in cache: `work`, counted in them, below
# that stays on one.
cdef int threads_for(int64_t work):
    return threads_here() if work > 1 << 17 else 1


def set_default_threads(int count):
    global default_threads
    default_threads = count


def use_local_threads(count):
    """Set the context's own thread count; returns the token that `local_threads.reset` takes."""
    global any_local_threads
    any_local_threads = True
    return local_threads.set(count)


def get_threads():
    return threads_here()


# How convolutions may round, in the order of PRECISIONS in fastconv/geometry/arguments.py; -1 leaves it to the context.
cdef enum:
    EXACT = 1

cdef bint any_local_precision = False
local_precision = contextvars.ContextVar("fastconv_precision", default=0)


cdef int precision_here(int asked=-1):
    if asked < 0 and any_local_precision:
        return local_precision.get()
    return asked


def use_local_precision(int code):
    """Set the context's own precision; returns the token that `local_precision.reset` takes."""
    global any_local_precision
    any_local_precision = True
    return local_precision.set(code)


def get_precision():
    return local_precision.get()


def isa_levels():
    """Instruction sets compiled in and runnable on this processor, best first."""
    names = []
    while fc_isa_level(<int>len(names)) is not NULL:
        names.append(fc_isa_level(<int>len(names)).decode())
    return names


def use_isa(name):
    """Compute with the named instruction set ("" for the best); False if it can't run here."""
    return fc_use_isa(name.encode()) == 0


def isa():
    return fc_operators_for(0).isa.decode()


def openmp():
    """The OpenMP this was built with, as its specification's date, or "none"."""
    version = fc_openmp()
    return f"OpenMP {version}" if version else "none (serial build)"


def set_flush_denormals(bint on):
    fc_set_flush_denormals(on)


def fma_probe(int64_t rounds, int type=0):
    """Do `rounds` of independent fused multiply-adds in registers; returns the floating-point operations done."""
    cdef double done
    with nogil:
        done = fc_operators_for(type).fma_probe(rounds)
    return done


# ---- signals, forks ------------------------------------------------------------------------------------------

def note_main_thread():
    """Signals are handled on this one; a child's is the thread that forked."""
    global fc_main_thread
    fc_main_thread = threading.main_thread().ident


note_main_thread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=note_main_thread)
fc_set_interrupt_check(fc_check_signals)
fc_survive_forks()
fc_threads_allowed()


# Follows every operator: raises what a signal's handler raised while it ran.
cdef int raise_interrupt() except -1:
    return -1 if fc_interrupted() else 0


# ---- scratch -------------------------------------------------------------------------------------------------

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
        if bytes <= self.size and self.unused_calls < 1000:
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


# ---- results -------------------------------------------------------------------------------------------------

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


# ---- arrays --------------------------------------------------------------------------------------------------

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


# ---- convolution ---------------------------------------------------------------------------------------------

# Planning a small convolution to know its scratch costs as much as computing it.
ctypedef struct fc_conv_size:
    const fc_operators *op
    int threads, exact
    int64_t bytes


cdef enum:
    MOST_CHOICES = 64  # phases of a strided gradient that are told apart


@cython.final
cdef class ConvGeometry:
    """A checked convolution: extents of its arrays and its parameters, three spatial axes."""
    cdef fc_conv_geometry c
    cdef fc_conv_size sizes[3]  # of each pass, as it was last asked for
    cdef bint worth_threads  # waking them costs as much as about a million multiply-adds

    def __init__(self, N, C, K, G, input, output, kernel, stride, padding, dilation):
        self.c.N, self.c.C, self.c.K, self.c.G = N, C, K, G
        for axis in range(3):
            self.c.input[axis] = input[axis]
            self.c.output[axis] = output[axis]
            self.c.kernel[axis] = kernel[axis]
            self.c.stride[axis] = stride[axis]
            self.c.padding[axis] = padding[axis]
            self.c.dilation[axis] = dilation[axis]

        self.worth_threads = self.macs > 1 << 20

    cdef int threads(self):
        return threads_here() if self.worth_threads else 1

    cdef fc_conv_geometry with_precision(self, int precision):
        cdef fc_conv_geometry g = self.c
        g.exact = precision_here(precision) == EXACT
        return g

    cdef int64_t scratch(self, const fc_operators *op, const fc_conv_geometry *g, int number, int threads):
        cdef fc_conv_size *size = &self.sizes[number]
        with cython.critical_section(self):
            if size.op != op or size.threads != threads or size.exact != g.exact:
                size.op, size.threads, size.exact = op, threads, g.exact
                if number == 0:
                    size.bytes = op.conv_forward_scratch(g, threads)
                elif number == 1:
                    size.bytes = op.conv_grad_input_scratch(g, threads)
                else:
                    size.bytes = op.conv_grad_weight_scratch(g, threads)
            return size.bytes

    def packed_bytes(self, bint forward, int type, int precision=-1):
        """Bytes of what a pass makes of the weight alone; 0 if it reads the weight in place."""
        cdef fc_conv_geometry g = self.with_precision(precision)
        return fc_operators_for(type).conv_packed_bytes(&g, 0 if forward else 1)

    def choices(self, int backward_pass, int type, int precision):
        """[(kernel, reason)] of the products that a pass consists of: 0 forward, 1 input gradient, 2 weight gradient."""
        cdef fc_conv_geometry g = self.with_precision(precision)
        cdef const fc_choice *found[MOST_CHOICES]
        cdef int64_t count = fc_operators_for(type).conv_choices(&g, backward_pass, found, MOST_CHOICES)
        return [(found[i].kernel.decode(), found[i].reason.decode()) for i in range(min(count, MOST_CHOICES))]

    @property
    def macs(self):
        """Multiply-adds of one pass, those on padding included."""
        cdef fc_conv_geometry *g = &self.c
        taps = g.kernel[0] * g.kernel[1] * g.kernel[2]
        return g.N * g.K * (g.C // g.G) * taps * g.output[0] * g.output[1] * g.output[2]


# The two passes that end in an epilogue: forward, and input gradient (which is transposed convolution's forward).
cdef convolve(ConvGeometry geometry, bint forward, cnp.ndarray source, cnp.ndarray weight, bias, residual, int activation,
              cnp.ndarray result, int precision, packed):
    cdef const fc_operators *op = operators(source)
    cdef fc_conv_geometry g = geometry.with_precision(precision)
    cdef fc_epilogue epilogue
    cdef int threads = geometry.threads()
    cdef Arena arena
    if cnp.PyArray_SIZE(result) == 0:
        return result
    epilogue.bias, epilogue.residual, epilogue.activation = data(bias), data(residual), activation
    arena = borrow()
    cdef void *scratch = arena.reserve(geometry.scratch(op, &g, 0 if forward else 1, threads))
    cdef void *x = data(source)
    cdef void *w = data(weight)
    cdef void *y = data(result)
    cdef void *made = data(packed)
    with nogil:
        if forward:
            op.conv_forward(&g, x, w, made, &epilogue, y, scratch, threads)
        else:
            op.conv_grad_input(&g, x, w, made, &epilogue, y, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return result


def conv_forward(ConvGeometry geometry, cnp.ndarray input, cnp.ndarray weight, bias, residual, int activation, cnp.ndarray output,
                 int precision=-1, packed=None):
    return convolve(geometry, True, input, weight, bias, residual, activation, output, precision, packed)


def conv_grad_input(ConvGeometry geometry, cnp.ndarray grad_output, cnp.ndarray weight, bias, residual, int activation, cnp.ndarray grad_input,
                    int precision=-1, packed=None):
    return convolve(geometry, False, grad_output, weight, bias, residual, activation, grad_input, precision, packed)


def conv_pack(ConvGeometry geometry, bint forward, cnp.ndarray weight, cnp.ndarray packed, int precision=-1):
    """Fill `packed`, of geometry.packed_bytes(...), with what the pass makes of the weight."""
    cdef const fc_operators *op = operators(weight)
    cdef fc_conv_geometry g = geometry.with_precision(precision)
    cdef int threads = geometry.threads()
    cdef Arena arena = borrow()
    cdef void *scratch = arena.reserve(geometry.scratch(op, &g, 0 if forward else 1, threads))
    cdef void *w = data(weight)
    cdef void *made = data(packed)
    with nogil:
        op.conv_pack(&g, 0 if forward else 1, w, made, scratch, threads)
    pool.append(arena)
    raise_interrupt()


cpdef conv_grad_weight(ConvGeometry geometry, cnp.ndarray grad_output, cnp.ndarray input, cnp.ndarray grad_weight, int precision=-1):
    cdef const fc_operators *op = operators(grad_output)
    cdef fc_conv_geometry g = geometry.with_precision(precision)
    cdef int threads = geometry.threads()
    cdef Arena arena
    cdef void *scratch
    if g.N == 0:
        grad_weight[...] = 0
        return grad_weight
    arena = borrow()
    scratch = arena.reserve(geometry.scratch(op, &g, 2, threads))
    cdef void *dy = data(grad_output)
    cdef void *x = data(input)
    cdef void *dw = data(grad_weight)
    with nogil:
        op.conv_grad_weight(&g, dy, x, dw, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return grad_weight


cpdef channel_sum(int64_t outer, int64_t channels, int64_t inner, cnp.ndarray x, cnp.ndarray result):
    """result[c] = sum of x[:, c, :] for x of shape (outer, channels, inner)."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(outer * channels * inner)
    cdef void *source = data(x)
    cdef void *target = data(result)
    with nogil:
        op.channel_sum(outer, channels, inner, source, target, threads)
    raise_interrupt()
    return result


def reorder(int64_t outer, int64_t rows, int64_t columns, cnp.ndarray x, cnp.ndarray y):
    """y (outer, columns, rows) = x (outer, rows, columns)."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(cnp.PyArray_SIZE(x))
    cdef void *source = data(x)
    cdef void *target = data(y)
    with nogil:
        op.reorder(outer, rows, columns, source, target, threads)
    raise_interrupt()
    return y


include "_calls.pxi"


# ---- pooling -------------------------------------------------------------------------------------------------

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
        cdef int64_t cells = g.input[0] * g.input[1] * g.input[2]
        cdef int axis
        for axis in range(3):
            seen *= 1 if g.adaptive else min(g.kernel[axis], 4)  # large windows are not read cell by cell
        return g.planes * max(seen, cells)

    @property
    def cells(self):
        """Cells of one plane."""
        return self.c.input[0] * self.c.input[1] * self.c.input[2]


def pool_forward(PoolGeometry geometry, int kind, cnp.ndarray input, cnp.ndarray output, indices):
    """Pool `input` into `output`; kind 0 max, 1 min, 2 mean. int64 `indices` may be None."""
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


# ---- elementwise ---------------------------------------------------------------------------------------------

def activation(int code, cnp.ndarray input, output, double a=0, double b=0, grad_output=None):
    """output = f(input), or grad_output * f'(input); code is the number in geometry.conv.ACTIVATIONS, a and b its parameters.

    A fresh array stands in for None."""
    cdef const fc_operators *op = operators(input)
    cdef int threads = threads_for(cnp.PyArray_SIZE(input) * (1 if code == 1 else 4))
    cdef int64_t n = cnp.PyArray_SIZE(input)
    if output is None:
        output = empty_plain(cnp.PyArray_NDIM(input), cnp.PyArray_DIMS(input), cnp.PyArray_TYPE(input))
    cdef void *g = data(grad_output)
    cdef void *x = data(input)
    cdef void *y = data(output)
    with nogil:
        op.activation(code, n, g, x, y, a, b, threads)
    raise_interrupt()
    return output


def softmax(int kind, int64_t outer, int64_t C, int64_t inner, cnp.ndarray input, cnp.ndarray output, grad_output=None, scale=None):
    """Softmax over the middle axis of (outer, C, inner); kind 0 itself (times scale), 1 its logarithm, 2 (top, log of sum).

    With grad_output input is the forward's result, output the gradient."""
    cdef const fc_operators *op = operators(input)
    cdef int threads = threads_for(4 * outer * C * inner)
    cdef void *g = data(grad_output)
    cdef void *x = data(input)
    cdef void *s = data(scale)
    cdef void *y = data(output)
    if cnp.PyArray_SIZE(input) == 0:
        return output
    with nogil:
        op.softmax(kind, outer, C, inner, g, x, s, y, threads)
    raise_interrupt()
    return output


# ---- normalisation -------------------------------------------------------------------------------------------

def norm_moments(int64_t A, int64_t B, int64_t L, cnp.ndarray x, cnp.ndarray mean, cnp.ndarray variance):
    """Mean and biased variance (B,) of x (A, B, L) over A and L."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(2 * A * B * L)
    cdef void *source = data(x)
    cdef void *first = data(mean)
    cdef void *second = data(variance)
    with nogil:
        op.norm_moments(A, B, L, source, first, second, threads)
    raise_interrupt()


def norm_sums(int64_t A, int64_t B, int64_t L, cnp.ndarray g, cnp.ndarray x, cnp.ndarray mean, cnp.ndarray total, cnp.ndarray product,
              scale=None, weight=None, gate=None):
    """Sums (B,) over A and L of u = g * weight[L] and u * (x - mean[B]); with scale of g and g * (x - mean[A]) * scale[A];
    with scale and gate (B,) of the g that a ReLU after (x - mean) * scale + gate lets through."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(2 * A * B * L)
    cdef void *slope = data(g)
    cdef void *source = data(x)
    cdef void *centre = data(mean)
    cdef void *factor = data(scale)
    cdef void *w = data(weight)
    cdef void *t = data(gate)
    cdef void *first = data(total)
    cdef void *second = data(product)
    with nogil:
        op.norm_sums(A, B, L, slope, source, centre, factor, w, t, first, second, threads)
    raise_interrupt()


def norm_apply(int64_t L, int64_t period, g, cnp.ndarray x, cnp.ndarray mean, cnp.ndarray scale, slope, shift, weight, bias,
               cnp.ndarray y, residual=None, gate=None, bint relu=False):
    """Rows r of L with parameters r % period: y = (x - mean) * scale * weight[L] + shift + bias[L] + residual, with relu
    no less than 0; or with g y = g * scale * weight[L] + (x - mean) * slope + shift, g gated as in norm_sums."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(cnp.PyArray_SIZE(x))
    cdef int64_t rows = cnp.PyArray_SIZE(x) // L
    cdef void *grad = data(g)
    cdef void *source = data(x)
    cdef void *m = data(mean)
    cdef void *s = data(scale)
    cdef void *k = data(slope)
    cdef void *t = data(shift)
    cdef void *w = data(weight)
    cdef void *b = data(bias)
    cdef void *r = data(residual)
    cdef void *o = data(gate)
    cdef void *target = data(y)
    if rows == 0:
        return y
    with nogil:
        op.norm_apply(rows, L, period, grad, source, m, s, k, t, w, b, r, o, relu, target, threads)
    raise_interrupt()
    return y


# ---- optimisers ----------------------------------------------------------------------------------------------

SGD, ADAM, RMSPROP = range(3)  # enum fc_optimiser


def optimise(int kind, cnp.ndarray parameter, cnp.ndarray gradient, momentum, square, top, double lr, double beta1=0, double beta2=0,
             double keep=1, double correction=1, double eps=0, double decay=0, double shrink=1, bint first=False,
             bint nesterov=False, bint maximize=False):
    """One step of an optimiser, in place on contiguous arrays of one dtype and size; ops/optimise.inc.c has the formulas."""
    cdef const fc_operators *op = operators(parameter)
    cdef int threads = threads_for(4 * cnp.PyArray_SIZE(parameter))
    cdef fc_step step
    cdef int64_t n = cnp.PyArray_SIZE(parameter)
    cdef void *w = data(parameter)
    cdef void *g = data(gradient)
    cdef void *m = data(momentum)
    cdef void *v = data(square)
    cdef void *t = data(top)
    step.kind, step.first, step.nesterov = kind, first, nesterov
    step.lr, step.beta1, step.beta2, step.keep = lr, beta1, beta2, keep
    step.correction, step.eps, step.decay, step.shrink = correction, eps, decay, shrink
    step.sign = -1 if maximize else 1
    with nogil:
        op.optimise(&step, n, w, g, m, v, t, threads)
    raise_interrupt()
