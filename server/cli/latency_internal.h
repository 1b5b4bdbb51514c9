/* How long answers took: counts by duration, from which quantiles are read. One thread. */
#ifndef CV_CLI_LATENCY_INTERNAL_H
#define CV_CLI_LATENCY_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* Each power of two is divided into 64 steps: what is read is at most 1/64 above what was put in.
 * Durations above an hour count as one. */
#define CV_LATENCY_STEPS 64
#define CV_LATENCY_MAX_US UINT64_C(3600000000)
#define CV_LATENCY_SLOTS ((size_t)(32 - 6 + 1) * CV_LATENCY_STEPS)

struct cv_latency {
	uint64_t counts[CV_LATENCY_SLOTS];
	uint64_t total;
	uint64_t most_us;
};

void cv_latency_add(struct cv_latency *latency, uint64_t us);
/* What has not ended yet took so long already: most_us says so, and nothing else does. */
void cv_latency_note_wait(struct cv_latency *latency, uint64_t us);
/* The duration that so many of a thousand answers did not exceed; 0 when there are none. */
uint64_t cv_latency_quantile(const struct cv_latency *latency, unsigned per_mille);

#endif
