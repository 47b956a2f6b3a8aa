/* conv_grad_input.inc.c: grad_input[n, c, i] = sum of weight[k, c, r] * grad_output[n, k, o] over all
 * (r, o) with o * stride - padding + r * dilation = i. Transposed convolution is this with a bias.
 *
 * Input positions of one phase, i = phase (mod stride), see a fixed set of taps, and for them the sum is a
 * product of unit stride over grad_output: one product a phase, written with the stride, or one for two or four phases
 * of a stride of 2 (take_phases). */

/* The taps that reach phase `phase` on one axis (listed unless tap is NULL), with the range of the shift o = i' + shift
 * where i = phase + i' * stride. */
static int64_t phase_taps(const fc_conv_geometry *g, int axis, int64_t phase, int64_t *tap, int64_t *shift,
                          int64_t *low, int64_t *high) {
    int64_t found = 0;
    *low = INT64_MAX;
    *high = INT64_MIN;
    for (int64_t r = 0; r < g->kernel[axis]; r++) {
        int64_t distance = phase + g->padding[axis] - r * g->dilation[axis];
        if (distance - floor_div(distance, g->stride[axis]) * g->stride[axis] != 0) continue;
        int64_t o = floor_div(distance, g->stride[axis]);
        *low = min_i64(*low, o);
        *high = max_i64(*high, o);
        if (tap) {
            tap[found] = r;
            shift[found] = o;
        }
        found++;
    }
    return found;
}

static product phase_product(const fc_conv_geometry *g, const int64_t phase[3]) {
    product p = {.groups = g->G,
                 .images = g->N,
                 .channels = g->K / g->G,
                 .rows = g->C / g->G,
                 .taps = 1,
                 .exact = g->exact,
                 .by_batch = 1};
    for (int axis = 0; axis < 3; axis++) {
        p.extent[axis] = g->output[axis];
        p.stride[axis] = 1;
        p.pixels[axis] = g->input[axis] > phase[axis] ? ceil_div(g->input[axis] - phase[axis], g->stride[axis]) : 0;
        p.dest_extent[axis] = g->input[axis];
        p.dest_stride[axis] = g->stride[axis];
        p.dest_start[axis] = phase[axis];
        p.count[axis] = phase_taps(g, axis, phase[axis], NULL, NULL, &p.low[axis], &p.high[axis]);
        p.taps *= p.count[axis];
    }
    return pointwise(g) ? one_row(p) : p;
}

static int64_t weight_bytes(const fc_conv_geometry *g) {
    return line_bytes(g->K * (g->C / g->G) * volume(g->kernel) * (int64_t)sizeof(T));
}

static int64_t matrices_bytes(const fc_conv_geometry *g) {
    return line_bytes(volume(g->kernel) * (int64_t)sizeof(phase_matrix));
}

static int64_t axis_bytes(const fc_conv_geometry *g) {
    return line_bytes((g->kernel[0] + g->kernel[1] + g->kernel[2]) * 2 * (int64_t)sizeof(int64_t));
}

/* Two phases that alternate along a row are computed together, so that rows are written whole, unless other methods
 * gain more. */
static int pairs_columns(const product *even, const product *odd) {
    int small_groups = even->groups > 1 && even->channels <= 64, fits = even->pixels[2] >= LANES && fits_strip(even);
    if (is_narrow(even->rows, even->channels)) return slides(even) || fits;
    if (small_groups && (even->rows <= 16 || even->pixels[2] < LANES)) return fits;
    product p = *even, seen;
    p.pair = odd;
    if (join_twins(&p, &seen)) return 1;
    return (even->taps == 0 || choose_way(even) != WINOGRAD) && (odd->taps == 0 || choose_way(odd) != WINOGRAD);
}

/* Only phases inside the input exist. */
static int has_phase(const fc_conv_geometry *g, const int64_t phase[3]) {
    int inside = 1;
    for (int axis = 0; axis < 3; axis++) inside &= phase[axis] < min_i64(g->stride[axis], g->input[axis]);
    return inside;
}

enum { TOGETHER = 4 }; /* most phases of one product */

static int64_t all_taps(const product *p, int count) {
    int64_t taps = 0;
    for (int i = 0; i < count; i++) taps += p[i].taps;
    return taps;
}

/* Phases that are computed together: this one, perhaps the one beside it, and perhaps the two below these. Returns
 * their number: 0 behind the last phase. */
static int take_phases(const fc_conv_geometry *g, const int64_t phase[3], product p[TOGETHER]) {
    if (!has_phase(g, phase)) return 0;
    p[0] = phase_product(g, phase);
    if (phase[2] > 0 || g->stride[2] != 2 || g->input[2] == 1) return 1;
    p[1] = phase_product(g, (const int64_t[3]){phase[0], phase[1], 1});
    if (phase[1] == 0 && g->stride[1] == 2 && g->input[1] > 1) {
        for (int64_t i = 0; i < 2; i++) p[2 + i] = phase_product(g, (const int64_t[3]){phase[0], 1, i});
        p[0].pair = p + 1;
        p[0].below = p + 2;
        p[2].pair = p + 3;
        enum way way = choose_way(p);
        if (way == WINOGRAD || way == DEPTH) return TOGETHER;
        p[0].pair = p[0].below = NULL;
        if (way == GATHER_PAIR && all_taps(p + 2, 2) == 0 && pairs_columns(p, p + 1)) {
            p[0].pair = p + 1;
            p[0].below = p + 2;
            return TOGETHER;
        }
    }
    if (!pairs_columns(p, p + 1)) return 1;
    p[0].pair = p + 1;
    return 2;
}

/* Moves on to the phase behind these. */
static void pass_phases(const fc_conv_geometry *g, int64_t phase[3], int count) {
    phase[2] += count == 1 ? 1 : 2;
    phase[1] += count == TOGETHER;
    for (int axis = 2; axis > 0; axis--)
        if (phase[axis] >= min_i64(g->stride[axis], g->input[axis])) {
            phase[axis] = 0;
            phase[axis - 1]++;
        }
}

static int64_t phases_scratch(const fc_conv_geometry *g, int threads) {
    int64_t phase[3] = {0}, most = 0;
    product p[TOGETHER];
    for (int count; (count = take_phases(g, phase, p)) > 0; pass_phases(g, phase, count))
        if (all_taps(p, count) > 0) most = max_i64(most, product_scratch(p, threads));
    return most;
}

enum { LEAST_JOINT_ROWS = VECTOR_BYTES < 64 ? 32 : LANES }; /* that repay the packing of few channels' phases */

/* The way in which all phases are computed at once, or FILL: they are computed one after another, or some together. */
static enum way way_of_phases(const fc_conv_geometry *g) {
    product p[TOGETHER];
    if (takes_few_pixels(g)) return FEW_PIXELS;
    int few_channels = takes_col2im(g), many_rows = g->C * volume(g->stride) >= LEAST_JOINT_ROWS;
    if (takes_joint_phases(g) && (many_rows || !few_channels) && take_phases(g, (const int64_t[3]){0}, p) < TOGETHER)
        return GATHER_JOINT;
    return few_channels ? COL2IM : FILL;
}

static int64_t conv_grad_input_scratch(const fc_conv_geometry *g, int threads) {
    int64_t lists = taps_bytes(g) * 2 + axis_bytes(g) + matrices_bytes(g) + weight_bytes(g);
    switch (way_of_phases(g)) {
    case FEW_PIXELS: return few_pixels_scratch(g, threads);
    case GATHER_JOINT: return lists + joint_scratch(g, threads);
    case COL2IM: return lists + col2im_scratch(g, threads);
    default: return lists + phases_scratch(g, threads);
    }
}

/* A phase that no tap reaches is act(bias + residual) alone. */
typedef struct {
    const product *p;
} fill_job;

static void fill_phase(const void *context, int64_t task, int thread) {
    (void)thread;
    const product *p = ((const fill_job *)context)->p;
    int64_t channels = p->groups * p->rows, plane = volume(p->dest_extent), channel = task % channels;
    const T *bias = p->epilogue.bias, *residual = p->epilogue.residual;
    int64_t W = p->dest_extent[2], activation = p->epilogue.activation;
    T plain = activate(bias ? bias[channel] : 0, activation);
    for (int64_t z = p->dest_start[0]; z < p->dest_extent[0]; z += p->dest_stride[0])
        for (int64_t y = p->dest_start[1]; y < p->dest_extent[1]; y += p->dest_stride[1]) {
            int64_t row = task * plane + (z * p->dest_extent[1] + y) * W;
            if (p->dest_stride[2] == 1 && !residual) {
                fill_run(p->dest + row + p->dest_start[2], plain, W - p->dest_start[2]);
                continue;
            }
            for (int64_t x = p->dest_start[2]; x < W; x += p->dest_stride[2])
                p->dest[row + x] =
                    residual ? activate((bias ? bias[channel] : 0) + residual[row + x], activation) : plain;
        }
}

/* Where the taps of a phase and its matrix are listed; what is used up is moved past. */
typedef struct {
    int64_t (*offset)[3];
    int64_t *flat, *tap[3], *shift[3];
    T *matrix;
} phase_lists;

/* Lists the taps of a phase's product. */
static void list_phase(const fc_conv_geometry *g, const int64_t phase[3], phase_lists *lists, product *p) {
    int64_t count[3], t = 0;
    for (int axis = 0; axis < 3; axis++)
        count[axis] =
            phase_taps(g, axis, phase[axis], lists->tap[axis], lists->shift[axis], &p->low[axis], &p->high[axis]);
    for (int64_t a = 0; a < count[0]; a++)
        for (int64_t b = 0; b < count[1]; b++)
            for (int64_t c = 0; c < count[2]; c++, t++) {
                lists->flat[t] = (lists->tap[0][a] * g->kernel[1] + lists->tap[1][b]) * g->kernel[2] + lists->tap[2][c];
                lists->offset[t][0] = lists->shift[0][a];
                lists->offset[t][1] = lists->shift[1][b];
                lists->offset[t][2] = lists->shift[2][c];
            }
    p->offset = (const int64_t (*)[3])lists->offset;
    p->matrix = lists->matrix;
    lists->offset += p->taps;
    lists->flat += p->taps;
    lists->matrix += g->K * (g->C / g->G) * p->taps;
}

/* The same for phases that are computed together, as take_phases. */
static int list_phases(const fc_conv_geometry *g, const int64_t phase[3], phase_lists *lists, product p[TOGETHER]) {
    int count = take_phases(g, phase, p);
    for (int i = 0; i < count; i++)
        list_phase(g, (const int64_t[3]){phase[0], phase[1] + i / 2, phase[2] + i % 2}, lists, p + i);
    return count;
}

/* Lists in scratch, which is moved past them; phases have their matrices one after another from `matrix` on, in scratch
 * if that is NULL. */
static phase_lists make_lists(const fc_conv_geometry *g, void *matrix, char **scratch) {
    phase_lists lists = {.offset = take(scratch, taps_bytes(g)), .flat = take(scratch, taps_bytes(g))};
    int64_t *axis_tap = take(scratch, axis_bytes(g));
    void *own = take(scratch, weight_bytes(g));
    lists.matrix = matrix ? matrix : own;
    for (int axis = 0; axis < 3; axis++) {
        lists.tap[axis] = axis_tap;
        lists.shift[axis] = axis_tap + g->kernel[axis];
        axis_tap += 2 * g->kernel[axis];
    }
    return lists;
}

static void write_phases(const fc_conv_geometry *g, const void *weight, phase_lists lists, phase_matrix *matrices,
                         int threads) {
    transpose_job transpose = {g, weight, matrices, 0};
    int64_t phase[3] = {0};
    for (phase_lists here = lists; has_phase(g, phase); pass_phases(g, phase, 1), here = lists) {
        product p = phase_product(g, phase);
        list_phase(g, phase, &lists, &p);
        if (p.taps > 0)
            matrices[transpose.count++] = (phase_matrix){p.taps, here.flat, here.matrix, p.channels * p.taps};
    }
    run_transpose(&transpose, threads);
}

/* matrix[tap, c][k] = weight[k, c, tap]: as if each tap were a phase. */
static void write_tap_rows(const fc_conv_geometry *g, const void *weight, phase_lists lists, phase_matrix *matrices,
                           int threads) {
    transpose_job transpose = {g, weight, matrices, volume(g->kernel)};
    for (int64_t t = 0; t < transpose.count; t++) {
        lists.flat[t] = t;
        matrices[t] = (phase_matrix){1, lists.flat + t, lists.matrix + t * g->C * g->K, g->K};
    }
    run_transpose(&transpose, threads);
}

/* The matrices that a way needs. */
static void write_matrices(const fc_conv_geometry *g, enum way way, const void *weight, phase_lists lists,
                           phase_matrix *matrices, int threads) {
    if (way == GATHER_JOINT) write_joint_rows(g, weight, lists.matrix, lists.flat, matrices, threads);
    else if (way == COL2IM) write_tap_rows(g, weight, lists, matrices, threads);
    else write_phases(g, weight, lists, matrices, threads);
}

/* The matrices of all phases, then what their ways make of them. */
static int64_t grad_input_packed_bytes(const fc_conv_geometry *g) {
    int64_t phase[3] = {0}, bytes = weight_bytes(g);
    product p[TOGETHER];
    enum way way = way_of_phases(g);
    if (way != FILL) return way == FEW_PIXELS ? 0 : bytes;
    for (int count; (count = take_phases(g, phase, p)) > 0; pass_phases(g, phase, count)) bytes += packed_bytes(p);
    return bytes;
}

static void grad_input_pack(const fc_conv_geometry *g, const void *weight, void *packed, void *scratch, int threads) {
    char *rest = scratch, *made = (char *)packed + weight_bytes(g);
    int64_t phase[3] = {0};
    phase_lists lists = make_lists(g, packed, &rest);
    enum way way = way_of_phases(g);
    write_matrices(g, way, weight, lists, take(&rest, matrices_bytes(g)), threads);
    if (way != FILL) return;
    product p[TOGETHER];
    for (int count; (count = list_phases(g, phase, &lists, p)) > 0; pass_phases(g, phase, count)) {
        int64_t bytes = packed_bytes(p);
        if (bytes) pack_matrix(p, made, threads);
        made += bytes;
    }
}

static void conv_grad_input(const fc_conv_geometry *g, const void *grad_output, const void *weight, const void *packed,
                            const fc_epilogue *epilogue, void *grad_input, void *scratch, int threads) {
    enum way way = way_of_phases(g);
    if (way == FEW_PIXELS) {
        run_few_pixels(g, grad_output, weight, epilogue, grad_input, scratch, threads);
        return;
    }
    char *rest = scratch;
    const char *made = packed ? (const char *)packed + weight_bytes(g) : NULL;
    int64_t phase[3] = {0};
    phase_lists lists = make_lists(g, (void *)packed, &rest);
    phase_matrix *matrices = take(&rest, matrices_bytes(g));
    if (!packed) write_matrices(g, way, weight, lists, matrices, threads);
    if (way != FILL) {
        (way == COL2IM ? run_col2im : run_joint_phases)(g, grad_output, lists.matrix, epilogue, grad_input, rest,
                                                        threads);
        return;
    }
    product p[TOGETHER];
    for (int count; (count = list_phases(g, phase, &lists, p)) > 0; pass_phases(g, phase, count)) {
        int64_t bytes = made ? packed_bytes(p) : 0;
        for (int i = 0; i < count; i++) {
            p[i].source = grad_output;
            p[i].dest = grad_input;
            p[i].epilogue = *epilogue;
        }
        if (bytes) p->packed = made;
        if (made) made += bytes;
        if (all_taps(p, count) > 0) {
            run_product(p, rest, threads);
        } else {
            if (count > 1) p->dest_stride[2] = 1;         /* nothing reaches the whole rows, */
            if (count == TOGETHER) p->dest_stride[1] = 1; /* nor those between */
            fill_job fill = {p};
            fc_parallel_for(p->images * g->C, threads, fill_phase, &fill);
        }
    }
}

static int64_t grad_input_choices(const fc_conv_geometry *g, const fc_choice **choices, int64_t most) {
    int64_t phase[3] = {0}, made = 0;
    enum way way = way_of_phases(g);
    if (way != FILL) {
        if (most > 0) choices[0] = &ways[way];
        return 1;
    }
    product p[TOGETHER];
    for (int count; (count = take_phases(g, phase, p)) > 0; pass_phases(g, phase, count), made++)
        if (made < most) choices[made] = &ways[choose_way(p)];
    return made;
}
