/* reorder.inc.c: y[i][c][r] = x[i][r][c] for i < outer: channels last to channels first, and back. */

typedef struct {
    int64_t outer, rows, columns, row_blocks, column_blocks;
    int64_t planes; /* of a task: several only where each is one block */
    const T *x;
    T *y;
} reorder_blocks;

/* A task's block: what its squares read and write stays in the first-level cache. */
enum { REORDER_ROWS = 128, REORDER_COLUMNS = 128, REORDER_CELLS = 4096 };

/* y[c * y_row + r] = x[r * x_row + c]. */
static void transpose_block(const T *x, int64_t x_row, int64_t rows, int64_t columns, T *y, int64_t y_row) {
    if (rows < LANES || columns < LANES) {
        for (int64_t c = 0; c < columns; c++)
            for (int64_t r = 0; r < rows; r++) y[c * y_row + r] = x[r * x_row + c];
        return;
    }
    /* The last square of a row or column overlaps the one before. */
    for (int64_t left = 0; left < columns; left += LANES)
        for (int64_t top = 0; top < rows; top += LANES) {
            int64_t c = min_i64(left, columns - LANES), r = min_i64(top, rows - LANES);
            transpose_square(x + r * x_row + c, x_row, LANES, y + c * y_row + r, y_row);
        }
}

static void reorder_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const reorder_blocks *b = context;
    int64_t i = task % b->column_blocks, j = task / b->column_blocks % b->row_blocks;
    int64_t first = task / b->column_blocks / b->row_blocks * b->planes, last = min_i64(b->outer, first + b->planes);
    int64_t row = part_start(b->rows, b->row_blocks, j), column = part_start(b->columns, b->column_blocks, i);
    int64_t rows = part_start(b->rows, b->row_blocks, j + 1) - row;
    int64_t columns = part_start(b->columns, b->column_blocks, i + 1) - column;
    for (int64_t plane = first; plane < last; plane++)
        transpose_block(b->x + (plane * b->rows + row) * b->columns + column, b->columns, rows, columns,
                        b->y + (plane * b->columns + column) * b->rows + row, b->rows);
}

static void reorder(int64_t outer, int64_t rows, int64_t columns, const void *x, void *y, int threads) {
    reorder_blocks b = {.outer = outer,
                        .rows = rows,
                        .columns = columns,
                        .row_blocks = ceil_div(rows, REORDER_ROWS),
                        .column_blocks = ceil_div(columns, REORDER_COLUMNS),
                        .planes = 1,
                        .x = x,
                        .y = y};
    if (b.row_blocks * b.column_blocks == 1) b.planes = max_i64(1, REORDER_CELLS / (rows * columns));
    fc_parallel_for(ceil_div(outer, b.planes) * b.row_blocks * b.column_blocks, threads, reorder_task, &b);
}
