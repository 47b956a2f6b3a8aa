/* regions.inc.c: a product (see product.inc.c) whose taps often miss the source, region by region.
 *
 * Along an axis the pixels fall into spans that the same taps see. Under a dilation of nearly the source's size most
 * taps are outside at most pixels: every box of spans is gathered with the taps that it sees. A matrix that would come
 * from far away for every box is taken some channels at a time. */

/* The end of a span of pixels, and the taps that see it. */
typedef struct {
    int64_t end, first, taps;
} tap_span;

/* The span that starts at a pixel of an axis. */
static tap_span span_at(const product *p, int axis, int64_t start) {
    int64_t count = p->count[axis], stride = p->stride[axis], low = p->low[axis], end = p->pixels[axis];
    int64_t spacing = tap_gap(p, axis), last = p->extent[axis] - 1;
    int64_t first = clamp_i64(ceil_div(max_i64(0, -low - start * stride), spacing), 0, count);
    int64_t behind = clamp_i64(floor_div(last - low - start * stride, spacing) + 1, first, count);
    if (first > 0) /* where the tap before enters */
        end = min_i64(end, ceil_div(-low - (first - 1) * spacing, stride));
    if (behind > first) /* where the last tap leaves */
        end = min_i64(end, floor_div(last - low - (behind - 1) * spacing, stride) + 1);
    return (tap_span){end, first, behind - first};
}

/* Cost in multiply-adds a row and a channel. Packing a run of cells takes as long as REGION_RUN cells at least; a row
 * that is moved to dest when it is finished, as long as FINISH_RUN vectors. */
typedef struct {
    double products, moves;
} region_cost;

enum { REGION_RUN = 16, FINISH_RUN = 25 };

/* `packed` cells and `finished` rows, of one matrix row. */
static double cost_moves(const product *p, double packed, double finished) {
    int apart = p->stride[2] > 2 && p->stride[2] != 4; /* copied cell by cell */
    return packed * GATHER_PACKING * (1 + apart) / p->rows + finished * FINISH_RUN * LANES / p->channels;
}

static region_cost cost_whole(const product *p) {
    double rows = (double)p->images * p->pixels[0] * p->pixels[1], runs = rows * p->taps;
    double finished = !is_dense(p) ? rows : joins_images(p) ? (double)p->images : 0;
    return (region_cost){runs * p->pixels[2], cost_moves(p, runs * max_i64(REGION_RUN, p->pixels[2]), finished)};
}

/* Regions are counted with the lanes that each leaves empty. */
static region_cost cost_regions(const product *p) {
    double rows = (double)p->images, cells = 0, runs = 0, panels = LANES, finished = rows * p->pixels[0] * p->pixels[1];
    for (int axis = 0; axis < 3; axis++) {
        int64_t inside = 0, regions = 0, spans = 0;
        tap_span span;
        for (int64_t start = 0; start < p->pixels[axis]; start = span.end) {
            span = span_at(p, axis, start);
            inside += (span.end - start) * span.taps;
            regions += span.taps;
            spans++;
            runs += axis < 2 ? 0 : max_i64(REGION_RUN, span.end - start) * span.taps;
        }
        if (axis < 2) rows *= (double)inside;
        else {
            cells = (double)inside;
            finished *= (double)spans;
        }
        panels *= (double)regions;
    }
    return (region_cost){rows * cells + panels, cost_moves(p, rows * runs, finished)};
}

/* The same in multiply-adds of vectors, of all rows. */
static double panels_cost(const product *p) {
    region_cost whole = cost_whole(p), regions = cost_regions(p);
    double cost = min_f64(whole.products + whole.moves, regions.products + regions.moves);
    return cost * p->groups * p->channels * p->rows / LANES;
}

static int has_regions(const product *p) {
    if (p->pair) return 0;
    region_cost whole = cost_whole(p), regions = cost_regions(p);
    return regions.products + regions.moves < 0.85 * (whole.products + whole.moves);
}

static double whole_cost(const product *p) { return cost_whole(p).products; }

/* The same of a gather, which takes regions where they save enough. */
static double gather_cost(const product *p) { return has_regions(p) ? cost_regions(p).products : whole_cost(p); }

/* The region that starts at a pixel; its taps are listed where there is room. */
static product region_product(const product *p, const int64_t start[3], int64_t (*offset)[3], int64_t *tap) {
    product region = *p;
    region.taps = 1;
    for (int axis = 0; axis < 3; axis++) {
        tap_span span = span_at(p, axis, start[axis]);
        region.pixels[axis] = span.end - start[axis];
        region.count[axis] = span.taps;
        region.dest_start[axis] += start[axis] * p->dest_stride[axis];
        region.taps *= region.count[axis];
    }
    region.offset = (const int64_t (*)[3])offset;
    region.tap = tap;
    region.matrix_taps = p->taps;
    for (int64_t t = 0; offset && t < p->taps; t++) {
        int inside = 1;
        for (int axis = 0; axis < 3; axis++) {
            (*offset)[axis] = p->offset[t][axis] + start[axis] * p->stride[axis];
            inside &= (*offset)[axis] >= 0 && (*offset)[axis] < p->extent[axis];
        }
        if (!inside) continue;
        offset++;
        *tap++ = t;
    }
    return region;
}

#define FOR_REGIONS(start, region) \
    for (start[0] = 0; start[0] < p->pixels[0]; start[0] += region.pixels[0]) \
        for (start[1] = 0; start[1] < p->pixels[1]; start[1] += region.pixels[1]) \
            for (start[2] = 0; start[2] < p->pixels[2]; start[2] += region.pixels[2])

static int64_t region_taps_bytes(const product *p) { return line_bytes(p->taps * 4 * (int64_t)sizeof(int64_t)); }

enum { REGION_FAR_BYTES = 6 * 1024 * 1024, REGION_NEAR_BYTES = 1024 * 1024 }; /* of the matrix */

/* Channels at a time: some, where the sums that wait for the others are no larger than the matrix. */
static int64_t region_channels(const product *p) {
    int64_t rows = p->groups * p->rows * (int64_t)sizeof(T), bytes = rows * p->channels * p->taps;
    int far = bytes > REGION_FAR_BYTES && p->images * rows * volume(p->pixels) <= bytes;
    return ceil_div(p->channels, far ? ceil_div(bytes, REGION_NEAR_BYTES) : 1);
}

/* What the threads need for any region, and the sums of all. */
typedef struct {
    int64_t threads, sums;
} region_bytes;

static region_bytes measure_regions(const product *p, int threads) {
    static const int64_t some;
    int64_t start[3];
    product region;
    region_bytes bytes = {0};
    FOR_REGIONS(start, region) {
        region = region_product(p, start, NULL, NULL);
        region.tap = &some;
        gather_plan plan = plan_gather(&region, threads);
        bytes.threads = max_i64(bytes.threads, plan.thread_bytes * threads);
        bytes.sums += gather_tasks(&region, &plan) * plan.stage_bytes;
    }
    return bytes;
}

static int64_t regions_scratch(const product *p, int threads) {
    region_bytes bytes = measure_regions(p, threads);
    return region_taps_bytes(p) + bytes.threads + (region_channels(p) < p->channels ? bytes.sums : 0);
}

static void run_regions(const product *p, void *scratch, int threads) {
    char *rest = scratch;
    int64_t (*offset)[3] = take(&rest, region_taps_bytes(p)), *tap = (int64_t *)(offset + p->taps), start[3];
    int64_t channels = region_channels(p);
    char *all_sums = channels < p->channels ? rest + measure_regions(p, threads).threads : NULL;
    for (int64_t channel = 0; channel < p->channels; channel += channels) {
        char *sums = all_sums;
        product region;
        FOR_REGIONS(start, region) {
            region = region_product(p, start, offset, tap);
            gather_job job = {
                &region, plan_gather(&region, threads), rest, channel, min_i64(channel + channels, p->channels), sums};
            int64_t tasks = gather_tasks(&region, &job.plan);
            if (sums) sums += tasks * job.plan.stage_bytes;
            fc_parallel_for(tasks, threads, gather_task, &job);
        }
    }
}
#undef FOR_REGIONS
