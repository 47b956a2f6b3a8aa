/* spectral.inc.c: the same as dense.inc.c for kernels of many rows: sums along rows of spectra of columns.
 *
 * A block has two bands of rows, which are the real and the imaginary parts of its cells. Its columns are transformed;
 * each frequency's line is correlated with that of the kernel, (taps[1],) complex numbers; and back. The first
 * N - taps[0] + 1 rows of both bands are results. Any cell that is not finite spoils a block. */

/* Vectors of a line taken together, and bytes of a block, for the second-level cache. */
enum { SPECTRAL_VECS = 4, SPECTRAL_BYTES = 384 * 1024 };

/* Lines of an odd number of cache lines: those of a column do not meet in a few sets. */
FC_PLAN correlation_job plan_spectral(const fc_correlation *f, int64_t N) {
    int64_t wide = SPECTRAL_VECS * LANES, fit = SPECTRAL_BYTES / (2 * N * T_BYTES) - f->taps[1];
    correlation_job job = cut_columns(f, max_i64(fit / wide, 1) * wide);
    cut_rows(&job, 2 * (N - f->taps[0] + 1));
    job.line = odd_lines(job.line + wide);
    job.thread_bytes = 2 * N * job.line * (int64_t)sizeof(T);
    return job;
}

static int64_t spectral_scratch(const fc_correlation *f, int64_t N, int threads) {
    return plan_spectral(f, N).thread_bytes * threads;
}

/* cell[l] = sum over s < taps of kernel[s] * cell[s + l] for l < SPECTRAL_VECS vectors, complex; in place. */
VEC_INLINE void correlate_line(T *cell, int64_t line, const T *kernel, int64_t taps) {
    complex_vec sum[SPECTRAL_VECS] = {{{0}, {0}}};
    for (int64_t s = 0; s < taps; s++) {
        vec re = splat(kernel[s]), im = splat(kernel[taps + s]);
        FC_UNROLL for (int v = 0; v < SPECTRAL_VECS; v++) {
            complex_vec x = load_complex(cell + s + v * LANES, line);
            FC_KEEP(x.re);
            FC_KEEP(x.im);
            sum[v].re += re * x.re;
            sum[v].im += re * x.im;
            sum[v].re -= im * x.im;
            sum[v].im += im * x.re;
        }
    }
    FC_UNROLL for (int v = 0; v < SPECTRAL_VECS; v++) store_complex(cell + v * LANES, line, sum[v]);
}

typedef struct {
    correlation_job job;
    int64_t N;
    const T *roots;
} spectral_job;

static void spectral_task(const void *context, int64_t task, int thread) {
    const spectral_job *all = context;
    const correlation_job *job = &all->job;
    const fc_correlation *f = job->f;
    correlation_block b = block_at(job, task);
    int64_t N = all->N, S = f->taps[1], Q = f->result[1], line = job->line, band = N - f->taps[0] + 1;
    T *cell = (T *)(void *)(job->scratch + thread * job->thread_bytes);
    int64_t seen = f->result[0] + f->taps[0] - 1;

    for (int64_t part = 0; part < 2; part++)
        for (int64_t i = 0; i < N; i++) {
            int64_t e = b.first + part * band + i, laid = e < seen ? b.cells : 0;
            T *to = cell + (2 * i + part) * line;
            if (laid) lay_line(f, &b, e, to);
            zero_run(to + laid, line - laid);
        }
    for (int64_t l = 0; l < b.cells; l += LANES) to_spectra(cell + l, N, line, all->roots);
    for (int64_t i = 0; i < N; i++) {
        T *at = cell + 2 * i * line;
        const T *kernel = job->weights[0] + 2 * i * S;
        for (int64_t l = 0; l < b.columns; l += SPECTRAL_VECS * LANES) correlate_line(at + l, line, kernel, S);
    }
    for (int64_t l = 0; l < b.columns; l += LANES) from_spectra(cell + l, N, line, all->roots);

    vec lost = {0};
    for (int64_t p = b.first; p < b.last; p++) {
        int64_t i = p - b.first, part = i >= band;
        const T *from = cell + (2 * (i - part * band) + part) * line;
        FOR_LANES(l, some, b.columns) {
            vec sum = load_some(from + l, some);
            store_some(b.y + p * Q + l, sum, some);
            lost += sum * 0;
        }
    }
    note_lost(job, lost);
}

/* Returns whether every result is finite. */
static int spectral(const fc_correlation *f, int64_t N, const void *x, const void *spectrum, const void *roots, void *y,
                    void *scratch, int threads) {
    spectral_job all = {.job = plan_spectral(f, N), .N = N, .roots = roots};
    all.job.weights[0] = spectrum;
    return run_correlation(&all.job, x, y, scratch, spectral_task, threads);
}
