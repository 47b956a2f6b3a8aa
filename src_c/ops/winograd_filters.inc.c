/* winograd_filters.inc.c: the filters of Winograd's products: their taps are taken apart and transformed, by the task
 * that multiplies with them or before, and prepared weights are what can be made before any call. */

/* Where transformed filters lie: [point][row][level]. */
typedef struct {
    int64_t row; /* levels, and what the last vector of a slice writes too many */
    int64_t point, bytes;
} filter_layout;

static filter_layout lay_filters(const winograd_tiles *t, int64_t rows, int64_t levels) {
    filter_layout f = {.row = levels + LANES};
    f.point = odd_lines(rows * f.row);
    f.bytes = line_bytes(t->points * f.point * (int64_t)sizeof(T));
    return f;
}

/* g[i][lane] = tap place[i] of one of `lanes` filters that lie next to one another, 0 where there is none: together
 * where these taps are close. */
static void take_filters(const T *filters, int64_t taps, int64_t lanes, const int64_t place[9], T g[9][LANES]) {
    enum { CLOSE = 16 };
    int64_t first = taps, last = 0;
    for (int i = 0; i < 9; i++) {
        if (place[i] < 0) continue;
        first = min_i64(first, place[i]);
        last = max_i64(last, place[i]);
    }
    int64_t span = last + 1 - first;
    int close = span >= 4 && span <= CLOSE;
    const T *run[LANES];
    FC_UNROLL for (int lane = 0; lane < LANES; lane++) run[lane] =
        filters + first + (lane < lanes ? lane : lanes - 1) * taps;
    vec near[CLOSE];
    if (taps == 4 && span == 4 && lanes == LANES) split_four(filters, 4, near);
    else if (span == 9) take_columns(run, 0, 9, near); /* a number that is known leaves out shuffles */
    else if (close) take_columns(run, 0, span, near);
    for (int i = 0; i < 9; i++) {
        if (place[i] < 0) store(g[i], (vec){0});
        else if (close) store(g[i], near[place[i] - first]);
        else
            for (int lane = 0; lane < LANES; lane++) g[i][lane] = run[lane][place[i] - first];
    }
}

/* What is made of the matrix before: filters whose taps are apart, [row of all twins][slice][tap of 3 x 3][channel].
 * They are a quarter of the transformed ones, which take longer to come from memory than to be made. */
static int64_t tap_plane(const product *p) { return ceil_div(p->channels, LANES) * LANES; }
static int64_t row_taps(const product *p, const winograd_tiles *t) { return t->slices * 9 * tap_plane(p); }
static int64_t winograd_packed_bytes(const product *p) {
    winograd_tiles t = cut_product(p);
    int64_t taps = p->groups * t.rows * row_taps(p, &t) + LANES; /* whole vectors are read */
    return line_bytes(taps * (int64_t)sizeof(T));
}

/* `count` filters of a row and slice, whose taps are apart -> points; the next row is fetched along, if there is one.
 */
static void transform_taps(const product *p, const winograd_tiles *t, const T *taps, int64_t count, int next,
                           const filter_layout *f, T *points) {
    int64_t plane = tap_plane(p), row = row_taps(p, t);
    for (int64_t first = 0; first < count; first += LANES) {
        for (int64_t i = 0; next && i < 9; i++) fetch(taps + row + i * plane + first, LANES);
        t->transforms->filters(taps + first, plane, points + first, f->point);
    }
}

/* The same of filters that lie in the matrix. */
static void transform_matrix(const product *p, const winograd_tiles *t, const T *filters, const int64_t place[9],
                             int64_t count, int next, const filter_layout *f, T *points) {
    for (int64_t first = 0; first < count; first += LANES) {
        T g[9][LANES];
        if (next) fetch(filters + (p->channels + first) * p->taps, LANES * p->taps);
        take_filters(filters + first * p->taps, p->taps, min_i64(LANES, count - first), place, g);
        t->transforms->filters(&g[0][0], LANES, points + first, f->point);
    }
}

/* Filters of rows of the matrix of all groups of a twin, in levels [level, level + levels) -> points. */
static void transform_filters_of(const product *p, const product *seen, const winograd_tiles *t, int64_t twin,
                                 int64_t first_row, int64_t rows, int64_t level, int64_t levels, const filter_layout *f,
                                 T *points) {
    const product *own = twin_of(p, twin);
    const T *taps = p->packed;
    if (taps) taps += (twin * p->groups * p->rows + first_row) * row_taps(p, t);
    for (int64_t d = level, count; d < level + levels; d += count) {
        int64_t slice = d / p->channels, channel = d % p->channels, place[9];
        count = min_i64(level + levels - d, p->channels - channel);
        if (!taps) find_slice_taps(own, seen, t, slice, place);
        for (int64_t row = 0; row < rows; row++) {
            T *to = points + row * f->row + d - level;
            if (taps)
                transform_taps(p, t, taps + row * row_taps(p, t) + slice * 9 * tap_plane(p) + channel, count,
                               row + 1 < rows, f, to);
            else
                transform_matrix(own, t, own->matrix + ((first_row + row) * p->channels + channel) * own->taps, place,
                                 count, row + 1 < rows, f, to);
        }
    }
}

typedef struct {
    const product *p, *seen;
    winograd_tiles t;
    filter_layout filters;
    char *matrix;
} winograd_filter_job;

static void winograd_filter_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_filter_job *job = context;
    int64_t rows = job->p->rows, row = task % job->t.rows, group = task / job->t.rows;
    T *points = (T *)(job->matrix + group * job->filters.bytes) + row * job->filters.row;
    transform_filters_of(job->p, job->seen, &job->t, row / rows, group * rows + row % rows, 1, 0, job->t.depth,
                         &job->filters, points);
}

static void pack_taps_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const winograd_filter_job *job = context;
    const product *p = job->p, *own = twin_of(p, task / (p->groups * p->rows));
    int64_t channels = p->channels, filter = task % (p->groups * p->rows) * channels, place[9];
    T *to = (T *)job->matrix + task * row_taps(p, &job->t);
    for (int64_t slice = 0; slice < job->t.slices; slice++) {
        find_slice_taps(own, job->seen, &job->t, slice, place);
        for (int64_t i = 0; i < 9; i++, to += tap_plane(p)) {
            zero_run(to, tap_plane(p));
            for (int64_t c = 0; place[i] >= 0 && c < channels; c++)
                to[c] = own->matrix[(filter + c) * own->taps + place[i]];
        }
    }
}

static void pack_winograd(const product *p, void *packed, int threads) {
    product seen;
    join_twins(p, &seen);
    winograd_filter_job job = {.p = p, .seen = &seen, .t = cut_product(p), .matrix = packed};
    int64_t rows = p->groups * job.t.rows;
    zero_run((T *)packed + rows * row_taps(p, &job.t), LANES);
    fc_parallel_for(rows, threads, pack_taps_task, &job);
}
