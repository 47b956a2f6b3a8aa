/* plan.inc.c: which way a product is computed, and a weight gradient. The choice depends on shapes, instruction set and
 * the asked precision alone. */

/* Every way there is; explain() prints the reasons. Direct ways come in threes, in the order of why_direct. */
enum way {
    STRIP_NARROW,
    STRIP_GROUPS,
    DEPTH,
    TALL,
    WINOGRAD,
    GATHER,
    GATHER_EXACT,
    GATHER_SMALL,
    GATHER_IN_PLACE,
    GATHER_RUNS,
    GATHER_REGIONS,
    GATHER_PAIR,
    GATHER_JOINT,
    PIXELS,
    PIXELS_ACROSS,
    COL2IM,
    FEW_PIXELS,
    AFFINE,
    FILL,
    DEPTH_LAST,
    POINTS_LAST,
    TAPS_NARROW,
    TAPS_CHANNELS,
    WINOGRAD_WEIGHT,
    TILES,
    TILES_EXACT,
    TILES_SMALL,
    TILES_SPARSE
};

#define ONE_TAP "many channels; single taps along height and width give Winograd nothing to save"
#define ASKED_EXACT "many channels; exact precision asks for direct sums"
#define TOO_SMALL "many channels; Winograd's transforms would cost more than they save"
#define FEWER "F(4, 3) tiles take fewer multiply-adds, transforms counted"
static const fc_choice ways[] = {
    [STRIP_NARROW] = {"strip", "few channels on one side: packing would cost as much as the product"},
    [STRIP_GROUPS] = {"strip", "small groups do not repay packing"},
    [DEPTH] = {"depth", "depthwise on small planes: lanes run along the channels, interleaved in cache"},
    [TALL] = {"tall", "large kernel on single planes: F(4, 4) along height takes fewer multiply-adds"},
    [WINOGRAD] = {"winograd", FEWER},
    [GATHER] = {"gather", ONE_TAP},
    [GATHER_EXACT] = {"gather", ASKED_EXACT},
    [GATHER_SMALL] = {"gather", TOO_SMALL},
    [GATHER_IN_PLACE] = {"gather", "1x1 of few output channels: pixels are read where they lie"},
    [GATHER_RUNS] = {"gather", "1x1: the first output channels pack pixels as they read them where they lie"},
    [GATHER_REGIONS] = {"gather", "taps miss much of the source: regions take the taps they see"},
    [GATHER_PAIR] = {"gather", "stride 2: both column phases together, so that rows are written whole"},
    [GATHER_JOINT] = {"gather", "wide strides divide the kernel: all phases are rows of one product, then interleaved"},
    [PIXELS] = {"pixels", "short rows or wide strides: lanes run along output channels, pixels are read in place"},
    [PIXELS_ACROSS] = {"pixels", "many taps miss a small source: a pixel of several images takes those that see it"},
    [COL2IM] = {"col2im", "few input channels: the products of all taps fill the tiles, and are added up"},
    [FEW_PIXELS] = {"col2im", "few pixels: they meet the weight where it lies, and their products are added up"},
    [AFFINE] = {"affine", "planes of one cell: inner products of channels and weights, both where they lie"},
    [FILL] = {"fill", "no tap reaches these cells"},
    [DEPTH_LAST] = {"channels last", "depthwise: lanes run along the channels, which are read in place"},
    [POINTS_LAST] = {"channels last", "1x1 at every pixel: pixels are rows of a matrix that is read in place"},
    [TAPS_NARROW] = {"taps", "few channel pairs: lanes run along rows of pixels"},
    [TAPS_CHANNELS] = {"channels", "depthwise or small groups: lanes run along the channels, interleaved in cache"},
    [WINOGRAD_WEIGHT] = {"winograd", FEWER},
    [TILES] = {"tiles", ONE_TAP},
    [TILES_EXACT] = {"tiles", ASKED_EXACT},
    [TILES_SMALL] = {"tiles", TOO_SMALL},
    [TILES_SPARSE] = {"tiles", "taps lie far apart or miss much of the input: one tap at a time"},
};

static const double FEW_ROWS = 0.77; /* of what strips or pixels in place cost: more, and transforms do not repay */

enum {
    NARROW_PAIRS = 32,
    STRIP_CHANNELS = 32,
    MANY_ROWS = 256,
    MANY_LEVELS = 16,
    MOST_WINOGRAD_DEPTH = 4096,
    FEW_ROWS_WORK = 1 << 21
};

static int is_few(int64_t rows) { return rows < 2 * TILE_ROWS; }

/* Few channels on one side. */
static int is_narrow(int64_t rows, int64_t channels) { return is_few(rows) || channels < 8; }

/* What Winograd's tiles cost in multiply-adds, the transforms counted at what they cost in them. The weight gradient
 * transforms its rows as it does its channels; filters in several slices are written in several places. */
static double transformed_cost(const product *p, const winograd_tiles *t, int weight) {
    const winograd_prices *prices = prices_of(weight);
    double cost = p->channels < 8 ? t->cost * prices->few_channels : t->cost;
    double scattered = t->filter * (t->depth - p->channels);
    return weight ? prices->weight * (cost + ((t->in - t->out) * t->tiles + scattered) * p->rows) : cost;
}

/* 0: the shape does not allow Winograd; 1: the precision does not; 2: it does not pay; -1: take it. */
static int why_direct(const product *p, int weight) {
    winograd_tiles t = weight ? cut_tiles(p, 1) : cut_product(p);
    double direct = weight ? whole_cost(p) : gather_cost(p);
    for (int64_t twin = 1; twin < t.pairs * t.columns; twin++) direct += whole_cost(twin_of(p, twin));
    direct *= (double)(p->channels * p->rows);
    if (t.cost == INFINITY) return 0;
    if (p->exact) return 1;
    if (!weight && is_few(p->rows)) {
        if (t.form < WINOGRAD_SQUARE || t.axis[2].step > 1) return 2;
        if (fits_strip(p)) direct = FEW_ROWS * min_f64(strip_cost(p), pixels_cost(p)) * LANES / p->groups;
    }
    if (!weight && runs_across(p)) direct = min_f64(direct, 0.9 * pixels_cost(p) * LANES / p->groups);
    return t.depth <= MOST_WINOGRAD_DEPTH && transformed_cost(p, &t, weight) < 0.95 * direct ? -1 : 2;
}

/* Whether taps reach far beyond the source, or lie close beside a wide stride: a copy of the source with what they see
 * around it, and the cells between, would be far larger than the source. */
static int is_sparse(const product *p) {
    for (int axis = 0; axis < 3; axis++) {
        if (p->count[axis] < 2) continue;
        int64_t reach = p->high[axis] - p->low[axis];
        if (reach > 2 * p->extent[axis] + 64 || p->stride[axis] > 2 * reach + 64) return 1;
    }
    return p->pair && is_sparse(p->pair);
}

/* Whether so few rows may repay Winograd's transforms, and so much work the question. */
static int may_transform_few(const product *p) {
    int plain = !p->pair && p->groups == 1 && p->stride[1] == 1 && p->stride[2] == 1;
    double work = (double)p->images * volume(p->pixels) * p->channels * p->taps * p->rows;
    return plain && p->rows >= TILE_ROWS && !is_few(p->channels) && work >= FEW_ROWS_WORK;
}

static enum way choose_way(const product *p) {
    if (p->taps == 0 && !p->pair) return FILL;
    if (is_affine(p)) return AFFINE;
    if (is_sparse(p)) return p->pair ? GATHER_PAIR : GATHER_REGIONS;
    if (is_tall(p)) return TALL;
    if (suits_depth(p)) return DEPTH;
    int direct = is_few(p->rows) && !may_transform_few(p) ? 2 : why_direct(p, 0);
    if (direct < 0) return WINOGRAD;
    int fits = fits_strip(p) && (!p->pair || fits_strip(p->pair));
    if (reads_in_place(p)) return GATHER_IN_PLACE;
    if (packs_on_the_way(p)) return GATHER_RUNS;
    int narrow = fits && is_narrow(p->rows, p->channels);
    /* Groups are packed one at a time: small ones do not repay it, nor do short rows. */
    int small = p->rows <= 16 || (p->rows <= 64 && p->pixels[2] < 2 * LANES && !p->pair);
    int grouped = fits && p->groups > 1 && p->channels <= 64 && small;
    if (p->pair && !narrow && !grouped) return GATHER_PAIR;
    /* Pixels are read in place where that is done sooner than strips of them, or panels; strips, where they have not so
     * many channels that they leave the first cache, if they are sooner than both; few channels are packed for many
     * rows, whose weights are read again for every strip. */
    if (p->images > 0 && p->taps > 1 && !p->tap && !p->pair) {
        int in_strips = narrow || grouped, stay_close = fits && p->groups == 1 && p->channels <= STRIP_CHANNELS;
        int packs = !in_strips || (p->rows >= MANY_ROWS && p->channels * p->taps >= MANY_LEVELS);
        double pixels = pixels_cost(p), panels = packs ? panels_cost(p) : INFINITY;
        double strips = in_strips || stay_close ? strip_cost(p) : INFINITY;
        if (in_strips && panels < 0.95 * min_f64(pixels, strips)) return GATHER + direct;
        if (!in_strips && strips < 0.9 * min_f64(pixels, panels)) return STRIP_NARROW;
        if (pixels < 0.95 * (in_strips ? strips : panels)) return plan_pixels(p).across ? PIXELS_ACROSS : PIXELS;
    }
    return narrow ? STRIP_NARROW : grouped ? STRIP_GROUPS : has_regions(p) ? GATHER_REGIONS : GATHER + direct;
}

/* The same for the weight gradient of the convolution that has this forward product. */
static enum way choose_weight_way(const product *p) {
    int64_t Q = p->pixels[2];
    if (is_sparse(p)) return TILES_SPARSE;
    int few = p->taps > 1 && p->channels * p->rows <= NARROW_PAIRS && Q >= LANES / 2 && fits_strip(p);
    int64_t whole_vectors = p->stride[2] == 1 ? Q / LANES : 0; /* in a row that is read as it lies */
    if (suits_channels(p) && !(few && whole_vectors >= 4)) return TAPS_CHANNELS;
    if (few && (p->rows < LANES || whole_vectors >= 3)) return TAPS_NARROW;
    int direct = p->rows < LANES || p->channels < 8 ? 2 : why_direct(p, 1);
    return direct < 0 ? WINOGRAD_WEIGHT : TILES + direct;
}

/* What a way makes of the matrix alone. */
static int64_t packed_bytes(const product *p) {
    enum way way = choose_way(p);
    int pixels = way == PIXELS || way == PIXELS_ACROSS;
    return way == WINOGRAD ? winograd_packed_bytes(p) : pixels ? plan_pixels(p).packed_bytes : 0;
}

static void pack_matrix(const product *p, void *packed, int threads) {
    if (choose_way(p) == WINOGRAD) pack_winograd(p, packed, threads);
    else pack_pixels(p, packed, threads);
}

static int64_t product_scratch(const product *p, int threads) {
    switch (choose_way(p)) {
    case AFFINE:
    case FILL: return 0;
    case STRIP_NARROW:
    case STRIP_GROUPS: return strip_scratch(p, threads);
    case DEPTH: return depth_scratch(p, threads);
    case TALL: return tall_scratch(p, threads);
    case WINOGRAD: return winograd_scratch(p, threads);
    case PIXELS:
    case PIXELS_ACROSS: return pixels_scratch(p, threads);
    case GATHER_REGIONS: return regions_scratch(p, threads);
    default: return gather_scratch(p, threads);
    }
}

static void run_product(const product *p, void *scratch, int threads) {
    switch (choose_way(p)) {
    case AFFINE: run_affine_product(p, threads); break;
    case STRIP_NARROW:
    case STRIP_GROUPS: run_strip(p, scratch, threads); break;
    case DEPTH: run_depth(p, scratch, threads); break;
    case TALL: run_tall(p, scratch, threads); break;
    case WINOGRAD: run_winograd(p, scratch, threads); break;
    case PIXELS:
    case PIXELS_ACROSS: run_pixels(p, scratch, threads); break;
    case GATHER_REGIONS: run_regions(p, scratch, threads); break;
    default: run_gather(p, scratch, threads);
    }
}
