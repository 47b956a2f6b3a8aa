/* tall.inc.c: the transforms of the minimal algorithm F(4, 4) along height (Winograd 1980), for single planes.
 *
 * Four rows of pixels and four tap rows take 7 products of a row by a tap row instead of 16:
 *
 *     V[k][t] = sum over j of B[k][j] * source row 4 t + j        U[k][b] = sum over r of G[k][r] * tap row 4 b + r
 *     M[k][t] = sum over b of V[k][t + b] correlated with U[k][b]
 *     pixel row 4 t + i = sum over k of A[i][k] * M[k][t]
 *
 * with the points 0, 1/2, -1/2, 2, -2, 1 and infinity, whose error is small. */

enum { TALL_POINTS = 7, TALL_VECS = 2 };

/* U of one plane's taps, from rows of zeros beyond S taps and R rows. Vectors write too many of a row, the next row
 * overwrites them. */
static void tall_taps(const T *w, int64_t pitch, int64_t S, int64_t quarters, T *u) {
    static const T G[TALL_POINTS][4] = {{-1, 0, 0, 0},
                                        {16. / 15, 8. / 15, 4. / 15, 2. / 15},
                                        {16. / 45, -8. / 45, 4. / 45, -2. / 45},
                                        {1. / 30, 1. / 15, 2. / 15, 4. / 15},
                                        {-1. / 90, 1. / 45, -2. / 45, 4. / 45},
                                        {-4. / 9, -4. / 9, -4. / 9, -4. / 9},
                                        {0, 0, 0, 1}};
    for (int k = 0; k < TALL_POINTS; k++)
        for (int64_t b = 0; b < quarters; b++, u += S)
            for (int64_t j = 0; j < S; j += LANES) {
                const T *row = w + 4 * b * pitch + j;
                vec sum = {0};
                FC_UNROLL for (int r = 0; r < 4; r++) sum += G[k][r] * load(row + r * pitch);
                store(u + j, sum);
            }
}

/* A row of V from 7 source rows. */
static void tall_rows(const T *const x[TALL_POINTS], int64_t n, T *v, int64_t plane) {
    for (int64_t i = 0; i < n; i += LANES) {
        vec d[TALL_POINTS], s[TALL_POINTS - 1];
        FC_UNROLL for (int j = 0; j < TALL_POINTS; j++) d[j] = load(x[j] + i);
        FC_UNROLL for (int j = 0; j < TALL_POINTS - 1; j++) s[j] = d[j + 1] - d[j];
        vec a = s[4] - 4 * s[2], b = (T)0.5 * (s[3] - 4 * s[1]), c = s[4] - (T)0.25 * s[2],
            e = 2 * (s[3] - (T)0.25 * s[1]);
        T *to = v + i;
        store(to, s[0] - (T)4.25 * s[2] + s[4]);
        store(to + plane, a + b);
        store(to + 2 * plane, a - b);
        store(to + 3 * plane, c + e);
        store(to + 4 * plane, c - e);
        store(to + 5 * plane, d[1] - (T)4.25 * d[3] + d[5]);
        store(to + 6 * plane, s[1] - (T)4.25 * s[3] + s[5]);
    }
}

/* Four rows of n vectors, over the first four points of M; whether they are finite. */
static int tall_sums(int64_t n, T *m, int64_t plane, T init) {
    vec doubt = {0};
    for (int64_t v = 0; v < n; v++, m += LANES) {
        vec y[TALL_POINTS], bias = splat(init);
        FC_UNROLL for (int k = 0; k < TALL_POINTS; k++) y[k] = load(m + k * plane);
        vec a = y[1] + y[2], b = y[1] - y[2], c = y[3] + y[4], e = y[3] - y[4];
        vec row[4] = {y[0] + a + c + y[5], (T)0.5 * b + 2 * e + y[5], (T)0.25 * a + 4 * c + y[5],
                      (T)0.125 * b + 8 * e + y[5] + y[6]};
        FC_UNROLL for (int i = 0; i < 4; i++) {
            doubt += row[i] * 0;
            store(m + i * plane, row[i] + bias);
        }
    }
    return sum_of_lanes(doubt) == 0;
}
