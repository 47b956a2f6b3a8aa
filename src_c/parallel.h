/* parallel.h: the only door to threads. */
#ifndef FC_PARALLEL_H
#define FC_PARALLEL_H

#include <stdint.h>

/* Runs body(context, task, thread) for every task in [0, tasks), on at most `threads` threads.
 * thread is in [0, threads): it selects a slice of scratch. Threads begin with shares that are the same every time, and
 * help one another after that: which thread gets which task is not fixed, so a task must not depend on it. */
typedef void (*fc_task)(const void *context, int64_t task, int thread);
void fc_parallel_for(int64_t tasks, int threads, fc_task body, const void *context);

/* Whether a task should end at once, whatever it leaves: long ones ask now and then. */
int fc_stopped(void);

#endif
