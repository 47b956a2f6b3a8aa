/* fourier.inc.c: Fourier transforms of columns, a vector of them at a time and in place: cells of N = 2**n frequencies
 * or places, `line` elements from real to imaginary part and twice as many from cell to cell. root[j] is
 * exp(-2 pi i j / N), real and imaginary part. Frequencies stand in the order of their bits reversed. */

typedef struct {
    vec re, im;
} complex_vec;

VEC_INLINE complex_vec load_complex(const T *p, int64_t line) { return (complex_vec){load(p), load(p + line)}; }

VEC_INLINE void store_complex(T *p, int64_t line, complex_vec a) {
    store(p, a.re);
    store(p + line, a.im);
}

VEC_INLINE complex_vec sum_of(complex_vec a, complex_vec b) { return (complex_vec){a.re + b.re, a.im + b.im}; }
VEC_INLINE complex_vec difference_of(complex_vec a, complex_vec b) { return (complex_vec){a.re - b.re, a.im - b.im}; }
VEC_INLINE complex_vec times_i(complex_vec a) { return (complex_vec){-a.im, a.re}; }

/* a times a root, or its conjugate. */
VEC_INLINE complex_vec turn(const int back, complex_vec a, const T *root) {
    vec re = splat(root[0]), im = splat(back ? -root[1] : root[1]);
    return (complex_vec){a.re * re - a.im * im, a.re * im + a.im * re};
}

/* Two steps of a transform at once, on cells `step` apart of 4 * step; the steps of every group of cells have the same
 * roots, those of j times 1, 2 and 3. */
VEC_INLINE void split_quarters(const int turned, T *cell, int64_t step, int64_t line, const T *const root[3]) {
    complex_vec x[4];
    FC_UNROLL for (int i = 0; i < 4; i++) x[i] = load_complex(cell + i * step, line);
    complex_vec even = sum_of(x[0], x[2]), odd = sum_of(x[1], x[3]);
    complex_vec left = difference_of(x[0], x[2]), right = times_i(difference_of(x[1], x[3]));
    complex_vec y[4] = {sum_of(even, odd), difference_of(even, odd), difference_of(left, right), sum_of(left, right)};
    if (turned) {
        y[1] = turn(0, y[1], root[1]);
        y[2] = turn(0, y[2], root[0]);
        y[3] = turn(0, y[3], root[2]);
    }
    FC_UNROLL for (int i = 0; i < 4; i++) store_complex(cell + i * step, line, y[i]);
}

/* The inverse, times 4. */
VEC_INLINE void join_quarters(const int turned, T *cell, int64_t step, int64_t line, const T *const root[3]) {
    complex_vec y[4];
    FC_UNROLL for (int i = 0; i < 4; i++) y[i] = load_complex(cell + i * step, line);
    if (turned) {
        y[1] = turn(1, y[1], root[1]);
        y[2] = turn(1, y[2], root[0]);
        y[3] = turn(1, y[3], root[2]);
    }
    complex_vec even = sum_of(y[0], y[1]), odd = difference_of(y[0], y[1]);
    complex_vec left = sum_of(y[2], y[3]), right = times_i(difference_of(y[2], y[3]));
    complex_vec x[4] = {sum_of(even, left), sum_of(odd, right), difference_of(even, left), difference_of(odd, right)};
    FC_UNROLL for (int i = 0; i < 4; i++) store_complex(cell + i * step, line, x[i]);
}

/* The steps of all groups of 4 * quarter cells. */
VEC_INLINE void step_quarters(const int back, T *x, int64_t N, int64_t quarter, int64_t line, const T *roots) {
    int64_t step = 2 * line * quarter, stride = 2 * (N / (4 * quarter));
    for (int64_t j = 0; j < quarter; j++) {
        const T *const root[3] = {roots + j * stride, roots + 2 * j * stride, roots + 3 * j * stride};
        for (int64_t group = 0; group < N; group += 4 * quarter) {
            T *cell = x + 2 * line * (group + j);
            if (back && j) join_quarters(1, cell, step, line, root);
            if (back && !j) join_quarters(0, cell, step, line, root);
            if (!back && j) split_quarters(1, cell, step, line, root);
            if (!back && !j) split_quarters(0, cell, step, line, root);
        }
    }
}

/* The step left over where N is no power of 4; its own inverse, times 2, but for the roots. */
VEC_INLINE void step_halves(const int back, T *x, int64_t N, int64_t line, const T *roots) {
    for (int64_t j = 0; j < N / 2; j++) {
        T *low = x + 2 * line * j, *high = low + line * N;
        complex_vec a = load_complex(low, line), b = load_complex(high, line);
        if (back) b = turn(1, b, roots + 2 * j);
        complex_vec difference = difference_of(a, b);
        store_complex(low, line, sum_of(a, b));
        store_complex(high, line, back ? difference : turn(0, difference, roots + 2 * j));
    }
}

static void to_spectra(T *x, int64_t N, int64_t line, const T *roots) {
    int64_t cells = N;
    if (!(N & 0x55555555)) {
        step_halves(0, x, N, line, roots);
        cells /= 2;
    }
    for (; cells >= 4; cells /= 4) step_quarters(0, x, N, cells / 4, line, roots);
}

/* The inverse, times N. */
static void from_spectra(T *x, int64_t N, int64_t line, const T *roots) {
    int64_t cells = 1;
    for (; 4 * cells <= N; cells *= 4) step_quarters(1, x, N, cells, line, roots);
    if (cells < N) step_halves(1, x, N, line, roots);
}
