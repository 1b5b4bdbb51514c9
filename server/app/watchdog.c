#include "watchdog_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "cv/app/notify.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

void
cv_watchdog_init(struct cv_watchdog *watchdog)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t number;

	*watchdog = (struct cv_watchdog){.interval_ms = 0};
	if (usec == NULL || !cv_text_parse_unsigned(usec, INT64_MAX, &number))
		return;
	watchdog->interval_ms = (int64_t)(number / 1000);
	if (pid != NULL &&
	    (!cv_text_parse_unsigned(pid, INT32_MAX, &number) || (pid_t)number != getpid()))
		watchdog->interval_ms = 0;
}

const char *
cv_watchdog_find_stalled(
    struct cv_watchdog *watchdog, const struct cv_pulse *pulses, size_t count, int64_t now_ms)
{
	const char *stalled = NULL;

	for (size_t i = 0; i < count && i < CV_WATCHDOG_PARTS_MAX; i++) {
		bool is_same =
		    watchdog->parts[i].since_ms != 0 && watchdog->parts[i].count == pulses[i].count;
		if (!pulses[i].has_work) {
			watchdog->parts[i].since_ms = 0;
		} else if (!is_same) {
			watchdog->parts[i].count = pulses[i].count;
			watchdog->parts[i].since_ms = now_ms;
		} else if (stalled == NULL && now_ms - watchdog->parts[i].since_ms >
						  watchdog->interval_ms + pulses[i].patience_ms) {
			stalled = pulses[i].part;
		}
	}
	return stalled;
}

void
cv_watchdog_tick(
    struct cv_watchdog *watchdog, const struct cv_pulse *pulses, size_t count, int64_t now_ms)
{
	if (watchdog->interval_ms == 0)
		return;
	const char *stalled = cv_watchdog_find_stalled(watchdog, pulses, count, now_ms);
	if (stalled == NULL)
		cv_notify("WATCHDOG=1");
	if (stalled != NULL && !watchdog->is_stalled) {
		cv_log(CV_LOG_ERROR, "watchdog-stalled",
		    "a part of the service does no work; systemd is asked to restart it",
		    CV_LOG_TEXT("part", stalled));
		cv_notify("WATCHDOG=trigger");
	}
	watchdog->is_stalled = stalled != NULL;
}
