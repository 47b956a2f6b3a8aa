/* panel_tile.inc.c: the tile of tile.inc.c on one whole panel that need not be packed before.
 *
 *     c[i][l] = start + sum over j of matrix[i][j] * x[j][l],   i < m rows, j < depth, l < PANEL
 *
 * Where the panel lies in the source, each level is in another page, and no prefetcher follows. So the tile packs what
 * it reads on the way, for the tiles that come after it, and fetches, a little every few levels: its share of the panel
 * that comes next, and the cells that it will write. */

typedef struct {
    int64_t depth;
    const T *matrix;
    int64_t matrix_row;
    const T *x;
    int64_t x_row;
    T *packed; /* where the cells of x are copied to, PANEL to a level; or NULL */
    T *c;
    int64_t c_row;
    const T *init; /* per row, or NULL */
    int accumulate;
    const T *next; /* levels of the next panel, of which one is fetched every `step` levels of this */
    int64_t next_row, step;
    int64_t rows;   /* of c that are fetched as often */
    const T *after; /* the next tile's cells, where they are so far that they are fetched, too; or NULL */
} panel_arguments;

/* Arrays need not begin with a line: the last cell of each vector is fetched, the first line has come with the panel
 * before. LEVEL is that of the cache, counted from far to near. */
#define FETCH_PANEL(x, WRITES, LEVEL) \
    FC_UNROLL for (int v = 0; v < TILE_VECS; v++) __builtin_prefetch((x) + (v + 1) * LANES - 1, WRITES, LEVEL)

VEC_INLINE void panel_tile(const int m, const panel_arguments *t, const int packs) {
    vec acc[TILE_ROWS][TILE_VECS];
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < TILE_VECS; v++) acc[i][v] =
        t->init && !t->accumulate ? splat(t->init[i]) : (vec){0};
    const T *x = t->x, *w = t->matrix, *next = t->next, *c = t->c, *const end = c + m * t->c_row;
    const int64_t depth = t->depth, x_row = t->x_row, w_row = t->matrix_row, step = t->step, rows = t->rows;
    T *packed = t->packed;
    for (int64_t j = 0; j < depth;) {
        FETCH_PANEL(next, 0, 2);
        next += t->next_row;
        for (int64_t i = 0; i < rows && c < end; i++, c += t->c_row) {
            FETCH_PANEL(c, 1, 3);
            if (t->after) FETCH_PANEL(t->after + (c - t->c), 0, 2);
        }
        const int64_t stop = min_i64(j + step, depth);
        for (; j < stop; j++, w++, x += x_row) {
            vec cells[TILE_VECS];
            FC_UNROLL for (int v = 0; v < TILE_VECS; v++) cells[v] = load(x + v * LANES);
            if (packs) {
                FC_UNROLL for (int v = 0; v < TILE_VECS; v++) store(packed + v * LANES, cells[v]);
                packed += PANEL;
            }
            FC_UNROLL for (int i = 0; i < m; i++) {
                vec weight = splat(w[i * w_row]);
                FC_UNROLL for (int v = 0; v < TILE_VECS; v++) acc[i][v] += weight * cells[v];
            }
        }
    }
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < TILE_VECS; v++) {
        T *to = t->c + i * t->c_row + v * LANES;
        store(to, t->accumulate ? acc[i][v] + load(to) : acc[i][v]);
    }
}
#undef FETCH_PANEL

#define TILE(m, n) \
    static void panel_tile_##m(const panel_arguments *t) { \
        if (t->packed) panel_tile(m, t, 1); \
        else panel_tile(m, t, 0); \
    }
#define TILE_NAME(m, n) panel_tile_##m,
TILES_OF_WIDTH(TILE, TILE_VECS)
static void (*const panel_tiles[TILE_ROWS])(const panel_arguments *t) = {TILES_OF_WIDTH(TILE_NAME, TILE_VECS)};
#undef TILE
#undef TILE_NAME
#undef TILES_OF_WIDTH
#undef TILES_7_8
