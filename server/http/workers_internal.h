/*
 * A fixed number of threads and a bounded first-in first-out queue, for everything that may block.
 * Any thread may submit.
 */
#ifndef CV_HTTP_WORKERS_INTERNAL_H
#define CV_HTTP_WORKERS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "cv/util/pulse.h"

struct cv_workers;

/* work is called in a worker's thread with what was submitted. */
bool cv_workers_start(unsigned threads, unsigned queue_max, void (*work)(void *item),
    struct cv_workers **ret_workers, struct cv_error *err);
/* False when the queue is full, or closed. */
bool cv_workers_submit(struct cv_workers *workers, void *item);
/* What waits, and whether any of it is taken. */
void cv_workers_read_pulse(struct cv_workers *workers, struct cv_pulse *ret_pulse);
size_t cv_workers_waiting(struct cv_workers *workers);
/* Nothing more is taken; what was taken is worked off, then the threads end. May be called twice.
 */
void cv_workers_finish(struct cv_workers *workers);
/* Finishes if that was not done. */
void cv_workers_free(struct cv_workers *workers);
CV_DEFINE_CLEANUP(cv_workers);

#endif
