/* product.inc.c: the one product behind convolution, its input gradient and transposed convolution.
 *
 *     dest[n, row, pixel] = act(bias[row] + residual + sum over (channel, tap) of
 *                               matrix[row][channel * taps + tap] * source[n, channel, pixel * stride + offset[tap]])
 *
 * Samples outside the source count as zero. Stride, dilation, padding, rank and phase are all in the offsets, so
 * whoever can compute this (gather.inc.c, strip.inc.c) computes every one of them. */

typedef struct {
    int64_t groups, images;
    const T *source; /* (images, groups * channels, extent) */
    int64_t channels, extent[3];
    int64_t taps;
    const int64_t (*offset)[3];
    int64_t low[3], high[3]; /* the offsets' range on each axis */
    int64_t stride[3];
    const T *matrix; /* (groups * rows, channels * taps) */
    int64_t rows;
    int64_t pixels[3];
    T *dest; /* (images, groups * rows, dest_extent), written at pixel * dest_stride + dest_start */
    int64_t dest_extent[3], dest_stride[3], dest_start[3];
    fc_epilogue epilogue;
} product;

/* At least n elements, and an odd number of cache lines: arrays that far apart never share a cache set. */
VEC_INLINE int64_t odd_lines(int64_t n) {
    int64_t line = 64 / T_BYTES;
    return (ceil_div(n, line) | 1) * line;
}

/* dest[i] = from[i * step]. */
VEC_INLINE void copy_step(T *dest, const T *from, int64_t n, int64_t step) {
    if (step == 1) copy_run(dest, from, n);
    else if (step == 2)
        for (int64_t i = 0; i < n; i++) dest[i] = from[2 * i];
    else
        for (int64_t i = 0; i < n; i++) dest[i] = from[step * i];
}

/* dest[i] = from[first + i * step] where that lies in [0, extent), else 0. */
VEC_INLINE void copy_padded(T *dest, const T *from, int64_t first, int64_t step, int64_t extent, int64_t n) {
    int64_t low = clamp_i64(ceil_div(max_i64(-first, 0), step), 0, n);
    int64_t high = clamp_i64(floor_div(extent - 1 - first, step) + 1, low, n);
    if (low > 0) zero_run(dest, low);
    if (high > low) copy_step(dest + low, from + first + low * step, high - low, step);
    if (n > high) zero_run(dest + high, n - high);
}

VEC_INLINE T activate(T x, int activation) {
    switch (activation) {
    case FC_RELU: return x < 0 ? 0 : x;
    case FC_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case FC_LEAKY_RELU: return x < 0 ? x * (T)0.01 : x;
    case FC_HARDSWISH: return x * (x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6);
    default: return x;
    }
}

/* dest[i * step] = act(x[i] + residual[i * step]); x and dest may be the same. */
VEC_INLINE void finish_run(T *dest, const T *x, const T *residual, int64_t n, int64_t step, int activation) {
    if (activation == FC_NONE && !residual && step == 1) {
        if (x != dest) copy_run(dest, x, n);
    } else if (step == 1 && activation == FC_RELU && !residual) {
        for (int64_t i = 0; i < n; i++) dest[i] = activate(x[i], FC_RELU);
    } else {
        for (int64_t i = 0; i < n; i++)
            dest[i * step] = activate(x[i] + (residual ? residual[i * step] : 0), activation);
    }
}
