/* strip.inc.c: a product (see product.inc.c) with few rows, computed without packing.
 *
 * The source rows that a block of pixels sees are copied once, padded, into a strip; with a stride the strip is
 * split into phases so that neighbouring pixels always read neighbouring cells. Lanes run along a row of pixels.
 * Two ways to fill a tile's rows:
 *   sliding   one matrix row (depthwise) and neighbouring pixel rows: source rows outside are skipped; 3 x 3 taps of
 *             one channel roll down whole columns instead of tiles
 *   together  output channels of a group; when rows of pixels are short, lanes may run along the whole block with
 *             the strip's pitch (`flat`; the cells between rows are computed and dropped). */

typedef struct {
    int sliding, rolling;   /* rolling: sliding down whole columns, for 3 x 3 taps of one channel */
    int64_t columns_listed; /* sliding: taps of a row; together: channels * taps */
    int64_t span[3];        /* cells that the taps reach beyond a pixel's own, in pixels */
    int64_t phases[3];
    int64_t rows, row_blocks;       /* pixel rows per block */
    int64_t columns, column_blocks; /* pixels of a row per block */
    int64_t tile_rows;              /* pixel rows of a tile */
    int64_t pitch, phase, channel;  /* elements from row to row, phase to phase, channel to channel */
    int flat, shared;               /* shared: zeros after a row are those before the next */
    int64_t chunk, chunks;          /* (image, group) pairs per task */
    int64_t steps;                  /* of one sliding tile, at most */
    int64_t slide_row;              /* elements of the matrix from a pixel row's tap to that of the next */
    int64_t table_bytes, strip_bytes, stage_bytes, step_bytes, found_bytes, piece_bytes, stage_row;
} strip_plan;

/* Cells of one phase plane of the strip that lie inside the source: rows of `width` cells from `source` on. The rest of
 * the plane is the same for all images and groups, and cleared once. */
typedef struct {
    int64_t dest, source, rows, width;
} strip_piece;

enum { STRIP_BYTES = 96 * 1024, SLIDE_BYTES = 24 * 1024, STRIP_COLUMNS = 1024, STRIP_TASKS = 16 };

/* Tiles of pixel rows: as full as the registers allow, and of those the widest. */
static int64_t sliding_rows(int64_t vectors) {
    int64_t best = 0, rows = 1;
    for (int64_t m = STRIP_ROWS; m >= 4; m -= 2) {
        int64_t filled = m * ceil_div(vectors, ceil_div(vectors, strip_vecs[m - 1]));
        if (filled >= best) {
            best = filled;
            rows = m;
        }
    }
    return rows;
}

static strip_plan plan_strip(const product *p) {
    int64_t P = p->pixels[1], Q = p->pixels[2];
    strip_plan s = {.sliding = p->rows < 4 && p->count[1] > 1 && p->high[1] - p->low[1] == p->count[1] - 1};
    s.rolling = s.sliding && p->channels == 1 && p->taps == 9 && p->count[1] == 3 && p->count[2] == 3 &&
                p->stride[1] == 1 && p->stride[2] == 1;
    s.columns_listed = s.sliding ? p->count[2] : p->channels * p->taps;
    for (int axis = 0; axis < 3; axis++) {
        s.span[axis] = (p->high[axis] - p->low[axis]) / p->stride[axis];
        s.phases[axis] = min_i64(p->stride[axis], p->high[axis] - p->low[axis] + 1);
    }
    /* Depth has no blocks: one output slice at a time, its slices of the source side by side. */
    s.span[0] = p->high[0] - p->low[0] + 1;
    s.tile_rows = s.sliding ? sliding_rows(ceil_div(Q, LANES)) : 1;
    int64_t depth_bytes = p->channels * s.span[0] * s.phases[1] * s.phases[2] * (int64_t)sizeof(T);
    s.columns = Q;
    if (s.sliding) {
        int64_t fit = SLIDE_BYTES / (depth_bytes * (2 * s.tile_rows + s.span[1])) - s.span[2];
        fit = max_i64(fit, 16 * LANES);
        if (Q > 2 * fit) s.columns = ceil_div(ceil_div(Q, ceil_div(Q, fit)), LANES) * LANES;
    } else if (Q > STRIP_COLUMNS) {
        s.columns = ceil_div(ceil_div(Q, ceil_div(Q, STRIP_COLUMNS)), LANES) * LANES;
    }
    s.column_blocks = ceil_div(Q, s.columns);
    s.pitch = s.columns + s.span[2];
    int64_t right = (Q - 1 + s.span[2]) * p->stride[2] + p->low[2] - (p->extent[2] - 1); /* zeros after a row */
    int64_t waste_flat = s.pitch - Q, waste_rows = ceil_div(Q, LANES) * LANES - Q;
    if (s.column_blocks == 1 && p->stride[2] == 1 && p->low[2] < 0 && right > 0) {
        s.shared = (int)min_i64(min_i64(-p->low[2], right), s.span[2]);
        waste_flat -= s.shared;
    }
    s.flat = !s.sliding && s.column_blocks == 1 && Q < 8 * LANES && (waste_flat <= waste_rows || Q < 3 * LANES);
    if (!s.flat) s.shared = 0;
    s.pitch -= s.shared;
    s.rows = clamp_i64((s.sliding ? SLIDE_BYTES : STRIP_BYTES) / (depth_bytes * s.pitch) - s.span[1],
                       min_i64(s.tile_rows, P), P);
    s.rows = ceil_div(P, ceil_div(P, s.rows));
    s.row_blocks = ceil_div(P, s.rows);
    s.phase = (s.rows + s.span[1]) * s.pitch;
    s.channel = s.span[0] * s.phases[1] * s.phases[2] * s.phase;
    s.stage_row = s.flat ? ceil_div(s.rows * s.pitch, LANES) * LANES : STRIP_VECS * LANES;
    s.steps = s.sliding ? p->count[0] * (p->count[1] + s.phases[1] * (s.tile_rows - 1)) : 1;
    int64_t tiles_down = ceil_div(s.rows, s.tile_rows);
    s.step_bytes = line_bytes(s.steps * tiles_down * (int64_t)sizeof(strip_step));
    s.found_bytes = line_bytes(tiles_down * (int64_t)sizeof(int64_t));
    s.piece_bytes = line_bytes(s.span[0] * s.phases[1] * s.phases[2] * (int64_t)sizeof(strip_piece));
    s.table_bytes = line_bytes(s.columns_listed * (int64_t)sizeof(int64_t));
    s.strip_bytes = line_bytes((p->channels * s.channel + s.shared + STRIP_VECS * LANES) * (int64_t)sizeof(T));
    s.stage_bytes = line_bytes((s.rolling ? s.rows : STRIP_ROWS) * s.stage_row * (int64_t)sizeof(T));
    int64_t pairs = p->images * p->groups, blocks = s.row_blocks * s.column_blocks * p->pixels[0];
    s.chunk = clamp_i64(pairs * blocks / STRIP_TASKS, 1, pairs);
    s.chunks = ceil_div(pairs, s.chunk);
    return s;
}

static int64_t strip_thread_bytes(const strip_plan *s) {
    return s->strip_bytes + s->stage_bytes + s->step_bytes + s->found_bytes + s->piece_bytes;
}

static int64_t strip_scratch(const product *p, int threads) {
    strip_plan s = plan_strip(p);
    return s.table_bytes + strip_thread_bytes(&s) * threads;
}

/* The order of the phases' planes in a channel: [depth][row phase][column phase]. */
static void list_strip_columns(const product *p, const strip_plan *s, int64_t *table) {
    for (int64_t i = 0; i < s->columns_listed; i++) {
        const int64_t *offset = p->offset[i % p->taps];
        int64_t z = offset[0] - p->low[0], y = s->sliding ? 0 : offset[1] - p->low[1], x = offset[2] - p->low[2];
        int64_t plane = ((s->sliding ? 0 : z) * s->phases[1] + y % p->stride[1]) * s->phases[2] + x % p->stride[2];
        table[i] = i / p->taps * s->channel + plane * s->phase + y / p->stride[1] * s->pitch + x / p->stride[2];
    }
}

/* The steps of a sliding tile of m pixel rows from row `r` of the strip on: the source rows that exist, each with the
 * pixel rows that see it. Pixel row i sees row y of a phase with its tap row phase + (y - i) * stride. */
static int64_t list_slides(const product *p, const strip_plan *s, int64_t o, int64_t row, int64_t r, int64_t m,
                           strip_step *step) {
    int64_t R = p->count[1], S = p->count[2], found = 0;
    int reversed = p->offset[0][1] != p->low[1];
    for (int64_t t = 0; t < p->count[0]; t++) {
        int64_t depth = p->offset[t * R * S][0], z = o * p->stride[0] + depth;
        if (z < 0 || z >= p->extent[0]) continue;
        for (int64_t a = 0; a < s->phases[1]; a++) {
            int64_t taps = ceil_div(R - a, p->stride[1]),
                    plane = ((depth - p->low[0]) * s->phases[1] + a) * s->phases[2];
            for (int64_t y = 0; y < taps + m - 1; y++) {
                int64_t from = (row + r + y) * p->stride[1] + p->low[1] + a, tap = a + y * p->stride[1];
                if (from < 0 || from >= p->extent[1]) continue;
                step[found++] =
                    (strip_step){plane * s->phase + (r + y) * s->pitch, (t * R + (reversed ? R - 1 - tap : tap)) * S,
                                 (int)max_i64(0, y - taps + 1), (int)min_i64(m, y + 1)};
            }
        }
    }
    return found;
}

/* The pieces of one channel, for the block of rows and columns of output slice o. */
static void list_pieces(const product *p, const strip_plan *s, int64_t o, int64_t row, int64_t rows, int64_t column,
                        strip_piece *piece) {
    int64_t H = p->extent[1], W = p->extent[2], height = rows + s->span[1], step = p->stride[2], dest = 0;
    for (int64_t depth = 0; depth < s->span[0]; depth++)
        for (int64_t a = 0; a < s->phases[1]; a++)
            for (int64_t b = 0; b < s->phases[2]; b++, piece++, dest += s->phase) {
                int64_t z = o * p->stride[0] + p->low[0] + depth;
                int64_t y = row * p->stride[1] + p->low[1] + a, x = column * step + p->low[2] + b;
                int64_t top = clamp_i64(ceil_div(max_i64(-y, 0), p->stride[1]), 0, height);
                int64_t bottom = clamp_i64(floor_div(H - 1 - y, p->stride[1]) + 1, top, height);
                int64_t left = clamp_i64(ceil_div(max_i64(-x, 0), step), 0, s->pitch);
                int64_t right = clamp_i64(floor_div(W - 1 - x, step) + 1, left, s->pitch);
                int inside = z >= 0 && z < p->extent[0] && right > left;
                *piece =
                    (strip_piece){dest + top * s->pitch + left, (z * H + y + top * p->stride[1]) * W + x + left * step,
                                  inside ? bottom - top : 0, right - left};
            }
}

/* Copies one pair's source into the strip. */
static void lay_strip(const product *p, const strip_plan *s, const T *source, const strip_piece *pieces, T *strip) {
    int64_t planes = s->span[0] * s->phases[1] * s->phases[2], from_row = p->stride[1] * p->extent[2],
            step = p->stride[2];
    for (int64_t channel = 0; channel < p->channels; channel++, source += volume(p->extent), strip += s->channel)
        for (const strip_piece *piece = pieces; piece < pieces + planes; piece++) {
            T *dest = strip + piece->dest;
            const T *from = source + piece->source;
            for (int64_t r = 0; r < piece->rows; r++, dest += s->pitch, from += from_row)
                copy_step(dest, from, piece->width, step);
        }
}

typedef struct {
    const product *p;
    strip_plan s;
    const int64_t *table;
    char *scratch;
} strip_job;

/* A block of a task: pixel rows and columns of one output slice, and its place in dest. */
typedef struct {
    int64_t rows, columns;
    int64_t row_step, column_step;
    int64_t end; /* cells of dest before this are the task's, and it writes them in ascending order */
    T *strip, *stage;
} strip_block;

/* One tile to dest[to + i * step]. A vector may run over the end of a row of pixels if the cells behind are written
 * later; else the tile is staged. */
static void place_tile(const product *p, const strip_block *b, strip_arguments *t, int64_t m, int64_t n, int64_t to,
                       int64_t step, int64_t last, int64_t inside) {
    int direct = b->column_step == 1 && (inside == n * LANES || last + n * LANES <= b->end);
    const T *residual = p->epilogue.residual;
    t->c = direct ? p->dest + to : b->stage;
    t->c_row = direct ? step : n * LANES;
    strip_tiles[m - 1][n - 1](t);
    if (direct && p->epilogue.activation == FC_NONE && !residual) return;
    for (int64_t i = 0; i < m; i++, to += step)
        finish_run(p->dest + to, t->c + i * t->c_row, residual ? residual + to : NULL, inside, b->column_step,
                   p->epilogue.activation);
}

/* One output channel whose block starts at dest[at]. Parts of a row go from right to left: a tile's upper rows may
 * run over the left ends of its lower ones. */
static void slide_rows(const strip_job *job, const strip_block *b, strip_arguments t, const strip_step *steps,
                       const int64_t *found, int64_t at) {
    const strip_plan *s = &job->s;
    int64_t blocks = ceil_div(b->rows, s->tile_rows), vectors = ceil_div(b->columns, LANES);
    int64_t parts = ceil_div(vectors, strip_vecs[s->tile_rows - 1]);
    for (int64_t block = 0; block < blocks; block++) {
        int64_t r = part_start(b->rows, blocks, block), m = part_start(b->rows, blocks, block + 1) - r;
        t.step = steps + block * s->steps;
        t.end = t.step + found[block];
        for (int64_t part = parts - 1; part >= 0; part--) {
            int64_t v = part_start(vectors, parts, part), n = part_start(vectors, parts, part + 1) - v;
            int64_t to = at + r * b->row_step + v * LANES * b->column_step;
            t.x = b->strip + v * LANES;
            place_tile(job->p, b, &t, m, n, to, b->row_step, to + (m - 1) * b->row_step,
                       min_i64(n * LANES, b->columns - v * LANES));
        }
    }
}

/* One output channel by strip_roll. */
static void roll_rows(const strip_job *job, const strip_block *b, const strip_arguments *t, const strip_piece *piece,
                      int64_t at) {
    const product *p = job->p;
    const T *residual = p->epilogue.residual;
    int64_t vectors = ceil_div(b->columns, LANES), top = piece->dest / job->s.pitch;
    roll_arguments r = {.rows = b->rows,
                        .top = top,
                        .bottom = top + piece->rows,
                        .a = t->a_row < 0 ? t->a : t->a + 2 * t->a_row,
                        .a_row = -t->a_row,
                        .x_row = job->s.pitch,
                        .column = t->column,
                        .init = t->init[0]};
    for (int64_t end = vectors; end > 0;) {
        int64_t n = min_i64(end, ROLL_VECS), v = end - n, inside = min_i64(n * LANES, b->columns - v * LANES);
        int64_t to = at + v * LANES * b->column_step;
        int direct =
            b->column_step == 1 && (inside == n * LANES || to + (b->rows - 1) * b->row_step + n * LANES <= b->end);
        r.x = b->strip + v * LANES;
        r.c = direct ? p->dest + to : b->stage;
        r.c_row = direct ? b->row_step : n * LANES;
        (n == 1 ? strip_roll_1 : strip_roll_2)(&r);
        end = v;
        if (direct && p->epilogue.activation == FC_NONE && !residual) continue;
        for (int64_t i = 0; i < b->rows; i++, to += b->row_step)
            finish_run(p->dest + to, r.c + i * r.c_row, residual ? residual + to : NULL, inside, b->column_step,
                       p->epilogue.activation);
    }
}

/* m output channels together, the first one's block at dest[at]. */
static void together(const strip_job *job, const strip_block *b, strip_arguments t, int64_t m, int64_t at) {
    const product *p = job->p;
    const strip_plan *s = &job->s;
    int64_t plane = volume(p->dest_extent), most = strip_vecs[m - 1];
    strip_step all = {0, 0, 0, (int)m};
    t.step = &all;
    t.end = &all + 1;
    int64_t vectors = ceil_div(s->flat ? (b->rows - 1) * s->pitch + b->columns : b->columns, LANES),
            parts = ceil_div(vectors, most);
    for (int64_t r = 0; r < (s->flat ? 1 : b->rows); r++)
        for (int64_t part = 0; part < parts; part++) {
            int64_t v = part_start(vectors, parts, part), n = part_start(vectors, parts, part + 1) - v;
            t.x = b->strip + r * s->pitch + v * LANES;
            if (s->flat) {
                t.c = b->stage + v * LANES;
                t.c_row = s->stage_row;
                strip_tiles[m - 1][n - 1](&t);
                continue;
            }
            int64_t to = at + r * b->row_step + v * LANES * b->column_step;
            place_tile(p, b, &t, m, n, to, plane, to, min_i64(n * LANES, b->columns - v * LANES));
        }
    if (!s->flat) return;
    const T *residual = p->epilogue.residual;
    for (int64_t i = 0; i < m; i++)
        for (int64_t r = 0; r < b->rows; r++) {
            int64_t to = at + i * plane + r * b->row_step;
            finish_run(p->dest + to, b->stage + i * s->stage_row + r * s->pitch, residual ? residual + to : NULL,
                       b->columns, b->column_step, p->epilogue.activation);
        }
}

static void strip_task(const void *context, int64_t task, int thread) {
    const strip_job *job = context;
    const product *p = job->p;
    const strip_plan *s = &job->s;
    char *scratch = job->scratch + thread * strip_thread_bytes(s);
    T *strip = take(&scratch, s->strip_bytes), *stage = take(&scratch, s->stage_bytes);
    strip_step *steps = take(&scratch, s->step_bytes);
    int64_t *found = take(&scratch, s->found_bytes);
    strip_piece *pieces = take(&scratch, s->piece_bytes);
    int64_t plane = volume(p->dest_extent), source_plane = volume(p->extent);
    const T *bias = p->epilogue.bias;

    int64_t column = task % s->column_blocks * s->columns;
    int64_t row = task / s->column_blocks % s->row_blocks * s->rows;
    int64_t o = task / s->column_blocks / s->row_blocks % p->pixels[0];
    int64_t first = task / s->column_blocks / s->row_blocks / p->pixels[0] * s->chunk;
    int64_t last = min_i64(first + s->chunk, p->images * p->groups);
    int64_t corner =
        ((o * p->dest_stride[0] + p->dest_start[0]) * p->dest_extent[1] + row * p->dest_stride[1] + p->dest_start[1]) *
            p->dest_extent[2] +
        column * p->dest_stride[2] + p->dest_start[2];
    strip_block b = {.rows = min_i64(s->rows, p->pixels[1] - row),
                     .columns = min_i64(s->columns, p->pixels[2] - column),
                     .row_step = p->dest_extent[2] * p->dest_stride[1],
                     .column_step = p->dest_stride[2],
                     .strip = strip,
                     .stage = stage};
    int gapless = b.columns == p->dest_extent[2] && p->dest_stride[1] == 1;
    int whole = gapless && s->sliding && b.rows * b.columns == plane;

    if (s->sliding) {
        int64_t blocks = ceil_div(b.rows, s->tile_rows);
        for (int64_t block = 0; block < blocks; block++) {
            int64_t r = part_start(b.rows, blocks, block), m = part_start(b.rows, blocks, block + 1) - r;
            found[block] = list_slides(p, s, o, row, r, m, steps + block * s->steps);
        }
    }
    list_pieces(p, s, o, row, b.rows, column, pieces);
    zero_run(strip, p->channels * s->channel + s->shared);
    for (int64_t pair = first; pair < last; pair++) {
        int64_t group = pair % p->groups;
        lay_strip(p, s, p->source + pair * p->channels * source_plane, pieces, strip);
        int64_t blocks = s->sliding ? p->rows : ceil_div(p->rows, STRIP_ROWS);
        for (int64_t block = 0; block < blocks; block++) {
            int64_t k = part_start(p->rows, blocks, block), m = part_start(p->rows, blocks, block + 1) - k;
            int64_t at = (pair * p->rows + k) * plane + corner, channel_row = group * p->rows + k;
            b.end = whole ? last * p->rows * plane : gapless ? at + b.rows * b.row_step : 0;
            strip_arguments t = {.column = job->table,
                                 .count = s->columns_listed,
                                 .channels = 1,
                                 .a = p->matrix + channel_row * p->channels * p->taps,
                                 .a_row = p->channels * p->taps};
            for (int64_t i = 0; i < STRIP_ROWS; i++)
                t.init[i] = !bias ? 0 : s->sliding ? bias[channel_row] : i < m ? bias[channel_row + i] : 0;
            if (!s->sliding) {
                together(job, &b, t, m, at);
                continue;
            }
            t.channels = p->channels;
            t.x_channel = s->channel;
            t.a_channel = p->taps;
            t.a_row = s->slide_row;
            if (s->rolling) roll_rows(job, &b, &t, pieces, at);
            else slide_rows(job, &b, t, steps, found, at);
        }
    }
}

static void run_strip(const product *p, void *scratch, int threads) {
    strip_job job = {.p = p, .s = plan_strip(p)};
    strip_plan *s = &job.s;
    char *rest = scratch;
    int64_t *table = take(&rest, s->table_bytes);
    list_strip_columns(p, s, table);
    s->slide_row = p->offset[0][1] != p->low[1] ? p->count[2] : -p->count[2] * p->stride[1];
    job.table = table;
    job.scratch = rest;
    fc_parallel_for(s->chunks * p->pixels[0] * s->row_blocks * s->column_blocks, threads, strip_task, &job);
}
