/* What registering with a request and registering with a certificate share. */
#ifndef CV_SERVICE_DEVICE_REGISTRATION_INTERNAL_H
#define CV_SERVICE_DEVICE_REGISTRATION_INTERNAL_H

#include "cv/service/device_registration.h"

#include "enrolment_internal.h"

/* Why a device may not be called so, static; NULL: it may. A name may not look like the id of
 * another device: people would take one for the other. */
const char *cv_device_name_refusal(const char *name, const char *device);
/* Under the lock: is the name free, and is there the group? True, as cv_enrolment_refuse. */
bool cv_registration_check_place(struct enrolment *enrolment, const struct cv_device_order *order,
    const struct cv_device_change *change);

#endif
