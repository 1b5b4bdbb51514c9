/* How long something takes, counted by upper bounds, for metrics. Lock-free; any thread. */
#ifndef CV_UTIL_HISTOGRAM_H
#define CV_UTIL_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define CV_HISTOGRAM_BUCKETS 10
/* Upper bounds in microseconds; one more bucket holds the rest. */
extern const int64_t cv_histogram_bounds_us[CV_HISTOGRAM_BUCKETS];

/* Begins as zeros. */
struct cv_histogram {
	_Atomic uint64_t counts[CV_HISTOGRAM_BUCKETS + 1]; /* each of its own, not summed up */
	_Atomic uint64_t sum_us;
};

void cv_histogram_add(struct cv_histogram *histogram, int64_t duration_us);
/* Microseconds since the machine started, those in suspension too. */
int64_t cv_histogram_now_us(void);

#endif
