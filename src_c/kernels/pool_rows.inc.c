/* pool_rows.inc.c: the first half of a pooling window, over depth and height: whole rows, lanes = width.
 *
 *     dst[j][i] = reduction over (d, h) of x[j * x_step + d * depth_step + h * height_step + i],  i < n
 *
 * Rows of dst are `pitch` apart; the cells between two are filled with what no window sees. Rows are written in
 * ascending order, whole vectors at a time, so dst has room for one vector more. */

/* The rows that a window sees: `depths` groups of `heights` rows, steps in elements of the input. */
typedef struct {
    int64_t depths, heights, depth_step, height_step;
} window_rows;

typedef struct {
    const T *x;   /* first row of the first window */
    const T *end; /* of the whole input: nothing is read from here on */
    position at;  /* of x in its channel plane */
    int64_t n;    /* cells of a row */
} row_source;

VEC_INLINE vec row_vector(const int narrow, const T *p, const T *end) { return narrow ? load_before(p, end) : load(p); }

/* One vector of columns of one window; the rows come in the order of the plane. */
VEC_INLINE cells reduce_column(const int kind, const int indexed, const int narrow, const int64_t depths,
                               const int64_t heights, const T *x, const T *end, position at, const window_rows *w) {
    cells a = {row_vector(narrow, x, end), splat_position(at)};
    for (int64_t h = 1; h < heights; h++) {
        int64_t step = h * w->height_step;
        a = then(kind, indexed, a, row_vector(narrow, x + step, end), at + (position)step);
    }
    for (int64_t d = 1; d < depths; d++)
        for (int64_t h = 0; h < heights; h++) {
            int64_t step = d * w->depth_step + h * w->height_step;
            a = then(kind, indexed, a, row_vector(narrow, x + step, end), at + (position)step);
        }
    if (indexed) a.at += (positions){LANES_COUNTED};
    return mark_nan(kind, indexed, a);
}

VEC_INLINE void fill_cells(const int kind, const int indexed, cell_run dst, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) store_cells(indexed, dst, i, no_cells(kind));
}

VEC_INLINE void reduce_rows_as(const int kind, const int indexed, const int64_t depths, const int64_t heights,
                               cell_run dst, int64_t pitch, row_source s, int64_t x_step, int64_t rows,
                               const window_rows *w) {
    for (int64_t j = 0; j < rows; j++) {
        const T *x = s.x + j * x_step;
        position at = s.at + (position)(j * x_step);
        cell_run row = run_from(indexed, dst, j * pitch);
        if (s.n < LANES) {
            store_cells(indexed, row, 0, reduce_column(kind, indexed, 1, depths, heights, x, s.end, at, w));
        } else {
            int64_t last = s.n - LANES;
            for (int64_t i = 0; i < last; i += LANES)
                store_cells(indexed, row, i,
                            reduce_column(kind, indexed, 0, depths, heights, x + i, s.end, at + (position)i, w));
            store_cells(indexed, row, last,
                        reduce_column(kind, indexed, 0, depths, heights, x + last, s.end, at + (position)last, w));
        }
        fill_cells(kind, indexed, run_from(indexed, row, s.n), pitch - s.n);
    }
}

/* Four windows of at least three rows, each one row below the one before: its first rows, those that all four see, and
 * its last rows, each by running reductions. */
enum { LAPPED_ROWS = 4, LAPPED_HEIGHT = 3 };

VEC_INLINE void reduce_lapped_column(const int kind, const int64_t heights, const T *x, int64_t step, T *dst,
                                     int64_t pitch) {
#define LAPPED_ROW(i) ((cells){.value = load(x + (i) * step)})
    cells low[3], high[3];
    low[2] = LAPPED_ROW(2);
    low[1] = better(kind, 0, low[2], LAPPED_ROW(1));
    low[0] = better(kind, 0, low[1], LAPPED_ROW(0));
    high[0] = LAPPED_ROW(heights);
    high[1] = better(kind, 0, high[0], LAPPED_ROW(heights + 1));
    high[2] = better(kind, 0, high[1], LAPPED_ROW(heights + 2));
    if (heights > 3) {
        cells all = LAPPED_ROW(3);
        for (int64_t h = 4; h < heights; h++) all = better(kind, 0, all, LAPPED_ROW(h));
        low[0] = better(kind, 0, low[0], all);
        high[2] = better(kind, 0, high[2], all);
        low[1] = better(kind, 0, low[1], all);
        low[2] = better(kind, 0, low[2], all);
    }
    store(dst, low[0].value);
    store(dst + pitch, better(kind, 0, low[1], high[0]).value);
    store(dst + 2 * pitch, better(kind, 0, low[2], high[1]).value);
    store(dst + 3 * pitch, high[2].value);
#undef LAPPED_ROW
}

VEC_INLINE void reduce_lapped_rows(const int kind, const int64_t heights, cell_run dst, int64_t pitch, row_source s,
                                   int64_t step) {
    for (int64_t j = 0; j < LAPPED_ROWS; j++) fill_cells(kind, 0, run_from(0, dst, j * pitch + s.n), pitch - s.n);
    int64_t last = s.n - LANES;
    for (int64_t i = 0; i < last; i += LANES) reduce_lapped_column(kind, heights, s.x + i, step, dst.value + i, pitch);
    reduce_lapped_column(kind, heights, s.x + last, step, dst.value + last, pitch);
}

VEC_INLINE void reduce_rows(const int kind, const int indexed, cell_run dst, int64_t pitch, row_source s,
                            int64_t x_step, int64_t rows, const window_rows *window) {
    const window_rows w = *window;
    int lapped = !indexed && w.depths == 1 && w.heights >= LAPPED_HEIGHT && x_step == w.height_step && s.n >= LANES;
    for (; lapped && rows >= LAPPED_ROWS; rows -= LAPPED_ROWS) {
        reduce_lapped_rows(kind, w.heights, dst, pitch, s, x_step);
        dst.value += LAPPED_ROWS * pitch;
        s.x += LAPPED_ROWS * x_step;
    }
    switch (w.depths == 1 ? w.heights : 0) {
    case 1: reduce_rows_as(kind, indexed, 1, 1, dst, pitch, s, x_step, rows, &w); break;
    case 2: reduce_rows_as(kind, indexed, 1, 2, dst, pitch, s, x_step, rows, &w); break;
    case 3: reduce_rows_as(kind, indexed, 1, 3, dst, pitch, s, x_step, rows, &w); break;
    default: reduce_rows_as(kind, indexed, w.depths, w.heights, dst, pitch, s, x_step, rows, &w);
    }
}

/* The same for windows of many overlapping rows, in about three steps a row whatever the window's height K
 * (van Herk 1992, Gil and Werman 1993). Rows are cut into blocks of K; a window is the end of one block and the
 * beginning of the next, and both are running reductions from the cut: no sum ever holds a row that its window does
 * not see. Row y of the input is at x + y * height_step; the first window starts at row `first`, which may be
 * negative, and `extent` is the number of rows. A page of each row at a time: `ends` has room for K * SHARED_VECS
 * vectors. */
enum { SHARED_VECS = 4096 / VECTOR_BYTES };

typedef struct {
    int64_t first, stride, extent;
} row_windows;

VEC_INLINE cells reduce_depths(const int kind, const int indexed, const int narrow, row_source s, int64_t column,
                               int64_t y, const row_windows *r, const window_rows *w) {
    if (y < 0 || y >= r->extent) return no_cells(kind);
    int64_t step = y * w->height_step + column;
    return reduce_column(kind, indexed, narrow, w->depths, 1, s.x + step, s.end, s.at + (position)step, w);
}

VEC_INLINE void reduce_shared_columns(const int kind, const int indexed, const int narrow, int vectors, cell_run dst,
                                      int64_t pitch, row_source s, int64_t column, int64_t rows, const row_windows *r,
                                      const window_rows *w, cell_run ends) {
    int64_t K = w->heights, cut = -1, seen = 0;
    cells start[SHARED_VECS];
    for (int v = 0; v < vectors; v++) start[v] = no_cells(kind);
    for (int64_t j = 0; j < rows; j++) {
        int64_t y = j * r->stride;
        if (y / K != cut) {
            cut = y / K;
            seen = (cut + 1) * K;
            cells a[SHARED_VECS];
            for (int v = 0; v < vectors; v++) a[v] = start[v] = no_cells(kind);
            for (int64_t back = K - 1; back >= y - cut * K; back--)
                for (int v = 0; v < vectors; v++) {
                    cells x =
                        reduce_depths(kind, indexed, narrow, s, column + v * LANES, r->first + cut * K + back, r, w);
                    a[v] = better(kind, indexed, x, a[v]);
                    store_cells(indexed, ends, (back * vectors + v) * LANES, a[v]);
                }
        }
        for (; seen < y + K; seen++)
            for (int v = 0; v < vectors; v++) {
                cells x = reduce_depths(kind, indexed, narrow, s, column + v * LANES, r->first + seen, r, w);
                start[v] = better(kind, indexed, start[v], x);
            }
        for (int v = 0; v < vectors; v++) {
            cells end = load_cells(indexed, ends, ((y - cut * K) * vectors + v) * LANES);
            store_first_cells(indexed, dst, j * pitch + column + v * LANES, better(kind, indexed, end, start[v]),
                              narrow ? s.n : LANES);
        }
    }
}

VEC_INLINE void reduce_rows_shared(const int kind, const int indexed, cell_run dst, int64_t pitch, row_source s,
                                   int64_t rows, const row_windows *r, const window_rows *w, cell_run ends) {
    for (int64_t j = 0; j < rows; j++) fill_cells(kind, indexed, run_from(indexed, dst, j * pitch + s.n), pitch - s.n);
    if (s.n < LANES) {
        reduce_shared_columns(kind, indexed, 1, 1, dst, pitch, s, 0, rows, r, w, ends);
        return;
    }
    int64_t column = 0;
    for (int vectors; column + LANES <= s.n; column += vectors * LANES) {
        vectors = (int)min_i64(SHARED_VECS, (s.n - column) / LANES);
        reduce_shared_columns(kind, indexed, 0, vectors, dst, pitch, s, column, rows, r, w, ends);
    }
    if (column < s.n) reduce_shared_columns(kind, indexed, 0, 1, dst, pitch, s, s.n - LANES, rows, r, w, ends);
}
