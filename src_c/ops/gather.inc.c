/* gather.inc.c: a product (see product.inc.c) on the tile kernel.
 *
 * Pixels are gathered, a cache-sized block at a time, into panels [depth][lanes] (im2col that never leaves L2);
 * matrix rows are read in place. */

/* How a product is cut. Pixels are numbered through a unit: one image, or all images when they are small.
 * No cut changes the order of any element's sum except `depth`, which depends on the shape alone. */
typedef struct {
    int64_t unit_pixels, units;
    int64_t block, blocks; /* pixels per block, blocks per unit */
    int64_t row_parts;     /* parts of the rows */
    int64_t depth;         /* most (channel, tap) pairs in a packed block */
    int direct;            /* finished rows are runs in dest: no staging */
    int64_t panel_bytes, stage_bytes, piece_bytes, row_bytes, level_bytes, apart_bytes;
    int64_t thread_bytes;
} gather_plan;

/* Vectors of a whole cache line: a panel of these is worth reading from pages that lie apart. */
enum { WHOLE_LINES = VECTOR_BYTES == 64 };
enum {
    IN_PLACE_ROWS = (WHOLE_LINES ? 6 : 4) * TILE_ROWS,
    IN_PLACE_NEAR_ROWS = (WHOLE_LINES ? 5 : 8) * TILE_ROWS,
    IN_PLACE_BYTES = 640 * 1024,
    IN_PLACE_LEVELS = 288 / T_BYTES, /* pages whose places are remembered */
    IN_PLACE_FIRST_BYTES = 40 * 1024,
    IN_PLACE_CHANNELS = 4,
    IN_PLACE_DEPTH = 16,
    IN_PLACE_PANELS = 64
};
enum {
    RUNS_DEPTH = 768,                /* most levels at a time, */
    RUNS_MATRIX_BYTES = 768 * 1024,  /* whose matrix stays in the second cache */
    RUNS_FAR_BYTES = 8 * 1024 * 1024 /* of results that do not */
};
enum { GATHER_PANELS = 16 }; /* of a block at most: finished rows are still in cache for what follows their sums */
enum { GATHER_DEPTH = 384, GATHER_PANEL_BYTES = 320 * 1024, GATHER_PACKING = 16 };
enum { GATHER_MIN_ROWS = 8 * TILE_ROWS, GATHER_FEWEST_ROWS = 2 * TILE_ROWS }; /* of a part of the rows */

/* Whether pixels are numbered through all images. */
static int joins_images(const product *p) { return p->images > 1 && wastes_lanes(p); }

/* Whether all channels of an image stay in the second cache. */
static int is_near(const product *p) { return p->channels * volume(p->extent) * T_BYTES <= IN_PLACE_BYTES; }

/* Whether whole panels are runs of the source. */
static int sees_runs(const product *p) {
    return p->channels >= IN_PLACE_CHANNELS && p->taps == 1 && !p->tap && !p->pair && p->stride[2] == 1 &&
           p->low[2] == 0 && p->extent[2] == p->pixels[2] && volume(p->extent) == p->extent[2] &&
           volume(p->pixels) == p->pixels[2] && p->pixels[2] >= PANEL && !joins_images(p);
}

/* Whether a panel stays in the first cache where it lies; levels a power of two apart share few of its lines. */
static int keeps_panel(const product *p) {
    int64_t step = volume(p->extent) * T_BYTES, apart = clamp_i64(step & -step, PANEL * T_BYTES, 4096);
    return p->channels <= IN_PLACE_LEVELS && p->channels * apart <= IN_PLACE_FIRST_BYTES;
}

/* Whether few rows read panels where they lie: packing them would take as long as their product. */
static int reads_in_place(const product *p) {
    int64_t most = !WHOLE_LINES || keeps_panel(p) ? IN_PLACE_ROWS : 0;
    return sees_runs(p) && p->rows <= (is_near(p) ? max_i64(most, IN_PLACE_NEAR_ROWS) : most);
}

/* Levels at a time: as equal as can be. */
static int64_t equal_levels(const product *p, int64_t most) {
    int64_t total = p->channels * p->taps;
    return ceil_div(total, max_i64(1, ceil_div(total, most)));
}

/* Whether the first rows pack the panels, one after another. The matrix is read again for each. */
static int packs_on_the_way(const product *p) {
    int64_t matrix_bytes = p->rows * equal_levels(p, RUNS_DEPTH) * T_BYTES;
    return WHOLE_LINES && sees_runs(p) && !reads_in_place(p) && matrix_bytes <= RUNS_MATRIX_BYTES;
}

/* Those read in place from afar lie in a page each, and the fewer the rows, the sooner the next pages are read. */
static int64_t gather_depth(const product *p) {
    int64_t most = packs_on_the_way(p) ? RUNS_DEPTH : GATHER_DEPTH;
    if (!WHOLE_LINES && reads_in_place(p) && !is_near(p)) most = IN_PLACE_DEPTH * max_i64(2, row_blocks(p->rows));
    return equal_levels(p, most);
}

/* The pixels per task and the parts of the rows that finish first. Each part packs the pixels anew; one thread takes
 * the largest blocks. */
FC_PLAN void cut_gather(const product *p, int64_t fit, int threads, gather_plan *plan) {
    int64_t pixels = plan->unit_pixels, least = ceil_div(pixels, fit), most = least, best = 0;
    int64_t wanted = ceil_div(8 * threads, p->groups * plan->units);       /* images and groups are tasks, too */
    int few = p->groups * plan->units * ceil_div(pixels, PANEL) < threads; /* panels: rows alone can be cut */
    int64_t least_rows = few ? GATHER_FEWEST_ROWS : GATHER_MIN_ROWS;
    if (threads > 1) most = max_i64(least, min_i64(wanted, max_i64(threads, pixels / (4 * PANEL))));
    for (int64_t parts = least; parts <= most; parts++)
        for (int64_t row_parts = 1; row_parts <= threads; row_parts++) {
            if (row_parts > 1 && p->rows / row_parts < least_rows) break;
            int64_t block = min_i64(ceil_div(ceil_div(pixels, parts), PANEL) * PANEL, ceil_div(pixels, LANES) * LANES);
            int64_t blocks = ceil_div(pixels, block), last = pixels - (blocks - 1) * block;
            int64_t tasks = p->groups * plan->units * blocks * row_parts, turns = ceil_div(tasks, threads);
            int64_t short_turn = tasks - (turns - 1) * threads <= row_parts; /* takes last blocks alone */
            int64_t time =
                (turns * block - short_turn * (block - last)) * (ceil_div(p->rows, row_parts) + GATHER_PACKING);
            if (best != 0 && time >= best) continue;
            best = time;
            plan->block = block;
            plan->blocks = blocks;
            plan->row_parts = row_parts;
        }
}

FC_PLAN gather_plan plan_gather(const product *p, int threads) {
    gather_plan plan;
    int64_t pixels = volume(p->pixels);
    int small = joins_images(p);
    plan.unit_pixels = small ? pixels * p->images : pixels;
    plan.units = small ? 1 : p->images;
    plan.direct = is_dense(p) && !small;

    plan.depth = max_i64(1, max_i64(gather_depth(p), p->pair ? gather_depth(p->pair) : 0));
    int64_t fit = GATHER_PANEL_BYTES / (plan.depth * (int64_t)sizeof(T)) / PANEL * PANEL;
    int64_t most = (reads_in_place(p) ? IN_PLACE_PANELS : GATHER_PANELS) * PANEL;
    cut_gather(p, packs_on_the_way(p) ? most : clamp_i64(fit, PANEL, most), threads, &plan);

    int64_t part_rows = ceil_div(p->rows, plan.row_parts);
    plan.panel_bytes = line_bytes(plan.depth * plan.block * (int64_t)sizeof(T));
    plan.stage_bytes =
        line_bytes((plan.direct ? TILE_ROWS * PANEL : part_rows * plan.block * (p->pair ? 2 : 1)) * (int64_t)sizeof(T));
    plan.piece_bytes = line_bytes(plan.block * (int64_t)sizeof(piece));
    plan.row_bytes = line_bytes(plan.block * (int64_t)sizeof(pixel_run));
    plan.level_bytes = p->tap ? line_bytes(plan.depth * (int64_t)sizeof(int64_t)) : 0;
    plan.apart_bytes = apart_bytes(p, plan.block);
    plan.thread_bytes =
        plan.panel_bytes + plan.stage_bytes + plan.piece_bytes + plan.row_bytes + plan.level_bytes + plan.apart_bytes;
    return plan;
}

static int64_t gather_scratch(const product *p, int threads) { return plan_gather(p, threads).thread_bytes * threads; }

typedef struct {
    const product *p;
    gather_plan plan;
    char *scratch;
    int64_t channel, end; /* channels of this turn */
    char *sums;           /* of each task, where channels come in several turns; or NULL */
} gather_job;

/* A task: rows [channel_row, channel_row + rows) of dest, which belong to `group`, at `count` pixels. */
typedef struct {
    int64_t group, channel_row, rows, count, run_count;
    int ends; /* the product is written to dest itself, and something follows the sums */
    pixel_run *runs;
    piece *pieces;
    T *panels;
    int64_t *levels;
    char *apart; /* memory in which cells of stride 2 are taken apart, or NULL */
} gather_block;

/* c += matrix * panels for levels [level, level + depth); `source` as in block_product. */
static void multiply_levels(const product *p, const gather_block *b, int64_t level, int64_t depth, const T *source,
                            T *c, int64_t c_row, T *spill) {
    int64_t matrix_row = p->channels * (p->tap ? p->matrix_taps : p->taps), inside = panel_pixels(p, b->count);
    if (p->tap)
        for (int64_t i = 0; i < depth; i++)
            b->levels[i] = (level + i) / p->taps * p->matrix_taps + p->tap[(level + i) % p->taps];
    block_product block = {.rows = b->rows,
                           .depth = depth,
                           .count = inside,
                           .matrix = p->matrix + b->channel_row * matrix_row + (p->tap ? 0 : level),
                           .matrix_row = matrix_row,
                           .levels = p->tap ? b->levels : NULL,
                           .panels = b->panels,
                           .source = source,
                           .source_row = volume(p->extent),
                           .last = b->panels + inside * depth,
                           .last_row = depth,
                           .more = b->count - inside,
                           .c = c,
                           .c_row = c_row,
                           .init = p->epilogue.bias ? (const T *)p->epilogue.bias + b->channel_row : NULL,
                           .accumulate = level > 0,
                           .spill = spill,
                           .fetches = p->taps == 1 && !p->tap && depth == p->channels,
                           .ends = b->ends && level + depth == p->channels * p->taps ? p : NULL};
    if (source && (WHOLE_LINES || packs_on_the_way(p))) {
        block_product runs = block;
        runs.count = inside / PANEL * PANEL;
        int far = p->images * p->groups * p->rows * volume(p->pixels) * T_BYTES > RUNS_FAR_BYTES;
        if (packs_on_the_way(p)) multiply_runs(&runs, b->panels, far);
        else multiply_panels(&runs);
        block.count -= runs.count;
        block.panels += runs.count * depth;
        block.c += runs.count;
    }
    if (block.count + block.more > 0) multiply_block(&block);
}

/* c = start + matrix * pixels, of channels [channel, end), added to c where there are channels before; `twin` sees the
 * same pixels, its rows go to `between`. */
static void multiply_pixels(const product *p, const product *twin, const gather_block *b, int64_t channel, int64_t end,
                            T *c, T *between, int64_t c_row, T *spill) {
    int64_t total = end * p->taps, most = gather_depth(p), plane = volume(p->extent);
    int64_t whole = reads_in_place(p) || packs_on_the_way(p) ? b->count / PANEL : 0; /* panels: each is a run */
    int64_t first = b->runs->image * p->groups * p->channels * plane + b->runs->at[2];
    const T *source = p->source + b->group * p->channels * plane;
    const T *bias = p->epilogue.bias;
    if (total == 0) /* no tap sees these pixels */
        for (int64_t i = 0; i < b->rows; i++)
            for (int64_t lane = 0; lane < b->count; lane++) c[i * c_row + lane] = bias ? bias[b->channel_row + i] : 0;
    if (total == 0 && b->ends) end_rows(p, c, c_row, b->rows, b->count);
    for (int64_t level = channel * p->taps; level < total && !fc_stopped(); level += most) {
        int64_t depth = min_i64(most, total - level);
        pack_block(p, source, level, depth, b->runs + whole, b->run_count - whole, b->count, b->panels, b->pieces,
                   b->apart);
        multiply_levels(p, b, level, depth, whole ? source + first + level * plane : NULL, c, c_row, spill);
        if (twin) multiply_levels(twin, b, level, depth, NULL, between, c_row, spill);
    }
}

/* Lists the rows of pixels of a block, or all of an image that lie next to one another: from its lanes to a channel's
 * plane of dest, as wide as the row below that no tap reaches. Returns their number. */
static int64_t find_rows(const product *p, const gather_block *b) {
    int64_t image_size = p->groups * p->rows * volume(p->dest_extent), found = 0;
    int dense = is_dense(p);
    for (const pixel_run *run = b->runs; run < b->runs + b->run_count; found++) {
        int64_t to = 0, length = run->length, column = run->at[2] * p->dest_stride[2] + p->dest_start[2];
        for (int axis = 0; axis < 3; axis++)
            to = to * p->dest_extent[axis] + run->at[axis] * p->dest_stride[axis] + p->dest_start[axis];
        b->pieces[found] = make_piece(run->lane, run->image * image_size + to, 0, 0);
        int64_t image = run->image, row = run->at[1]; /* rows were cut at a panel's end */
        while (++run < b->runs + b->run_count && (run->at[2] > 0 || (dense && run->image == image)))
            length += run->length;
        b->pieces[found].length = p->pair ? min_i64(2 * length, p->dest_extent[2] - column) : length;
        int below = p->below && row * p->dest_stride[1] + p->dest_start[1] + 1 < p->dest_extent[1];
        b->pieces[found].width = below ? b->pieces[found].length : 0;
    }
    return found;
}

static int sees_the_same(const product *a, const product *b) {
    int same = a->taps > 0;
    for (int axis = 0; axis < 3; axis++)
        same &= a->count[axis] == b->count[axis] && a->low[axis] == b->low[axis] && a->high[axis] == b->high[axis];
    return same;
}

static void gather_task(const void *context, int64_t task, int thread) {
    const gather_job *job = context;
    const product *p = job->p;
    const gather_plan *plan = &job->plan;
    char *scratch = job->scratch + thread * plan->thread_bytes;
    gather_block b = {.ends = plan->direct && (p->epilogue.activation != FC_NONE || p->epilogue.residual)};
    b.panels = take(&scratch, plan->panel_bytes);
    T *stage = (T *)(job->sums ? job->sums + task * plan->stage_bytes : take(&scratch, plan->stage_bytes));
    b.pieces = take(&scratch, plan->piece_bytes);
    b.runs = take(&scratch, plan->row_bytes);
    b.levels = take(&scratch, plan->level_bytes);
    b.apart = plan->apart_bytes ? scratch : NULL;

    int64_t part = task % plan->row_parts, block = task / plan->row_parts % plan->blocks;
    int64_t unit = task / plan->row_parts / plan->blocks % plan->units;
    int64_t first = block * plan->block, row = part_start(p->rows, plan->row_parts, part);
    b.group = task / plan->row_parts / plan->blocks / plan->units;
    b.count = min_i64(plan->block, plan->unit_pixels - first);
    b.rows = part_start(p->rows, plan->row_parts, part + 1) - row;
    b.channel_row = b.group * p->rows + row;
    b.run_count = find_runs(p, unit, first, b.count, b.runs);
    int64_t plane = volume(p->dest_extent), image_size = p->groups * p->rows * plane;
    int64_t activation = p->epilogue.activation;
    const T *residual = p->epilogue.residual, *bias = p->epilogue.bias;

    if (plan->direct) {
        T *c = p->dest + unit * image_size + b.channel_row * plane + first;
        multiply_pixels(p, NULL, &b, job->channel, job->end, c, NULL, plane, stage);
        return;
    }
    int64_t lanes = ceil_div(b.count, LANES) * LANES;
    T *between = stage + b.rows * lanes;
    product pair;
    if (p->pair) { /* numbers its pixels as p does, whose rows may have one more */
        pair = *p->pair;
        for (int axis = 0; axis < 3; axis++) pair.pixels[axis] = p->pixels[axis];
    }
    const product *twin = p->pair && sees_the_same(p, &pair) ? &pair : NULL;
    multiply_pixels(p, twin, &b, job->channel, job->end, stage, between, lanes, NULL);
    if (p->pair && !twin) multiply_pixels(&pair, NULL, &b, job->channel, job->end, between, NULL, lanes, NULL);
    if (job->end < p->channels) return; /* other channels are added in a later turn */
    int64_t count = find_rows(p, &b), first_plane = b.channel_row * plane;
    for (int64_t i = 0; i < b.rows; i++)
        for (const piece *row = b.pieces; row < b.pieces + count; row++) {
            int64_t to = row->dest + first_plane + i * plane;
            T *dest = p->dest + to;
            const T *x = stage + i * lanes + row->source, *add = residual ? residual + to : NULL;
            fetch_run(dest + plane, row->length, p->dest_stride[2]);
            if (p->pair) {
                zip_run(dest, x, between + i * lanes + row->source, row->length);
                finish_run(dest, dest, add, row->length, 1, activation);
                int64_t W = p->dest_extent[2];
                fill_run(dest + W, bias ? bias[b.channel_row + i] : 0, row->width);
                finish_run(dest + W, dest + W, add ? add + W : NULL, row->width, 1, activation);
            } else {
                finish_run(dest, x, add, row->length, p->dest_stride[2], activation);
            }
        }
}

static int64_t gather_tasks(const product *p, const gather_plan *plan) {
    return p->groups * plan->units * plan->blocks * plan->row_parts;
}

static void run_gather(const product *p, void *scratch, int threads) {
    gather_job job = {p, plan_gather(p, threads), scratch, 0, p->channels, NULL};
    fc_parallel_for(gather_tasks(p, &job.plan), threads, gather_task, &job);
}

/* The same inside a task of another operator: on this thread alone. */
static void run_gather_here(const product *p, void *scratch) {
    gather_job job = {p, plan_gather(p, 1), scratch, 0, p->channels, NULL};
    for (int64_t task = 0; task < gather_tasks(p, &job.plan); task++) gather_task(&job, task, 0);
}
