/* narrow_grad_weight.inc.c: grad_weight (see conv_grad_weight.inc.c) of depthwise and narrow groups, lanes along rows
 * of pixels.
 *
 * The input is laid into the padded strip of strip.inc.c, and every tap keeps a vector of partial sums that is added up
 * at the end. A task owns a few groups and a fixed share of the images and blocks of pixels; shares are added in order,
 * so the bits depend on the shape alone. */

typedef struct {
    product p; /* the forward product, as if of one row */
    strip_plan s;
    int64_t C, K, taps, weights; /* per group */
    int sliding;                 /* a tile's rows are tap rows of one channel pair; else output channels */
    int64_t g_pitch, g_channel;  /* of the copied grad_output */
    int g_copied;
    int64_t chunk, chunks;         /* groups per task */
    int64_t blocks, units, shares; /* a unit is one block of one image */
    int64_t table_bytes, strip_bytes, g_bytes, sums_bytes, thread_bytes;
} narrow_plan;

enum { NARROW_TASKS = 16, NARROW_SUM_BYTES = 24 * 1024 };

FC_PLAN narrow_plan plan_narrow(const fc_conv_geometry *g) {
    narrow_plan w = {.p = forward_product(g), .C = g->C / g->G, .K = g->K / g->G, .taps = volume(g->kernel)};
    product *p = &w.p;
    p->rows = 1;
    w.s = plan_strip(p, 0);
    const strip_plan *s = &w.s;
    w.weights = w.K * w.C * w.taps;
    w.sliding = w.K < 3 && s->sliding && s->gap == 1;
    w.g_copied = s->columns % LANES != 0 || s->column_blocks > 1;
    w.g_pitch = ceil_div(s->columns, LANES) * LANES;
    w.g_channel = s->rows * w.g_pitch;
    w.blocks = g->output[0] * s->row_blocks * s->column_blocks;
    w.units = w.blocks * g->N;
    w.sums_bytes = line_bytes(w.weights * LANES * (int64_t)sizeof(T));
    w.chunk = clamp_i64(min_i64(g->G / NARROW_TASKS, NARROW_SUM_BYTES / w.sums_bytes), 1, g->G);
    w.chunks = ceil_div(g->G, w.chunk);
    w.shares = clamp_i64(NARROW_TASKS / 2 / w.chunks, 1, w.units);
    w.table_bytes = line_bytes(g->kernel[2] * (int64_t)sizeof(int64_t));
    w.strip_bytes = s->strip_bytes;
    w.g_bytes = w.g_copied ? line_bytes(w.K * w.g_channel * (int64_t)sizeof(T)) : 0;
    w.thread_bytes = w.strip_bytes + w.g_bytes + w.chunk * w.sums_bytes + s->piece_bytes;
    return w;
}

static int64_t narrow_grad_weight_scratch(const fc_conv_geometry *g, int threads) {
    narrow_plan w = plan_narrow(g);
    return taps_bytes(g) + w.table_bytes + shares_bytes(w.shares, g->G * w.weights) + w.thread_bytes * threads;
}

typedef struct {
    const fc_conv_geometry *g;
    narrow_plan w;
    const T *grad_output, *input;
    share_sums sums;
    const int64_t *column; /* each tap column's offset in the strip */
    char *scratch;
} narrow_job;

/* Where the current unit lies. */
typedef struct {
    int64_t o, row, column, rows, columns;
} narrow_block;

/* Adds one block to the sums of m tile rows: tap rows first_tap + i * stride of channel pair (k, c), or tap row
 * first_tap of output channels k + i. */
static void add_taps(const narrow_job *job, const narrow_block *b, const T *strip, const T *g, int64_t g_pitch,
                     int64_t g_channel, T *sums, int64_t k, int64_t c, int64_t depth, int64_t first_tap, int64_t m) {
    const narrow_plan *w = &job->w;
    const product *p = &w->p;
    const strip_plan *s = &w->s;
    int64_t R = p->count[1], S = p->count[2], stride = p->stride[1];
    int64_t z = job->g->dilation[0] * depth, y = job->g->dilation[1] * first_tap, a = y % stride, below = y / stride;
    int64_t from_z = b->o * p->stride[0] + p->low[0] + z, from_y = (b->row + below) * stride + p->low[1] + a;
    if (from_z < 0 || from_z >= p->extent[0]) return;
    /* Strip rows below + y that hold source rows. */
    int64_t count = b->rows + (w->sliding ? m - 1 : 0), top, bottom;
    clip_cells(from_y, stride, p->extent[1], count, &top, &bottom);
    if (top == bottom) return;
    int64_t plane = (z * s->phases[1] + a) * s->phases[2] * s->at.phase;
    tap_arguments t = {.sliding = w->sliding,
                       .y_begin = top,
                       .y_end = bottom,
                       .g_rows = b->rows,
                       .g = g + k * g_channel,
                       .x = strip + c * s->at.channel + plane + below * s->at.pitch,
                       .g_step = g_pitch,
                       .g_row = w->sliding ? -g_pitch : g_channel,
                       .x_row = s->at.pitch,
                       .length = b->columns,
                       .sums_row = (w->sliding ? stride * S : w->C * w->taps) * LANES};
    int64_t parts = ceil_div(S, tap_columns[m - 1]);
    for (int64_t part = 0; part < parts; part++) {
        int64_t j = part_start(S, parts, part), n = part_start(S, parts, part + 1) - j;
        t.column = job->column + j;
        t.sums = sums + (((k * w->C + c) * p->count[0] + depth) * R + first_tap) * S * LANES + j * LANES;
        tap_tiles[m - 1][n - 1](&t);
    }
}

/* Cuts `total` rows into tiles: five or six at once, or four and fewer. */
static int64_t tap_blocks(int64_t total) { return total <= TAP_ROWS ? 1 : ceil_div(total, 4); }

static void add_block(const narrow_job *job, const narrow_block *b, const T *strip, const T *g, int64_t g_pitch,
                      int64_t g_channel, T *sums) {
    const narrow_plan *w = &job->w;
    const product *p = &w->p;
    int64_t R = p->count[1], k_blocks = w->sliding ? w->K : tap_blocks(w->K);
    for (int64_t c = 0; c < w->C; c++)
        for (int64_t depth = 0; depth < p->count[0]; depth++)
            for (int64_t block = 0; block < k_blocks; block++) {
                int64_t k = part_start(w->K, k_blocks, block), channels = part_start(w->K, k_blocks, block + 1) - k;
                if (!w->sliding) {
                    for (int64_t r = 0; r < R; r++)
                        add_taps(job, b, strip, g, g_pitch, g_channel, sums, k, c, depth, r, channels);
                    continue;
                }
                for (int64_t a = 0; a < w->s.phases[1]; a++) {
                    int64_t taps = ceil_div(R - a, p->stride[1]), tiles_down = tap_blocks(taps);
                    for (int64_t i = 0; i < tiles_down; i++) {
                        int64_t first = part_start(taps, tiles_down, i),
                                m = part_start(taps, tiles_down, i + 1) - first;
                        add_taps(job, b, strip, g, g_pitch, g_channel, sums, k, c, depth, a + first * p->stride[1], m);
                    }
                }
            }
}

static void narrow_task(const void *context, int64_t task, int thread) {
    const narrow_job *job = context;
    const narrow_plan *w = &job->w;
    const product *p = &w->p;
    const strip_plan *s = &w->s;
    char *scratch = job->scratch + thread * w->thread_bytes;
    T *strip = take(&scratch, w->strip_bytes), *copy = take(&scratch, w->g_bytes);
    T *sums = take(&scratch, w->chunk * w->sums_bytes);
    strip_piece *pieces = take(&scratch, s->piece_bytes);
    int64_t share = task % w->shares, first = task / w->shares * w->chunk, last = min_i64(first + w->chunk, p->groups);
    int64_t N = p->images, P = p->pixels[1], Q = p->pixels[2], plane = volume(p->extent), out_plane = volume(p->pixels);
    int64_t group_sums = w->weights * LANES, current = -1;
    narrow_block b = {0};
    zero_run(sums, (last - first) * group_sums);

    int64_t end = part_start(w->units, w->shares, share + 1);
    for (int64_t unit = part_start(w->units, w->shares, share); unit < end && !fc_stopped(); unit++) {
        int64_t block = unit / N, image = unit % N;
        if (block != current) {
            current = block;
            b.o = block / s->column_blocks / s->row_blocks;
            b.row = block / s->column_blocks % s->row_blocks * s->rows;
            b.column = block % s->column_blocks * s->columns;
            b.rows = min_i64(s->rows, P - b.row);
            b.columns = min_i64(s->columns, Q - b.column);
            list_pieces(p, s, &s->at, b.o, b.row, b.rows, b.column, pieces);
            zero_run(strip, p->channels * s->at.channel + s->shared);
            if (w->g_copied) zero_run(copy, w->K * w->g_channel);
        }
        for (int64_t group = first; group < last; group++) {
            int64_t pair = image * p->groups + group;
            const T *g = job->grad_output + pair * w->K * out_plane + (b.o * P + b.row) * Q + b.column;
            lay_strip(p, s, &s->at, job->input + pair * w->C * plane, pieces, 0, INT64_MAX, strip);
            if (w->g_copied)
                for (int64_t k = 0; k < w->K; k++)
                    for (int64_t r = 0; r < b.rows; r++)
                        copy_run(copy + k * w->g_channel + r * w->g_pitch, g + k * out_plane + r * Q, b.columns);
            add_block(job, &b, strip, w->g_copied ? copy : g, w->g_copied ? w->g_pitch : Q,
                      w->g_copied ? w->g_channel : out_plane, sums + (group - first) * group_sums);
        }
    }
    T *partial = job->sums.partial + share * job->sums.count + first * w->weights;
    for (int64_t i = 0; i < (last - first) * w->weights; i++) partial[i] = sum_of_lanes(load(sums + i * LANES));
}

static void narrow_grad_weight(const fc_conv_geometry *g, const T *grad_output, const T *input, T *grad_weight,
                               void *scratch, int threads) {
    char *rest = scratch;
    narrow_job job = {.g = g, .w = plan_narrow(g), .grad_output = grad_output, .input = input};
    narrow_plan *w = &job.w;
    int64_t (*offset)[3] = take(&rest, taps_bytes(g)), *column = take(&rest, w->table_bytes);
    list_taps(g, offset);
    w->p.offset = (const int64_t (*)[3])offset;
    for (int64_t j = 0; j < g->kernel[2]; j++) {
        int64_t x = j * g->dilation[2];
        column[j] = x % g->stride[2] * w->s.at.phase + x / g->stride[2];
    }
    job.column = column;
    job.sums = take_shares(&rest, w->shares, g->G * w->weights, grad_weight);
    job.scratch = rest;
    fc_parallel_for(w->chunks * w->shares, threads, narrow_task, &job);
    add_share_sums(&job.sums, threads);
}
