#include "workers_internal.h"

#include <pthread.h>
#include <stdlib.h>

#include "cv/util/thread.h"

/* All of them may be waiting for the database, each several times. */
#define PATIENCE_MS (90 * 1000)

struct cv_workers {
	pthread_mutex_t mutex; /* guards what follows up to the gap */
	pthread_cond_t has_work;
	void **ring;
	size_t ring_size;
	size_t first;
	size_t count;
	uint64_t taken;
	bool is_closed;

	void (*work)(void *item);
	pthread_t *threads;
	unsigned thread_count;
};

/* NULL: closed and empty. */
static void *
take(struct cv_workers *workers)
{
	void *item = NULL;

	pthread_mutex_lock(&workers->mutex);
	while (workers->count == 0 && !workers->is_closed)
		pthread_cond_wait(&workers->has_work, &workers->mutex);
	if (workers->count > 0) {
		item = workers->ring[workers->first];
		workers->first = (workers->first + 1) % workers->ring_size;
		workers->count--;
		workers->taken++;
	}
	pthread_mutex_unlock(&workers->mutex);
	return item;
}

static void *
run(void *argument)
{
	struct cv_workers *workers = argument;
	void *item;

	(void)pthread_setname_np(pthread_self(), "cv-worker");
	while ((item = take(workers)) != NULL)
		workers->work(item);
	return NULL;
}

static bool
start_threads(struct cv_workers *workers, unsigned threads, struct cv_error *err)
{
	while (workers->thread_count < threads) {
		if (!cv_thread_start(run, workers, "starting a worker thread failed",
			&workers->threads[workers->thread_count], err))
			return false;
		workers->thread_count++;
	}
	return true;
}

bool
cv_workers_start(unsigned threads, unsigned queue_max, void (*work)(void *item),
    struct cv_workers **ret_workers, struct cv_error *err)
{
	CV_AUTO(cv_workers) struct cv_workers *workers = calloc(1, sizeof(*workers));

	if (workers == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_cond_init(&workers->has_work, NULL);
	workers->work = work;
	workers->ring_size = queue_max == 0 ? 1 : queue_max;
	workers->ring = calloc(workers->ring_size, sizeof(*workers->ring));
	workers->threads = calloc(threads == 0 ? 1 : threads, sizeof(*workers->threads));
	if (workers->ring == NULL || workers->threads == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!start_threads(workers, threads == 0 ? 1 : threads, err))
		return false;
	*ret_workers = CV_TAKE(workers);
	return true;
}

bool
cv_workers_submit(struct cv_workers *workers, void *item)
{
	bool is_taken = false;

	pthread_mutex_lock(&workers->mutex);
	if (!workers->is_closed && workers->count < workers->ring_size) {
		size_t last = (workers->first + workers->count) % workers->ring_size;
		workers->ring[last] = item;
		workers->count++;
		is_taken = true;
		pthread_cond_signal(&workers->has_work);
	}
	pthread_mutex_unlock(&workers->mutex);
	return is_taken;
}

void
cv_workers_read_pulse(struct cv_workers *workers, struct cv_pulse *ret_pulse)
{
	pthread_mutex_lock(&workers->mutex);
	*ret_pulse = (struct cv_pulse){.part = "workers",
	    .has_work = workers->count > 0,
	    .count = workers->taken,
	    .patience_ms = PATIENCE_MS};
	pthread_mutex_unlock(&workers->mutex);
}

size_t
cv_workers_waiting(struct cv_workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	size_t count = workers->count;
	pthread_mutex_unlock(&workers->mutex);
	return count;
}

void
cv_workers_finish(struct cv_workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	workers->is_closed = true;
	pthread_cond_broadcast(&workers->has_work);
	pthread_mutex_unlock(&workers->mutex);
	for (; workers->thread_count > 0; workers->thread_count--)
		pthread_join(workers->threads[workers->thread_count - 1], NULL);
}

void
cv_workers_free(struct cv_workers *workers)
{
	if (workers == NULL)
		return;
	cv_workers_finish(workers);
	pthread_cond_destroy(&workers->has_work);
	pthread_mutex_destroy(&workers->mutex);
	free(workers->ring);
	free(workers->threads);
	free(workers);
}
