/* pick.inc.c: y (outer, D, P, Q) from cells of x (outer, extent) that an index for each axis names:
 * y[o][d][p][q] = x[o][index[0][d]][index[1][p]][index[2][q]], or `value` where one of them is negative. Padding of any
 * kind, and channels in another order. The longest stretch of columns that follow one another is copied as a run. */

typedef struct {
    int64_t extent[3], result[3];
    const int64_t *index[3];
    int64_t first, last; /* columns [first, last) follow one another in x */
    T value;
    const T *x;
    T *y;
    int64_t rows, per_task; /* of y */
} pick_job;

enum { PICK_CELLS = 1 << 14 }; /* of a task, about */

static void find_stretch(pick_job *job) {
    const int64_t *column = job->index[2];
    for (int64_t first = 0, end; first < job->result[2]; first = end) {
        for (end = first + 1; end < job->result[2] && column[first] >= 0 && column[end] == column[end - 1] + 1;) end++;
        if (column[first] < 0 || end - first <= job->last - job->first) continue;
        job->first = first;
        job->last = end;
    }
}

VEC_INLINE void pick_columns(const pick_job *job, const T *x, T *y, int64_t low, int64_t high) {
    const int64_t *column = job->index[2];
    for (; low < high; low++) {
        FC_KEEP_LOOP;
        y[low] = column[low] < 0 ? job->value : x[column[low]];
    }
}

static void pick_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const pick_job *job = context;
    int64_t D = job->result[0], P = job->result[1], Q = job->result[2],
            end = min_i64(job->rows, (task + 1) * job->per_task);
    for (int64_t row = task * job->per_task; row < end; row++) {
        int64_t slice = job->index[0][row / P % D], line = job->index[1][row % P];
        T *y = job->y + row * Q;
        if (slice < 0 || line < 0) {
            fill_run(y, job->value, Q);
            continue;
        }
        const T *x = job->x + ((row / P / D * job->extent[0] + slice) * job->extent[1] + line) * job->extent[2];
        pick_columns(job, x, y, 0, job->first);
        if (job->last > job->first) copy_run(y + job->first, x + job->index[2][job->first], job->last - job->first);
        pick_columns(job, x, y, job->last, Q);
    }
}

static void pick(int64_t outer, const int64_t extent[3], const int64_t result[3], const int64_t *index, double value,
                 const void *x, void *y, int threads) {
    pick_job job = {.index = {index, index + result[0], index + result[0] + result[1]},
                    .value = (T)value,
                    .x = x,
                    .y = y,
                    .rows = outer * result[0] * result[1],
                    .per_task = max_i64(1, PICK_CELLS / result[2])};
    for (int axis = 0; axis < 3; axis++) {
        job.extent[axis] = extent[axis];
        job.result[axis] = result[axis];
    }
    find_stretch(&job);
    fc_parallel_for(ceil_div(job.rows, job.per_task), threads, pick_task, &job);
}
