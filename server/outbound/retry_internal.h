/* When a delivery is tried again. Pure; any thread. */
#ifndef CV_OUTBOUND_RETRY_INTERNAL_H
#define CV_OUTBOUND_RETRY_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/event.h"
#include "cv/outbound/sender.h"

/* What a receiver asks for is heeded up to this. */
#define CV_RETRY_AFTER_MAX_SECONDS 86400

/*
 * Milliseconds after attempt number `attempt` (the first is 1): doubled with each, at most the
 * longest, then between half of that and the whole, as chance (any number) says, so that those that
 * failed together do not come together. Not before what the receiver asked for.
 */
int64_t cv_retry_wait_ms(const struct cv_sender_settings *settings, int64_t attempt,
    int64_t retry_after_seconds, uint32_t chance);

/* Acknowledged? 0: there was no answer. */
bool cv_status_acknowledges(long status);

#endif
