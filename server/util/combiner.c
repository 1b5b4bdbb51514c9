#include "cv/util/combiner.h"

#include <stdlib.h>

#define ITEMS_MAX 64

struct cv_combiner {
	size_t items_max;
	unsigned batches_max;
	cv_combiner_work *work;

	pthread_mutex_t mutex; /* guards what follows and the items */
	struct cv_combiner_item *first;
	struct cv_combiner_item **last; /* where the next one goes */
	unsigned batches;
};

struct cv_combiner *
cv_combiner_new(size_t items_max, unsigned batches_max, cv_combiner_work *work)
{
	struct cv_combiner *combiner = calloc(1, sizeof(*combiner));

	if (!combiner)
		return NULL;
	combiner->items_max = items_max < ITEMS_MAX ? items_max : ITEMS_MAX;
	combiner->batches_max = batches_max;
	combiner->work = work;
	combiner->last = &combiner->first;
	pthread_mutex_init(&combiner->mutex, NULL);
	return combiner;
}

static size_t
take_waiting(struct cv_combiner *combiner, struct cv_combiner_item **ret_items)
{
	size_t count = 0;

	while (combiner->first && count < combiner->items_max) {
		ret_items[count++] = combiner->first;
		combiner->first = combiner->first->next;
	}
	if (!combiner->first)
		combiner->last = &combiner->first;
	return count;
}

/* Called and left with the mutex held. */
static void
run_batch(struct cv_combiner *combiner)
{
	struct cv_combiner_item *items[ITEMS_MAX];
	size_t count = take_waiting(combiner, items);

	combiner->batches++;
	pthread_mutex_unlock(&combiner->mutex);
	combiner->work(items, count);
	pthread_mutex_lock(&combiner->mutex);
	combiner->batches--;
	for (size_t i = 0; i < count; i++) {
		items[i]->is_done = true;
		pthread_cond_signal(items[i]->wake);
	}
	if (combiner->first)
		pthread_cond_signal(combiner->first->wake); /* it runs the next batch */
}

void
cv_combiner_join(struct cv_combiner *combiner, struct cv_combiner_item *item)
{
	pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

	*item = (struct cv_combiner_item){.wake = &wake};
	pthread_mutex_lock(&combiner->mutex);
	*combiner->last = item;
	combiner->last = &item->next;
	while (!item->is_done) {
		if (combiner->first && combiner->batches < combiner->batches_max)
			run_batch(combiner);
		else
			pthread_cond_wait(&wake, &combiner->mutex);
	}
	pthread_mutex_unlock(&combiner->mutex);
	pthread_cond_destroy(&wake);
}

void
cv_combiner_free(struct cv_combiner *combiner)
{
	if (!combiner)
		return;
	pthread_mutex_destroy(&combiner->mutex);
	free(combiner);
}
