#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../server/app/watchdog_internal.h"

#define INTERVAL 1000

static const char *
find(struct cv_watchdog *watchdog, int64_t now_ms, bool has_work, uint64_t count)
{
	const struct cv_pulse pulses[] = {
	    {.part = "busy", .has_work = true, .count = (uint64_t)now_ms},
	    {.part = "tried", .has_work = has_work, .count = count, .patience_ms = 500},
	};

	return cv_watchdog_find_stalled(watchdog, pulses, 2, now_ms);
}

Test(watchdog, work_that_is_done_is_well)
{
	struct cv_watchdog watchdog = {.interval_ms = INTERVAL};

	for (int64_t now = 1; now < 20000; now += 400)
		cr_assert_null(find(&watchdog, now, true, (uint64_t)now / 1000));
}

Test(watchdog, work_that_is_not_done_is_not)
{
	struct cv_watchdog watchdog = {.interval_ms = INTERVAL};

	cr_expect_null(find(&watchdog, 1, true, 7));
	cr_expect_null(find(&watchdog, 1501, true, 7));
	cr_expect_str_eq(find(&watchdog, 1502, true, 7), "tried");
	/* It goes on. */
	cr_expect_null(find(&watchdog, 1600, true, 8));
	cr_expect_null(find(&watchdog, 3100, true, 8));
}

Test(watchdog, nothing_to_do_is_well)
{
	struct cv_watchdog watchdog = {.interval_ms = INTERVAL};

	cr_expect_null(find(&watchdog, 1, true, 7));
	cr_expect_null(find(&watchdog, 1000, false, 7));
	/* The time counts from when there was work again. */
	cr_expect_null(find(&watchdog, 9000, true, 7));
	cr_expect_null(find(&watchdog, 10400, true, 7));
	cr_expect_str_eq(find(&watchdog, 10501, true, 7), "tried");
}

Test(watchdog, only_this_process_is_watched)
{
	struct cv_watchdog watchdog;
	char pid[16];

	cv_watchdog_init(&watchdog);
	cr_expect_eq(watchdog.interval_ms, 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	cv_watchdog_init(&watchdog);
	cr_expect_eq(watchdog.interval_ms, 3000);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	cv_watchdog_init(&watchdog);
	cr_expect_eq(watchdog.interval_ms, 3000);
	setenv("WATCHDOG_PID", "1", 1);
	cv_watchdog_init(&watchdog);
	cr_expect_eq(watchdog.interval_ms, 0);
}
