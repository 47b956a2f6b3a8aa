/* tap_tile.inc.c: sums of products of two padded planes, one for each tap, lanes along the rows.
 *
 *     sums[i][j] += g[y * g_step + i * g_row + l] * x[y * x_row + column[j] + l]      (lane by lane)
 *
 * over y in [y_begin, y_end) and l < length. Rows i may be output channels (all see every y) or tap rows of one channel
 * (sliding: row i sees the g rows y - i in [0, g_rows), so a loaded x vector feeds all of them; g_row is then -g_step).
 * Lanes past the length are masked: what lies there may be infinite. */

enum { TAP_ROWS = 6, TAP_COLUMNS = 3 };

#if T_BYTES == 4
typedef int32_t lane_bits __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int64_t lane_bits __attribute__((vector_size(VECTOR_BYTES)));
#endif

typedef struct {
    int sliding;
    int64_t y_begin, y_end, g_rows;
    const T *g, *x;
    int64_t g_step, g_row, x_row, length;
    const int64_t *column;
    T *sums;
    int64_t sums_row;
} tap_arguments;

VEC_INLINE void tap_products(const int low, const int high, const int n, vec acc[TAP_ROWS][TAP_COLUMNS], const T *g,
                             int64_t g_row, const vec *lanes) {
    FC_UNROLL for (int i = low; i < high; i++) {
        vec y = load(g + i * g_row);
        FC_KEEP(y);
        FC_UNROLL for (int j = 0; j < n; j++) acc[i][j] += y * lanes[j];
    }
}

VEC_INLINE void tap_row(const int low, const int high, const int n, vec acc[TAP_ROWS][TAP_COLUMNS], const T *g,
                        const T *x, const tap_arguments *t, lane_bits mask) {
    int64_t l = 0;
    vec lanes[TAP_COLUMNS];
    for (; l + LANES <= t->length; l += LANES) {
        FC_UNROLL for (int j = 0; j < n; j++) {
            lanes[j] = load(x + t->column[j] + l);
            FC_KEEP(lanes[j]);
        }
        tap_products(low, high, n, acc, g + l, t->g_row, lanes);
    }
    if (l == t->length) return;
    FC_UNROLL for (int j = 0; j < n; j++) lanes[j] = (vec)((lane_bits)load(x + t->column[j] + l) & mask);
    tap_products(low, high, n, acc, g + l, t->g_row, lanes);
}

VEC_INLINE void tap_tile(const int m, const int n, const tap_arguments *t) {
    lane_bits mask;
    for (int lane = 0; lane < LANES; lane++) mask[lane] = lane < t->length % LANES ? -1 : 0;
    vec acc[TAP_ROWS][TAP_COLUMNS];
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int j = 0; j < n; j++) acc[i][j] =
        load(t->sums + i * t->sums_row + j * LANES);
    for (int64_t y = t->y_begin; y < t->y_end; y++) {
        const T *g = t->g + y * t->g_step, *x = t->x + y * t->x_row;
        int64_t low = t->sliding ? max_i64(0, y - t->g_rows + 1) : 0, high = t->sliding ? min_i64(m, y + 1) : m;
        if (high - low == m) tap_row(0, m, n, acc, g, x, t, mask);
        else
            FC_UNROLL for (int i = 0; i < m; i++) /* at the ends of g: one by one */
                if (i >= low && i < high) tap_row(i, i + 1, n, acc, g, x, t, mask);
    }
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int j = 0; j < n; j++)
        store(t->sums + i * t->sums_row + j * LANES, acc[i][j]);
}

/* Columns that m rows may have in registers at once. */
static const int tap_columns[TAP_ROWS] = {3, 3, 3, 3, 2, 2};
/* clang-format off */
#define TAP_TILES(X) \
    X(1, 1) X(1, 2) X(1, 3) \
    X(2, 1) X(2, 2) X(2, 3) \
    X(3, 1) X(3, 2) X(3, 3) \
    X(4, 1) X(4, 2) X(4, 3) \
    X(5, 1) X(5, 2) \
    X(6, 1) X(6, 2)
/* clang-format on */
#define TAP_TILE(m, n) \
    static void tap_tile_##m##x##n(const tap_arguments *t) { tap_tile(m, n, t); }
TAP_TILES(TAP_TILE)
#undef TAP_TILE
#define TAP_TILE(m, n) [m - 1][n - 1] = tap_tile_##m##x##n,
static void (*const tap_tiles[TAP_ROWS][TAP_COLUMNS])(const tap_arguments *t) = {TAP_TILES(TAP_TILE)};
#undef TAP_TILE
#undef TAP_TILES
