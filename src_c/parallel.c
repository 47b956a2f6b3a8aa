#include "parallel.h"
#include "fastconv.h"

#include <limits.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static int flush_denormals = 1;

void fc_set_flush_denormals(int on) { flush_denormals = on; }

int fc_openmp(void) {
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

/* While it computes, every worker, the calling thread included, rounds to nearest, raises no trap, and treats denormals
 * as zero: as operands they cost more than a hundred cycles each on some processors. On leaving it restores the mode
 * it came with, and with it the exception flags: NumPy must not report those of kernels. */
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned int fp_mode;
enum { NEAREST_WITHOUT_TRAPS = 0x1F80, FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
static fp_mode get_fp_mode(void) { return _mm_getcsr(); }
static void set_fp_mode(fp_mode mode) { _mm_setcsr(mode); }
static fp_mode kernel_fp_mode(void) {
    return NEAREST_WITHOUT_TRAPS | (flush_denormals ? FLUSH_TO_ZERO | DENORMALS_ARE_ZERO : 0);
}
#elif defined(__aarch64__)
typedef uint64_t fp_mode;
static fp_mode get_fp_mode(void) {
    fp_mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static void set_fp_mode(fp_mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
static fp_mode kernel_fp_mode(void) { return flush_denormals ? 1ull << 24 : 0; }
#else
typedef int fp_mode;
static fp_mode get_fp_mode(void) { return 0; }
static void set_fp_mode(fp_mode mode) { (void)mode; }
static fp_mode kernel_fp_mode(void) { return 0; }
#endif

/* libgomp's idle threads do not survive a fork, and a child would wait for them for ever: the forking thread lets its
 * own go before. The symbol is weak because libgomp has it since GCC 9 only; without it children compute serially. */
#if defined(_OPENMP) && defined(__linux__)
#include <pthread.h>
extern int omp_pause_resource_all(omp_pause_resource_t kind) __attribute__((weak));
static int lost_threads;
static void before_fork(void) {
    if (omp_pause_resource_all) omp_pause_resource_all(omp_pause_soft);
}
static void after_fork_in_child(void) { lost_threads = !omp_pause_resource_all; }
void fc_survive_forks(void) { pthread_atfork(before_fork, NULL, after_fork_in_child); }
#else
enum { lost_threads = 0 };
void fc_survive_forks(void) {}
#endif

/* A limit that someone set after the start, threadpoolctl for one, for the calling thread. */
int fc_threads_allowed(void) {
#ifdef _OPENMP
    static int at_start;
    int now = omp_get_max_threads();
    if (!at_start) at_start = now;
    return now < at_start ? now : INT_MAX;
#else
    return INT_MAX;
#endif
}

static int (*interrupt_check)(void);
static _Thread_local int interrupted;
static _Thread_local int64_t checked_at; /* milliseconds */

enum { CHECK_EVERY = 20 };

static int64_t milliseconds(void) {
    struct timespec now;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
    timespec_get(&now, TIME_UTC);
#endif
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fc_set_interrupt_check(int (*check)(void)) { interrupt_check = check; }

int fc_interrupted(void) {
    int result = interrupted;
    interrupted = 0;
    return result;
}

/* What the calling thread and its workers share while tasks run. One loop runs inside another where the handler of a
 * signal computes. */
typedef struct {
    int stop;
    fp_mode caller;
} task_loop;
static _Thread_local task_loop *running;
static _Thread_local int asks; /* this thread is the calling one, where Python's handlers run */

/* Asks, in the caller's floating-point mode, whether to go on; never again when the answer was no. */
static void check_interrupt(task_loop *loop) {
    int64_t now = milliseconds();
    if (!interrupt_check || interrupted || now - checked_at < CHECK_EVERY) return;
    checked_at = now;
    set_fp_mode(loop->caller);
    interrupted = interrupt_check();
    set_fp_mode(kernel_fp_mode());
    __atomic_store_n(&loop->stop, interrupted, __ATOMIC_RELAXED);
}

int fc_stopped(void) {
    task_loop *loop = running;
    if (asks) check_interrupt(loop);
    return __atomic_load_n(&loop->stop, __ATOMIC_RELAXED);
}

#ifdef _OPENMP
/* Tasks for the thread of that number, the same in every loop like this, so that it finds in its cache what it left
 * there; threads that have done their own go on with those of others. Many tasks follow one another; few are dealt out
 * in turn, since they need not be equally long, and the last ones are shorter. */
enum { MOST_SHARES = 64, FEW_TASKS = 4 };
typedef struct {
    _Alignas(64) int64_t next;
    int64_t end, step;
} task_share;

static task_share share_tasks(int64_t tasks, int64_t shares, int64_t i) {
    if (tasks < FEW_TASKS * shares) return (task_share){i, tasks, shares};
    return (task_share){tasks * i / shares, tasks * (i + 1) / shares, 1};
}
#endif

void fc_parallel_for(int64_t tasks, int threads, fc_task body, const void *context) {
    if (interrupted) return;
    task_loop loop = {0, get_fp_mode()}, *outer = running;
    int asked = asks;
#ifdef _OPENMP
    if (threads > tasks) threads = (int)tasks;
    if (threads > 1 && !lost_threads) {
        int shares = threads < MOST_SHARES ? threads : MOST_SHARES;
        task_share share_of[MOST_SHARES];
        for (int i = 0; i < shares; i++) share_of[i] = share_tasks(tasks, shares, i);
#pragma omp parallel num_threads(threads)
        {
            fp_mode before = get_fp_mode();
            int thread = omp_get_thread_num();
            set_fp_mode(kernel_fp_mode());
            running = &loop;
            asks = thread == 0;
            for (int i = 0; i < shares; i++) {
                task_share *share = &share_of[(thread + i) % shares];
                int64_t task;
                while ((task = __atomic_fetch_add(&share->next, share->step, __ATOMIC_RELAXED)) < share->end &&
                       !fc_stopped())
                    body(context, task, thread);
            }
            set_fp_mode(before);
        }
        running = outer;
        asks = asked;
        return;
    }
#else
    (void)threads;
#endif
    set_fp_mode(kernel_fp_mode());
    running = &loop;
    asks = 1;
    for (int64_t task = 0; task < tasks && !fc_stopped(); task++) body(context, task, 0);
    set_fp_mode(loop.caller);
    running = outer;
    asks = asked;
}
