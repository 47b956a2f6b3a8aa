/* plan.inc.c: which way a product is computed. The choice depends on shapes and instruction set alone. */

enum product_method { GATHER, STRIP, WINOGRAD };

/* Whether the taps are full 3 x 3 squares of neighbours, one after another for each depth tap. */
static int has_square_taps(const product *p) {
    int square = p->taps % 9 == 0 && p->high[1] - p->low[1] == 2 && p->high[2] - p->low[2] == 2;
    for (int axis = 0; axis < 3; axis++) square &= p->stride[axis] == 1 && p->dest_stride[axis] == 1;
    return square;
}

/* Few channels on one side: packing would cost as much as the product. */
static int is_narrow(int64_t rows, int64_t channels) { return rows < 2 * TILE_ROWS || channels < 8; }

static enum product_method choose_method(const product *p) {
    if (is_narrow(p->rows, p->channels)) return STRIP;
    /* Groups are packed one at a time: small ones do not repay it. */
    enum product_method direct_method = p->groups > 1 && p->rows <= 16 && p->channels <= 64 ? STRIP : GATHER;
    if (!has_square_taps(p)) return direct_method;
    /* Multiply-adds, transforms counted at what they cost in them. */
    double tiles = (double)p->images * p->pixels[0] * ceil_div(p->pixels[1], 4) * ceil_div(p->pixels[2], 4);
    double depth = (double)p->channels * (p->taps / 9), rows = p->rows, pixels = (double)p->images * volume(p->pixels);
    double direct = pixels * 9 * depth * rows;
    double winograd = tiles * (36 * depth * rows + 400 * depth + 240 * rows) + 600 * depth * rows;
    return depth <= 1024 && winograd < direct ? WINOGRAD : direct_method;
}

static int64_t product_scratch(const product *p, int threads) {
    switch (choose_method(p)) {
    case STRIP: return strip_scratch(p, threads);
    case WINOGRAD: return winograd_scratch(p, threads);
    default: return gather_scratch(p, threads);
    }
}

static void run_product(const product *p, void *scratch, int threads) {
    switch (choose_method(p)) {
    case STRIP: run_strip(p, scratch, threads); break;
    case WINOGRAD: run_winograd(p, scratch, threads); break;
    default: run_gather(p, scratch, threads);
    }
}
