/* pool_window.inc.c: which cells a pooling window sees on one axis, and which windows see a cell. */

typedef struct {
    int64_t first, count;
} stretch;

/* The input cells inside window `o`: first, first + dilation, ... */
static stretch window_cells(const fc_pool_geometry *g, int axis, int64_t o) {
    int64_t X = g->input[axis], O = g->output[axis];
    if (g->adaptive) {
        int64_t first = o * X / O;
        return (stretch){first, ceil_div((o + 1) * X, O) - first};
    }
    int64_t start = o * g->stride[axis] - g->padding[axis], step = g->dilation[axis];
    if (step == 1) {
        int64_t first = max_i64(0, start);
        return (stretch){first, max_i64(0, min_i64(X, start + g->kernel[axis]) - first)};
    }
    int64_t low = start < 0 ? ceil_div(-start, step) : 0;
    int64_t high = start < X ? min_i64(g->kernel[axis], ceil_div(X - start, step)) : 0;
    return (stretch){start + low * step, max_i64(0, high - low)};
}

/* The number a window counts for in the divisor of a mean, of which the axes are factors. */
static int64_t window_size(const fc_pool_geometry *g, int axis, int64_t o) {
    if (g->adaptive || !g->count_padding) return window_cells(g, axis, o).count;
    int64_t start = o * g->stride[axis] - g->asked_padding[axis];
    return min_i64(g->asked_kernel[axis], g->input[axis] + g->asked_padding[axis] - start);
}

/* Whether every window of the axis has one size, and so is whole. */
static int uniform_axis(const fc_pool_geometry *g, int axis) {
    if (g->divisor) return 1;
    if (g->adaptive) return g->input[axis] % g->output[axis] == 0;
    int64_t last = (g->output[axis] - 1) * g->stride[axis] - g->asked_padding[axis] + g->asked_kernel[axis];
    if (g->count_padding) return last <= g->input[axis] + g->asked_padding[axis];
    return g->asked_padding[axis] == 0 && last <= g->input[axis];
}

static int uniform_windows(const fc_pool_geometry *g) {
    return uniform_axis(g, 0) && uniform_axis(g, 1) && uniform_axis(g, 2);
}

/* The windows [first, first + count) that see cell x; dilation 1. */
static stretch cell_windows(const fc_pool_geometry *g, int axis, int64_t x) {
    int64_t O = g->output[axis], low, high;
    if (g->adaptive) {
        low = x * O / g->input[axis];
        high = ceil_div((x + 1) * O, g->input[axis]) - 1;
    } else {
        int64_t reach = x + g->padding[axis];
        low = min_i64(O, ceil_div(max_i64(0, reach - g->kernel[axis] + 1), g->stride[axis]));
        high = min_i64(O - 1, reach / g->stride[axis]);
    }
    return (stretch){low, max_i64(0, high - low + 1)};
}

/* What a row's sums are divided by apart from `sizes` along the width. */
static T row_size(const fc_pool_geometry *g, int64_t o, int64_t p, int width_is_uniform) {
    if (g->divisor) return (T)g->divisor;
    T size = (T)window_size(g, 0, o) * (T)window_size(g, 1, p);
    return width_is_uniform ? size * (T)window_size(g, 2, 0) : size;
}

/* Window sizes along the width, for means whose windows differ there. */
static void fill_sizes(const fc_pool_geometry *g, T *sizes) {
    for (int64_t q = 0; q < g->output[2]; q++) sizes[q] = (T)window_size(g, 2, q);
}
