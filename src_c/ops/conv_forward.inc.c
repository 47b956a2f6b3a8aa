/* conv_forward.inc.c: output[n, k, o] = act(bias[k] + sum of weight[k, c, r] * input[n, c, o * stride - padding + r *
 * dilation]). */

/* Offsets of the kernel's taps from the window's corner, in the order of the weight. */
static void list_taps(const fc_conv_geometry *g, int64_t (*offset)[3]) {
    for (int64_t t = 0; t < g->kernel[0]; t++)
        for (int64_t r = 0; r < g->kernel[1]; r++)
            for (int64_t s = 0; s < g->kernel[2]; s++, offset++) {
                (*offset)[0] = t * g->dilation[0] - g->padding[0];
                (*offset)[1] = r * g->dilation[1] - g->padding[1];
                (*offset)[2] = s * g->dilation[2] - g->padding[2];
            }
}

/* A 1x1 convolution at every pixel: its pixels may be taken as one long row. */
static int pointwise(const fc_conv_geometry *g) {
    int plain = volume(g->kernel) == 1;
    for (int axis = 0; axis < 3; axis++)
        plain &= g->stride[axis] == 1 && g->padding[axis] == 0 && g->input[axis] == g->output[axis];
    return plain;
}

static product one_row(product p) {
    p.extent[2] = p.pixels[2] = p.dest_extent[2] = volume(p.extent);
    for (int axis = 0; axis < 2; axis++) p.extent[axis] = p.pixels[axis] = p.dest_extent[axis] = 1;
    return p;
}

static product forward_product(const fc_conv_geometry *g) {
    product p = {.groups = g->G,
                 .images = g->N,
                 .channels = g->C / g->G,
                 .rows = g->K / g->G,
                 .taps = volume(g->kernel),
                 .exact = g->exact};
    for (int axis = 0; axis < 3; axis++) {
        p.count[axis] = g->kernel[axis];
        p.extent[axis] = g->input[axis];
        p.stride[axis] = g->stride[axis];
        p.low[axis] = -g->padding[axis];
        p.high[axis] = (g->kernel[axis] - 1) * g->dilation[axis] - g->padding[axis];
        p.pixels[axis] = p.dest_extent[axis] = g->output[axis];
        p.dest_stride[axis] = 1;
    }
    return pointwise(g) ? one_row(p) : p;
}

static int64_t taps_bytes(const fc_conv_geometry *g) {
    return line_bytes(volume(g->kernel) * 3 * (int64_t)sizeof(int64_t));
}

static int64_t conv_forward_scratch(const fc_conv_geometry *g, int threads) {
    product p = forward_product(g);
    return taps_bytes(g) + product_scratch(&p, threads);
}

/* The forward product with its taps listed in scratch, which is moved past them. */
static product list_forward(const fc_conv_geometry *g, const void *weight, char **scratch) {
    int64_t (*offset)[3] = take(scratch, taps_bytes(g));
    list_taps(g, offset);
    product p = forward_product(g);
    p.offset = (const int64_t (*)[3])offset;
    p.matrix = weight;
    return p;
}

static void conv_forward(const fc_conv_geometry *g, const void *input, const void *weight, const void *packed,
                         const fc_epilogue *epilogue, void *output, void *scratch, int threads) {
    char *rest = scratch;
    product p = list_forward(g, weight, &rest);
    p.packed = packed;
    p.source = input;
    p.dest = output;
    p.epilogue = *epilogue;
    run_product(&p, rest, threads);
}
