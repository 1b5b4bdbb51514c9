/* Tells devices of rotation groups, once a second. The feed's thread. */
#ifndef CV_APP_ROTATION_KEEPER_INTERNAL_H
#define CV_APP_ROTATION_KEEPER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/service.h"

struct cv_rotation_keeper {
	int64_t looked_ms;
	bool has_failed;
};

/* A failure is logged, once until it works again, and stops nobody. */
void cv_rotation_keep(struct cv_rotation_keeper *keeper, struct cv_service *service,
    struct cv_connection *connection);

#endif
