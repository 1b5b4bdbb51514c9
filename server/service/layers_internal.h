/* The lock of a device's own layer of configuration. Pure. */
#ifndef CV_SERVICE_LAYERS_INTERNAL_H
#define CV_SERVICE_LAYERS_INTERNAL_H

#include <stdbool.h>

#include "cv/model/device_record.h"
#include "cv/service/service.h"

/* A key is announced, and not since longer than the lock lasts. */
bool cv_layers_are_locked(struct cv_service *service, const struct cv_device_record *record);

#endif
