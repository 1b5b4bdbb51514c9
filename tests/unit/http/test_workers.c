#include "../../../server/http/workers_internal.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdatomic.h>

#define ITEMS 100

struct item {
	sem_t *may_go; /* NULL: at once */
	_Atomic unsigned *done;
	unsigned place; /* in which it was worked off */
};

static void
work(void *argument)
{
	struct item *item = argument;

	if (item->may_go != NULL)
		sem_wait(item->may_go);
	item->place = atomic_fetch_add(item->done, 1);
}

Test(workers, work_off_everything_before_they_end)
{
	CV_AUTO(cv_workers) struct cv_workers *workers = NULL;
	struct cv_error err = CV_ERROR_INIT;
	_Atomic unsigned done = 0;
	struct item items[ITEMS];

	cr_assert(cv_workers_start(3, ITEMS, work, &workers, &err));
	for (size_t i = 0; i < ITEMS; i++) {
		items[i] = (struct item){.done = &done};
		cr_assert(cv_workers_submit(workers, &items[i]));
	}
	cv_workers_finish(workers);
	cr_expect_eq(atomic_load(&done), ITEMS);
	cr_expect_not(cv_workers_submit(workers, &items[0]), "closed");
	cv_workers_finish(workers);
}

Test(workers, refuse_what_does_not_fit_and_keep_the_order)
{
	CV_AUTO(cv_workers) struct cv_workers *workers = NULL;
	struct cv_error err = CV_ERROR_INIT;
	_Atomic unsigned done = 0;
	struct item items[8];
	size_t taken = 0;
	sem_t may_go;

	sem_init(&may_go, 0, 0);
	for (size_t i = 0; i < 8; i++)
		items[i] = (struct item){.may_go = &may_go, .done = &done};
	cr_assert(cv_workers_start(1, 4, work, &workers, &err));
	while (taken < 8 && cv_workers_submit(workers, &items[taken]))
		taken++;
	/* Four wait, and the one thread may have taken a fifth in between. */
	cr_expect(taken == 4 || taken == 5, "%zu", taken);
	cr_expect_leq(cv_workers_waiting(workers), 4);
	for (size_t i = 0; i < taken; i++)
		sem_post(&may_go);
	cv_workers_finish(workers);
	cr_expect_eq(atomic_load(&done), taken);
	for (size_t i = 0; i < taken; i++)
		cr_expect_eq(items[i].place, i);
	sem_destroy(&may_go);
}
