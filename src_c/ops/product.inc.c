/* product.inc.c: the one product behind convolution, its input gradient and transposed convolution.
 *
 *     dest[n, row, pixel] = act(bias[row] + residual + sum over (channel, tap) of
 *                               matrix[row][channel * taps + tap] * source[n, channel, pixel * stride + offset[tap]])
 *
 * Samples outside the source count as zero. Stride, dilation, padding, rank and phase are all in the offsets, so
 * whoever can compute this (gather.inc.c, strip.inc.c) computes every one of them. */

typedef struct product {
    int64_t groups, images;
    const T *source; /* (images, groups * channels, extent) */
    int64_t channels, extent[3];
    int64_t taps, count[3]; /* their number on each axis: taps are the product, the last axis fastest */
    const int64_t (*offset)[3];
    int64_t low[3], high[3]; /* the offsets' range on each axis */
    int64_t stride[3];
    const T *matrix;    /* (groups * rows, channels * taps) */
    const int64_t *tap; /* the matrix has other taps too: which of its matrix_taps these are; or NULL */
    int64_t matrix_taps;
    const void *packed; /* what the chosen way makes of the matrix, made before; or NULL */
    int64_t rows;
    int64_t pixels[3];
    T *dest; /* (images, groups * rows, dest_extent), written at pixel * dest_stride + dest_start */
    int64_t dest_extent[3], dest_stride[3], dest_start[3];
    fc_epilogue epilogue;
    int exact;                   /* direct summation only */
    int by_batch;                /* the way may depend on the number of images, and with it the last bits */
    const struct product *pair;  /* of dest stride 2: the product of the columns between, or NULL */
    const struct product *below; /* of a pair: the pair of the rows between, or NULL */
} product;

/* What takes at least so many multiply-adds of vectors is cut into at least so many tasks, for threads to share. */
enum { SHARED_WORK = 200 * 1000, LEAST_TASKS = 4 };

/* Parts into which `work` of so many tasks is to be cut further. */
static int64_t parts_to_share(int64_t work, int64_t tasks) {
    return work >= SHARED_WORK ? ceil_div(LEAST_TASKS, tasks) : 1;
}

/* Cells from tap to tap. */
static int64_t tap_gap(const product *p, int axis) {
    return p->count[axis] > 1 ? (p->high[axis] - p->low[axis]) / (p->count[axis] - 1) : 1;
}

/* Whether pixels lie in dest as they are numbered. */
static int is_dense(const product *p) {
    int dense = 1;
    for (int axis = 0; axis < 3; axis++) dense &= p->dest_stride[axis] == 1 && p->pixels[axis] == p->dest_extent[axis];
    return dense;
}

/* At least n elements, and an odd number of cache lines: arrays that far apart never share a cache set. */
VEC_INLINE int64_t odd_lines(int64_t n) {
    int64_t line = 64 / T_BYTES;
    return (ceil_div(n, line) | 1) * line;
}

/* dest[i] = from[i * step]. */
VEC_INLINE void copy_step(T *dest, const T *from, int64_t n, int64_t step) {
    if (step == 1) copy_run(dest, from, n);
    else if (step == 2 && n > LANES) {
        vec even, odd;
        for (int64_t i = 0; i < n - LANES; i += LANES) {
            split_pairs(from + 2 * i, &even, &odd);
            store(dest + i, even);
        }
        split_pairs(from + 2 * (n - LANES) - 1, &even, &odd); /* nothing is read past the last element */
        store(dest + n - LANES, odd);
    } else if (step == 2) {
        int64_t cells = 2 * n - 1;
        vec low = load_part(from, min_i64(cells, LANES));
        vec high = cells > LANES ? load_part(from + LANES, cells - LANES) : (vec){0};
        store_part(dest, evens(low, high), n);
    } else if (step == 4 && n > LANES) {
        vec y[4];
        for (int64_t i = 0; i < n - LANES; i += LANES) {
            split_four(from + 4 * i, 2, y);
            store(dest + i, y[0]);
        }
        for (int64_t i = n - LANES; i < n; i++) dest[i] = from[4 * i];
    } else
        for (int64_t i = 0; i < n; i++) dest[i] = from[step * i];
}

/* Rows of n elements, as copy_step does. The last vector of a row is written whole, with zeros at its end. Rows of one
 * vector are worth a loop of their own. */
VEC_INLINE void lay_rows(T *dest, int64_t dest_row, const T *from, int64_t from_row, int64_t rows, int64_t n,
                         int64_t step) {
    int64_t whole = (n - 1) / LANES * LANES;
    if (step > 1)
        for (; rows > 0; rows--, dest += dest_row, from += from_row) copy_step(dest, from, n, step);
    else if (n <= LANES)
        for (; rows > 0; rows--, dest += dest_row, from += from_row) store(dest, load_part(from, n));
    else
        for (; rows > 0; rows--, dest += dest_row, from += from_row) {
            for (int64_t i = 0; i < whole; i += LANES) {
                FC_KEEP_LOOP;
                store(dest + i, load(from + i));
            }
            store(dest + whole, load_part(from + whole, n - whole));
        }
}

/* Splits rows of n elements into their even and odd ones; last vectors as above. */
static void split_rows(T *even, T *odd, int64_t dest_row, const T *from, int64_t from_row, int64_t rows, int64_t n) {
    int64_t whole = (n - 1) / (2 * LANES) * LANES, left = n - 2 * whole;
    for (; rows > 0; rows--, even += dest_row, odd += dest_row, from += from_row) {
        for (int64_t i = 0; i < whole; i += LANES) {
            vec a, b;
            split_pairs(from + 2 * i, &a, &b);
            store(even + i, a);
            store(odd + i, b);
        }
        const T *last = from + 2 * whole;
        vec a = load_part(last, min_i64(left, LANES)),
            b = left > LANES ? load_part(last + LANES, left - LANES) : (vec){0};
        store(even + whole, evens(a, b));
        store(odd + whole, odds(a, b));
    }
}

/* dest = even[0], odd[0], even[1], odd[1], ...: n elements; whole vectors are read. */
VEC_INLINE void zip_run(T *dest, const T *even, const T *odd, int64_t n) {
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        store(dest + i, zip_low(load(even + i / 2), load(odd + i / 2)));
        store(dest + i + LANES, zip_high(load(even + i / 2), load(odd + i / 2)));
    }
    if (i == n) return;
    T last[2 * LANES];
    store(last, zip_low(load(even + i / 2), load(odd + i / 2)));
    store(last + LANES, zip_high(load(even + i / 2), load(odd + i / 2)));
    copy_run(dest + i, last, n - i);
}

VEC_INLINE void zip_rows(T *dest, int64_t dest_row, const T *even, const T *odd, int64_t from_row, int64_t rows,
                         int64_t n) {
    for (; rows > 0; rows--, dest += dest_row, even += from_row, odd += from_row) zip_run(dest, even, odd, n);
}

/* The cells [low, high) of n, from `first` on and `step` apart, that lie in [0, extent). */
VEC_INLINE void clip_cells(int64_t first, int64_t step, int64_t extent, int64_t n, int64_t *low, int64_t *high) {
    *low = clamp_i64(ceil_div(max_i64(-first, 0), step), 0, n);
    *high = clamp_i64(floor_div(extent - 1 - first, step) + 1, *low, n);
}

/* dest[i] = from[first + i * step] where that lies in [0, extent), else 0. */
VEC_INLINE void copy_padded(T *dest, const T *from, int64_t first, int64_t step, int64_t extent, int64_t n) {
    int64_t low, high;
    clip_cells(first, step, extent, n, &low, &high);
    if (low > 0) zero_run(dest, low);
    if (high > low) copy_step(dest + low, from + first + low * step, high - low, step);
    if (n > high) zero_run(dest + high, n - high);
}

/* The parameters that fused activations have: PyTorch's defaults. */
VEC_INLINE void activate_run(T *dest, const T *x, int64_t n, int activation) {
    if (activation == FC_RELU) relu_pass(dest, x, n, 0, 0);
    else value_passes[activation](dest, x, n, activation == FC_LEAKY_RELU ? (T)0.01 : 1, 20);
}

VEC_INLINE T activate(T x, int activation) {
    if (activation) activate_run(&x, &x, 1, activation);
    return x;
}

/* dest[i] = act(x[i] + residual[i]); x and dest may be the same. */
VEC_INLINE void finish_dense_run(T *dest, const T *x, const T *residual, int64_t n, int activation) {
    if (residual) {
        FOR_LANES(i, m, n) store_some(dest + i, load_some(x + i, m) + load_some(residual + i, m), m);
        x = dest;
    }
    if (activation) activate_run(dest, x, n, activation);
    else if (x != dest) copy_run(dest, x, n);
}

/* Fetches where finish_run will write, if that is dense. */
VEC_INLINE void fetch_run(const T *dest, int64_t n, int64_t step) {
    if (step <= 2) fetch(dest, n * step);
}

/* dest[i * step] = x[i]. */
static void spread_run(T *dest, const T *x, int64_t n, int64_t step) {
    if (step != 2 || n < 4)
        for (int64_t i = 0; i < n; i++) dest[i * step] = x[i];
    else FOR_LANES(i, m, n) store_apart(dest + 2 * i, load_some(x + i, m), m);
}

/* dest[i * step] = act(x[i] + residual[i * step]); x and dest may be the same where step is 1. */
static void finish_run(T *dest, const T *x, const T *residual, int64_t n, int64_t step, int activation) {
    enum { CHUNK = 8 * LANES };
    if (step == 1) {
        finish_dense_run(dest, x, residual, n, activation);
        return;
    }
    if (!residual && !activation) {
        spread_run(dest, x, n, step);
        return;
    }
    for (int64_t at = 0; at < n; at += CHUNK, x += CHUNK, dest += CHUNK * step) {
        T chunk[CHUNK];
        int64_t count = min_i64(CHUNK, n - at);
        for (int64_t i = 0; i < count; i++) chunk[i] = x[i] + (residual ? residual[(at + i) * step] : 0);
        if (activation) activate_run(chunk, chunk, count, activation);
        spread_run(dest, chunk, count, step);
    }
}
