/* col2im.inc.c: grad_input (see conv_grad_input.inc.c) of few input channels, and of few pixels.
 *
 * A row for each (tap, channel) fills the tile kernel, which few channels alone do not: their products with a few rows
 * of grad_output at a time are added where they belong in a band of grad_input. A band keeps the columns of one
 * remainder modulo the stride together, so that whole runs are added, and is written when it is complete.
 *
 * Few pixels are the rows of a product with the weight where it lies, whose lanes run along (channel, tap): what has to
 * be turned are the pixels and the products, which are smaller than the weight. Then each channel is one band. */

typedef struct {
    product p;                    /* rows (tap, channel) at every pixel of grad_output */
    int64_t band, bands;          /* rows of grad_input a task */
    int64_t block;                /* rows of grad_output at a time */
    int64_t phases, pitch, plane; /* of a band: column remainders, elements of a row of one, of a channel */
    int64_t panel_bytes, stage_bytes, band_bytes, run_bytes, piece_bytes, thread_bytes;
} col2im_plan;

enum { COL2IM_BYTES = 192 * 1024, COL2IM_TASKS = 8, COL2IM_MOST_ROW = 1024 * 1024 };

/* Few input channels of one group, in two axes. With unit stride the strip's tiles are slower only where many channels
 * are added up for each run. */
static int takes_col2im(const fc_conv_geometry *g) {
    int64_t rows = g->C * volume(g->kernel);
    return g->G == 1 && g->C < 4 && g->K >= (g->stride[2] > 1 ? 16 : 64) && rows >= 9 && g->kernel[0] == 1 &&
           g->input[0] == 1 && g->output[0] == 1 && g->padding[0] == 0 && g->input[1] > 1 &&
           rows * g->output[2] * (int64_t)sizeof(T) <= COL2IM_MOST_ROW;
}

FC_PLAN col2im_plan plan_col2im(const fc_conv_geometry *g) {
    int64_t size = sizeof(T), H = g->input[1], P = g->output[1], Q = g->output[2];
    col2im_plan s = {.phases = min_i64(g->stride[2], g->input[2])};
    s.p = (product){.groups = 1, .images = g->N, .channels = g->K, .taps = 1, .rows = g->C * volume(g->kernel)};
    for (int axis = 0; axis < 3; axis++) {
        s.p.extent[axis] = s.p.pixels[axis] = g->output[axis];
        s.p.stride[axis] = 1;
    }
    int64_t depth = gather_depth(&s.p);
    s.block = clamp_i64(COL2IM_BYTES / (Q * size * max_i64(s.p.rows, 2 * depth)), 1, P);
    s.pitch = ceil_div(ceil_div(g->input[2], g->stride[2]), LANES) * LANES;
    s.band = COL2IM_BYTES / (g->C * s.phases * s.pitch * size);
    s.band = min_i64(s.band, max_i64(ceil_div(H * g->N, COL2IM_TASKS), 4 * g->kernel[1]));
    s.bands = ceil_div(H, clamp_i64(s.band, 1, H));
    s.band = ceil_div(H, s.bands);
    s.plane = s.band * s.phases * s.pitch;
    int64_t lanes = ceil_div(s.block * Q, LANES) * LANES;
    s.panel_bytes = line_bytes(depth * lanes * size);
    s.stage_bytes = line_bytes(s.p.rows * lanes * size);
    s.band_bytes = line_bytes(g->C * s.plane * size);
    s.run_bytes = line_bytes(lanes * (int64_t)sizeof(pixel_run));
    s.piece_bytes = line_bytes(lanes * (int64_t)sizeof(piece));
    s.thread_bytes = s.panel_bytes + s.stage_bytes + s.band_bytes + s.run_bytes + s.piece_bytes;
    return s;
}

static int64_t col2im_scratch(const fc_conv_geometry *g, int threads) { return plan_col2im(g).thread_bytes * threads; }

typedef struct {
    const fc_conv_geometry *g;
    col2im_plan s;
    fc_epilogue epilogue;
    T *grad_input;
    char *scratch;
} col2im_job;

/* Adds the products of grad_output rows [o, o + rows), `lanes` apart, to the rows [y, y + band) of grad_input. */
static void add_products(const col2im_job *job, const T *products, int64_t lanes, int64_t o, int64_t rows, int64_t y,
                         int64_t band, T *sums) {
    const fc_conv_geometry *g = job->g;
    const col2im_plan *s = &job->s;
    int64_t Q = g->output[2], W = g->input[2], S = g->kernel[2], stride = g->stride[2];
    for (int64_t i = 0; i < s->p.rows; i++, products += lanes) {
        int64_t tap = i / g->C, x = tap % S * g->dilation[2] - g->padding[2], shift = floor_div(x, stride);
        int64_t phase = x - shift * stride, cells = W > phase ? ceil_div(W - phase, stride) : 0;
        int64_t low = clamp_i64(-shift, 0, Q), count = clamp_i64(cells - shift, low, Q) - low;
        for (int64_t r = 0; r < rows && count > 0; r++) {
            int64_t to = (o + r) * g->stride[1] - g->padding[1] + tap / S * g->dilation[1] - y;
            if (to < 0 || to >= band) continue;
            T *sum = sums + i % g->C * s->plane + (to * s->phases + phase) * s->pitch + shift + low;
            add_run(sum, products + r * Q + low, count);
        }
    }
}

/* Finished rows of one channel, from sums of which each phase has a row. */
static void write_band(const col2im_job *job, const T *sums, int64_t to, int64_t band) {
    const col2im_plan *s = &job->s;
    const fc_epilogue *e = &job->epilogue;
    int64_t W = job->g->input[2], stride = job->g->stride[2];
    for (; band > 0; band--, sums += s->phases * s->pitch, to += W) {
        const T *residual = e->residual ? (const T *)e->residual + to : NULL;
        T *dest = job->grad_input + to;
        if (stride == 2 && s->phases == 2) {
            zip_run(dest, sums, sums + s->pitch, W);
            if (residual || e->activation != FC_NONE) finish_run(dest, dest, residual, W, 1, e->activation);
            continue;
        }
        for (int64_t phase = 0; phase < s->phases; phase++)
            finish_run(dest + phase, sums + phase * s->pitch, residual ? residual + phase : NULL,
                       ceil_div(W - phase, stride), stride, e->activation);
    }
}

static void col2im_task(const void *context, int64_t task, int thread) {
    const col2im_job *job = context;
    const fc_conv_geometry *g = job->g;
    const col2im_plan *s = &job->s;
    char *scratch = job->scratch + thread * s->thread_bytes;
    gather_block b = {.rows = s->p.rows};
    b.panels = take(&scratch, s->panel_bytes);
    T *stage = take(&scratch, s->stage_bytes), *sums = take(&scratch, s->band_bytes);
    b.runs = take(&scratch, s->run_bytes);
    b.pieces = take(&scratch, s->piece_bytes);

    int64_t n = task / s->bands, y = part_start(g->input[1], s->bands, task % s->bands);
    int64_t band = part_start(g->input[1], s->bands, task % s->bands + 1) - y, Q = g->output[2];
    const T *bias = job->epilogue.bias;
    for (int64_t c = 0; c < g->C; c++) fill_run(sums + c * s->plane, bias ? bias[c] : 0, s->plane);
    /* The rows of grad_output that the band sees. */
    int64_t reach = (g->kernel[1] - 1) * g->dilation[1], stride = g->stride[1], above = y + g->padding[1];
    int64_t end = clamp_i64(floor_div(above + band - 1, stride) + 1, 0, g->output[1]);
    for (int64_t o = clamp_i64(ceil_div(max_i64(above - reach, 0), stride), 0, end); o < end; o += s->block) {
        int64_t rows = min_i64(s->block, end - o);
        b.count = rows * Q;
        b.run_count = find_runs(&s->p, n, o * Q, b.count, b.runs);
        int64_t lanes = ceil_div(b.count, LANES) * LANES;
        multiply_pixels(&s->p, NULL, &b, 0, s->p.channels, stage, NULL, lanes, NULL);
        add_products(job, stage, lanes, o, rows, y, band, sums);
    }
    for (int64_t c = 0; c < g->C; c++)
        write_band(job, sums + c * s->plane, ((n * g->C + c) * g->input[1] + y) * g->input[2], band);
}

/* matrix[tap, c][k] = weight[k, c, tap]. */
static void run_col2im(const fc_conv_geometry *g, const T *grad_output, const T *matrix, const fc_epilogue *epilogue,
                       T *grad_input, void *scratch, int threads) {
    static const int64_t nowhere[1][3];
    col2im_job job = {.g = g, .s = plan_col2im(g), .epilogue = *epilogue, .grad_input = grad_input, .scratch = scratch};
    job.s.p.source = grad_output;
    job.s.p.matrix = matrix;
    job.s.p.offset = nowhere;
    fc_parallel_for(g->N * job.s.bands, threads, col2im_task, &job);
}

/* ---- few pixels ------------------------------------------------------------------------------------------------ */

/* Elements of the smallest weight that repays it, and bytes of the largest plane that is added up in cache. */
enum { FEW_PIXELS_WEIGHT = 4 * 1024, FEW_PIXELS_PLANE = 256 * 1024, FEW_PIXELS_TASKS = 16 };

typedef struct {
    product p;            /* rows are pixels of all images, pixels are (channel, tap) */
    fc_conv_geometry one; /* the convolution of one input channel */
    col2im_plan s;        /* for its additions */
    int64_t turned_bytes, products_bytes, lanes, chunks;
} few_pixels_plan;

FC_PLAN few_pixels_plan plan_few_pixels(const fc_conv_geometry *g) {
    static const int64_t nowhere[1][3];
    few_pixels_plan f = {.one = *g, .lanes = ceil_div(volume(g->output), LANES) * LANES};
    int64_t size = sizeof(T), taps = volume(g->kernel), pixels = g->N * volume(g->output);
    f.one.C = 1;
    f.s = (col2im_plan){.phases = min_i64(g->stride[2], g->input[2])};
    f.s.pitch = ceil_div(ceil_div(g->input[2], g->stride[2]), LANES) * LANES;
    f.s.plane = g->input[1] * f.s.phases * f.s.pitch;
    f.s.p.rows = taps;
    f.s.stage_bytes = line_bytes(taps * f.lanes * size);
    f.s.band_bytes = line_bytes(f.s.plane * size);
    f.s.thread_bytes = f.s.stage_bytes + f.s.band_bytes;
    f.p = (product){.groups = 1, .images = 1, .channels = g->K, .taps = 1, .rows = pixels, .exact = g->exact};
    for (int axis = 0; axis < 3; axis++) {
        f.p.count[axis] = f.p.stride[axis] = f.p.dest_stride[axis] = 1;
        f.p.extent[axis] = f.p.pixels[axis] = f.p.dest_extent[axis] = axis < 2 ? 1 : g->C * taps;
    }
    f.p.offset = nowhere;
    f.turned_bytes = line_bytes(pixels * g->K * size);
    f.products_bytes = line_bytes(pixels * g->C * taps * size);
    f.chunks = min_i64(g->C, FEW_PIXELS_TASKS);
    return f;
}

/* Pixels of two axes at most, whose products are smaller than a third of the weight. */
static int takes_few_pixels(const fc_conv_geometry *g) {
    int64_t pixels = g->N * volume(g->output), taps = volume(g->kernel);
    return g->G == 1 && pixels > 0 && 3 * pixels <= g->K && g->K * g->C * taps >= FEW_PIXELS_WEIGHT &&
           g->kernel[0] == 1 && g->input[0] == 1 && g->output[0] == 1 && g->padding[0] == 0 &&
           (taps > 1 || volume(g->output) == 1) && plan_few_pixels(g).s.thread_bytes <= FEW_PIXELS_PLANE;
}

static int64_t few_pixels_scratch(const fc_conv_geometry *g, int threads) {
    few_pixels_plan f = plan_few_pixels(g);
    int64_t later = f.s.thread_bytes * threads;
    return f.turned_bytes + f.products_bytes + max_i64(product_scratch(&f.p, threads), later);
}

typedef struct {
    col2im_job job; /* of one channel */
    const few_pixels_plan *f;
    int64_t channels;
    const T *products;
} few_pixels_job;

static void few_pixels_task(const void *context, int64_t task, int thread) {
    const few_pixels_job *all = context;
    const few_pixels_plan *f = all->f;
    const fc_conv_geometry *g = &f->one;
    char *scratch = all->job.scratch + thread * f->s.thread_bytes;
    T *stage = take(&scratch, f->s.stage_bytes), *sums = take(&scratch, f->s.band_bytes);
    int64_t taps = f->s.p.rows, pixels = volume(g->output), row = all->channels * taps;
    int64_t n = task / f->chunks, chunk = task % f->chunks, end = part_start(all->channels, f->chunks, chunk + 1);
    int64_t c = part_start(all->channels, f->chunks, chunk), first = n * all->channels + c;
    const T *bias = all->job.epilogue.bias, *residual = all->job.epilogue.residual;
    if (taps == 1 && volume(g->input) == 1 && g->padding[1] + g->padding[2] == 0) { /* the pixel sees the cell */
        T *dest = all->job.grad_input + first;
        copy_run(dest, all->products + first, end - c);
        if (bias) add_run(dest, bias + c, end - c);
        finish_run(dest, dest, residual ? residual + first : NULL, end - c, 1, all->job.epilogue.activation);
        return;
    }
    for (; c < end; c++) {
        fill_run(sums, bias ? bias[c] : 0, f->s.plane);
        transpose_block(all->products + n * pixels * row + c * taps, row, pixels, taps, stage, f->lanes);
        add_products(&all->job, stage, f->lanes, 0, g->output[1], 0, g->input[1], sums);
        write_band(&all->job, sums, (n * all->channels + c) * g->input[1] * g->input[2], g->input[1]);
    }
}

static void run_few_pixels(const fc_conv_geometry *g, const T *grad_output, const T *weight,
                           const fc_epilogue *epilogue, T *grad_input, char *scratch, int threads) {
    few_pixels_plan f = plan_few_pixels(g);
    T *turned = take(&scratch, f.turned_bytes), *products = take(&scratch, f.products_bytes);
    reorder(g->N, g->K, volume(g->output), grad_output, turned, threads);
    f.p.source = weight;
    f.p.matrix = turned;
    f.p.dest = products;
    run_product(&f.p, scratch, threads);
    few_pixels_job job = {.f = &f, .channels = g->C, .products = products};
    job.job = (col2im_job){.g = &f.one, .s = f.s, .epilogue = *epilogue, .grad_input = grad_input, .scratch = scratch};
    fc_parallel_for(g->N * f.chunks, threads, few_pixels_task, &job);
}
