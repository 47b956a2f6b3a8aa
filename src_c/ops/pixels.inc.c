/* pixels.inc.c: a product (see product.inc.c) on the tile kernel, the other way round: lanes run along the rows of the
 * matrix, and a tile's rows are pixels, which are read where they lie.
 *
 * Nothing is gathered, so rows of pixels may be short and strides wide. The matrix is transposed once, into panels
 * [level][lanes]. What a block of pixels sees is copied with the zeros around it, some channels at a time, unless all
 * pixels see the source alone. Finished sums are transposed into dest.
 *
 * Where many taps miss a small source, a tile's rows are the same pixel of several images, and only the taps that see
 * the source are taken: the copy is of that alone, with its channels last, and levels are in the order (tap, channel),
 * so that the taps of a row are one run. */

typedef struct {
    int across;            /* a tile's rows are images */
    int64_t images, units; /* images of a block, blocks of images */
    int axis;              /* the first of several pixels: bands of it are blocks */
    int64_t band, bands;
    int64_t channels, chunks; /* channels at a time */
    int64_t lanes, panels;    /* of all rows */
    int64_t stage_row;
    int copied;
    int64_t region[3]; /* cells that a block sees along each axis, at most */
    int64_t packed;    /* elements of a group's panels */
    int64_t packed_bytes, level_bytes, copy_bytes, stage_bytes, thread_bytes;
} pixel_plan;

enum {
    PIXEL_DEPTH = 384,         /* levels at a time, unless one channel has more */
    ACROSS_DEPTH = 1024,       /* the same across images */
    PIXEL_MATRIX = 512 * 1024, /* bytes that stay near */
    ACROSS_CELLS = 512,        /* of a source or of dest, at most */
    PIXEL_STAGE = 32 * 1024,
    ACROSS_STAGE = 128 * 1024,
    LEAST_PIXELS = 64, /* of a block, where there are so many */
    MOST_PIXELS = 512,
    FEWEST_PIXELS = 48, /* of a block that is one of several so that threads share them */
};

/* Whether a tap of some pixel lies outside the source. */
static int sees_zeros(const product *p) {
    for (int axis = 0; axis < 3; axis++)
        if (p->low[axis] < 0 || (p->pixels[axis] - 1) * p->stride[axis] + p->high[axis] >= p->extent[axis]) return 1;
    return 0;
}

FC_PLAN pixel_plan cut_pixels(const product *p, int across) {
    pixel_plan s = {.across = across, .lanes = ceil_div(p->rows, LANES) * LANES, .copied = across || sees_zeros(p)};
    int64_t stage = across ? ACROSS_STAGE : PIXEL_STAGE, most = clamp_i64(stage / s.lanes, LEAST_PIXELS, MOST_PIXELS);
    int64_t pixels = volume(p->pixels);
    int64_t all = p->groups * p->images * pixels, levels = p->channels * p->taps;
    if (all * (s.lanes / LANES) * levels >= SHARED_WORK)
        most = min_i64(most, max_i64(all / LEAST_TASKS, FEWEST_PIXELS));
    s.panels = ceil_div(s.lanes, PANEL);
    s.stage_row = odd_lines(s.lanes);
    s.chunks = ceil_div(p->channels, max_i64(1, (across ? ACROSS_DEPTH : PIXEL_DEPTH) / p->taps));
    s.channels = ceil_div(p->channels, s.chunks);
    s.packed = p->channels * p->taps * s.lanes;
    while (s.axis < 2 && p->pixels[s.axis] == 1) s.axis++;
    int64_t slice = pixels / p->pixels[s.axis], together = across ? TILE_ROWS : 1;
    s.units = ceil_div(p->images, max_i64(1, most / pixels / together) * together);
    s.images = ceil_div(p->images, s.units);
    s.bands = ceil_div(p->pixels[s.axis], max_i64(1, most / slice / (across ? s.images : 1)));
    s.band = ceil_div(p->pixels[s.axis], s.bands);
    for (int axis = 0; axis < 3; axis++) {
        int64_t count = axis == s.axis ? s.band : p->pixels[axis];
        s.region[axis] = (count - 1) * p->stride[axis] + p->high[axis] - p->low[axis] + 1;
        if (across) s.region[axis] = min_i64(s.region[axis], p->extent[axis]);
    }
    s.packed_bytes = line_bytes(p->groups * s.packed * (int64_t)sizeof(T));
    int64_t cells = across     ? s.images * odd_lines(s.channels * volume(s.region))
                    : s.copied ? s.images * s.channels * volume(s.region)
                               : 0;
    s.level_bytes = line_bytes(s.channels * p->taps * (int64_t)sizeof(int64_t));
    s.copy_bytes = line_bytes(cells * (int64_t)sizeof(T));
    s.stage_bytes = line_bytes(s.images * s.band * slice * s.stage_row * (int64_t)sizeof(T));
    s.thread_bytes = s.level_bytes + s.copy_bytes + 2 * s.stage_bytes;
    return s;
}

/* The taps of an axis that see the source, of all its pixels. */
static int64_t taps_seen(const product *p, int axis) {
    int64_t seen = 0, low, high;
    for (int64_t tap = 0; tap < p->count[axis]; tap++, seen += high - low)
        clip_cells(p->low[axis] + tap * tap_gap(p, axis), p->stride[axis], p->extent[axis], p->pixels[axis], &low,
                   &high);
    return seen;
}

/* In multiply-adds of vectors, as measured. */
FC_PLAN double cost_pixels(const product *p, const pixel_plan *s) {
    double levels = (double)p->channels * p->taps, vectors = (double)s->lanes / LANES;
    double blocks = (double)p->images * s->bands, pixels = (double)p->images * volume(p->pixels);
    double packing = 2 * s->lanes * levels, rows = blocks * p->channels * s->region[0] * s->region[1];
    if (!s->across)
        return p->groups *
               (pixels * vectors * (levels + 20) + packing + (s->copied ? rows * (20 + 0.75 * s->region[2]) : 0));
    int64_t turns = s->units * row_blocks(s->images); /* a tile of few images takes as long as one of more */
    double seen = (double)max_i64(p->images, turns * (TILE_ROWS - 1)), runs = 0;
    for (int axis = 0; axis < 3; axis++) {
        if (axis == 2) runs = seen * p->pixels[2];
        seen *= (double)taps_seen(p, axis);
    }
    double sums = seen * p->channels * (vectors + 0.4 * (s->panels * 2 > vectors)); /* one vector waits for its sums */
    double matrix = 3 * s->lanes * levels; /* packing it; a large one comes and goes, again for each block */
    if (levels * s->lanes * T_BYTES > PIXEL_MATRIX) matrix *= 2.5 + 0.2 * s->units * s->bands;
    return p->groups *
           (sums + 20 * vectors * pixels + runs * (5 * vectors + 8 * s->panels) + matrix + 0.5 * rows * s->region[2]);
}

/* Whether tiles may have images as their rows. */
static int runs_across(const product *p) {
    return p->by_batch && p->images >= TILE_ROWS && p->taps > 1 && !p->tap && !p->pair && sees_zeros(p) &&
           volume(p->extent) <= ACROSS_CELLS && volume(p->pixels) <= ACROSS_CELLS;
}

FC_PLAN pixel_plan plan_pixels(const product *p) {
    pixel_plan s = cut_pixels(p, 0);
    if (!runs_across(p)) return s;
    pixel_plan across = cut_pixels(p, 1);
    return cost_pixels(p, &across) < cost_pixels(p, &s) ? across : s;
}

static int64_t pixels_scratch(const product *p, int threads) {
    pixel_plan s = plan_pixels(p);
    return s.packed_bytes + s.thread_bytes * threads;
}

static double pixels_cost(const product *p) {
    pixel_plan s = plan_pixels(p);
    return cost_pixels(p, &s);
}

typedef struct {
    const product *p;
    pixel_plan s;
    const T *packed;
    T *packing;
    char *scratch;
} pixel_job;

/* Panels have as many vectors as others or one fewer. */
static int64_t panel_start(const pixel_plan *s, int64_t panel) {
    return part_start(s->lanes / LANES, s->panels, panel) * LANES;
}

/* A panel whose levels are in the order (tap, channel), taps by their offsets. */
static void pack_taps(const product *p, const T *matrix, int64_t rows, int64_t channels, int64_t width, T *panel) {
    enum { LEVELS = 64 };
    T turned[LEVELS * PANEL];
    int64_t levels = channels * p->taps, matrix_row = p->channels * p->taps;
    for (int64_t first = 0; first < levels; first += LEVELS) {
        int64_t count = min_i64(LEVELS, levels - first);
        transpose_block(matrix + first, matrix_row, rows, count, turned, width);
        for (int64_t i = 0; i < count; i++) {
            int64_t channel = (first + i) / p->taps, place = 0;
            const int64_t *offset = p->offset[(first + i) % p->taps];
            for (int axis = 0; axis < 3; axis++)
                place = place * p->count[axis] + (offset[axis] - p->low[axis]) / tap_gap(p, axis);
            copy_run(panel + (place * channels + channel) * width, turned + i * width, rows);
        }
    }
}

static void pack_panel(const void *context, int64_t task, int thread) {
    (void)thread;
    const pixel_job *job = context;
    const product *p = job->p;
    const pixel_plan *s = &job->s;
    int64_t panel = task % s->panels, chunk = task / s->panels % s->chunks, group = task / s->panels / s->chunks;
    int64_t first = panel_start(s, panel), width = panel_start(s, panel + 1) - first;
    int64_t rows = min_i64(width, p->rows - first), matrix_row = p->channels * p->taps;
    int64_t level = part_start(p->channels, s->chunks, chunk) * p->taps;
    int64_t depth = part_start(p->channels, s->chunks, chunk + 1) * p->taps - level;
    T *to = job->packing + group * s->packed + level * s->lanes + first * depth;
    const T *matrix = p->matrix + (group * p->rows + first) * matrix_row + level;
    if (rows < width) zero_run(to, depth * width);
    if (s->across) pack_taps(p, matrix, rows, depth / p->taps, width, to);
    else transpose_block(matrix, matrix_row, rows, depth, to, width);
}

/* Images and pixels of a block, and the cells that they see. */
typedef struct {
    int64_t group, image, images, first[3], count[3];
    int64_t row, plane, channel, step; /* cells from row to row, plane to plane, channel to channel, image to image */
} pixel_block;

static pixel_block take_block(const product *p, const pixel_plan *s, int64_t task) {
    int64_t band = task % s->bands, unit = task / s->bands % s->units;
    pixel_block b = {.group = task / s->bands / s->units, .image = part_start(p->images, s->units, unit)};
    b.images = part_start(p->images, s->units, unit + 1) - b.image;
    for (int axis = 0; axis < 3; axis++) b.count[axis] = p->pixels[axis];
    b.first[s->axis] = part_start(p->pixels[s->axis], s->bands, band);
    b.count[s->axis] = part_start(p->pixels[s->axis], s->bands, band + 1) - b.first[s->axis];
    const int64_t *extent = s->copied ? s->region : p->extent;
    b.row = extent[2];
    b.plane = extent[1] * b.row;
    b.channel = extent[0] * b.plane;
    b.step = s->copied ? s->channels * b.channel : p->groups * p->channels * b.channel;
    return b;
}

/* Copies channels of the region that a block sees. */
static void copy_region(const product *p, const pixel_plan *s, const pixel_block *b, const T *source, int64_t channels,
                        T *to) {
    int64_t from[3];
    for (int axis = 0; axis < 3; axis++) from[axis] = b->first[axis] * p->stride[axis] + p->low[axis];
    for (int64_t i = 0; i < b->images * channels; i++) {
        int64_t image = i / channels, channel = i % channels;
        const T *x = source + (image * p->groups * p->channels + channel) * volume(p->extent);
        T *cell = to + image * b->step + channel * b->channel;
        for (int64_t z = from[0]; z < from[0] + s->region[0]; z++)
            for (int64_t y = from[1]; y < from[1] + s->region[1]; y++, cell += b->row) {
                if (z < 0 || z >= p->extent[0] || y < 0 || y >= p->extent[1]) zero_run(cell, b->row);
                else copy_padded(cell, x + (z * p->extent[1] + y) * p->extent[2], from[2], 1, p->extent[2], b->row);
            }
    }
}

/* stage[pixel][row] (+)= the product of the cells at `levels` with panels of these levels. */
static void multiply_block_pixels(const product *p, const pixel_plan *s, const pixel_block *b, const T *cells,
                                  const int64_t *levels, int64_t depth, const T *panels, int accumulate, T *stage) {
    int64_t pixels = b->images * volume(b->count), parts = ceil_div(pixels, TILE_ROWS);
    for (int64_t panel = 0; panel < s->panels; panel++) {
        int64_t lane = panel_start(s, panel), width = panel_start(s, panel + 1) - lane, image = 0, at[3] = {0};
        tile_arguments t = {.outer = 1,
                            .inner = depth,
                            .rows = levels,
                            .b = panels + lane * depth,
                            .b_row = width,
                            .c_row = s->stage_row,
                            .accumulate = accumulate};
        for (int64_t part = 0; part < parts; part++) {
            int64_t pixel = part_start(pixels, parts, part), m = part_start(pixels, parts, part + 1) - pixel;
            const T *a[TILE_ROWS];
            for (int64_t i = 0; i < m; i++) {
                a[i] = cells + image * b->step + at[0] * p->stride[0] * b->plane + at[1] * p->stride[1] * b->row +
                       at[2] * p->stride[2];
                int axis = 2;
                for (; axis >= 0 && ++at[axis] == b->count[axis]; axis--) at[axis] = 0;
                image += axis < 0;
            }
            t.c = stage + pixel * s->stage_row + lane;
            tiles[width / LANES - 1][m - 1](a, &t);
        }
    }
}

/* Where the region of a block begins that is copied for tiles across images. */
static int64_t region_start(const product *p, const pixel_plan *s, const pixel_block *b, int axis) {
    return clamp_i64(b->first[axis] * p->stride[axis] + p->low[axis], 0, p->extent[axis] - s->region[axis]);
}

/* Elements from image to image where channels of the region are copied with the channels last. */
static int64_t turned_step(const pixel_plan *s, int64_t channels) { return odd_lines(channels * volume(s->region)); }

/* Copies channels of the region so. */
static void turn_region(const product *p, const pixel_plan *s, const pixel_block *b, const T *source, int64_t channels,
                        T *to) {
    int64_t plane = volume(p->extent), whole = s->region[2] == p->extent[2]; /* rows that lie next to one another */
    int64_t rows = whole ? 1 : s->region[1], cells = s->region[1] * s->region[2] / rows;
    for (int64_t image = 0; image < b->images; image++, source += p->groups * p->channels * plane) {
        T *cell = to + image * turned_step(s, channels);
        for (int64_t z = 0; z < s->region[0]; z++)
            for (int64_t y = 0; y < rows; y++, cell += cells * channels) {
                int64_t at = (region_start(p, s, b, 0) + z) * p->extent[1] + region_start(p, s, b, 1) + y;
                transpose_block(source + at * p->extent[2] + region_start(p, s, b, 2), plane, channels, cells, cell,
                                channels);
            }
    }
}

/* The taps that see a pixel along an axis, and the cell of the region that the first of them sees. */
static tap_span taps_at(const product *p, const pixel_plan *s, const pixel_block *b, int axis, int64_t pixel,
                        int64_t *cell) {
    tap_span seen = span_at(p, axis, pixel);
    *cell = pixel * p->stride[axis] + p->low[axis] + seen.first * tap_gap(p, axis) - region_start(p, s, b, axis);
    return seen;
}

/* c += the products of the taps that see a pixel of some images; `cell` is the first cell that one sees. */
static void add_seen_taps(const product *p, const pixel_plan *s, const tap_span seen[3], const T *const *cell,
                          int64_t images, int64_t channels, const T *panel, tile_arguments *t) {
    int64_t row = s->region[2] * channels, next_row = tap_gap(p, 1) * row;
    int64_t next_plane = tap_gap(p, 0) * s->region[1] * row;
    for (int64_t z = 0; z < seen[0].taps; z++)
        for (int64_t y = 0; y < seen[1].taps; y++) {
            const T *a[TILE_ROWS];
            int64_t tap = (seen[0].first + z) * p->count[1] + seen[1].first + y;
            for (int64_t i = 0; i < images; i++) a[i] = cell[i] + z * next_plane + y * next_row;
            t->b = panel + (tap * p->count[2] + seen[2].first) * channels * t->b_row;
            tiles[t->b_row / LANES - 1][images - 1](a, t);
        }
}

/* stage[image][pixel][row] += the product of the copied cells with panels of their levels. */
static void multiply_across(const product *p, const pixel_plan *s, const pixel_block *b, const T *cells,
                            int64_t channels, int64_t *levels, const T *panels, T *stage) {
    int64_t blocks = row_blocks(b->images), slice = volume(b->count), step = turned_step(s, channels);
    int runs = tap_gap(p, 2) == 1; /* taps of a row see neighbours */
    for (int64_t tap = 0; tap < p->count[2]; tap++) levels[tap] = tap * tap_gap(p, 2) * channels;
    for (int64_t part = 0; part < s->panels * blocks; part++) {
        int64_t lane = panel_start(s, part / blocks), width = panel_start(s, part / blocks + 1) - lane;
        int64_t image = part_start(b->images, blocks, part % blocks);
        int64_t images = part_start(b->images, blocks, part % blocks + 1) - image;
        tile_arguments t = {.outer = 1,
                            .rows = levels,
                            .a_step = 1,
                            .b_row = width,
                            .c = stage + image * slice * s->stage_row + lane,
                            .c_row = slice * s->stage_row,
                            .accumulate = 1};
        tap_span seen[3];
        int64_t at[3];
        for (int64_t z = b->first[0]; z < b->first[0] + b->count[0]; z++) {
            seen[0] = taps_at(p, s, b, 0, z, at);
            for (int64_t y = b->first[1]; y < b->first[1] + b->count[1]; y++) {
                seen[1] = taps_at(p, s, b, 1, y, at + 1);
                for (int64_t x = b->first[2]; x < b->first[2] + b->count[2]; x++, t.c += s->stage_row) {
                    seen[2] = taps_at(p, s, b, 2, x, at + 2);
                    if (seen[2].taps == 0) continue;
                    const T *cell[TILE_ROWS];
                    for (int64_t i = 0; i < images; i++)
                        cell[i] = cells + (image + i) * step +
                                  ((at[0] * s->region[1] + at[1]) * s->region[2] + at[2]) * channels;
                    t.outer = runs ? 1 : seen[2].taps;
                    t.inner = runs ? seen[2].taps * channels : channels;
                    add_seen_taps(p, s, seen, cell, images, channels, panels + lane * channels * p->taps, &t);
                }
            }
        }
    }
}

/* A block's pixels of one matrix row, to the plane of dest that starts at `to`. */
static void spread_pixels(const product *p, const pixel_block *b, const T *x, int64_t to) {
    int64_t column = b->first[2] * p->dest_stride[2] + p->dest_start[2];
    const T *residual = p->epilogue.residual;
    for (int64_t z = b->first[0]; z < b->first[0] + b->count[0]; z++)
        for (int64_t y = b->first[1]; y < b->first[1] + b->count[1]; y++, x += b->count[2]) {
            int64_t row = (z * p->dest_stride[0] + p->dest_start[0]) * p->dest_extent[1];
            row += y * p->dest_stride[1] + p->dest_start[1];
            int64_t cell = to + row * p->dest_extent[2] + column;
            finish_run(p->dest + cell, x, residual ? residual + cell : NULL, b->count[2], p->dest_stride[2],
                       p->epilogue.activation);
        }
}

/* Finished pixels to dest, by way of `turned` where dest lies strided. */
static void write_pixels(const product *p, const pixel_plan *s, const pixel_block *b, const T *stage, T *turned) {
    int64_t slice = volume(b->count), plane = volume(p->dest_extent), activation = p->epilogue.activation;
    const T *residual = p->epilogue.residual;
    for (int64_t i = 0; i < b->images; i++, stage += slice * s->stage_row) {
        int64_t to = ((b->image + i) * p->groups + b->group) * p->rows * plane;
        if (!is_dense(p)) {
            transpose_block(stage, s->stage_row, slice, p->rows, turned, slice);
            for (int64_t k = 0; k < p->rows; k++) spread_pixels(p, b, turned + k * slice, to + k * plane);
            continue;
        }
        to += (b->first[0] * p->pixels[1] + b->first[1]) * p->pixels[2] + b->first[2];
        transpose_block(stage, s->stage_row, slice, p->rows, p->dest + to, plane);
        if (activation == FC_NONE && !residual) continue;
        for (int64_t k = 0; k < p->rows; k++, to += plane)
            finish_run(p->dest + to, p->dest + to, residual ? residual + to : NULL, slice, 1, activation);
    }
}

static void pixel_task(const void *context, int64_t task, int thread) {
    const pixel_job *job = context;
    const product *p = job->p;
    const pixel_plan *s = &job->s;
    char *scratch = job->scratch + thread * s->thread_bytes;
    int64_t *levels = take(&scratch, s->level_bytes);
    T *copy = take(&scratch, s->copy_bytes), *stage = take(&scratch, s->stage_bytes), *turned = (T *)(void *)scratch;
    pixel_block b = take_block(p, s, task);
    for (int64_t level = 0; level < s->channels * p->taps; level++) {
        const int64_t *offset = p->offset[level % p->taps];
        levels[level] = level / p->taps * b.channel + (offset[0] - p->low[0]) * b.plane +
                        (offset[1] - p->low[1]) * b.row + offset[2] - p->low[2];
    }
    const T *bias = p->epilogue.bias;
    for (int64_t i = 0; (bias || s->across) && i < b.images * volume(b.count); i++) {
        if (bias) copy_run(stage + i * s->stage_row, bias + b.group * p->rows, p->rows);
        else zero_run(stage + i * s->stage_row, s->lanes);
    }
    int64_t corner = 0; /* in place: the cell that the first tap of the first pixel sees */
    for (int axis = 0; axis < 3; axis++)
        corner = corner * p->extent[axis] + b.first[axis] * p->stride[axis] + p->low[axis];
    for (int64_t chunk = 0; chunk < s->chunks && !fc_stopped(); chunk++) {
        int64_t channel = part_start(p->channels, s->chunks, chunk);
        int64_t channels = part_start(p->channels, s->chunks, chunk + 1) - channel;
        const T *source = p->source + ((b.image * p->groups + b.group) * p->channels + channel) * volume(p->extent);
        const T *panels = job->packed + b.group * s->packed + channel * p->taps * s->lanes;
        if (s->across) {
            turn_region(p, s, &b, source, channels, copy);
            multiply_across(p, s, &b, copy, channels, levels, panels, stage);
            continue;
        }
        if (s->copied) copy_region(p, s, &b, source, channels, copy);
        multiply_block_pixels(p, s, &b, s->copied ? copy : source + corner, levels, channels * p->taps, panels,
                              bias || chunk > 0, stage);
    }
    write_pixels(p, s, &b, stage, turned);
}

static void pack_pixels(const product *p, void *packed, int threads) {
    pixel_job job = {.p = p, .s = plan_pixels(p), .packing = packed};
    fc_parallel_for(p->groups * job.s.chunks * job.s.panels, threads, pack_panel, &job);
}

static void run_pixels(const product *p, void *scratch, int threads) {
    char *rest = scratch;
    pixel_job job = {.p = p, .s = plan_pixels(p), .packed = p->packed};
    const pixel_plan *s = &job.s;
    T *packing = take(&rest, s->packed_bytes);
    job.scratch = rest;
    if (!job.packed) {
        pack_pixels(p, packing, threads);
        job.packed = packing;
    }
    fc_parallel_for(p->groups * s->units * s->bands, threads, pixel_task, &job);
}
