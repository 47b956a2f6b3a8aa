/* check_operators.c: the operators of every level that runs here, against naive loops on random small problems.
 *
 *     check_operators [problems [seed]]
 *
 * Values are small integers, so that what has no rounding must be equal; a convolution may err by 32 eps sum |x||w|.
 * Arrays have guard cells on both sides, and results start as NaN. Prints each failure; the status says if any. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastconv.h"

/* ---- arrays of either type ------------------------------------------------------------------------------------- */

typedef struct {
    int type; /* 0 float, 1 double */
    int64_t size;
    void *block, *data;
} array;

enum { GUARD = 64, THREADS = 2 };

static const double PI = 3.14159265358979323846;

static double get(array a, int64_t i) { return a.type ? ((double *)a.data)[i] : ((float *)a.data)[i]; }
static void set(array a, int64_t i, double value) {
    if (a.type) ((double *)a.data)[i] = value;
    else ((float *)a.data)[i] = (float)value;
}

static array new_array(int type, int64_t size) {
    size_t bytes = (size_t)size * (type ? sizeof(double) : sizeof(float));
    array a = {type, size, malloc(bytes + 2 * GUARD), NULL};
    a.data = (char *)a.block + GUARD;
    memset(a.block, 0xff, bytes + 2 * GUARD); /* NaN */
    return a;
}

static uint64_t state = 1;
static int64_t draw(int64_t low, int64_t high) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

static array integers(int type, int64_t size) {
    array a = new_array(type, size);
    for (int64_t i = 0; i < size; i++) set(a, i, (double)draw(-8, 8));
    return a;
}

static int failures;
static void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    printf("\n");
    failures++;
}

static void release(array a, const char *what) {
    size_t bytes = (size_t)a.size * (a.type ? sizeof(double) : sizeof(float));
    for (size_t i = 0; i < GUARD; i++) {
        if (((unsigned char *)a.block)[i] != 0xff || ((unsigned char *)a.data)[bytes + i] != 0xff) {
            fail("%s: written outside", what);
            break;
        }
    }
    free(a.block);
}

/* Compares a result with (value, largest error) pairs. */
static void compare(const char *isa, const char *what, const char *problem, array got, const double (*want)[2]) {
    for (int64_t i = 0; i < got.size; i++) {
        double error = fabs(get(got, i) - want[i][0]);
        if (!(error <= want[i][1])) {
            fail("%s %s %s: %s at %lld is %g, not %g", isa, got.type ? "float64" : "float32", what, problem,
                 (long long)i, get(got, i), want[i][0]);
            return;
        }
    }
}

/* Scratch of exactly so many bytes, which lie before and behind what is checked when it is freed. */
static void *new_scratch(int64_t bytes) {
    unsigned char *block = aligned_alloc(64, (size_t)(bytes + 2 * GUARD + 63) / 64 * 64);
    memset(block, 0xff, (size_t)bytes + 2 * GUARD);
    memcpy(block, &bytes, sizeof bytes);
    return block + GUARD;
}

static void free_scratch(void *scratch, const char *what) {
    unsigned char *block = (unsigned char *)scratch - GUARD;
    int64_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    for (size_t i = 0; i < GUARD; i++)
        if (block[GUARD + (size_t)bytes + i] != 0xff) {
            fail("%s: written behind scratch", what);
            break;
        }
    free(block);
}

/* ---- convolution ----------------------------------------------------------------------------------------------- */

static int64_t volume(const int64_t extent[3]) { return extent[0] * extent[1] * extent[2]; }

/* Half of the problems are the square kernels for which there are special algorithms, some have many small groups. */
static fc_conv_geometry draw_conv(void) {
    fc_conv_geometry g = {.N = draw(1, 3)};
    int square = (int)draw(0, 1), rank = square ? 2 : (int)draw(1, 3);
    g.G = draw(0, 2) ? 1 : draw(2, 5);
    g.C = g.G * draw(1, square ? 40 : 12);
    g.K = g.G * draw(1, square ? 40 : 12);
    if (!draw(0, 3)) {
        int64_t channels = draw(0, 1) ? 1 : 1 << draw(0, 4);
        g.G = draw(1, 40 / channels);
        g.C = g.G * channels;
        g.K = g.C * draw(1, 2);
    }
    for (int axis = 0; axis < 3; axis++) {
        int used = axis >= 3 - rank;
        g.kernel[axis] = !used ? 1 : square ? 3 : draw(1, 5);
        g.stride[axis] = used && !square ? draw(1, 3) : 1;
        g.dilation[axis] = used && !square ? draw(1, 3) : 1;
        g.padding[axis] = used ? draw(0, 3) : 0;
        int64_t span = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
        int64_t least = span > 2 * g.padding[axis] ? span - 2 * g.padding[axis] : 1;
        g.input[axis] = used ? draw(least, least + (rank == 1 ? 60 : 14)) : 1;
        g.output[axis] = (g.input[axis] + 2 * g.padding[axis] - span) / g.stride[axis] + 1;
    }
    return g;
}

/* Calls visit(sums, input index, weight index, output index) for every product of the convolution. */
typedef void visitor(void *sums, int64_t input, int64_t weight, int64_t output);
static void each_product(const fc_conv_geometry *g, visitor *visit, void *sums) {
    int64_t C = g->C / g->G, K = g->K / g->G, taps = volume(g->kernel), pixels = volume(g->output);
    for (int64_t n = 0; n < g->N; n++)
        for (int64_t k = 0; k < g->K; k++)
            for (int64_t pixel = 0; pixel < pixels; pixel++)
                for (int64_t c = 0; c < C; c++)
                    for (int64_t tap = 0; tap < taps; tap++) {
                        int64_t o = pixel, t = tap, at = 0, step = 1;
                        int inside = 1;
                        for (int axis = 2; axis >= 0; axis--) {
                            int64_t x = o % g->output[axis] * g->stride[axis] - g->padding[axis] +
                                        t % g->kernel[axis] * g->dilation[axis];
                            inside &= x >= 0 && x < g->input[axis];
                            at += x * step;
                            step *= g->input[axis];
                            o /= g->output[axis];
                            t /= g->kernel[axis];
                        }
                        if (inside)
                            visit(sums, (n * g->C + k / K * C + c) * step + at, (k * C + c) * taps + tap,
                                  (n * g->K + k) * pixels + pixel);
                    }
}

typedef struct {
    array input, weight, grad_output;
    double (*output)[2], (*grad_input)[2], (*grad_weight)[2]; /* sum, sum of absolute values */
} conv_sums;

static void add(double sum[2], double a, double b) {
    sum[0] += a * b;
    sum[1] += fabs(a * b);
}

static void add_product(void *context, int64_t input, int64_t weight, int64_t output) {
    conv_sums *s = context;
    double x = get(s->input, input), w = get(s->weight, weight), dy = get(s->grad_output, output);
    add(s->output[output], x, w);
    add(s->grad_input[input], dy, w);
    add(s->grad_weight[weight], dy, x);
}

static void to_bounds(int type, int64_t size, double (*sum)[2]) {
    double most = 0;
    for (int64_t i = 0; i < size; i++) most = fmax(most, sum[i][1]);
    for (int64_t i = 0; i < size; i++) sum[i][1] = 32 * (type ? 0x1p-52 : 0x1p-23) * most;
}

/* y[n][c][r] = x[n][r][c]. */
static array moved(array x, int64_t N, int64_t rows, int64_t columns) {
    array y = new_array(x.type, x.size);
    for (int64_t i = 0; i < N * rows * columns; i++)
        set(y, (i / (rows * columns) * columns + i % columns) * rows + i / columns % rows, get(x, i));
    return y;
}

/* The forward pass of channels last, where it has a way of its own. */
static void check_last(const fc_operators *op, const char *problem, const fc_conv_geometry *g, array input,
                       array weight, array residual, fc_epilogue epilogue, const double (*want)[2]) {
    int64_t bytes = op->conv_last_scratch(g, THREADS);
    if (bytes < 0) return;
    array x = moved(input, g->N, g->C, volume(g->input)), added = moved(residual, g->N, g->K, volume(g->output));
    array y = new_array(input.type, residual.size);
    if (epilogue.residual) epilogue.residual = added.data;
    void *scratch = new_scratch(bytes);
    op->conv_last(g, x.data, weight.data, &epilogue, y.data, scratch, THREADS);
    array result = moved(y, g->N, volume(g->output), g->K);
    compare(op->isa, "conv_last", problem, result, want);
    free_scratch(scratch, problem);
    release(x, problem), release(added, problem), release(y, problem), release(result, problem);
}

static void check_conv(int type) {
    const fc_operators *op = fc_operators_for(type);
    fc_conv_geometry g = draw_conv();
    char problem[300];
    snprintf(problem, sizeof problem,
             "N %d C %d K %d G %d input %dx%dx%d kernel %dx%dx%d stride %d,%d,%d padding %d,%d,%d dilation %d,%d,%d",
             (int)g.N, (int)g.C, (int)g.K, (int)g.G, (int)g.input[0], (int)g.input[1], (int)g.input[2],
             (int)g.kernel[0], (int)g.kernel[1], (int)g.kernel[2], (int)g.stride[0], (int)g.stride[1], (int)g.stride[2],
             (int)g.padding[0], (int)g.padding[1], (int)g.padding[2], (int)g.dilation[0], (int)g.dilation[1],
             (int)g.dilation[2]);
    int64_t inputs = g.N * g.C * volume(g.input), weights = g.K * (g.C / g.G) * volume(g.kernel);
    int64_t outputs = g.N * g.K * volume(g.output);
    conv_sums sums = {integers(type, inputs),      integers(type, weights),    integers(type, outputs),
                      calloc((size_t)outputs, 16), calloc((size_t)inputs, 16), calloc((size_t)weights, 16)};
    each_product(&g, add_product, &sums);
    to_bounds(type, outputs, sums.output);
    to_bounds(type, inputs, sums.grad_input);
    to_bounds(type, weights, sums.grad_weight);

    array bias = integers(type, g.K), residual = integers(type, outputs);
    fc_epilogue epilogue = {NULL, NULL, FC_NONE}, none = epilogue;
    if (draw(0, 1)) {
        epilogue = (fc_epilogue){bias.data, residual.data, FC_RELU};
        for (int64_t i = 0; i < outputs; i++)
            sums.output[i][0] = fmax(0, sums.output[i][0] + get(bias, i / volume(g.output) % g.K) + get(residual, i));
    }
    array result = new_array(type, outputs);
    void *scratch = new_scratch(op->conv_forward_scratch(&g, THREADS));
    op->conv_forward(&g, sums.input.data, sums.weight.data, NULL, &epilogue, result.data, scratch, THREADS);
    compare(op->isa, "conv_forward", problem, result, (const double (*)[2])sums.output);
    check_last(op, problem, &g, sums.input, sums.weight, residual, epilogue, (const double (*)[2])sums.output);
    free_scratch(scratch, problem);
    release(result, problem);

    result = new_array(type, inputs);
    scratch = new_scratch(op->conv_grad_input_scratch(&g, THREADS));
    op->conv_grad_input(&g, sums.grad_output.data, sums.weight.data, NULL, &none, result.data, scratch, THREADS);
    compare(op->isa, "conv_grad_input", problem, result, (const double (*)[2])sums.grad_input);
    free_scratch(scratch, problem);
    release(result, problem);

    result = new_array(type, weights);
    scratch = new_scratch(op->conv_grad_weight_scratch(&g, THREADS));
    op->conv_grad_weight(&g, sums.grad_output.data, sums.input.data, result.data, scratch, THREADS);
    compare(op->isa, "conv_grad_weight", problem, result, (const double (*)[2])sums.grad_weight);
    free_scratch(scratch, problem);
    release(result, problem);

    release(sums.input, problem), release(sums.weight, problem), release(sums.grad_output, problem);
    release(bias, problem), release(residual, problem);
    free(sums.output), free(sums.grad_input), free(sums.grad_weight);
}

/* Both gradients where a few cells of each plane are all that is not zero, by the shapes that have a way of their own.
 */
static void check_chosen(int type) {
    const fc_operators *op = fc_operators_for(type);
    fc_conv_geometry g = {.N = draw(8, 40), .C = draw(1, 40), .K = draw(1, 6), .G = 1};
    for (int axis = 0; axis < 3; axis++) {
        g.kernel[axis] = axis ? draw(1, 5) : 1;
        g.stride[axis] = axis ? draw(1, 2) : 1;
        g.dilation[axis] = axis == 1 ? draw(1, 2) : 1;
        g.padding[axis] = axis ? draw(0, 2) : 0;
        int64_t span = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
        g.input[axis] = axis ? draw(span, span + 8) : 1;
        g.output[axis] = (g.input[axis] + 2 * g.padding[axis] - span) / g.stride[axis] + 1;
    }
    char problem[300];
    int64_t pixels = volume(g.output), count = 1 + pixels / draw(5, 12), planes = g.N * g.K;
    snprintf(problem, sizeof problem, "N %d C %d K %d input %dx%d kernel %dx%d stride %d,%d padding %d,%d count %d",
             (int)g.N, (int)g.C, (int)g.K, (int)g.input[1], (int)g.input[2], (int)g.kernel[1], (int)g.kernel[2],
             (int)g.stride[1], (int)g.stride[2], (int)g.padding[1], (int)g.padding[2], (int)count);
    int64_t inputs = g.N * g.C * volume(g.input), weights = g.K * g.C * volume(g.kernel);
    array values = integers(type, planes * count);
    conv_sums sums = {integers(type, inputs),          integers(type, weights),
                      integers(type, planes * pixels), calloc((size_t)(planes * pixels), 16),
                      calloc((size_t)inputs, 16),      calloc((size_t)weights, 16)};
    int64_t *positions = malloc((size_t)(planes * count) * sizeof *positions);
    for (int64_t i = 0; i < planes * pixels; i++) set(sums.grad_output, i, 0);
    for (int64_t i = 0; i < planes * count; i++) {
        positions[i] = draw(0, pixels - 1);
        int64_t at = i / count * pixels + positions[i];
        set(sums.grad_output, at, get(sums.grad_output, at) + get(values, i));
    }
    each_product(&g, add_product, &sums);
    to_bounds(type, inputs, sums.grad_input);
    to_bounds(type, weights, sums.grad_weight);
    for (int pass = FC_GRAD_INPUT; pass <= FC_GRAD_WEIGHT; pass++) {
        int64_t bytes = op->conv_grad_chosen_scratch(&g, pass, count, THREADS);
        if (bytes < 0) continue;
        int of_weight = pass == FC_GRAD_WEIGHT;
        array result = new_array(type, of_weight ? weights : inputs);
        const void *other = of_weight ? sums.input.data : sums.weight.data;
        void *scratch = new_scratch(bytes);
        if (!op->conv_grad_chosen(&g, pass, count, values.data, positions, other, result.data, scratch, THREADS))
            fail("%s conv_grad_chosen %s: refused", op->isa, problem);
        compare(op->isa, of_weight ? "conv_grad_chosen of the weight" : "conv_grad_chosen of the input", problem,
                result, (const double (*)[2])(of_weight ? sums.grad_weight : sums.grad_input));
        free_scratch(scratch, problem);
        release(result, problem);
    }
    release(sums.input, problem), release(sums.weight, problem), release(sums.grad_output, problem);
    release(values, problem);
    free(sums.output), free(sums.grad_input), free(sums.grad_weight), free(positions);
}

/* ---- pooling --------------------------------------------------------------------------------------------------- */

static fc_pool_geometry draw_pool(int mean) {
    fc_pool_geometry g = {.planes = draw(1, 5), .count_padding = (int)draw(0, 1)};
    int rank = (int)draw(1, 3);
    for (int axis = 0; axis < 3; axis++) {
        int used = axis >= 3 - rank;
        g.kernel[axis] = used ? draw(1, 6) : 1;
        g.stride[axis] = used ? draw(1, 4) : 1;
        g.dilation[axis] = used && !mean ? draw(1, 3) : 1;
        int64_t span = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
        g.input[axis] = used ? draw(span, span + (rank == 1 ? 80 : 20)) : 1;
        g.padding[axis] = used ? draw(0, span / 2) : 0;
        if (g.input[axis] + 2 * g.padding[axis] - span < g.stride[axis])
            g.stride[axis] = g.kernel[axis], g.input[axis] = span, g.padding[axis] = 0;
        g.output[axis] = (g.input[axis] + 2 * g.padding[axis] - span) / g.stride[axis] + 1;
        g.asked_kernel[axis] = g.kernel[axis];
        g.asked_padding[axis] = g.padding[axis];
    }
    return g;
}

/* One window: its cells inside the input, flat in the plane; returns how many. */
static int64_t window(const fc_pool_geometry *g, int64_t pixel, int64_t *cells) {
    int64_t count = 0, taps = volume(g->kernel);
    for (int64_t tap = 0; tap < taps; tap++) {
        int64_t o = pixel, t = tap, at = 0, step = 1;
        int inside = 1;
        for (int axis = 2; axis >= 0; axis--) {
            int64_t x =
                o % g->output[axis] * g->stride[axis] - g->padding[axis] + t % g->kernel[axis] * g->dilation[axis];
            inside &= x >= 0 && x < g->input[axis];
            at += x * step;
            step *= g->input[axis];
            o /= g->output[axis];
            t /= g->kernel[axis];
        }
        if (inside) cells[count++] = at;
    }
    return count;
}

static void check_pool(int type) {
    const fc_operators *op = fc_operators_for(type);
    int kind = (int)draw(FC_POOL_MAX, FC_POOL_MEAN);
    fc_pool_geometry g = draw_pool(kind == FC_POOL_MEAN);
    char problem[300];
    snprintf(problem, sizeof problem,
             "kind %d planes %d input %dx%dx%d kernel %dx%dx%d stride %d,%d,%d padding %d,%d,%d dilation %d,%d,%d",
             kind, (int)g.planes, (int)g.input[0], (int)g.input[1], (int)g.input[2], (int)g.kernel[0], (int)g.kernel[1],
             (int)g.kernel[2], (int)g.stride[0], (int)g.stride[1], (int)g.stride[2], (int)g.padding[0],
             (int)g.padding[1], (int)g.padding[2], (int)g.dilation[0], (int)g.dilation[1], (int)g.dilation[2]);
    int64_t cells = volume(g.input), pixels = volume(g.output), outputs = g.planes * pixels;
    array input = integers(type, g.planes * cells), grad_output = integers(type, outputs);
    double (*want)[2] = calloc((size_t)outputs, 16), (*grad)[2] = calloc((size_t)(g.planes * cells), 16);
    int64_t *at = malloc((size_t)volume(g.kernel) * sizeof *at), *positions = malloc((size_t)outputs * sizeof *at);
    double eps = type ? 0x1p-52 : 0x1p-23;
    for (int64_t i = 0; i < outputs; i++) {
        int64_t plane = i / pixels * cells, count = window(&g, i % pixels, at), best = at[0];
        double sum = 0, divisor = (double)(g.count_padding ? volume(g.kernel) : count);
        for (int64_t j = 0; j < count; j++) {
            double x = get(input, plane + at[j]), top = get(input, plane + best);
            if (kind == FC_POOL_MAX ? x > top : x < top) best = at[j];
            sum += x;
            if (kind == FC_POOL_MEAN) grad[plane + at[j]][0] += get(grad_output, i) / divisor;
        }
        if (kind != FC_POOL_MEAN) grad[plane + best][0] += get(grad_output, i);
        want[i][0] = kind == FC_POOL_MEAN ? sum / divisor : get(input, plane + best);
        want[i][1] = kind == FC_POOL_MEAN ? 64 * eps : 0;
        positions[i] = best;
    }
    for (int64_t i = 0; i < g.planes * cells; i++) grad[i][1] = kind == FC_POOL_MEAN ? 4096 * eps : 0;

    for (int indexed = 0; indexed <= (kind == FC_POOL_MAX); indexed++) {
        array result = new_array(type, outputs);
        int64_t *indices = malloc((size_t)outputs * sizeof *indices);
        void *scratch = new_scratch(op->pool_forward_scratch(&g, indexed, THREADS));
        op->pool_forward(&g, kind, input.data, result.data, indexed ? indices : NULL, scratch, THREADS);
        compare(op->isa, "pool_forward", problem, result, (const double (*)[2])want);
        if (indexed && memcmp(indices, positions, (size_t)outputs * sizeof *indices))
            fail("%s pool_forward %s: other indices", op->isa, problem);
        free_scratch(scratch, problem), free(indices);
        release(result, problem);
    }

    array result = new_array(type, g.planes * cells);
    if (kind == FC_POOL_MEAN) {
        void *scratch = new_scratch(op->pool_grad_mean_scratch(&g, THREADS));
        op->pool_grad_mean(&g, grad_output.data, result.data, scratch, THREADS);
        free_scratch(scratch, problem);
    } else if (!op->pool_scatter(g.planes, cells, pixels, 1, grad_output.data, positions, result.data, THREADS)) {
        fail("%s pool_scatter %s: took an index for one outside", op->isa, problem);
    }
    compare(op->isa, "gradient of pooling", problem, result, (const double (*)[2])grad);
    release(result, problem), release(input, problem), release(grad_output, problem);
    free(want), free(grad), free(at), free(positions);
}

/* ---- cells of three axes --------------------------------------------------------------------------------------- */

/* Columns run up and down, repeat and stop; some indices name no cell. */
static void check_pick(int type) {
    int64_t outer = draw(1, 9), extent[3], result[3], index[200], *at = index;
    for (int axis = 0; axis < 3; axis++) {
        extent[axis] = draw(1, axis == 2 ? 40 : 6);
        result[axis] = draw(1, axis == 2 ? 120 : 8);
        for (int64_t i = 0, cell = 0, step = 1; i < result[axis]; i++, cell += step) {
            if (draw(0, 9) == 0) step = draw(-1, 1);
            if (draw(0, 9) == 0) cell = draw(0, extent[axis] - 1);
            *at++ = cell >= 0 && cell < extent[axis] && draw(0, 19) ? cell : -1;
        }
    }
    char problem[80];
    snprintf(problem, sizeof problem, "pick outer %lld columns %lld of %lld", (long long)outer, (long long)result[2],
             (long long)extent[2]);
    array x = integers(type, outer * extent[0] * extent[1] * extent[2]);
    array y = new_array(type, outer * result[0] * result[1] * result[2]);
    double (*want)[2] = calloc((size_t)y.size, sizeof *want);
    const int64_t *rows = index + result[0], *columns = rows + result[1];
    for (int64_t i = 0; i < y.size; i++) {
        int64_t column = columns[i % result[2]], row = rows[i / result[2] % result[1]];
        int64_t line = i / result[2] / result[1], slice = index[line % result[0]];
        int64_t from = ((line / result[0] * extent[0] + slice) * extent[1] + row) * extent[2] + column;
        want[i][0] = slice < 0 || row < 0 || column < 0 ? 7 : get(x, from);
    }
    const fc_operators *op = fc_operators_for(type);
    op->pick(outer, extent, result, index, 7, x.data, y.data, THREADS);
    compare(op->isa, "pick", problem, y, (const double (*)[2])want);
    free(want);
    release(x, problem), release(y, problem);
}

/* ---- sparse matrices along an axis ----------------------------------------------------------------------------- */

/* Rows of up to four entries, anywhere or close together. */
static void check_resample(int type) {
    int64_t outer = draw(1, 40), cells = draw(1, draw(0, 3) ? 40 : 700), rows = draw(1, 300);
    int64_t inner = draw(0, 1) ? 1 : draw(1, 150), entries = 0, bounds[301] = {0}, columns[1200];
    for (int64_t row = 0, close = draw(0, 1); row < rows; row++) {
        for (int64_t e = draw(0, 4); e > 0; e--)
            columns[entries++] = close ? (row * cells / rows + e) % cells : draw(0, cells - 1);
        bounds[row + 1] = entries;
    }
    char problem[80];
    snprintf(problem, sizeof problem, "outer %lld cells %lld rows %lld inner %lld", (long long)outer, (long long)cells,
             (long long)rows, (long long)inner);
    array x = integers(type, outer * cells * inner), weights = integers(type, entries);
    array y = new_array(type, outer * rows * inner), grad_x = new_array(type, cells * inner);
    array grad_weights = new_array(type, entries);
    int64_t most = y.size > grad_x.size ? y.size : grad_x.size;
    double (*want)[2] = calloc((size_t)(most > entries ? most : entries), sizeof *want);
    const fc_operators *op = fc_operators_for(type);

    for (int64_t o = 0; o < outer; o++)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t e = bounds[row]; e < bounds[row + 1]; e++)
                for (int64_t i = 0; i < inner; i++)
                    want[(o * rows + row) * inner + i][0] +=
                        get(weights, e) * get(x, (o * cells + columns[e]) * inner + i);
    op->resample(outer, cells, rows, inner, bounds, columns, weights.data, x.data, y.data, THREADS);
    compare(op->isa, "resample", problem, y, (const double (*)[2])want);

    /* y stands for the gradient of the first of outer. */
    memset(want, 0, (size_t)most * sizeof *want);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t e = bounds[row]; e < bounds[row + 1]; e++)
            for (int64_t i = 0; i < inner; i++)
                want[columns[e] * inner + i][0] += get(weights, e) * get(y, row * inner + i);
    op->resample_grad(cells, rows, inner, bounds, columns, weights.data, x.data, y.data, grad_x.data, grad_weights.data,
                      THREADS);
    compare(op->isa, "resample_grad x", problem, grad_x, (const double (*)[2])want);
    memset(want, 0, (size_t)(most > entries ? most : entries) * sizeof *want);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t e = bounds[row]; e < bounds[row + 1]; e++)
            for (int64_t i = 0; i < inner; i++) want[e][0] += get(y, row * inner + i) * get(x, columns[e] * inner + i);
    compare(op->isa, "resample_grad weights", problem, grad_weights, (const double (*)[2])want);

    free(want);
    release(x, "x");
    release(weights, "weights");
    release(y, "y");
    release(grad_x, "grad_x");
    release(grad_weights, "grad_weights");
}

/* ---- correlation along both axes ------------------------------------------------------------------------------- */

/* Cells under the taps of an axis: those of a window that slides, random ones or -1 where it leaves the source. */
static void draw_cells(int64_t *cells, int64_t count, int64_t start, int64_t extent) {
    for (int64_t e = 0; e < count; e++) {
        int64_t cell = start + e;
        cells[e] = cell >= 0 && cell < extent ? cell : draw(0, 2) ? draw(0, extent - 1) : -1;
    }
}

/* The same correlation as dense, whose results are want, by transforms of N rows. */
static void check_spectral(const fc_correlation *f, array x, array kernel, double (*want)[2], const char *problem) {
    const fc_operators *op = fc_operators_for(x.type);
    int64_t N = 4, R = f->taps[0], S = f->taps[1];
    while (N < R || draw(0, 1)) N *= 2;
    array roots = new_array(x.type, 2 * N), spectrum = new_array(x.type, 2 * N * S);
    array y = new_array(x.type, f->outer * f->result[0] * f->result[1]);
    for (int64_t i = 0, reversed = 0; i < N; i++) {
        double angle = 2 * PI / (double)N;
        set(roots, 2 * i, cos(angle * (double)i)), set(roots, 2 * i + 1, -sin(angle * (double)i));
        for (int64_t s = 0; s < S; s++) {
            double sum[2] = {0};
            for (int64_t r = 0; r < R; r++) {
                sum[0] += get(kernel, r * S + s) * cos(angle * (double)(reversed * r));
                sum[1] += get(kernel, r * S + s) * sin(angle * (double)(reversed * r));
            }
            for (int part = 0; part < 2; part++) set(spectrum, (2 * i + part) * S + s, sum[part] / (double)N);
        }
        int64_t bit = N / 2; /* the next number, its bits reversed */
        for (; bit & reversed; bit /= 2) reversed -= bit;
        reversed += bit;
    }
    for (int64_t i = 0; i < y.size; i++) want[i][1] = (double)(R * S) * (x.type ? 1e-12 : 1e-3);
    void *scratch = new_scratch(op->spectral_scratch(f, N, THREADS));
    if (!op->spectral(f, N, x.data, spectrum.data, roots.data, y.data, scratch, THREADS))
        fail("%s spectral %s: finite sums are said not to be", op->isa, problem);
    compare(op->isa, "spectral", problem, y, (const double (*)[2])want);
    set(x, draw(0, x.size - 1), NAN);
    int spoilt = 0, finite = op->spectral(f, N, x.data, spectrum.data, roots.data, y.data, scratch, THREADS);
    for (int64_t i = 0; i < y.size; i++) spoilt |= !isfinite(get(y, i));
    if (finite == spoilt) fail("%s spectral %s: whether sums are finite is not seen", op->isa, problem);
    free_scratch(scratch, problem);
    release(roots, problem), release(spectrum, problem), release(y, problem);
}

static void check_separable(int type) {
    enum { MOST = 700 };
    int64_t cells[2][2 * MOST];
    fc_correlation f = {.outer = draw(1, 3), .divisor = {draw(0, 1) ? 1 : 4, draw(0, 1) ? 1 : 2}};
    int weighted[2] = {(int)draw(0, 3), (int)draw(0, 3)};
    if (!weighted[0]) weighted[1] = 1;
    for (int axis = 0; axis < 2; axis++) {
        int64_t most = axis && !draw(0, 3) ? MOST : 40;
        f.source[axis] = f.result[axis] = draw(1, most);
        f.taps[axis] = weighted[axis] ? draw(1, 12) : 1;
        f.constant[axis] = (double)draw(-3, 3);
        if (!weighted[axis]) {
            f.divisor[axis] = 1;
            continue;
        }
        if (!draw(0, 2)) f.result[axis] = draw(1, most);
        f.start = draw(-f.taps[axis], f.taps[axis]);
        f.at[axis] = cells[axis];
        draw_cells(cells[axis], f.result[axis] + f.taps[axis] - 1, f.start, f.source[axis]);
    }
    if (!weighted[1]) f.start = 0;
    int64_t H = f.source[0], W = f.source[1], P = f.result[0], Q = f.result[1];
    char problem[120];
    snprintf(problem, sizeof problem, "outer %lld %lldx%lld to %lldx%lld taps %lld %lld start %lld", (long long)f.outer,
             (long long)H, (long long)W, (long long)P, (long long)Q, (long long)f.taps[0], (long long)f.taps[1],
             (long long)f.start);
    array x = integers(type, f.outer * H * W), down = integers(type, f.taps[0]), along = integers(type, f.taps[1]);
    array y = new_array(type, f.outer * P * Q);
    double (*want)[2] = calloc((size_t)y.size, sizeof *want), *line = malloc((size_t)W * sizeof *line);
    const fc_operators *op = fc_operators_for(type);
    for (int64_t row = 0; row < f.outer * P; row++) {
        int64_t p = row % P, plane = row / P;
        for (int64_t w = 0; w < W; w++) {
            line[w] = 0;
            for (int64_t r = 0; r < f.taps[0]; r++) {
                int64_t at = f.at[0] ? cells[0][p + r] : p;
                line[w] += (f.at[0] ? get(down, r) : 1) * (at < 0 ? f.constant[0] : get(x, (plane * H + at) * W + w));
            }
            line[w] /= f.divisor[0];
        }
        for (int64_t q = 0; q < Q; q++)
            for (int64_t s = 0; s < f.taps[1]; s++) {
                int64_t at = f.at[1] ? cells[1][q + s] : q;
                want[row * Q + q][0] +=
                    (f.at[1] ? get(along, s) : 1) * (at < 0 ? f.constant[1] : line[at]) / f.divisor[1];
            }
    }
    void *scratch = new_scratch(op->separable_scratch(&f, THREADS));
    const void *weights[2] = {f.at[0] ? down.data : NULL, f.at[1] ? along.data : NULL};
    if (!op->separable(&f, x.data, weights[0], weights[1], y.data, scratch, THREADS))
        fail("%s separable %s: finite sums are said not to be", op->isa, problem);
    compare(op->isa, "separable", problem, y, (const double (*)[2])want);
    if (f.at[0] && f.at[1]) {
        array kernel = integers(type, f.taps[0] * f.taps[1]);
        for (int64_t i = 0; i < y.size; i++) {
            int64_t q = i % Q, p = i / Q % P, plane = i / Q / P;
            want[i][0] = 0;
            for (int64_t r = 0; r < f.taps[0]; r++)
                for (int64_t s = 0; s < f.taps[1]; s++) {
                    int64_t row = cells[0][p + r], column = cells[1][q + s];
                    double cell = row < 0 ? f.constant[0] : f.constant[1];
                    if (row >= 0 && column >= 0) cell = get(x, (plane * H + row) * W + column);
                    want[i][0] += get(kernel, r * f.taps[1] + s) * cell;
                }
        }
        free_scratch(scratch, problem);
        scratch = new_scratch(op->dense_scratch(&f, THREADS));
        if (!op->dense(&f, x.data, kernel.data, y.data, scratch, THREADS))
            fail("%s dense %s: finite sums are said not to be", op->isa, problem);
        compare(op->isa, "dense", problem, y, (const double (*)[2])want);
        check_spectral(&f, x, kernel, want, problem);
        release(kernel, problem);
    }
    if (!op->all_finite(y.size, y.data, THREADS)) fail("%s all_finite of finite numbers", op->isa);
    set(y, draw(0, y.size - 1), draw(0, 1) ? INFINITY : NAN);
    if (op->all_finite(y.size, y.data, THREADS)) fail("%s all_finite misses one", op->isa);
    free_scratch(scratch, problem), free(want), free(line);
    release(x, problem), release(down, problem), release(along, problem), release(y, problem);
}

/* Deep rows now and then, which are cut. */
static void check_affine(int type) {
    int64_t rows = draw(1, 9), columns = draw(1, 9), depth = draw(0, 9) ? draw(0, 99) : draw(0, 3000);
    char problem[80];
    snprintf(problem, sizeof problem, "%lld rows, %lld columns, depth %lld", (long long)rows, (long long)columns,
             (long long)depth);
    array x = integers(type, rows * depth), w = integers(type, columns * depth), bias = integers(type, columns);
    array y = new_array(type, rows * columns);
    int biased = (int)draw(0, 1);
    double (*want)[2] = calloc((size_t)y.size, sizeof *want);
    for (int64_t i = 0; i < y.size; i++) {
        const int64_t row = i / columns, column = i % columns;
        if (biased) want[i][0] = get(bias, column);
        for (int64_t l = 0; l < depth; l++) want[i][0] += get(x, row * depth + l) * get(w, column * depth + l);
    }
    const fc_operators *op = fc_operators_for(type);
    op->affine(rows, columns, depth, x.data, w.data, biased ? bias.data : NULL, y.data, THREADS);
    compare(op->isa, "affine", problem, y, (const double (*)[2])want);
    free(want);
    release(x, problem), release(w, problem), release(bias, problem), release(y, problem);
}

int main(int count, char **arguments) {
    int problems = count > 1 ? atoi(arguments[1]) : 300;
    for (int level = 0; fc_isa_level(level); level++) {
        fc_use_isa(fc_isa_level(level));
        state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
        for (int i = 0; i < problems; i++) {
            check_conv(i % 2);
            check_chosen(i % 2);
            check_pool(i % 2);
            check_pick(i % 2);
            check_resample(i % 2);
            check_separable(i % 2);
            check_affine(i % 2);
        }
        printf("%s: %d problems, %d failures so far\n", fc_isa_level(level), 7 * problems, failures);
    }
    return failures > 0;
}
