/* strip.inc.c: the strip in which products with few rows (see product.inc.c) find their source.
 *
 * The source rows that a block of pixels sees are copied once, padded, into a strip; with a stride the strip is
 * split into phases so that neighbouring pixels always read neighbouring cells. Lanes run along a row of pixels.
 * Sliding down a large plane, rows are laid just before they are seen, so that they are read from the first cache.
 * Two ways to fill a tile's rows:
 *   sliding   one matrix row (depthwise) and neighbouring pixel rows; 3 x 3 taps of one channel roll down whole
 *             columns instead of tiles, or on large planes take whole rows, and read the source in place where it
 *             needs no padding
 *   together  output channels of a group; when rows of pixels are short, a tile takes vectors of several (`down`), or
 *             lanes run along the whole block with the strip's pitch (`flat`; the cells between rows are computed and
 *             dropped, unless each column of taps has a plane of the strip for itself, which needs none: `apart`). */

/* A tile of a sliding block: its first pixel row, their number (0 after the last tile) and what they see. */
typedef struct {
    int64_t row, rows;
    slide_step *step, *end;
} slide_block;

/* Elements from row to row, phase plane to phase plane, channel to channel. */
typedef struct {
    int64_t pitch, phase, channel;
} strip_layout;

typedef struct {
    int sliding, rolling, in_place;
    int scroll;             /* strips are laid along with the tiles */
    int64_t inside[2][2];   /* in place: rows and columns of pixels from the first to the end that need no padding */
    int64_t gap;            /* sliding: rows from one pixel row of a tile to the next, the dilation */
    int64_t columns_listed; /* sliding: taps of a row; together: channels * taps */
    int64_t low, span[3];   /* first cell of a row; cells that the taps reach beyond a pixel's own, in pixels */
    int64_t phases[3];
    int64_t period;                 /* cells of a row after which phases come again */
    int64_t rows, row_blocks;       /* pixel rows per block */
    int64_t columns, column_blocks; /* pixels of a row per block */
    int64_t tile_rows, tile_vecs;   /* of a sliding tile, at most */
    int64_t tiles, steps;           /* of a sliding block: tiles down, and steps of one tile at most */
    strip_layout at;                /* of a strip for a whole block */
    int flat, apart, down;
    int shared;     /* zeros after a row are those before the next */
    int64_t blocks; /* of an image's group */
    int64_t table_bytes, strip_bytes, stage_bytes, tile_bytes, step_bytes, piece_bytes, thread_bytes, stage_row;
} strip_plan;

/* Cells of one phase plane of the strip that lie inside the source: rows of `width` cells from `source` on. The rest of
 * the plane is the same for all images and groups, and cleared once. */
typedef struct {
    int64_t dest, source, top, rows, width;
} strip_piece;

enum {
    STRIP_BYTES = 96 * 1024,
    STRIP_MOVE = 11 * LANES,
    STRIP_LAY = 5 * LANES, /* a vector's, beside a multiply-add's LANES */
    SLIDE_BYTES = 24 * 1024,
    APART_BYTES = 24 * 1024, /* of a strip for all rows, at most */
    WIDE_BYTES = 64 * 1024,
    SCROLL_BYTES = 192 * 1024,
    STRIP_MATRIX = 512 * 1024, /* bytes of a matrix that stays near */
    STRIP_COLUMNS = 1024,
    SLIDE_COLUMNS = 16 * LANES, /* of a sliding strip, at least */
    STRIP_CELLS = 1 << 18,      /* of a strip for one row, at most */
    SLIDE_CELLS = 1 << 19,      /* the same of a sliding one */
    STRIP_TASKS = 16,           /* for several threads */
    STRIP_LAID = 64,            /* bytes */
    STRIP_LEAST_ROWS = 8,       /* of a block that is one of several so that threads share them */
    LARGE_CELLS = 1 << 17,      /* pixels of a large block */
    IN_PLACE_COLUMNS = 256,     /* at least */
    DOWN_VECTORS = 3,           /* of a row at most */
    SHORT_VECTORS = 8,          /* a shorter row is short */
};

/* Few output channels and more than one row of pixels, whose tap rows are those of neighbours (`gap` rows apart). Three
 * fill a tile together, unless phases are paired. */
static int slides(const product *p) {
    int64_t most = p->channels < 8 || p->dest_stride[2] > 1 ? 3 : 2;
    return p->rows <= most && p->pixels[1] > 1 && (p->stride[1] == 1 || p->high[1] - p->low[1] < p->count[1]);
}

/* The shape of sliding tiles that is done soonest. A tile takes about as long as its accumulators and 24 / R more. */
static void shape_slide(strip_plan *s, int64_t P, int64_t Q, int64_t R) {
    int64_t vectors = ceil_div(Q, LANES), best = INT64_MAX;
    for (int64_t n = 1; n <= min_i64(SLIDE_VECS, vectors); n++) {
        int64_t parts = ceil_div(vectors, n), blocks = ceil_div(P, min_i64(SLIDE_ROWS, SLIDE_TILE / n));
        int64_t rows = ceil_div(P, blocks),
                cost = blocks * (P * vectors / blocks + parts * (ceil_div(24, R) + (n == 1)));
        if (cost < best) {
            best = cost;
            s->tile_rows = rows;
            s->tile_vecs = n;
        }
    }
}

/* Whether strips stay small: those of one row of pixels, with all channels and cells between taps. */
static int fits_strip(const product *p) {
    int sliding = slides(p);
    int64_t reach[3], columns = min_i64(p->pixels[2], sliding ? SLIDE_COLUMNS : STRIP_COLUMNS);
    for (int axis = 0; axis < 3; axis++) reach[axis] = p->count[axis] ? p->high[axis] - p->low[axis] : 0;
    double cells = (double)p->channels * (reach[0] + 1) * (reach[1] + p->stride[1]);
    return cells * (reach[2] + columns * p->stride[2]) <= (sliding ? SLIDE_CELLS : STRIP_CELLS);
}

/* The strip of a block that reads no phases, or one phase of each. */
static strip_layout lay_out(const strip_plan *s, int64_t rows, int64_t pitch) {
    int64_t phase = (rows + s->span[1]) * pitch + LANES; /* a row's last vector may run over its end */
    return (strip_layout){pitch, phase, s->span[0] * s->phases[1] * s->phases[2] * phase};
}

/* Finds the pixels whose windows lie inside the source, their columns in whole vectors. */
static void find_inside(strip_plan *s, const product *p) {
    for (int axis = 1; axis < 3; axis++) {
        int64_t unit = axis == 2 ? LANES : 1, first = ceil_div(max_i64(0, -p->low[axis]), unit) * unit;
        int64_t count = min_i64(p->extent[axis] - max_i64(0, p->high[axis]), p->pixels[axis]) - first;
        s->inside[axis - 1][0] = first;
        s->inside[axis - 1][1] = first + max_i64(count, 0) / unit * unit;
    }
    s->in_place = s->inside[0][1] > s->inside[0][0] && s->inside[1][1] - s->inside[1][0] >= IN_PLACE_COLUMNS;
}

/* Rows of large blocks: whole rows of tiles, and as many blocks as keep all threads busy. */
static int64_t rows_for_all(const strip_plan *s, const product *p) {
    int64_t others = p->images * p->groups * p->pixels[0] * s->column_blocks, P = p->pixels[1];
    int64_t most = min_i64(LARGE_CELLS / s->columns, P / ceil_div(STRIP_TASKS, others)), unit = s->tile_rows * s->gap;
    return clamp_i64(most / unit * unit, min_i64(unit, P), P);
}

/* Elements of the largest strip of a block that reads in place: its bands above and below, and its sides. */
static int64_t border_cells(const strip_plan *s, const product *p) {
    int64_t band = min_i64(s->rows, max_i64(s->inside[0][0], p->pixels[1] - s->inside[0][1]));
    int64_t side = min_i64(s->columns, max_i64(s->inside[1][0], p->pixels[2] - s->inside[1][1]));
    return max_i64(lay_out(s, band, s->columns + s->span[2]).channel, lay_out(s, s->rows, side + s->span[2]).channel);
}

/* The columns of the strip that a product reads: of its taps along a row, or all. */
static int64_t listed(const product *p, int sliding) { return sliding ? p->count[2] : p->channels * p->taps; }

/* `scroll`: large planes may be taken in larger blocks than strips hold, see above. */
FC_PLAN strip_plan plan_strip(const product *p, int scroll) {
    int64_t P = p->pixels[1], Q = p->pixels[2], low[3], high[3];
    strip_plan s = {.sliding = slides(p), .gap = 1};
    s.columns_listed = listed(p, s.sliding);
    if (s.sliding && p->stride[1] == 1) s.gap = tap_gap(p, 1);
    int unit = s.sliding && !p->pair && p->stride[1] == 1 && p->stride[2] == 1;
    int three =
        unit && s.gap == 1 && P > SLIDE_ROWS && p->channels * p->count[0] == 1 && p->count[1] == 3 && p->count[2] == 3;
    if (three && scroll && p->dest_stride[2] == 1) find_inside(&s, p);
    s.rolling = three && !s.in_place;
    for (int axis = 0; axis < 3; axis++) {
        low[axis] = p->pair ? min_i64(p->low[axis], p->pair->low[axis]) : p->low[axis];
        high[axis] = p->pair ? max_i64(p->high[axis], p->pair->high[axis]) : p->high[axis];
        s.span[axis] = (high[axis] - low[axis]) / p->stride[axis];
        s.phases[axis] = min_i64(p->stride[axis], high[axis] - low[axis] + 1);
    }
    s.low = low[2];
    /* Depth has no blocks: one output slice at a time, its slices of the source side by side. */
    s.span[0] = p->high[0] - p->low[0] + 1;
    s.tile_rows = 1;
    if (s.sliding) shape_slide(&s, ceil_div(P, s.gap), Q, max_i64(1, p->count[1]));
    if (s.in_place) {
        s.tile_rows = SLIDE_THREE;
        s.tile_vecs = min_i64(s.tile_vecs, SLIDE_TILE / SLIDE_THREE);
    }
    int64_t slice_bytes = p->channels * s.span[0] * s.phases[1] * (int64_t)sizeof(T);
    int64_t depth_bytes = slice_bytes * s.phases[2];
    s.columns = Q;
    s.period = p->stride[2];
    if (s.sliding) {
        int64_t fit =
            (scroll ? WIDE_BYTES : SLIDE_BYTES) / (depth_bytes * (2 * s.tile_rows * s.gap + s.span[1])) - s.span[2];
        fit = max_i64(fit, SLIDE_COLUMNS);
        if (Q > 2 * fit) s.columns = ceil_div(ceil_div(Q, ceil_div(Q, fit)), LANES) * LANES;
    } else if (Q > STRIP_COLUMNS) {
        s.columns = ceil_div(ceil_div(Q, ceil_div(Q, STRIP_COLUMNS)), LANES) * LANES;
    }
    s.column_blocks = ceil_div(Q, s.columns);
    int64_t pitch = s.columns + s.span[2];
    int64_t right = (Q - 1 + s.span[2]) * p->stride[2] + s.low - (p->extent[2] - 1); /* zeros after a row */
    int short_rows = !s.sliding && !p->pair && s.column_blocks == 1 && Q < SHORT_VECTORS * LANES;
    int64_t vectors = min_i64(SHORT_VECTORS, ceil_div(Q, LANES));
    int64_t waste_flat = pitch - Q, waste_rows = vectors * LANES - Q;
    if (s.column_blocks == 1 && p->stride[2] == 1 && s.low < 0 && right > 0) {
        s.shared = (int)min_i64(min_i64(-s.low, right), s.span[2]);
        waste_flat -= s.shared;
    }
    /* Lanes of a row of pixels are computed so many times; what is flat is moved, or its source laid, once more. */
    int64_t times = p->channels * p->taps, reach = high[2] - low[2] + 1;
    int64_t move = STRIP_MOVE * vectors * vectors;
    int64_t planes = p->channels * s.span[0] * s.phases[1] * (reach - s.phases[2]);
    int64_t lay = planes * vectors * STRIP_LAY * (P + s.span[1]) / (P * p->rows);
    int64_t gain = waste_rows * times - waste_flat * times - move, gain_apart = waste_rows * times - lay;
    s.apart = short_rows && p->stride[2] == 1 && s.span[2] > 0 && p->dest_stride[2] == 1 &&
              gain_apart > max_i64(gain, 0) && slice_bytes * reach * Q * (P + s.span[1]) <= APART_BYTES;
    s.flat = s.apart || (short_rows && gain >= 0);
    s.down = !s.sliding && !s.flat && !p->pair && vectors <= DOWN_VECTORS;
    if (s.apart) {
        s.phases[2] = s.period = reach;
        s.span[2] = s.shared = 0;
        pitch = Q;
        depth_bytes = slice_bytes * reach;
    }
    if (!s.flat) s.shared = 0;
    pitch -= s.shared;
    int64_t row_bytes = depth_bytes * pitch, least = min_i64(s.tile_rows * s.gap, P);
    s.rows = clamp_i64((s.sliding ? SLIDE_BYTES : STRIP_BYTES) / row_bytes - s.span[1], least, P);
    s.scroll = s.sliding && scroll && !s.in_place && !s.rolling && s.rows < P;
    if (s.scroll)
        s.rows = clamp_i64(max_i64(SCROLL_BYTES / row_bytes - s.span[1], s.span[1] / 2), least, rows_for_all(&s, p));
    int64_t others = p->images * p->groups * p->pixels[0] * s.column_blocks;
    int64_t work = others * P * ceil_div(s.columns, LANES) * p->rows * p->channels * p->taps;
    if (!s.sliding)
        s.rows = clamp_i64(ceil_div(P, parts_to_share(work, others)), min_i64(STRIP_LEAST_ROWS, s.rows), s.rows);
    s.rows = s.in_place ? rows_for_all(&s, p) : ceil_div(P, ceil_div(P, s.rows));
    s.row_blocks = ceil_div(P, s.rows);
    s.at = lay_out(&s, s.rows, pitch);
    s.stage_row = s.flat ? ceil_div(s.rows * pitch, LANES) * LANES : STRIP_VECS * LANES;
    if (s.sliding) {
        s.tiles = min_i64(s.gap, s.rows) * ceil_div(ceil_div(s.rows, s.gap), s.tile_rows);
        s.steps = p->count[0] * s.phases[1] * ceil_div(p->count[1], s.phases[1]);
    }
    s.tile_bytes = line_bytes((s.tiles + 1) * (int64_t)sizeof(slide_block));
    s.step_bytes = line_bytes(s.steps * s.tiles * (int64_t)sizeof(slide_step));
    s.piece_bytes = line_bytes(s.span[0] * s.phases[1] * s.phases[2] * (int64_t)sizeof(strip_piece));
    s.table_bytes =
        line_bytes((s.columns_listed + (p->pair ? listed(p->pair, s.sliding) : 0)) * (int64_t)sizeof(int64_t));
    int64_t cells = s.in_place ? border_cells(&s, p) : s.at.channel;
    s.strip_bytes = line_bytes((p->channels * cells + s.shared + STRIP_VECS * LANES) * (int64_t)sizeof(T));
    int64_t slide_stage = LANES * (s.rolling ? ROLL_VECS * s.rows : 2 * SLIDE_ROWS * SLIDE_VECS);
    s.stage_bytes = line_bytes((s.sliding ? slide_stage : STRIP_ROWS * s.stage_row) * (int64_t)sizeof(T));
    s.thread_bytes = STRIP_LAID + 2 * s.strip_bytes + s.stage_bytes + s.tile_bytes + s.step_bytes + s.piece_bytes;
    s.blocks = s.row_blocks * s.column_blocks * p->pixels[0];
    return s;
}

/* In multiply-adds of vectors, as measured. */
static double strip_cost(const product *p) {
    strip_plan s = plan_strip(p, 1);
    double slices = (double)p->images * p->groups * p->pixels[0], blocks = slices * s.row_blocks * s.column_blocks;
    double lines = blocks * (s.rows + s.span[1]) * p->channels * s.span[0] * s.phases[1] * s.phases[2];
    double vectors = s.flat ? blocks * s.stage_row / LANES : slices * p->pixels[1] * ceil_div(p->pixels[2], LANES);
    double cell = p->stride[2] == 1 ? 0.75 : p->stride[2] == 2 ? 1.5 : 3;
    double matrix = (double)p->rows * p->channels * p->taps; /* read again for every block, from afar if large */
    double reread = matrix * T_BYTES > STRIP_MATRIX ? blocks * matrix / 2 : 0;
    return vectors * p->rows * (p->channels * p->taps + 5) + lines * (14 + cell * s.at.pitch) + reread;
}

static int64_t strip_scratch(const product *p, int threads) {
    strip_plan s = plan_strip(p, 1);
    return s.table_bytes + s.thread_bytes * threads;
}

/* The order of the phases' planes in a channel: [depth][row phase][column phase]. */
static void list_strip_columns(const product *p, const strip_plan *s, int64_t *table) {
    for (int64_t i = 0; i < listed(p, s->sliding); i++) {
        const int64_t *offset = p->offset[i % p->taps];
        int64_t z = offset[0] - p->low[0], y = s->sliding ? 0 : offset[1] - p->low[1], x = offset[2] - s->low;
        int64_t plane = ((s->sliding ? 0 : z) * s->phases[1] + y % p->stride[1]) * s->phases[2] + x % s->period;
        table[i] = i / p->taps * s->at.channel + plane * s->at.phase + y / p->stride[1] * s->at.pitch + x / s->period;
    }
}

/* The pieces of one channel, for the block of rows and columns of output slice o. */
static void list_pieces(const product *p, const strip_plan *s, const strip_layout *at, int64_t o, int64_t row,
                        int64_t rows, int64_t column, strip_piece *piece) {
    int64_t H = p->extent[1], W = p->extent[2], height = rows + s->span[1], step = p->stride[2], dest = 0;
    for (int64_t depth = 0; depth < s->span[0]; depth++)
        for (int64_t a = 0; a < s->phases[1]; a++)
            for (int64_t b = 0; b < s->phases[2]; b++, piece++, dest += at->phase) {
                int64_t z = o * p->stride[0] + p->low[0] + depth;
                int64_t y = row * p->stride[1] + p->low[1] + a, x = column * step + s->low + b;
                int64_t top, bottom, left, right;
                clip_cells(y, p->stride[1], H, height, &top, &bottom);
                clip_cells(x, step, W, at->pitch, &left, &right);
                int inside = z >= 0 && z < p->extent[0] && right > left;
                *piece =
                    (strip_piece){dest + top * at->pitch + left, (z * H + y + top * p->stride[1]) * W + x + left * step,
                                  top, inside ? bottom - top : 0, right - left};
            }
}

/* Copies rows [low, high) of one pair's source into the strip. Two neighbouring column phases are split in one go. */
static void lay_strip(const product *p, const strip_plan *s, const strip_layout *at, const T *source,
                      const strip_piece *pieces, int64_t low, int64_t high, T *strip) {
    int64_t planes = s->span[0] * s->phases[1] * s->phases[2], from_row = p->stride[1] * p->extent[2],
            step = p->stride[2];
    for (int64_t channel = 0; channel < p->channels; channel++, source += volume(p->extent), strip += at->channel)
        for (const strip_piece *piece = pieces; piece < pieces + planes; piece++) {
            int64_t first = max_i64(low - piece->top, 0), rows = min_i64(high - piece->top, piece->rows) - first;
            int64_t to = first * at->pitch, from = first * from_row;
            if (step == 2 && s->phases[2] == 2 && piece[0].rows == piece[1].rows) {
                const strip_piece *even = piece[0].source < piece[1].source ? piece : piece + 1,
                                  *odd = even == piece ? piece + 1 : piece;
                split_rows(strip + even->dest + to, strip + odd->dest + to, at->pitch, source + even->source + from,
                           from_row, rows, even->width + odd->width);
                piece++;
                continue;
            }
            lay_rows(strip + piece->dest + to, at->pitch, source + piece->source + from, from_row, rows, piece->width,
                     step);
        }
}
