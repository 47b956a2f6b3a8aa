#include "parallel.h"
#include "fastconv.h"

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

/* Denormal operands cost more than a hundred cycles each on some processors. Every worker, the calling
 * thread included, treats them as zero while it computes and restores the caller's mode on leaving. */
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned int fp_mode;
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
static fp_mode enter_fp_mode(void) {
    fp_mode caller = _mm_getcsr();
    if (flush_denormals) _mm_setcsr(caller | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return caller;
}
/* The exception flags raised by kernels are dropped with the mode: NumPy must not report them. */
static void leave_fp_mode(fp_mode caller) { _mm_setcsr(caller); }
#elif defined(__aarch64__)
typedef uint64_t fp_mode;
static fp_mode enter_fp_mode(void) {
    fp_mode caller;
    __asm__ volatile("mrs %0, fpcr" : "=r"(caller));
    if (flush_denormals) __asm__ volatile("msr fpcr, %0" : : "r"(caller | (1ull << 24)));
    return caller;
}
static void leave_fp_mode(fp_mode caller) { __asm__ volatile("msr fpcr, %0" : : "r"(caller)); }
#else
typedef int fp_mode;
static fp_mode enter_fp_mode(void) { return 0; }
static void leave_fp_mode(fp_mode caller) { (void)caller; }
#endif

void fc_parallel_for(int64_t tasks, int threads, fc_task body, const void *context) {
#ifdef _OPENMP
    if (threads > tasks) threads = (int)tasks;
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        {
            fp_mode caller = enter_fp_mode();
            int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1)
            for (int64_t task = 0; task < tasks; task++) body(context, task, thread);
            leave_fp_mode(caller);
        }
        return;
    }
#else
    (void)threads;
#endif
    fp_mode caller = enter_fp_mode();
    for (int64_t task = 0; task < tasks; task++) body(context, task, 0);
    leave_fp_mode(caller);
}
