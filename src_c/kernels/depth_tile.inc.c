/* depth_tile.inc.c: neighbouring pixels of a depthwise convolution whose channels come last: lanes = channels.
 *
 *     c[i * c_pixel][l] = init[l] + sum over z, r, s of  w[z, r, s][l] * x[i * x_pixel + (z, r, s) * x_tap][l]
 *
 * i < m pixels, l < channels, at least LANES: a last vector overlaps the one before. Each vector has its weights next
 * to one another, [taps][LANES] in either order; one is loaded once for all pixels. Each element is one chain in the
 * order (z, r, s).
 */

#if TILE_ROWS * TILE_VECS > 12
enum { DEPTH_PIXELS = 14 };
#define DEPTH_TILES_13_14(X) X(13) X(14)
#else
enum { DEPTH_PIXELS = 12 };
#define DEPTH_TILES_13_14(X)
#endif
#define DEPTH_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) DEPTH_TILES_13_14(X)

typedef struct {
    int64_t channels;
    int64_t taps[3], x_tap[3], w_tap[3];
    const T *x;
    int64_t x_pixel;
    const T *w;
    int64_t w_vector; /* from the weights of one vector to the next */
    const T *init;    /* or NULL: 0 */
    T *c;
    int64_t c_pixel;
} depth_arguments;

VEC_INLINE void depth_tile(const int m, const depth_arguments *t) {
    const int64_t channels = t->channels, x_pixel = t->x_pixel, x_tap = t->x_tap[2], w_tap = t->w_tap[2];
    const T *weights = t->w;
    for (int64_t at = 0; at < channels; at += LANES, weights += t->w_vector) {
        int64_t first = min_i64(at, channels - LANES);
        vec acc[DEPTH_PIXELS], init = t->init ? load(t->init + first) : (vec){0};
        FC_UNROLL for (int i = 0; i < m; i++) acc[i] = init;
        for (int64_t z = 0; z < t->taps[0]; z++)
            for (int64_t r = 0; r < t->taps[1]; r++) {
                const T *w = weights + z * t->w_tap[0] + r * t->w_tap[1];
                const T *x = t->x + first + z * t->x_tap[0] + r * t->x_tap[1];
                for (int64_t s = 0; s < t->taps[2]; s++, w += w_tap, x += x_tap) {
                    const T *pixel = x;
                    vec weight = load(w);
                    FC_KEEP(weight);
                    FC_UNROLL for (int i = 0; i < m; i++) {
                        if (i > 0 && i % 4 == 0) pixel += 4 * x_pixel;
                        acc[i] += weight * load(pixel + i % 4 * x_pixel);
                    }
                }
            }
        FC_UNROLL for (int i = 0; i < m; i++) store(t->c + first + i * t->c_pixel, acc[i]);
    }
}

#define DEPTH_TILE(m) \
    static void depth_tile_##m(const depth_arguments *t) { depth_tile(m, t); }
DEPTH_TILES(DEPTH_TILE)
#undef DEPTH_TILE
#define DEPTH_TILE(m) depth_tile_##m,
static void (*const depth_tiles[DEPTH_PIXELS])(const depth_arguments *t) = {DEPTH_TILES(DEPTH_TILE)};
#undef DEPTH_TILE
#undef DEPTH_TILES
#undef DEPTH_TILES_13_14
