#include "latency_internal.h"

/* Below 64 a slot each; above, the six bits behind the highest one say which step of its power. */
static size_t
slot_of(uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 2 * CV_LATENCY_STEPS)
		shift++;
	return us < CV_LATENCY_STEPS ? (size_t)us
				     : (size_t)(shift * CV_LATENCY_STEPS + (us >> shift));
}

/* The largest duration of a slot. */
static uint64_t
end_of(size_t slot)
{
	if (slot < 2 * CV_LATENCY_STEPS)
		return slot;
	size_t shift = slot / CV_LATENCY_STEPS - 1;
	uint64_t step = slot % CV_LATENCY_STEPS + CV_LATENCY_STEPS;
	return ((step + 1) << shift) - 1;
}

void
cv_latency_note_wait(struct cv_latency *latency, uint64_t us)
{
	if (us > CV_LATENCY_MAX_US)
		us = CV_LATENCY_MAX_US;
	if (us > latency->most_us)
		latency->most_us = us;
}

void
cv_latency_add(struct cv_latency *latency, uint64_t us)
{
	cv_latency_note_wait(latency, us);
	if (us > CV_LATENCY_MAX_US)
		us = CV_LATENCY_MAX_US;
	latency->counts[slot_of(us)]++;
	latency->total++;
}

uint64_t
cv_latency_quantile(const struct cv_latency *latency, unsigned per_mille)
{
	uint64_t rank = (latency->total * per_mille + 999) / 1000;
	uint64_t seen = 0;

	for (size_t slot = 0; slot < CV_LATENCY_SLOTS && latency->total > 0; slot++) {
		seen += latency->counts[slot];
		if (seen >= rank && seen > 0)
			return end_of(slot) < latency->most_us ? end_of(slot) : latency->most_us;
	}
	return 0;
}
