# Convolution: geometry and the three passes. Included by _core.pyx.

# Planning a small convolution to know its scratch costs as much as computing it.
ctypedef struct fc_conv_size:
    const fc_operators *op
    int threads, exact
    int64_t bytes


cdef enum:
    FORWARD_LAST = 3
    MOST_CHOICES = 64  # phases of a strided gradient that are told apart


@cython.final
cdef class ConvGeometry:
    """A checked convolution: extents of its arrays and its parameters, three spatial axes."""
    cdef fc_conv_geometry c
    cdef fc_conv_geometry computed  # the same sums, as simple as they can be said
    cdef fc_conv_size sizes[4]  # of each pass, as it was last asked for
    cdef bint worth_threads  # waking them costs a million multiply-adds, 130,000 cells moved or 260,000 weights read

    def __init__(self, N, C, K, G, input, output, kernel, stride, padding, dilation):
        self.c.N, self.c.C, self.c.K, self.c.G = N, C, K, G
        for axis in range(3):
            self.c.input[axis] = input[axis]
            self.c.output[axis] = output[axis]
            self.c.kernel[axis] = kernel[axis]
            self.c.stride[axis] = stride[axis]
            self.c.padding[axis] = padding[axis]
            self.c.dilation[axis] = dilation[axis]

        self.computed = self.c
        # A kernel as large as its input is a linear layer: each tap is a channel of the one cell.
        if all(o == 1 and p == 0 and i == k for o, p, i, k in zip(output, padding, input, kernel)):
            for axis in range(3):
                self.computed.C *= kernel[axis]
                self.computed.input[axis] = self.computed.kernel[axis] = 1

        cells = N * (C * input[0] * input[1] * input[2] + K * output[0] * output[1] * output[2])
        weights = K * (C // G) * kernel[0] * kernel[1] * kernel[2]
        self.worth_threads = self.macs + 8 * cells + 4 * weights > 1 << 20

    cdef int threads(self):
        return threads_here() if self.worth_threads else 1

    cdef fc_conv_geometry of_pass(self, int number, int precision):
        cdef fc_conv_geometry g = self.c if number == FORWARD_LAST else self.computed
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
                elif number == 2:
                    size.bytes = op.conv_grad_weight_scratch(g, threads)
                else:
                    size.bytes = op.conv_last_scratch(g, threads)
            return size.bytes

    cpdef bint takes_last(self, int type, int precision=-1):
        """Whether the forward pass has a way for arrays whose channels come last."""
        cdef fc_conv_geometry g = self.of_pass(FORWARD_LAST, precision)
        return self.scratch(fc_operators_for(type), &g, FORWARD_LAST, self.threads()) >= 0

    def packed_bytes(self, bint forward, int type, int precision=-1):
        """Bytes of what a pass makes of the weight alone; 0 if it reads the weight in place."""
        cdef fc_conv_geometry g = self.of_pass(0 if forward else 1, precision)
        return fc_operators_for(type).conv_packed_bytes(&g, 0 if forward else 1)

    def choices(self, int backward_pass, int type, int precision):
        """[(kernel, reason)] of the products that a pass consists of: 0 forward, 1 input gradient, 2 weight gradient, 3 forward
        of channels last."""
        cdef fc_conv_geometry g = self.of_pass(backward_pass, precision)
        cdef const fc_choice *found[MOST_CHOICES]
        cdef int64_t count = fc_operators_for(type).conv_choices(&g, backward_pass, found, MOST_CHOICES)
        return [(found[i].kernel.decode(), found[i].reason.decode()) for i in range(min(count, MOST_CHOICES))]

    @property
    def macs(self):
        """Multiply-adds of one pass, those on padding included."""
        cdef fc_conv_geometry *g = &self.c
        taps = g.kernel[0] * g.kernel[1] * g.kernel[2]
        return g.N * g.K * (g.C // g.G) * taps * g.output[0] * g.output[1] * g.output[2]


# The passes that end in an epilogue, by number: forward, input gradient (which is transposed convolution's forward), and
# forward of channels last.
cdef convolve(ConvGeometry geometry, int number, cnp.ndarray source, cnp.ndarray weight, bias, residual, int activation,
              cnp.ndarray result, int precision, packed):
    cdef const fc_operators *op = operators(source)
    cdef fc_conv_geometry g = geometry.of_pass(number, precision)
    cdef fc_epilogue epilogue
    cdef int threads = geometry.threads()
    cdef Arena arena
    if cnp.PyArray_SIZE(result) == 0:
        return result
    if bias is not None and number == 1 and g.C != geometry.c.C:
        bias = bias.repeat(g.C // geometry.c.C)
    epilogue.bias, epilogue.residual, epilogue.activation = data(bias), data(residual), activation
    arena = borrow()
    cdef void *scratch = arena.reserve(geometry.scratch(op, &g, number, threads))
    cdef void *x = data(source)
    cdef void *w = data(weight)
    cdef void *y = data(result)
    cdef void *made = data(packed)
    with nogil:
        if number == 0:
            op.conv_forward(&g, x, w, made, &epilogue, y, scratch, threads)
        elif number == FORWARD_LAST:
            op.conv_last(&g, x, w, &epilogue, y, scratch, threads)
        else:
            op.conv_grad_input(&g, x, w, made, &epilogue, y, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return result


def conv_forward(ConvGeometry geometry, cnp.ndarray input, cnp.ndarray weight, bias, residual, int activation, cnp.ndarray output,
                 int precision=-1, packed=None):
    return convolve(geometry, 0, input, weight, bias, residual, activation, output, precision, packed)


def conv_last(ConvGeometry geometry, cnp.ndarray input, cnp.ndarray weight, bias, residual, int activation, cnp.ndarray output,
              int precision=-1):
    """conv_forward of arrays whose channels come last, where geometry.takes_last(...)."""
    return convolve(geometry, FORWARD_LAST, input, weight, bias, residual, activation, output, precision, None)


def conv_grad_input(ConvGeometry geometry, cnp.ndarray grad_output, cnp.ndarray weight, bias, residual, int activation, cnp.ndarray grad_input,
                    int precision=-1, packed=None):
    return convolve(geometry, 1, grad_output, weight, bias, residual, activation, grad_input, precision, packed)


def conv_pack(ConvGeometry geometry, bint forward, cnp.ndarray weight, cnp.ndarray packed, int precision=-1):
    """Fill `packed`, of geometry.packed_bytes(...), with what the pass makes of the weight."""
    cdef const fc_operators *op = operators(weight)
    cdef fc_conv_geometry g = geometry.of_pass(0 if forward else 1, precision)
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
    cdef fc_conv_geometry g = geometry.of_pass(2, precision)
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


cpdef bint conv_grad_chosen(ConvGeometry geometry, int number, cnp.ndarray values, cnp.ndarray positions, cnp.ndarray other,
                            cnp.ndarray result, int precision=-1):
    """Gradient of the input (1) or weight (2) where grad_output is 0 but for some values of each plane, at int64 `positions`;
    other is weight or input. False, and nothing, if it had better be computed from all of grad_output."""
    cdef const fc_operators *op = operators(values)
    cdef fc_conv_geometry g = geometry.of_pass(number, precision)
    cdef int threads = geometry.threads()
    cdef bint done
    cdef Arena arena
    cdef void *scratch
    cdef int64_t count = cnp.PyArray_SIZE(values) // max(1, g.N * g.K)
    cdef int64_t bytes = op.conv_grad_chosen_scratch(&g, number, count, threads)
    if bytes < 0:
        return False
    arena = borrow()
    scratch = arena.reserve(bytes)
    cdef void *v = data(values)
    cdef const int64_t *at = <const int64_t *>data(positions)
    cdef void *x = data(other)
    cdef void *y = data(result)
    with nogil:
        done = op.conv_grad_chosen(&g, number, count, v, at, x, y, scratch, threads)
    pool.append(arena)
    raise_interrupt()
    return done
