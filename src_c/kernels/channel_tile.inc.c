/* channel_tile.inc.c: sums of products of two blocks of cells, one for each tap: lanes = channels, which come last.
 *
 *     sums[a][s][l] += sum over i of  g[i * g_pixel][l] * x[i * x_pixel + a * x_tap + s][l]    tap rows a, or
 *                                     g[i * g_pixel + a][l] * x[i * x_pixel + s][l]            rounds a (`rounds`)
 *
 * over rows of pixels i; of the n taps of a row that a tile computes, `columns` are kept. The sums of a tile are one
 * chain over its pixels, added to what was there. */

enum { CHANNEL_COLUMNS = 7, CHANNEL_ROWS = 8 };

typedef struct {
    int64_t rows, pixels;
    const T *g, *x;
    int64_t g_row, g_pixel, x_row, x_pixel, x_tap;
    T *sums;
    int64_t sums_row, columns;
} channel_arguments;

VEC_INLINE void channel_tile(const int m, const int n, const int rounds, const channel_arguments *t) {
    const int64_t g_pixel = t->g_pixel, x_pixel = t->x_pixel;
    const int x_rows = rounds ? 1 : m;
    vec acc[CHANNEL_ROWS][CHANNEL_COLUMNS];
    FC_UNROLL for (int a = 0; a < m; a++) FC_UNROLL for (int s = 0; s < n; s++) acc[a][s] = (vec){0};
    for (int64_t y = 0; y < t->rows; y++) {
        const T *g = t->g + y * t->g_row, *end = g + t->pixels * g_pixel, *x[CHANNEL_ROWS];
        FC_UNROLL for (int a = 0; a < x_rows; a++) x[a] = t->x + y * t->x_row + a * t->x_tap;
        for (; g < end; g += g_pixel) {
            vec lanes[CHANNEL_COLUMNS], other = load(g);
            FC_KEEP(other);
            if (rounds) FC_UNROLL for (int s = 0; s < n; s++) {
                    lanes[s] = load(x[0] + s * LANES);
                    FC_KEEP(lanes[s]);
                }
            FC_UNROLL for (int a = 0; a < m; a++) {
                if (rounds && a > 0) {
                    other = load(g + a * LANES);
                    FC_KEEP(other);
                }
                FC_UNROLL for (int s = 0; s < n; s++) acc[a][s] += other * (rounds ? lanes[s] : load(x[a] + s * LANES));
            }
            FC_UNROLL for (int a = 0; a < x_rows; a++) {
                x[a] += x_pixel;
                FC_KEEP_POINTER(x[a]);
            }
        }
    }
    T *sums = t->sums;
    const int64_t sums_row = t->sums_row, columns = t->columns;
    FC_UNROLL for (int a = 0; a < m; a++, sums += sums_row) FC_UNROLL for (int s = 0; s < n; s++) if (s < columns)
        store(sums + s * LANES, load(sums + s * LANES) + acc[a][s]);
}

/* Tiles of 3, 5 and 7 columns, and the most tap rows of each; rounds come by 2, 4 or 8, and 3 columns. */
/* clang-format off */
#if TILE_ROWS * TILE_VECS > 12
enum { CHANNEL_ROUNDS = 8 };
static const int channel_rows[3] = {5, 5, 4};
#define CHANNEL_TILES(X) \
    X(1, 3, 0) X(2, 3, 0) X(3, 3, 0) X(4, 3, 0) X(5, 3, 0) \
    X(1, 5, 0) X(2, 5, 0) X(3, 5, 0) X(4, 5, 0) X(5, 5, 0) \
    X(1, 7, 0) X(2, 7, 0) X(3, 7, 0) X(4, 7, 0) \
    X(2, 3, 1) X(4, 3, 1) X(8, 3, 1)
#else
enum { CHANNEL_ROUNDS = 4 };
static const int channel_rows[3] = {4, 2, 2};
#define CHANNEL_TILES(X) \
    X(1, 3, 0) X(2, 3, 0) X(3, 3, 0) X(4, 3, 0) \
    X(1, 5, 0) X(2, 5, 0) \
    X(1, 7, 0) X(2, 7, 0) \
    X(2, 3, 1) X(4, 3, 1)
#endif
/* clang-format on */
#define CHANNEL_TILE(m, n, rounds) \
    static void channel_tile_##m##x##n##_##rounds(const channel_arguments *t) { channel_tile(m, n, rounds, t); }
CHANNEL_TILES(CHANNEL_TILE)
#undef CHANNEL_TILE
#define CHANNEL_TILE(m, n, rounds) [rounds][n / 2 - 1][m - 1] = channel_tile_##m##x##n##_##rounds,
static void (*const channel_tiles[2][3][CHANNEL_ROWS])(const channel_arguments *t) = {CHANNEL_TILES(CHANNEL_TILE)};
#undef CHANNEL_TILE
#undef CHANNEL_TILES
