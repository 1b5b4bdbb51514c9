/* The rate of a rotation group. */
#include <criterion/criterion.h>

#include "cv/service/rotation_group.h"

#define HOUR_MS ((int64_t)3600000)
#define NOW ((int64_t)1790000000000)

/* How many are told in a span when somebody looks every so often. */
static int64_t
count_told(int64_t per_hour, int64_t next_ms, int64_t span_ms, int64_t every_ms)
{
	int64_t count = 0;

	for (int64_t now = NOW; now <= NOW + span_ms; now += every_ms) {
		while (cv_rotation_take_turn(per_hour, next_ms, now, &next_ms))
			count++;
	}
	return count;
}

Test(rotation_group, one_is_told_at_its_time_and_not_before)
{
	int64_t next = 7;

	cr_assert_not(cv_rotation_take_turn(60, NOW + 1, NOW, &next));
	cr_assert_eq(next, 7);
	cr_assert(cv_rotation_take_turn(60, NOW, NOW, &next));
	cr_assert_eq(next, NOW + 60000);
}

Test(rotation_group, in_an_hour_as_many_as_the_rate_says)
{
	static const int64_t rates[] = {1, 7, 60, 3599, 3600, 36000};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		int64_t told = count_told(rates[i], NOW, HOUR_MS - 1, 997);

		cr_expect_leq(told, rates[i]);
		cr_expect_geq(told, rates[i] - rates[i] / 100 - 1, "%lld of %lld", (long long)told,
		    (long long)rates[i]);
	}
}

Test(rotation_group, a_standstill_is_caught_up_for_ten_seconds)
{
	/* One a second: those of the last ten seconds, and the one that is due now. */
	cr_expect_eq(count_told(3600, NOW - HOUR_MS, 0, 1), 11);
	cr_expect_eq(count_told(3600, NOW - 3000, 0, 1), 4);
	/* One an hour: the next one waits all the same. */
	cr_expect_eq(count_told(1, NOW - 1000 * HOUR_MS, HOUR_MS - 10001, 1000), 1);
}

Test(rotation_group, the_next_turn_is_rounded_up)
{
	int64_t next = 0;

	cr_assert(cv_rotation_take_turn(7, NOW, NOW, &next));
	cr_assert_eq(next, NOW + 514286);
	cr_assert(cv_rotation_take_turn(CV_ROTATION_PER_HOUR_MAX, NOW, NOW, &next));
	cr_assert_eq(next, NOW + 100);
}
