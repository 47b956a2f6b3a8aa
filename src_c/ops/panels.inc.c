/* panels.inc.c: the source cells that a block of pixels sees, packed into panels [depth][lanes] (im2col that never
 * leaves L2) for the tile kernel. */

/* A run of pixels along one source row that lies in one panel. */
typedef struct {
    int64_t lane; /* first pixel, counted from the block's start */
    int64_t length;
    int64_t image, at[3];
} pixel_run;

/* A run to copy into a panel (source >= 0) or to clear (source < 0). */
typedef struct {
    int64_t source, dest, width, length;
} piece;

enum { ODD_PIXELS = LANES < 16 ? LANES < 8 ? 1 : 2 : DOT_COLUMNS };

/* Whether one image alone leaves so many lanes empty that pixels are numbered through all images. */
static int wastes_lanes(const product *p) {
    int64_t pixels = volume(p->pixels), waste = ceil_div(pixels, LANES) * LANES - pixels;
    return waste * 16 > pixels;
}

enum { LARGE_MATRIX = 1 << 17 };

/* The pixels of a block that lie in panels. A few more than whole vectors are no vector of their own (squares of odd
 * numbers have one, of even ones often four): the levels of each lie behind the panels, and dot products take them.
 * More than one only where they are the same pixels in every batch, or all there are for a large matrix. */
static int64_t panel_pixels(const product *p, int64_t count) {
    int64_t last = count % LANES, all = p->images * volume(p->pixels);
    int few = all <= ODD_PIXELS && p->rows * p->channels * p->taps >= LARGE_MATRIX;
    return !p->tap && last <= (wastes_lanes(p) && !few ? 1 : ODD_PIXELS) ? count - last : count;
}

/* Cuts pixels [first, first + count) of a unit into runs that end with a row of pixels or a panel; the last ones are
 * runs of their own. */
static int64_t find_runs(const product *p, int64_t unit, int64_t first, int64_t count, pixel_run *runs) {
    int64_t found = 0, inside = panel_pixels(p, count), P = p->pixels[1], Q = p->pixels[2], panel = 0;
    pixel_run run = {.image = unit + first / volume(p->pixels)};
    run.at[0] = first / (P * Q) % p->pixels[0];
    run.at[1] = first / Q % P;
    run.at[2] = first % Q;
    for (; run.lane < count; run.lane += run.length) {
        if (run.lane == panel) panel += PANEL;
        run.length = run.lane < inside ? min_i64(Q - run.at[2], min_i64(panel, inside) - run.lane) : 1;
        runs[found++] = run;
        run.at[2] += run.length;
        for (int axis = 2; axis > 0 && run.at[axis] == p->pixels[axis]; axis--) {
            run.at[axis] = 0;
            run.at[axis - 1]++;
        }
        if (run.at[0] == p->pixels[0]) {
            run.at[0] = 0;
            run.image++;
        }
    }
    return found;
}

VEC_INLINE piece make_piece(int64_t source, int64_t lane, int64_t length, int64_t width) {
    return (piece){source, lane, width, length};
}

/* Pixels [low, high) of a run, of which a tap sees cells of the source, and where the first of these lies in an image's
 * plane. */
typedef struct {
    int64_t low, high, at;
} seen_cells;

VEC_INLINE seen_cells cells_seen(const product *p, const int64_t offset[3], const pixel_run *run) {
    int64_t z = run->at[0] * p->stride[0] + offset[0], y = run->at[1] * p->stride[1] + offset[1];
    int64_t x = run->at[2] * p->stride[2] + offset[2];
    seen_cells seen = {0};
    if (z < 0 || z >= p->extent[0] || y < 0 || y >= p->extent[1]) return seen;
    clip_cells(x, p->stride[2], p->extent[2], run->length, &seen.low, &seen.high);
    seen.at = (z * p->extent[1] + y) * p->extent[2] + x + seen.low * p->stride[2];
    return seen;
}

/* What a tap sees of the runs: pieces inside the source and pieces of zeros, in lane order. */
static int64_t find_pieces(const product *p, const int64_t offset[3], const pixel_run *runs, int64_t run_count,
                           int64_t block_lanes, int64_t depth, piece *pieces) {
    int64_t found = 0, images = p->groups * p->channels * volume(p->extent);
    for (const pixel_run *run = runs; run < runs + run_count; run++) {
        int64_t panel = run->lane < block_lanes ? divide(run->lane, PANEL) * PANEL : run->lane;
        int64_t width = run->lane < block_lanes ? min_i64(PANEL, block_lanes - panel) : 1;
        int64_t dest = panel * depth + run->lane - panel;
        seen_cells seen = cells_seen(p, offset, run);
        int64_t low = seen.high > seen.low ? seen.low : 0, high = seen.high > seen.low ? seen.high : 0;
        if (low > 0) pieces[found++] = make_piece(-1, dest, low, width);
        if (high > low) pieces[found++] = make_piece(run->image * images + seen.at, dest + low, high - low, width);
        if (run->length > high) pieces[found++] = make_piece(-1, dest + high, run->length - high, width);
    }
    return found;
}

/* Lays pieces into a level of the panels. What lies `ahead` of them, in a later channel, is fetched into cache, since
 * no prefetcher foresees steps so wide; 0 where reading is a small part. */
VEC_INLINE void gather_pieces(const T *source, T *panels, int64_t level, const piece *pieces, int64_t count,
                              int64_t step, int64_t ahead) {
    for (const piece *at = pieces; at < pieces + count; at++) {
        T *dest = panels + at->dest + level * at->width;
        if (at->source < 0) zero_run(dest, at->length);
        else {
            const T *from = source + at->source;
            if (ahead) {
                __builtin_prefetch(from + ahead);
                __builtin_prefetch(from + ahead + step * (at->length - 1));
            }
            copy_step(dest, from, at->length, step);
        }
    }
}

/* The first channel of which a tap lies at `level` or behind it in the (channel, tap) order. */
VEC_INLINE int64_t first_channel(const product *p, int64_t tap, int64_t level) {
    return ceil_div(max_i64(level - tap, 0), p->taps);
}

#if defined(X86_MASK)
/* Whole planes of at most four vectors are packed by shuffles: runs of their short rows would take a call each. */
enum { PLANE_VECTORS = 4 };

/* Whether a block is one image that is packed so. */
static int packs_planes(const product *p, const pixel_run *runs, int64_t count) {
    int whole = count == volume(p->pixels) && runs->at[0] + runs->at[1] + runs->at[2] == 0;
    return whole && p->taps > 1 && panel_pixels(p, count) <= PANEL && volume(p->extent) <= PLANE_VECTORS * LANES;
}

/* The cell of a plane that a tap sees at each pixel, or -1. */
static void find_cells(const product *p, const int64_t offset[3], const pixel_run *runs, int64_t run_count,
                       position cell[PANEL + ODD_PIXELS]) {
    for (int64_t i = 0; i < PANEL + ODD_PIXELS; i++) cell[i] = -1;
    for (const pixel_run *run = runs; run < runs + run_count; run++) {
        seen_cells seen = cells_seen(p, offset, run);
        for (int64_t i = seen.low; i < seen.high; i++)
            cell[run->lane + i] = (position)(seen.at + (i - seen.low) * p->stride[2]);
    }
}

/* As pack_block, of one image. */
static void pack_planes(const product *p, const T *image, int64_t first, int64_t depth, const pixel_run *runs,
                        int64_t run_count, int64_t count, T *panels) {
    int64_t inside = panel_pixels(p, count), vectors = ceil_div(inside, LANES), plane = volume(p->extent);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        int64_t channel = first_channel(p, tap, first), end = first_channel(p, tap, first + depth);
        position cell[PANEL + ODD_PIXELS];
        find_cells(p, p->offset[tap], runs, run_count, cell);
        positions place[TILE_VECS], low[TILE_VECS], high[TILE_VECS];
        __builtin_memcpy(place, cell, sizeof place);
        FC_UNROLL for (int v = 0; v < TILE_VECS; v++) {
            high[v] = place[v] >= 2 * LANES;
            low[v] = (place[v] >= 0) & ~high[v];
        }
        for (; channel < end; channel++) {
            const T *x = image + channel * plane;
            int64_t level = channel * p->taps + tap - first;
            vec part[PLANE_VECTORS];
            FC_UNROLL for (int v = 0; v < PLANE_VECTORS; v++) {
                int64_t left = plane - v * LANES;
                part[v] = left >= LANES ? load(x + v * LANES) : left > 0 ? load_part(x + v * LANES, left) : (vec){0};
            }
            for (int64_t v = 0; v < vectors; v++) {
                positions near = (positions)choose_lanes(part[0], part[1], place[v]) & low[v];
                positions far = (positions)choose_lanes(part[2], part[3], place[v]) & high[v];
                store(panels + (level * vectors + v) * LANES, (vec)(near | far));
            }
            for (int64_t i = inside; i < count; i++) panels[i * depth + level] = cell[i] < 0 ? 0 : x[cell[i]];
        }
    }
}

#endif

#if defined(MASKED_LOADS)
/* Pixels of unit stride in rows as long as those of the source lie as the cells do that a tap sees: vectors of them are
 * loaded whole, but for the lanes that see none. Rows of many vectors are as soon copied. */
enum { ALIKE_VECTORS = 48, ALIKE_ROW = 4 * LANES };

static int lies_alike(const product *p, const pixel_run *runs, int64_t run_count, int64_t count) {
    int alike = p->pixels[1] > 1 && p->pixels[2] == p->extent[2] && p->pixels[2] <= ALIKE_ROW;
    alike &= p->pixels[0] == 1 || p->pixels[1] == p->extent[1];
    for (int axis = 0; axis < 3; axis++) alike &= p->stride[axis] == 1;
    return alike && count <= ALIKE_VECTORS * LANES && runs[run_count - 1].image == runs->image;
}

/* The lanes of vectors of pixels that a tap sees. */
typedef uint32_t lane_masks[ALIKE_VECTORS + 1];

static void find_masks(const product *p, const int64_t offset[3], const pixel_run *runs, int64_t run_count,
                       lane_masks mask) {
    __builtin_memset(mask, 0, sizeof(lane_masks));
    for (const pixel_run *run = runs; run < runs + run_count; run++) {
        seen_cells seen = cells_seen(p, offset, run);
        for (int64_t i = run->lane + seen.low, end = run->lane + seen.high, n; i < end; i += n) {
            n = min_i64(end - i, LANES - i % LANES);
            mask[i / LANES] |= (uint32_t)FIRST_LANES(n) << i % LANES;
        }
    }
}

/* Lays `count` cells from x on, where they are seen, into a level of the panels. */
VEC_INLINE void lay_masked(const T *x, const lane_masks mask, int64_t inside, int64_t count, int64_t level,
                           int64_t depth, T *panels) {
    int64_t vectors = ceil_div(inside, LANES);
    for (int64_t v = 0; v < vectors; v += TILE_VECS) {
        int64_t width = min_i64(TILE_VECS, vectors - v);
        T *to = panels + (v * depth + level * width) * LANES;
        for (int64_t i = v; i < v + width; i++, to += LANES) store(to, load_lanes(x + i * LANES, mask[i]));
    }
    for (int64_t i = inside; i < count; i++) panels[i * depth + level] = mask[i / LANES] >> i % LANES & 1 ? x[i] : 0;
}

/* As pack_block, of one tap. */
static void pack_alike(const product *p, const int64_t offset[3], const T *source, int64_t level, int64_t levels,
                       int64_t depth, const pixel_run *runs, int64_t run_count, int64_t count, T *panels) {
    int64_t inside = panel_pixels(p, count), plane = volume(p->extent);
    lane_masks mask;
    find_masks(p, offset, runs, run_count, mask);
    int64_t first = (runs->at[0] + offset[0]) * p->extent[1] + runs->at[1] + offset[1];
    first = first * p->extent[2] + runs->at[2] + offset[2] + runs->image * p->groups * p->channels * plane;
    for (; levels > 0; levels--, level += p->taps, first += plane)
        lay_masked(source + first, mask, inside, count, level, depth, panels);
}

/* Stride 2: the cells of a plane that lie alike are those of even or odd rows and columns, which are taken apart first,
 * one channel at a time. */
enum { APART_LEAST_TAPS = 4, APART_MOST_TAPS = 49 };

static int steps_apart(const product *p) {
    int two =
        p->stride[1] == 2 && p->stride[2] == 2 && p->extent[0] * p->pixels[0] == 1 && p->pixels[1] > 1 && !p->pair;
    int taps = p->taps >= APART_LEAST_TAPS && p->taps <= APART_MOST_TAPS;
    return two && taps && p->pixels[2] <= ALIKE_ROW && (p->extent[2] + 1) / 2 <= p->pixels[2];
}

/* Cells of one of the four parts that a block of pixels sees, whole vectors of which are written. */
static int64_t apart_cells(const product *p, int64_t block) {
    int64_t rows = block / p->pixels[2] + 2 + floor_div(p->high[1], 2) - floor_div(p->low[1], 2);
    return rows * p->pixels[2] + LANES;
}

static int64_t apart_mask_bytes(const product *p) { return line_bytes(p->taps * (int64_t)sizeof(lane_masks)); }

static int64_t apart_bytes(const product *p, int64_t block) {
    return steps_apart(p) ? apart_mask_bytes(p) + line_bytes(4 * apart_cells(p, block) * (int64_t)sizeof(T)) : 0;
}

static void pack_apart(const product *p, const T *source, int64_t first, int64_t depth, const pixel_run *runs,
                       int64_t run_count, int64_t count, T *panels, char *room) {
    lane_masks *mask = take(&room, apart_mask_bytes(p));
    T *part = (T *)(void *)room;
    int64_t inside = panel_pixels(p, count), Q = p->pixels[2], H = p->extent[1], W = p->extent[2];
    int64_t cells = apart_cells(p, count), shift[APART_MOST_TAPS], low = INT64_MAX, high = INT64_MIN;
    for (int64_t tap = 0; tap < p->taps; tap++) { /* offsets may start at a later pixel than low and high do */
        low = min_i64(low, floor_div(p->offset[tap][1], 2));
        high = max_i64(high, floor_div(p->offset[tap][1], 2));
    }
    int64_t top = max_i64(0, runs->at[1] + low), bottom = runs[run_count - 1].at[1] + high;
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const int64_t *offset = p->offset[tap];
        int64_t row = floor_div(offset[1], 2), column = floor_div(offset[2], 2);
        find_masks(p, offset, runs, run_count, mask[tap]);
        shift[tap] = (2 * (offset[1] - 2 * row) + offset[2] - 2 * column) * cells + (runs->at[1] + row - top) * Q +
                     runs->at[2] + column;
    }
    source += runs->image * p->groups * p->channels * H * W;
    for (int64_t channel = first / p->taps; channel * p->taps < first + depth; channel++) {
        for (int64_t odd = 0; odd < 2; odd++) {
            int64_t rows = min_i64(bottom, floor_div(H - 1 - odd, 2)) - top + 1;
            split_rows(part + 2 * odd * cells, part + (2 * odd + 1) * cells, Q,
                       source + (channel * H + 2 * top + odd) * W, 2 * W, rows, W);
        }
        for (int64_t tap = 0; tap < p->taps; tap++) {
            int64_t level = channel * p->taps + tap - first;
            if (level < 0 || level >= depth) continue;
            lay_masked(part + shift[tap], mask[tap], inside, count, level, depth, panels);
        }
    }
}
#else /* pack_block leaves such cells to its pieces */
static int64_t apart_bytes(const product *p, int64_t block) {
    (void)p;
    (void)block;
    return 0;
}
#endif

enum { PACK_AHEAD = 3 }; /* channels, where each cell is read once */

/* Packs levels [first, first + depth) of the (channel, tap) order for the block's pixels. Lanes past the
 * last pixel are zero. */
static void pack_block(const product *p, const T *source, int64_t first, int64_t depth, const pixel_run *runs,
                       int64_t run_count, int64_t count, T *panels, piece *pieces, char *apart) {
    int64_t lanes = ceil_div(panel_pixels(p, count), LANES) * LANES, plane = volume(p->extent);
    (void)apart; /* of masked vectors alone */
#if defined(X86_MASK)
    if (packs_planes(p, runs, count)) {
        pack_planes(p, source + runs->image * p->groups * p->channels * plane, first, depth, runs, run_count, count,
                    panels);
        return;
    }
#endif
#if defined(MASKED_LOADS)
    if (apart && count <= ALIKE_VECTORS * LANES && runs[run_count - 1].image == runs->image) {
        pack_apart(p, source, first, depth, runs, run_count, count, panels, apart);
        return;
    }
    int alike = lies_alike(p, runs, run_count, count);
#endif
    for (int64_t tap = 0; tap < p->taps; tap++) {
        int64_t channel = first_channel(p, tap, first), end = first_channel(p, tap, first + depth);
        if (channel >= end) continue;
#if defined(MASKED_LOADS)
        if (alike) {
            pack_alike(p, p->offset[tap], source + channel * plane, channel * p->taps + tap - first, end - channel,
                       depth, runs, run_count, count, panels);
            continue;
        }
#endif
        int64_t found = find_pieces(p, p->offset[tap], runs, run_count, lanes, depth, pieces);
        if (lanes > count) {
            int64_t panel = count / PANEL * PANEL;
            pieces[found++] =
                make_piece(-1, panel * depth + count - panel, lanes - count, min_i64(PANEL, lanes - panel));
        }
        for (; channel < end; channel++)
            gather_pieces(source + channel * plane, panels, channel * p->taps + tap - first, pieces, found,
                          p->stride[2], p->taps == 1 ? PACK_AHEAD * plane : 0);
    }
}
