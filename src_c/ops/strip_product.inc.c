/* strip_product.inc.c: a product (see product.inc.c) with few rows, computed on the strip of strip.inc.c. */

enum { FETCHED_CELLS = 1024 }; /* of a source plane too small for a prefetcher, at most */

typedef struct {
    const product *p;
    strip_plan s;
    int64_t chunk;        /* (image, group) pairs per task */
    const int64_t *table; /* of p, then of its pair */
    char *scratch;
} strip_job;

/* A block of a task: pixel rows and columns of one output slice, and its place in dest. */
typedef struct {
    int64_t rows, columns, dest_columns;
    int64_t row_step, column_step;
    int ascending; /* rows of dest follow one another, and are written in order */
    int64_t end;   /* cells of dest before this are the task's, and it writes them in ascending order */
    strip_layout at;
    const T *from; /* strip, or source in place */
    T *strip;      /* to lay along with the tiles, from `source` */
    const T *source;
    const strip_piece *pieces;
    T *stage;
} strip_block;

/* Whether tiles of n vectors, `inside` cells of them pixels, may be written where they belong: a vector may run over
 * the end of a row of pixels if the cells behind are written later. `last` is the place of the tile's last row. */
static int in_place(const strip_block *b, int64_t n, int64_t inside, int64_t last) {
    return b->column_step == 1 && (inside == n * LANES || last + n * LANES <= b->end);
}

/* A run of n pixels to dest[to]; x may lie there already. */
static void place_run(const product *p, const T *x, int64_t to, int64_t n, int64_t step) {
    const T *residual = p->epilogue.residual;
    finish_run(p->dest + to, x, residual ? residual + to : NULL, n, step, p->epilogue.activation);
}

/* The same for `rows` runs, `row_step` apart, that lie in dest already: as one run where they touch. */
static void finish_rows(const product *p, int64_t to, int64_t rows, int64_t n, int64_t row_step) {
    if (p->epilogue.activation == FC_NONE && !p->epilogue.residual) return;
    if (row_step == n) {
        n *= rows;
        rows = 1;
    }
    for (int64_t i = 0; i < rows; i++) place_run(p, p->dest + to + i * row_step, to + i * row_step, n, 1);
}

/* Rows of n sums from the stage to dest: finished, if they do not lie next to one another there, or else as they are,
 * for finish_rows to finish whole rows. */
static void unstage(const product *p, const strip_block *b, const T *x, int64_t x_row, int64_t to, int64_t rows,
                    int64_t n, int64_t row_step) {
    for (; rows > 0; rows--, x += x_row, to += row_step) {
        if (b->column_step == 1) copy_run(p->dest + to, x, n);
        else place_run(p, x, to, n, b->column_step);
    }
}

/* The steps of a tile: the tap rows that see source rows, a few at a time. Pixel row i of the tile sees row
 * row + (i + r) * gap of a phase with its tap row phase + r * stride. */
static slide_step *list_steps(const product *p, const strip_plan *s, const strip_layout *at, int64_t o, int64_t row,
                              const slide_block *tile, slide_step *step) {
    int64_t R = p->count[1], S = p->count[2], stride = p->stride[1], m = tile->rows;
    int reversed = p->offset[0][1] != p->low[1];
    for (int64_t t = 0; t < p->count[0]; t++) {
        int64_t depth = p->offset[t * R * S][0], z = o * p->stride[0] + depth;
        if (z < 0 || z >= p->extent[0]) continue;
        for (int64_t a = 0; a < s->phases[1]; a++) {
            int64_t taps = ceil_div(R - a, stride), plane = ((depth - p->low[0]) * s->phases[1] + a) * s->phases[2];
            /* Of the rows that the tile sees, [top, bottom) exist. */
            int64_t y = (row + tile->row) * stride + p->low[1] + a, from_row = stride * s->gap, seen = taps + m - 1;
            int64_t top, bottom;
            clip_cells(y, from_row, p->extent[1], seen, &top, &bottom);
            int64_t low = max_i64(0, top - m + 1), high = min_i64(taps, bottom);
            for (int64_t r = low; r < high && top < bottom; r += step++->taps) {
                int64_t tap = a + r * stride;
                step->taps = step_taps(high - r, s->tile_rows * s->tile_vecs);
                step->x = plane * at->phase + (tile->row + r * s->gap) * at->pitch;
                step->tap = t * R + (reversed ? R - 1 - tap : tap);
            }
        }
    }
    return step;
}

/* Cuts a block's pixel rows into tiles of neighbours, `gap` rows apart. */
static void list_tiles(const product *p, const strip_plan *s, const strip_layout *at, int64_t o, int64_t row,
                       int64_t rows, slide_block *tile, slide_step *step) {
    const product *seen = p->taps > 0 ? p : p->pair;
    for (int64_t first = 0; first < min_i64(s->gap, rows); first++) {
        int64_t count = ceil_div(rows - first, s->gap), blocks = ceil_div(count, s->tile_rows);
        for (int64_t block = 0; block < blocks; block++, tile++) {
            int64_t begin = part_start(count, blocks, block);
            tile->row = first + begin * s->gap;
            tile->rows = part_start(count, blocks, block + 1) - begin;
            tile->step = step;
            tile->end = step = list_steps(seen, s, at, o, row, tile, step);
        }
    }
    tile->rows = 0;
}

/* One tile of 3 x 3 taps along whole rows whose first pixel is at dest[to]. */
static void slide_rows(const product *p, const strip_block *b, int64_t m, slide_arguments *t, int64_t to) {
    int64_t vectors = ceil_div(b->columns, LANES), last = (vectors - 1) * LANES, inside = b->columns - last;
    if (inside < LANES) {
        t->x = b->from + last;
        t->c = b->stage;
        t->c_row = LANES;
        slide_threes[m - 1](t, 1);
        for (int64_t i = 0; i < m; i++) copy_run(p->dest + to + last + i * b->row_step, b->stage + i * LANES, inside);
        vectors--;
    }
    t->x = b->from;
    t->c = p->dest + to;
    t->c_row = b->row_step;
    slide_threes[m - 1](t, vectors);
    finish_rows(p, to, m, b->columns, b->row_step);
}

/* Lays the rows that a tile and the next one see: what was just written can't be read at once. `laid` are there
 * already; returns how many are now. */
static __attribute__((noinline)) int64_t lay_ahead(const product *p, const strip_plan *s, const strip_block *b,
                                                   const slide_block *tile, int64_t laid) {
    int64_t seen = laid;
    for (const slide_block *next = tile; next <= tile + 1 && next->rows; next++)
        seen = max_i64(seen, next->row + (next->rows - 1) * s->gap + s->span[1] + 1);
    lay_strip(p, s, &b->at, b->source, b->pieces, laid, seen, b->strip);
    int64_t row = p->extent[2] * p->stride[1];
    if (seen > laid && p->stride[1] > 1) fetch(b->source + seen * row, (seen - laid) * row); /* for the next tile */
    return seen;
}

/* One output channel whose block starts at dest[at]. Parts of a row go from right to left: a tile's upper rows may
 * run over the left ends of its lower ones. `odd` are the arguments of the pair. */
static void slide(const strip_job *job, const strip_block *b, const slide_block *tile, slide_arguments *t,
                  slide_arguments *odd, int64_t at, int lays) {
    const product *p = job->p;
    const strip_plan *s = &job->s;
    int64_t vectors = ceil_div(b->columns, LANES), parts = ceil_div(vectors, s->tile_vecs), step = s->gap * b->row_step;
    int64_t fewer = vectors / parts, wider = vectors % parts; /* parts of a row with one vector more */
    for (int64_t laid = 0; tile->rows; tile++) {
        if (lays) laid = lay_ahead(p, s, b, tile, laid);
        t->step = odd->step = tile->step;
        t->end = odd->end = tile->end;
        if (s->in_place && tile->end == tile->step + 1 && tile->step->taps == 3) {
            slide_rows(p, b, tile->rows, t, at + tile->row * b->row_step);
            continue;
        }
        for (int64_t part = parts - 1, v = vectors; part >= 0; part--) {
            int64_t n = fewer + (part < wider), m = tile->rows;
            v -= n;
            int64_t to = at + tile->row * b->row_step + v * LANES * b->column_step;
            int64_t inside = min_i64(n * LANES, b->columns - v * LANES);
            int staged = p->pair || !in_place(b, n, inside, to + (m - 1) * step);
            t->x = odd->x = b->from + v * LANES;
            t->c = staged ? b->stage : p->dest + to;
            t->c_row = staged ? n * LANES : step;
            fetch_rows(p->dest + to + m * step, step, m, p->pair ? 2 * inside : inside);
            slide_tiles[m - 1][n - 1](t);
            if (p->pair) {
                odd->c = b->stage + m * n * LANES;
                odd->c_row = n * LANES;
                slide_tiles[m - 1][n - 1](odd);
                inside = min_i64(2 * n * LANES, b->dest_columns - 2 * v * LANES);
                zip_rows(p->dest + to, step, t->c, odd->c, n * LANES, m, inside);
                finish_rows(p, to, m, inside, step);
            } else if (staged) {
                unstage(p, b, t->c, t->c_row, to, m, inside, step);
            }
        }
        if (!p->pair && b->column_step == 1) finish_rows(p, at + tile->row * b->row_step, tile->rows, b->columns, step);
    }
}

/* One output channel by slide_roll. */
static void roll(const strip_job *job, const strip_block *b, const slide_arguments *t, int64_t at) {
    const product *p = job->p;
    int64_t vectors = ceil_div(b->columns, LANES);
    roll_arguments r = {.rows = b->rows,
                        .top = b->pieces->top,
                        .bottom = b->pieces->top + b->pieces->rows,
                        .a = t->a_row > 0 ? t->a : t->a - 2 * t->a_row,
                        .a_row = t->a_row,
                        .x_row = b->at.pitch,
                        .column = t->column,
                        .init = t->init,
                        .ahead_row = b->row_step};
    const T *next = p->dest + at + volume(p->dest_extent);
    for (int64_t end = vectors; end > 0;) {
        int64_t n = min_i64(end, ROLL_VECS), v = end - n, inside = min_i64(n * LANES, b->columns - v * LANES);
        int64_t to = at + v * LANES * b->column_step;
        int staged = !in_place(b, n, inside, to + (b->rows - 1) * b->row_step);
        r.x = b->from + v * LANES;
        r.ahead = next + v * LANES;
        r.c = staged ? b->stage : p->dest + to;
        r.c_row = staged ? n * LANES : b->row_step;
        (n == 1 ? slide_roll_1 : slide_roll_2)(&r);
        end = v;
        if (staged) unstage(p, b, r.c, r.c_row, to, b->rows, inside, b->row_step);
    }
    if (b->column_step == 1) finish_rows(p, at, b->rows, b->columns, b->row_step);
}

/* m output channels together, the first one's block at dest[at], in tiles whose vectors lie one above the other. In
 * rows of whole vectors the last one overlaps the one before; shorter rows are written in order, so that each runs over
 * the start of the next. */
static void down_columns(const strip_job *job, const strip_block *b, strip_arguments *t, int64_t m, int64_t at) {
    const product *p = job->p;
    int64_t plane = volume(p->dest_extent), parts = ceil_div(b->rows, strip_vecs[m - 1]);
    t->x_vec = b->at.pitch;
    for (int64_t part = 0; part < parts; part++) {
        int64_t row = part_start(b->rows, parts, part), end = part_start(b->rows, parts, part + 1), n = end - row;
        int inside = b->columns >= LANES || (b->ascending && (end - 1) * b->columns + LANES <= b->rows * b->columns);
        int staged = b->column_step > 1 || !inside;
        int64_t first = at + row * b->row_step, width = min_i64(b->columns, LANES);
        t->c_row = staged ? n * LANES : plane;
        t->c_vec = staged ? LANES : b->row_step;
        for (int64_t column = 0; column < b->columns; column += LANES) {
            int64_t left = min_i64(column, b->columns - width), to = first + left * b->column_step;
            t->x = b->from + row * b->at.pitch + left;
            t->c = staged ? b->stage : p->dest + to;
            strip_tiles[m - 1][n - 1](t);
            for (int64_t i = 0; staged && i < m * n; i++)
                place_run(p, t->c + i * LANES, to + i / n * plane + i % n * b->row_step, width, b->column_step);
        }
        for (int64_t i = 0; !staged && i < m; i++) finish_rows(p, first + i * plane, n, b->columns, b->row_step);
    }
}

/* A tile and that of the pair, which alternate in dest. */
static void tile_pair(const product *p, const strip_block *b, strip_arguments *t, strip_arguments *odd, int64_t m,
                      int64_t n, int64_t to, int64_t width) {
    t->c = b->stage;
    odd->x = t->x;
    odd->c = b->stage + m * n * LANES;
    odd->x_vec = odd->c_vec = LANES;
    t->c_row = odd->c_row = n * LANES;
    strip_tiles[m - 1][n - 1](t);
    strip_tiles[m - 1][n - 1](odd);
    zip_rows(p->dest + to, volume(p->dest_extent), t->c, odd->c, n * LANES, m, width);
}

/* The same, in tiles along rows, or along the whole block as if it were one. `odd` are the arguments of the pair. */
static void along_rows(const strip_job *job, const strip_block *b, strip_arguments *t, strip_arguments *odd, int64_t m,
                       int64_t at) {
    const product *p = job->p;
    const strip_plan *s = &job->s;
    int64_t plane = volume(p->dest_extent), most = strip_vecs[m - 1], rows = s->flat ? 1 : b->rows;
    int64_t columns = s->flat ? (b->rows - 1) * b->at.pitch + b->columns : b->columns;
    int64_t vectors = ceil_div(columns, LANES), parts = ceil_div(vectors, most);
    int64_t fewer = divide(vectors, parts), wider = vectors - fewer * parts; /* parts with one vector more */
    int gaps = s->flat && !(s->apart && b->ascending);                       /* between rows of the strip, or of dest */
    t->x_vec = t->c_vec = LANES;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t part = 0, v = 0, n; part < parts; part++, v += n) {
            n = fewer + (part < wider);
            int64_t to = at + r * b->row_step + v * LANES * b->column_step;
            int64_t inside = min_i64(n * LANES, columns - v * LANES);
            int staged = !in_place(b, n, inside, to) && !(b->ascending && r + 1 < rows);
            t->x = b->from + r * b->at.pitch + v * LANES;
            t->c = gaps ? b->stage + v * LANES : staged ? b->stage : p->dest + to;
            t->c_row = gaps ? s->stage_row : staged ? n * LANES : plane;
            if (!gaps) fetch_rows(p->dest + to + n * LANES * b->column_step, plane, m, n * LANES * b->column_step);
            if (p->pair) {
                tile_pair(p, b, t, odd, m, n, to, min_i64(2 * n * LANES, b->dest_columns - 2 * v * LANES));
                continue;
            }
            strip_tiles[m - 1][n - 1](t);
            if (!gaps && staged) unstage(p, b, t->c, t->c_row, to, m, inside, plane);
        }
        int64_t written = p->pair ? min_i64(2 * columns, b->dest_columns) : columns;
        for (int64_t i = 0; !gaps && (b->column_step == 1 || p->pair) && i < m; i++)
            finish_rows(p, at + i * plane + r * b->row_step, 1, written, 0);
    }
    for (int64_t i = 0; gaps && i < m; i++) {
        for (int64_t r = 0; r < b->rows; r++) {
            const T *x = b->stage + i * s->stage_row + r * b->at.pitch;
            int64_t to = at + i * plane + r * b->row_step;
            if (b->ascending) copy_run(p->dest + to, x, b->columns);
            else place_run(p, x, to, b->columns, b->column_step);
        }
        if (b->ascending) finish_rows(p, at + i * plane, b->rows, b->columns, b->row_step);
    }
}

static void set_channel(slide_arguments *t, const product *p, const strip_plan *s, const strip_layout *from,
                        const int64_t *table, int64_t row) {
    int reversed = p->taps > 0 && p->offset[0][1] != p->low[1];
    t->channels = p->channels;
    t->x_channel = from->channel;
    t->a_channel = p->taps;
    t->column = table;
    t->count = p->count[2];
    t->a = p->matrix + row * p->channels * p->taps;
    t->a_row = reversed ? -p->count[2] : p->count[2] * p->stride[1];
    t->x_row = from->pitch * s->gap;
    t->init = p->epilogue.bias ? ((const T *)p->epilogue.bias)[row] : 0;
}

/* One (image, group) pair whose source is in the strip; its first channel's block starts at dest[at]. */
static void strip_pair(const strip_job *job, const strip_block *b, const slide_block *tiles, int64_t group,
                       int64_t at) {
    const product *p = job->p;
    const strip_plan *s = &job->s;
    int64_t plane = volume(p->dest_extent), first = group * p->rows;
    if (s->sliding) {
        for (int64_t k = 0; k < p->rows; k++, at += plane) {
            slide_arguments t, odd;
            set_channel(&t, p, s, &b->at, job->table, first + k);
            if (p->pair) set_channel(&odd, p->pair, s, &b->at, job->table + p->count[2], first + k);
            if (s->rolling) roll(job, b, &t, at);
            else slide(job, b, tiles, &t, &odd, at, s->scroll && k == 0);
        }
        return;
    }
    int64_t blocks = ceil_div(p->rows, STRIP_ROWS);
    const T *bias = p->epilogue.bias;
    for (int64_t block = 0; block < blocks; block++) {
        int64_t k = part_start(p->rows, blocks, block), m = part_start(p->rows, blocks, block + 1) - k;
        strip_arguments t = {.column = job->table,
                             .count = s->columns_listed,
                             .a = p->matrix + (first + k) * p->channels * p->taps,
                             .a_row = p->channels * p->taps};
        for (int64_t i = 0; i < m; i++) t.init[i] = bias ? bias[first + k + i] : 0;
        strip_arguments odd = t;
        if (p->pair) {
            odd.column += t.count;
            odd.count = odd.a_row = listed(p->pair, 0);
            odd.a = p->pair->matrix + (first + k) * odd.a_row;
        }
        if (s->down) down_columns(job, b, &t, m, at + k * plane);
        else along_rows(job, b, &t, &odd, m, at + k * plane);
    }
}

/* A part of a task: pixel rows and columns of output slice o, of images and groups [first, last). */
typedef struct {
    int64_t block, o, first, last;
    int64_t row, rows, column, columns;
} strip_part;

static void strip_region(const strip_job *job, char *scratch, const strip_part *part, int in_place) {
    const product *p = job->p;
    const strip_plan *s = &job->s;
    if (part->rows <= 0 || part->columns <= 0) return;
    int64_t *laid = take(&scratch, STRIP_LAID); /* the block whose lists and cleared strips follow, or -1 */
    T *strip[2] = {take(&scratch, s->strip_bytes), take(&scratch, s->strip_bytes)};
    T *stage = take(&scratch, s->stage_bytes);
    slide_block *tiles = take(&scratch, s->tile_bytes);
    slide_step *steps = take(&scratch, s->step_bytes);
    strip_piece *pieces = take(&scratch, s->piece_bytes);
    int64_t plane = volume(p->dest_extent), source_plane = p->channels * volume(p->extent);
    int64_t planes = s->span[0] * s->phases[1] * s->phases[2];
    int64_t o = part->o, row = part->row, column = part->column, H = p->extent[1], W = p->extent[2];
    int64_t corner =
        ((o * p->dest_stride[0] + p->dest_start[0]) * p->dest_extent[1] + row * p->dest_stride[1] + p->dest_start[1]) *
            p->dest_extent[2] +
        column * p->dest_stride[2] + p->dest_start[2];
    strip_block b = {.rows = part->rows,
                     .columns = part->columns,
                     .dest_columns = p->dest_extent[2] - column * p->dest_stride[2],
                     .row_step = p->dest_extent[2] * p->dest_stride[1],
                     .column_step = p->dest_stride[2],
                     .at = in_place      ? (strip_layout){W, H * W, volume(p->extent)}
                           : s->in_place ? lay_out(s, part->rows, part->columns + s->span[2])
                                         : s->at,
                     .pieces = pieces,
                     .stage = stage};
    b.ascending =
        b.columns == p->dest_extent[2] && p->dest_stride[1] == 1 && p->dest_stride[2] == 1 && s->gap == 1 && !p->pair;
    int whole = b.ascending && s->sliding && b.rows * b.columns == plane;

    int anew = *laid != part->block;
    *laid = s->in_place ? -1 : part->block;
    if (s->sliding && anew) list_tiles(p, s, &b.at, o, row, b.rows, tiles, steps);
    if (!in_place && anew) {
        list_pieces(p, s, &b.at, o, row, b.rows, column, pieces);
        int covered = pieces->rows == b.rows + s->span[1] && pieces->width == b.at.pitch;
        for (int i = 0; i < (s->scroll ? !covered || planes > 1 : 2); i++)
            zero_run(strip[i], p->channels * b.at.channel + s->shared);
    }
    int64_t group = part->first % p->groups;
    /* of a plane read in place; elsewhere a phase without taps has no low */
    int64_t start = in_place ? ((o * p->stride[0] + p->low[0]) * H + row + p->low[1]) * W + column + p->low[2] : 0;
    int ahead = !in_place && !s->scroll; /* strips are laid one pair ahead, as above */
    for (int64_t pair = part->first; pair < part->last + ahead && !fc_stopped(); pair++) {
        if (ahead && pair < part->last)
            lay_strip(p, s, &b.at, p->source + pair * source_plane, pieces, 0, INT64_MAX, strip[pair & 1]);
        if (ahead && source_plane <= FETCHED_CELLS) fetch(p->source + (pair + 1) * source_plane, source_plane);
        if (ahead && pair == part->first) continue;
        int64_t now = pair - ahead;
        b.source = p->source + now * source_plane;
        b.strip = strip[ahead ? now & 1 : 0];
        b.from = in_place ? b.source + start : b.strip;
        b.end = whole ? part->last * p->rows * plane : 0;
        strip_pair(job, &b, tiles, group, now * p->rows * plane + corner);
        group = group + 1 < p->groups ? group + 1 : 0;
    }
}

/* What needs padding of a block that reads in place is a band above, one below and the sides between. */
static void strip_task(const void *context, int64_t task, int thread) {
    const strip_job *job = context;
    const product *p = job->p;
    const strip_plan *s = &job->s;
    char *scratch = job->scratch + thread * s->thread_bytes;
    int64_t block = task % s->blocks, first = task / s->blocks * job->chunk;
    int64_t column = block % s->column_blocks * s->columns, row = block / s->column_blocks % s->row_blocks * s->rows;
    strip_part part = {.block = block,
                       .o = block / s->column_blocks / s->row_blocks,
                       .first = first,
                       .last = min_i64(first + job->chunk, p->images * p->groups),
                       .row = row,
                       .rows = min_i64(s->rows, p->pixels[1] - row),
                       .column = column,
                       .columns = min_i64(s->columns, p->pixels[2] - column)};
    if (!s->in_place) {
        strip_region(job, scratch, &part, 0);
        return;
    }
    /* Rows and columns where the bands, the sides and what is read in place begin and end. */
    int64_t line[2][4] = {{row, 0, 0, row + part.rows}, {column, 0, 0, column + part.columns}};
    for (int axis = 0; axis < 2; axis++) {
        line[axis][1] = clamp_i64(s->inside[axis][0], line[axis][0], line[axis][3]);
        line[axis][2] = clamp_i64(s->inside[axis][1], line[axis][1], line[axis][3]);
    }
    enum { BOXES = 5 };
    static const int box[BOXES][4] = {{0, 1, 0, 3}, {2, 3, 0, 3}, {1, 2, 0, 1}, {1, 2, 2, 3}, {1, 2, 1, 2}};
    for (int i = 0; i < BOXES; i++) {
        part.row = line[0][box[i][0]];
        part.rows = line[0][box[i][1]] - part.row;
        part.column = line[1][box[i][2]];
        part.columns = line[1][box[i][3]] - part.column;
        strip_region(job, scratch, &part, i == BOXES - 1);
    }
}

static void run_strip(const product *p, void *scratch, int threads) {
    char *rest = scratch;
    strip_plan s = plan_strip(p, 1);
    int64_t *table = take(&rest, s.table_bytes), pairs = p->images * p->groups;
    list_strip_columns(p, &s, table);
    if (p->pair) list_strip_columns(p->pair, &s, table + s.columns_listed);
    for (int thread = 0; thread < threads; thread++) *(int64_t *)(void *)(rest + thread * s.thread_bytes) = -1;
    int64_t chunk = clamp_i64(pairs * s.blocks / (threads > 1 ? STRIP_TASKS : 1), 1, pairs);
    strip_job job = {p, s, chunk, table, rest};
    fc_parallel_for(ceil_div(pairs, chunk) * s.blocks, threads, strip_task, &job);
}
