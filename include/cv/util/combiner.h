/*
 * Work of many threads done together: who comes while a batch runs waits, and the next batch takes
 * all that wait. So a commit to disk, or whatever costs the same for one as for many, is shared
 * when there is much to do, and nobody waits for company when there is not.
 */
#ifndef CV_UTIL_COMBINER_H
#define CV_UTIL_COMBINER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "cv/util/auto.h"

/* One thread's share; embedded in what the work is about. Needs no initialisation. */
struct cv_combiner_item {
	struct cv_combiner_item *next;
	pthread_cond_t *wake;
	bool is_done;
};

/* Does the work of all items, in the thread of one of them. */
typedef void cv_combiner_work(struct cv_combiner_item *const *items, size_t count);

struct cv_combiner;

/* At most so many batches at once, of at most so many items (64 at most). NULL: out of memory. */
struct cv_combiner *cv_combiner_new(size_t items_max, unsigned batches_max, cv_combiner_work *work);
/* Returns when the item was part of a batch. Any thread. */
void cv_combiner_join(struct cv_combiner *combiner, struct cv_combiner_item *item);
void cv_combiner_free(struct cv_combiner *combiner);
CV_DEFINE_CLEANUP(cv_combiner);

#endif
