#include "cv/service/device_request.h"

#include <stdio.h>

#include "device_pace_internal.h"
#include "service_internal.h"

int64_t
cv_device_request_wait(struct cv_service *service, const struct cv_sight *sight)
{
	const struct cv_pace_limit limit = cv_pace_limit_of(
	    cv_service_settings(service), CV_DEVICE_REQUESTS_AT_ONCE, CV_DEVICE_REQUESTS_LATER);
	char whose[CV_DEVICE_ID_MAX + 2];
	int64_t wait_seconds;

	/* No id of a device has a slash. */
	(void)snprintf(whose, sizeof(whose), "%s%s", sight->verdict == CV_VERDICT_TALKS ? "/" : "",
	    sight->party.device);
	wait_seconds = cv_device_pace_take(cv_service_request_pace(service), &limit,
	    sight->party.factory, whose, cv_clock_boot_ms(cv_service_clock(service)));
	if (wait_seconds > 0)
		cv_service_counters(service)->requests_refused++;
	return wait_seconds;
}
