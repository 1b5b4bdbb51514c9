/* Which device a path below /ota means. In workers only. */
#ifndef CV_HTTP_OTA_DEVICE_INTERNAL_H
#define CV_HTTP_OTA_DEVICE_INTERNAL_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "operator_call_internal.h"

/* The id of the device that the first parameter of the path names. False: there can be no such
 * device, and that is answered. */
bool cv_ota_find_device(struct cv_request *request, const struct cv_operator_call *call,
    char ret_id[CV_DEVICE_ID_MAX + 1]);

#endif
