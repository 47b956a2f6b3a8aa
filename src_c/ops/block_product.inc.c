/* block_product.inc.c: the product of a block of pixels, in panels that are packed or lie in the source, and rows of a
 * matrix that are read in place. */

enum { IN_PLACE_AHEAD = 4 * PANEL, RUNS_TILES = 8 /* that fetch the next panel together, at most */ };

/* c = matrix * panels for some rows, levels and lanes, added to c where `accumulate`. */
typedef struct {
    int64_t rows, depth, count;
    const T *matrix;
    int64_t matrix_row;
    const int64_t *levels; /* where a row of the matrix has its levels, or NULL: next to one another */
    const T *panels;       /* of `depth` rows each, one after another */
    int64_t panel_row;     /* or 0: they are columns of one array of that row length instead */
    const T *source;       /* of whole panels, where they are read in place; or NULL */
    int64_t source_row;
    const T *last; /* the levels of each of a few pixels more */
    int64_t last_row, more;
    T *c;
    int64_t c_row;
    const T *init; /* per row, or NULL */
    int accumulate;
    T *spill;            /* a tile of c, where what lies past `count` must stay; or NULL */
    int fetches;         /* whole rows of the matrix lie next to one another, and are short */
    const product *ends; /* whose dest c is part of, and of which this is all but what follows the sums; or NULL */
} block_product;

/* What follows the sums in `rows` rows of c, `count` cells of each, which lie in dest and still in cache. */
static void end_rows(const product *p, T *c, int64_t c_row, int64_t rows, int64_t count) {
    const T *residual = p->epilogue.residual;
    for (; rows > 0; rows--, c += c_row)
        finish_run(c, c, residual ? residual + (c - p->dest) : NULL, count, 1, p->epilogue.activation);
}

/* Rows a[first] to a[first + DOT_ROWS - 1], but at most `m`, against the pixels behind the panels. */
static void multiply_last(const block_product *b, const T *const *a, int64_t row, int64_t first, int64_t m) {
    const T *w[DOT_ROWS], *x[DOT_COLUMNS];
    T sums[DOT_COLUMNS][DOT_ROWS];
    for (int64_t i = 0; i < DOT_ROWS; i++) w[i] = a[min_i64(first + i, m - 1)];
    for (int64_t j = 0; j < DOT_COLUMNS; j++) x[j] = b->last + min_i64(j, b->more - 1) * b->last_row;
    (b->more > 1 ? dot_columns : dot_one)(w, x, b->depth, sums);
    for (int64_t i = 0; i < DOT_ROWS && first + i < m; i++) {
        T *at = b->c + (row + first + i) * b->c_row + b->count, start = b->init ? b->init[row + first + i] : 0;
        for (int64_t j = 0; j < b->more; j++) {
            FC_KEEP_LOOP;
            at[j] = sums[j][i] + (b->accumulate ? at[j] : start);
        }
    }
}

/* Inlined, it would be larger than the rest of multiply_block. */
static __attribute__((noinline)) void copy_rows(T *dest, int64_t dest_row, const T *from, int64_t from_row,
                                                int64_t rows, int64_t n) {
    for (; rows > 0; rows--, dest += dest_row, from += from_row) copy_run(dest, from, n);
}

enum { SHALLOW = 32 }; /* levels of tiles that wait for what they write, at most */

static void multiply_block(const block_product *b) {
    int64_t lanes = ceil_div(b->count, LANES) * LANES, blocks = ceil_div(b->rows, TILE_ROWS);
    static const int64_t start = 0;
    for (int64_t block = 0; block < blocks; block++) {
        int64_t row = part_start(b->rows, blocks, block), m = part_start(b->rows, blocks, block + 1) - row;
        const T *a[TILE_ROWS];
        for (int64_t i = 0; i < m; i++) a[i] = b->matrix + (row + i) * b->matrix_row;
        for (int64_t panel = 0; panel < lanes; panel += PANEL) {
            int64_t width = min_i64(PANEL, lanes - panel), inside = min_i64(width, b->count - panel);
            T *corner = b->c + row * b->c_row + panel;
            tile_arguments t = {.outer = 1,
                                .inner = b->depth,
                                .rows = b->levels ? b->levels : &start,
                                .a_step = b->levels == NULL,
                                .b = b->panels + panel * (b->panel_row ? 1 : b->depth),
                                .b_row = b->panel_row ? b->panel_row : width,
                                .c = corner,
                                .c_row = b->c_row,
                                .init = b->init ? b->init + row : NULL,
                                .accumulate = b->accumulate,
                                .ahead = b->fetches && panel == 0 ? a[0] + m * b->matrix_row : NULL};
            if (b->fetches && b->depth <= SHALLOW && panel + PANEL < lanes)
                fetch_rows(corner + PANEL, b->c_row, m, PANEL);
            if (b->source && inside == PANEL) {
                t.b = b->source + panel;
                t.b_row = b->source_row;
                t.beyond = block == 0 ? IN_PLACE_AHEAD : 0;
            }
            if (b->spill && inside < width) { /* a ragged end must not overwrite what follows in dest */
                t.c = b->spill;
                t.c_row = width;
                if (b->accumulate) copy_rows(b->spill, width, corner, b->c_row, m, inside);
                run_tile(m, width / LANES, a, &t);
                copy_rows(corner, b->c_row, b->spill, width, m, inside);
            } else {
                run_tile(m, width / LANES, a, &t);
            }
        }
        for (int64_t i = 0; b->more && i < m; i += DOT_ROWS) multiply_last(b, a, row, i, m);
        if (b->ends) end_rows(b->ends, b->c + row * b->c_row, b->c_row, m, b->count + b->more);
    }
}

/* Whole panels where they lie, one after another: each stays in the first cache while all rows see it. */
static void multiply_panels(const block_product *b) {
    int64_t blocks = ceil_div(b->rows, TILE_ROWS);
    static const int64_t start = 0;
    for (int64_t panel = 0; panel < b->count; panel += PANEL)
        for (int64_t block = 0; block < blocks; block++) {
            int64_t row = part_start(b->rows, blocks, block), m = part_start(b->rows, blocks, block + 1) - row;
            const T *a[TILE_ROWS];
            for (int64_t i = 0; i < m; i++) a[i] = b->matrix + (row + i) * b->matrix_row;
            T *c = b->c + row * b->c_row + panel;
            tile_arguments t = {.outer = 1,
                                .inner = b->depth,
                                .rows = &start,
                                .a_step = 1,
                                .b = b->source + panel,
                                .b_row = b->source_row,
                                .c = c,
                                .c_row = b->c_row,
                                .init = b->init ? b->init + row : NULL,
                                .accumulate = b->accumulate,
                                .beyond = block == 0 ? PANEL : 0};
            run_tile(m, TILE_VECS, a, &t);
            if (b->ends) end_rows(b->ends, c, b->c_row, m, PANEL);
        }
}

/* A block of whole panels that are runs of the source; they are packed on the way. Results that are `far` outgrow the
 * caches. The panels' order keeps each in the first cache while all rows see it. */
static void multiply_runs(const block_product *b, T *packed, int far) {
    int64_t blocks = ceil_div(b->rows, TILE_ROWS), step = 1;
    while (2 * step <= min_i64(blocks, RUNS_TILES)) step *= 2;
    int64_t share = ceil_div(b->depth, step);           /* levels of the next panel, for each of the first tiles */
    int64_t rows = b->depth < TILE_ROWS * step ? 2 : 1; /* of c, fetched at a time */
    for (int64_t panel = 0; panel < b->count; panel += PANEL)
        for (int64_t block = 0; block < blocks; block++) {
            int64_t row = part_start(b->rows, blocks, block), m = part_start(b->rows, blocks, block + 1) - row;
            const T *x = b->source + panel, *next = x + PANEL + min_i64(block, step - 1) * share * b->source_row;
            T *c = b->c + row * b->c_row + panel;
            panel_arguments t = {.depth = b->depth,
                                 .matrix = b->matrix + row * b->matrix_row,
                                 .matrix_row = b->matrix_row,
                                 .x = block > 0 ? packed : x,
                                 .x_row = block > 0 ? PANEL : b->source_row,
                                 .packed = block == 0 && blocks > 1 ? packed : NULL,
                                 .c = c,
                                 .c_row = b->c_row,
                                 .init = b->init ? b->init + row : NULL,
                                 .accumulate = b->accumulate,
                                 .next = next,
                                 .next_row = b->source_row,
                                 .step = step,
                                 .rows = rows,
                                 .after = !far                 ? NULL
                                          : block + 1 < blocks ? c + m * b->c_row
                                                               : b->c + panel + PANEL};
            panel_tiles[m - 1](&t);
            if (b->ends) end_rows(b->ends, c, b->c_row, m, PANEL);
        }
}
