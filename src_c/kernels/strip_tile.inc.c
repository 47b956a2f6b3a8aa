/* strip_tile.inc.c: the tile kernel without packing: lanes are read where they lie, in a padded strip of rows.
 *
 *     c[i][l] = start + sum over j of  a[i][j] * x[offset[j] + l]
 *
 * For few rows (depthwise and narrow groups, image filters, first layers), where packing would cost as much as
 * the product. start is init[i], 0, or c when accumulate. Each element is one chain in the order of j. */

enum { STRIP_ROWS = 6, STRIP_VECS = 8 };

typedef struct {
    int64_t count;
    const int64_t *offset;
    const T *x;
    T *c;
    int64_t c_row;
    const T *init;
    int accumulate;
} strip_arguments;

VEC_INLINE void strip_tile(const int m, const int n, const T *const *a, const strip_arguments *t) {
    vec acc[STRIP_ROWS][STRIP_VECS];
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++) {
        if (t->accumulate) acc[i][v] = load(t->c + i * t->c_row + v * LANES);
        else acc[i][v] = t->init ? splat(t->init[i]) : (vec){0};
    }
    const T *row[STRIP_ROWS];
    FC_UNROLL for (int i = 0; i < m; i++) row[i] = a[i];
    const int64_t *offset = t->offset;
    for (int64_t j = 0; j < t->count; j++) {
        const T *x = t->x + offset[j];
        if (m == 1) {
            vec w = splat(row[0][j]);
            FC_UNROLL for (int v = 0; v < n; v++) acc[0][v] += w * load(x + v * LANES);
        } else {
            vec lanes[STRIP_VECS];
            FC_UNROLL for (int v = 0; v < n; v++) lanes[v] = load(x + v * LANES);
            FC_UNROLL for (int i = 0; i < m; i++) {
                vec w = splat(row[i][j]);
                FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] += w * lanes[v];
            }
        }
    }
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++)
        store(t->c + i * t->c_row + v * LANES, acc[i][v]);
}

/* Vectors that m rows may hold in registers at once. */
#if TILE_ROWS * TILE_VECS > 12
static const int strip_vecs[STRIP_ROWS] = {8, 8, 6, 5, 4, 4};
#define STRIP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) \
    X(2, 7) X(2, 8) X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(3, 5) X(3, 6) X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) \
    X(5, 1) X(5, 2) X(5, 3) X(5, 4) X(6, 1) X(6, 2) X(6, 3) X(6, 4)
#else
static const int strip_vecs[STRIP_ROWS] = {8, 4, 3, 3, 2, 2};
#define STRIP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) \
    X(3, 3) X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2)
#endif

#define STRIP_TILE(m, n) \
    static void strip_tile_##m##x##n(const T *const *a, const strip_arguments *t) { strip_tile(m, n, a, t); }
STRIP_TILES(STRIP_TILE)
#undef STRIP_TILE
#define STRIP_TILE(m, n) [m - 1][n - 1] = strip_tile_##m##x##n,
static void (*const strip_tiles[STRIP_ROWS][STRIP_VECS])(const T *const *a, const strip_arguments *t) = {
    STRIP_TILES(STRIP_TILE)};
#undef STRIP_TILE
#undef STRIP_TILES
