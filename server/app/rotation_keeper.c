#include "rotation_keeper_internal.h"

#include "cv/service/rotation_group.h"
#include "cv/util/clock.h"
#include "cv/util/log.h"

#define LOOK_EVERY_MS 1000

void
cv_rotation_keep(
    struct cv_rotation_keeper *keeper, struct cv_service *service, struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;
	int64_t now_ms = cv_clock_boot_ms(cv_clock_system());

	if (now_ms - keeper->looked_ms < LOOK_EVERY_MS)
		return;
	keeper->looked_ms = now_ms;
	bool has_failed = !cv_rotation_tell_due(service, connection, &err);
	if (has_failed && !keeper->has_failed)
		cv_log_error(CV_LOG_WARNING, "rotation-groups-failed",
		    "devices of rotation groups are not told for now", &err);
	keeper->has_failed = has_failed;
}
