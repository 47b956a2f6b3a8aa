/* strip_tile.inc.c: the tile kernel without packing: lanes are read where they lie, in a padded strip of rows.
 *
 *     c[i][l] = init[i] + sum over channels, steps, j of  a[channel * a_channel + step.a + i * a_row + j] *
 *                                                        x[channel * x_channel + step.x + column[j] + l]
 *
 * where a step adds to rows low <= i < high only. For few rows (depthwise and narrow groups, image filters, first
 * layers), where packing would cost as much as the product. Rows may be output channels (one step of all taps) or
 * neighbouring pixel rows of one channel: then a step is a row of the source, each loaded vector feeds all the
 * pixel rows whose window it lies in, and a_row is minus one row of taps. Each element is one chain in the order
 * (channel, step, j), however the work is cut. */

enum { STRIP_ROWS = 6, STRIP_VECS = 8 };

typedef struct {
    int64_t x, a;
    int low, high;
} strip_step;

typedef struct {
    int64_t channels, x_channel, a_channel;
    const strip_step *step, *end;
    const int64_t *column;
    int64_t count;
    const T *a;
    int64_t a_row;
    const T *x;
    T *c;
    int64_t c_row;
    T init[STRIP_ROWS];
} strip_arguments;

VEC_INLINE void strip_add(const int low, const int high, const int n, vec acc[STRIP_ROWS][STRIP_VECS], const T *a,
                          int64_t a_row, const T *x, const int64_t *column, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        vec lanes[STRIP_VECS];
        FC_UNROLL for (int v = 0; v < n; v++) lanes[v] = load(x + column[j] + v * LANES);
        FC_UNROLL for (int i = low; i < high; i++) {
            vec w = splat(a[i * a_row + j]);
            FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] += w * lanes[v];
        }
    }
}

#define STRIP_CASE(l, h) \
    case (l) * 8 + (h): \
        if ((h) <= m) strip_add(l, h, n, acc, a, t->a_row, x, t->column, count); \
        break;
VEC_INLINE void strip_tile(const int m, const int n, const strip_arguments *t, const int64_t count) {
    vec acc[STRIP_ROWS][STRIP_VECS];
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] = splat(t->init[i]);
    for (int64_t channel = 0; channel < t->channels; channel++)
        for (const strip_step *step = t->step; step < t->end; step++) {
            const T *x = t->x + channel * t->x_channel + step->x, *a = t->a + channel * t->a_channel + step->a;
            switch (step->low * 8 + step->high) {
                /* clang-format off */
                STRIP_CASE(0, 1) STRIP_CASE(0, 2) STRIP_CASE(0, 3) STRIP_CASE(0, 4) STRIP_CASE(0, 5) STRIP_CASE(0, 6)
                STRIP_CASE(1, 2) STRIP_CASE(1, 3) STRIP_CASE(1, 4) STRIP_CASE(1, 5) STRIP_CASE(1, 6)
                STRIP_CASE(2, 3) STRIP_CASE(2, 4) STRIP_CASE(2, 5) STRIP_CASE(2, 6)
                STRIP_CASE(3, 4) STRIP_CASE(3, 5) STRIP_CASE(3, 6)
                STRIP_CASE(4, 5) STRIP_CASE(4, 6)
                STRIP_CASE(5, 6)
                /* clang-format on */
            }
        }
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++)
        store(t->c + i * t->c_row + v * LANES, acc[i][v]);
}
#undef STRIP_CASE

/* Vectors that m rows may hold in registers at once. */
#if TILE_ROWS * TILE_VECS > 12
static const int strip_vecs[STRIP_ROWS] = {8, 8, 6, 5, 4, 4};
/* clang-format off */
#define STRIP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) X(2, 7) X(2, 8) \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(3, 5) X(3, 6) \
    X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) \
    X(5, 1) X(5, 2) X(5, 3) X(5, 4) \
    X(6, 1) X(6, 2) X(6, 3) X(6, 4)
/* clang-format on */
#else
static const int strip_vecs[STRIP_ROWS] = {8, 4, 3, 3, 2, 2};
/* clang-format off */
#define STRIP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) \
    X(3, 1) X(3, 2) X(3, 3) \
    X(4, 1) X(4, 2) X(4, 3) \
    X(5, 1) X(5, 2) \
    X(6, 1) X(6, 2)
/* clang-format on */
#endif

#define STRIP_TILE(m, n) \
    static void strip_tile_##m##x##n(const strip_arguments *t) { \
        if (t->count == 3) strip_tile(m, n, t, 3); \
        else strip_tile(m, n, t, t->count); \
    }
STRIP_TILES(STRIP_TILE)
#undef STRIP_TILE
#define STRIP_TILE(m, n) [m - 1][n - 1] = strip_tile_##m##x##n,
static void (*const strip_tiles[STRIP_ROWS][STRIP_VECS])(const strip_arguments *t) = {STRIP_TILES(STRIP_TILE)};
#undef STRIP_TILE
#undef STRIP_TILES

/* The same for one channel with 3 x 3 taps, down all rows of a column of vectors: weights stay in registers and each
 * source row is loaded once, for the three pixel rows that see it. Source rows outside [top, bottom) are skipped. */
enum { ROLL_VECS = 2 };

typedef struct {
    int64_t rows, top, bottom;
    const T *a;
    int64_t a_row; /* from a row of taps to that of the next source row */
    const T *x;
    int64_t x_row;
    const int64_t *column;
    T *c;
    int64_t c_row;
    T init;
} roll_arguments;

VEC_INLINE void strip_roll(const int n, const roll_arguments *t) {
    vec w[3][3], upper[ROLL_VECS], middle[ROLL_VECS], lower[ROLL_VECS];
    FC_UNROLL for (int r = 0; r < 3; r++) FC_UNROLL for (int j = 0; j < 3; j++) w[r][j] = splat(t->a[r * t->a_row + j]);
    FC_UNROLL for (int v = 0; v < n; v++) upper[v] = middle[v] = splat(t->init);
    const T *x = t->x;
    T *c = t->c - 2 * t->c_row;
    for (int64_t y = 0; y < t->rows + 2; y++, x += t->x_row, c += t->c_row) {
        FC_UNROLL for (int v = 0; v < n; v++) lower[v] = splat(t->init);
        if (y >= t->top && y < t->bottom) FC_UNROLL for (int j = 0; j < 3; j++) FC_UNROLL for (int v = 0; v < n; v++) {
                vec lanes = load(x + t->column[j] + v * LANES);
                upper[v] += w[2][j] * lanes;
                middle[v] += w[1][j] * lanes;
                lower[v] += w[0][j] * lanes;
            }
        FC_UNROLL for (int v = 0; v < n; v++) {
            if (y >= 2) store(c + v * LANES, upper[v]);
            upper[v] = middle[v];
            middle[v] = lower[v];
        }
    }
}
static void strip_roll_1(const roll_arguments *t) { strip_roll(1, t); }
static void strip_roll_2(const roll_arguments *t) { strip_roll(2, t); }
