/* affine.inc.c: rows against the rows of a weight that is read once, in place: few rows cannot repay packing it.
 *
 *     output[row][column] = bias[column] + sum over l < depth of  input[row][l] * weight[column][l]
 *
 * A task owns DOT_ROWS columns after another. Deep rows are cut, so that the part of the weight stays in L1 for all
 * rows; a cell is the sum of its parts in their order. */

enum { DOT_DEPTH = 4096 / T_BYTES, DOT_TASK = 1 << 15, DOT_TASKS = 16 };

typedef struct {
    int64_t groups, rows, columns, depth; /* columns and depth of a group, whose matrices lie next to one another */
    int64_t chunk, chunks;                /* columns of a task, tasks of a group */
    const T *input, *weight;
    T *output;
    fc_epilogue epilogue;
} affine_job;

/* Pointers to `most` rows; the last one stands in for those missing. */
static void point_at_rows(const T **row, int most, const T *first, int64_t count, int64_t step) {
    for (int i = 0; i < most; i++) {
        row[i] = first + min_i64(i, count - 1) * step;
        FC_KEEP_LOOP;
    }
}

/* `column` and `count` more of all groups' columns; the input of their group begins at `input`. */
static void affine_columns(const affine_job *job, const T *input, int64_t column, int64_t count) {
    int64_t depth = job->depth, input_row = job->groups * depth;
    const T *w[DOT_ROWS], *x[DOT_COLUMNS], *bias = job->epilogue.bias;
    for (int64_t level = 0; level == 0 || level < depth; level += DOT_DEPTH) {
        point_at_rows(w, DOT_ROWS, job->weight + column * depth + level, count, depth);
        for (int64_t row = 0; row < job->rows; row += DOT_COLUMNS) {
            T sums[DOT_COLUMNS][DOT_ROWS];
            int64_t some = min_i64(DOT_COLUMNS, job->rows - row);
            point_at_rows(x, DOT_COLUMNS, input + row * input_row + level, some, input_row);
            (some > 1 ? dot_columns : dot_one)(w, x, min_i64(DOT_DEPTH, depth - level), sums);
            for (int64_t j = 0; j < some; j++) {
                T *y = job->output + (row + j) * job->groups * job->columns + column;
                for (int64_t i = 0; i < count; i++) {
                    y[i] = sums[j][i] + (level ? y[i] : bias ? bias[column + i] : 0);
                    FC_KEEP_LOOP;
                }
            }
        }
    }
}

static void affine_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const affine_job *job = context;
    int64_t group = task / job->chunks, first = task % job->chunks * job->chunk;
    int64_t count = min_i64(job->chunk, job->columns - first), all = job->groups * job->columns;
    first += group * job->columns;
    for (int64_t column = first; column < first + count && !fc_stopped(); column += DOT_ROWS)
        affine_columns(job, job->input + group * job->depth, column, min_i64(DOT_ROWS, first + count - column));
    const T *residual = job->epilogue.residual;
    int activation = job->epilogue.activation;
    if (!residual && activation == FC_NONE) return;
    for (int64_t at = first; at < job->rows * all; at += all)
        finish_run(job->output + at, job->output + at, residual ? residual + at : NULL, count, 1, activation);
}

static void run_affine(affine_job *job, int threads) {
    int64_t chunk = max_i64(ceil_div(job->columns, DOT_TASKS), DOT_TASK / max_i64(1, job->rows * job->depth));
    job->chunk = ceil_div(chunk, DOT_ROWS) * DOT_ROWS;
    job->chunks = ceil_div(job->columns, job->chunk);
    fc_parallel_for(job->groups * job->chunks, threads, affine_task, job);
}

static void affine(int64_t rows, int64_t columns, int64_t depth, const void *input, const void *weight,
                   const void *bias, void *output, int threads) {
    affine_job job = {1, rows, columns, depth, .input = input, .weight = weight, .output = output};
    job.epilogue.bias = bias;
    run_affine(&job, threads);
}

enum {
    AFFINE_GROUP = 64,         /* cells of a group's matrix, at least */
    AFFINE_PRODUCTS = 1 << 25, /* more are worth packing */
};

/* A product of planes of one cell, each seen by one tap: an affine map of every image's channels. */
static int is_affine(const product *p) {
    int single = p->taps == 1 && !p->tap && !p->pair && (p->groups == 1 || p->rows * p->channels >= AFFINE_GROUP);
    single &= p->images * p->rows * p->channels <= AFFINE_PRODUCTS;
    for (int axis = 0; axis < 3; axis++)
        single &= p->extent[axis] == 1 && p->pixels[axis] == 1 && p->dest_extent[axis] == 1 && p->low[axis] == 0;
    return single;
}

static void run_affine_product(const product *p, int threads) {
    affine_job job = {p->groups,          p->images,           p->rows,           p->channels,
                      .input = p->source, .weight = p->matrix, .output = p->dest, .epilogue = p->epilogue};
    run_affine(&job, threads);
}
