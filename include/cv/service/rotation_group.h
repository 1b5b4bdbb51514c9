/*
 * Rotation groups: devices are told, one after the other and no faster than a rate, to change their
 * key. Several instances share the work and together keep the rate.
 */
#ifndef CV_SERVICE_ROTATION_GROUP_H
#define CV_SERVICE_ROTATION_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/service.h"
#include "cv/util/error.h"

#define CV_ROTATION_PER_HOUR_MAX 36000

/*
 * May one more be told now? Then ret_next_ms is when the next one may. Whoever was kept from
 * telling may catch up what the last ten seconds would have allowed, and nothing older. Pure.
 */
bool cv_rotation_take_turn(int64_t per_hour, int64_t next_ms, int64_t now_ms, int64_t *ret_next_ms);

/*
 * Tells the devices whose turn it is, ten at most, and ends groups that are done; waits for
 * nobody's lock. A device is told and marked in one transaction, with its audit row. One that is
 * held, or whose configuration is locked, is tried again five minutes later; one that is gone, or
 * whose layer would become too large, is skipped.
 */
bool cv_rotation_tell_due(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err);

#endif
