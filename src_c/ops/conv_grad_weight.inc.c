/* conv_grad_weight.inc.c: grad_weight[k, c, r] = sum over n, o of grad_output[n, k, o] * input[n, c, o * stride -
 * padding + r * dilation].
 *
 * The tile kernel again, transposed: its rows are (c, r) pairs read from the input in place (or from a
 * padded copy of the few input rows in use), its lanes are output channels, its long loop runs over pixels.
 * A task owns a block of channels on both sides and a fixed share of the output rows; shares are added in
 * order, so the bits depend on the shape alone.
 *
 * Without strides input and grad_output may change places, and the taps their order: lanes are input channels then. */

typedef struct {
    int copied;                       /* input rows are copied, with their padding, without the cells no tap sees */
    int64_t skip[3], step[3];         /* the stride, in two factors: of the copying, and in what was copied */
    int64_t C, K, taps;               /* per group */
    int64_t k_part, k_parts;          /* output channels per task */
    int64_t c_part, c_parts;          /* input channels per task */
    int64_t shares;                   /* of the planes or rows */
    int64_t planes;                   /* N * O: output planes of P rows */
    int64_t block_planes, block_rows; /* a block is several whole planes or a part of one */
    int64_t row_blocks;               /* blocks of rows in a plane */
    int64_t blocks;
    int64_t strip_rows, strip_row, strip_channel; /* copied rows per depth slice, their length, elements per channel */
    int64_t row_step;                             /* between the rows that neighbouring output rows see */
    int joins_rows;                               /* and no gap between these */
    int64_t lanes_bytes, strip_bytes, offset_bytes, thread_bytes;
    int64_t sum, sums;  /* elements of one share's partial sums, and of a task's */
    int64_t sum_blocks; /* parts of a task's rows of sums */
} weight_plan;

enum {
    WEIGHT_PIXELS = 384,
    WEIGHT_STRIP_BYTES = 256 * 1024,
    WEIGHT_TASKS = 8,
    WEIGHT_CHANNELS = 256,
    WEIGHT_LEAST_ROWS = 128, /* (c, r) pairs of a task that is one of several so that threads share them */
    WEIGHT_SUM_ROWS = 128
};

FC_PLAN weight_plan plan_weight(const fc_conv_geometry *g) {
    weight_plan w = {.C = g->C / g->G, .K = g->K / g->G, .taps = volume(g->kernel)};
    int64_t P = g->output[1], Q = g->output[2];
    for (int axis = 0; axis < 3; axis++) {
        int64_t reach = (g->output[axis] - 1) * g->stride[axis] + (g->kernel[axis] - 1) * g->dilation[axis] + 1;
        w.skip[axis] = g->kernel[axis] == 1 ? g->stride[axis] : 1;
        w.step[axis] = g->stride[axis] / w.skip[axis];
        w.copied |= g->padding[axis] != 0 || reach - g->padding[axis] > g->input[axis] || w.skip[axis] > 1;
    }
    w.planes = g->N * g->output[0];
    /* Single taps of a stride are copied as few times as can be: fewer pixels, more channels. */
    int64_t few = w.copied && w.taps == 1 ? 2 : 1, most_pixels = WEIGHT_PIXELS / few;
    w.block_rows = clamp_i64(most_pixels / Q, 1, P);
    w.row_blocks = ceil_div(P, w.block_rows);
    w.block_rows = ceil_div(P, w.row_blocks);
    w.block_planes = w.row_blocks > 1 ? 1 : clamp_i64(most_pixels / (P * Q), 1, w.planes);
    w.blocks = w.row_blocks * ceil_div(w.planes, w.block_planes);
    w.strip_rows = (w.block_rows - 1) * w.step[1] + (g->kernel[1] - 1) * g->dilation[1] + 1;
    w.strip_row = (Q - 1) * w.step[2] + (g->kernel[2] - 1) * g->dilation[2] + 1;
    w.row_step = w.copied ? w.step[1] * w.strip_row : g->stride[1] * g->input[2];
    w.joins_rows = w.step[2] == 1 && w.row_step == Q;
    w.strip_channel = g->kernel[0] * w.strip_rows * w.strip_row;
    int64_t fit = WEIGHT_STRIP_BYTES / (w.block_planes * w.strip_channel * (int64_t)sizeof(T));
    w.c_parts = ceil_div(w.C, max_i64(1, fit));
    w.k_parts = ceil_div(w.K, few * WEIGHT_CHANNELS);
    int64_t others = g->G * w.blocks, work = g->G * w.planes * P * Q * ceil_div(w.K, LANES) * w.C * w.taps;
    int64_t most = min_i64(w.C * w.taps / WEIGHT_LEAST_ROWS, w.C);
    w.c_parts = max_i64(w.c_parts, min_i64(parts_to_share(work, others * w.k_parts), most));
    w.k_parts = max_i64(w.k_parts, min_i64(parts_to_share(work, others * w.c_parts), ceil_div(w.K, PANEL)));
    w.c_part = ceil_div(w.C, w.c_parts);
    w.c_parts = ceil_div(w.C, w.c_part);
    w.k_part = ceil_div(ceil_div(w.K, w.k_parts), LANES) * LANES;
    w.k_parts = ceil_div(w.K, w.k_part);
    int64_t tasks = g->G * w.c_parts * w.k_parts;
    w.shares = clamp_i64(ceil_div(WEIGHT_TASKS, tasks), 1, w.blocks);
    int64_t pixels = w.block_planes * w.block_rows * Q;
    w.lanes_bytes = line_bytes(pixels * w.k_part * (int64_t)sizeof(T));
    w.strip_bytes = w.copied ? line_bytes(w.block_planes * w.strip_channel * w.c_part * (int64_t)sizeof(T)) : 0;
    w.offset_bytes = line_bytes(w.block_planes * w.block_rows * (int64_t)sizeof(int64_t));
    w.thread_bytes = w.lanes_bytes + w.strip_bytes + w.offset_bytes;
    w.sums = w.c_part * w.taps * w.k_part;
    w.sum = tasks * w.sums;
    w.sum_blocks = ceil_div(w.c_part * w.taps, WEIGHT_SUM_ROWS);
    return w;
}

/* The convolution of grad_output with the input as its result: its weight gradient is this one's, with the channels
 * exchanged and the taps reversed. */
static fc_conv_geometry mirrored(const fc_conv_geometry *g) {
    fc_conv_geometry m = *g;
    m.C = g->K;
    m.K = g->C;
    for (int axis = 0; axis < 3; axis++) {
        m.input[axis] = g->output[axis];
        m.output[axis] = g->input[axis];
        m.padding[axis] = (g->kernel[axis] - 1) * g->dilation[axis] - g->padding[axis];
    }
    return m;
}

/* Multiply-adds of vectors to turn a vector of pixels into one of channels, as measured. */
enum { TRANSPOSE_COST = 12 };

/* Whether that takes fewer multiply-adds of vectors. */
static int suits_mirror(const fc_conv_geometry *g) {
    double C = (double)g->C / g->G, K = (double)g->K / g->G, taps = volume(g->kernel);
    double here = ceil(K / LANES) * volume(g->output) * (C * taps + TRANSPOSE_COST);
    double there = ceil(C / LANES) * volume(g->input) * (K * taps + TRANSPOSE_COST);
    return g->stride[0] == 1 && g->stride[1] == 1 && g->stride[2] == 1 && there < 0.95 * here;
}

static int64_t direct_weight_scratch(const fc_conv_geometry *g, int threads) {
    fc_conv_geometry m = suits_mirror(g) ? mirrored(g) : *g;
    weight_plan w = plan_weight(&m);
    return taps_bytes(g) + line_bytes(w.sum * w.shares * (int64_t)sizeof(T)) + w.thread_bytes * threads;
}

/* The convolution with one tap of the kernel alone, whose padding may be negative. */
static fc_conv_geometry one_tap(const fc_conv_geometry *g, int64_t tap) {
    fc_conv_geometry one = *g;
    for (int axis = 2; axis >= 0; axis--) {
        one.padding[axis] -= tap % g->kernel[axis] * g->dilation[axis];
        one.kernel[axis] = one.dilation[axis] = 1;
        tap /= g->kernel[axis];
    }
    return one;
}

static int64_t sparse_weight_scratch(const fc_conv_geometry *g, int threads) {
    int64_t most = 0;
    for (int64_t tap = 0; tap < volume(g->kernel); tap++) {
        fc_conv_geometry one = one_tap(g, tap);
        most = max_i64(most, direct_weight_scratch(&one, threads));
    }
    return most;
}

typedef struct {
    const fc_conv_geometry *g;
    weight_plan w;
    const T *grad_output, *input;
    T *grad_weight, *sums;
    int64_t group, lane, channel, step; /* of grad_weight: from group to group, from lane to lane, ..., tap to tap */
    const int64_t *tap;                 /* each tap's offset in the input or the strip */
    char *scratch;
} weight_job;

/* lanes[panel][pixel][lane] = grad_output[k, pixel] for the block's pixels; lanes past the last channel hold anything.
 * The next channels are fetched along: no prefetcher foresees so many rows so far apart. */
static void transpose_rows(const T *grad_output, int64_t plane, int64_t k_count, int64_t pixels, int64_t block_pixels,
                           int64_t first_pixel, T *lanes) {
    for (int64_t k = 0; k < k_count; k += LANES) {
        int64_t panel = k / PANEL * PANEL, width = min_i64(PANEL, ceil_div(k_count, LANES) * LANES - panel);
        int64_t rows = min_i64(LANES, k_count - k);
        const T *from = grad_output + k * plane;
        T *out = lanes + panel * block_pixels + first_pixel * width + k - panel;
        if (pixels < LANES)
            for (int64_t i = 0; i < pixels; i++)
                for (int64_t row = 0; row < LANES; row++)
                    out[i * width + row] = from[min_i64(row, rows - 1) * plane + i];
        else
            for (int64_t i = 0; i < pixels; i += LANES) {
                int64_t at = min_i64(i, pixels - LANES);
                transpose_square(from + at, plane, rows, out + at * width, width);
                for (int64_t row = LANES; row < min_i64(2 * LANES, k_count - k); row++)
                    __builtin_prefetch(from + row * plane + at);
            }
    }
}

/* Copies the input rows that output rows [row, row + rows) of one plane see, zeros outside. */
static void copy_strip(const fc_conv_geometry *g, const weight_plan *w, const T *channel, int64_t o, int64_t row,
                       T *strip) {
    int64_t H = g->input[1], W = g->input[2];
    for (int64_t t = 0; t < g->kernel[0]; t++) {
        int64_t z = o * g->stride[0] - g->padding[0] + t * g->dilation[0];
        for (int64_t r = 0; r < w->strip_rows; r++, strip += w->strip_row) {
            int64_t y = row * g->stride[1] - g->padding[1] + r * w->skip[1];
            int inside = z >= 0 && z < g->input[0] && y >= 0 && y < H;
            if (inside) {
                const T *from = channel + (z * H + y) * W;
                fetch(from + H * W * g->input[0], W);
                copy_padded(strip, from, -g->padding[2], w->skip[2], W, w->strip_row);
            } else {
                zero_run(strip, w->strip_row);
            }
        }
    }
}

static void weight_task(const void *context, int64_t task, int thread) {
    const weight_job *job = context;
    const fc_conv_geometry *g = job->g;
    const weight_plan *w = &job->w;
    char *scratch = job->scratch + thread * w->thread_bytes;
    T *lanes = take(&scratch, w->lanes_bytes), *strip = take(&scratch, w->strip_bytes);
    int64_t *rows = take(&scratch, w->offset_bytes);

    int64_t share = task % w->shares, cell = task / w->shares;
    int64_t c_first = cell % w->c_parts * w->c_part, c_count = min_i64(w->c_part, w->C - c_first);
    int64_t k_first = cell / w->c_parts % w->k_parts * w->k_part, k_count = min_i64(w->k_part, w->K - k_first);
    int64_t group = cell / w->c_parts / w->k_parts;
    int64_t P = g->output[1], Q = g->output[2], plane = volume(g->input), out_plane = volume(g->output);
    int64_t channel_step = w->copied ? w->strip_channel : plane;
    T *sums = job->sums + share * w->sum + cell * w->sums;
    const T *input = job->input + (group * w->C + c_first) * plane;
    const T *grad_output = job->grad_output + (group * w->K + k_first) * out_plane;

    int64_t begin = part_start(w->blocks, w->shares, share), end = part_start(w->blocks, w->shares, share + 1);
    for (int64_t block = begin; block < end && !fc_stopped(); block++) {
        int64_t first_plane = block / w->row_blocks * w->block_planes;
        int64_t planes = min_i64(w->block_planes, w->planes - first_plane);
        int64_t row = block % w->row_blocks * w->block_rows, count = min_i64(w->block_rows, P - row);
        int64_t pixels = planes * count * Q, joined = w->joins_rows ? count : 1; /* rows that are one run */
        for (int64_t i = 0; i < planes; i++) {
            int64_t n = (first_plane + i) / g->output[0], o = (first_plane + i) % g->output[0];
            const T *image = input + n * g->C * plane;
            transpose_rows(grad_output + n * g->K * out_plane + (o * P + row) * Q, out_plane, k_count, count * Q,
                           pixels, i * count * Q, lanes);
            int64_t at = n * g->C * plane + (o * g->stride[0] * g->input[1] + row * g->stride[1]) * g->input[2];
            if (w->copied) {
                at = i * c_count * w->strip_channel;
                for (int64_t c = 0; c < c_count; c++)
                    copy_strip(g, w, image + c * plane, o, row, strip + at + c * w->strip_channel);
            }
            for (int64_t r = 0; r < count / joined; r++) rows[i * count / joined + r] = at + r * w->row_step;
        }
        const T *base = w->copied ? strip : input;
        int64_t padded_k = ceil_div(k_count, LANES) * LANES, height = c_count * w->taps;
        int64_t row_blocks = ceil_div(height, TILE_ROWS);
        for (int64_t panel = 0; panel < padded_k; panel += PANEL) {
            int64_t width = min_i64(PANEL, padded_k - panel);
            for (int64_t b = 0; b < row_blocks; b++) {
                int64_t first = part_start(height, row_blocks, b), m = part_start(height, row_blocks, b + 1) - first;
                const T *a[TILE_ROWS];
                int64_t c = divide(first, w->taps), tap = first - c * w->taps;
                for (int64_t i = 0; i < m; i++) {
                    a[i] = base + c * channel_step + job->tap[tap];
                    if (++tap < w->taps) continue;
                    tap = 0;
                    c++;
                }
                tile_arguments t = {.outer = planes * count / joined,
                                    .inner = joined * Q,
                                    .rows = rows,
                                    .a_step = w->step[2],
                                    .b = lanes + panel * pixels,
                                    .b_row = width,
                                    .c = sums + first * w->k_part + panel,
                                    .c_row = w->k_part,
                                    .accumulate = block > begin};
                tiles[width / LANES - 1][m - 1](a, &t);
            }
        }
    }
}

/* Adds the shares and turns [c, r][k] into [k][c, r]; a task is a block of rows of a cell. */
static void add_shares(const void *context, int64_t task, int thread) {
    (void)thread;
    const weight_job *job = context;
    const weight_plan *w = &job->w;
    int64_t block = task % w->sum_blocks, cell = task / w->sum_blocks;
    int64_t c_first = cell % w->c_parts * w->c_part, c_count = min_i64(w->c_part, w->C - c_first);
    int64_t k_first = cell / w->c_parts % w->k_parts * w->k_part, k_count = min_i64(w->k_part, w->K - k_first);
    int64_t group = cell / w->c_parts / w->k_parts;
    int64_t first = part_start(c_count * w->taps, w->sum_blocks, block);
    int64_t count = part_start(c_count * w->taps, w->sum_blocks, block + 1) - first;
    T *sums = job->sums + cell * w->sums + first * w->k_part;
    T *grad_weight = job->grad_weight + group * job->group + k_first * job->lane + c_first * job->channel;
    for (int64_t share = 1; share < w->shares; share++) add_run(sums, sums + share * w->sum, count * w->k_part);
    if (job->step == 1) {
        transpose_block(sums, w->k_part, count, k_count, grad_weight + first, job->lane);
        return;
    }
    for (int64_t i = first; i < first + count; i++, sums += w->k_part) {
        T *to = grad_weight + i / w->taps * job->channel + i % w->taps * job->step;
        for (int64_t k = 0; k < k_count; k++) to[k * job->lane] = sums[k];
    }
}

/* Taps of grad_weight lie `step` apart. */
static void run_direct_weight(const fc_conv_geometry *g, const T *grad_output, const T *input, T *grad_weight,
                              int64_t step, void *scratch, int threads) {
    int64_t taps = volume(g->kernel), C = g->C / g->G, K = g->K / g->G;
    weight_job job = {.g = g,
                      .grad_output = grad_output,
                      .input = input,
                      .grad_weight = grad_weight,
                      .group = K * C * taps * step,
                      .lane = C * taps * step,
                      .channel = taps * step,
                      .step = step};
    fc_conv_geometry m;
    if (suits_mirror(g)) {
        m = mirrored(g);
        job.g = g = &m;
        job.grad_output = input;
        job.input = grad_output;
        job.grad_weight += (taps - 1) * step;
        job.lane = taps * step;
        job.channel = C * taps * step;
        job.step = -step;
    }
    job.w = plan_weight(g);
    const weight_plan *w = &job.w;
    char *rest = scratch;
    int64_t *tap = take(&rest, taps_bytes(g));
    job.tap = tap;
    for (int64_t t = 0; t < g->kernel[0]; t++)
        for (int64_t r = 0; r < g->kernel[1]; r++)
            for (int64_t s = 0; s < g->kernel[2]; s++)
                *tap++ = w->copied ? (t * w->strip_rows + r * g->dilation[1]) * w->strip_row + s * g->dilation[2]
                                   : (t * g->dilation[0] * g->input[1] + r * g->dilation[1]) * g->input[2] +
                                         s * g->dilation[2];
    job.sums = take(&rest, w->sum * w->shares * (int64_t)sizeof(T));
    job.scratch = rest;
    fc_parallel_for(g->G * w->c_parts * w->k_parts * w->shares, threads, weight_task, &job);
    fc_parallel_for(g->G * w->c_parts * w->k_parts * w->sum_blocks, threads, add_shares, &job);
}

static void run_sparse_weight(const fc_conv_geometry *g, const T *grad_output, const T *input, T *grad_weight,
                              void *scratch, int threads) {
    int64_t taps = volume(g->kernel);
    for (int64_t tap = 0; tap < taps; tap++) {
        fc_conv_geometry one = one_tap(g, tap);
        run_direct_weight(&one, grad_output, input, grad_weight + tap, taps, scratch, threads);
    }
}

static int64_t conv_grad_weight_scratch(const fc_conv_geometry *g, int threads) {
    product p = forward_product(g);
    enum way way = choose_weight_way(&p);
    if (way == TILES_SPARSE) return sparse_weight_scratch(g, threads);
    if (way == TAPS_CHANNELS) return channel_grad_weight_scratch(&p, threads);
    if (way == TAPS_NARROW) return narrow_grad_weight_scratch(g, threads);
    int64_t direct = direct_weight_scratch(g, threads);
    return way == WINOGRAD_WEIGHT ? max_i64(direct, winograd_weight_scratch(g, threads)) : direct;
}

static void conv_grad_weight(const fc_conv_geometry *g, const void *grad_output, const void *input, void *grad_weight,
                             void *scratch, int threads) {
    product p = forward_product(g);
    enum way way = choose_weight_way(&p);
    if (way == TILES_SPARSE) run_sparse_weight(g, grad_output, input, grad_weight, scratch, threads);
    else if (way == TAPS_CHANNELS) channel_grad_weight(&p, grad_output, input, grad_weight, scratch, threads);
    else if (way == TAPS_NARROW) narrow_grad_weight(g, grad_output, input, grad_weight, scratch, threads);
    else if (way != WINOGRAD_WEIGHT || !run_winograd_weight(g, grad_output, input, grad_weight, scratch, threads))
        run_direct_weight(g, grad_output, input, grad_weight, 1, scratch, threads);
}

static int64_t conv_packed_bytes(const fc_conv_geometry *g, int pass) {
    if (pass == FC_GRAD_INPUT) return grad_input_packed_bytes(g);
    product p = forward_product(g);
    return packed_bytes(&p);
}

static void conv_pack(const fc_conv_geometry *g, int pass, const void *weight, void *packed, void *scratch,
                      int threads) {
    if (pass == FC_GRAD_INPUT) {
        grad_input_pack(g, weight, packed, scratch, threads);
        return;
    }
    char *rest = scratch;
    product p = list_forward(g, weight, &rest);
    pack_matrix(&p, packed, threads);
}

static int64_t conv_choices(const fc_conv_geometry *g, int pass, const fc_choice **choices, int64_t most) {
    if (pass == FC_GRAD_INPUT) return grad_input_choices(g, choices, most);
    product p = forward_product(g);
    enum way last = pass == FC_FORWARD_LAST ? choose_last_way(g) : FILL;
    if (most > 0)
        *choices = &ways[last != FILL ? last : pass == FC_GRAD_WEIGHT ? choose_weight_way(&p) : choose_way(&p)];
    return 1;
}
