/*
 * How fast a device may change what is kept of it: each change leaves rows that are kept for ever.
 * A bounded table in memory, for this instance alone. Any thread.
 */
#ifndef CV_SERVICE_WRITE_PACE_INTERNAL_H
#define CV_SERVICE_WRITE_PACE_INTERNAL_H

#include <stdint.h>

#include "cv/model/name.h"
#include "cv/util/auto.h"

struct cv_write_pace;

/* NULL: out of memory. */
struct cv_write_pace *cv_write_pace_new(void);
void cv_write_pace_free(struct cv_write_pace *pace);
CV_DEFINE_CLEANUP(cv_write_pace);

/* So many changes at once, then one in each interval. */
struct cv_write_limit {
	int64_t at_once;
	int64_t interval_ms;
};

/* Takes leave for one change. 0: it is given; else seconds after which it is worth asking again. */
int64_t cv_write_pace_take(struct cv_write_pace *pace, const struct cv_write_limit *limit,
    const char *factory, const char *device, int64_t now_ms);

#endif
