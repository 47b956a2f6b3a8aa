/* slide_tile.inc.c: tiles of neighbouring pixel rows of one output channel on a padded strip (see ops/strip.inc.c).
 *
 *     c[i][l] = init + sum over channels, steps, j, r of  a[channel * a_channel + step.tap * count + r * a_row + j] *
 *                          x[channel * x_channel + step.x + (i + r) * x_row + column[j] + l]
 *
 * A step is a few tap rows. Their weights for one tap column stay in registers, and each source row is loaded once for
 * all the pixel rows that see it. Each element is one chain in the order (channel, step, j, r). */

enum { SLIDE_ROWS = 8, SLIDE_VECS = 3 };

/* The most accumulators of a tile, the registers that they share with the weights of a step, the tap rows that a step
 * may have, and the tiles. */
/* clang-format off */
#if TILE_ROWS * TILE_VECS > 12
enum { SLIDE_TILE = 18, SLIDE_REGISTERS = 26, SLIDE_TAPS = 7 };
#define SLIDE_STEPS(X) X(1) X(2) X(3) X(4) X(5) X(7)
#define SLIDE_TILES(X) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) \
    X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3)
#else
enum { SLIDE_TILE = 10, SLIDE_REGISTERS = 13, SLIDE_TAPS = 4 };
#define SLIDE_STEPS(X) X(1) X(2) X(3) X(4)
#define SLIDE_TILES(X) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) \
    X(1, 3) X(2, 3) X(3, 3)
#endif
/* clang-format on */

/* Tap rows of a step beside so many accumulators, at most `taps`. */
VEC_INLINE int64_t step_taps(int64_t taps, int64_t accumulators) {
    int64_t most = min_i64(taps, SLIDE_REGISTERS - accumulators), found = 1;
#define SLIDE_STEP(count) \
    if ((count) <= most) found = count;
    SLIDE_STEPS(SLIDE_STEP)
#undef SLIDE_STEP
    return found;
}

typedef struct {
    int64_t x, tap, taps;
} slide_step;

typedef struct {
    int64_t channels, x_channel, a_channel;
    const slide_step *step, *end;
    const int64_t *column;
    int64_t count;
    const T *a;
    int64_t a_row;
    const T *x;
    int64_t x_row;
    T *c;
    int64_t c_row;
    T init;
} slide_arguments;

VEC_INLINE void slide_add(const int m, const int n, const int taps, vec acc[SLIDE_ROWS][SLIDE_VECS], const T *a,
                          const T *x, const slide_arguments *t) {
    const int64_t *column = t->column, a_row = t->a_row, x_row = t->x_row, count = t->count;
    for (int64_t j = 0; j < count; j++) {
        const T *row = x + column[j];
        vec w[SLIDE_TAPS];
        FC_UNROLL for (int r = 0; r < taps; r++) w[r] = splat(a[r * a_row + j]);
        FC_UNROLL for (int y = 0; y < m + taps - 1; y++) {
            if (y > 0 && y % 4 == 0) row += 4 * x_row;
            FC_UNROLL for (int v = 0; v < n; v++) {
                vec lanes = load(row + y % 4 * x_row + v * LANES);
                FC_KEEP(lanes);
                FC_UNROLL for (int r = 0; r < taps; r++) if (y - r >= 0 && y - r < m) acc[y - r][v] += w[r] * lanes;
            }
        }
    }
}

VEC_INLINE void slide_tile(const int m, const int n, const slide_arguments *t) {
    vec acc[SLIDE_ROWS][SLIDE_VECS];
    FC_UNROLL for (int i = 0; i < m; i++) FC_UNROLL for (int v = 0; v < n; v++) acc[i][v] = splat(t->init);
    for (int64_t channel = 0; channel < t->channels; channel++)
        for (const slide_step *step = t->step; step < t->end; step++) {
            const T *x = t->x + channel * t->x_channel + step->x;
            const T *a = t->a + channel * t->a_channel + step->tap * t->count;
#define SLIDE_STEP(count) \
    case count: slide_add(m, n, count, acc, a, x, t); break;
            switch (step->taps) { SLIDE_STEPS(SLIDE_STEP) }
#undef SLIDE_STEP
        }
    T *c = t->c;
    FC_UNROLL for (int i = 0; i < m; i++, c += t->c_row) FC_UNROLL for (int v = 0; v < n; v++)
        store(c + v * LANES, acc[i][v]);
}

#define SLIDE_NAME(m, n) \
    static void slide_tile_##m##x##n(const slide_arguments *t) { slide_tile(m, n, t); }
SLIDE_TILES(SLIDE_NAME)
#undef SLIDE_NAME
#define SLIDE_NAME(m, n) [m - 1][n - 1] = slide_tile_##m##x##n,
static void (*const slide_tiles[SLIDE_ROWS][SLIDE_VECS])(const slide_arguments *t) = {SLIDE_TILES(SLIDE_NAME)};
#undef SLIDE_NAME
#undef SLIDE_TILES

/* The same for one channel with 3 x 3 taps, down all rows of a column of vectors: weights stay in registers and each
 * source row is loaded once, for the three pixel rows that see it. Source rows outside [top, bottom) are skipped. */
enum { ROLL_VECS = 2 };

typedef struct {
    int64_t rows, top, bottom;
    const T *a;
    int64_t a_row;
    const T *x;
    int64_t x_row;
    const int64_t *column;
    T *c;
    int64_t c_row;
    T init;
    const T *ahead; /* what the same vectors of the next plane write, ahead_row apart: fetched into cache */
    int64_t ahead_row;
} roll_arguments;

VEC_INLINE void slide_roll(const int n, const roll_arguments *t) {
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
        FC_UNROLL for (int v = 0; v < n; v++) __builtin_prefetch(t->ahead + y * t->ahead_row + v * LANES, 1);
        FC_UNROLL for (int v = 0; v < n; v++) {
            if (y >= 2) store(c + v * LANES, upper[v]);
            upper[v] = middle[v];
            middle[v] = lower[v];
        }
    }
}
static void slide_roll_1(const roll_arguments *t) { slide_roll(1, t); }
static void slide_roll_2(const roll_arguments *t) { slide_roll(2, t); }

/* The same with one step, along `vectors` of a row: for rows too long to come down again in cache. */
enum { SLIDE_THREE = 3 };

VEC_INLINE void slide_three(const int m, const slide_arguments *t, int64_t vectors) {
    const T *a = t->a + t->step->tap * 3, *x = t->x + t->step->x;
    T *c = t->c;
    const int64_t x_row = t->x_row, c_row = t->c_row, column[3] = {t->column[0], t->column[1], t->column[2]};
    vec w[3][3], init = splat(t->init);
    FC_UNROLL for (int r = 0; r < 3; r++) FC_UNROLL for (int j = 0; j < 3; j++) w[r][j] = splat(a[r * t->a_row + j]);
    FC_UNROLL_2 for (; vectors > 0; vectors--, x += LANES, c += LANES) {
        vec acc[SLIDE_THREE];
        FC_UNROLL for (int i = 0; i < m; i++) acc[i] = init;
        FC_UNROLL for (int y = 0; y < m + 2; y++) FC_UNROLL for (int j = 0; j < 3; j++) {
            vec lanes = load(x + y * x_row + column[j]);
            FC_KEEP(lanes);
            FC_UNROLL for (int r = 0; r < 3; r++) if (y - r >= 0 && y - r < m) acc[y - r] += w[r][j] * lanes;
        }
        FC_UNROLL for (int i = 0; i < m; i++) store(c + i * c_row, acc[i]);
    }
}
static void slide_three_1(const slide_arguments *t, int64_t vectors) { slide_three(1, t, vectors); }
static void slide_three_2(const slide_arguments *t, int64_t vectors) { slide_three(2, t, vectors); }
static void slide_three_3(const slide_arguments *t, int64_t vectors) { slide_three(3, t, vectors); }
static void (*const slide_threes[SLIDE_THREE])(const slide_arguments *t,
                                               int64_t vectors) = {slide_three_1, slide_three_2, slide_three_3};
