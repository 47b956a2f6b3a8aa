/* tall.inc.c: large kernels on single planes, with 7/16 of the multiply-adds (see kernels/tall.inc.c).
 *
 * V of a block of pixels is written from rows of its source, M[k] summed by slide_tile from the rows of V that see the
 * source, and four rows of pixels made of the seven. A piece that comes out not finite is summed directly, so that NaN
 * and infinity stay in the windows that see them. */

enum { TALL_BYTES = 160 * 1024, TALL_ROWS = SLIDE_TILE / TALL_VECS < SLIDE_ROWS ? SLIDE_TILE / TALL_VECS : SLIDE_ROWS };

typedef struct {
    int64_t taps;  /* quarters of the tap rows */
    int64_t tiles; /* of four rows, in a block */
    int64_t columns, column_blocks, row_blocks;
    int64_t pitch, plane;         /* of V: elements from row to row, point to point */
    int64_t out_pitch, out_plane; /* of M */
    int64_t patch_pitch, steps;   /* of a piece summed directly */
    int64_t u_bytes, v_bytes, m_bytes, ring_bytes, patch_bytes, step_bytes, thread_bytes, table_bytes;
} tall_plan;

/* What a row of V, a tile of four pixel rows and a pixel row of the direct sum take beside their products, in
 * multiply-adds a vector. */
enum { TALL_ROW = 100, TALL_TILE = 100, DIRECT_ROW = 15 };

/* The rows [low, high) of n rows of V, the first made of source rows from y on, that see the source. */
static void find_tall_rows(const product *p, int64_t y, int64_t n, int64_t *low, int64_t *high) {
    clip_cells(y + TALL_POINTS - 1, 4, p->extent[1] + TALL_POINTS - 1, n, low, high);
}

/* Whether the product has the shape for it, and it pays. */
FC_PLAN int is_tall(const product *p) {
    int64_t R = p->count[1], S = p->count[2], P = p->pixels[1], tiles = ceil_div(P, 4), taps = ceil_div(R, 4);
    int plain = p->rows * p->channels == 1 && !p->pair && !p->exact && p->count[0] * p->extent[0] * p->pixels[0] == 1;
    for (int axis = 0; axis < 3; axis++) plain &= p->stride[axis] == 1;
    if (!plain || !is_dense(p) || p->low[0] != 0 || p->high[1] - p->low[1] != R - 1 || p->high[2] - p->low[2] != S - 1)
        return 0;
    int64_t vectors = ceil_div(p->pixels[2], LANES), wide = ceil_div(p->pixels[2] + S - 1, LANES);
    int64_t seen = 0, low, high; /* quarters of all tiles that see the source */
    for (int64_t b = 0; b < taps; b++, seen += high - low) find_tall_rows(p, p->low[1] + 4 * b, tiles, &low, &high);
    int64_t direct = vectors * (S * taps_seen(p, 1) + P * DIRECT_ROW);
    int64_t tall = vectors * (TALL_POINTS * S * seen + tiles * TALL_TILE) + (tiles + taps) * wide * TALL_ROW;
    return 10 * tall < 9 * direct;
}

FC_PLAN tall_plan plan_tall(const product *p) {
    int64_t R = p->count[1], span = p->count[2] - 1, P = p->pixels[1], Q = p->pixels[2];
    tall_plan t = {.taps = ceil_div(R, 4)};
    t.tiles = min_i64(2 * TALL_ROWS, ceil_div(P, 4));
    int64_t fit = TALL_BYTES / (TALL_POINTS * (t.tiles + t.taps) * (int64_t)sizeof(T)) - span;
    t.columns = ceil_div(ceil_div(Q, ceil_div(Q, max_i64(fit, 8 * LANES))), LANES) * LANES;
    t.column_blocks = ceil_div(Q, t.columns);
    t.row_blocks = ceil_div(P, 4 * t.tiles);
    t.pitch = odd_lines(t.columns + span + LANES);
    t.plane = (t.tiles + t.taps) * t.pitch;
    t.out_pitch = odd_lines(t.columns);
    t.out_plane = t.tiles * t.out_pitch;
    t.patch_pitch = odd_lines(TALL_VECS * LANES + span + LANES);
    t.steps = R;
    t.u_bytes = line_bytes((TALL_POINTS * t.taps * p->count[2] + LANES) * (int64_t)sizeof(T));
    t.v_bytes = line_bytes(TALL_POINTS * t.plane * (int64_t)sizeof(T));
    t.m_bytes = line_bytes(TALL_POINTS * t.out_plane * (int64_t)sizeof(T));
    t.ring_bytes = line_bytes(8 * t.pitch * (int64_t)sizeof(T));
    t.patch_bytes = line_bytes(4 * (t.taps + 1) * t.patch_pitch * (int64_t)sizeof(T));
    t.step_bytes = line_bytes(t.steps * (int64_t)sizeof(slide_step));
    t.thread_bytes = t.u_bytes + t.v_bytes + t.m_bytes + t.ring_bytes + t.patch_bytes + t.step_bytes;
    t.table_bytes = line_bytes(p->count[2] * (int64_t)sizeof(int64_t));
    return t;
}

static int64_t tall_scratch(const product *p, int threads) {
    tall_plan t = plan_tall(p);
    return t.table_bytes + t.thread_bytes * threads;
}

typedef struct {
    const product *p;
    tall_plan t;
    const int64_t *column;
    char *scratch;
} tall_job;

/* Row y of a plane of H x W cells, continued by zeros, from cell x on. */
static void lay_padded(const T *plane, int64_t H, int64_t W, int64_t y, int64_t x, T *dest, int64_t n) {
    if (y < 0 || y >= H) zero_run(dest, n);
    else copy_padded(dest, plane + y * W, x, 1, W, n);
}

/* Lists the steps of a tile, tap rows [first, end) of R; returns their end. */
static slide_step *list_tall_steps(int64_t first, int64_t end, int64_t R, int reversed, int64_t pitch,
                                   slide_step *step) {
    for (int64_t r = first; r < end; r += step++->taps)
        *step = (slide_step){r * pitch, reversed ? R - 1 - r : r, step_taps(end - r, TALL_ROWS * TALL_VECS)};
    return step;
}

/* Four rows of n vectors summed directly; the first pixel is (row, column). */
static void sum_directly(const tall_job *job, const T *source, int64_t row, int64_t column, int64_t n,
                         slide_arguments d, T *patch, slide_step *steps, T *c, int64_t c_row) {
    const product *p = job->p;
    int64_t pitch = job->t.patch_pitch;
    for (int64_t y = 0; y < p->count[1] + 3; y++)
        lay_padded(source, p->extent[1], p->extent[2], row + y + p->low[1], column + p->low[2], patch + y * pitch,
                   pitch);
    d.step = steps;
    d.end = list_tall_steps(0, p->count[1], p->count[1], d.a_row < 0, pitch, steps);
    d.x = patch;
    d.x_row = pitch;
    d.c = c;
    d.c_row = c_row;
    slide_tiles[3][n - 1](&d);
}

static void tall_task(const void *context, int64_t task, int thread) {
    const tall_job *job = context;
    const product *p = job->p;
    const tall_plan *t = &job->t;
    char *scratch = job->scratch + thread * t->thread_bytes;
    T *u = take(&scratch, t->u_bytes), *v = take(&scratch, t->v_bytes), *m = take(&scratch, t->m_bytes);
    T *ring = take(&scratch, t->ring_bytes), *patch = take(&scratch, t->patch_bytes);
    slide_step *steps = take(&scratch, t->step_bytes);
    int64_t column = task % t->column_blocks * t->columns, columns = min_i64(t->columns, p->pixels[2] - column);
    int64_t row = task / t->column_blocks % t->row_blocks * 4 * t->tiles,
            rows = min_i64(4 * t->tiles, p->pixels[1] - row);
    int64_t pair = task / t->column_blocks / t->row_blocks, group = pair % p->groups;
    int64_t R = p->count[1], S = p->count[2], tiles = ceil_div(rows, 4), H = p->extent[1], top = row + p->low[1];
    int64_t vectors = ceil_div(columns, LANES), seen = vectors * LANES + S - 1;
    int64_t first_row, end_row;
    const T *source = p->source + pair * p->extent[1] * p->extent[2], *w = p->matrix + group * R * S;
    int reversed = p->offset[0][1] != p->low[1];
    T init = p->epilogue.bias ? ((const T *)p->epilogue.bias)[group] : 0;

    for (int64_t r = 0; r < 4 * t->taps; r++)
        lay_padded(w, R, S, reversed ? R - 1 - r : r, 0, patch + r * t->patch_pitch, S + LANES);
    tall_taps(patch, t->patch_pitch, S, t->taps, u);
    find_tall_rows(p, top, tiles + t->taps - 1, &first_row, &end_row);
    for (int64_t y = 0; y < 4 * (tiles + t->taps - 1) + 3; y++) {
        lay_padded(source, H, p->extent[2], top + y, column + p->low[2], ring + y % 8 * t->pitch, seen);
        if (y % 4 != 2 || y < 6) continue;
        const T *x[TALL_POINTS];
        for (int j = 0; j < TALL_POINTS; j++) x[j] = ring + (y - 6 + j) % 8 * t->pitch;
        tall_rows(x, seen, v + (y - 6) / 4 * t->pitch, t->plane);
    }
    slide_arguments s = {.channels = 1,
                         .step = steps,
                         .column = job->column,
                         .count = S,
                         .a_row = S,
                         .x_row = t->pitch,
                         .c_row = t->out_pitch};
    int64_t blocks = ceil_div(tiles, TALL_ROWS);
    for (int64_t block = 0; block < blocks; block++) {
        int64_t first = part_start(tiles, blocks, block), end = part_start(tiles, blocks, block + 1);
        int64_t low = max_i64(0, first_row - end + 1), high = min_i64(t->taps, end_row - first);
        s.end = list_tall_steps(low, high, t->taps, 0, t->pitch, steps);
        for (int k = 0; k < TALL_POINTS; k++)
            for (int64_t i = 0, n; i < vectors; i += n) {
                n = min_i64(TALL_VECS, vectors - i);
                s.a = u + k * t->taps * S;
                s.x = v + k * t->plane + first * t->pitch + i * LANES;
                s.c = m + k * t->out_plane + first * t->out_pitch + i * LANES;
                slide_tiles[end - first - 1][n - 1](&s);
            }
    }
    slide_arguments direct = s;
    direct.a = w;
    direct.a_row = reversed ? -S : S;
    direct.init = init;
    for (int64_t tile = 0; tile < tiles; tile++) {
        T *out = m + tile * t->out_pitch;
        for (int64_t i = 0, n; i < vectors; i += n) {
            n = min_i64(TALL_VECS, vectors - i);
            T *sums = out + i * LANES;
            if (!tall_sums(n, sums, t->out_plane, init))
                sum_directly(job, source, row + 4 * tile, column + i * LANES, n, direct, patch, steps, sums,
                             t->out_plane);
        }
        for (int64_t i = 0; i < min_i64(4, rows - 4 * tile); i++) {
            int64_t to = (pair * p->pixels[1] + row + 4 * tile + i) * p->pixels[2] + column;
            place_run(p, out + i * t->out_plane, to, columns, 1);
        }
    }
}

static void run_tall(const product *p, void *scratch, int threads) {
    tall_job job = {.p = p, .t = plan_tall(p)};
    char *rest = scratch;
    int64_t *column = take(&rest, job.t.table_bytes);
    for (int64_t j = 0; j < p->count[2]; j++) column[j] = p->offset[j][2] - p->low[2];
    job.column = column;
    job.scratch = rest;
    fc_parallel_for(p->images * p->groups * job.t.row_blocks * job.t.column_blocks, threads, tall_task, &job);
}
