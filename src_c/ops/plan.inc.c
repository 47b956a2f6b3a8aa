/* plan.inc.c: which way a product is computed. The choice depends on shapes and instruction set alone. */

enum product_method { GATHER, STRIP, WINOGRAD };

/* Few channels on one side: packing would cost as much as the product. */
static int is_narrow(int64_t rows, int64_t channels) { return rows < 2 * TILE_ROWS || channels < 8; }

static enum product_method choose_method(const product *p) {
    if (is_narrow(p->rows, p->channels)) return STRIP;
    /* Groups are packed one at a time: small ones do not repay it. */
    enum product_method direct_method = p->groups > 1 && p->rows <= 16 && p->channels <= 64 ? STRIP : GATHER;
    /* Multiply-adds, transforms counted at what they cost in them. */
    double direct = (double)p->images * volume(p->pixels) * p->taps * p->channels * p->rows;
    winograd_tiles t = cut_product(p);
    return t.depth <= 4096 && t.cost < direct ? WINOGRAD : direct_method;
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
