/* strip_tile.inc.c: tiles on a padded strip of source rows (see ops/strip.inc.c): lanes are read where they lie,
 * without packing. For few rows (depthwise and narrow groups, image filters, first layers), where packing would cost as
 * much as the product.
 *
 *     c[i * c_row + v * c_vec][l] = init[i] + sum over j of  a[i * a_row + j] * x[column[j] + v * x_vec + l]
 *
 * Rows i are output channels, vectors v lie side by side or one above the other, l < LANES, j runs over (channel, tap).
 * Each element is one chain in the order of j, however the work is cut. */

enum { STRIP_ROWS = 6, STRIP_VECS = 8 };

typedef struct {
    const int64_t *column;
    int64_t count;
    const T *a;
    int64_t a_row;
    const T *x;
    int64_t x_vec;
    T *c;
    int64_t c_row, c_vec;
    T init[STRIP_ROWS];
} strip_arguments;

VEC_INLINE void strip_tile(const int m, const int n, const strip_arguments *t, const int64_t x_vec) {
    vec acc[STRIP_ROWS][STRIP_VECS];
    const T *a = t->a, *x = t->x;
    const int64_t *column = t->column, a_row = t->a_row, count = t->count;
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] = splat(t->init[i]);
    for (int64_t j = 0; j < count; j++) {
        if (m < n) { /* fewer weights than vectors are kept in registers */
            vec w[STRIP_ROWS];
            FC_UNROLL for (int i = 0; i < m; i++) w[i] = splat(a[i * a_row + j]);
            FC_UNROLL for (int v = 0; v < n; v++) {
                vec lanes = load(x + column[j] + v * x_vec);
                FC_KEEP(lanes);
                FC_UNROLL for (int i = 0; i < m; i++) acc[i][v] += w[i] * lanes;
            }
            continue;
        }
        vec lanes[STRIP_VECS];
        FC_UNROLL for (int v = 0; v < n; v++) {
            lanes[v] = load(x + column[j] + v * x_vec);
            FC_KEEP(lanes[v]);
        }
        FC_UNROLL for (int i = 0; i < m; i++) {
            vec w = splat(a[i * a_row + j]);
            FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] += w * lanes[v];
        }
    }
    T *c = t->c;
    const int64_t c_row = t->c_row, c_vec = t->c_vec;
    FC_UNROLL for (int i = 0; i < m; i++, c += c_row) FC_UNROLL for (int v = 0; v < n; v++)
        store(c + v * c_vec, acc[i][v]);
}

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
static const int strip_vecs[STRIP_ROWS] = {8, 4, 4, 3, 2, 2};
/* clang-format off */
#define STRIP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) \
    X(4, 1) X(4, 2) X(4, 3) \
    X(5, 1) X(5, 2) \
    X(6, 1) X(6, 2)
/* clang-format on */
#endif

/* Vectors side by side are worth a loop of their own. */
#define STRIP_TILE(m, n) \
    static void strip_tile_##m##x##n(const strip_arguments *t) { \
        if (n == 1 || t->x_vec == LANES) strip_tile(m, n, t, LANES); \
        else strip_tile(m, n, t, t->x_vec); \
    }
STRIP_TILES(STRIP_TILE)
#undef STRIP_TILE
#define STRIP_TILE(m, n) [m - 1][n - 1] = strip_tile_##m##x##n,
static void (*const strip_tiles[STRIP_ROWS][STRIP_VECS])(const strip_arguments *t) = {STRIP_TILES(STRIP_TILE)};
#undef STRIP_TILE
#undef STRIP_TILES
