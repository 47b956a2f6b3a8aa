/* winograd_patches.inc.c: the patches that Winograd's tiles see: where their lines lie, and their transforms.
 *
 * Lanes are tiles along the width. In rows of tiles one tile's cells are next to one another, so they are taken apart;
 * under a wide dilation neighbours are tiles of different remainders, which need not be: the same cell of each lies
 * next to that of its neighbour. */

/* A run's patches: their lines start in the source or, where they step or stick out, in copies (~line). Lines that
 * are transformed down the columns before vectors are put together from several runs have only the cells [low, high)
 * that lie inside the source. */
typedef struct {
    int64_t place; /* of its first cell on a line of copies, or of what is transformed */
    int64_t low, high;
    int fresh; /* lines before it are those of the run before */
    int dirty; /* whether whole vectors of cells reach beyond, here or in the run before */
    int64_t line[WINOGRAD_PATCH];
} run_patches;

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

/* Zeros beside the cells of a run's lines that lie inside the source. */
static void zero_edges(const run_patches *patches, int64_t cells, T *rows, int64_t row) {
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

/* Lists the patches of the room's runs in a slice, and the pieces to copy in each channel; what copies see outside the
 * source is zero from now on. The last lines of a tile are the first ones of the tile below. */
static void find_patches(const product *p, const winograd_tiles *t, int64_t slice, patch_room *room) {
    const winograd_axis *wide = &t->axis[2];
    int64_t W = p->extent[2], images = p->groups * p->channels * volume(p->extent), tap[3], place = 0;
    int64_t cell = wide->across ? 1 : wide->cell, across = line_axis(t);
    int laid = laid_across(t) || (scattered(t) && t->axis[1].tile > 1);
    int in_place = cell == 1 && t->form != WINOGRAD_WHOLE && (laid || !scattered(t));
    int spilled = 0;
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
        patches->low = patches->fresh = 0;
        patches->high = all;
        if (laid) {
            clip_cells(at[2], cell, W, cells, &patches->low, &patches->high);
            at[2] += patches->low * cell;
            cells = patches->high - patches->low;
            reads = ceil_div(cells, LANES) * LANES;
        }
        for (int64_t i = 0; i < t->axis[across].patch; i++, at[across] += t->axis[across].cell) {
            if (i + WINOGRAD_TILE < t->axis[across].patch && above && lies_below(t, above, run)) {
                patches->line[i] = patches[-1].line[i + WINOGRAD_TILE];
                patches->fresh = (int)i + 1;
                continue;
            }
            int64_t from = (at[0] * p->extent[1] + at[1]) * W + at[2], copy = i * room->line_row + place;
            clip_cells(at[2], cell, W, cells, &low, &high);
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
        int spills = (patches->high - patches->low) % LANES != 0;
        patches->dirty = spills | spilled;
        spilled = spills;
        if (laid) zero_edges(patches, all, room->rows + place, room->line_row);
        place += t->form == WINOGRAD_WHOLE ? all : ceil_div(all, LANES) * LANES;
    }
}

/* Transforms the lines of a run down the columns; the zeros beside them are there, unless it is dirty. What vectors
 * write too many, the next run overwrites. The same lines of a channel `ahead` are fetched into cache, short ones by
 * one end. */
static void lay_run(const T *const line[WINOGRAD_PATCH], const run_patches *patches, int64_t cells, int64_t ahead,
                    T *rows, int64_t row) {
    int64_t inside = patches->high - patches->low;
    for (int i = patches->fresh; i < WINOGRAD_PATCH; i++) {
        __builtin_prefetch(line[i] + ahead);
        if (inside > LANES) __builtin_prefetch(line[i] + ahead + inside - 1);
    }
    transform_columns(line, inside, rows + patches->low, row);
    if (patches->dirty) zero_edges(patches, cells, rows, row);
}

/* Transforms the block's patches in one source channel -> v[point][tile]. A run writes up to a whole vector of tiles;
 * what it writes too many, the next run or the next level overwrites. */
static void transform_patches(const winograd_tiles *t, const T *source, int64_t ahead, const patch_room *room, T *v,
                              int64_t v_point) {
    const winograd_axis *wide = &t->axis[2];
    int lines = (int)t->axis[line_axis(t)].patch, apart = takes_apart(t), gathers = scattered(t);
    int across = laid_across(t);
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
        if (!apart && !across) transform_columns(line, run->length, to, v_point);
        else if (lines > 1) lay_run(line, patches, line_cells(t, run->length), ahead, room->rows + patches->place, row);
        else rows = line[0];
        if (apart && !gathers) transform_rows(rows, row, lines, run->length, to, v_point);
    }
    for (int64_t r = 0; across && r < room->run_count; r++) {
        const T *rows = room->rows + room->patches[r].place, *line[WINOGRAD_PATCH];
        T *to = v + room->runs[r].lane;
        for (int i = 0; i < lines; i++, rows += row, to += wide->patch * v_point) {
            for (int j = 0; j < wide->patch; j++) line[j] = rows + j * wide->cell;
            transform_columns(line, room->runs[r].length, to, v_point);
        }
    }
    if (gathers)
        transform_scattered(lines > 1 ? room->rows : room->lines, row, lines, room->start, in_pairs(t), room->count, v,
                            v_point);
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
