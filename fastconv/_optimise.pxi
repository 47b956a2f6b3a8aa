# Steps of optimisers. Included by _core.pyx.

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
