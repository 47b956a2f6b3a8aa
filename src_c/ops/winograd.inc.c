/* winograd.inc.c: a product (see product.inc.c) by Winograd's transforms.
 *
 * A task takes a block of tiles: their patches are transformed for all channels into V[point][level][tile], a small
 * product a point on the tile kernel gives M[point][row][tile], and the inverse transform writes finished rows. Many
 * levels are taken in equal chunks, which are added up in M. Filters that several blocks of tiles use are transformed
 * before, those that one block uses, or that are too many to come back from memory, just before a block uses them, a
 * few levels at a time so that they stay in cache. A few tiles beyond whole vectors are multiplied alone. A tile that
 * comes out not finite in a grain of rows is computed again directly: overflow inside the transform does no harm, and
 * NaN and Inf stay in their windows.
 */

enum {
    WINOGRAD_GRAIN = 24,
    WINOGRAD_ROWS = 2 * WINOGRAD_GRAIN,
    WINOGRAD_MOST_ROWS = 21 * WINOGRAD_GRAIN, /* of those that need V anew */
    WINOGRAD_FILTER_LEVELS = 128,
    WINOGRAD_FILTERS_A_TILE = 320,
    WINOGRAD_ODD_DEPTH = 64,
    WINOGRAD_MOST_TILES = 96,
    WINOGRAD_FEW_TILES = 48,
    WINOGRAD_IMAGE_TILES = 64, /* of a whole image instead, whose rows of tiles then share all their lines */
    WINOGRAD_CACHE_BYTES = 2560 * 1024,
    WINOGRAD_DEPTH = 512,
    WINOGRAD_NEAR_BYTES = 512 * 1024,
    WINOGRAD_V_BYTES = 8 * 1024 * 1024,
    WINOGRAD_FAR_BYTES = 6 * 1024 * 1024 /* of dest: to fetch less costs more than it saves */
};

typedef struct {
    winograd_tiles t;
    int64_t chunk, chunks;    /* levels at a time */
    int64_t block, blocks;    /* tiles per task, of which the last takes the odd ones, too */
    int64_t odd, row;         /* tiles beyond whole vectors, multiplied alone; tiles that a task has room for */
    int64_t v_point, m_point; /* elements from point to point */
    int64_t grains, parts;    /* grains of rows; parts of them, a task each */
    int64_t m_rows;           /* rows multiplied at a time */
    int makes_filters;        /* each task what it uses; or all are transformed before */
    int64_t filter_rows;      /* of filters that a task transforms at a time */
    int64_t filter_levels;    /* of filters at a time; sums are grouped so in any case, whoever transforms them */
    int64_t matrix_bytes, filter_bytes;
    int64_t odd_bytes, v_bytes, m_bytes, stage_bytes, output_bytes, place_bytes, direct_bytes, thread_bytes;
} winograd_plan;

/* One tile computed directly. */
static product tile_product(const product *p, const winograd_tiles *t) {
    product tile = *p;
    tile.pair = tile.below = NULL;
    tile.groups = tile.images = 1;
    tile.rows = min_i64(p->rows, WINOGRAD_GRAIN);
    for (int axis = 0; axis < 3; axis++) {
        const winograd_axis *a = &t->axis[axis];
        tile.pixels[axis] = min_i64(a->tile, p->pixels[axis]);
        tile.stride[axis] = a->cell;
        tile.dest_stride[axis] = p->dest_stride[axis] * a->step;
    }
    return tile;
}

/* Tiles beyond whole vectors, where they are so few that dot products take them sooner than a vector. Where samples of
 * a batch share vectors they would not be the same tiles in every batch; few levels are summed alike in all of them. */
static int64_t odd_tiles(const product *p, const winograd_tiles *t) {
    int64_t odd = t->tiles % LANES;
    return p->images == 1 && t->depth >= WINOGRAD_ODD_DEPTH && t->tiles > LANES && odd <= ODD_PIXELS ? odd : 0;
}

/* Whether there are so many filters that a task may sooner transform what it uses than read it. */
static int has_many_filters(const winograd_tiles *t) { return t->depth * t->rows > WINOGRAD_FILTERS_A_TILE * t->tiles; }

/* The tiles per task and the parts of the rows that finish first, in multiply-adds. Filters that are transformed before
 * are written once and read by each block, from far away where they are many. */
FC_PLAN void cut_winograd(const product *p, int64_t fit, int threads, winograd_plan *w) {
    const winograd_tiles *t = &w->t;
    double best = INFINITY, filters = (double)t->points * t->depth * t->rows;
    double move = filters * (filters * sizeof(T) > WINOGRAD_NEAR_BYTES ? 0.75 : 0.2) * LANES;
    double make = t->filter * (double)(t->depth * t->rows);
    int64_t vectors = ceil_div(t->tiles - w->odd, LANES);
    for (int64_t some = min_i64(fit / LANES, vectors); some > 0; some--)
        for (int64_t parts = 1; parts <= min_i64(w->grains, threads); parts++) {
            int64_t blocks = ceil_div(vectors, some), last = vectors - (blocks - 1) * some;
            double rows = min_i64(p->rows, ceil_div(w->grains, parts) * WINOGRAD_GRAIN);
            double all_rows = rows * t->pairs * t->columns;
            double vector = LANES * (t->points * t->depth * all_rows + t->in * t->depth + t->out * all_rows);
            double turns = ceil_div(blocks * parts * p->groups, threads), all = turns * some;
            if (threads == 1) all = (double)p->groups * ((blocks - 1) * some + last);
            double share = turns * rows / p->rows, before = make / threads + (share + 2.0 / threads) * move;
            int makes = blocks == 1 || (has_many_filters(t) && share * make < before);
            double cost = all * vector + (makes ? share * make : before);
            if (cost >= best) continue;
            best = cost;
            w->block = some * LANES;
            w->blocks = blocks;
            w->parts = parts;
            w->makes_filters = makes;
        }
}

FC_PLAN winograd_plan plan_winograd(const product *p, int threads) {
    winograd_plan w = {.t = cut_product(p)};
    const winograd_tiles *t = &w.t;
    w.chunks = ceil_div(t->depth, WINOGRAD_DEPTH);
    w.chunk = ceil_div(t->depth, w.chunks);
    w.grains = ceil_div(p->rows, WINOGRAD_GRAIN);
    w.odd = odd_tiles(p, t);

    int64_t size = sizeof(T), fit = WINOGRAD_V_BYTES / (t->points * w.chunk * size) / LANES * LANES;
    int64_t most = w.chunks == 1 ? WINOGRAD_ROWS : WINOGRAD_MOST_ROWS / t->columns;
    fit = clamp_i64(fit, PANEL, WINOGRAD_MOST_TILES);
    /* Where V and M of few tiles fit into cache together, that is worth more than reading the filters less often. */
    int many = has_many_filters(t);
    if (t->tiles > 2 * WINOGRAD_MOST_TILES && !many &&
        WINOGRAD_FEW_TILES * t->points * (w.chunk + t->columns * min_i64(most, p->rows)) * size <= WINOGRAD_CACHE_BYTES)
        fit = min_i64(fit, t->tiles / p->images == WINOGRAD_IMAGE_TILES ? WINOGRAD_IMAGE_TILES : WINOGRAD_FEW_TILES);
    cut_winograd(p, fit, threads, &w);
    w.row = w.block + (w.odd > 0) * LANES;
    w.v_point = odd_lines(w.chunk * w.row + LANES);
    w.m_rows = min_i64(most, ceil_div(w.grains, w.parts) * WINOGRAD_GRAIN);
    w.m_point = odd_lines(t->columns * w.m_rows * w.row);
    w.filter_rows = min_i64(WINOGRAD_ROWS, w.m_rows);
    w.filter_levels = many || t->tiles <= WINOGRAD_MOST_TILES ? min_i64(w.chunk, WINOGRAD_FILTER_LEVELS) : w.chunk;
    if (w.makes_filters) w.filter_bytes = lay_filters(t, w.filter_rows, w.filter_levels).bytes;
    else w.matrix_bytes = p->groups * lay_filters(t, t->rows, t->depth).bytes;
    w.odd_bytes = line_bytes(t->points * w.odd * w.chunk * size);
    w.v_bytes = line_bytes(t->points * w.v_point * size);
    w.m_bytes = line_bytes(t->points * w.m_point * size);
    w.stage_bytes = line_bytes((t->axis[1].tile * t->axis[2].tile * w.row + LANES) * size);
    int64_t lines = t->axis[1].tile * (t->axis[2].across ? t->axis[2].tile : 1);
    w.output_bytes = line_bytes(lines * most_runs(t, w.row) * (int64_t)sizeof(piece));
    w.place_bytes = line_bytes(w.stage_bytes / (PLACED * size) * (int64_t)sizeof(int64_t));
    for (int64_t twin = 0; twin < t->pairs * t->columns; twin++) {
        product tile = tile_product(twin_of(p, twin), t);
        int64_t bytes = line_bytes(tile.taps * 3 * (int64_t)sizeof(int64_t)) + gather_scratch(&tile, 1);
        w.direct_bytes = max_i64(w.direct_bytes, bytes);
    }
    w.thread_bytes = patch_room_bytes(t, w.row) + w.filter_bytes + w.v_bytes + w.odd_bytes + w.m_bytes +
                     t->columns * w.stage_bytes + line_bytes(w.row * size) + w.output_bytes + w.place_bytes +
                     w.direct_bytes;
    return w;
}

static int64_t winograd_scratch(const product *p, int threads) {
    winograd_plan w = plan_winograd(p, threads);
    return w.matrix_bytes + w.thread_bytes * threads;
}

typedef struct {
    const product *p, *seen;
    winograd_plan w;
    const char *matrix; /* filters of all groups, or NULL */
    char *scratch;
} winograd_job;

static void compute_tile_directly(const product *p, const winograd_tiles *t, int64_t group, int64_t row, int64_t rows,
                                  const pixel_run *run, int64_t tile, char *scratch) {
    product direct = tile_product(p, t);
    int64_t (*offset)[3] = take(&scratch, p->taps * 3 * (int64_t)sizeof(int64_t));
    const winograd_axis *wide = &t->axis[2];
    int64_t corner[3] = {run->at[0], run->at[1], run->at[2] + tile * (wide->across ? 1 : wide->tile * wide->step)};
    for (int64_t tap = 0; tap < p->taps; tap++)
        for (int axis = 0; axis < 3; axis++) offset[tap][axis] = p->offset[tap][axis] + corner[axis] * p->stride[axis];
    for (int axis = 0; axis < 3; axis++) {
        direct.pixels[axis] =
            min_i64(direct.pixels[axis], ceil_div(p->pixels[axis] - corner[axis], t->axis[axis].step));
        if (direct.pixels[axis] <= 0) return; /* of a twin that has one column less */
        direct.dest_start[axis] += corner[axis] * p->dest_stride[axis];
    }
    int64_t channel = group * p->rows + row,
            dest = (run->image * p->groups * p->rows + channel) * volume(p->dest_extent);
    direct.rows = rows;
    direct.offset = (const int64_t (*)[3])offset;
    direct.source = p->source + (run->image * p->groups + group) * p->channels * volume(p->extent);
    direct.matrix = p->matrix + channel * p->channels * p->taps;
    direct.dest = p->dest + dest;
    if (p->epilogue.bias) direct.epilogue.bias = (const T *)p->epilogue.bias + channel;
    if (p->epilogue.residual) direct.epilogue.residual = (const T *)p->epilogue.residual + dest;
    run_gather_here(&direct, scratch);
}

/* Lists the runs of outputs in a block of tiles: from stage[row][tile * columns] to a channel's plane. Those of tiles
 * across and of whole sources are stage[cell][tile]; a piece's width is the step on the stage. A pair's two stages
 * alternate. */
static int64_t find_outputs(const product *p, const winograd_tiles *t, const patch_room *room, int64_t block,
                            piece *outputs) {
    const winograd_axis *wide = &t->axis[2];
    int64_t found = 0, columns = wide->across ? 1 : wide->tile, step = wide->across ? 1 : wide->step;
    int64_t apart = wide->across ? wide->tile : 1;
    for (const pixel_run *run = room->runs; run < room->runs + room->run_count; run++) {
        int64_t from = columns * run->lane, from_row = columns * block;
        if (t->form == WINOGRAD_WHOLE) {
            from_row = wide->tile * block;
            from = run->lane + (p->low[1] + 2) * from_row + (p->low[2] + 2) * block;
        }
        for (int64_t i = 0; i < t->axis[1].tile * apart; i++) {
            int64_t to = run->image * p->groups * p->rows * p->dest_extent[0], at[3] = {run->at[0]};
            at[1] = run->at[1] + i / apart * t->axis[1].step;
            at[2] = run->at[2] + i % apart * wide->step;
            int64_t length = min_i64(columns * run->length, ceil_div(p->pixels[2] - at[2], step));
            if (p->pair) length = min_i64(2 * length, p->dest_extent[2] - 2 * at[2] - p->dest_start[2]);
            if (at[1] >= p->pixels[1] || length <= 0) continue;
            to += at[0] * p->dest_stride[0] + p->dest_start[0];
            for (int axis = 1; axis < 3; axis++)
                to = to * p->dest_extent[axis] + at[axis] * p->dest_stride[axis] + p->dest_start[axis];
            outputs[found++] = make_piece(from + i * from_row, to, length, t->form == WINOGRAD_WHOLE ? block : 1);
        }
    }
    return found;
}

static int lies_in(point_range range, int64_t point) { return range.first <= point && point < range.end; }

/* A block of tiles of one group, and the memory of the thread that takes it. */
typedef struct {
    const winograd_job *job;
    int64_t group, lanes, odd;
    patch_room room;
    filter_layout layout;
    T *filters, *v, *odd_v, *m, *stage[2], *doubt;
    piece *outputs;
    int64_t output_count, dest_step, *place;
    int plain, direct; /* nothing follows the sums; all outputs go to whole parts of rows of dest: no staging */
    char *scratch;
} winograd_block;

/* Finds where parts of vectors of outputs go: to dest itself if all are whole there and no activation follows, or to
 * the stage. */
static void place_outputs(const product *p, winograd_block *b) {
    const winograd_tiles *t = &b->job->w.t;
    int64_t cells = t->axis[1].tile * t->axis[2].tile, found = 0;
    b->dest_step = p->pair ? 1 : (t->axis[2].across ? 1 : t->axis[2].step) * p->dest_stride[2];
    b->plain = b->dest_step == 1 && !p->epilogue.residual && !p->epilogue.activation;
    b->direct = b->dest_step == 1 && !p->epilogue.activation && takes_apart(t) && !p->pair;
    for (const piece *out = b->outputs; b->direct && out < b->outputs + b->output_count; out++) {
        b->direct = (out->source | out->length) % PLACED == 0;
        for (int64_t i = 0; i < out->length; i += PLACED) b->place[(out->source + i) / PLACED] = out->dest + i;
        found += out->length;
    }
    b->direct &= found == cells * b->lanes;
    for (int64_t i = 0; !b->direct && i < cells * b->job->w.row; i += PLACED) b->place[i / PLACED] = i;
}

/* m[point][row][tile] = filters * v for levels [level + d, level + d + levels) of the chunk from `level` on, added
 * where they are not the first of all. */
static void multiply_points(const winograd_block *b, int64_t twin, const T *filters, int64_t rows, int64_t level,
                            int64_t d, int64_t levels, T *m) {
    const winograd_plan *w = &b->job->w;
    const winograd_tiles *t = &w->t;
    int64_t columns = max_i64(t->axis[2].tile, t->axis[2].patch);
    for (int64_t i = 0; i < t->points; i++, m += w->m_point) {
        if (lies_in(t->range[0][twin / 2], divide(i, columns)) && lies_in(t->range[1][twin % 2], i % columns))
            multiply_block(&(block_product){.rows = rows,
                                            .depth = levels,
                                            .count = b->lanes - (b->odd > 0) * LANES,
                                            .matrix = filters + i * b->layout.point,
                                            .matrix_row = b->layout.row,
                                            .panels = b->v + i * w->v_point + d * w->row,
                                            .panel_row = w->row,
                                            .last = b->odd_v + i * b->odd * w->chunk + d,
                                            .last_row = w->chunk,
                                            .more = b->odd,
                                            .c = m,
                                            .c_row = w->row,
                                            .accumulate = level + d > 0});
        else if (level + d == 0) zero_run(m, rows * w->row);
    }
}

/* The levels of each odd tile next to one another. */
static void lay_odd_tiles(const winograd_block *b, int64_t levels) {
    const winograd_plan *w = &b->job->w;
    for (int64_t i = 0; i < w->t.points * b->odd; i++) {
        const T *v = b->v + i / b->odd * w->v_point + b->lanes - LANES + i % b->odd;
        for (int64_t d = 0; d < levels; d++) b->odd_v[i * w->chunk + d] = v[d * w->row];
    }
}

/* M of `count` rows of the twins that lie in a row; `seen` says whether V is that of the first levels already. */
static void multiply_rows(winograd_block *b, int64_t pair, int64_t row, int64_t count, int seen) {
    const winograd_job *job = b->job;
    const product *p = job->p;
    const winograd_plan *w = &job->w;
    const winograd_tiles *t = &w->t;
    for (int64_t level = 0; level < t->depth; level += w->chunk) {
        int64_t levels = min_i64(w->chunk, t->depth - level);
        if (!seen || w->chunks > 1) {
            transform_levels(job->seen, t, b->group, level, levels, &b->room, b->v, w->row, w->v_point);
            lay_odd_tiles(b, levels);
        }
        int64_t step = job->matrix ? count : w->filter_rows;
        for (int64_t r = 0; r < count && !fc_stopped(); r += step)
            for (int64_t column = 0; column < t->columns; column++) {
                int64_t twin = 2 * pair + column, some = min_i64(step, count - r);
                for (int64_t d = 0, few; d < levels; d += few) {
                    const T *filters = b->filters;
                    few = min_i64(w->filter_levels, levels - d);
                    if (job->matrix)
                        filters = (const T *)(job->matrix + b->group * b->layout.bytes) +
                                  (twin * p->rows + row) * b->layout.row + level + d;
                    else
                        transform_filters_of(p, job->seen, t, twin, b->group * p->rows + row + r, some, level + d, few,
                                             &b->layout, b->filters);
                    multiply_points(b, twin, filters, some, level, d, few, b->m + (column * w->m_rows + r) * w->row);
                }
            }
    }
}

/* M -> `count` finished rows. */
static void write_rows(const winograd_block *b, int64_t pair, int64_t row, int64_t count) {
    const winograd_plan *w = &b->job->w;
    const winograd_tiles *t = &w->t;
    const product *p = twin_of(b->job->p, 2 * pair);
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    int64_t plane = volume(p->dest_extent), activation = p->epilogue.activation;
    int64_t stage_row = (t->axis[2].across || t->form == WINOGRAD_WHOLE ? 1 : t->axis[2].tile) * w->row;
    int far = p->images * p->groups * p->rows * plane * (int64_t)sizeof(T) > WINOGRAD_FAR_BYTES;
    const piece *outputs_end = b->outputs + b->output_count;
    for (int64_t k = 0; k < count; k++) {
        int64_t channel = b->group * p->rows + row + k, grain = k % WINOGRAD_GRAIN;
        if (grain == 0) zero_run(b->doubt, b->lanes);
        for (const piece *out = b->outputs; far && out < outputs_end; out++)
            fetch_run(p->dest + out->dest + channel * plane, out->length, b->dest_step);
        for (int64_t column = 0; column < t->columns; column++)
            t->transforms->products(b->m + (column * w->m_rows + k) * w->row, w->m_point, b->lanes,
                                    bias ? bias[channel] : 0, b->direct ? p->dest + channel * plane : b->stage[column],
                                    stage_row, b->place, b->direct && residual ? residual + channel * plane : NULL,
                                    b->doubt);
        for (const piece *out = b->outputs; !b->direct && out < outputs_end; out++) {
            int64_t to = out->dest + channel * plane;
            T line[WINOGRAD_PATCH], *dest = p->dest + to;
            const T *from = b->stage[0] + out->source, *add = residual ? residual + to : NULL;
            if (p->pair) {
                zip_run(dest, from, b->stage[1] + out->source, out->length);
                from = dest;
            } else if (out->width > 1) {
                for (int64_t i = 0; i < out->length; i++) line[i] = from[i * out->width];
                from = line;
            }
            if (b->plain && from != dest) copy_run(dest, from, out->length);
            else finish_run(dest, from, add, out->length, b->dest_step, (int)activation);
        }
        if (grain < WINOGRAD_GRAIN - 1 && k < count - 1) continue;
        for (const pixel_run *run = b->room.runs; run < b->room.runs + b->room.run_count; run++)
            for (int64_t tile = 0; tile < run->length; tile++)
                for (int64_t column = 0; b->doubt[run->lane + tile] != 0 && column < t->columns; column++)
                    compute_tile_directly(column ? p->pair : p, t, b->group, row + k - grain, grain + 1, run, tile,
                                          b->scratch);
    }
}

static void winograd_task(const void *context, int64_t task, int thread) {
    const winograd_job *job = context;
    const product *p = job->p;
    const winograd_plan *w = &job->w;
    const winograd_tiles *t = &w->t;
    winograd_block b = {.job = job, .group = task / w->parts / w->blocks, .scratch = job->scratch};
    b.scratch += thread * w->thread_bytes;
    b.room = take_patch_room(t, w->row, &b.scratch);
    b.filters = take(&b.scratch, w->filter_bytes);
    b.v = take(&b.scratch, w->v_bytes);
    b.odd_v = take(&b.scratch, w->odd_bytes);
    b.m = take(&b.scratch, w->m_bytes);
    for (int64_t column = 0; column < t->columns; column++) b.stage[column] = take(&b.scratch, w->stage_bytes);
    b.doubt = take(&b.scratch, w->row * (int64_t)sizeof(T));
    b.outputs = take(&b.scratch, w->output_bytes);
    b.place = take(&b.scratch, w->place_bytes);

    int64_t part = task % w->parts, block = task / w->parts % w->blocks, first = block * w->block;
    int last = block == w->blocks - 1;
    b.odd = last ? w->odd : 0;
    b.room.count = last ? t->tiles - first : w->block;
    b.room.run_count = find_tile_runs(t, first, b.room.count, b.room.runs);
    b.lanes = ceil_div(b.room.count, LANES) * LANES;
    b.layout = job->matrix ? lay_filters(t, t->rows, t->depth) : lay_filters(t, w->filter_rows, w->filter_levels);
    int64_t begin = part_start(w->grains, w->parts, part) * WINOGRAD_GRAIN;
    int64_t end = min_i64(p->rows, part_start(w->grains, w->parts, part + 1) * WINOGRAD_GRAIN);
    for (int64_t pair = 0; pair < t->pairs; pair++) {
        b.output_count = find_outputs(twin_of(p, 2 * pair), t, &b.room, w->row, b.outputs);
        place_outputs(twin_of(p, 2 * pair), &b);
        for (int64_t row = begin; row < end; row += w->m_rows) {
            int64_t rows = min_i64(w->m_rows, end - row);
            multiply_rows(&b, pair, row, rows, pair > 0 || row > begin);
            write_rows(&b, pair, row, rows);
        }
    }
}

static void run_winograd(const product *p, void *scratch, int threads) {
    product seen;
    join_twins(p, &seen);
    winograd_job job = {.p = p, .seen = &seen, .w = plan_winograd(p, threads)};
    char *rest = scratch;
    char *matrix = take(&rest, job.w.matrix_bytes);
    job.scratch = rest;
    if (!job.w.makes_filters) {
        const winograd_tiles *t = &job.w.t;
        filter_layout layout = lay_filters(t, t->rows, t->depth);
        winograd_filter_job filters = {.p = p, .seen = &seen, .t = *t, .filters = layout, .matrix = matrix};
        fc_parallel_for(p->groups * t->rows, threads, winograd_filter_task, &filters);
        job.matrix = matrix;
    }
    fc_parallel_for(p->groups * job.w.blocks * job.w.parts, threads, winograd_task, &job);
}
