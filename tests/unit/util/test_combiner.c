#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "cv/util/combiner.h"

#define THREADS 24
#define ROUNDS 200
#define ITEMS_MAX 5
#define BATCHES_MAX 2

static _Atomic unsigned running, most_running, done, batches;
static _Atomic size_t largest;
static sem_t entered, leave;

struct share {
	struct cv_combiner_item item;
	unsigned times;
};

static void
note_most(unsigned now)
{
	unsigned most = atomic_load(&most_running);

	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now)) {
	}
}

static void
count_shares(struct cv_combiner_item *const *items, size_t count)
{
	note_most(atomic_fetch_add(&running, 1) + 1);
	if (count > atomic_load(&largest))
		atomic_store(&largest, count);
	for (size_t i = 0; i < count; i++)
		((struct share *)(void *)items[i])->times++;
	atomic_fetch_add(&done, (unsigned)count);
	atomic_fetch_add(&batches, 1);
	atomic_fetch_sub(&running, 1);
}

static void
reset(void)
{
	atomic_store(&running, 0);
	atomic_store(&most_running, 0);
	atomic_store(&done, 0);
	atomic_store(&batches, 0);
	atomic_store(&largest, 0);
}

static void *
join_often(void *context)
{
	struct cv_combiner *combiner = context;

	for (int i = 0; i < ROUNDS; i++) {
		struct share share = {.times = 0};

		cv_combiner_join(combiner, &share.item);
		cr_expect_eq(share.times, 1);
	}
	return NULL;
}

Test(combiner, each_share_is_done_once)
{
	CV_AUTO(cv_combiner)
	struct cv_combiner *combiner = cv_combiner_new(ITEMS_MAX, BATCHES_MAX, count_shares);
	pthread_t threads[THREADS];

	reset();
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, join_often, combiner);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&done), THREADS * ROUNDS);
	cr_expect_leq(atomic_load(&largest), ITEMS_MAX);
	cr_expect_leq(atomic_load(&most_running), BATCHES_MAX);
}

Test(combiner, nobody_waits_for_company)
{
	CV_AUTO(cv_combiner)
	struct cv_combiner *combiner = cv_combiner_new(ITEMS_MAX, BATCHES_MAX, count_shares);
	struct share share = {.times = 0};

	reset();
	cv_combiner_join(combiner, &share.item);
	cr_expect_eq(share.times, 1);
}

static void
hold(struct cv_combiner_item *const *items, size_t count)
{
	sem_post(&entered);
	sem_wait(&leave);
	count_shares(items, count);
}

static void *
join_once(void *context)
{
	struct share share = {.times = 0};

	cv_combiner_join(context, &share.item);
	cr_expect_eq(share.times, 1);
	return NULL;
}

Test(combiner, who_waits_goes_together)
{
	CV_AUTO(cv_combiner) struct cv_combiner *combiner = cv_combiner_new(ITEMS_MAX, 1, hold);
	pthread_t threads[1 + ITEMS_MAX];
	const struct timespec moment = {.tv_nsec = 20000000};

	reset();
	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	pthread_create(&threads[0], NULL, join_once, combiner);
	sem_wait(&entered);
	for (size_t i = 1; i < 1 + ITEMS_MAX; i++)
		pthread_create(&threads[i], NULL, join_once, combiner);
	nanosleep(&moment, NULL); /* most of them wait by now */
	for (size_t i = 0; i < 1 + ITEMS_MAX; i++)
		sem_post(&leave);
	for (size_t i = 0; i < 1 + ITEMS_MAX; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&done), 1 + ITEMS_MAX);
	cr_expect_lt(atomic_load(&batches), 1 + ITEMS_MAX);
}
