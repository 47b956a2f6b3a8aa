/* plan.inc.c: which way a product is computed. The choice depends on shapes and instruction set alone. */

static int use_strip(const product *p) { return p->rows < 2 * TILE_ROWS || p->channels < 8; }

static int64_t product_scratch(const product *p, int threads) {
    return use_strip(p) ? strip_scratch(p, threads) : gather_scratch(p, threads);
}

static void run_product(const product *p, void *scratch, int threads) {
    if (use_strip(p)) run_strip(p, scratch, threads);
    else run_gather(p, scratch, threads);
}
