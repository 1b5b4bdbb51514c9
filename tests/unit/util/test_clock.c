#include "cv/util/clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, system_wall_clock_is_the_time)
{
	const struct cv_clock *clock = cv_clock_system();
	int64_t before = (int64_t)time(NULL);
	int64_t seconds = cv_clock_wall_seconds(clock);
	int64_t milliseconds = cv_clock_wall_ms(clock);

	/* time() may lag the clock by a tick, so one second of room on each side. */
	cr_assert_geq(seconds, before - 1);
	cr_assert_leq(seconds, (int64_t)time(NULL) + 1);
	cr_assert_geq(milliseconds, seconds * 1000);
	cr_assert_lt(milliseconds, seconds * 1000 + 60000);
}

Test(clock, boot_clock_counts_milliseconds)
{
	const struct cv_clock *clock = cv_clock_system();
	const struct timespec pause = {.tv_nsec = 20000000};

	int64_t before = cv_clock_boot_ms(clock);
	nanosleep(&pause, NULL);
	int64_t elapsed = cv_clock_boot_ms(clock) - before;
	cr_assert_geq(elapsed, 19);
	cr_assert_lt(elapsed, 60000);
}

Test(clock, boot_clock_counts_from_the_start_of_the_machine)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	int64_t expected = (int64_t)boot.tv_sec * 1000;
	int64_t got = cv_clock_boot_ms(cv_clock_system());
	cr_assert_geq(got, expected);
	cr_assert_lt(got, expected + 60000);
}

static int64_t
always_1999(const struct cv_clock *clock)
{
	(void)clock;
	return 1999;
}

Test(clock, another_clock_can_take_its_place)
{
	const struct cv_clock clock = {.wall_ms = always_1999, .boot_ms = always_1999};

	cr_assert_eq(cv_clock_wall_ms(&clock), 1999);
	cr_assert_eq(cv_clock_wall_seconds(&clock), 1);
	cr_assert_eq(cv_clock_boot_ms(&clock), 1999);
}
