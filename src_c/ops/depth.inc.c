/* depth.inc.c: a depthwise product (see product.inc.c) of small planes, lanes along the channels: rows of few pixels
 * would fill vectors badly.
 *
 * A task takes LANES channels of one image. Their planes are interleaved, with zeros beside the rows, into
 * [row][column][lane], which stays in cache, as do the results until they are taken apart. Taps above and below the
 * source are left out. The four products of a pair and the one below it share their source and what they write. */

enum { DEPTH_PLANE = 2048, DEPTH_PHASE = 256, DEPTH_PHASES = 4 }; /* most cells of a plane, pixels of a phase, phases */

typedef struct {
    int phases;
    const product *phase[DEPTH_PHASES];
    int64_t taps;                   /* of all phases */
    int64_t left, pitch;            /* zeros before a row; cells of a row with those on both sides */
    int64_t blocks;                 /* of channels, in an image */
    int64_t source_step, dest_step; /* elements fetched for each row of pixels */
    int64_t table_bytes, weight_bytes, source_bytes, dest_bytes, thread_bytes;
} depth_plan;

/* The taps of one axis that see the source from a pixel or from any of a block, in the order of their offsets: the
 * first one's place in the interleaved source and among the weights. */
typedef struct {
    int64_t taps, x, w;
} depth_taps;

/* Blocks of a row of pixels: short ones where many taps lie beyond the row, and are left out. */
static int64_t column_blocks(const product *p) {
    return ceil_div(p->pixels[2], p->count[2] > p->pixels[2] ? 8 : DEPTH_PIXELS);
}

FC_PLAN depth_plan plan_depth(const product *p) {
    depth_plan d = {.blocks = ceil_div(p->groups, LANES)};
    int64_t end = p->extent[2], rows = 0, tables = 0, vector = VECTOR_BYTES;
    for (const product *row = p; row; row = row->below)
        for (const product *q = row; q; q = q->pair) {
            d.phase[d.phases++] = q;
            d.taps += q->taps;
            d.left = max_i64(d.left, -q->low[2]);
            end = max_i64(end, (q->pixels[2] - 1) * q->stride[2] + q->high[2] + 1);
            rows += q->pixels[0] * q->pixels[1];
            tables += q->pixels[0] + q->pixels[1] + column_blocks(q);
        }
    d.pitch = d.left + end;
    d.source_step = ceil_div(volume(p->extent) * LANES, rows);
    d.dest_step = ceil_div(volume(p->dest_extent) * LANES, rows);
    d.table_bytes = line_bytes(tables * (int64_t)sizeof(depth_taps));
    d.weight_bytes = line_bytes((d.taps + 1) * vector);
    d.source_bytes = line_bytes(p->extent[0] * p->extent[1] * d.pitch * vector);
    d.dest_bytes = line_bytes(volume(p->dest_extent) * vector);
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
    int fits = p->channels == 1 && p->rows == 1 && p->groups >= LANES && (p->below || (!p->pair && is_dense(p)));
    int64_t P = p->pixels[1], Q = p->pixels[2], cells = volume(p->dest_extent);
    if (!fits || volume(p->extent) < 1 || volume(p->pixels) < 1) return 0;
    if (volume(p->extent) > DEPTH_PLANE || cells > DEPTH_PLANE || plan_depth(p).pitch > DEPTH_PLANE) return 0;
    if (p->below) return p->dest_stride[0] == 1 && p->pixels[0] == p->dest_extent[0] && P * Q <= DEPTH_PHASE;
    int few = P * Q <= (p->stride[2] == 1 ? 100 : 144), loose = ceil_div(Q, LANES) * LANES * 7 >= Q * 8;
    return few || (p->taps >= 25 && loose && P * Q <= 400);
}

typedef struct {
    int64_t x_tap[3], w_tap[3];
    const depth_taps *rows[3]; /* of each pixel along depth and height, of each block of columns */
} depth_phase;

typedef struct {
    const product *p;
    depth_plan d;
    depth_phase phase[DEPTH_PHASES];
    char *scratch;
} depth_job;

/* Cells [first, end) of planes, in rows of W, which are laid `pitch` cells apart:
 * to[row][column][lane] = plane[lane][first + row * W + column]. */
static void interleave(const T *const plane[LANES], int64_t first, int64_t end, int64_t W, T *to, int64_t pitch) {
    for (int64_t cell = first, column = 0; cell < end; cell += LANES) {
        vec lanes[LANES];
        int64_t start = min_i64(cell, max_i64(end - LANES, 0)); /* the last vector starts before its first new cell */
        if (end < LANES) take_all_columns(plane, end, (T *)lanes);
        else take_columns(plane, start, LANES, lanes);
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
    if (plane < LANES) {
        transpose_block(y, LANES, plane, channels, dest, plane);
        return;
    }
    for (int64_t cell = 0; cell < plane; cell += LANES) {
        const T *run[LANES];
        vec lanes[LANES];
        int64_t first = min_i64(cell, plane - LANES);
        FC_UNROLL for (int i = 0; i < LANES; i++) run[i] = y + (first + i) * LANES;
        take_columns(run, 0, LANES, lanes);
        for (int64_t i = 0; i < channels; i++) store(dest + i * plane + first, lanes[i]);
    }
}

/* Pixels of one phase to y, which has the cells of a plane of dest. What is written, and what the next task reads, is
 * fetched along with the rows. */
VEC_INLINE void multiply_depth(const product *p, const depth_plan *d, const depth_phase *phase, const T *x, const T *w,
                               const T *init, T *y, const T **to, const T **ahead) {
    int64_t Q = p->pixels[2], blocks = column_blocks(p);
    depth_arguments t = {
        .channels = LANES, .x_pixel = p->stride[2] * LANES, .init = init, .c_pixel = p->dest_stride[2] * LANES};
    for (int axis = 0; axis < 3; axis++) {
        t.x_tap[axis] = phase->x_tap[axis];
        t.w_tap[axis] = phase->w_tap[axis];
    }
    const T *written = *to, *read = *ahead;
    int64_t cells = p->dest_stride[1] * p->dest_extent[2];
    for (int64_t z = 0; z < p->pixels[0]; z++) {
        const depth_taps *o = phase->rows[0] + z, *r = phase->rows[1];
        int64_t at = (z * p->dest_stride[0] + p->dest_start[0]) * p->dest_extent[1] + p->dest_start[1];
        T *row = y + (at * p->dest_extent[2] + p->dest_start[2]) * LANES;
        t.taps[0] = o->taps;
        for (; r < phase->rows[1] + p->pixels[1]; r++, row += cells * LANES) {
            written = fetch(written, d->dest_step);
            read = fetch(read, d->source_step);
            t.taps[1] = r->taps;
            for (int64_t block = 0; block < blocks; block++) {
                const depth_taps *columns = phase->rows[2] + block;
                int64_t first = part_start(Q, blocks, block), count = part_start(Q, blocks, block + 1) - first;
                t.taps[2] = columns->taps;
                t.x = x + o->x + r->x + columns->x;
                t.w = w + o->w + r->w + columns->w;
                t.c = row + first * t.c_pixel;
                depth_tiles[count - 1](&t);
            }
        }
    }
    *to = written;
    *ahead = read;
}

static void depth_product_task(const void *context, int64_t task, int thread) {
    const depth_job *job = context;
    const product *p = job->p;
    const depth_plan *d = &job->d;
    char *scratch = job->scratch + thread * d->thread_bytes;
    T *w = take(&scratch, d->weight_bytes), *init = w + d->taps * LANES;
    T *x = take(&scratch, d->source_bytes), *y = take(&scratch, d->dest_bytes);
    int64_t first = task % d->blocks * LANES, channels = min_i64(LANES, p->groups - first);
    int64_t channel = task / d->blocks * p->groups + first, plane = volume(p->dest_extent);
    int64_t source_plane = volume(p->extent), W = p->extent[2];
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual, *run[LANES];
    store(init, bias ? load_some(bias + first, channels) : (vec){0});
    const T *source = p->source + channel * source_plane;
    for (int64_t row = 0; row < source_plane / W; row++) {
        zero_run(x + row * d->pitch * LANES, d->left * LANES);
        zero_run(x + (row * d->pitch + d->left + W) * LANES, (d->pitch - d->left - W) * LANES);
    }
    for (int64_t i = 0; i < LANES; i++) run[i] = source + min_i64(i, channels - 1) * source_plane;
    interleave(run, 0, source_plane, W, x + d->left * LANES, d->pitch);

    T *dest = p->dest + channel * plane;
    const T *to = dest, *ahead = source + channels * source_plane;
    for (int i = 0; i < d->phases; i++) {
        const product *q = d->phase[i];
        for (int64_t lane = 0; lane < LANES; lane++)
            run[lane] = q->matrix + (first + min_i64(lane, channels - 1)) * q->taps;
        if (q->taps > 0) take_all_columns(run, q->taps, w);
        multiply_depth(q, d, job->phase + i, x, w, init, y, &to, &ahead);
    }
    take_apart(y, plane, channels, dest);
    if (p->epilogue.activation != FC_NONE || residual)
        finish_run(dest, dest, residual ? residual + channel * plane : NULL, channels * plane, 1,
                   p->epilogue.activation);
}

/* What the pixels of a phase see, listed from `row` on; returns the end of the list. */
static depth_taps *list_depth(const product *p, const depth_plan *d, depth_phase *phase, depth_taps *row) {
    int64_t step[3] = {p->extent[1] * d->pitch * LANES, d->pitch * LANES, LANES}, w_step = LANES;
    for (int axis = 2; axis >= 0; axis--) {
        int reversed = p->taps > 0 && p->offset[0][axis] != p->low[axis];
        phase->x_tap[axis] = tap_gap(p, axis) * step[axis];
        phase->w_tap[axis] = reversed ? -w_step : w_step;
        w_step *= p->count[axis];
    }
    for (int axis = 0; axis < 3; axis++) {
        int64_t pixels = p->pixels[axis], blocks = axis < 2 ? pixels : column_blocks(p);
        phase->rows[axis] = row;
        for (int64_t block = 0; block < blocks; block++, row++) {
            int64_t pixel = part_start(pixels, blocks, block), last = part_start(pixels, blocks, block + 1) - 1;
            tap_span seen = span_at(p, axis, pixel);
            int64_t first = span_at(p, axis, last).first, from = pixel * p->stride[axis] + p->low[axis];
            row->taps = max_i64(0, seen.first + seen.taps - first);
            row->x = (axis < 2 ? from : from + d->left) * step[axis] + first * phase->x_tap[axis];
            row->w = (phase->w_tap[axis] < 0 ? first + 1 - p->count[axis] : first) * phase->w_tap[axis];
        }
    }
    return row;
}

static void run_depth(const product *p, void *scratch, int threads) {
    depth_job job = {.p = p, .d = plan_depth(p)};
    char *rest = scratch;
    depth_taps *row = take(&rest, job.d.table_bytes);
    for (int i = 0; i < job.d.phases; i++) row = list_depth(job.d.phase[i], &job.d, job.phase + i, row);
    job.scratch = rest;
    fc_parallel_for(p->images * job.d.blocks, threads, depth_product_task, &job);
}
