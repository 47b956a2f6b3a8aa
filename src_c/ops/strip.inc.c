/* strip.inc.c: the strip in which products with few rows (see product.inc.c) find their source.
 *
 * The source rows that a block of pixels sees are copied once, padded, into a strip; with a stride the strip is
 * split into phases so that neighbouring pixels always read neighbouring cells. Lanes run along a row of pixels.
 * Two ways to fill a tile's rows:
 *   sliding   one matrix row (depthwise) and neighbouring pixel rows; 3 x 3 taps of one channel roll down whole
 *             columns instead of tiles
 *   together  output channels of a group; when rows of pixels are short, lanes may run along the whole block with
 *             the strip's pitch (`flat`; the cells between rows are computed and dropped). */

/* A tile of a sliding block: its first pixel row, their number (0 after the last tile) and what they see. */
typedef struct {
    int64_t row, rows;
    slide_step *step, *end;
} slide_block;

typedef struct {
    int sliding, rolling;
    int64_t gap;            /* sliding: rows from one pixel row of a tile to the next, the dilation */
    int64_t columns_listed; /* sliding: taps of a row; together: channels * taps */
    int64_t low, span[3];   /* first cell of a row; cells that the taps reach beyond a pixel's own, in pixels */
    int64_t phases[3];
    int64_t rows, row_blocks;       /* pixel rows per block */
    int64_t columns, column_blocks; /* pixels of a row per block */
    int64_t tile_rows, tile_vecs;   /* of a sliding tile, at most */
    int64_t tiles, steps;           /* of a sliding block: tiles down, and steps of one tile at most */
    int64_t pitch, phase, channel;  /* elements from row to row, phase to phase, channel to channel */
    int flat, shared;               /* shared: zeros after a row are those before the next */
    int64_t chunk, chunks;          /* (image, group) pairs per task */
    int64_t table_bytes, strip_bytes, stage_bytes, tile_bytes, step_bytes, piece_bytes, thread_bytes, stage_row;
} strip_plan;

/* Cells of one phase plane of the strip that lie inside the source: rows of `width` cells from `source` on. The rest of
 * the plane is the same for all images and groups, and cleared once. */
typedef struct {
    int64_t dest, source, rows, width;
} strip_piece;

enum { STRIP_BYTES = 96 * 1024, SLIDE_BYTES = 24 * 1024, STRIP_COLUMNS = 1024, STRIP_TASKS = 16 };

/* Few output channels and more than one row of pixels, whose tap rows are those of neighbours (`gap` rows apart). Three
 * fill a tile together, unless phases are paired. */
static int slides(const product *p) {
    int64_t reach = p->high[1] - p->low[1], most = p->channels < 8 || p->dest_stride[2] > 1 ? 3 : 2;
    return p->rows <= most && p->pixels[1] && (p->stride[1] == 1 || reach < p->count[1]);
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

static strip_plan plan_strip(const product *p) {
    int64_t P = p->pixels[1], Q = p->pixels[2], low[3], high[3];
    strip_plan s = {.sliding = slides(p), .gap = 1};
    s.columns_listed = s.sliding ? p->count[2] : p->channels * p->taps;
    if (s.sliding && p->count[1] > 1 && p->stride[1] == 1) s.gap = (p->high[1] - p->low[1]) / (p->count[1] - 1);
    s.rolling = s.sliding && !p->pair && s.gap == 1 && P > SLIDE_ROWS && p->channels * p->count[0] == 1 &&
                p->count[1] == 3 && p->count[2] == 3 && p->stride[1] == 1 && p->stride[2] == 1;
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
    int64_t depth_bytes = p->channels * s.span[0] * s.phases[1] * s.phases[2] * (int64_t)sizeof(T);
    s.columns = Q;
    if (s.sliding) {
        int64_t fit = SLIDE_BYTES / (depth_bytes * (2 * s.tile_rows * s.gap + s.span[1])) - s.span[2];
        fit = max_i64(fit, 16 * LANES);
        if (Q > 2 * fit) s.columns = ceil_div(ceil_div(Q, ceil_div(Q, fit)), LANES) * LANES;
    } else if (Q > STRIP_COLUMNS) {
        s.columns = ceil_div(ceil_div(Q, ceil_div(Q, STRIP_COLUMNS)), LANES) * LANES;
    }
    s.column_blocks = ceil_div(Q, s.columns);
    s.pitch = s.columns + s.span[2];
    int64_t right = (Q - 1 + s.span[2]) * p->stride[2] + s.low - (p->extent[2] - 1); /* zeros after a row */
    int64_t waste_flat = s.pitch - Q, waste_rows = ceil_div(Q, LANES) * LANES - Q;
    if (s.column_blocks == 1 && p->stride[2] == 1 && s.low < 0 && right > 0) {
        s.shared = (int)min_i64(min_i64(-s.low, right), s.span[2]);
        waste_flat -= s.shared;
    }
    s.flat = !s.sliding && s.column_blocks == 1 && Q < 8 * LANES && (waste_flat <= waste_rows || Q < 3 * LANES);
    if (!s.flat) s.shared = 0;
    s.pitch -= s.shared;
    s.rows = clamp_i64((s.sliding ? SLIDE_BYTES : STRIP_BYTES) / (depth_bytes * s.pitch) - s.span[1],
                       min_i64(s.tile_rows * s.gap, P), P);
    s.rows = ceil_div(P, ceil_div(P, s.rows));
    s.row_blocks = ceil_div(P, s.rows);
    s.phase = (s.rows + s.span[1]) * s.pitch + LANES; /* a row's last vector may run over its end */
    s.channel = s.span[0] * s.phases[1] * s.phases[2] * s.phase;
    s.stage_row = s.flat ? ceil_div(s.rows * s.pitch, LANES) * LANES : STRIP_VECS * LANES;
    if (s.sliding) {
        s.tiles = min_i64(s.gap, s.rows) * ceil_div(ceil_div(s.rows, s.gap), s.tile_rows);
        s.steps = p->count[0] * s.phases[1] * ceil_div(p->count[1], s.phases[1]);
    }
    s.tile_bytes = line_bytes((s.tiles + 1) * (int64_t)sizeof(slide_block));
    s.step_bytes = line_bytes(s.steps * s.tiles * (int64_t)sizeof(slide_step));
    s.piece_bytes = line_bytes(s.span[0] * s.phases[1] * s.phases[2] * (int64_t)sizeof(strip_piece));
    s.table_bytes = line_bytes((s.columns_listed + (p->pair ? p->pair->count[2] : 0)) * (int64_t)sizeof(int64_t));
    s.strip_bytes = line_bytes((p->channels * s.channel + s.shared + STRIP_VECS * LANES) * (int64_t)sizeof(T));
    int64_t slide_stage = LANES * (s.rolling ? ROLL_VECS * s.rows : 2 * SLIDE_ROWS * SLIDE_VECS);
    s.stage_bytes = line_bytes((s.sliding ? slide_stage : STRIP_ROWS * s.stage_row) * (int64_t)sizeof(T));
    s.thread_bytes = 2 * s.strip_bytes + s.stage_bytes + s.tile_bytes + s.step_bytes + s.piece_bytes;
    int64_t pairs = p->images * p->groups, blocks = s.row_blocks * s.column_blocks * p->pixels[0];
    s.chunk = clamp_i64(pairs * blocks / STRIP_TASKS, 1, pairs);
    s.chunks = ceil_div(pairs, s.chunk);
    return s;
}

static int64_t strip_scratch(const product *p, int threads) {
    strip_plan s = plan_strip(p);
    return s.table_bytes + s.thread_bytes * threads;
}

/* The order of the phases' planes in a channel: [depth][row phase][column phase]. */
static void list_strip_columns(const product *p, const strip_plan *s, int64_t *table) {
    for (int64_t i = 0; i < (s->sliding ? p->count[2] : s->columns_listed); i++) {
        const int64_t *offset = p->offset[i % p->taps];
        int64_t z = offset[0] - p->low[0], y = s->sliding ? 0 : offset[1] - p->low[1], x = offset[2] - s->low;
        int64_t plane = ((s->sliding ? 0 : z) * s->phases[1] + y % p->stride[1]) * s->phases[2] + x % p->stride[2];
        table[i] = i / p->taps * s->channel + plane * s->phase + y / p->stride[1] * s->pitch + x / p->stride[2];
    }
}

/* The pieces of one channel, for the block of rows and columns of output slice o. */
static void list_pieces(const product *p, const strip_plan *s, int64_t o, int64_t row, int64_t rows, int64_t column,
                        strip_piece *piece) {
    int64_t H = p->extent[1], W = p->extent[2], height = rows + s->span[1], step = p->stride[2], dest = 0;
    for (int64_t depth = 0; depth < s->span[0]; depth++)
        for (int64_t a = 0; a < s->phases[1]; a++)
            for (int64_t b = 0; b < s->phases[2]; b++, piece++, dest += s->phase) {
                int64_t z = o * p->stride[0] + p->low[0] + depth;
                int64_t y = row * p->stride[1] + p->low[1] + a, x = column * step + s->low + b;
                int64_t top = clamp_i64(ceil_div(max_i64(-y, 0), p->stride[1]), 0, height);
                int64_t bottom = clamp_i64(floor_div(H - 1 - y, p->stride[1]) + 1, top, height);
                int64_t left = clamp_i64(ceil_div(max_i64(-x, 0), step), 0, s->pitch);
                int64_t right = clamp_i64(floor_div(W - 1 - x, step) + 1, left, s->pitch);
                int inside = z >= 0 && z < p->extent[0] && right > left;
                *piece =
                    (strip_piece){dest + top * s->pitch + left, (z * H + y + top * p->stride[1]) * W + x + left * step,
                                  inside ? bottom - top : 0, right - left};
            }
}

/* Copies one pair's source into the strip. Two neighbouring column phases are split in one go. */
static void lay_strip(const product *p, const strip_plan *s, const T *source, const strip_piece *pieces, T *strip) {
    int64_t planes = s->span[0] * s->phases[1] * s->phases[2], from_row = p->stride[1] * p->extent[2],
            step = p->stride[2];
    for (int64_t channel = 0; channel < p->channels; channel++, source += volume(p->extent), strip += s->channel)
        for (const strip_piece *piece = pieces; piece < pieces + planes; piece++) {
            if (step == 2 && s->phases[2] == 2 && piece[0].rows == piece[1].rows) {
                const strip_piece *even = piece[0].source < piece[1].source ? piece : piece + 1,
                                  *odd = even == piece ? piece + 1 : piece;
                split_rows(strip + even->dest, strip + odd->dest, s->pitch, source + even->source, from_row, even->rows,
                           even->width + odd->width);
                piece++;
                continue;
            }
            lay_rows(strip + piece->dest, s->pitch, source + piece->source, from_row, piece->rows, piece->width, step);
        }
}
