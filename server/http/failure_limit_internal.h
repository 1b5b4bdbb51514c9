/*
 * Failed passwords and tokens per source address: after so many in a minute that source must wait.
 * Counts failures only, in a table of fixed size; a flood of addresses drops the oldest entries.
 * Any thread.
 */
#ifndef CV_HTTP_FAILURE_LIMIT_INTERNAL_H
#define CV_HTTP_FAILURE_LIMIT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/util/auto.h"

#define CV_FAILURES_MAX 20
#define CV_FAILURE_WINDOW_SECONDS 60

/* An IPv4 address in mapped form, or the first 64 bits of an IPv6 address: whoever has one address
 * has all of those. */
struct cv_source {
	uint8_t bytes[16];
};

struct cv_failure_limit;

/* NULL: out of memory. */
struct cv_failure_limit *cv_failure_limit_new(void);
void cv_failure_limit_free(struct cv_failure_limit *limit);
CV_DEFINE_CLEANUP(cv_failure_limit);

/* Seconds that this source has to wait; 0: none. now_ms is a clock that never goes back. */
int64_t cv_failure_limit_wait(
    struct cv_failure_limit *limit, const struct cv_source *source, int64_t now_ms);
void cv_failure_limit_count(
    struct cv_failure_limit *limit, const struct cv_source *source, int64_t now_ms);

#endif
