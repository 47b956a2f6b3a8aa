/* dot_tile.inc.c: inner products of rows, lanes along the rows.
 *
 *     sums[j][i] = sum over l < depth of  w[i][l] * x[j][l]
 *
 * i < DOT_ROWS, j < n. Nothing is packed, and every vector of w that is read meets n rows of x. The sums' bits do not
 * depend on n. */

enum { DOT_ROWS = 4, DOT_COLUMNS = TILE_VECS > 2 ? 4 : 2 };

/* sums[i] = the sum of the lanes of v[i]. */
VEC_INLINE void sums_of_lanes(const vec v[4], T sums[4]) {
    vec low = evens(v[0], v[1]) + odds(v[0], v[1]), high = evens(v[2], v[3]) + odds(v[2], v[3]);
    vec all = evens(low, high) + odds(low, high);
    FC_UNROLL for (int lanes = LANES; lanes > 4; lanes /= 2) all = evens(all, all) + odds(all, all);
    FC_UNROLL for (int i = 0; i < 4; i++) sums[i] = LANES >= 4 ? all[i % LANES] : i < 2 ? low[i % 2] : high[i % 2];
}

VEC_INLINE void dot_tile(const int n, const T *const w[DOT_ROWS], const T *const x[DOT_COLUMNS], int64_t depth,
                         T sums[DOT_COLUMNS][DOT_ROWS]) {
    vec acc[DOT_COLUMNS][DOT_ROWS];
    FC_UNROLL for (int j = 0; j < n; j++) FC_UNROLL for (int i = 0; i < DOT_ROWS; i++) acc[j][i] = (vec){0};
    int64_t l = 0;
    for (; l + LANES <= depth; l += LANES) {
        vec other[DOT_COLUMNS];
        FC_UNROLL for (int j = 0; j < n; j++) other[j] = load(x[j] + l);
        FC_UNROLL for (int i = 0; i < DOT_ROWS; i++) {
            vec lanes = load(w[i] + l);
            FC_KEEP(lanes);
            FC_UNROLL for (int j = 0; j < n; j++) acc[j][i] += lanes * other[j];
        }
    }
    if (l < depth) {
        vec other[DOT_COLUMNS];
        FC_UNROLL for (int j = 0; j < n; j++) other[j] = load_part(x[j] + l, depth - l);
        FC_UNROLL for (int i = 0; i < DOT_ROWS; i++) {
            vec lanes = load_part(w[i] + l, depth - l);
            FC_UNROLL for (int j = 0; j < n; j++) acc[j][i] += lanes * other[j];
        }
    }
    FC_UNROLL for (int j = 0; j < n; j++) sums_of_lanes(acc[j], sums[j]);
}

static void dot_one(const T *const *w, const T *const *x, int64_t depth, T (*sums)[DOT_ROWS]) {
    dot_tile(1, w, x, depth, sums);
}
static void dot_columns(const T *const *w, const T *const *x, int64_t depth, T (*sums)[DOT_ROWS]) {
    dot_tile(DOT_COLUMNS, w, x, depth, sums);
}
