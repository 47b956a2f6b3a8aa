/* winograd_tiles.inc.c: how a product (see product.inc.c) is cut into Winograd's tiles, and the patches they see.
 *
 * A tile has four outputs along the height, the width or both. Taps beyond three make slices of three taps, which count
 * as channels, as depth taps do. Taps a dilation apart see one remainder of the positions modulo the dilation at a
 * time: tiles, patches and slices step by it. Taps of a stride see interleaved grids: they are slices too.
 *
 * Lanes are tiles along the width. In rows of tiles one tile's cells are next to one another, so they are taken apart;
 * under a wide dilation neighbours are tiles of different remainders, which need not be.
 *
 * A source of at most 4 x 4 cells that makes more outputs is one tile by itself, with up to 6 x 6 outputs. */

/* Filters may grow so many times: where most of a slice's taps are missing, their memory costs more than is saved. */
enum { WINOGRAD_GROWTH = 9 };

/* What counts more than its multiply-adds, and how much more, on shorter vectors and on those of 512 bits: there, more
 * go by while cells are shuffled and while memory is waited for. */
static const struct winograd_prices {
    double square, line, across; /* transforms of patches and outputs */
    double filter;
    double few_channels; /* which fill strips, too */
    double strided_dest; /* whose rows other ways write two phases at a time */
    double weight;       /* gradients: their products are short */
} winograd_prices[] = {{1, 1, 1, 1, 2, 1.2, 1.15}, {2, 1.4, 2.8, 2.5, 1.6, 1.9, 1}};
#define PRICE winograd_prices[VECTOR_BYTES == 64]

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

typedef struct {
    winograd_axis axis[3];
    enum winograd_form form;
    const winograd_transforms *transforms;
    int64_t slices, depth; /* channels * slices */
    int64_t tiles;
    int64_t points;         /* with those that are always zero */
    double in, out, filter; /* cost of transforms in multiply-adds */
    double cost;            /* of the whole product */
} winograd_tiles;

/* A run's patches: their lines start in the source or, where they step or stick out, in copies (~line). Lines that
 * are transformed down the columns before vectors are put together from several runs have only the cells [low, high)
 * that lie inside the source. */
typedef struct {
    int64_t place; /* of its first cell on a line of copies, or of what is transformed */
    int64_t low, high;
    int64_t line[WINOGRAD_PATCH];
} run_patches;

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static winograd_axis cut_axis(const product *p, int axis, enum winograd_form form) {
    winograd_axis a = {.tile = 1, .patch = 1, .taps = 1, .points = 1, .step = 1, .interleave = 1, .spacing = 1};
    int64_t count = p->count[axis];
    if (count > 1) a.spacing = (p->high[axis] - p->low[axis]) / (count - 1);
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
    a.across = axis == 2 && form == WINOGRAD_WIDE && a.step > 4 && p->stride[2] == 1;
    return a;
}

static winograd_tiles cut_form(const product *p, enum winograd_form form) {
    winograd_tiles t = {.form = form, .slices = 1, .tiles = p->images};
    int square = form >= WINOGRAD_SQUARE;
    int64_t multiplied = 1;
    for (int axis = 0; axis < 3; axis++) {
        t.axis[axis] = cut_axis(p, axis, form);
        t.slices *= t.axis[axis].slices;
        t.tiles *= t.axis[axis].tiles;
        multiplied *= t.axis[axis].points;
    }
    t.transforms = form == WINOGRAD_WHOLE  ? &whole_transforms
                   : square                ? &square_transforms
                   : form == WINOGRAD_TALL ? &tall_transforms
                   : t.axis[2].across      ? &across_transforms
                                           : &wide_transforms;
    t.depth = t.slices * p->channels;
    t.points = square ? 36 : 6;
    t.in = square ? 360 : 45;
    t.out = square ? 240 : 45;
    t.filter = square ? 300 : 125;
    if (t.axis[2].step > 1 && !t.axis[2].across) { /* cells are moved one by one */
        t.in += square ? 1200 : 80;
        t.out += square ? 800 : 80;
    }
    double price = square ? PRICE.square : t.axis[2].across ? PRICE.across : PRICE.line;
    t.in *= price;
    t.out *= price;
    t.filter *= PRICE.filter;
    double depth = t.depth, rows = p->rows, lanes = ceil_div(t.tiles, LANES) * LANES;
    t.cost = lanes * (multiplied * depth * rows + t.in * depth + t.out * rows) + t.filter * depth * rows + 1e5;
    if (p->dest_stride[2] > 1) t.cost *= PRICE.strided_dest;
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

/* The cheapest form of tiles of which weight gradients have the transforms, its cost infinite if there is none. */
static winograd_tiles cut_tiles(const product *p) {
    winograd_tiles best = {.cost = INFINITY};
    for (int form = WINOGRAD_WIDE; form <= WINOGRAD_SQUARE; form++) {
        if ((form & WINOGRAD_WIDE && p->count[2] == 1) || (form & WINOGRAD_TALL && p->count[1] == 1)) continue;
        winograd_tiles t = cut_form(p, form);
        if (t.points * t.slices > WINOGRAD_GROWTH * p->taps) continue;
        if (t.cost < best.cost) best = t;
    }
    return best;
}

/* The cheapest form of tiles of a product. */
static winograd_tiles cut_product(const product *p) { return is_whole(p) ? cut_form(p, WINOGRAD_WHOLE) : cut_tiles(p); }

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

/* Elements from line to line of the copies. */
static int64_t patch_row(const winograd_tiles *t, int64_t block) {
    const winograd_axis *a = &t->axis[2];
    return a->tile * (block + 2 * LANES) + (a->patch + LANES) * most_runs(t, block);
}

/* The axis that lines of patches lie across, and cells on such a line of a run. */
static int line_axis(const winograd_tiles *t) { return t->axis[2].across ? 2 : 1; }
static int64_t line_cells(const winograd_tiles *t, int64_t tiles) {
    const winograd_axis *a = &t->axis[2];
    return a->across ? tiles : a->tile * (tiles - 1) + a->patch;
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

/* The place in the matrix of each of a slice's 3 x 3 taps, -1 where there is none. Taps may stand in either order on
 * each axis. */
static void find_slice_taps(const product *p, const winograd_tiles *t, int64_t slice, int64_t place[9]) {
    int64_t first[3];
    find_slice(t, slice, first);
    for (int i = 0; i < 9; i++) {
        int64_t step[3] = {0, i / 3, i % 3};
        if (t->form == WINOGRAD_WHOLE)
            for (int axis = 1; axis < 3; axis++) step[axis] = 2 - step[axis];
        place[i] = 0;
        for (int axis = 0; axis < 3; axis++) {
            const winograd_axis *a = &t->axis[axis];
            int64_t count = p->count[axis], tap = first[axis] + step[axis] * a->interleave;
            if (place[i] < 0 || step[axis] >= a->taps || tap >= count) place[i] = -1;
            else place[i] = place[i] * count + (p->offset[0][axis] == p->low[axis] ? tap : count - 1 - tap);
        }
    }
}

/* Where the tiles of runs start on a line of copies, for whole vectors of tiles. */
static void find_starts(const winograd_tiles *t, const pixel_run *runs, int64_t run_count, const run_patches *patches,
                        int64_t *start) {
    int64_t count = 0;
    for (int64_t r = 0; r < run_count; r++)
        for (int64_t tile = 0; tile < runs[r].length; tile++)
            start[count++] = patches[r].place + tile * t->axis[2].tile;
    while (count % LANES) start[count++] = 0;
}

/* Memory in which a thread finds and transforms patches of a block of tiles. */
typedef struct {
    int64_t line_row, count, piece_count;
    pixel_run *runs;
    int64_t run_count;
    run_patches *patches;
    piece *pieces;
    int64_t *start;
    T *lines, *rows;
} patch_room;

static int64_t patch_room_bytes(const winograd_tiles *t, int64_t block) {
    int64_t runs = most_runs(t, block), lines = WINOGRAD_PATCH * patch_row(t, block) * (int64_t)sizeof(T);
    return line_bytes(runs * (int64_t)sizeof(pixel_run)) + line_bytes(runs * (int64_t)sizeof(run_patches)) +
           line_bytes(runs * WINOGRAD_PATCH * (int64_t)sizeof(piece)) +
           line_bytes((block + LANES) * (int64_t)sizeof(int64_t)) + 2 * line_bytes(lines);
}

static patch_room take_patch_room(const winograd_tiles *t, int64_t block, char **scratch) {
    int64_t runs = most_runs(t, block), lines = WINOGRAD_PATCH * patch_row(t, block) * (int64_t)sizeof(T);
    patch_room room = {.line_row = patch_row(t, block)};
    room.runs = take(scratch, runs * (int64_t)sizeof(pixel_run));
    room.patches = take(scratch, runs * (int64_t)sizeof(run_patches));
    room.pieces = take(scratch, runs * WINOGRAD_PATCH * (int64_t)sizeof(piece));
    room.start = take(scratch, (block + LANES) * (int64_t)sizeof(int64_t));
    room.lines = take(scratch, lines);
    room.rows = take(scratch, lines);
    return room;
}

/* Whether a run of tiles lies right under another. */
static int lies_below(const winograd_tiles *t, const pixel_run *above, const pixel_run *run) {
    const winograd_axis *tall = &t->axis[1];
    return line_axis(t) == 1 && tall->tile == WINOGRAD_TILE && run->image == above->image &&
           run->at[0] == above->at[0] && run->at[1] == above->at[1] + tall->tile * tall->step &&
           run->at[2] == above->at[2] && run->length == above->length;
}

/* The cells [low, high) of a row of `cells`, from x on and a step apart, that lie inside the source. */
static void find_inside_row(int64_t x, int64_t step, int64_t W, int64_t cells, int64_t *low, int64_t *high) {
    *low = clamp_i64(ceil_div(max_i64(-x, 0), step), 0, cells);
    *high = clamp_i64(floor_div(W - 1 - x, step) + 1, *low, cells);
}

/* Lists the patches of the room's runs in a slice, and the pieces to copy in each channel; what copies see outside the
 * source is zero from now on. The last lines of a tile are the first ones of the tile below. */
static void find_patches(const product *p, const winograd_tiles *t, int64_t slice, patch_room *room) {
    const winograd_axis *wide = &t->axis[2];
    int64_t W = p->extent[2], images = p->groups * p->channels * volume(p->extent), tap[3], place = 0;
    int64_t cell = wide->across ? 1 : wide->cell, across = line_axis(t);
    int laid = scattered(t) && t->axis[1].tile > 1;
    int in_place = cell == 1 && t->form != WINOGRAD_WHOLE && (laid || !scattered(t));
    const pixel_run *above = NULL;
    run_patches *patches = room->patches;
    find_slice(t, slice, tap);
    room->piece_count = 0;
    for (const pixel_run *run = room->runs; run < room->runs + room->run_count; above = run++, patches++) {
        int64_t at[3], all = line_cells(t, run->length), cells = all, low, high;
        for (int axis = 0; axis < 3; axis++)
            at[axis] = axis > 0 && t->form == WINOGRAD_WHOLE
                           ? 0
                           : run->at[axis] * p->stride[axis] + p->low[axis] + tap[axis] * t->axis[axis].spacing;
        int64_t reads = wide->tile * (run->length + 2 * LANES);
        patches->place = place;
        patches->low = 0;
        patches->high = all;
        if (laid) {
            find_inside_row(at[2], cell, W, cells, &patches->low, &patches->high);
            at[2] += patches->low * cell;
            cells = patches->high - patches->low;
            reads = ceil_div(cells, LANES) * LANES;
        }
        for (int64_t i = 0; i < t->axis[across].patch; i++, at[across] += t->axis[across].cell) {
            if (i + WINOGRAD_TILE < t->axis[across].patch && above && lies_below(t, above, run)) {
                patches->line[i] = patches[-1].line[i + WINOGRAD_TILE];
                continue;
            }
            int64_t from = (at[0] * p->extent[1] + at[1]) * W + at[2], copy = i * room->line_row + place;
            find_inside_row(at[2], cell, W, cells, &low, &high);
            if (at[0] < 0 || at[0] >= p->extent[0] || at[1] < 0 || at[1] >= p->extent[1]) low = high = cells;
            int inside = in_place && low == 0 && high == cells && from + reads <= volume(p->extent);
            from += run->image * images;
            patches->line[i] = inside ? from : ~copy;
            if (inside) continue;
            zero_run(room->lines + copy, low);
            zero_run(room->lines + copy + high, cells - high);
            if (high > low)
                room->pieces[room->piece_count++] = make_piece(from + low * cell, copy + low, high - low, 0);
        }
        place += t->form == WINOGRAD_WHOLE ? all : ceil_div(all, LANES) * LANES;
    }
}

/* Transforms the lines of a run down the columns, zeros beside them; what vectors write too many, the next run
 * overwrites. The same lines of a channel `ahead` are fetched into cache. */
static void lay_run(const T *const line[WINOGRAD_PATCH], const run_patches *patches, int64_t cells, int64_t ahead,
                    T *rows, int64_t row) {
    int64_t inside = patches->high - patches->low;
    for (int i = 0; i < WINOGRAD_PATCH; i++) {
        __builtin_prefetch(line[i] + ahead);
        __builtin_prefetch(line[i] + ahead + inside - 1);
    }
    transform_columns(line, inside, rows + patches->low, row);
    for (int i = 0; i < WINOGRAD_PATCH; i++, rows += row) {
        for (int64_t cell = 0; cell < patches->low; cell++) {
            FC_KEEP_LOOP;
            rows[cell] = 0;
        }
        for (int64_t cell = patches->high; cell < cells; cell++) {
            FC_KEEP_LOOP;
            rows[cell] = 0;
        }
    }
}

/* Transforms the block's patches in one source channel -> v[point][tile]. A run writes up to a whole vector of tiles;
 * what it writes too many, the next run or the next level overwrites. */
static void transform_patches(const winograd_tiles *t, const T *source, int64_t ahead, const patch_room *room, T *v,
                              int64_t v_point) {
    const winograd_axis *wide = &t->axis[2];
    int lines = (int)t->axis[line_axis(t)].patch, apart = takes_apart(t), gathers = scattered(t);
    int64_t row = room->line_row;
    gather_pieces(source, room->lines, 0, room->pieces, room->piece_count, wide->across ? 1 : wide->cell, ahead);
    if (t->form == WINOGRAD_WHOLE) {
        transform_sources(room->lines, row, room->count, v, v_point);
        return;
    }
    for (int64_t r = 0; r < room->run_count; r++) {
        const pixel_run *run = &room->runs[r];
        const run_patches *patches = &room->patches[r];
        const T *line[WINOGRAD_PATCH], *rows = room->rows + patches->place;
        T *to = v + run->lane;
        for (int i = 0; i < lines; i++)
            line[i] = patches->line[i] < 0 ? room->lines + ~patches->line[i] : source + patches->line[i];
        if (!apart) transform_columns(line, run->length, to, v_point);
        else if (lines > 1) lay_run(line, patches, line_cells(t, run->length), ahead, room->rows + patches->place, row);
        else rows = line[0];
        if (apart && !gathers) transform_rows(rows, row, lines, run->length, to, v_point);
    }
    if (gathers)
        transform_scattered(lines > 1 ? room->rows : room->lines, row, lines, room->start, room->count, v, v_point);
}

/* Levels [level, level + count) of the order (slice, channel) -> v, rows of v_row tiles. */
static void transform_levels(const product *p, const winograd_tiles *t, int64_t group, int64_t level, int64_t count,
                             patch_room *room, T *v, int64_t v_row, int64_t v_point) {
    const T *source = p->source + group * p->channels * volume(p->extent);
    for (int64_t d = level; d < level + count;) {
        int64_t slice = d / p->channels, end = min_i64(level + count, (slice + 1) * p->channels);
        find_patches(p, t, slice, room);
        find_starts(t, room->runs, room->run_count, room->patches, room->start);
        for (; d < end; d++)
            transform_patches(t, source + (d - slice * p->channels) * volume(p->extent), 2 * volume(p->extent), room,
                              v + (d - level) * v_row, v_point);
    }
}
