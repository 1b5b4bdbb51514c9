/*
 * How often a device may fetch its configuration and send events. Whoever holds a key that is not
 * refused may ask, and each of these requests reads or writes the database.
 */
#ifndef CV_SERVICE_DEVICE_REQUEST_H
#define CV_SERVICE_DEVICE_REQUEST_H

#include <stdint.h>

#include "cv/service/service.h"
#include "cv/service/sight.h"

/* By the allowance of certificates, as changes are (announcement.h), but apart from these: fifteen
 * for each certificate that it may have at once, and then 1800 for each. By default that is 300,
 * then one a second. */
#define CV_DEVICE_REQUESTS_AT_ONCE 15
#define CV_DEVICE_REQUESTS_LATER 1800

/* Takes leave for one request of whom sight is about. 0: it is given; else it is counted as
 * refused, and worth asking again after so many seconds. Replaced keys in their grace have an
 * allowance of their own: whoever stole one must not use up the device's. Never blocks; any thread.
 */
int64_t cv_device_request_wait(struct cv_service *service, const struct cv_sight *sight);

#endif
