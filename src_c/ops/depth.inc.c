/* depth.inc.c: a depthwise product (see product.inc.c) of small planes, lanes along the channels: rows of few pixels
 * would fill vectors badly.
 *
 * A task takes LANES channels of one image. Their planes are interleaved, with zeros beside the rows, into
 * [row][column][lane], which stays in cache, as do the results until they are taken apart. Taps above and below the
 * source are left out. */

enum { DEPTH_PLANE = 2048 }; /* most cells of a plane on either side */

typedef struct {
    int64_t left, pitch;            /* zeros before a row; cells of a row with those on both sides */
    int64_t blocks;                 /* of channels, in an image */
    int64_t source_step, dest_step; /* elements fetched for each row of pixels */
    int64_t table_bytes, weight_bytes, source_bytes, dest_bytes, thread_bytes;
} depth_plan;

/* The taps of one axis that see the source from a pixel on, in the order of their offsets: the first one's place in the
 * interleaved source and among the weights. */
typedef struct {
    int64_t taps, x, w;
} depth_taps;

static depth_plan plan_depth(const product *p) {
    depth_plan d = {.left = max_i64(0, -p->low[2]), .blocks = ceil_div(p->groups, LANES)};
    int64_t last = (p->pixels[2] - 1) * p->stride[2] + p->high[2], vector = VECTOR_BYTES;
    d.pitch = d.left + max_i64(p->extent[2], last + 1);
    d.source_step = ceil_div(volume(p->extent) * LANES, p->pixels[0] * p->pixels[1]);
    d.dest_step = p->pixels[2] * LANES;
    d.table_bytes = line_bytes((p->pixels[0] + p->pixels[1]) * (int64_t)sizeof(depth_taps));
    d.weight_bytes = line_bytes((p->taps + 1) * vector);
    d.source_bytes = line_bytes(p->extent[0] * p->extent[1] * d.pitch * vector);
    d.dest_bytes = line_bytes(volume(p->pixels) * vector);
    d.thread_bytes = d.weight_bytes + d.source_bytes + d.dest_bytes;
    return d;
}

static int64_t depth_scratch(const product *p, int threads) {
    depth_plan d = plan_depth(p);
    return d.table_bytes + d.thread_bytes * threads;
}

/* Whether it is worth it: a few rows of few pixels, or many taps and rows that would leave an eighth of their vectors
 * empty. */
static int suits_depth(const product *p) {
    int fits = p->channels == 1 && p->rows == 1 && p->groups >= LANES && !p->pair;
    int64_t P = p->pixels[1], Q = p->pixels[2];
    if (!fits || volume(p->extent) < LANES || volume(p->pixels) < LANES) return 0;
    if (volume(p->extent) > DEPTH_PLANE || volume(p->pixels) > DEPTH_PLANE || plan_depth(p).pitch > DEPTH_PLANE)
        return 0;
    for (int axis = 0; axis < 3; axis++)
        if (p->dest_stride[axis] != 1 || p->dest_extent[axis] != p->pixels[axis]) return 0;
    int few = P * Q <= (p->stride[2] == 1 ? 100 : 144), loose = ceil_div(Q, LANES) * LANES * 7 >= Q * 8;
    return few || (p->taps >= 25 && loose && P * Q <= 400);
}

typedef struct {
    const product *p;
    depth_plan d;
    int64_t x_tap[3], w_tap[3];
    const depth_taps *rows[2]; /* of each pixel along depth and height */
    char *scratch;
} depth_job;

/* Cells [first, end) of planes of at least LANES, in rows of W, which are laid `pitch` cells apart:
 * to[row][column][lane] = plane[lane][first + row * W + column]. */
static void interleave(const T *const plane[LANES], int64_t first, int64_t end, int64_t W, T *to, int64_t pitch) {
    for (int64_t cell = first, column = 0; cell < end; cell += LANES) {
        vec lanes[LANES];
        int64_t start = min_i64(cell, max_i64(end - LANES, 0)); /* the last vector starts before its first new cell */
        take_columns(plane, start, LANES, lanes);
        for (int64_t i = cell - start; i < min_i64(LANES, end - start); i++, to += LANES) {
            store(to, lanes[i]);
            if (++column == W) {
                column = 0;
                to += (pitch - W) * LANES;
            }
        }
    }
}

/* dest[lane][cell] = y[cell][lane]. */
static void take_apart(const T *y, int64_t plane, int64_t channels, T *dest) {
    for (int64_t cell = 0; cell < plane; cell += LANES) {
        const T *run[LANES];
        vec lanes[LANES];
        int64_t first = min_i64(cell, plane - LANES);
        FC_UNROLL for (int i = 0; i < LANES; i++) run[i] = y + (first + i) * LANES;
        take_columns(run, 0, LANES, lanes);
        for (int64_t i = 0; i < channels; i++) store(dest + i * plane + first, lanes[i]);
    }
}

static void depth_product_task(const void *context, int64_t task, int thread) {
    const depth_job *job = context;
    const product *p = job->p;
    const depth_plan *d = &job->d;
    char *scratch = job->scratch + thread * d->thread_bytes;
    T *w = take(&scratch, d->weight_bytes), *init = w + p->taps * LANES;
    T *x = take(&scratch, d->source_bytes), *y = take(&scratch, d->dest_bytes);
    int64_t first = task % d->blocks * LANES, channels = min_i64(LANES, p->groups - first);
    int64_t channel = task / d->blocks * p->groups + first, plane = volume(p->pixels);
    int64_t source_plane = volume(p->extent);
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual, *run[LANES];
    store(init, bias ? load_some(bias + first, channels) : (vec){0});
    for (int64_t i = 0; i < LANES; i++) run[i] = p->matrix + (first + min_i64(i, channels - 1)) * p->taps;
    take_all_columns(run, p->taps, w);
    const T *source = p->source + channel * source_plane;
    int64_t W = p->extent[2];
    for (int64_t row = 0; row < source_plane / W; row++) {
        zero_run(x + row * d->pitch * LANES, d->left * LANES);
        zero_run(x + (row * d->pitch + d->left + W) * LANES, (d->pitch - d->left - W) * LANES);
    }
    for (int64_t i = 0; i < LANES; i++) run[i] = source + min_i64(i, channels - 1) * source_plane;
    interleave(run, 0, source_plane, W, x + d->left * LANES, d->pitch);

    int64_t Q = p->pixels[2], blocks = ceil_div(Q, DEPTH_PIXELS), most = ceil_div(Q, blocks);
    depth_arguments t = {
        .channels = LANES, .taps[2] = p->count[2], .x_pixel = p->stride[2] * LANES, .init = init, .c = y};
    for (int axis = 0; axis < 3; axis++) {
        t.x_tap[axis] = job->x_tap[axis];
        t.w_tap[axis] = job->w_tap[axis];
    }
    const T *end = w + (job->w_tap[2] < 0 ? p->count[2] - 1 : 0) * LANES;
    T *dest = p->dest + channel * plane;
    /* What is written, and what the next task reads, is fetched along with the rows. */
    const T *to = dest, *ahead = source + channels * source_plane;
    for (const depth_taps *o = job->rows[0]; o < job->rows[1]; o++)
        for (const depth_taps *r = job->rows[1]; r < job->rows[1] + p->pixels[1]; r++) {
            to = fetch(to, d->dest_step);
            ahead = fetch(ahead, d->source_step);
            t.taps[0] = o->taps;
            t.taps[1] = r->taps;
            t.x = x + o->x + r->x + (d->left + p->low[2]) * LANES;
            t.w = end + o->w + r->w;
            for (int64_t left = Q, count; left > 0; left -= count) {
                count = min_i64(most, left);
                depth_tiles[count - 1](&t);
                t.x += count * t.x_pixel;
                t.c += count * LANES;
            }
        }
    take_apart(y, plane, channels, dest);
    if (p->epilogue.activation != FC_NONE || residual)
        finish_run(dest, dest, residual ? residual + channel * plane : NULL, channels * plane, 1,
                   p->epilogue.activation);
}

static void run_depth(const product *p, void *scratch, int threads) {
    depth_job job = {.p = p, .d = plan_depth(p)};
    char *rest = scratch;
    depth_taps *row = take(&rest, job.d.table_bytes);
    int64_t step[3] = {p->extent[1] * job.d.pitch * LANES, job.d.pitch * LANES, LANES}, w_step = LANES;
    for (int axis = 2; axis >= 0; axis--) {
        int reversed = p->offset[0][axis] != p->low[axis];
        job.x_tap[axis] = tap_gap(p, axis) * step[axis];
        job.w_tap[axis] = reversed ? -w_step : w_step;
        w_step *= p->count[axis];
    }
    for (int axis = 0; axis < 2; axis++) {
        job.rows[axis] = row;
        for (int64_t pixel = 0; pixel < p->pixels[axis]; pixel++, row++) {
            tap_span span = span_at(p, axis, pixel);
            row->taps = span.taps;
            row->x = (pixel * p->stride[axis] + p->low[axis]) * step[axis] + span.first * job.x_tap[axis];
            row->w = (job.w_tap[axis] < 0 ? 1 - p->count[axis] + span.first : span.first) * job.w_tap[axis];
        }
    }
    job.scratch = rest;
    fc_parallel_for(p->images * job.d.blocks, threads, depth_product_task, &job);
}
