/* winograd.inc.c: the transforms of Winograd's F(4x4, 3x3), F(1x4, 1x3) and F(4x1, 3x1), lanes = tiles.
 *
 *     output tile (4 x 4) = A' [ (G g G') * (B' d B) ] A     from a 6 x 6 patch d and a 3 x 3 filter g
 *
 * at the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose error is a quarter of that of 0, +-1, +-2. Tiles of one
 * row or column have the transforms of that one axis. Point i of the first axis and j of the second is number
 * i * columns + j. A filter whose last tap is zero is zero at the point infinity.
 * Source: Lavin and Gray 2015 (arXiv 1509.09308); choice of points after Barabasz et al. 2018 (1803.10986). */

#define ROOT_HALF ((T)0.70710678118654752440)
#define ROOT_TWO ((T)1.41421356237309504880)

enum { WINOGRAD_TILE = 4, WINOGRAD_PATCH = 6 };

/* B' x for one line of a patch. */
VEC_INLINE void patch_line(const vec x[6], vec y[6]) {
    vec even_a = x[4] - 2 * x[2], odd_a = ROOT_HALF * (x[3] - 2 * x[1]);
    vec even_b = x[4] - (T)0.5 * x[2], odd_b = ROOT_TWO * (x[3] - (T)0.5 * x[1]);
    y[0] = x[0] - (T)2.5 * x[2] + x[4];
    y[1] = even_a + odd_a;
    y[2] = even_a - odd_a;
    y[3] = even_b + odd_b;
    y[4] = even_b - odd_b;
    y[5] = x[1] - (T)2.5 * x[3] + x[5];
}

/* A' m for one line of products. */
VEC_INLINE void tile_line(const vec m[6], vec y[4]) {
    vec sum_a = m[1] + m[2], gap_a = ROOT_HALF * (m[1] - m[2]);
    vec sum_b = m[3] + m[4], gap_b = ROOT_TWO * (m[3] - m[4]);
    y[0] = m[0] + sum_a + sum_b;
    y[1] = gap_a + gap_b;
    y[2] = (T)0.5 * sum_a + 2 * sum_b;
    y[3] = (T)0.5 * gap_a + 2 * gap_b + m[5];
}

/* B' down the columns: six lines of `cells` cells -> six lines, `row` apart, written up to a whole vector. */
static void transform_columns(const T *const line[6], int64_t cells, T *rows, int64_t row) {
    for (int64_t cell = 0; cell < cells; cell += LANES) {
        vec x[6], y[6];
        FC_UNROLL for (int i = 0; i < 6; i++) x[i] = load(line[i] + cell);
        patch_line(x, y);
        FC_UNROLL for (int i = 0; i < 6; i++) store(rows + i * row + cell, y[i]);
    }
}

/* B' along such lines: tile t starts at cell 4 * t -> points[6 * i + j][t], `point` apart, whole vectors of t. */
static void transform_rows(const T *rows, int64_t row, int lines, int64_t tiles, T *points, int64_t point) {
    for (int64_t tile = 0; tile < tiles; tile += LANES)
        for (int i = 0; i < lines; i++) {
            vec x[8], y[6];
            split_four(rows + i * row + 4 * tile, 4, x);
            split_four(rows + i * row + 4 * tile + 4, 2, x + 4);
            patch_line(x, y);
            FC_UNROLL for (int j = 0; j < 6; j++) store(points + (6 * i + j) * point + tile, y[j]);
        }
}

#if LANES == 16
/* Cells 0 .. count - 1 of tiles that are neighbours two by two. */
VEC_INLINE void take_pairs(const T *cells, const int64_t *start, const int count, vec x[4]) {
    typedef T half __attribute__((vector_size(8 * T_BYTES), aligned(sizeof(T)), may_alias));
    vec pairs[4];
    FC_UNROLL for (int i = 0; i < 4; i++) {
        half low = *(const half *)(cells + start[4 * i]), high = *(const half *)(cells + start[4 * i + 2]);
        pairs[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }
    split_vectors(pairs, count, x);
}
#endif

/* The same for tiles that start anywhere, or `in_pairs`: tile t at cell start[t], for whole vectors of t. Whole vectors
 * of cells may be read; columns that nobody uses are not made. */
static void transform_scattered(const T *rows, int64_t row, int lines, const int64_t *start, int in_pairs,
                                int64_t tiles, T *points, int64_t point) {
    for (int64_t tile = 0; tile < tiles; tile += LANES)
        for (int i = 0; i < lines; i++) {
            vec x[8], y[6];
#if LANES == 16
            if (in_pairs) {
                take_pairs(rows + i * row, start + tile, 4, x);
                take_pairs(rows + i * row + 4, start + tile, 2, x + 4);
            } else
#else
            (void)in_pairs; /* shorter vectors are put together from any tiles */
#endif
            {
                const T *run[LANES];
                FC_UNROLL for (int lane = 0; lane < LANES; lane++) run[lane] = rows + i * row + start[tile + lane];
                take_columns(run, 0, LANES > 8 ? 8 : 6, x);
            }
            patch_line(x, y);
            FC_UNROLL for (int j = 0; j < 6; j++) store(points + (6 * i + j) * point + tile, y[j]);
        }
}

/* Outputs of wide tiles are placed so many at a time: rows of 8 of them are common. */
enum { PLACED = LANES < 8 ? LANES : 8 };
typedef T placed __attribute__((vector_size(PLACED * T_BYTES), aligned(sizeof(T)), may_alias));

/* The parts of y to rows[at[0]], rows[at[1]] and so on, plus what `add` has there, if anything. */
VEC_INLINE void place_vector(T *rows, const T *add, const int64_t *at, vec y) {
    placed part[LANES / PLACED];
    __builtin_memcpy(part, &y, sizeof part);
    FC_UNROLL for (int i = 0; i < LANES / PLACED; i++) {
        if (add) part[i] += *(const placed *)(add + at[i]);
        *(placed *)(rows + at[i]) = part[i];
    }
}

/* Products of `tiles` tiles (whole vectors) -> the rows of their outputs, neighbours in order, plus bias. Where tiles
 * are wide, the PLACED ones that follow n such parts are at rows[place[n]], plus what `add` has there, if anything.
 * What is added to doubt[tile] is zero where the tile is finite and NaN where it is not. */
VEC_INLINE void transform_products(const int tall, const int wide, const T *points, int64_t point, int64_t tiles,
                                   T start, T *rows, int64_t row, const int64_t *place, const T *add, T *doubt) {
    const int patch_rows = tall ? 6 : 1, patch_columns = wide ? 6 : 1, tile_rows = tall ? 4 : 1;
    const vec bias = splat(start);
    for (int64_t tile = 0; tile < tiles; tile += LANES) {
        vec half[4][6], sum = {0};
        FC_UNROLL for (int j = 0; j < patch_columns; j++) {
            vec x[6], y[4];
            FC_UNROLL for (int i = 0; i < patch_rows; i++) x[i] = load(points + (patch_columns * i + j) * point + tile);
            if (tall) tile_line(x, y);
            else y[0] = x[0];
            FC_UNROLL for (int i = 0; i < tile_rows; i++) half[i][j] = y[i];
        }
        FC_UNROLL for (int i = 0; i < tile_rows; i++) {
            if (!wide) {
                sum += half[i][0] * 0;
                store(rows + i * row + tile, half[i][0] + bias);
                continue;
            }
            vec y[4];
            tile_line(half[i], y);
            sum += ((y[0] + y[1]) + (y[2] + y[3])) * 0;
            vec even_low = zip_low(y[0] + bias, y[2] + bias), even_high = zip_high(y[0] + bias, y[2] + bias);
            vec odd_low = zip_low(y[1] + bias, y[3] + bias), odd_high = zip_high(y[1] + bias, y[3] + bias);
            const int64_t *at = place + (i * row + 4 * tile) / PLACED, step = LANES / PLACED;
            place_vector(rows, add, at, zip_low(even_low, odd_low));
            place_vector(rows, add, at + step, zip_high(even_low, odd_low));
            place_vector(rows, add, at + 2 * step, zip_low(even_high, odd_high));
            place_vector(rows, add, at + 3 * step, zip_high(even_high, odd_high));
        }
        store(doubt + tile, load(doubt + tile) + sum);
    }
}

/* G x for one line of a filter. */
VEC_INLINE void filter_line(vec a, vec b, vec c, vec y[6]) {
    vec near = (a + (T)0.5 * c) * (T)(-1 / 1.5), near_odd = b * (T)(-0.70710678118654752440 / 1.5);
    vec far = (a + 2 * c) * (T)(1 / 6.0), far_odd = b * (T)(1.41421356237309504880 / 6.0);
    y[0] = a;
    y[1] = near + near_odd;
    y[2] = near - near_odd;
    y[3] = far + far_odd;
    y[4] = far - far_odd;
    y[5] = c;
}

/* LANES filters, whose taps 3 * i + j lie `tap` elements apart from g on -> points, `point` elements apart. */
VEC_INLINE void transform_filters(const int tall, const int wide, const T *g, int64_t tap, T *points, int64_t point) {
    const int patch_rows = tall ? 6 : 1, patch_columns = wide ? 6 : 1, filter_columns = wide ? 3 : 1;
    vec half[3][6];
    FC_UNROLL for (int j = 0; j < filter_columns; j++) {
        if (tall) filter_line(load(g + j * tap), load(g + (3 + j) * tap), load(g + (6 + j) * tap), half[j]);
        else half[j][0] = load(g + j * tap);
    }
    FC_UNROLL for (int i = 0; i < patch_rows; i++) {
        vec y[6];
        if (wide) filter_line(half[0][i], half[1][i], half[2][i], y);
        else y[0] = half[0][i];
        FC_UNROLL for (int j = 0; j < patch_columns; j++) store(points + (patch_columns * i + j) * point, y[j]);
    }
}

/* A x for one line of a gradient tile. */
VEC_INLINE void gradient_line(const vec x[4], vec y[6]) {
    vec even_a = x[0] + (T)0.5 * x[2], odd_a = ROOT_HALF * (x[1] + (T)0.5 * x[3]);
    vec even_b = x[0] + 2 * x[2], odd_b = ROOT_TWO * (x[1] + 2 * x[3]);
    y[0] = x[0];
    y[1] = even_a + odd_a;
    y[2] = even_a - odd_a;
    y[3] = even_b + odd_b;
    y[4] = even_b - odd_b;
    y[5] = x[3];
}

/* A dY A' of one tile for LANES channels: tile[i * row + j * cell] -> points, `point` apart. */
VEC_INLINE void transform_gradient(const int tall, const int wide, const T *tile, int64_t row, int64_t cell, T *points,
                                   int64_t point) {
    const int patch_rows = tall ? 6 : 1, patch_columns = wide ? 6 : 1;
    const int tile_rows = tall ? 4 : 1, tile_columns = wide ? 4 : 1;
    vec half[6][4];
    FC_UNROLL for (int j = 0; j < tile_columns; j++) {
        vec x[4], y[6];
        FC_UNROLL for (int i = 0; i < tile_rows; i++) x[i] = load(tile + i * row + j * cell);
        if (tall) gradient_line(x, y);
        else y[0] = x[0];
        FC_UNROLL for (int i = 0; i < patch_rows; i++) half[i][j] = y[i];
    }
    FC_UNROLL for (int i = 0; i < patch_rows; i++) {
        vec y[6];
        if (wide) gradient_line(half[i], y);
        else y[0] = half[i][0];
        FC_UNROLL for (int j = 0; j < patch_columns; j++) store(points + (patch_columns * i + j) * point, y[j]);
    }
}

/* G' x for one line. */
VEC_INLINE void filter_gradient_line(const vec x[6], vec y[3]) {
    vec near = (x[1] + x[2]) * (T)(-1 / 1.5), far = (x[3] + x[4]) * (T)(1 / 6.0);
    y[0] = x[0] + near + far;
    y[1] = (x[1] - x[2]) * (T)(-0.70710678118654752440 / 1.5) + (x[3] - x[4]) * (T)(1.41421356237309504880 / 6.0);
    y[2] = (T)0.5 * near + 2 * far + x[5];
}

/* G' dU G for LANES filters: points, `point` apart -> g[3 * i + j][lane]. */
VEC_INLINE void transform_filter_gradients(const int tall, const int wide, const T *points, int64_t point, T *g) {
    const int patch_rows = tall ? 6 : 1, patch_columns = wide ? 6 : 1;
    const int filter_rows = tall ? 3 : 1, filter_columns = wide ? 3 : 1;
    vec half[3][6];
    FC_UNROLL for (int j = 0; j < patch_columns; j++) {
        vec x[6], y[3];
        FC_UNROLL for (int i = 0; i < patch_rows; i++) x[i] = load(points + (patch_columns * i + j) * point);
        if (tall) filter_gradient_line(x, y);
        else y[0] = x[0];
        FC_UNROLL for (int i = 0; i < filter_rows; i++) half[i][j] = y[i];
    }
    FC_UNROLL for (int i = 0; i < filter_rows; i++) {
        vec y[3];
        if (wide) filter_gradient_line(half[i], y);
        else y[0] = half[i][0];
        FC_UNROLL for (int j = 0; j < filter_columns; j++) store(g + (3 * i + j) * LANES, y[j]);
    }
}

/* B x for one line. */
VEC_INLINE void spread_line(const vec x[6], vec y[6]) {
    vec sum_a = x[1] + x[2], gap_a = ROOT_HALF * (x[1] - x[2]);
    vec sum_b = x[3] + x[4], gap_b = ROOT_TWO * (x[3] - x[4]);
    y[0] = x[0];
    y[1] = x[5] - 2 * gap_a - (T)0.5 * gap_b;
    y[2] = (T)-2.5 * x[0] - 2 * sum_a - (T)0.5 * sum_b;
    y[3] = gap_a + gap_b - (T)2.5 * x[5];
    y[4] = x[0] + sum_a + sum_b;
    y[5] = x[5];
}

/* The transposed algorithm: all that a source of 4 x 4 cells reaches is a patch of 6 x 6 outputs,
 *
 *     output = B [ (G g G') * (A d A') ] B'     with the taps of g turned round.
 *
 * A d A' of `tiles` sources, four lines of 4 * t cells -> points, whole vectors of t. */
static void transform_sources(const T *lines, int64_t row, int64_t tiles, T *points, int64_t point) {
    for (int64_t tile = 0; tile < tiles; tile += LANES) {
        vec half[4][6];
        FC_UNROLL for (int i = 0; i < 4; i++) {
            vec x[4];
            split_four(lines + i * row + 4 * tile, 4, x);
            gradient_line(x, half[i]);
        }
        FC_UNROLL for (int j = 0; j < 6; j++) {
            vec x[4], y[6];
            FC_UNROLL for (int i = 0; i < 4; i++) x[i] = half[i][j];
            gradient_line(x, y);
            FC_UNROLL for (int i = 0; i < 6; i++) store(points + (6 * i + j) * point + tile, y[i]);
        }
    }
}

/* Products -> rows[6 * i + j][tile], plus bias; doubt as in transform_products. */
static void whole_products(T *points, int64_t point, int64_t tiles, T start, T *rows, int64_t row, const int64_t *place,
                           const T *add, T *doubt) {
    (void)place; /* cells of a tile lie in lines of their own */
    (void)add;
    for (int64_t tile = 0; tile < tiles; tile += LANES) {
        vec half[6][6], sum = {0};
        FC_UNROLL for (int j = 0; j < 6; j++) {
            vec x[6], y[6];
            FC_UNROLL for (int i = 0; i < 6; i++) x[i] = load(points + (6 * i + j) * point + tile);
            spread_line(x, y);
            FC_UNROLL for (int i = 0; i < 6; i++) half[i][j] = y[i];
        }
        FC_UNROLL for (int i = 0; i < 6; i++) {
            vec y[6];
            spread_line(half[i], y);
            FC_UNROLL for (int j = 0; j < 6; j++) {
                sum += y[j] * 0;
                store(rows + (6 * i + j) * row + tile, y[j] + splat(start));
            }
        }
        store(doubt + tile, load(doubt + tile) + sum);
    }
}

/* The transforms that know a tile's form; products may be overwritten. */
typedef struct {
    void (*filters)(const T *g, int64_t tap, T *points, int64_t point);
    void (*products)(T *points, int64_t point, int64_t tiles, T start, T *rows, int64_t row, const int64_t *place,
                     const T *add, T *doubt);
    void (*gradient)(const T *tile, int64_t row, int64_t cell, T *points, int64_t point);
    void (*filter_gradients)(const T *points, int64_t point, T *g);
} winograd_transforms;

#define FORM(name, tall, wide) \
    static void name##_filters(const T *g, int64_t tap, T *points, int64_t point) { \
        transform_filters(tall, wide, g, tap, points, point); \
    } \
    static void name##_products(T *points, int64_t point, int64_t tiles, T start, T *rows, int64_t row, \
                                const int64_t *place, const T *add, T *doubt) { \
        transform_products(tall, wide, points, point, tiles, start, rows, row, place, add, doubt); \
    } \
    static void name##_gradient(const T *tile, int64_t row, int64_t cell, T *points, int64_t point) { \
        transform_gradient(tall, wide, tile, row, cell, points, point); \
    } \
    static void name##_filter_gradients(const T *points, int64_t point, T *g) { \
        transform_filter_gradients(tall, wide, points, point, g); \
    } \
    static const winograd_transforms name##_transforms = {name##_filters, name##_products, name##_gradient, \
                                                          name##_filter_gradients};
FORM(square, 1, 1)
FORM(wide, 0, 1)
FORM(tall, 1, 0)
#undef FORM
/* A row of tiles whose lanes are neighbouring cells: its outputs come as the rows of a column of tiles do. */
static const winograd_transforms across_transforms = {wide_filters, tall_products, wide_gradient,
                                                      wide_filter_gradients};
/* Squares of tiles, the same: output (i, j) comes in row 4 * i + j. */
static void square_across_products(T *points, int64_t point, int64_t tiles, T start, T *rows, int64_t row,
                                   const int64_t *place, const T *add, T *doubt) {
    for (int j = 0; j < 6; j++)
        tall_products(points + j * point, 6 * point, tiles, 0, points + j * point, 6 * point, place, add, doubt);
    for (int i = 0; i < 4; i++)
        tall_products(points + 6 * i * point, point, tiles, start, rows + 4 * i * row, row, place, add, doubt);
}
static const winograd_transforms square_across_transforms = {square_filters, square_across_products, square_gradient,
                                                             square_filter_gradients};
/* Weight gradients have no use of whole sources. */
static const winograd_transforms whole_transforms = {.filters = square_filters, .products = whole_products};
