#include "cv/util/histogram.h"

#include <stddef.h>
#include <time.h>

const int64_t cv_histogram_bounds_us[CV_HISTOGRAM_BUCKETS] = {
    100, 500, 1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000};

void
cv_histogram_add(struct cv_histogram *histogram, int64_t duration_us)
{
	size_t bucket = 0;

	while (bucket < CV_HISTOGRAM_BUCKETS && duration_us > cv_histogram_bounds_us[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)duration_us, memory_order_relaxed);
}

int64_t
cv_histogram_now_us(void)
{
	struct timespec now = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
