/* cell_tile.inc.c: single cells of a gradient, and the window of pixels that each of them has to do with. Lanes run
 * along the rows of a window: its pixels, channels last, lie one after another.
 *
 *     sums[a][v] += sum over cells of  value * x[at + a * x_row + v]        (`sum_cells`)
 *     x[at + a * x_row + v] += value * weight[a][v]   for each cell         (`spread_cells`)
 *
 * for m rows a and n vectors v. The sums of a tile stay in registers over all cells, and so does the weight. */

typedef struct {
    position at;
    union {
        T value;
        position bits;
    };
} chosen_cell;

enum { CELL_SUMS = TILE_ROWS * TILE_VECS > 12 ? 18 : 12, CELL_ROWS = 3, CELL_VECS = CELL_SUMS / CELL_ROWS };

typedef struct {
    const chosen_cell *cells;
    int64_t count; /* even: where sums are few, two cells are added apart */
    T *x;
    int64_t x_row;
    T *sums; /* or weight */
    int64_t sums_row;
} cell_arguments;

VEC_INLINE void sum_cells(const int m, const int n, const cell_arguments *t) {
    const int chains = 2 * m * n <= CELL_SUMS ? 2 : 1;
    const int64_t x_row = t->x_row;
    vec acc[2][CELL_ROWS][CELL_VECS];
    FC_UNROLL for (int c = 0; c < chains; c++) FC_UNROLL for (int a = 0; a < m; a++)
        FC_UNROLL for (int v = 0; v < n; v++) acc[c][a][v] = (vec){0};
    for (const chosen_cell *cell = t->cells, *end = cell + t->count; cell < end; cell += chains)
        FC_UNROLL for (int c = 0; c < chains; c++) {
            const T *x = t->x + cell[c].at;
            const vec value = splat(cell[c].value);
            FC_UNROLL for (int a = 0; a < m; a++, x += x_row) {
                FC_KEEP_POINTER(x);
                FC_UNROLL for (int v = 0; v < n; v++) acc[c][a][v] += value * load(x + v * LANES);
            }
        }
    T *sums = t->sums;
    FC_UNROLL for (int a = 0; a < m; a++, sums += t->sums_row) FC_UNROLL for (int v = 0; v < n; v++) {
        vec sum = chains == 2 ? acc[0][a][v] + acc[1][a][v] : acc[0][a][v];
        store(sums + v * LANES, load(sums + v * LANES) + sum);
    }
}

VEC_INLINE void spread_cells(const int m, const int n, const cell_arguments *t) {
    const int64_t x_row = t->x_row;
    vec weight[CELL_ROWS][CELL_VECS];
    FC_UNROLL for (int a = 0; a < m; a++) FC_UNROLL for (int v = 0; v < n; v++) {
        weight[a][v] = load(t->sums + a * t->sums_row + v * LANES);
        FC_KEEP(weight[a][v]);
    }
    for (const chosen_cell *cell = t->cells, *end = cell + t->count; cell < end; cell++) {
        T *x = t->x + cell->at;
        const vec value = splat(cell->value);
        FC_UNROLL for (int a = 0; a < m; a++, x += x_row) {
            FC_KEEP_POINTER(x);
            FC_UNROLL for (int v = 0; v < n; v++) store(x + v * LANES, load(x + v * LANES) + value * weight[a][v]);
        }
    }
}

#define CELL_TILE(m, n) \
    static void sum_cells_##m##_##n(const cell_arguments *t) { sum_cells(m, n, t); } \
    static void spread_cells_##m##_##n(const cell_arguments *t) { spread_cells(m, n, t); }
CELL_TILE(1, 1)
CELL_TILE(1, 2)
CELL_TILE(1, 3)
CELL_TILE(1, 4)
CELL_TILE(3, 1)
CELL_TILE(3, 2)
CELL_TILE(3, 3)
CELL_TILE(3, 4)
#if TILE_ROWS * TILE_VECS > 12
CELL_TILE(1, 6)
CELL_TILE(3, 6)
#else
#define sum_cells_1_6 NULL
#define sum_cells_3_6 NULL
#define spread_cells_1_6 NULL
#define spread_cells_3_6 NULL
#endif
#undef CELL_TILE

/* By pass (the sums, the spreading), rows (1 or 3) and vectors. */
#define CELL_TILES(kind, m) {NULL, kind##_##m##_1, kind##_##m##_2, kind##_##m##_3, kind##_##m##_4, NULL, kind##_##m##_6}
static void (*const cell_tiles[2][2][7])(const cell_arguments *) = {
    {CELL_TILES(sum_cells, 1), CELL_TILES(sum_cells, 3)}, {CELL_TILES(spread_cells, 1), CELL_TILES(spread_cells, 3)}};
#undef CELL_TILES

/* All rows and vectors of the windows, in tiles. */
static void cell_window(int spread, int64_t rows, int64_t vectors, cell_arguments t) {
    T *x = t.x, *sums = t.sums;
    for (int64_t a = 0, m; a < rows; a += m) {
        m = rows - a >= 3 ? 3 : 1;
        for (int64_t v = 0, n; v < vectors; v += n) {
            n = vectors - v >= CELL_VECS ? CELL_VECS : min_i64(4, vectors - v);
            t.x = x + a * t.x_row + v * LANES;
            t.sums = sums + a * t.sums_row + v * LANES;
            cell_tiles[spread][m == 3][n](&t);
        }
    }
}
