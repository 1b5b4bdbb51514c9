/*
 * How fast a device may do something that costs the database: change what is kept of it, which
 * leaves rows for ever, or ask. A bounded table in memory, for this instance alone. Any thread.
 */
#ifndef CV_SERVICE_DEVICE_PACE_INTERNAL_H
#define CV_SERVICE_DEVICE_PACE_INTERNAL_H

#include <stdint.h>

#include "cv/model/name.h"
#include "cv/service/service.h"
#include "cv/util/auto.h"

struct cv_device_pace;

/* NULL: out of memory. */
struct cv_device_pace *cv_device_pace_new(void);
void cv_device_pace_free(struct cv_device_pace *pace);
CV_DEFINE_CLEANUP(cv_device_pace);

/* So many at once, then one in each interval. */
struct cv_pace_limit {
	int64_t at_once;
	int64_t interval_ms;
};

/* By the allowance of certificates: `at_once` for each that a device may have at once, and then
 * `later` for each. */
struct cv_pace_limit cv_pace_limit_of(
    const struct cv_service_settings *settings, int64_t at_once, int64_t later);

/* Takes leave for one. 0: it is given; else seconds after which it is worth asking again. */
int64_t cv_device_pace_take(struct cv_device_pace *pace, const struct cv_pace_limit *limit,
    const char *factory, const char *device, int64_t now_ms);

#endif
