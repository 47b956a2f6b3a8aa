/* winograd_tiles.inc.c: how a product (see product.inc.c) is cut into Winograd's tiles.
 *
 * A tile has four outputs along the height, the width or both. Taps beyond three make slices of three taps, which count
 * as channels, as depth taps do. Taps a dilation apart see one remainder of the positions modulo the dilation at a
 * time: tiles, patches and slices step by it. Taps of a stride see interleaved grids: they are slices too.
 *
 * A source of at most 4 x 4 cells that makes more outputs is one tile by itself, with up to 6 x 6 outputs.
 *
 * Products that alternate along rows (a pair), and pairs that do along columns, see the same patches where they have
 * three taps between them on an axis: these twins have the filters that they have of the three, and the points that
 * those do not leave zero. */

/* Filters may grow so many times: where most of a slice's taps are missing, their memory costs more than is saved. */
enum { WINOGRAD_GROWTH = 9 };

/* What counts more than its multiply-adds, and how much more: on shorter vectors and on those of 512 bits, where more
 * go by while cells are shuffled and while memory is waited for; of a product, and of a weight gradient. */
typedef struct {
    double square, line, across; /* transforms of patches and outputs */
    double filter;
    double start;        /* of a sum over levels, and its end: in levels */
    double few_channels; /* which fill strips, too */
    double strided_dest; /* whose rows other ways write two phases at a time */
    double twins;        /* the same where Winograd does, too, with fewer points to a product */
    double weight;       /* gradients: their products are short */
} winograd_prices;
static const winograd_prices all_prices[2][2] = {
    {{1, 1, 1, 1, 0, 2, 1.2, 1.3, 1}, {1, 1, 1, 1, 0, 2, 1.2, 1.3, 1.15}},
    {{2, 1, 2.8, 1.9, 6, 1.6, 1.9, 1.12, 1}, {2, 1.4, 2.8, 2.5, 0, 1.6, 1.9, 1.12, 1}},
};
static const winograd_prices *prices_of(int weight) { return &all_prices[VECTOR_BYTES == 64][weight]; }

enum winograd_form { WINOGRAD_WIDE = 1, WINOGRAD_TALL, WINOGRAD_SQUARE, WINOGRAD_WHOLE };

typedef struct {
    int64_t tile, patch, taps; /* outputs, cells and taps: 4, 6 and 3 (2 where a third is never there), or 1, 1, 1 */
    int64_t points;            /* not always zero */
    int64_t step, cell;        /* from output to output, from cell to cell of a patch in the source */
    int64_t interleave;        /* taps of a slice are that many apart */
    int64_t spacing;           /* from tap to tap in the source */
    int64_t slices, tiles;
    int64_t long_phases, long_tiles, short_tiles; /* tiles in the remainders modulo the step */
    int across;                                   /* neighbours are tiles of different remainders */
} winograd_axis;

/* The points of an axis that are not always zero. */
typedef struct {
    int64_t first, end;
} point_range;

typedef struct {
    winograd_axis axis[3];
    enum winograd_form form;
    const winograd_transforms *transforms;
    int64_t slices, depth;   /* channels * slices */
    int64_t rows;            /* of all twins */
    int64_t pairs, columns;  /* twins: rows of them, and in a row */
    point_range range[2][2]; /* of rows and columns of twins */
    int64_t tiles;
    int64_t points;         /* with those that are always zero */
    double growth;          /* of a filter */
    double in, out, filter; /* cost of transforms in multiply-adds */
    double cost;            /* of the whole product */
} winograd_tiles;

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

FC_PLAN winograd_axis cut_axis(const product *p, int axis, enum winograd_form form) {
    winograd_axis a = {.tile = 1, .patch = 1, .taps = 1, .points = 1, .step = 1, .interleave = 1};
    int64_t count = p->count[axis];
    a.spacing = tap_gap(p, axis);
    a.cell = p->stride[axis];
    if ((axis == 2 && form & WINOGRAD_WIDE) || (axis == 1 && form & WINOGRAD_TALL)) {
        int64_t common = greatest_divisor(p->stride[axis], a.spacing);
        a.step = a.spacing / common;
        a.interleave = p->stride[axis] / common;
        a.cell = a.step * p->stride[axis];
        a.tile = WINOGRAD_TILE;
        a.patch = WINOGRAD_PATCH;
        a.taps = 3;
        count = ceil_div(count, a.interleave);
        if (count == 2 || count == 4) a.taps = 2;
        a.points = a.tile + a.taps - 1;
    }
    if (axis > 0 && form == WINOGRAD_WHOLE)
        a = (winograd_axis){WINOGRAD_PATCH, WINOGRAD_TILE, 3, .points = 6, .step = 1, .cell = 1, .interleave = 1};
    a.slices = ceil_div(count, a.taps) * a.interleave;
    int64_t most = ceil_div(p->pixels[axis], a.step);
    a.long_phases = p->pixels[axis] - (most - 1) * a.step;
    a.long_tiles = ceil_div(most, a.tile);
    a.short_tiles = ceil_div(most - 1, a.tile);
    a.tiles = a.long_phases * a.long_tiles + (a.step - a.long_phases) * a.short_tiles;
    a.across = axis == 2 && a.tile == WINOGRAD_TILE && a.step > (form == WINOGRAD_WIDE ? 4 : 3) && p->stride[2] == 1;
    return a;
}

/* Twins are numbered row by row. */
static const product *twin_of(const product *p, int64_t twin) {
    const product *even = twin > 1 ? p->below : p;
    return twin % 2 ? even->pair : even;
}

/* Widens what `seen` sees on an axis by what q sees; returns whether all taps lie among three neighbours. A single tap
 * is best the middle one, where it leaves most points zero. */
static int join_axis(product *seen, const product *p, const product *q, int axis) {
    int64_t *low = &seen->low[axis], *high = &seen->high[axis];
    int dense = p->taps > 0 && q->taps > 0 && p->high[axis] - p->low[axis] == p->count[axis] - 1 &&
                q->high[axis] - q->low[axis] == q->count[axis] - 1;
    *low = min_i64(p->low[axis], q->low[axis]);
    *high = max_i64(p->high[axis], q->high[axis]);
    if (*high == *low + 1) *low -= p->high[axis] == *low || q->high[axis] == *low;
    seen->count[axis] = *high - *low + 1;
    return dense && seen->count[axis] <= 3;
}

/* What twins see. Returns whether they are such. */
static int join_twins(const product *p, product *seen) {
    int joined = 1;
    *seen = *p;
    if (p->pair) joined &= join_axis(seen, p, p->pair, 2);
    if (p->below) joined &= join_axis(seen, p, p->below, 1);
    seen->taps = seen->count[0] * seen->count[1] * seen->count[2];
    return joined;
}

FC_PLAN winograd_tiles cut_form(const product *p, enum winograd_form form, int weight) {
    const winograd_prices *prices = prices_of(weight);
    winograd_tiles t = {
        .form = form, .slices = 1, .pairs = p->below ? 2 : 1, .columns = p->pair ? 2 : 1, .tiles = p->images};
    product seen;
    join_twins(p, &seen);
    int square = form >= WINOGRAD_SQUARE;
    int64_t multiplied = 1, taps = 0;
    for (int axis = 0; axis < 3; axis++) {
        t.axis[axis] = cut_axis(&seen, axis, form);
        t.slices *= t.axis[axis].slices;
        t.tiles *= t.axis[axis].tiles;
        int64_t twins = axis == 1 ? t.pairs : axis == 2 ? t.columns : 1, points = 0;
        for (int64_t i = 0; axis > 0 && i < twins; i++) {
            const product *own = twin_of(p, axis == 1 ? 2 * i : i);
            point_range *range = &t.range[axis - 1][i];
            *range = (point_range){0, t.axis[axis].points};
            if (twins > 1) {
                range->first = own->low[axis] > seen.low[axis];
                range->end = WINOGRAD_PATCH - (own->high[axis] < seen.low[axis] + 2);
            }
            points += range->end - range->first;
        }
        multiplied *= axis > 0 ? points : 1;
    }
    for (int64_t twin = 0; twin < t.pairs * t.columns; twin++) taps += twin_of(p, twin)->taps;
    int across = t.axis[2].across;
    t.transforms = form == WINOGRAD_WHOLE  ? &whole_transforms
                   : square && across      ? &square_across_transforms
                   : square                ? &square_transforms
                   : form == WINOGRAD_TALL ? &tall_transforms
                   : across                ? &across_transforms
                                           : &wide_transforms;
    t.depth = t.slices * p->channels;
    t.points = square ? 36 : 6;
    t.in = square ? 360 : 45;
    t.out = square ? 240 : 45;
    t.filter = square ? 300 : 125;
    if (square && across) { /* a run of one remainder after another, on vectors that it may not fill */
        double runs = LANES / (double)min_i64(t.axis[2].step, LANES);
        t.in += 100 * runs;
        t.out += 75 * runs;
    } else if (t.axis[2].step > 1 && !across) { /* cells are moved one by one */
        t.in += square ? 1200 : 80;
        t.out += square ? 800 : 80;
    }
    double price = square ? prices->square : across ? prices->across : prices->line;
    t.in *= price;
    t.out *= price;
    t.filter *= prices->filter;
    if (p->taps == 4) t.filter /= 2; /* taken apart by fewer shuffles */
    t.growth = (double)(multiplied * t.slices) / taps;
    t.rows = p->rows * t.pairs * t.columns;
    double depth = t.depth, rows = t.rows, lanes = ceil_div(t.tiles, LANES) * LANES;
    t.cost = lanes * (multiplied * (depth + prices->start) * p->rows + t.in * depth + t.out * rows) +
             t.filter * depth * rows + 1e5;
    t.cost *= p->pair ? prices->twins : p->dest_stride[2] > 1 ? prices->strided_dest : 1;
    return t;
}

/* Whether the source is small enough to be one tile, and no output lies beyond its reach. */
static int is_whole(const product *p) {
    int whole = p->count[1] > 1 && p->count[2] > 1;
    for (int axis = 1; axis < 3; axis++)
        whole &= p->stride[axis] == 1 && p->extent[axis] <= WINOGRAD_TILE && p->pixels[axis] > WINOGRAD_TILE &&
                 p->count[axis] <= 3 && p->high[axis] - p->low[axis] == p->count[axis] - 1 && p->low[axis] >= -2 &&
                 p->low[axis] + p->pixels[axis] <= WINOGRAD_TILE;
    return whole;
}

/* The cheapest form of tiles of which weight gradients have the transforms, for one or for a product; its cost infinite
 * if there is none. */
FC_PLAN winograd_tiles cut_tiles(const product *p, int weight) {
    winograd_tiles best = {.cost = INFINITY};
    for (int form = WINOGRAD_WIDE; form <= WINOGRAD_SQUARE; form++) {
        if ((form & WINOGRAD_WIDE && p->count[2] == 1 && !p->pair) ||
            (form & WINOGRAD_TALL && p->count[1] == 1 && !p->below) || (form == WINOGRAD_TALL && p->pair) ||
            (form == WINOGRAD_WIDE && p->below))
            continue;
        winograd_tiles t = cut_form(p, form, weight);
        if (t.growth > WINOGRAD_GROWTH) continue;
        if (t.cost < best.cost) best = t;
    }
    return best;
}

/* The cheapest form of tiles of a product. */
FC_PLAN winograd_tiles cut_product(const product *p) {
    product seen;
    if (!join_twins(p, &seen)) return (winograd_tiles){.cost = INFINITY};
    return is_whole(p) && !p->pair ? cut_form(p, WINOGRAD_WHOLE, 0) : cut_tiles(p, 0);
}

/* Where a tile of an axis starts, and how many there are from it to the end of a run. */
static int64_t tile_start(const winograd_axis *a, int64_t number, int64_t *left) {
    if (a->across) {
        int64_t phase = number % a->step;
        number /= a->step;
        *left = (number < a->short_tiles ? a->step : a->long_phases) - phase;
        return phase + number * a->tile * a->step;
    }
    int64_t first = 0, each = a->long_tiles, in_long = a->long_phases * a->long_tiles;
    if (number >= in_long) {
        number -= in_long;
        first = a->long_phases;
        each = a->short_tiles;
    }
    *left = each - number % each;
    return first + number / each + number % each * a->tile * a->step;
}

/* Tiles [first, first + count) as runs of neighbours in one row of tiles. */
static int64_t find_tile_runs(const winograd_tiles *t, int64_t first, int64_t count, pixel_run *runs) {
    int64_t found = 0, left;
    for (int64_t lane = 0; lane < count;) {
        int64_t number = first + lane;
        pixel_run *run = &runs[found++];
        run->lane = lane;
        run->at[2] = tile_start(&t->axis[2], number % t->axis[2].tiles, &left);
        run->length = min_i64(left, count - lane);
        number /= t->axis[2].tiles;
        run->at[1] = tile_start(&t->axis[1], number % t->axis[1].tiles, &left);
        number /= t->axis[1].tiles;
        run->at[0] = number % t->axis[0].tiles;
        run->image = number / t->axis[0].tiles;
        lane += run->length;
    }
    return found;
}

/* The most runs that `block` tiles can make. */
static int64_t most_runs(const winograd_tiles *t, int64_t block) {
    const winograd_axis *a = &t->axis[2];
    int64_t shortest = a->across ? a->long_phases : a->short_tiles ? a->short_tiles : a->long_tiles;
    return min_i64(block, block / max_i64(1, shortest) + 2);
}

/* Whether neighbouring tiles have neighbouring cells, which are taken apart. */
static int takes_apart(const winograd_tiles *t) { return t->axis[2].tile == WINOGRAD_TILE && !t->axis[2].across; }

/* Whether vectors of tiles are put together from several runs. */
static int scattered(const winograd_tiles *t) {
    int64_t run = t->axis[2].long_tiles;
    return takes_apart(t) && 3 * run < 2 * ceil_div(run, LANES) * LANES;
}

/* Whether every run has an even number of tiles, in blocks of an even number. */
static int in_pairs(const winograd_tiles *t) {
    const winograd_axis *a = &t->axis[2];
    return a->long_tiles % 2 == 0 && (a->long_phases == a->step || a->short_tiles % 2 == 0);
}

/* Whether patches are transformed down the columns first, along whole lines, and then across them. */
static int laid_across(const winograd_tiles *t) { return t->form == WINOGRAD_SQUARE && t->axis[2].across; }

/* The axis that lines of patches lie across, and cells on such a line of a run. */
static int line_axis(const winograd_tiles *t) { return t->form == WINOGRAD_WIDE && t->axis[2].across ? 2 : 1; }
static int64_t line_cells(const winograd_tiles *t, int64_t tiles) {
    const winograd_axis *a = &t->axis[2];
    if (a->across) return tiles + (laid_across(t) ? (a->patch - 1) * a->cell : 0);
    return a->tile * (tiles - 1) + a->patch;
}

/* Elements from line to line of the copies. */
static int64_t patch_row(const winograd_tiles *t, int64_t block) {
    const winograd_axis *a = &t->axis[2];
    return a->tile * (block + 2 * LANES) + (line_cells(t, 1) + LANES) * most_runs(t, block);
}

/* A slice's first tap on each axis. */
static void find_slice(const winograd_tiles *t, int64_t slice, int64_t tap[3]) {
    for (int axis = 2; axis >= 0; axis--) {
        const winograd_axis *a = &t->axis[axis];
        int64_t number = slice % a->slices;
        tap[axis] = number % a->interleave + number / a->interleave * a->interleave * a->taps;
        slice /= a->slices;
    }
}

/* The place in the matrix of each of a slice's 3 x 3 taps, -1 where there is none; `seen` is what its twins
 * see. Taps may stand in either order on each axis. */
static void find_slice_taps(const product *p, const product *seen, const winograd_tiles *t, int64_t slice,
                            int64_t place[9]) {
    int64_t first[3];
    find_slice(t, slice, first);
    for (int axis = 1; axis < 3; axis++) first[axis] -= p->low[axis] - seen->low[axis];
    for (int i = 0; i < 9; i++) {
        int64_t step[3] = {0, i / 3, i % 3};
        if (t->form == WINOGRAD_WHOLE)
            for (int axis = 1; axis < 3; axis++) step[axis] = 2 - step[axis];
        place[i] = 0;
        for (int axis = 0; axis < 3; axis++) {
            const winograd_axis *a = &t->axis[axis];
            int64_t count = p->count[axis], tap = first[axis] + step[axis] * a->interleave;
            if (place[i] < 0 || step[axis] >= a->taps || tap < 0 || tap >= count) place[i] = -1;
            else place[i] = place[i] * count + (p->offset[0][axis] == p->low[axis] ? tap : count - 1 - tap);
        }
    }
}
