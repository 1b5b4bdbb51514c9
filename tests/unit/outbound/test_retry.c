#include "../../../server/outbound/retry_internal.h"

#include <criterion/criterion.h>

static const struct cv_sender_settings settings = {.retry_seconds = 5, .retry_max_seconds = 60};

Test(retry, waits_twice_as_long_up_to_the_longest)
{
	static const int64_t seconds[] = {5, 10, 20, 40, 60, 60, 60};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		int64_t attempt = (int64_t)i + 1;

		cr_expect_eq(cv_retry_wait_ms(&settings, attempt, 0, 0), seconds[i] * 1000);
		cr_expect_eq(cv_retry_wait_ms(&settings, attempt, 0, 1023), seconds[i] * 500);
	}
	cr_expect_eq(cv_retry_wait_ms(&settings, 1000000, 0, 0), 60000);
}

Test(retry, chance_spreads_between_half_and_whole)
{
	int64_t before = cv_retry_wait_ms(&settings, 1, 0, 0);

	for (uint32_t chance = 1; chance < 1024; chance++) {
		int64_t wait_ms = cv_retry_wait_ms(&settings, 1, 0, chance);

		cr_assert_leq(wait_ms, before);
		cr_assert_geq(wait_ms, 2500);
		before = wait_ms;
	}
	cr_expect_eq(cv_retry_wait_ms(&settings, 1, 0, 1024), 5000);
}

Test(retry, a_receiver_is_heeded_up_to_a_day)
{
	cr_expect_eq(cv_retry_wait_ms(&settings, 1, 4, 0), 5000, "not earlier than we would");
	cr_expect_eq(cv_retry_wait_ms(&settings, 1, 30, 1023), 30000);
	cr_expect_eq(cv_retry_wait_ms(&settings, 1, 86400, 0), 86400000);
	cr_expect_eq(cv_retry_wait_ms(&settings, 1, INT64_MAX, 0), 86400000);
}

Test(retry, what_acknowledges)
{
	static const long yes[] = {102, 200, 201, 202, 204};
	static const long no[] = {
	    0, 100, 101, 103, 203, 205, 206, 301, 302, 304, 307, 400, 401, 404, 429, 500, 503};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_expect(cv_status_acknowledges(yes[i]), "%ld", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect_not(cv_status_acknowledges(no[i]), "%ld", no[i]);
}
