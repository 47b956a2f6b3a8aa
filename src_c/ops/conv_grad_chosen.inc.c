/* conv_grad_chosen.inc.c: gradients of a convolution whose grad_output is zero but for a few cells of each plane, which
 * a max pool chose.
 *
 *     grad_weight[k] += value * input[window of the cell]
 *     grad_input[window of the cell] += value * weight[k]
 *
 * for each chosen cell of channel k that is not zero. A few images, one chunk of their channels, are turned to channels
 * last, so that a window is a run of pixels per row. A task of grad_weight owns a chunk and a fixed share of the
 * images, one of grad_input a chunk of one block of images: the bits depend on the shape alone. A product of zero and a
 * value that is not finite would be NaN; where such a value is found the caller computes all of them. */

typedef struct {
    int64_t C, K, count;            /* count: cells of a plane */
    int64_t extent[2];              /* rows and columns of pixels that some window sees */
    int64_t width, chunks;          /* channels of a chunk, padded to whole vectors unless they are few */
    int64_t rows, vectors, window;  /* of a window: its rows, the vectors of each, the elements of all */
    int64_t images, blocks, shares; /* a block of images is turned at once */
    int64_t pack, sums, plane;      /* elements of a turned image and of a chunk's windows, cells of an output */
    int64_t table_bytes, pack_bytes, whole_bytes, thread_bytes;
} chosen_plan;

/* A share adds up so many cells of an output channel that adding the shares costs little. A cell is listed in the time
 * of so many vectors of its window. */
enum {
    CHOSEN_PACK_BYTES = 40 * 1024,
    CHOSEN_SMALL_BYTES = 16 * 1024,
    CHOSEN_SHARES_BYTES = 4 << 20, /* and 8 times the weight */
    CHOSEN_TASKS = 16,
    CHOSEN_LEAST_TASKS = 4,
    CHOSEN_SHARE = 64,
    CHOSEN_WIDTH = 256 / T_BYTES,
    CHOSEN_LISTING = 6
};

/* Of the cost of all products: a cell of grad_input may take so much, for the stores of wide vectors are slow. */
#define CHOSEN_PRICE (VECTOR_BYTES == 64 ? 0.55 : 0.8)

/* Vectors that a cell takes in all chunks of so many channels. */
static int64_t cost_of_width(const fc_conv_geometry *g, int64_t width) {
    return ceil_div(g->C, width) * (g->kernel[1] * ceil_div(g->kernel[2] * width, LANES) + CHOSEN_LISTING);
}

FC_PLAN chosen_plan plan_chosen(const fc_conv_geometry *g, int64_t count) {
    chosen_plan c = {.C = g->C, .K = g->K, .count = count, .rows = g->kernel[1], .plane = volume(g->output)};
    for (int axis = 0; axis < 2; axis++)
        c.extent[axis] =
            (g->output[axis + 1] - 1) * g->stride[axis + 1] + (g->kernel[axis + 1] - 1) * g->dilation[axis + 1] + 1;
    int64_t pixels = c.extent[0] * c.extent[1];
    c.width = c.C < LANES ? c.C : LANES;
    int64_t widest = pixels * CHOSEN_WIDTH * T_BYTES <= CHOSEN_SMALL_BYTES ? CHOSEN_WIDTH : CHOSEN_WIDTH / 2;
    for (int64_t width = 2 * LANES; width < 2 * c.C && width <= widest; width *= 2)
        if (cost_of_width(g, width) <= cost_of_width(g, c.width)) c.width = width;
    c.chunks = ceil_div(c.C, c.width);
    c.vectors = ceil_div(g->kernel[2] * c.width, LANES);
    c.window = c.rows * c.vectors * LANES;
    c.pack = pixels * c.width;
    int64_t fitting = CHOSEN_PACK_BYTES / T_BYTES / c.pack,
            enough = max_i64(g->N / 8, CHOSEN_SHARE / max_i64(1, count));
    c.images = clamp_i64(min_i64(fitting, enough), 1, max_i64(1, g->N));
    c.blocks = ceil_div(g->N, c.images);
    c.shares = clamp_i64(min_i64(CHOSEN_TASKS / c.chunks, g->N * count / CHOSEN_SHARE), 1, c.blocks);
    c.sums = c.K * c.window;
    int64_t affordable =
        (CHOSEN_SHARES_BYTES + 8 * g->K * g->C * volume(g->kernel) * T_BYTES) / (c.chunks * c.sums * T_BYTES);
    c.shares = clamp_i64(affordable, 1, c.shares);
    c.table_bytes = line_bytes(c.plane * (int64_t)sizeof(position));
    c.pack_bytes = line_bytes((c.images * c.pack + c.vectors * LANES) * T_BYTES);
    int padded = c.extent[1] != g->input[2] || g->padding[2] > 0;
    c.whole_bytes = padded && g->input[2] < LANES ? line_bytes(g->input[1] * g->input[2] * c.width * T_BYTES) : 0;
    c.thread_bytes = c.pack_bytes + c.whole_bytes + line_bytes((c.images * count + 1) * (int64_t)sizeof(chosen_cell));
    return c;
}

typedef struct {
    const fc_conv_geometry *g;
    chosen_plan c;
    const T *values;
    const int64_t *positions;
    const T *input, *weight;
    T *grad_input, *grad_weight;
    position *table; /* where the window of each cell of an output lies in a turned image */
    T *windows;      /* [share][chunk][k][row][column][channel]: sums, or the weight */
    int *refused;
    char *scratch;
} chosen_job;

static void refuse_chosen(const chosen_job *job) { __atomic_store_n(job->refused, 1, __ATOMIC_RELAXED); }

static int are_inside(const chosen_job *job, int64_t first, int64_t images) {
    int64_t cells = job->c.K * job->c.count;
    if (all_inside(job->positions + first * cells, images * cells, job->c.plane)) return 1;
    refuse_chosen(job);
    return 0;
}

typedef position value_bits __attribute__((may_alias));

/* The cells of channel k of some images that are not zero; returns their number, made even by one of value 0. */
static int64_t list_cells(const chosen_job *job, int64_t first, int64_t images, int64_t k, chosen_cell *cells) {
    const chosen_plan *c = &job->c;
    const position *table = job->table;
    int64_t n = 0;
    for (int64_t image = 0; image < images; image++) {
        int64_t start = ((first + image) * c->K + k) * c->count;
        const int64_t *at = job->positions + start;
        const value_bits *bits = (const value_bits *)(job->values + start);
        const position base = (position)(image * c->pack);
        for (int64_t i = 0; i < c->count; i++) {
            cells[n].at = base + table[at[i]];
            cells[n].bits = bits[i];
            n += (bits[i] & POSITION_MAX) != 0;
        }
    }
    cells[n].at = cells[n].bits = 0;
    return n + n % 2;
}

/* Rows of pixels of an image that lie apart in its turned copy, because of padding or cells that no window sees. */
typedef struct {
    int64_t rows, columns, apart; /* that are seen, and how far apart their pixels start */
    int64_t first;                /* the first pixel */
} turned_rows;

static turned_rows rows_of(const chosen_job *job) {
    const fc_conv_geometry *g = job->g;
    const int64_t *extent = job->c.extent;
    int64_t top = g->padding[1], left = g->padding[2];
    return (turned_rows){min_i64(g->input[1], extent[0] - top), min_i64(g->input[2], extent[1] - left), extent[1],
                         top * extent[1] + left};
}

/* Pixels of channels, x [c][pixel], turned to [pixel][c], or back. */
static void turn_pixels(int back, T *x, int64_t plane, int64_t channels, int64_t pixels, T *turned, int64_t width) {
    if (back) transpose_block(turned, width, pixels, channels, x, plane);
    else transpose_block(x, plane, channels, pixels, turned, width);
}

/* A chunk of channels of an image, or back with zeros where no window reaches; through `whole` where rows are short. */
static void turn_image(const chosen_job *job, int back, int64_t image, int64_t chunk, T *pack, T *whole) {
    const chosen_plan *c = &job->c;
    turned_rows r = rows_of(job);
    int64_t H = job->g->input[1], W = job->g->input[2], plane = H * W, width = c->width;
    int64_t channels = min_i64(width, c->C - chunk * width);
    T *x = (back ? job->grad_input : (T *)job->input) + (image * c->C + chunk * width) * plane;
    T *row = pack + r.first * width;
    if (back && (r.rows < H || r.columns < W) && !c->whole_bytes) zero_run(x, channels * plane);
    if (r.columns == W && r.apart == W) {
        turn_pixels(back, x, plane, channels, r.rows * W, row, width);
        return;
    }
    if (!back && c->whole_bytes) turn_pixels(0, x, plane, channels, plane, whole, width);
    for (int64_t i = 0; i < r.rows; i++, row += r.apart * width) {
        T *other = whole + i * W * width;
        if (c->whole_bytes) copy_run(back ? other : row, back ? row : other, r.columns * width);
        else turn_pixels(back, x + i * W, plane, channels, r.columns, row, width);
    }
    if (back && c->whole_bytes) turn_pixels(1, x, plane, channels, plane, whole, width);
}

static cell_arguments cells_of(const chosen_job *job, const chosen_cell *cells, T *pack) {
    const chosen_plan *c = &job->c;
    return (cell_arguments){.cells = cells,
                            .x = pack,
                            .x_row = job->g->dilation[1] * c->extent[1] * c->width,
                            .sums_row = c->vectors * LANES};
}

static void chosen_weight_task(const void *context, int64_t task, int thread) {
    const chosen_job *job = context;
    const chosen_plan *c = &job->c;
    char *scratch = job->scratch + thread * c->thread_bytes;
    T *pack = take(&scratch, c->pack_bytes), *whole = take(&scratch, c->whole_bytes);
    T *sums = job->windows + task * c->sums;
    chosen_cell *cells = (chosen_cell *)scratch;
    int64_t chunk = task % c->chunks, share = task / c->chunks;
    cell_arguments t = cells_of(job, cells, pack);
    zero_run(pack, c->images * c->pack + c->vectors * LANES);
    zero_run(whole, c->whole_bytes / T_BYTES);
    zero_run(sums, c->sums);
    int64_t end = part_start(c->blocks, c->shares, share + 1);
    for (int64_t block = part_start(c->blocks, c->shares, share); block < end && !fc_stopped(); block++) {
        int64_t first = block * c->images, images = min_i64(c->images, job->g->N - first);
        if (!are_inside(job, first, images)) return;
        for (int64_t i = 0; i < images; i++) turn_image(job, 0, first + i, chunk, pack + i * c->pack, whole);
        vec lost = {0}; /* NaN from the first value on that is not finite */
        for (int64_t i = 0; i < images * c->pack; i += LANES) lost += load(pack + i) * 0;
        if (sum_of_lanes(lost) != 0) refuse_chosen(job);
        for (int64_t k = 0; k < c->K; k++) {
            t.count = list_cells(job, first, images, k, cells);
            t.sums = sums + k * c->window;
            cell_window(0, c->rows, c->vectors, t);
        }
    }
}

/* The sums of a chunk and an output channel, added up, as grad_weight has them; or the weight as windows. */
static void chosen_windows_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const chosen_job *job = context;
    const chosen_plan *c = &job->c;
    int64_t k = task % c->K, chunk = task / c->K, S = job->g->kernel[2], share = c->chunks * c->sums;
    int64_t channels = min_i64(c->width, c->C - chunk * c->width);
    int64_t first = (k * c->C + chunk * c->width) * c->rows * S;
    T *window = job->windows + chunk * c->sums + k * c->window;
    if (job->weight) zero_run(window, c->window);
    else
        for (int64_t i = 1; i < c->shares; i++) add_run(window, window + i * share, c->window);
    for (int64_t channel = 0; channel < channels; channel++)
        for (int64_t r = 0; r < c->rows; r++)
            for (int64_t s = 0; s < S; s++, first++) {
                T *cell = window + r * c->vectors * LANES + s * c->width + channel;
                if (job->weight) *cell = job->weight[first];
                else job->grad_weight[first] = *cell;
            }
}

static void chosen_input_task(const void *context, int64_t task, int thread) {
    const chosen_job *job = context;
    const chosen_plan *c = &job->c;
    char *scratch = job->scratch + thread * c->thread_bytes;
    T *pack = take(&scratch, c->pack_bytes), *whole = take(&scratch, c->whole_bytes);
    chosen_cell *cells = (chosen_cell *)scratch;
    int64_t chunk = task % c->chunks, first = task / c->chunks * c->images;
    int64_t images = min_i64(c->images, job->g->N - first);
    cell_arguments t = cells_of(job, cells, pack);
    if (!are_inside(job, first, images)) return;
    zero_run(pack, images * c->pack);
    zero_run(whole, c->whole_bytes / T_BYTES);
    for (int64_t k = 0; k < c->K && !fc_stopped(); k++) {
        t.count = list_cells(job, first, images, k, cells);
        t.sums = job->windows + chunk * c->sums + k * c->window;
        cell_window(1, c->rows, c->vectors, t);
    }
    for (int64_t i = 0; i < images; i++) turn_image(job, 1, first + i, chunk, pack + i * c->pack, whole);
}

/* What all products cost, in multiply-adds: those of grad_weight, or of grad_input, which at stride 1 is a convolution
 * of grad_output. */
FC_PLAN double cost_of_all(const fc_conv_geometry *g, int pass) {
    fc_conv_geometry b = *g;
    int of_weight = pass == FC_GRAD_WEIGHT || g->stride[1] > 1 || g->stride[2] > 1;
    for (int axis = 1; axis < 3 && !of_weight; axis++) {
        b.input[axis] = g->output[axis];
        b.output[axis] = g->input[axis];
        b.padding[axis] = (g->kernel[axis] - 1) * g->dilation[axis] - g->padding[axis];
    }
    b.C = of_weight ? g->C : g->K;
    b.K = of_weight ? g->K : g->C;
    product p = forward_product(&b);
    winograd_tiles t = cut_tiles(&p, of_weight);
    double direct = whole_cost(&p) * (double)(g->C * g->K);
    return g->exact ? direct : min_f64(direct, transformed_cost(&p, &t, of_weight));
}

/* Whether this costs less than all products. Turned images had better stay in the second cache, and those of
 * grad_input, which each cell stores to, in the first, its weight in the second. With few channels what is saved is to
 * write all of grad_output, too. */
FC_PLAN int suits_chosen(const fc_conv_geometry *g, int pass, int64_t count) {
    int flat = g->input[0] == 1 && g->output[0] == 1 && g->kernel[0] == 1;
    if (g->N * count == 0 || g->G > 1 || !flat || (g->kernel[2] > 1 && g->dilation[2] > 1)) return 0;
    product p = forward_product(g);
    if (is_sparse(&p)) return 0;
    chosen_plan c = plan_chosen(g, count);
    int64_t pack_bytes = c.pack * T_BYTES, weight_bytes = c.sums * c.chunks * T_BYTES;
    int64_t tasks = c.chunks * (pass == FC_GRAD_WEIGHT ? c.shares : c.blocks);
    if (tasks < CHOSEN_LEAST_TASKS) return 0;
    double all = cost_of_all(g, pass);
    double chosen = (double)(g->N * g->K * count) * cost_of_width(g, c.width) * LANES;
    if (pass == FC_GRAD_WEIGHT) return pack_bytes <= 1 << 20 && chosen < (c.C < LANES ? 1.4 : 0.9) * all;
    return c.C >= LANES && pack_bytes <= 56 << 10 && weight_bytes <= 1 << 20 && chosen < CHOSEN_PRICE * all;
}

static int64_t conv_grad_chosen_scratch(const fc_conv_geometry *g, int pass, int64_t count, int threads) {
    if (!suits_chosen(g, pass, count)) return -1;
    chosen_plan c = plan_chosen(g, count);
    int64_t shares = pass == FC_GRAD_WEIGHT ? c.shares : 1;
    return c.table_bytes + line_bytes(shares * c.chunks * c.sums * T_BYTES) + c.thread_bytes * threads;
}

static int conv_grad_chosen(const fc_conv_geometry *g, int pass, int64_t count, const void *values,
                            const int64_t *positions, const void *other, void *result, void *scratch, int threads) {
    int refused = 0, of_weight = pass == FC_GRAD_WEIGHT;
    char *rest = scratch;
    chosen_job job = {
        .g = g, .c = plan_chosen(g, count), .values = values, .positions = positions, .refused = &refused};
    const chosen_plan *c = &job.c;
    job.table = take(&rest, c->table_bytes);
    for (int64_t i = 0; i < c->plane; i++)
        job.table[i] =
            (position)((i / g->output[2] * g->stride[1] * c->extent[1] + i % g->output[2] * g->stride[2]) * c->width);
    job.windows = take(&rest, (of_weight ? c->shares : 1) * c->chunks * c->sums * T_BYTES);
    job.scratch = rest;
    if (of_weight) {
        job.input = other;
        job.grad_weight = result;
        fc_parallel_for(c->shares * c->chunks, threads, chosen_weight_task, &job);
        fc_parallel_for(c->K * c->chunks, threads, chosen_windows_task, &job);
    } else {
        if (!all_finite(g->K * g->C * volume(g->kernel), other, threads)) return 0;
        job.weight = other;
        job.grad_input = result;
        fc_parallel_for(c->K * c->chunks, threads, chosen_windows_task, &job);
        fc_parallel_for(c->blocks * c->chunks, threads, chosen_input_task, &job);
    }
    return !refused;
}
