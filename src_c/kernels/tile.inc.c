/* tile.inc.c: the rank-1-update kernel that every dense product runs on.
 *
 *     c[i][l] = start + sum over o, j of  a[i][rows[o] + j * a_step] * b[o * inner + j][l]
 *
 * i < m rows, l < n * LANES lanes. `a` holds one pointer per row, read by broadcast, so weights need no
 * packing; `b` is a packed panel whose rows lie b_row apart. The start is init[i] (the bias) or 0; with
 * accumulate the finished sum is added to c, which loses less than one long chain. Each sum is one chain of fused
 * multiply-adds in the order (o, j): its bits do not depend on m, n or how rows and lanes were cut.
 *
 * With a_step 0 the levels lie at rows[j], in any order.
 *
 * Data that is read once, by rows too short or too many for a prefetcher, may be fetched into cache along the way: as
 * many cells as the tile reads of `a`, or what lies `beyond` the cells of b. */

typedef struct {
    int64_t outer, inner;
    const int64_t *rows; /* offset of row o in every a[i] */
    int64_t a_step;
    const T *b;
    int64_t b_row;
    T *c;
    int64_t c_row;
    const T *init;
    int accumulate;
    const T *ahead; /* where the next rows of `a` begin, which lie next to one another; or NULL */
    int64_t beyond; /* or 0 */
} tile_arguments;

enum { FETCH_NOTHING, FETCH_AHEAD, FETCH_BEYOND };
enum { FETCH_LEVELS = 8 / T_BYTES }; /* TILE_ROWS cells each are a cache line, or nearly */

#define FOR_TILE FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++)

VEC_INLINE void tile(const int m, const int n, const T *const *a, const tile_arguments *t, const int64_t a_step,
                     const int fetches) {
    vec acc[TILE_ROWS][TILE_VECS];
    if (t->init && !t->accumulate) {
        FOR_TILE acc[i][v] = splat(t->init[i]);
    } else {
        FOR_TILE acc[i][v] = (vec){0};
    }
    const T *b = t->b;
    const int64_t b_row = t->b_row;
    const T *row[TILE_ROWS];
    for (int64_t o = 0; o < t->outer; o++) {
        FC_UNROLL for (int i = 0; i < m; i++) row[i] = a_step ? a[i] + t->rows[o] : a[i];
        int64_t at = 0;
        FC_UNROLL_2 for (int64_t j = 0; j < t->inner; j++) {
            if (!a_step) at = t->rows[j];
            vec x[TILE_VECS];
            FC_UNROLL for (int v = 0; v < n; v++) x[v] = load(b + v * LANES);
            FC_UNROLL for (int i = 0; i < m; i++) {
                vec w = splat(row[i][at]);
                FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] += w * x[v];
            }
            if (fetches == FETCH_AHEAD && j % FETCH_LEVELS == 0) __builtin_prefetch(t->ahead + j * TILE_ROWS);
            if (fetches == FETCH_BEYOND)
                FC_UNROLL for (int v = 0; v < n; v++) __builtin_prefetch(b + t->beyond + v * LANES);
            at += a_step;
            b += b_row;
        }
    }
    if (t->accumulate) { FOR_TILE acc[i][v] += load(t->c + i * t->c_row + v * LANES); }
    FOR_TILE store(t->c + i * t->c_row + v * LANES, acc[i][v]);
}
#undef FOR_TILE

/* One function per tile shape; a step of one is worth a loop of its own. */
#define TILE(m, n) \
    static void tile_##m##x##n(const T *const *a, const tile_arguments *t) { \
        if (t->a_step == 1) tile(m, n, a, t, 1, FETCH_NOTHING); \
        else if (t->a_step == 0) tile(m, n, a, t, 0, FETCH_NOTHING); \
        else tile(m, n, a, t, t->a_step, FETCH_NOTHING); \
    }
#define TILE_NAME(m, n) tile_##m##x##n,
#define TILES_OF_WIDTH(X, n) X(1, n) X(2, n) X(3, n) X(4, n) X(5, n) X(6, n) TILES_7_8(X, n)
#if TILE_ROWS == 8
#define TILES_7_8(X, n) X(7, n) X(8, n)
#else
#define TILES_7_8(X, n)
#endif
TILES_OF_WIDTH(TILE, 1)
TILES_OF_WIDTH(TILE, 2)
#if TILE_VECS >= 3
TILES_OF_WIDTH(TILE, 3)
#endif
#if TILE_VECS >= 4
TILES_OF_WIDTH(TILE, 4)
#endif

static void (*const tiles[TILE_VECS][TILE_ROWS])(const T *const *a, const tile_arguments *t) = {
    {TILES_OF_WIDTH(TILE_NAME, 1)},
    {TILES_OF_WIDTH(TILE_NAME, 2)},
#if TILE_VECS >= 3
    {TILES_OF_WIDTH(TILE_NAME, 3)},
#endif
#if TILE_VECS >= 4
    {TILES_OF_WIDTH(TILE_NAME, 4)},
#endif
};
#undef TILE
#undef TILE_NAME

/* Those that fetch: of full rows, or full panels. */
#define TILE(n) \
    static void tile_ahead_##n(const T *const *a, const tile_arguments *t) { tile(TILE_ROWS, n, a, t, 1, FETCH_AHEAD); }
TILE(1)
TILE(2)
#if TILE_VECS >= 3
TILE(3)
#endif
#if TILE_VECS >= 4
TILE(4)
#endif
#undef TILE
static void (*const tiles_ahead[TILE_VECS])(const T *const *a, const tile_arguments *t) = {
    tile_ahead_1,
    tile_ahead_2,
#if TILE_VECS >= 3
    tile_ahead_3,
#endif
#if TILE_VECS >= 4
    tile_ahead_4,
#endif
};

static void tile_beyond(const T *const *a, const tile_arguments *t) {
    tile(TILE_ROWS, TILE_VECS, a, t, 1, FETCH_BEYOND);
}

/* m rows against n vectors. */
VEC_INLINE void run_tile(int64_t m, int64_t n, const T *const *a, const tile_arguments *t) {
    if (t->ahead && m == TILE_ROWS) tiles_ahead[n - 1](a, t);
    else if (t->beyond && m == TILE_ROWS && n == TILE_VECS) tile_beyond(a, t);
    else tiles[n - 1][m - 1](a, t);
}

#define PANEL (TILE_VECS * LANES) /* lanes of a full panel */

/* Rows [first, first + count) against one panel, in blocks as equal as can be so that none is thin. */
VEC_INLINE int row_blocks(int64_t count) { return (int)ceil_div(count, TILE_ROWS); }
