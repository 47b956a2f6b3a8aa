/* joint_phases.inc.c: grad_input (see conv_grad_input.inc.c) of wide strides that divide the kernel.
 *
 * There every phase sees as many taps as any other, at the same shifts of grad_output: with i + padding = q * stride +
 * phase and a tap r = a * stride + phase, o = q - a * dilation. So (channel, phase) are the rows of one product of unit
 * stride, at pixels q. Its results are interleaved, a part of the channels and a band of the pixels at a time, while
 * they are in cache. */

typedef struct {
    product p;        /* of one image and group */
    int64_t phases;   /* of all axes */
    int axis;         /* the first of several pixels: bands of it are tasks */
    int64_t bands;    /* of an image */
    int64_t parts;    /* of a group's channels */
    int64_t first[3]; /* the pixel that has the first cell */
    int64_t row_bytes, bias_bytes, stage_bytes, line_bytes, thread_bytes;
} joint_plan;

enum {
    JOINT_CELLS = 96 * 1024,
    JOINT_MOST_CELLS = 256 * 1024,
    JOINT_ROWS = 256,
    JOINT_PHASES = 4,
    JOINT_PHASE = 20 * 1000
};

static product joint_product(const fc_conv_geometry *g, int64_t first[3]) {
    product p = {.groups = 1, .images = 1, .channels = g->K / g->G, .taps = 1, .exact = g->exact};
    for (int axis = 0; axis < 3; axis++) {
        int64_t stride = g->stride[axis];
        first[axis] = divide(g->padding[axis], stride);
        p.extent[axis] = g->output[axis];
        p.count[axis] = divide(g->kernel[axis], stride);
        p.taps *= p.count[axis];
        p.stride[axis] = p.dest_stride[axis] = 1;
        p.pixels[axis] = divide(g->input[axis] - 1 + g->padding[axis], stride) - first[axis] + 1;
        p.high[axis] = first[axis];
        p.low[axis] = first[axis] - (p.count[axis] - 1) * g->dilation[axis];
    }
    return p;
}

/* The first axis of several pixels. */
static int long_axis(const product *p) { return p->pixels[0] > 1 ? 0 : p->pixels[1] > 1 ? 1 : 2; }

/* Where a part of a group's channels starts, so that rows fill tiles. */
static int64_t joint_channel(const fc_conv_geometry *g, const joint_plan *s, int64_t part) {
    int64_t C = g->C / g->G, unit = ceil_div(TILE_ROWS, s->phases);
    return min_i64(C, part_start(ceil_div(C, unit), s->parts, part) * unit);
}

/* The largest or smallest part of the channels at the most or the fewest pixels of a band. */
static product joint_part(const fc_conv_geometry *g, const joint_plan *s, int small, int few) {
    product p = s->p;
    int64_t pixels = p.pixels[s->axis];
    for (int64_t part = 0; part < s->parts; part++) {
        int64_t rows = (joint_channel(g, s, part + 1) - joint_channel(g, s, part)) * s->phases;
        p.rows = part == 0 ? rows : small ? min_i64(p.rows, rows) : max_i64(p.rows, rows);
    }
    p.pixels[s->axis] = few ? pixels / s->bands : ceil_div(pixels, s->bands);
    for (int axis = 0; axis < 3; axis++) p.dest_extent[axis] = p.pixels[axis];
    return p;
}

FC_PLAN joint_plan plan_joint(const fc_conv_geometry *g) {
    joint_plan s = {.phases = volume(g->stride)};
    s.p = joint_product(g, s.first);
    s.axis = long_axis(&s.p);
    int64_t C = g->C / g->G, pixels = s.p.pixels[s.axis], slice = volume(s.p.pixels) / pixels;
    int64_t band = clamp_i64(JOINT_CELLS / min_i64(C * s.phases, JOINT_ROWS) / slice, 1, pixels);
    s.bands = ceil_div(pixels, band);
    band = ceil_div(pixels, s.bands);
    s.parts = ceil_div(C, clamp_i64(JOINT_CELLS / (s.phases * slice * band), 1, C));
    int64_t tasks = g->N * g->G * s.bands * s.parts, levels = s.p.channels * s.p.taps;
    int64_t work = g->N * g->C * s.phases * levels * ceil_div(volume(s.p.pixels), LANES);
    s.parts = min_i64(ceil_div(C, ceil_div(TILE_ROWS, s.phases)), s.parts * parts_to_share(work, tasks));
    product most = joint_part(g, &s, 0, 0);
    int64_t scratch = 0;
    for (int i = 0; i < 4; i++) {
        product p = joint_part(g, &s, i / 2, i % 2);
        scratch = max_i64(scratch, gather_scratch(&p, 1));
    }
    s.row_bytes = line_bytes(s.p.taps * (int64_t)sizeof *s.p.offset);
    s.bias_bytes = line_bytes(most.rows * (int64_t)sizeof(T));
    s.stage_bytes = line_bytes((most.rows * volume(most.pixels) + LANES) * (int64_t)sizeof(T));
    s.line_bytes = line_bytes((most.pixels[2] + LANES) * g->stride[2] * (int64_t)sizeof(T));
    s.thread_bytes = s.row_bytes + s.bias_bytes + s.stage_bytes + s.line_bytes + scratch;
    return s;
}

/* Strides that divide the kernel, where rows for all phases at pixels for all cost less than each phase packed alone.
 */
static int takes_joint_phases(const fc_conv_geometry *g) {
    int64_t first[3], phases = volume(g->stride), C = g->C / g->G, rows = C * phases;
    if (phases < JOINT_PHASES || volume(g->input) * volume(g->output) == 0) return 0;
    for (int axis = 0; axis < 3; axis++)
        if (g->kernel[axis] % g->stride[axis] != 0 || (g->stride[axis] > 1 && g->dilation[axis] > 1)) return 0;
    product p = joint_product(g, first);
    int64_t pixels = volume(p.pixels), levels = p.channels * p.taps;
    double sums = (double)g->N * g->G * levels / LANES;
    double together = sums * pixels * (rows + GATHER_PACKING), alone = sums * volume(g->input) * (C + GATHER_PACKING);
    if ((g->G > 1 && rows < 2 * TILE_ROWS) || (phases == JOINT_PHASES && levels > GATHER_DEPTH)) return 0;
    return phases * (pixels / p.pixels[long_axis(&p)]) <= JOINT_MOST_CELLS && !is_sparse(&p) &&
           together <= alone + phases * JOINT_PHASE;
}

static int64_t joint_scratch(const fc_conv_geometry *g, int threads) { return plan_joint(g).thread_bytes * threads; }

/* y[i * stride + phase] = x[phase * x_row + i]; whole vectors are read and written. */
static void zip_phases(const T *x, int64_t x_row, int64_t stride, int64_t n, T *y) {
    static const int64_t in_order[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (stride == 1) copy_run(y, x, n);
    else if (stride == 2) zip_run(y, x, x + x_row, 2 * n);
    else if (stride == 4 || stride == 8)
        for (int64_t i = 0; i < n; i += LANES, y += stride * LANES) {
            T columns[8 * LANES];
            for (int64_t phase = 0; phase < stride; phase++)
                store(columns + phase * LANES, load(x + phase * x_row + i));
            if (stride == 4) zip_columns(columns, in_order, 4, y);
            else zip_columns(columns, in_order, 8, y);
        }
    else transpose_block(x, x_row, stride, n, y, stride);
}

typedef struct {
    const fc_conv_geometry *g;
    joint_plan s;
    const T *grad_output, *matrix;
    fc_epilogue epilogue;
    T *grad_input;
    char *scratch;
} joint_job;

/* The rows of grad_input that a channel's pixels are, `stage` holding its phases. `at` is the first pixel. */
static void write_channel(const joint_job *job, const product *p, const int64_t at[3], const T *stage, int64_t to,
                          T *line) {
    const fc_conv_geometry *g = job->g;
    const int64_t *stride = g->stride, *padding = g->padding, *extent = g->input;
    int64_t plane = volume(p->pixels), left = at[2] * stride[2] - padding[2];
    int64_t low = max_i64(0, left), high = min_i64(extent[2], left + p->pixels[2] * stride[2]);
    const T *residual = job->epilogue.residual;
    for (int64_t z = 0; z < p->pixels[0] * stride[0]; z++)
        for (int64_t y = 0; y < p->pixels[1] * stride[1]; y++) {
            int64_t row[2] = {at[0] * stride[0] + z - padding[0], at[1] * stride[1] + y - padding[1]};
            if (row[0] < 0 || row[0] >= extent[0] || row[1] < 0 || row[1] >= extent[1]) continue;
            int64_t phase = (z % stride[0] * stride[1] + y % stride[1]) * stride[2];
            int64_t pixel = (z / stride[0] * p->pixels[1] + y / stride[1]) * p->pixels[2];
            int64_t cell = to + (row[0] * extent[1] + row[1]) * extent[2] + low;
            zip_phases(stage + phase * plane + pixel, plane, stride[2], p->pixels[2], line);
            finish_run(job->grad_input + cell, line + low - left, residual ? residual + cell : NULL, high - low, 1,
                       job->epilogue.activation);
        }
}

static void joint_task(const void *context, int64_t task, int thread) {
    const joint_job *job = context;
    const fc_conv_geometry *g = job->g;
    const joint_plan *s = &job->s;
    char *scratch = job->scratch + thread * s->thread_bytes;
    int64_t (*offset)[3] = take(&scratch, s->row_bytes);
    T *bias = take(&scratch, s->bias_bytes), *stage = take(&scratch, s->stage_bytes);
    T *line = take(&scratch, s->line_bytes);

    int64_t band = task % s->bands, part = task / s->bands % s->parts, image = task / s->bands / s->parts;
    int64_t C = g->C / g->G, c = joint_channel(g, s, part), channels = joint_channel(g, s, part + 1) - c;
    int64_t at[3] = {s->first[0], s->first[1], s->first[2]};
    product p = s->p;
    int64_t start = part_start(p.pixels[s->axis], s->bands, band);
    p.pixels[s->axis] = part_start(p.pixels[s->axis], s->bands, band + 1) - start;
    p.low[s->axis] += start;
    p.high[s->axis] += start;
    at[s->axis] += start;
    for (int64_t tap = 0; tap < p.taps; tap++)
        for (int64_t axis = 2, rest = tap; axis >= 0; rest /= p.count[axis--])
            offset[tap][axis] = p.high[axis] - rest % p.count[axis] * g->dilation[axis];
    for (int axis = 0; axis < 3; axis++) p.dest_extent[axis] = p.pixels[axis];
    int64_t channel = image % g->G * C + c, plane = volume(p.pixels), cells = volume(g->input);
    p.rows = channels * s->phases;
    p.offset = (const int64_t (*)[3])offset;
    p.source = job->grad_output + image * p.channels * volume(p.extent);
    p.matrix = job->matrix + channel * s->phases * p.channels * p.taps;
    p.dest = stage;
    if (job->epilogue.bias) {
        for (int64_t i = 0; i < channels; i++)
            fill_run(bias + i * s->phases, ((const T *)job->epilogue.bias)[channel + i], s->phases);
        p.epilogue.bias = bias;
    }
    run_gather_here(&p, scratch);
    for (int64_t i = 0; i < channels; i++)
        write_channel(job, &p, at, stage + i * s->phases * plane, (image * C + c + i) * cells, line);
}

/* The rows of the phases of a channel follow one another. Phases and taps are listed in `flat`. */
static void write_joint_rows(const fc_conv_geometry *g, const void *weight, T *matrix, int64_t *flat,
                             phase_matrix *matrices, int threads) {
    int64_t first[3], phases = volume(g->stride);
    product p = joint_product(g, first);
    for (int64_t phase = 0; phase < phases; phase++) {
        int64_t residue[3] = {phase / g->stride[2] / g->stride[1], phase / g->stride[2] % g->stride[1],
                              phase % g->stride[2]};
        matrices[phase] = (phase_matrix){.taps = p.taps,
                                         .tap = flat,
                                         .matrix = matrix + phase * p.channels * p.taps,
                                         .row = phases * p.channels * p.taps};
        for (int64_t tap = 0; tap < p.taps; tap++, flat++) {
            int64_t a[3] = {tap / p.count[2] / p.count[1], tap / p.count[2] % p.count[1], tap % p.count[2]};
            *flat = 0;
            for (int axis = 0; axis < 3; axis++)
                *flat = *flat * g->kernel[axis] + a[axis] * g->stride[axis] + residue[axis];
        }
    }
    run_transpose(&(transpose_job){g, weight, matrices, phases}, threads);
}

static void run_joint_phases(const fc_conv_geometry *g, const T *grad_output, const T *matrix,
                             const fc_epilogue *epilogue, T *grad_input, void *scratch, int threads) {
    joint_job job = {.g = g, .s = plan_joint(g), .grad_output = grad_output, .matrix = matrix};
    job.epilogue = *epilogue;
    job.grad_input = grad_input;
    job.scratch = scratch;
    fc_parallel_for(g->N * g->G * job.s.parts * job.s.bands, threads, joint_task, &job);
}
