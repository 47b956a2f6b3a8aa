# Passes over arrays: activation, softmax, sums over channels, reordering. Included by _core.pyx.

def activation(int code, cnp.ndarray input, output, double a=0, double b=0, grad_output=None, slopes=None, int64_t rows=1):
    """output = f(input), or grad_output * f'(input); code is the number in geometry.conv.ACTIVATIONS, a and b its parameters.

    A fresh array stands in for None. With slopes row r of `rows` has slopes[r % slopes.size] for a."""
    cdef const fc_operators *op = operators(input)
    cdef int threads = threads_for(cnp.PyArray_SIZE(input) * (1 if code == 1 else 4))
    cdef int64_t n = cnp.PyArray_SIZE(input) // rows
    cdef int64_t period = 1 if slopes is None else cnp.PyArray_SIZE(slopes)
    if output is None:
        output = empty_plain(cnp.PyArray_NDIM(input), cnp.PyArray_DIMS(input), cnp.PyArray_TYPE(input))
    if cnp.PyArray_SIZE(input) == 0:  # there may be no slope either
        return output
    cdef void *g = data(grad_output)
    cdef void *x = data(input)
    cdef void *s = data(slopes)
    cdef void *y = data(output)
    with nogil:
        op.activation(code, rows, n, period, g, x, s, y, a, b, threads)
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


def affine(cnp.ndarray input, cnp.ndarray weight, bias, cnp.ndarray output):
    """output (rows, columns) = input (rows, depth) @ weight (columns, depth)ᵀ + bias (columns,), which may be None."""
    cdef const fc_operators *op = operators(input)
    cdef int64_t rows = cnp.PyArray_DIM(output, 0)
    cdef int64_t columns = cnp.PyArray_DIM(output, 1)
    cdef int64_t depth = cnp.PyArray_DIM(input, 1)
    cdef int threads = threads_for(rows * columns * depth)
    cdef void *x = data(input)
    cdef void *w = data(weight)
    cdef void *b = data(bias)
    cdef void *y = data(output)
    with nogil:
        op.affine(rows, columns, depth, x, w, b, y, threads)
    raise_interrupt()
    return output


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
