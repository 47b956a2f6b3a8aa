/* winograd_grad_weight.inc.c: the weight gradient of a convolution by Winograd's transforms.
 *
 *     dg = G' [ sum over tiles of (B' d B) * (A dY A') ] G
 *
 * One block of tiles after another: both sides are transformed, then a product a point over the block's tiles is added
 * to the sums. Where sums are small, a task is a share of the blocks and has its own; else the threads share the work
 * on each block (tasks are some channels, then a point and a part of the levels). Few tiles make one block, whose large
 * sums need not go to memory: a task takes those of a few levels and channels, and finishes their filters. Shares
 * depend on the shape alone and are added in order, so bits do not depend on threads. If an element comes out not
 * finite the caller computes directly. */

enum {
    WINOGRAD_WEIGHT_BYTES = 768 * 1024,
    WINOGRAD_WEIGHT_SHARES = 8,
    WINOGRAD_SHARES_BYTES = 5 * 1024 * 1024,
    WINOGRAD_SHARE_TILES = 256, /* at least, */
    WINOGRAD_HALF_TILES = 64,   /* of two shares */
    WINOGRAD_ONE_TILES = 128,   /* of a single block, at most; twice as many where sums are large */
    WINOGRAD_LARGE_SUMS = 16 * 1024 * 1024,
    WINOGRAD_WEIGHT_PARTS = 4,
    WINOGRAD_WEIGHT_ROWS = 4 * TILE_ROWS,
    WINOGRAD_WEIGHT_LEVELS = 8,
    WINOGRAD_PART_LEVELS = 2 * TILE_ROWS
};

typedef struct {
    winograd_tiles t; /* of the input side */
    int64_t K, k_row; /* output channels of a group; rounded up to whole vectors */
    int64_t block, blocks, shares;
    int64_t k_part;                       /* channels whose filters a task finishes; 0: sums of all are kept */
    int64_t v_row;                        /* a block, and what its last run writes too many */
    int64_t v_point, dy_point, sum_point; /* elements from point to point */
    int64_t level_tasks, sum_parts;       /* tasks: parts of the levels to transform; of those of a point to sum */
    int64_t level_parts;                  /* of which a task finishes filters */
    int64_t step, apart;                  /* of transposed cells in the gradient; of a tile's cells among them */
    int64_t beside;                       /* cells of a line of such a run beyond one for each tile */
    int64_t cells, cell_bytes;            /* of a line of transposed gradients of a run of tiles; all its lines' */
    int64_t v_bytes, dy_bytes, sum_bytes, run_bytes, block_bytes, thread_bytes;
} winograd_weight_plan;

FC_PLAN winograd_weight_plan plan_winograd_weight(const fc_conv_geometry *g) {
    product p = forward_product(g);
    winograd_weight_plan w = {.t = cut_tiles(&p, 1), .K = p.rows, .shares = 1};
    const winograd_tiles *t = &w.t;
    w.k_row = ceil_div(w.K, LANES) * LANES;
    int64_t size = sizeof(T), fit = WINOGRAD_WEIGHT_BYTES / (t->points * (t->depth + w.k_row) * size);
    w.sum_point = odd_lines(t->depth * w.k_row);
    w.sum_bytes = line_bytes(t->points * w.sum_point * size);
    int64_t most = WINOGRAD_ONE_TILES * (w.sum_bytes > WINOGRAD_LARGE_SUMS ? 2 : 1);
    if (t->tiles <= most && w.sum_bytes > WINOGRAD_WEIGHT_BYTES) {
        fit = most;
        w.k_part = WINOGRAD_WEIGHT_BYTES / (t->points * t->tiles * PANEL * size) * PANEL;
        w.k_part = clamp_i64(w.k_part, PANEL, w.k_row);
        w.sum_point = odd_lines(WINOGRAD_PART_LEVELS * w.k_part);
        w.sum_bytes = 0;
    } else
        for (w.shares = WINOGRAD_WEIGHT_SHARES; w.shares > 1; w.shares /= 2)
            if (w.shares * w.sum_bytes <= WINOGRAD_SHARES_BYTES &&
                w.shares * (w.shares > 2 ? WINOGRAD_SHARE_TILES : WINOGRAD_HALF_TILES) <= t->tiles)
                break;
    w.blocks = ceil_div(t->tiles, w.shares * clamp_i64(fit, 64, 512)) * w.shares;
    w.block = ceil_div(t->tiles, w.blocks);
    w.block += in_pairs(t) && w.block % 2; /* no pair of tiles lies in two blocks */
    w.blocks = ceil_div(t->tiles, w.block);
    w.v_row = w.block + LANES;
    w.v_point = odd_lines(t->depth * w.v_row);
    w.dy_point = odd_lines(w.k_row * w.block);
    w.level_tasks = ceil_div(t->depth, WINOGRAD_WEIGHT_LEVELS);
    w.level_parts = ceil_div(t->depth, WINOGRAD_PART_LEVELS);
    w.sum_parts = w.shares > 1 ? 1 : clamp_i64(t->depth / WINOGRAD_WEIGHT_ROWS, 1, WINOGRAD_WEIGHT_PARTS);
    const winograd_axis *wide = &t->axis[2];
    int whole_rows = wide->across || wide->step <= 4;
    w.step = whole_rows ? 1 : wide->step;
    w.apart = whole_rows && !wide->across ? wide->step : 1;
    w.beside = laid_across(t) ? (wide->tile - 1) * wide->step : 0;
    w.cells = wide->across ? w.beside + min_i64(wide->step, w.block)
                           : wide->tile * w.apart * min_i64(wide->long_tiles, w.block);
    w.cells = ceil_div(w.cells, LANES) * LANES;
    w.cell_bytes = line_bytes(WINOGRAD_TILE * w.cells * LANES * size);
    w.v_bytes = line_bytes(t->points * w.v_point * size);
    w.dy_bytes = line_bytes(t->points * w.dy_point * size);
    w.run_bytes = line_bytes(most_runs(t, w.block) * (int64_t)sizeof(pixel_run));
    w.block_bytes = w.v_bytes + w.dy_bytes + w.run_bytes;
    w.thread_bytes = max_i64(patch_room_bytes(t, w.block), w.cell_bytes);
    if (w.k_part) w.thread_bytes = max_i64(w.thread_bytes, line_bytes(t->points * w.sum_point * size));
    return w;
}

static int64_t winograd_weight_scratch(const fc_conv_geometry *g, int threads) {
    winograd_weight_plan w = plan_winograd_weight(g);
    int64_t at_once = w.shares > 1 ? threads : 1;
    return taps_bytes(g) + w.shares * w.sum_bytes + at_once * w.block_bytes + w.thread_bytes * threads;
}

typedef struct {
    const fc_conv_geometry *g;
    winograd_weight_plan w;
    product p;
    const T *grad_output;
    T *grad_weight;
    int64_t group, count, run_count;
    pixel_run *runs;
    T *v, *dy, *sums;
    char *scratch;
    int first; /* block of a share: sums start at zero */
    int *not_finite;
} winograd_weight_job;

/* cells[cell][lane] = row[lane][at + cell * step] for n cells and `lanes` rows that lie `plane` apart, 0 from extent
 * on. Nothing is read from `end` on. */
static void transpose_gradient(const T *row, int64_t plane, int64_t lanes, int64_t at, int64_t step, int64_t extent,
                               int64_t n, const T *end, T *cells) {
    int64_t inside = clamp_i64(ceil_div(extent - at, step), 0, n);
    for (int64_t cell = 0; cell < inside; cell += LANES) {
        const T *from = row + at + cell * step;
        if (step == 1 && from + (lanes - 1) * plane + LANES <= end) {
            transpose_square(from, plane, lanes, cells + cell * LANES, LANES);
            continue;
        }
        T padded[LANES * LANES];
        for (int64_t lane = 0; lane < lanes; lane++)
            copy_step(padded + lane * LANES, from + lane * plane, min_i64(LANES, inside - cell), step);
        transpose_square(padded, LANES, lanes, cells + cell * LANES, LANES);
    }
    if (n > inside) zero_run(cells + inside * LANES, (n - inside) * LANES);
}

/* dy[point][panel][tile][lane] for LANES output channels. Dilated rows are transposed whole where that is cheaper. */
static void transform_gradient_lanes(const winograd_weight_job *job, int64_t k, char *scratch) {
    const winograd_weight_plan *w = &job->w;
    const product *p = &job->p;
    const winograd_axis *wide = &w->t.axis[2];
    int across = line_axis(&w->t);
    int64_t P = p->pixels[1], Q = p->pixels[2], plane = volume(p->pixels), inside = min_i64(LANES, w->K - k);
    int64_t panel = k / PANEL * PANEL, width = min_i64(PANEL, w->k_row - panel), row = w->cells * LANES;
    int64_t columns = wide->across ? 1 : wide->tile;
    int64_t column = w->beside ? wide->step * LANES : wide->across ? row : w->apart * LANES;
    const T *end = job->grad_output + p->images * job->g->K * plane;
    T *cells = (T *)scratch;
    for (const pixel_run *run = job->runs; run < job->runs + job->run_count; run++) {
        const T *image =
            job->grad_output + (run->image * job->g->K + job->group * w->K + k) * plane + run->at[0] * P * Q;
        int64_t at[3] = {0, run->at[1], run->at[2]};
        int64_t length = (columns * run->length - 1) * w->apart + 1 + w->beside;
        for (int64_t i = 0; i < w->t.axis[across].tile; i++, at[across] += w->t.axis[across].step) {
            if (at[1] < P)
                transpose_gradient(image + at[1] * Q, plane, inside, at[2], w->step, Q, length, end, cells + i * row);
            else zero_run(cells + i * row, length * LANES);
        }
        for (int64_t tile = 0; tile < run->length; tile++)
            w->t.transforms->gradient(cells + columns * tile * w->apart * LANES, row, column,
                                      job->dy + panel * w->block + (run->lane + tile) * width + k - panel, w->dy_point);
    }
}

/* Tasks are parts of the levels of the input, then vectors of output channels. */
static void transform_task(const void *context, int64_t task, int thread) {
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    char *scratch = job->scratch + thread * w->thread_bytes;
    if (task >= w->level_tasks) {
        transform_gradient_lanes(job, (task - w->level_tasks) * LANES, scratch);
        return;
    }
    patch_room room = take_patch_room(&w->t, w->block, &scratch);
    room.runs = job->runs;
    room.run_count = job->run_count;
    room.count = job->count;
    int64_t level = part_start(w->t.depth, w->level_tasks, task);
    int64_t levels = part_start(w->t.depth, w->level_tasks, task + 1) - level;
    transform_levels(&job->p, &w->t, job->group, level, levels, &room, job->v + level * w->v_row, w->v_row, w->v_point);
}

/* sums[d][k] += sum over tiles of v[point][d][tile] * dy[point][tile][k] for some levels and channels. */
static void sum_point(const winograd_weight_job *job, int64_t point, int64_t level, int64_t levels, int64_t k,
                      int64_t channels, T *sums, int64_t sums_row) {
    const winograd_weight_plan *w = &job->w;
    const T *v = job->v + point * w->v_point + level * w->v_row, *dy = job->dy + point * w->dy_point;
    int zero = point / w->t.axis[2].patch >= w->t.axis[1].points || point % w->t.axis[2].patch >= w->t.axis[2].points;
    for (int64_t panel = 0; panel < channels && !zero; panel += PANEL) {
        multiply_block(&(block_product){.rows = levels,
                                        .depth = job->count,
                                        .count = min_i64(PANEL, channels - panel),
                                        .matrix = v,
                                        .matrix_row = w->v_row,
                                        .panels = dy + (k + panel) * w->block,
                                        .c = sums + panel,
                                        .c_row = sums_row,
                                        .accumulate = !job->first});
    }
    for (int64_t d = 0; zero && job->first && d < levels; d++) zero_run(sums + d * sums_row, channels);
}

/* Tasks are parts of the levels, then points. */
static void sum_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    int64_t point = task / w->sum_parts, part = task % w->sum_parts;
    int64_t level = part_start(w->t.depth, w->sum_parts, part);
    int64_t levels = part_start(w->t.depth, w->sum_parts, part + 1) - level;
    sum_point(job, point, level, levels, 0, w->k_row, job->sums + point * w->sum_point + level * w->k_row, w->k_row);
}

/* sums -> filters of one level and of `channels` from k on. */
static void write_filters(const winograd_weight_job *job, int64_t level, int64_t k, int64_t channels, const T *sums) {
    const winograd_weight_plan *w = &job->w;
    const product *p = &job->p;
    int64_t slice = level / p->channels, channel = level % p->channels, place[9], end = min_i64(k + channels, w->K);
    find_slice_taps(p, p, &w->t, slice, place);
    vec doubt = {0};
    for (; k < end; k += LANES, sums += LANES) {
        T g[9 * LANES] = {0};
        w->t.transforms->filter_gradients(sums, w->sum_point, g);
        for (int64_t lane = 0; lane < min_i64(LANES, end - k); lane++) {
            T *filter = job->grad_weight + ((job->group * w->K + k + lane) * p->channels + channel) * p->taps;
            FC_UNROLL for (int i = 0; i < 9; i++) if (place[i] >= 0) filter[place[i]] = g[i * LANES + lane];
        }
        FC_UNROLL for (int i = 0; i < 9; i++) doubt += load(g + i * LANES) * 0;
    }
    for (int lane = 0; lane < LANES; lane++)
        if (doubt[lane] != 0) __atomic_store_n(job->not_finite, 1, __ATOMIC_RELAXED);
}

/* Filters of one level whose sums are kept. */
static void filter_gradient_task(const void *context, int64_t level, int thread) {
    (void)thread;
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    for (int64_t point = 0; point < w->t.points; point++) {
        T *sum = job->sums + point * w->sum_point + level * w->k_row;
        for (int64_t share = 1; share < w->shares; share++)
            add_run(sum, sum + share * w->sum_bytes / (int64_t)sizeof(T), w->k_row);
    }
    write_filters(job, level, 0, w->K, job->sums + level * w->k_row);
}

/* Filters of a part of the levels, then of the channels, whose sums are not. */
static void part_task(const void *context, int64_t task, int thread) {
    const winograd_weight_job *job = context;
    const winograd_weight_plan *w = &job->w;
    T *sums = (T *)(job->scratch + thread * w->thread_bytes);
    int64_t part = task % w->level_parts, k = task / w->level_parts * w->k_part;
    int64_t level = part_start(w->t.depth, w->level_parts, part);
    int64_t levels = part_start(w->t.depth, w->level_parts, part + 1) - level;
    int64_t channels = min_i64(w->k_part, w->k_row - k);
    for (int64_t point = 0; point < w->t.points; point++)
        sum_point(job, point, level, levels, k, channels, sums + point * w->sum_point, channels);
    for (int64_t d = 0; d < levels; d++) write_filters(job, level + d, k, channels, sums + d * channels);
}

/* Tasks of a block: on all threads, or (0 threads) inside the task that has it. */
static void run_block_tasks(const winograd_weight_job *job, int64_t tasks, fc_task body, int threads) {
    if (threads) fc_parallel_for(tasks, threads, body, job);
    for (int64_t task = 0; !threads && task < tasks && !fc_stopped(); task++) body(job, task, 0);
}

/* Adds a share of the blocks to its sums. Scratch is the block's, then that of the threads. */
static void add_blocks(winograd_weight_job job, int64_t share, char *scratch, int threads) {
    const winograd_weight_plan *w = &job.w;
    int64_t begin = part_start(w->blocks, w->shares, share), end = part_start(w->blocks, w->shares, share + 1);
    job.sums += share * w->sum_bytes / (int64_t)sizeof(T);
    job.v = take(&scratch, w->v_bytes);
    job.dy = take(&scratch, w->dy_bytes);
    job.runs = take(&scratch, w->run_bytes);
    job.scratch = scratch;
    for (int64_t block = begin; block < end; block++) {
        int64_t first = block * w->block;
        job.first = block == begin;
        job.count = min_i64(w->block, w->t.tiles - first);
        job.run_count = find_tile_runs(&w->t, first, job.count, job.runs);
        run_block_tasks(&job, w->level_tasks + w->k_row / LANES, transform_task, threads);
        if (w->k_part) run_block_tasks(&job, w->level_parts * ceil_div(w->k_row, w->k_part), part_task, threads);
        else run_block_tasks(&job, w->t.points * w->sum_parts, sum_task, threads);
    }
}

static void share_task(const void *context, int64_t share, int thread) {
    const winograd_weight_job *job = context;
    add_blocks(*job, share, job->scratch + thread * (job->w.block_bytes + job->w.thread_bytes), 0);
}

/* Returns whether every element is finite. */
static int run_winograd_weight(const fc_conv_geometry *g, const T *grad_output, const T *input, T *grad_weight,
                               void *scratch, int threads) {
    char *rest = scratch;
    int not_finite = 0;
    int64_t (*offset)[3] = take(&rest, taps_bytes(g));
    list_taps(g, offset);
    winograd_weight_job job = {.g = g,
                               .w = plan_winograd_weight(g),
                               .p = forward_product(g),
                               .grad_output = grad_output,
                               .grad_weight = grad_weight,
                               .not_finite = &not_finite};
    const winograd_weight_plan *w = &job.w;
    job.p.offset = (const int64_t (*)[3])offset;
    job.p.source = input;
    job.sums = take(&rest, w->shares * w->sum_bytes);
    job.scratch = rest;
    for (job.group = 0; job.group < g->G; job.group++) {
        if (w->shares > 1) fc_parallel_for(w->shares, threads, share_task, &job);
        else add_blocks(job, 0, rest, threads);
        if (!w->k_part) fc_parallel_for(w->t.depth, threads, filter_gradient_task, &job);
    }
    return !not_finite;
}
