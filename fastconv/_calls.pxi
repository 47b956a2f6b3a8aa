# The short way of a convolution: plain arrays of shapes that were checked before go straight to C. Included by _core.pyx.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact

cdef enum:
    MOST_GEOMETRIES = 4096


cdef inline bint as_number(x, int64_t *number):
    cdef int overflow = 0
    if not PyLong_CheckExact(x):
        return False
    number[0] = PyLong_AsLongLongAndOverflow(x, &overflow)
    return overflow == 0


cdef inline bint has_shape(cnp.ndarray x, int n, cnp.npy_intp *shape):
    return cnp.PyArray_NDIM(x) == n and cnp.PyArray_CompareLists(cnp.PyArray_DIMS(x), shape, n)


# Geometries of the calls of one operation, by the shapes of input and weight and the parameters, if those are ints.
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
        cdef int64_t key[16]
        cdef int axis, n = cnp.PyArray_NDIM(input)
        if not (n == self.rank + 2 or n == self.rank + 1) or cnp.PyArray_NDIM(weight) != self.rank + 2:
            return None
        key[0] = n + 8 * last
        if not (as_number(stride, key + 1) and as_number(padding, key + 2) and as_number(dilation, key + 3)
                and as_number(groups, key + 4) and as_number(output_padding, key + 5)):
            return None
        for axis in range(n):
            key[6 + axis] = cnp.PyArray_DIM(input, axis)
        for axis in range(self.rank + 2):
            key[6 + n + axis] = cnp.PyArray_DIM(weight, axis)
        return PyBytes_FromStringAndSize(<char *>key, 8 * (6 + n + self.rank + 2))

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

    cdef run(self, input, weight, bias, stride, padding, dilation, groups, output_padding, activation, residual, bint last=False):
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
        result = empty_plain(n, shape, cnp.PyArray_TYPE(<cnp.ndarray>input))
        packed = None if ready is None or last else ready.packed(geometry, not self.transposed, 0)
        return convolve(geometry, FORWARD_LAST if last else self.transposed, <cnp.ndarray>input, <cnp.ndarray>weight, bias, residual, code,
                        <cnp.ndarray>result, 0, packed)

    cdef run_backward(self, grad_output, input, weight, stride, padding, dilation, groups, output_padding, needs, onto):
        cdef ConvGeometry geometry
        cdef cnp.npy_intp shape[5]
        cdef cnp.ndarray dy, x, w
        cdef int n, axis, type
        cdef int64_t K, pixels = 1
        if input is None or weight is None or not plain(grad_output, input, weight, onto) or not PyTuple_CheckExact(needs):
            return None
        if len(<tuple>needs) != 3 and (len(<tuple>needs) != 4 or needs[3]):
            return None
        dy, x, w = grad_output, input, weight
        geometry = self.find(x, w, stride, padding, dilation, groups, output_padding)
        if geometry is None:
            return None
        n = self.shape_of(geometry, x, shape)
        if not has_shape(dy, n, shape) or onto is not None and not has_shape(<cnp.ndarray>onto, n, cnp.PyArray_DIMS(x)):
            return None
        for axis in range(n - self.rank, n):
            pixels *= shape[axis]
        K = shape[n - self.rank - 1]
        type = cnp.PyArray_TYPE(x)
        grad_input = grad_weight = grad_bias = None
        if needs[0]:
            grad_input = empty_plain(n, cnp.PyArray_DIMS(x), type)
            convolve(geometry, not self.transposed, dy, w, None, onto, 0, <cnp.ndarray>grad_input, 0, None)
        if needs[1]:
            grad_weight = empty_plain(self.rank + 2, cnp.PyArray_DIMS(w), type)
            conv_grad_weight(geometry, x if self.transposed else dy, dy if self.transposed else x, <cnp.ndarray>grad_weight, 0)
        if needs[2]:
            shape[0] = K
            grad_bias = empty_plain(1, shape, type)
            channel_sum(geometry.c.N, K, pixels, dy, <cnp.ndarray>grad_bias)
        grads = (grad_input, grad_weight, grad_bias)
        return grads if len(<tuple>needs) == 3 else (*grads, None)


# `forward` and `backward` take the operation's own arguments, in its order; the input's gradient is added to `onto`.
@cython.final
cdef class ConvCalls(Calls):
    def forward(self, input, weight, bias, stride, padding, dilation, groups, activation, residual, layout, precision, out):
        if precision is None and out is None and (layout == "NCHW" or layout == "NHWC"):
            return self.run(input, weight, bias, stride, padding, dilation, groups, 0, activation, residual, layout == "NHWC")

    def backward(self, grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, needs=(True, True, True), *,
                 activation=None, bias=None, residual=None, output=None, layout="NCHW", per_sample=False, precision=None,
                 onto=None):
        if activation is None and residual is None and precision is None and per_sample is False and layout == "NCHW":
            return self.run_backward(grad_output, input, weight, stride, padding, dilation, groups, 0, needs, onto)


@cython.final
cdef class TransposeCalls(Calls):
    def forward(self, input, weight, bias, stride, padding, output_padding, groups, dilation, activation, residual, layout, precision, out):
        if precision is None and out is None and layout == "NCHW":
            return self.run(input, weight, bias, stride, padding, dilation, groups, output_padding, activation, residual)

    def backward(self, grad_output, input, weight, stride=1, padding=0, output_padding=0, groups=1, dilation=1,
                 needs=(True, True, True), *, activation=None, bias=None, residual=None, output=None, layout="NCHW",
                 per_sample=False, precision=None, onto=None):
        if activation is None and residual is None and precision is None and per_sample is False and layout == "NCHW":
            return self.run_backward(grad_output, input, weight, stride, padding, dilation, groups, output_padding, needs, onto)
