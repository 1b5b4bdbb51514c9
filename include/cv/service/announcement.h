/* The device names its next key over a connection of its current key. Blocking. */
#ifndef CV_SERVICE_ANNOUNCEMENT_H
#define CV_SERVICE_ANNOUNCEMENT_H

#include <stdbool.h>

#include "cv/service/service.h"
#include "cv/service/sight.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

enum cv_announcement_outcome {
	CV_ANNOUNCEMENT_DONE, /* announced, or announced before, or the key is current already */
	CV_ANNOUNCEMENT_MALFORMED,  /* not a public key, or none that a device may have: 400 */
	CV_ANNOUNCEMENT_SAME_KEY,   /* names its own, present key: 400 */
	CV_ANNOUNCEMENT_KEY_ENDED,  /* denied, or replaced by this device before: 409 */
	CV_ANNOUNCEMENT_KEY_IN_USE, /* proved by another device: 409 */
	CV_ANNOUNCEMENT_REFUSED,    /* the presented certificate: see ret_verdict */
	CV_ANNOUNCEMENT_BUSY,       /* the device changes itself too often: 429 */
};

/* Changes that a device makes of itself go by its allowance of certificates: three for each that it
 * may have at once, and then thirty for each. A rotation takes two. */
#define CV_DEVICE_WRITES_AT_ONCE 3
#define CV_DEVICE_WRITES_LATER 30
#define CV_DEVICE_WRITE_SECONDS 60 /* after which one that was refused is worth trying again */

/*
 * pem: SubjectPublicKeyInfo. Naming the current key: when the device has activated before (it
 * repeats its last announcement) DONE without a change; otherwise SAME_KEY.
 */
bool cv_announce(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, const char *pem, size_t pem_len, const char *request_id,
    enum cv_announcement_outcome *ret_outcome, enum cv_verdict *ret_verdict, struct cv_error *err);

#endif
