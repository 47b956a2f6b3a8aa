/* pool_kernels.inc.c: the pooling kernels by name, once for each reduction. */

typedef struct {
    void (*fill)(cell_run dst, int64_t n);
    void (*rows)(cell_run dst, int64_t pitch, row_source s, int64_t x_step, int64_t rows, const window_rows *w);
    void (*shared)(cell_run dst, int64_t pitch, row_source s, int64_t rows, const row_windows *r, const window_rows *w,
                   cell_run ends);
    void (*columns)(const window_columns *w, cell_run run, cell_run spare, const pool_result *out);
    void (*one)(cell_run run, int64_t n, const pool_result *out, int64_t i);
    void (*planes)(const T *x, int64_t planes, int64_t n, T size, T *result);
    void (*gathered)(const gathered_windows *w, const T *x, int64_t first, int64_t last, const pool_result *out);
} pool_kernels;

#define POOL_KERNELS(name, kind, indexed) \
    static void name##_fill(cell_run dst, int64_t n) { fill_cells(kind, indexed, dst, n); } \
    static void name##_rows(cell_run dst, int64_t pitch, row_source s, int64_t x_step, int64_t rows, \
                            const window_rows *w) { \
        reduce_rows(kind, indexed, dst, pitch, s, x_step, rows, w); \
    } \
    static void name##_shared(cell_run dst, int64_t pitch, row_source s, int64_t rows, const row_windows *r, \
                              const window_rows *w, cell_run ends) { \
        reduce_rows_shared(kind, indexed, dst, pitch, s, rows, r, w, ends); \
    } \
    static void name##_columns(const window_columns *w, cell_run run, cell_run spare, const pool_result *out) { \
        reduce_columns(kind, indexed, w, run, spare, out); \
    } \
    static void name##_one(cell_run run, int64_t n, const pool_result *out, int64_t i) { \
        reduce_one(kind, indexed, run, n, out, i); \
    } \
    static void name##_planes(const T *x, int64_t planes, int64_t n, T size, T *result) { \
        reduce_planes(kind, x, planes, n, size, result); \
    } \
    static void name##_gathered(const gathered_windows *w, const T *x, int64_t first, int64_t last, \
                                const pool_result *out) { \
        reduce_gathered(kind, indexed, w, x, first, last, out); \
    } \
    static const pool_kernels name = {name##_fill, name##_rows,   name##_shared,  name##_columns, \
                                      name##_one,  name##_planes, name##_gathered};

POOL_KERNELS(pool_max, POOL_MAX, 0)
POOL_KERNELS(pool_min, POOL_MIN, 0)
POOL_KERNELS(pool_mean, POOL_SUM, 0)
POOL_KERNELS(pool_argmax, POOL_MAX, 1)
#undef POOL_KERNELS

static const pool_kernels *pool_kernels_of(int kind, int indexed) {
    switch (kind) {
    case POOL_MAX: return indexed ? &pool_argmax : &pool_max;
    case POOL_MIN: return &pool_min;
    default: return &pool_mean;
    }
}
