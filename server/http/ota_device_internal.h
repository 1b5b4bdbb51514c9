/* Which device a path below /ota means. In workers only. */
#ifndef CV_HTTP_OTA_DEVICE_INTERNAL_H
#define CV_HTTP_OTA_DEVICE_INTERNAL_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "operator_call_internal.h"

/* The id of the device that the first parameter of the path names: by its name, or with ?by-uuid=1
 * by its id. False: answered, with 404 when there is none or it is denied. */
bool cv_ota_find_device(struct cv_request *request, const struct cv_operator_call *call,
    char ret_id[CV_DEVICE_ID_MAX + 1]);

#endif
