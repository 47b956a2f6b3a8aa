/* winograd.inc.c: the transforms of Winograd's F(4x4, 3x3), lanes = tiles.
 *
 *     output tile (4 x 4) = A' [ (G g G') * (B' d B) ] A     from a 6 x 6 patch d and a 3 x 3 filter g
 *
 * at the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose error is a quarter of that of 0, +-1, +-2.
 * Source: Lavin and Gray 2015 (arXiv 1509.09308); choice of points after Barabasz et al. 2018 (1803.10986). */

#define ROOT_HALF ((T)0.70710678118654752440)
#define ROOT_TWO ((T)1.41421356237309504880)

enum { WINOGRAD_TILE = 4, WINOGRAD_PATCH = 6, WINOGRAD_POINTS = 36 };

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

/* B' along six such lines: tile t starts at cell 4 * t -> points[6 * i + j][t], `point` apart, whole vectors of t. */
static void transform_rows(const T *rows, int64_t row, int64_t tiles, T *points, int64_t point) {
    for (int64_t tile = 0; tile < tiles; tile += LANES)
        for (int i = 0; i < 6; i++) {
            vec x[8], y[6];
            split_four(rows + i * row + 4 * tile, 4, x);
            split_four(rows + i * row + 4 * tile + 4, 2, x + 4);
            patch_line(x, y);
            FC_UNROLL for (int j = 0; j < 6; j++) store(points + (6 * i + j) * point + tile, y[j]);
        }
}

/* Products of LANES tiles -> four rows of 4 * LANES neighbouring outputs, plus bias. Returns lanes that are zero
 * where the tile is finite and NaN where it is not. */
static vec transform_products(const T *points, int64_t point, vec bias, T *rows, int64_t row) {
    vec half[4][6], doubt = {0};
    FC_UNROLL for (int j = 0; j < 6; j++) {
        vec x[6], y[4];
        FC_UNROLL for (int i = 0; i < 6; i++) x[i] = load(points + (6 * i + j) * point);
        tile_line(x, y);
        FC_UNROLL for (int i = 0; i < 4; i++) half[i][j] = y[i];
    }
    FC_UNROLL for (int i = 0; i < 4; i++) {
        vec y[4];
        tile_line(half[i], y);
        doubt += ((y[0] + y[1]) + (y[2] + y[3])) * 0;
        vec even_low = zip_low(y[0] + bias, y[2] + bias), even_high = zip_high(y[0] + bias, y[2] + bias);
        vec odd_low = zip_low(y[1] + bias, y[3] + bias), odd_high = zip_high(y[1] + bias, y[3] + bias);
        store(rows + i * row, zip_low(even_low, odd_low));
        store(rows + i * row + LANES, zip_high(even_low, odd_low));
        store(rows + i * row + 2 * LANES, zip_low(even_high, odd_high));
        store(rows + i * row + 3 * LANES, zip_high(even_high, odd_high));
    }
    return doubt;
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

/* LANES filters, g[3 * i + j][lane] -> points[6 * i + j], `point` elements apart. */
static void transform_filters(const T *g, T *points, int64_t point) {
    vec half[3][6];
    FC_UNROLL for (int j = 0; j < 3; j++)
        filter_line(load(g + j * LANES), load(g + (3 + j) * LANES), load(g + (6 + j) * LANES), half[j]);
    FC_UNROLL for (int i = 0; i < 6; i++) {
        vec y[6];
        filter_line(half[0][i], half[1][i], half[2][i], y);
        FC_UNROLL for (int j = 0; j < 6; j++) store(points + (6 * i + j) * point, y[j]);
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

/* A dY A' of one tile for LANES channels: tile[i * row + j * cell] -> points[6 * i + j], `point` apart. */
static void transform_gradient(const T *tile, int64_t row, int64_t cell, T *points, int64_t point) {
    vec half[6][4];
    FC_UNROLL for (int j = 0; j < 4; j++) {
        vec x[4], y[6];
        FC_UNROLL for (int i = 0; i < 4; i++) x[i] = load(tile + i * row + j * cell);
        gradient_line(x, y);
        FC_UNROLL for (int i = 0; i < 6; i++) half[i][j] = y[i];
    }
    FC_UNROLL for (int i = 0; i < 6; i++) {
        vec y[6];
        gradient_line(half[i], y);
        FC_UNROLL for (int j = 0; j < 6; j++) store(points + (6 * i + j) * point, y[j]);
    }
}

/* G' x for one line. */
VEC_INLINE void filter_gradient_line(const vec x[6], vec y[3]) {
    vec near = (x[1] + x[2]) * (T)(-1 / 1.5), far = (x[3] + x[4]) * (T)(1 / 6.0);
    y[0] = x[0] + near + far;
    y[1] = (x[1] - x[2]) * (T)(-0.70710678118654752440 / 1.5) + (x[3] - x[4]) * (T)(1.41421356237309504880 / 6.0);
    y[2] = (T)0.5 * near + 2 * far + x[5];
}

/* G' dU G for LANES filters: points[6 * i + j], `point` apart -> g[3 * i + j][lane]. */
static void transform_filter_gradients(const T *points, int64_t point, T *g) {
    vec half[3][6];
    FC_UNROLL for (int j = 0; j < 6; j++) {
        vec x[6], y[3];
        FC_UNROLL for (int i = 0; i < 6; i++) x[i] = load(points + (6 * i + j) * point);
        filter_gradient_line(x, y);
        FC_UNROLL for (int i = 0; i < 3; i++) half[i][j] = y[i];
    }
    FC_UNROLL for (int i = 0; i < 3; i++) {
        vec y[3];
        filter_gradient_line(half[i], y);
        FC_UNROLL for (int j = 0; j < 3; j++) store(g + (3 * i + j) * LANES, y[j]);
    }
}
