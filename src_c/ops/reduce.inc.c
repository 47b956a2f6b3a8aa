/* reduce.inc.c: sums over all but the channel axis, whether all is finite, and the probe of this core's peak. */

typedef struct {
    int64_t outer, channels, inner;
    int64_t chunk; /* channels of a task */
    const T *x;
    T *result;
} channel_sum_job;

enum { CHANNEL_SUM_CELLS = 1 << 14 }; /* of a task, at least */

/* The sum of the same few cells, up to four vectors of them, of planes `step` apart. */
static T sum_small_planes(const T *x, int64_t planes, int64_t step, int64_t cells) {
    vec sum[4] = {{0}};
    for (; planes > 0; planes--, x += step)
        FC_UNROLL for (int v = 0; v < 4; v++) if (v * LANES < cells) sum[v] +=
            load_part(x + v * LANES, min_i64(LANES, cells - v * LANES));
    return sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* Vector partial sums of one plane at a time, added in the order of the planes. */
static void channel_sum_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const channel_sum_job *job = context;
    int64_t end = min_i64((task + 1) * job->chunk, job->channels);
    for (int64_t channel = task * job->chunk; channel < end; channel++) {
        T total = 0;
        if (job->inner <= 4 * LANES) {
            job->result[channel] =
                sum_small_planes(job->x + channel * job->inner, job->outer, job->channels * job->inner, job->inner);
            continue;
        }
        for (int64_t o = 0; o < job->outer; o++) {
            const T *x = job->x + (o * job->channels + channel) * job->inner;
            vec sum[4] = {{0}};
            int64_t i = 0;
            for (; i + 4 * LANES <= job->inner; i += 4 * LANES)
                FC_UNROLL for (int v = 0; v < 4; v++) sum[v] += load(x + i + v * LANES);
            for (; i < job->inner; i += LANES) sum[0] += load_part(x + i, min_i64(LANES, job->inner - i));
            total += sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
        }
        job->result[channel] = total;
    }
}

static void channel_sum(int64_t outer, int64_t channels, int64_t inner, const void *x, void *result, int threads) {
    channel_sum_job job = {outer, channels, inner, .x = x, .result = result};
    job.chunk = clamp_i64(CHANNEL_SUM_CELLS / max_i64(1, outer * inner), 1, channels);
    fc_parallel_for(ceil_div(channels, job.chunk), outer * channels * inner < 65536 ? 1 : threads, channel_sum_task,
                    &job);
}

typedef struct {
    int64_t n;
    const T *x;
    int *found;
} finite_job;

enum { FINITE_BLOCK = 1 << 16 };

static void all_finite_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const finite_job *job = context;
    const T *x = job->x + task * FINITE_BLOCK;
    vec lost[4] = {{0}}; /* NaN from the first cell on that is not finite */
    int64_t n = min_i64(FINITE_BLOCK, job->n - task * FINITE_BLOCK), i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        FC_UNROLL for (int v = 0; v < 4; v++) lost[v] += load(x + i + v * LANES) * 0;
    for (; i < n; i += LANES) lost[0] += load_part(x + i, min_i64(LANES, n - i)) * 0;
    if (sum_of_lanes((lost[0] + lost[1]) + (lost[2] + lost[3])) != 0) __atomic_store_n(job->found, 1, __ATOMIC_RELAXED);
}

static int all_finite(int64_t n, const void *x, int threads) {
    int found = 0;
    finite_job job = {n, x, &found};
    fc_parallel_for(ceil_div(n, FINITE_BLOCK), threads, all_finite_task, &job);
    return !found;
}

/* Independent chains of fused multiply-adds in registers: the arithmetic ceiling of one core. */
static double fma_probe(int64_t rounds) {
    enum { CHAINS = 12 };
    vec acc[CHAINS], a = splat((T)1.0000001), b = splat((T)1e-9);
    FC_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = splat((T)i);
    for (int64_t round = 0; round < rounds; round++) {
        FC_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * a + b;
    }
    vec total = acc[0];
    FC_UNROLL for (int i = 1; i < CHAINS; i++) total += acc[i];
    return 2.0 * CHAINS * LANES * rounds + 0.0 * (double)total[0];
}
