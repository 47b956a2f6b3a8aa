# Normalisation: moments, sums for gradients, application. Included by _core.pyx.

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


def norm_apply(int64_t L, int64_t period, g, cnp.ndarray x, cnp.ndarray mean, cnp.ndarray scale, slope, shift, weight,
               cnp.ndarray y, residual=None, gate=None, bint relu=False):
    """Rows r of L with parameters r % period: y = (x - mean) * scale * weight[L] + shift + residual, with relu
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
    cdef void *r = data(residual)
    cdef void *o = data(gate)
    cdef void *target = data(y)
    if rows == 0:
        return y
    with nogil:
        op.norm_apply(rows, L, period, grad, source, m, s, k, t, w, r, o, relu, target, threads)
    raise_interrupt()
    return y


def norm_layer(int64_t rows, int64_t L, cnp.ndarray x, weight, bias, double eps, cnp.ndarray mean, cnp.ndarray inverse, cnp.ndarray y):
    """y = (x - mean) * inverse * weight[L] + bias[L] for rows of L, with inverse = 1 / sqrt(variance + eps) of each."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(3 * rows * L)
    cdef void *source = data(x)
    cdef void *w = data(weight)
    cdef void *b = data(bias)
    cdef void *first = data(mean)
    cdef void *second = data(inverse)
    cdef void *target = data(y)
    with nogil:
        op.norm_layer(rows, L, source, w, b, eps, first, second, target, threads)
    raise_interrupt()
    return y


def norm_batch(int64_t A, int64_t B, int64_t L, cnp.ndarray x, gain, shift, residual, double eps, bint relu,
               cnp.ndarray mean, cnp.ndarray variance, cnp.ndarray inverse, cnp.ndarray y):
    """y = (x - mean) * inverse * gain + shift + residual, with relu no less than 0, of x (A, B, L); statistics (B,)."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(3 * A * B * L)
    cdef void *source = data(x)
    cdef void *w = data(gain)
    cdef void *b = data(shift)
    cdef void *r = data(residual)
    cdef void *m = data(mean)
    cdef void *v = data(variance)
    cdef void *i = data(inverse)
    cdef void *target = data(y)
    with nogil:
        op.norm_batch(A, B, L, source, w, b, r, eps, relu, m, v, i, target, threads)
    raise_interrupt()


def norm_batch_grad(int64_t A, int64_t B, int64_t L, cnp.ndarray g, cnp.ndarray x, cnp.ndarray mean, cnp.ndarray inverse,
                    cnp.ndarray scale, gate, cnp.ndarray total, cnp.ndarray product, cnp.ndarray y, output=None, passed=None):
    """The gradient of norm_batch for x, into y, and the sums of norm_sums.

    With the output of norm_batch, relu and all, g is what that relu lets through, and goes to `passed`."""
    cdef const fc_operators *op = operators(x)
    cdef int threads = threads_for(4 * A * B * L)
    cdef void *slope = data(g)
    cdef void *source = data(x)
    cdef void *m = data(mean)
    cdef void *i = data(inverse)
    cdef void *s = data(scale)
    cdef void *t = data(gate)
    cdef void *first = data(total)
    cdef void *second = data(product)
    cdef void *target = data(y)
    cdef void *o = data(output)
    cdef void *p = data(passed)
    with nogil:
        op.norm_batch_grad(A, B, L, slope, source, m, i, s, t, o, first, second, p, target, threads)
    raise_interrupt()


def norm_fold(cnp.ndarray weight, bias, cnp.ndarray mean, cnp.ndarray variance, gain, offset, double eps):
    """(weight, bias) of a convolution with the batch norm that follows it; all contiguous, of one dtype."""
    cdef const fc_operators *op = operators(weight)
    cdef int64_t B = cnp.PyArray_DIM(weight, 0), L = cnp.PyArray_SIZE(weight) // B
    cdef int threads = threads_for(cnp.PyArray_SIZE(weight)), type = cnp.PyArray_TYPE(weight)
    cdef cnp.npy_intp rows = B
    cdef cnp.ndarray folded = empty_plain(cnp.PyArray_NDIM(weight), cnp.PyArray_DIMS(weight), type)
    cdef cnp.ndarray shift = empty_plain(1, &rows, type)
    cdef void *w = data(weight)
    cdef void *b = data(bias)
    cdef void *m = data(mean)
    cdef void *v = data(variance)
    cdef void *g = data(gain)
    cdef void *o = data(offset)
    cdef void *y = data(folded)
    cdef void *z = data(shift)
    with nogil:
        op.norm_fold(B, L, w, b, m, v, g, o, eps, y, z, threads)
    raise_interrupt()
    return folded, shift
