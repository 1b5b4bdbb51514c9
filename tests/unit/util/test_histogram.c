#include "cv/util/histogram.h"

#include <criterion/criterion.h>

Test(histogram, a_bound_belongs_to_its_bucket)
{
	static struct cv_histogram histogram;

	cv_histogram_add(&histogram, 0);
	cv_histogram_add(&histogram, 100);
	cv_histogram_add(&histogram, 101);
	cv_histogram_add(&histogram, 5000000);
	cv_histogram_add(&histogram, 5000001);
	cr_expect_eq(histogram.counts[0], 2);
	cr_expect_eq(histogram.counts[1], 1);
	cr_expect_eq(histogram.counts[CV_HISTOGRAM_BUCKETS - 1], 1);
	cr_expect_eq(histogram.counts[CV_HISTOGRAM_BUCKETS], 1);
	cr_expect_eq(histogram.sum_us, 10000202);
}

Test(histogram, the_clock_goes_forwards)
{
	int64_t before = cv_histogram_now_us();

	cr_expect_leq(before, cv_histogram_now_us());
}
