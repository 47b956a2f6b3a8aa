/* pool_gathered.inc.c: small windows of small planes, numbered through all planes: lanes = windows.
 *
 * Cells are gathered tap by tap: rows much shorter than a vector leave no lane idle. */

enum { GATHERED_TAPS = 9 };

/* x[at[i]] in lane i. Gathers of 256 bits are slower than so many loads. */
VEC_INLINE vec load_at(const T *x, const position at[LANES]) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && T_BYTES == 4
    return (vec)_mm512_i32gather_ps((__m512i)load_positions(at), x, T_BYTES);
#elif defined(__AVX512F__) && VECTOR_BYTES == 64
    return (vec)_mm512_i64gather_pd((__m512i)load_positions(at), x, T_BYTES);
#else
    vec v;
    FC_UNROLL for (int lane = 0; lane < LANES; lane++) v[lane] = x[at[lane]];
    return v;
#endif
}

typedef struct {
    const position *from, *at;   /* first cells of a plane's windows and of a vector more: from that plane's first cell
                                    on, and in their own plane */
    int64_t windows, cells;      /* of a plane */
    position tap[GATHERED_TAPS]; /* cells of a window, from its first one on */
    int taps;
} gathered_windows;

/* Windows [first, last); x and out are those of window 0. */
VEC_INLINE void reduce_gathered(const int kind, const int indexed, const gathered_windows *w, const T *x, int64_t first,
                                int64_t last, const pool_result *result) {
    int64_t window = first % w->windows;
    x += first / w->windows * w->cells;
    for (int64_t i = first; i < last; i += LANES, window += LANES) {
        for (; window >= w->windows; window -= w->windows) x += w->cells;
        int64_t n = min_i64(LANES, last - i);
        positions from = load_positions(w->from + window);
        from &= (positions){LANES_COUNTED} < (position)n; /* lanes that are not written see what is there */
        position cell[LANES];
        store_positions(cell, from);
        cells all = {load_at(x, cell), splat_position(0)};
        for (int tap = 1; tap < w->taps; tap++)
            all = then(kind, indexed, all, load_at(x + w->tap[tap], cell), w->tap[tap]);
        if (indexed) all.at += load_positions(w->at + window);
        const pool_result local = next_result(indexed, result, i), *out = &local;
        put_cells(kind, indexed, out, 0, mark_nan(kind, indexed, all), n);
    }
}
