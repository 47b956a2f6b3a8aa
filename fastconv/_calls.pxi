# The short way of a convolution: plain arrays of shapes that were checked before go straight to C. Included by _core.pyx.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.unicode cimport PyUnicode_CheckExact

cdef enum:
    MOST_GEOMETRIES = 4096


cdef inline bint as_number(x, int64_t *number):
    cdef int overflow = 0
    if not PyLong_CheckExact(x):
        return False
    number[0] = PyLong_AsLongLongAndOverflow(x, &overflow)
    return overflow == 0


# A parameter of one number for all axes or one for each.
cdef inline bint as_numbers(x, int rank, int64_t *numbers):
    cdef int axis
    if PyList_CheckExact(x):
        x = tuple(<list>x)
    if PyTuple_CheckExact(x):
        if len(<tuple>x) != rank:
            return False
        for axis in range(rank):
            if not as_number((<tuple>x)[axis], numbers + axis):
                return False
        return True
    if not as_number(x, numbers):
        return False
    for axis in range(1, rank):
        numbers[axis] = numbers[0]
    return True


# Padding before and after each axis: as numbers, or pairs of them for some axes.
cdef inline bint as_edges(x, int rank, int64_t *edges):
    cdef int axis
    if PyTuple_CheckExact(x) and len(<tuple>x) == rank:
        for axis in range(rank):
            if not as_numbers((<tuple>x)[axis], 2, edges + 2 * axis):
                return False
        return True
    if not as_numbers(x, rank, edges):
        return False
    for axis in range(rank - 1, -1, -1):
        edges[2 * axis] = edges[2 * axis + 1] = edges[axis]
    return True


cdef inline bint has_shape(cnp.ndarray x, int n, cnp.npy_intp *shape):
    return cnp.PyArray_NDIM(x) == n and cnp.PyArray_CompareLists(cnp.PyArray_DIMS(x), shape, n)


cdef inline bint overlap(cnp.ndarray x, y):
    if y is None:
        return False
    return (cnp.PyArray_BYTES(x) < cnp.PyArray_BYTES(<cnp.ndarray>y) + cnp.PyArray_NBYTES(<cnp.ndarray>y)
            and cnp.PyArray_BYTES(<cnp.ndarray>y) < cnp.PyArray_BYTES(x) + cnp.PyArray_NBYTES(x))


# What the tape's gradient is where a pool chose cells: `values` at the flat int64 `positions` of each plane of `shape`,
# zero elsewhere. fill(values, positions, shape) is all of it.
@cython.final
cdef class ChosenCells:
    cdef readonly object values, positions
    cdef readonly tuple shape
    cdef object fill

    def __init__(self, values, positions, tuple shape, fill):
        self.values, self.positions, self.shape, self.fill = values, positions, shape, fill

    def array(self):
        return self.fill(self.values, self.positions, self.shape)

    # Whether they are of an array of this shape, and in arrays as the kernels take them.
    cdef bint fit(self, int n, cnp.npy_intp *shape, int rank):
        cdef int axis
        if not (plain(self.values) and is_plain(self.positions, cnp.NPY_INT64)) or len(self.shape) != n:
            return False
        for axis in range(n):
            if self.shape[axis] != shape[axis]:
                return False
            if axis < n - rank and cnp.PyArray_DIM(<cnp.ndarray>self.values, axis) != shape[axis]:
                return False
        return has_shape(<cnp.ndarray>self.positions, n, cnp.PyArray_DIMS(<cnp.ndarray>self.values))


cdef inline as_whole(grad_output):
    return (<ChosenCells>grad_output).array() if isinstance(grad_output, ChosenCells) else grad_output


# Geometries of the calls of one operation, by the shapes of input and weight and the parameters, if those are ints,
# tuples or lists of ints (padding: of pairs of them), or words.
# Whoever asks for anything else gets None, and takes the long way, which checks everything and remembers the result.
cdef class Calls:
    cdef dict known
    cdef dict activations  # their numbers, by name
    cdef int rank
    cdef bint transposed

    def __init__(self, rank, transposed, activations):
        self.known = {}
        self.activations = activations
        self.rank = rank
        self.transposed = transposed

    cdef object key(self, cnp.ndarray input, cnp.ndarray weight, stride, padding, dilation, groups, output_padding, bint last):
        cdef int64_t key[2 + 5 * 3 + 2 * 5]
        cdef int64_t *next = key + 2
        cdef int axis, n = cnp.PyArray_NDIM(input), rank = self.rank
        if not (n == rank + 2 or n == rank + 1) or cnp.PyArray_NDIM(weight) != rank + 2:
            return None
        key[0] = n + 8 * last
        if PyUnicode_CheckExact(padding):
            if padding != "same" and padding != "valid":
                return None
            key[0] += 16 if padding == "same" else 0
            padding = 0
        if not as_number(groups, key + 1):
            return None
        for numbers in (stride, dilation, output_padding):
            if not as_numbers(numbers, rank, next):
                return None
            next += rank
        if not as_edges(padding, rank, next):
            return None
        next += 2 * rank
        for axis in range(n):
            next[axis] = cnp.PyArray_DIM(input, axis)
        next += n
        for axis in range(rank + 2):
            next[axis] = cnp.PyArray_DIM(weight, axis)
        return PyBytes_FromStringAndSize(<char *>key, <char *>(next + rank + 2) - <char *>key)

    def remember(self, ConvGeometry geometry, cnp.ndarray input, cnp.ndarray weight, stride, padding, dilation, groups, output_padding=0, bint last=False):
        key = self.key(input, weight, stride, padding, dilation, groups, output_padding, last)
        if key is not None:
            if len(self.known) >= MOST_GEOMETRIES:
                self.known.clear()
            self.known[key] = geometry

    cdef ConvGeometry find(self, cnp.ndarray input, cnp.ndarray weight, stride, padding, dilation, groups, output_padding, bint last=False):
        key = self.key(input, weight, stride, padding, dilation, groups, output_padding, last)
        if key is None or precision_here() > 0:
            return None
        return <ConvGeometry>self.known.get(key)

    # The result's shape; returns its number of axes.
    cdef int shape_of(self, ConvGeometry geometry, cnp.ndarray input, cnp.npy_intp *shape, bint last=False):
        cdef fc_conv_geometry *g = &geometry.c
        cdef int axis, n = cnp.PyArray_NDIM(input), first = n - self.rank - last
        shape[0] = g.N
        shape[n - 1 if last else first - 1] = g.C if self.transposed else g.K
        for axis in range(self.rank):
            shape[first + axis] = g.input[3 - self.rank + axis] if self.transposed else g.output[3 - self.rank + axis]
        return n

    cdef run(self, input, weight, bias, stride, padding, dilation, groups, output_padding, activation, residual, out, bint last=False):
        cdef ConvGeometry geometry
        cdef PreparedWeight ready = None
        cdef cnp.npy_intp shape[5]
        cdef int n, code = 0
        if activation is not None:
            if not isinstance(activation, str) or activation not in self.activations:
                return None
            code = self.activations[activation]
        if isinstance(weight, PreparedWeight):
            ready = <PreparedWeight>weight
            weight = ready.array if ready.computed_with else None
        if weight is None or not plain(input, weight, bias, residual):
            return None
        geometry = self.find(<cnp.ndarray>input, <cnp.ndarray>weight, stride, padding, dilation, groups, output_padding, last)
        if geometry is None or last and not geometry.takes_last(cnp.PyArray_TYPE(<cnp.ndarray>input) == cnp.NPY_FLOAT64):
            return None
        n = self.shape_of(geometry, <cnp.ndarray>input, shape, last)
        if bias is not None and (cnp.PyArray_NDIM(<cnp.ndarray>bias) != 1
                                 or cnp.PyArray_DIM(<cnp.ndarray>bias, 0) != shape[n - 1 if last else n - self.rank - 1]):
            return None
        if residual is not None and not has_shape(<cnp.ndarray>residual, n, shape):
            return None
        if out is None:
            result = empty_plain(n, shape, cnp.PyArray_TYPE(<cnp.ndarray>input))
        elif (plain(out, input) and has_shape(<cnp.ndarray>out, n, shape) and cnp.PyArray_ISWRITEABLE(<cnp.ndarray>out)
              and not (overlap(<cnp.ndarray>out, input) or overlap(<cnp.ndarray>out, weight)
                       or overlap(<cnp.ndarray>out, bias) or overlap(<cnp.ndarray>out, residual))):
            result = out
        else:
            return None
        packed = None if ready is None or last else ready.packed(geometry, not self.transposed, 0)
        return convolve(geometry, FORWARD_LAST if last else self.transposed, <cnp.ndarray>input, <cnp.ndarray>weight, bias, residual, code,
                        <cnp.ndarray>result, 0, packed)

    # grad_output may be ChosenCells.
    cdef run_backward(self, grad_output, input, weight, stride, padding, dilation, groups, output_padding, needs, onto):
        cdef ConvGeometry geometry
        cdef ChosenCells cells = grad_output if isinstance(grad_output, ChosenCells) else None
        cdef cnp.npy_intp shape[5]
        cdef cnp.ndarray x, w, values, grad
        cdef int n, type
        cdef int64_t K
        given = grad_output if cells is None else cells.values
        if input is None or weight is None or not plain(given, input, weight, onto) or not PyTuple_CheckExact(needs):
            return None
        if len(<tuple>needs) != 3 and (len(<tuple>needs) != 4 or needs[3]):
            return None
        x, w, values = input, weight, given
        geometry = self.find(x, w, stride, padding, dilation, groups, output_padding)
        if geometry is None:
            return None
        n = self.shape_of(geometry, x, shape)
        if onto is not None and not has_shape(<cnp.ndarray>onto, n, cnp.PyArray_DIMS(x)):
            return None
        if not (has_shape(values, n, shape) if cells is None else cells.fit(n, shape, self.rank)):
            return None
        K = shape[n - self.rank - 1]
        type = cnp.PyArray_TYPE(x)
        grad_input = grad_weight = grad_bias = None
        if needs[0]:
            grad_input = grad = empty_plain(n, cnp.PyArray_DIMS(x), type)
            if cells is None or onto is not None or not conv_grad_chosen(geometry, 1, values, cells.positions, w, grad, 0):
                grad_output = as_whole(grad_output)
                convolve(geometry, not self.transposed, <cnp.ndarray>grad_output, w, None, onto, 0, grad, 0, None)
        if needs[1]:
            grad_weight = grad = empty_plain(self.rank + 2, cnp.PyArray_DIMS(w), type)
            if cells is None or not conv_grad_chosen(geometry, 2, values, cells.positions, x, grad, 0):
                grad_output = as_whole(grad_output)
                conv_grad_weight(geometry, x if self.transposed else grad_output, grad_output if self.transposed else x, grad, 0)
        if needs[2]:
            shape[0] = K
            grad_bias = empty_plain(1, shape, type)
            channel_sum(geometry.c.N, K, cnp.PyArray_SIZE(values) // max(1, geometry.c.N * K), values, <cnp.ndarray>grad_bias)
        grads = (grad_input, grad_weight, grad_bias)
        return grads if len(<tuple>needs) == 3 else (*grads, None)


# `forward` and `backward` take the operation's own arguments, in its order; the input's gradient is added to `onto`.
@cython.final
cdef class ConvCalls(Calls):
    def forward(self, input, weight, bias, stride, padding, dilation, groups, activation, residual, layout, precision, out):
        if precision is None and (layout == "NCHW" or layout == "NHWC"):
            return self.run(input, weight, bias, stride, padding, dilation, groups, 0, activation, residual, out, layout == "NHWC")

    def backward(self, grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, needs=(True, True, True), *,
                 activation=None, bias=None, residual=None, output=None, layout="NCHW", per_sample=False, precision=None,
                 onto=None):
        if activation is None and residual is None and precision is None and per_sample is False and layout == "NCHW":
            return self.run_backward(grad_output, input, weight, stride, padding, dilation, groups, 0, needs, onto)


@cython.final
cdef class TransposeCalls(Calls):
    def forward(self, input, weight, bias, stride, padding, output_padding, groups, dilation, activation, residual, layout, precision, out):
        if precision is None and layout == "NCHW":
            return self.run(input, weight, bias, stride, padding, dilation, groups, output_padding, activation, residual, out)

    def backward(self, grad_output, input, weight, stride=1, padding=0, output_padding=0, groups=1, dilation=1,
                 needs=(True, True, True), *, activation=None, bias=None, residual=None, output=None, layout="NCHW",
                 per_sample=False, precision=None, onto=None):
        if activation is None and residual is None and precision is None and per_sample is False and layout == "NCHW":
            return self.run_backward(grad_output, input, weight, stride, padding, dilation, groups, output_padding, needs, onto)
