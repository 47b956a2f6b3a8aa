/* pool_scatter.inc.c: values sent to, or fetched from, given positions of each plane.
 *
 * Positions are a user's, so each is compared with the plane before it is used; the operators return 1 if all were
 * inside. A plane alone is cut into as many ranges as there are threads, each of which sees all positions: what falls
 * on a cell is always added in the order of the positions. */

typedef struct {
    int64_t planes, cells, values; /* cells of a plane, values that belong to it */
    int64_t planes_per_task, parts;
    int add; /* sum what falls on one cell; otherwise the last one stays */
    const T *source;
    const int64_t *positions;
    T *result;
    int *outside;
} scatter_job;

static void report_outside(const scatter_job *job) { __atomic_store_n(job->outside, 1, __ATOMIC_RELAXED); }

enum { SCATTER_BLOCK = 64, SCATTER_ASKS = 2048 * SCATTER_BLOCK, SCATTER_TOGETHER = 2048 };

/* Whether n positions are all in [0, cells): a sign bit shows one that is not. */
static int all_inside(const int64_t *at, int64_t n, int64_t cells) {
    enum { TOGETHER = VECTOR_BYTES / sizeof(uint64_t) };
    typedef uint64_t longs __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(uint64_t)), may_alias));
    uint64_t most = (uint64_t)cells - 1, signs = 0;
    longs some = {0};
    int64_t i = 0;
    for (; i + TOGETHER <= n; i += TOGETHER) some |= *(const longs *)(at + i) | (most - *(const longs *)(at + i));
    for (int lane = 0; lane < TOGETHER; lane++) signs |= some[lane];
    for (; i < n; i++) signs |= (uint64_t)at[i] | (most - (uint64_t)at[i]);
    return signs >> 63 == 0;
}

/* dst[at[i]] += x[i] or = x[i], for positions known to be inside. */
static void scatter_block(T *dst, const int64_t *at, const T *x, int64_t n, int add) {
    if (add)
        for (int64_t i = 0; i < n; i++) dst[at[i]] += x[i];
    else
        for (int64_t i = 0; i < n; i++) dst[at[i]] = x[i];
}

/* The same for those inside [low, high) of the plane, which is zero elsewhere. The next plane is fetched along. */
static void scatter_plane(const scatter_job *job, int64_t plane, int64_t low, int64_t high) {
    T *dst = job->result + plane * job->cells;
    int whole = high - low == job->cells;
    const T *ahead = dst + job->cells;
    int64_t fetched = whole ? ceil_div(job->cells * SCATTER_BLOCK, max_i64(1, job->values)) : 0;
    for (int64_t at = low; at < high && !fc_stopped(); at += SCATTER_ASKS)
        __builtin_memset(dst + at, 0, (size_t)min_i64(SCATTER_ASKS, high - at) * sizeof(T));
    for (int64_t start = 0; start < job->values; start += SCATTER_BLOCK) {
        if (start % SCATTER_ASKS == 0 && fc_stopped()) return;
        const T *x = job->source + plane * job->values + start;
        const int64_t *at = job->positions + plane * job->values + start;
        int64_t n = min_i64(SCATTER_BLOCK, job->values - start);
        int inside = all_inside(at, n, job->cells);
        if (!inside) report_outside(job);
        ahead = fetch(ahead, min_i64(fetched, dst + 2 * job->cells - ahead));
        if (inside && whole) scatter_block(dst, at, x, n, job->add);
        else
            for (int64_t i = 0; i < n; i++)
                if (at[i] >= low && at[i] < high) scatter_block(dst, at + i, x + i, 1, job->add);
    }
}

/* All of planes [first, last), which are small: checked and set to zero together. */
static void scatter_planes(const scatter_job *job, int64_t first, int64_t last) {
    int64_t count = last - first;
    T *dst = job->result + first * job->cells;
    const T *x = job->source + first * job->values;
    const int64_t *at = job->positions + first * job->values;
    if (!all_inside(at, count * job->values, job->cells)) {
        report_outside(job);
        return;
    }
    __builtin_memset(dst, 0, (size_t)(count * job->cells) * sizeof(T));
    const T *ahead = dst + count * job->cells;
    for (; count > 0; count--, dst += job->cells, x += job->values, at += job->values) {
        ahead = fetch(ahead, job->cells);
        scatter_block(dst, at, x, job->values, job->add);
    }
}

static void scatter_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const scatter_job *job = context;
    if (job->parts > 1) {
        int64_t part = task % job->parts;
        scatter_plane(job, task / job->parts, part_start(job->cells, job->parts, part),
                      part_start(job->cells, job->parts, part + 1));
        return;
    }
    int64_t first = task * job->planes_per_task, last = min_i64(job->planes, first + job->planes_per_task);
    int64_t together = job->values <= SCATTER_BLOCK ? SCATTER_TOGETHER / job->cells : 0;
    if (together > 1)
        for (int64_t plane = first; plane < last; plane += together)
            scatter_planes(job, plane, min_i64(last, plane + together));
    else
        for (int64_t plane = first; plane < last; plane++) scatter_plane(job, plane, 0, job->cells);
}

static void fetch_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const scatter_job *job = context;
    int64_t first = task * job->planes_per_task, last = min_i64(job->planes, first + job->planes_per_task);
    for (int64_t plane = first; plane < last; plane++) {
        const T *x = job->source + plane * job->cells;
        for (int64_t i = plane * job->values; i < (plane + 1) * job->values; i++) {
            int inside = (uint64_t)job->positions[i] < (uint64_t)job->cells;
            job->result[i] = inside ? x[job->positions[i]] : 0;
            if (!inside) report_outside(job);
        }
    }
}

FC_PLAN scatter_job plan_scatter(int64_t planes, int64_t cells, int64_t values, const void *source,
                                 const int64_t *positions, void *result, int *outside) {
    int64_t per_task = max_i64(1, POOL_TASK_CELLS / (cells + values));
    return (scatter_job){planes, cells, values, per_task, 1, 0, source, positions, result, outside};
}

static int64_t pool_scatter(int64_t planes, int64_t cells, int64_t values, int add, const void *source,
                            const int64_t *positions, void *result, int threads) {
    int outside = 0;
    scatter_job job = plan_scatter(planes, cells, values, source, positions, result, &outside);
    job.add = add;
    if (planes * (cells + values) < POOL_SERIAL_CELLS) threads = 1;
    if (planes < threads) {
        job.parts = ceil_div(threads, planes);
        fc_parallel_for(planes * job.parts, threads, scatter_task, &job);
    } else {
        fc_parallel_for(ceil_div(planes, job.planes_per_task), threads, scatter_task, &job);
    }
    return !outside;
}

static int64_t pool_gather(int64_t planes, int64_t cells, int64_t values, const void *source, const int64_t *positions,
                           void *result, int threads) {
    int outside = 0;
    scatter_job job = plan_scatter(planes, cells, values, source, positions, result, &outside);
    if (planes * (cells + values) < POOL_SERIAL_CELLS) threads = 1;
    fc_parallel_for(ceil_div(planes, job.planes_per_task), threads, fetch_task, &job);
    return !outside;
}
