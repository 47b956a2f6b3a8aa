/* strip.inc.c: a product (see product.inc.c) with few rows, computed without packing.
 *
 * The source rows that a block of pixels sees are copied once, padded, into a strip; with a stride the strip is
 * split into phases so that neighbouring pixels always read neighbouring cells. Lanes run along a row of pixels,
 * or, when rows are short, along the whole block with the strip's pitch (`flat`; the cells between rows are
 * computed and dropped). */

typedef struct {
    int64_t count;                        /* channels * taps */
    int64_t span[3];                      /* cells that the taps reach beyond a pixel's own, in pixels */
    int64_t phases[3];
    int64_t rows, row_blocks;             /* pixel rows per block */
    int64_t columns, column_blocks;       /* pixels of a row per block */
    int64_t pitch, phase, channel;        /* elements from row to row, phase to phase, channel to channel */
    int flat, shared;                     /* shared: zeros after a row are those before the next */
    int64_t chunk, chunks;                /* (image, group) pairs per task */
    int64_t table_bytes, strip_bytes, stage_bytes, stage_row;
} strip_plan;

enum { STRIP_BYTES = 96 * 1024, STRIP_COLUMNS = 2048, STRIP_TASKS = 16 };

static strip_plan plan_strip(const product *p) {
    strip_plan s = {.count = p->channels * p->taps};
    int64_t P = p->pixels[1], Q = p->pixels[2];
    for (int axis = 0; axis < 3; axis++) {
        s.span[axis] = (p->high[axis] - p->low[axis]) / p->stride[axis];
        s.phases[axis] = min_i64(p->stride[axis], p->high[axis] - p->low[axis] + 1);
    }
    /* Depth has no blocks: one output slice at a time, its slices of the source side by side. */
    s.span[0] = p->high[0] - p->low[0] + 1;
    s.columns = Q > 2 * STRIP_COLUMNS ? STRIP_COLUMNS : Q;
    s.column_blocks = ceil_div(Q, s.columns);
    s.pitch = s.columns + s.span[2];
    int64_t right = (Q - 1 + s.span[2]) * p->stride[2] + p->low[2] - (p->extent[2] - 1); /* zeros after a row */
    int64_t waste_flat = s.pitch - Q, waste_rows = ceil_div(Q, LANES) * LANES - Q;
    if (s.column_blocks == 1 && p->stride[2] == 1 && p->low[2] < 0 && right > 0) {
        s.shared = (int)min_i64(min_i64(-p->low[2], right), s.span[2]);
        waste_flat -= s.shared;
    }
    s.flat = s.column_blocks == 1 && Q < 8 * LANES && (waste_flat <= waste_rows || Q < 3 * LANES);
    if (!s.flat) s.shared = 0;
    s.pitch -= s.shared;
    int64_t row_bytes = p->channels * s.span[0] * s.phases[1] * s.phases[2] * s.pitch * (int64_t)sizeof(T);
    s.rows = clamp_i64(STRIP_BYTES / row_bytes - s.span[1], 1, P);
    s.rows = ceil_div(P, ceil_div(P, s.rows));
    s.row_blocks = ceil_div(P, s.rows);
    s.phase = (s.rows + s.span[1]) * s.pitch;
    s.channel = s.span[0] * s.phases[1] * s.phases[2] * s.phase;
    s.stage_row = s.flat ? ceil_div(s.rows * s.pitch, LANES) * LANES : STRIP_VECS * LANES;
    s.table_bytes = line_bytes(s.count * (int64_t)sizeof(int64_t));
    s.strip_bytes = line_bytes((p->channels * s.channel + s.shared + STRIP_VECS * LANES) * (int64_t)sizeof(T));
    s.stage_bytes = line_bytes(STRIP_ROWS * s.stage_row * (int64_t)sizeof(T));
    int64_t pairs = p->images * p->groups, blocks = s.row_blocks * s.column_blocks * p->pixels[0];
    s.chunk = clamp_i64(pairs * blocks / STRIP_TASKS, 1, pairs);
    s.chunks = ceil_div(pairs, s.chunk);
    return s;
}

static int64_t strip_scratch(const product *p, int threads) {
    strip_plan s = plan_strip(p);
    return s.table_bytes + (s.strip_bytes + s.stage_bytes) * threads;
}

/* The order of the phases' planes in a channel: [depth][row phase][column phase]. */
static void list_strip_offsets(const product *p, const strip_plan *s, int64_t *table) {
    for (int64_t channel = 0; channel < p->channels; channel++)
        for (int64_t tap = 0; tap < p->taps; tap++) {
            int64_t z = p->offset[tap][0] - p->low[0], y = p->offset[tap][1] - p->low[1], x = p->offset[tap][2] - p->low[2];
            int64_t plane = (z * s->phases[1] + y % p->stride[1]) * s->phases[2] + x % p->stride[2];
            *table++ = channel * s->channel + plane * s->phase + y / p->stride[1] * s->pitch + x / p->stride[2];
        }
}

static void lay_strip(const product *p, const strip_plan *s, const T *source, int64_t o, int64_t row, int64_t column,
                       T *strip) {
    int64_t plane = p->extent[1] * p->extent[2];
    T *dest = strip;
    for (int64_t channel = 0; channel < p->channels; channel++)
        for (int64_t depth = 0; depth < s->span[0]; depth++) {
            int64_t z = o * p->stride[0] + p->low[0] + depth;
            const T *slice = source + channel * volume(p->extent) + z * plane;
            for (int64_t a = 0; a < s->phases[1]; a++)
                for (int64_t b = 0; b < s->phases[2]; b++)
                    for (int64_t r = 0; r < s->rows + s->span[1]; r++, dest += s->pitch) {
                        int64_t y = (row + r) * p->stride[1] + p->low[1] + a;
                        if (z < 0 || z >= p->extent[0] || y < 0 || y >= p->extent[1]) {
                            zero_run(dest, s->pitch);
                            continue;
                        }
                        copy_padded(dest, slice + y * p->extent[2], column * p->stride[2] + p->low[2] + b, p->stride[2],
                                    p->extent[2], s->pitch);
                    }
        }
    for (int64_t i = 0; i < s->shared; i++) dest[i] = 0;
}

typedef struct {
    const product *p;
    strip_plan s;
    const int64_t *table;
    char *scratch;
} strip_job;

static void strip_task(const void *context, int64_t task, int thread) {
    const strip_job *job = context;
    const product *p = job->p;
    const strip_plan *s = &job->s;
    char *scratch = job->scratch + thread * (s->strip_bytes + s->stage_bytes);
    T *strip = take(&scratch, s->strip_bytes), *stage = take(&scratch, s->stage_bytes);
    int64_t plane = volume(p->dest_extent), source_plane = volume(p->extent);
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    int activation = p->epilogue.activation;

    int64_t column = task % s->column_blocks * s->columns;
    int64_t row = task / s->column_blocks % s->row_blocks * s->rows;
    int64_t o = task / s->column_blocks / s->row_blocks % p->pixels[0];
    int64_t first = task / s->column_blocks / s->row_blocks / p->pixels[0] * s->chunk;
    int64_t rows = min_i64(s->rows, p->pixels[1] - row), columns = min_i64(s->columns, p->pixels[2] - column);
    int64_t row_step = p->dest_extent[2] * p->dest_stride[1], corner =
        ((o * p->dest_stride[0] + p->dest_start[0]) * p->dest_extent[1] + row * p->dest_stride[1] + p->dest_start[1]) *
            p->dest_extent[2] + column * p->dest_stride[2] + p->dest_start[2];
    int64_t step = p->dest_stride[2];

    for (int64_t pair = first; pair < min_i64(first + s->chunk, p->images * p->groups); pair++) {
        int64_t group = pair % p->groups;
        lay_strip(p, s, p->source + pair * p->channels * source_plane, o, row, column, strip);
        int64_t blocks = ceil_div(p->rows, STRIP_ROWS);
        for (int64_t block = 0; block < blocks; block++) {
            int64_t k = part_start(p->rows, blocks, block), m = part_start(p->rows, blocks, block + 1) - k;
            const T *a[STRIP_ROWS];
            for (int64_t i = 0; i < m; i++) a[i] = p->matrix + (group * p->rows + k + i) * s->count;
            const T *init = bias ? bias + group * p->rows + k : NULL;
            int64_t at = (pair * p->rows + k) * plane + corner;
            int64_t most = strip_vecs[m - 1];
            if (s->flat) {
                int64_t vectors = ceil_div(rows * s->pitch - (s->pitch - columns), LANES);
                int64_t parts = ceil_div(vectors, most);
                for (int64_t part = 0; part < parts; part++) {
                    int64_t v = part_start(vectors, parts, part), n = part_start(vectors, parts, part + 1) - v;
                    strip_arguments t = {s->count, job->table, strip + v * LANES, stage + v * LANES, s->stage_row, init, 0};
                    strip_tiles[m - 1][n - 1](a, &t);
                }
                for (int64_t i = 0; i < m; i++)
                    for (int64_t r = 0; r < rows; r++) {
                        int64_t to = at + i * plane + r * row_step;
                        finish_run(p->dest + to, stage + i * s->stage_row + r * s->pitch, residual ? residual + to : NULL,
                                   columns, step, activation);
                    }
                continue;
            }
            int64_t vectors = ceil_div(columns, LANES), parts = ceil_div(vectors, most);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t part = 0; part < parts; part++) {
                    int64_t v = part_start(vectors, parts, part), n = part_start(vectors, parts, part + 1) - v;
                    int64_t inside = min_i64(n * LANES, columns - v * LANES), to = at + r * row_step + v * LANES * step;
                    int direct = step == 1 && inside == n * LANES;
                    strip_arguments t = {s->count, job->table, strip + r * s->pitch + v * LANES,
                                         direct ? p->dest + to : stage, direct ? plane : s->stage_row, init, 0};
                    strip_tiles[m - 1][n - 1](a, &t);
                    if (direct && activation == FC_NONE && !residual) continue;
                    for (int64_t i = 0; i < m; i++)
                        finish_run(p->dest + to + i * plane, t.c + i * t.c_row, residual ? residual + to + i * plane : NULL,
                                   inside, step, activation);
                }
        }
    }
}

static void run_strip(const product *p, void *scratch, int threads) {
    strip_job job = {.p = p, .s = plan_strip(p)};
    const strip_plan *s = &job.s;
    char *rest = scratch;
    int64_t *table = take(&rest, s->table_bytes);
    list_strip_offsets(p, s, table);
    job.table = table;
    job.scratch = rest;
    fc_parallel_for(s->chunks * p->pixels[0] * s->row_blocks * s->column_blocks, threads, strip_task, &job);
}
