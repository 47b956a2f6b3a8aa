/* pool_spread.inc.c: the way back of a mean along the width: every output gives its gradient to its window. */

/* dst[i] = row[i / stride], i < n: windows side by side. row has room for a vector past its last cell. */
static void repeat_cells(T *dst, const T *row, int64_t n, int64_t stride) {
    if (stride == 1) {
        copy_run(dst, row, n);
    } else if (stride == 2) {
        for (int64_t i = 0; i < n; i += 2 * LANES) {
            vec x = load(row + i / 2);
            store_first(dst + i, zip_low(x, x), n - i);
            if (n - i > LANES) store_first(dst + i + LANES, zip_high(x, x), n - i - LANES);
        }
    } else {
        for (int64_t i = 0; i < n; i += stride)
            for (int64_t k = i; k < min_i64(n, i + stride); k++) dst[k] = row[i / stride];
    }
}

/* dst[start + i * stride] = row[i], i < n, with zeros before and between. Past that dst, which has room for two
 * vectors more, is zero or not set. */
static void insert_zeros(T *dst, int64_t start, const T *row, int64_t n, int64_t stride) {
    if (stride == 2) {
        for (int64_t i = 0; i < start; i += LANES) store(dst + i, (vec){0});
        for (int64_t i = 0; i < n; i += LANES) {
            vec x = load(row + i);
            store(dst + start + 2 * i, zip_low(x, (vec){0}));
            store(dst + start + 2 * i + LANES, zip_high(x, (vec){0}));
        }
    } else {
        zero_run(dst, start + n * stride);
        for (int64_t i = 0; i < n; i++) dst[start + i * stride] = row[i];
    }
}
