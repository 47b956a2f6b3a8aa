/* share_sums.inc.c: sums whose shares are computed apart, and added in order. */

typedef struct {
    T *partial, *total; /* [shares][count]; a single share is the total */
    int64_t shares, count;
} share_sums;

enum { SHARE_SUMS_CELLS = 4096 }; /* of a task */

static int64_t shares_bytes(int64_t shares, int64_t count) {
    return shares > 1 ? line_bytes(shares * count * (int64_t)sizeof(T)) : 0;
}

static share_sums take_shares(char **scratch, int64_t shares, int64_t count, T *total) {
    T *partial = take(scratch, shares_bytes(shares, count));
    return (share_sums){shares > 1 ? partial : total, total, shares, count};
}

static void share_sums_task(const void *context, int64_t task, int thread) {
    (void)thread;
    const share_sums *s = context;
    int64_t first = task * SHARE_SUMS_CELLS, cells = min_i64(SHARE_SUMS_CELLS, s->count - first);
    copy_run(s->total + first, s->partial + first, cells);
    for (int64_t share = 1; share < s->shares; share++)
        add_run(s->total + first, s->partial + share * s->count + first, cells);
}

static void add_share_sums(const share_sums *s, int threads) {
    if (s->shares > 1) fc_parallel_for(ceil_div(s->count, SHARE_SUMS_CELLS), threads, share_sums_task, s);
}
