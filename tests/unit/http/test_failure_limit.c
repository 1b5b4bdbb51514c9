#include "../../../server/http/failure_limit_internal.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cv_source first = {.bytes = {1}};
static const struct cv_source second = {.bytes = {2}};

static void
fail_times(
    struct cv_failure_limit *limit, const struct cv_source *source, int times, int64_t now_ms)
{
	for (int i = 0; i < times; i++)
		cv_failure_limit_count(limit, source, now_ms);
}

Test(failure_limit, stops_a_source_after_twenty)
{
	CV_AUTO(cv_failure_limit) struct cv_failure_limit *limit = cv_failure_limit_new();

	cr_assert_not_null(limit);
	fail_times(limit, &first, CV_FAILURES_MAX - 1, 1000);
	cr_expect_eq(cv_failure_limit_wait(limit, &first, 1000), 0);
	fail_times(limit, &first, 1, 1000);
	cr_expect_eq(cv_failure_limit_wait(limit, &first, 1000), CV_FAILURE_WINDOW_SECONDS);
	cr_expect_eq(cv_failure_limit_wait(limit, &second, 1000), 0, "another source");
}

Test(failure_limit, forgets_after_the_window)
{
	CV_AUTO(cv_failure_limit) struct cv_failure_limit *limit = cv_failure_limit_new();
	const int64_t window_ms = (int64_t)CV_FAILURE_WINDOW_SECONDS * 1000;

	fail_times(limit, &first, CV_FAILURES_MAX, 1000);
	cr_expect_eq(cv_failure_limit_wait(limit, &first, 1000 + window_ms - 1), 1);
	cr_expect_eq(cv_failure_limit_wait(limit, &first, 1000 + window_ms), 0);
	fail_times(limit, &first, 1, 1000 + window_ms);
	cr_expect_eq(cv_failure_limit_wait(limit, &first, 1000 + window_ms), 0, "counts anew");
}

Test(failure_limit, survives_more_sources_than_it_holds)
{
	CV_AUTO(cv_failure_limit) struct cv_failure_limit *limit = cv_failure_limit_new();

	for (uint32_t i = 0; i < 20000; i++) {
		struct cv_source source = {.bytes = {0}};
		memcpy(source.bytes, &i, sizeof(i));
		cv_failure_limit_count(limit, &source, i);
	}
	fail_times(limit, &first, CV_FAILURES_MAX, 20000);
	cr_expect_gt(cv_failure_limit_wait(limit, &first, 20000), 0, "the newest is kept");
}
