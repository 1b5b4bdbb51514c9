#include "../../../server/cli/latency_internal.h"

#include <criterion/criterion.h>

Test(latency, nothing_took_no_time)
{
	static const struct cv_latency none;

	cr_expect_eq(cv_latency_quantile(&none, 500), 0);
	cr_expect_eq(cv_latency_quantile(&none, 1000), 0);
}

Test(latency, quantiles_of_a_thousand)
{
	static struct cv_latency latency;

	for (uint64_t us = 1; us <= 1000; us++)
		cv_latency_add(&latency, us);
	cr_expect_eq(latency.total, 1000);
	cr_expect_eq(latency.most_us, 1000);
	cr_expect_eq(cv_latency_quantile(&latency, 50), 50, "small ones are exact");
	cr_expect_eq(cv_latency_quantile(&latency, 0), 1);
	cr_expect_eq(cv_latency_quantile(&latency, 1000), 1000);
	static const unsigned shares[] = {500, 900, 990, 999};
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		double read = (double)cv_latency_quantile(&latency, shares[i]);

		cr_expect_geq(read, shares[i]);
		cr_expect_leq(read, shares[i] * (1 + 1.0 / CV_LATENCY_STEPS));
	}
}

/* Each alone: what is read is what was put in, for powers of two and what is beside them. */
Test(latency, one_answer_is_every_quantile)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		for (int beside = -1; beside <= 1; beside++) {
			uint64_t us = (UINT64_C(1) << bit) + (uint64_t)(int64_t)beside;
			struct cv_latency one = {.total = 0};

			us = us > CV_LATENCY_MAX_US ? CV_LATENCY_MAX_US : us;
			cv_latency_add(&one, us);
			cr_expect_eq(cv_latency_quantile(&one, 500), us);
		}
	}
}

/* Two neighbours of one power share a slot; those of the next power do not go into it. */
Test(latency, steps_are_a_sixty_fourth)
{
	struct cv_latency two = {.total = 0};

	cv_latency_add(&two, 128);
	cv_latency_add(&two, 4096);
	cr_expect_eq(cv_latency_quantile(&two, 500), 129);
	cr_expect_eq(cv_latency_quantile(&two, 1000), 4096);
}

Test(latency, more_than_an_hour_is_an_hour)
{
	struct cv_latency latency = {.total = 0};

	cv_latency_add(&latency, UINT64_MAX);
	cr_expect_eq(cv_latency_quantile(&latency, 1000), CV_LATENCY_MAX_US);
}

Test(latency, what_has_not_ended_is_in_the_most_alone)
{
	struct cv_latency latency = {.total = 0};

	cv_latency_add(&latency, 5);
	cv_latency_note_wait(&latency, 3);
	cr_expect_eq(latency.most_us, 5);
	cv_latency_note_wait(&latency, 1000);
	cr_expect_eq(latency.most_us, 1000);
	cr_expect_eq(latency.total, 1);
	cr_expect_eq(cv_latency_quantile(&latency, 1000), 5);
	cv_latency_note_wait(&latency, UINT64_MAX);
	cr_expect_eq(latency.most_us, CV_LATENCY_MAX_US);
}
