#include "retry_internal.h"

int64_t
cv_retry_wait_ms(const struct cv_sender_settings *settings, int64_t attempt,
    int64_t retry_after_seconds, uint32_t chance)
{
	int64_t wait_ms = settings->retry_seconds * 1000;
	int64_t longest_ms = settings->retry_max_seconds * 1000;
	int64_t asked_ms =
	    (retry_after_seconds < CV_RETRY_AFTER_MAX_SECONDS ? retry_after_seconds
							      : CV_RETRY_AFTER_MAX_SECONDS) *
	    1000;

	for (int64_t i = 1; i < attempt && wait_ms < longest_ms; i++)
		wait_ms *= 2;
	if (wait_ms > longest_ms)
		wait_ms = longest_ms;
	wait_ms -= (int64_t)(chance % 1024) * (wait_ms / 2) / 1023;
	return wait_ms > asked_ms ? wait_ms : asked_ms;
}

/* As push queues of Google Pub/Sub take it. */
bool
cv_status_acknowledges(long status)
{
	return status == 102 || status == 200 || status == 201 || status == 202 || status == 204;
}
