/*
 * Tells systemd that the service lives (sd_watchdog_enabled(3)), as long as every part of it that
 * has work gets on with it. Main thread.
 */
#ifndef CV_APP_WATCHDOG_INTERNAL_H
#define CV_APP_WATCHDOG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/pulse.h"

#define CV_WATCHDOG_PARTS_MAX 16

struct cv_watchdog {
	int64_t interval_ms; /* 0: nobody is watching */
	struct {
		uint64_t count;
		int64_t since_ms; /* so long it has stayed at that; 0: it has nothing to do */
	} parts[CV_WATCHDOG_PARTS_MAX];
	bool is_stalled;
};

/* From WATCHDOG_USEC and WATCHDOG_PID. */
void cv_watchdog_init(struct cv_watchdog *watchdog);
/* The first part that has had work for longer than the interval and its patience, and did none of
 * it; NULL: all is well. The pulses must come in the same order each time. */
const char *cv_watchdog_find_stalled(
    struct cv_watchdog *watchdog, const struct cv_pulse *pulses, size_t count, int64_t now_ms);
/* Sends WATCHDOG=1 unless a part is stalled. Call at least twice in the interval. */
void cv_watchdog_tick(
    struct cv_watchdog *watchdog, const struct cv_pulse *pulses, size_t count, int64_t now_ms);

#endif
