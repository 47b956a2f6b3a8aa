/* affine.inc.c: rows against the rows of a weight that is read once, in place: few rows cannot repay packing it.
 *
 *     output[row][column] = bias[column] + sum over l < depth of  input[row][l] * weight[column][l]
 *
 * A task owns DOT_ROWS columns after another. Deep rows are cut, so that the part of the weight stays in L1 for all
 * rows; a cell is the sum of its parts in their order. */

enum { DOT_DEPTH = 4096 / T_BYTES, DOT_TASK = 1 << 15, DOT_TASKS = 16 };

typedef struct {
    int64_t rows, columns, depth, chunk;
    const T *input, *weight, *bias;
    T *output;
} affine_job;

/* Pointers to `most` rows; the last one stands in for those missing. */
static void point_at_rows(const T **row, int most, const T *first, int64_t count, int64_t step) {
    for (int i = 0; i < most; i++) {
        row[i] = first + min_i64(i, count - 1) * step;
        FC_KEEP_LOOP;
    }
}

static void affine_columns(const affine_job *job, int64_t column, int64_t count) {
    int64_t depth = job->depth;
    const T *w[DOT_ROWS], *x[DOT_COLUMNS];
    for (int64_t level = 0; level == 0 || level < depth; level += DOT_DEPTH) {
        point_at_rows(w, DOT_ROWS, job->weight + column * depth + level, count, depth);
        for (int64_t row = 0; row < job->rows; row += DOT_COLUMNS) {
            T sums[DOT_COLUMNS][DOT_ROWS];
            int64_t some = min_i64(DOT_COLUMNS, job->rows - row);
            point_at_rows(x, DOT_COLUMNS, job->input + row * depth + level, some, depth);
            (some > 1 ? dot_columns : dot_one)(w, x, min_i64(DOT_DEPTH, depth - level), sums);
            for (int64_t j = 0; j < some; j++) {
                T *y = job->output + (row + j) * job->columns + column;
                for (int64_t i = 0; i < count; i++) {
                    y[i] = sums[j][i] + (level ? y[i] : job->bias ? job->bias[column + i] : 0);
                    FC_KEEP_LOOP;
                }
            }
        }
    }
}

static void affine_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const affine_job *job = context;
    int64_t end = min_i64((task + 1) * job->chunk, job->columns);
    for (int64_t column = task * job->chunk; column < end; column += DOT_ROWS)
        affine_columns(job, column, min_i64(DOT_ROWS, end - column));
}

static void affine(int64_t rows, int64_t columns, int64_t depth, const void *input, const void *weight,
                   const void *bias, void *output, int threads) {
    affine_job job = {rows, columns, depth, .input = input, .weight = weight, .bias = bias, .output = output};
    int64_t chunk = max_i64(ceil_div(columns, DOT_TASKS), DOT_TASK / max_i64(1, rows * depth));
    job.chunk = ceil_div(chunk, DOT_ROWS) * DOT_ROWS;
    fc_parallel_for(ceil_div(columns, job.chunk), threads, affine_task, &job);
}
