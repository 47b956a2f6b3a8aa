/* channel_grad_weight.inc.c: grad_weight (see conv_grad_weight.inc.c) of depthwise and small groups, lanes along the
 * channels.
 *
 * What a block of pixels sees of LANES input channels is interleaved in cache, with zeros where the input is padded:
 * no row of pixels ends within a vector, and nothing is summed across lanes. In a group of n input channels every lane
 * meets n output channels, one in each of n rounds: in round k that of lane l ^ k. If there are more output channels,
 * `folds` sets of n are taken one after another.
 *
 * A task owns its channels and a fixed share of the images and blocks; shares are added in order. */

typedef struct {
    int64_t groups;                     /* in a task */
    int64_t rows, row_blocks;           /* of pixels in a block */
    int64_t depth, height, pitch, left; /* of the interleaved input, in cells; its first column inside */
    int64_t run_rows, run;              /* of pixels, and pixels of a row, whose products are added at once */
    int64_t chunks, units, shares;      /* a unit is one block of one image */
    int64_t x_bytes, g_bytes, spread_bytes, sums_bytes, thread_bytes;
} channel_plan;

enum {
    CHANNEL_BLOCK_BYTES = 384 * 1024,
    CHANNEL_SPREAD_BYTES = 16 * 1024,
    CHANNEL_TASKS = 16,
    CHANNEL_LEAST_ROWS = 8, /* of a block of a single image */
    CHANNEL_PIXELS = 28,    /* of a tile without rounds, at least */
    CHANNEL_SUMS_BYTES = 256 * 1024
};

FC_PLAN channel_plan plan_channels(const product *p) {
    channel_plan w = {.groups = LANES / p->channels};
    int64_t vector = VECTOR_BYTES, rounds = p->channels, P = p->pixels[1], Q = p->pixels[2];
    int64_t span = p->high[1] - p->low[1];
    w.left = max_i64(0, -p->low[2]);
    w.pitch = w.left + max_i64(p->extent[2], (Q - 1) * p->stride[2] + p->high[2] + 1);
    w.depth = (p->pixels[0] - 1) * p->stride[0] + p->high[0] - p->low[0] + 1;
    w.chunks = ceil_div(p->groups, w.groups);
    int64_t row = (w.depth * w.pitch * p->stride[1] + p->pixels[0] * Q) * vector;
    int64_t fit = (CHANNEL_BLOCK_BYTES - w.depth * w.pitch * span * vector) / row;
    int64_t wanted = min_i64(ceil_div(CHANNEL_TASKS / 2, w.chunks * max_i64(1, p->images)), P / CHANNEL_LEAST_ROWS);
    w.row_blocks = max_i64(ceil_div(P, clamp_i64(fit, 1, P)), wanted);
    w.rows = ceil_div(P, w.row_blocks);
    w.row_blocks = ceil_div(P, w.rows);
    w.height = (w.rows - 1) * p->stride[1] + span + 1;
    int64_t run = rounds > 1 ? CHANNEL_SPREAD_BYTES / (rounds * vector) : max_i64(CHANNEL_PIXELS, Q);
    w.run_rows = clamp_i64(run / Q, 1, w.rows);
    w.run = ceil_div(Q, ceil_div(Q, min_i64(run, Q)));
    w.units = p->images * w.row_blocks;
    w.shares = clamp_i64(CHANNEL_TASKS / w.chunks, 1, w.units);
    w.x_bytes = line_bytes((w.depth * w.height * w.pitch + CHANNEL_COLUMNS) * vector);
    w.g_bytes = line_bytes(p->pixels[0] * w.rows * Q * vector);
    w.spread_bytes = rounds > 1 ? line_bytes(w.run_rows * w.run * rounds * vector) : 0;
    w.sums_bytes = line_bytes(p->rows * p->taps * vector);
    w.thread_bytes = w.x_bytes + w.g_bytes + w.spread_bytes + w.sums_bytes;
    return w;
}

/* Whether the shape allows it: whole groups in a vector, and planes of at least one. */
static int suits_channels(const product *p) {
    int64_t n = p->channels;
    if (n > LANES || (n & (n - 1)) || p->rows % n || p->groups * n < LANES) return 0;
    if (n > 8 && (p->groups == 1 || p->pixels[2] >= 2 * LANES)) return 0;
    if (p->taps == 1 || tap_gap(p, 2) > 1 || volume(p->extent) < LANES || volume(p->pixels) < LANES) return 0;
    channel_plan w = plan_channels(p);
    return w.x_bytes + w.g_bytes <= 2 * CHANNEL_BLOCK_BYTES && w.sums_bytes <= CHANNEL_SUMS_BYTES;
}

typedef struct {
    const product *p; /* the forward one */
    channel_plan w;
    const T *grad_output, *input;
    share_sums sums;
    char *scratch;
} channel_job;

/* to[cell][k][l] = from[cell][l ^ k] for k < rounds. */
#define SWAPPED_FOUR(i, k) (i) ^ (k), ((i) + 1) ^ (k), ((i) + 2) ^ (k), ((i) + 3) ^ (k)
#if LANES == 16
#define SWAPPED(k) SWAPPED_FOUR(0, k), SWAPPED_FOUR(4, k), SWAPPED_FOUR(8, k), SWAPPED_FOUR(12, k)
#elif LANES == 8
#define SWAPPED(k) SWAPPED_FOUR(0, k), SWAPPED_FOUR(4, k)
#elif LANES == 4
#define SWAPPED(k) SWAPPED_FOUR(0, k)
#else
#define SWAPPED(k) 0 ^ (k), 1 ^ (k)
#endif
VEC_INLINE void spread_rounds(const int rounds, const T *from, int64_t cells, T *to) {
    for (const T *end = from + cells * LANES; from < end; from += LANES) {
        vec v[16] = {load(from)};
        if (rounds > 1) v[1] = __builtin_shufflevector(v[0], v[0], SWAPPED(1));
#if LANES >= 4
        if (rounds > 2)
            FC_UNROLL for (int i = 0; i < 2; i++) v[2 + i] = __builtin_shufflevector(v[i], v[i], SWAPPED(2));
#endif
#if LANES >= 8
        if (rounds > 4)
            FC_UNROLL for (int i = 0; i < 4; i++) v[4 + i] = __builtin_shufflevector(v[i], v[i], SWAPPED(4));
#endif
#if LANES >= 16
        if (rounds > 8)
            FC_UNROLL for (int i = 0; i < 8; i++) v[8 + i] = __builtin_shufflevector(v[i], v[i], SWAPPED(8));
#endif
        FC_UNROLL for (int k = 0; k < rounds; k++, to += LANES) store(to, v[k]);
    }
}
static void spread(int64_t rounds, const T *from, int64_t cells, T *to) {
    if (rounds == 2) spread_rounds(2, from, cells, to);
    else if (rounds == 4) spread_rounds(4, from, cells, to);
    else if (rounds == 8) spread_rounds(8, from, cells, to);
    else spread_rounds(16, from, cells, to);
}

/* Rows of pixels of a depthwise convolution, and the taps of one slice of its kernel, by tiles of tap rows. */
static void add_tap_rows(const product *p, channel_arguments t) {
    int64_t R = p->count[1], S = p->count[2], parts = ceil_div(S, CHANNEL_COLUMNS);
    const T *x = t.x;
    T *sums = t.sums;
    for (int64_t part = 0; part < parts; part++) {
        int64_t s = part_start(S, parts, part);
        t.columns = part_start(S, parts, part + 1) - s;
        int64_t kind = max_i64(t.columns - 2, 0) / 2, tiles = ceil_div(R, channel_rows[kind]);
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t r = part_start(R, tiles, tile), m = part_start(R, tiles, tile + 1) - r;
            t.x = x + r * t.x_tap + s * LANES;
            t.sums = sums + r * t.sums_row + s * LANES;
            channel_tiles[0][kind][m - 1](&t);
        }
    }
}

/* Pixels of one row whose rounds are spread, and the taps of one row of the kernel. */
static void add_rounds(const product *p, channel_arguments t) {
    enum { COLUMNS = 3 };
    int64_t S = p->count[2], rounds = p->channels, m = min_i64(rounds, CHANNEL_ROUNDS);
    const T *x = t.x, *g = t.g;
    T *sums = t.sums;
    for (int64_t s = 0; s < S; s += COLUMNS)
        for (int64_t round = 0; round < rounds; round += m) {
            t.columns = min_i64(COLUMNS, S - s);
            t.x = x + s * LANES;
            t.g = g + round * LANES;
            t.sums = sums + round * t.sums_row + s * LANES;
            channel_tiles[1][0][m - 1](&t);
        }
}

/* A block of pixels, interleaved: its input and one fold of grad_output. What the next unit reads is fetched along. */
typedef struct {
    int64_t rows;
    const T *x, *g;
    T *spread;
    const T *next[2];
    int64_t next_step[2]; /* elements for each row of pixels of a fold */
} channel_block;

static void add_block_channels(const channel_job *job, channel_block *b, T *sums) {
    const channel_plan *w = &job->w;
    const product *p = job->p;
    int64_t rounds = p->channels, Q = p->pixels[2], taps = p->count[1] * p->count[2] * LANES;
    int64_t x_row = w->pitch * LANES, slice = w->height * x_row, tap_slice = tap_gap(p, 0) * slice;
    channel_arguments t = {.g_row = Q * rounds * LANES,
                           .g_pixel = rounds * LANES,
                           .x_row = p->stride[1] * x_row,
                           .x_pixel = p->stride[2] * LANES,
                           .x_tap = tap_gap(p, 1) * x_row,
                           .sums_row = (rounds > 1 ? p->taps : p->count[2]) * LANES};
    for (int64_t o = 0; o < p->pixels[0]; o++)
        for (int64_t row = 0; row < b->rows; row += w->run_rows) {
            t.rows = min_i64(w->run_rows, b->rows - row);
            for (int i = 0; i < 2; i++) b->next[i] = fetch(b->next[i], t.rows * b->next_step[i]);
            const T *g = b->g + (o * b->rows + row) * Q * LANES, *x = b->x + o * p->stride[0] * slice + row * t.x_row;
            for (int64_t at = 0; at < Q; at += t.pixels, g += t.pixels * LANES) {
                t.pixels = min_i64(w->run, Q - at);
                t.g = g;
                if (rounds > 1) spread(rounds, g, t.rows * t.pixels, b->spread);
                for (int64_t depth = 0; depth < p->count[0]; depth++) {
                    t.x = x + at * t.x_pixel + depth * tap_slice;
                    t.sums = sums + depth * taps;
                    if (rounds == 1) {
                        add_tap_rows(p, t);
                        continue;
                    }
                    t.g = b->spread;
                    for (int64_t r = 0; r < p->count[1]; r++, t.x += t.x_tap, t.sums += p->count[2] * LANES)
                        add_rounds(p, t);
                }
            }
        }
}

/* The weights of the task's channels from the sums of their lanes. */
static void place_sums(const product *p, const T *sums, int64_t first, int64_t groups, T *weight) {
    int64_t n = p->channels, taps = p->taps;
    for (int64_t l = 0; l < groups * n; l++)
        for (int64_t fold = 0; fold < p->rows / n; fold++)
            for (int64_t round = 0; round < n; round++) {
                int64_t channel = (first + l / n) * p->rows + fold * n + (l % n ^ round);
                T *to = weight + (channel * n + l % n) * taps;
                const T *from = sums + (fold * n + round) * taps * LANES + l;
                for (int64_t tap = 0; tap < taps; tap++) to[tap] = from[tap * LANES];
            }
}

static void channel_task(const void *context, int64_t task, int thread) {
    const channel_job *job = context;
    const channel_plan *w = &job->w;
    const product *p = job->p;
    char *scratch = job->scratch + thread * w->thread_bytes;
    T *x = take(&scratch, w->x_bytes), *g = take(&scratch, w->g_bytes), *spread_g = take(&scratch, w->spread_bytes);
    T *sums = take(&scratch, w->sums_bytes);
    int64_t share = task % w->shares, first = task / w->shares * w->groups, n = p->channels, folds = p->rows / n;
    int64_t groups = min_i64(w->groups, p->groups - first), fold_sums = n * p->taps * LANES;
    int64_t H = p->extent[1], W = p->extent[2], P = p->pixels[1], Q = p->pixels[2], current = -1;
    int64_t plane = volume(p->extent), out_plane = volume(p->pixels);
    zero_run(sums, folds * fold_sums);

    int64_t end = part_start(w->units, w->shares, share + 1);
    for (int64_t unit = part_start(w->units, w->shares, share); unit < end && !fc_stopped(); unit++) {
        int64_t block = unit / p->images, image = unit % p->images;
        int64_t row = block * w->rows, rows = min_i64(w->rows, P - row), y = row * p->stride[1] + p->low[1];
        int64_t top = clamp_i64(-y, 0, w->height), bottom = clamp_i64(H - y, top, w->height);
        if (block != current) zero_run(x, w->depth * w->height * w->pitch * LANES);
        current = block;
        channel_block b = {.rows = rows, .x = x, .g = g, .spread = spread_g};
        if (unit + 1 < end && w->row_blocks == 1) {
            int64_t next = (image + 1) * p->groups + first, pixel_rows = p->pixels[0] * P;
            b.next[0] = job->input + next * n * plane;
            b.next_step[0] = ceil_div(groups * n * plane, folds * pixel_rows);
            b.next[1] = job->grad_output + next * p->rows * out_plane;
            b.next_step[1] = ceil_div(groups * n * out_plane, pixel_rows);
        }
        const T *run[LANES];
        for (int64_t l = 0; l < LANES; l++)
            run[l] = job->input + ((image * p->groups + first) * n + min_i64(l, groups * n - 1)) * plane;
        for (int64_t depth = 0; depth < w->depth; depth++) {
            int64_t z = depth + p->low[0];
            if (z < 0 || z >= p->extent[0]) continue;
            interleave(run, (z * H + y + top) * W, (z * H + y + bottom) * W, W,
                       x + ((depth * w->height + top) * w->pitch + w->left) * LANES, w->pitch);
        }
        for (int64_t fold = 0; fold < folds; fold++) {
            for (int64_t l = 0; l < LANES; l++) {
                int64_t lane = min_i64(l, groups * n - 1);
                run[l] = job->grad_output +
                         ((image * p->groups + first + lane / n) * p->rows + fold * n + lane % n) * out_plane;
            }
            for (int64_t o = 0; o < p->pixels[0]; o++)
                interleave(run, (o * P + row) * Q, (o * P + row + rows) * Q, Q, g + o * rows * Q * LANES, Q);
            add_block_channels(job, &b, sums + fold * fold_sums);
        }
    }
    place_sums(p, sums, first, groups, job->sums.partial + share * job->sums.count);
}

static int64_t channel_grad_weight_scratch(const product *p, int threads) {
    channel_plan w = plan_channels(p);
    return shares_bytes(w.shares, p->groups * p->rows * p->channels * p->taps) + w.thread_bytes * threads;
}

static void channel_grad_weight(const product *p, const T *grad_output, const T *input, T *grad_weight, void *scratch,
                                int threads) {
    char *rest = scratch;
    channel_job job = {.p = p, .w = plan_channels(p), .grad_output = grad_output, .input = input};
    job.sums = take_shares(&rest, job.w.shares, p->groups * p->rows * p->channels * p->taps, grad_weight);
    job.scratch = rest;
    fc_parallel_for(job.w.chunks * job.w.shares, threads, channel_task, &job);
    add_share_sums(&job.sums, threads);
}
