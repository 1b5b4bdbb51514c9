/* What operators do to devices and certificates. Blocking; every act is one audited transaction. */
#ifndef CV_SERVICE_DEVICE_LIFECYCLE_H
#define CV_SERVICE_DEVICE_LIFECYCLE_H

#include <stdbool.h>

#include "cv/model/state.h"
#include "cv/service/service.h"
#include "cv/util/error.h"

enum cv_lifecycle_outcome {
	CV_LIFECYCLE_DONE,
	CV_LIFECYCLE_UNCHANGED,    /* it was so already */
	CV_LIFECYCLE_NOT_FOUND,    /* also: no such group */
	CV_LIFECYCLE_NOT_POSSIBLE, /* e.g. release of a device that is not held; nothing to approve
				    */
};

enum cv_lifecycle_act {
	CV_LIFECYCLE_HOLD,    /* the id is refused, nothing else changes */
	CV_LIFECYCLE_RELEASE, /* ends a hold */
	CV_LIFECYCLE_DELETE,  /* the id is refused, nothing forgotten */
	CV_LIFECYCLE_REVOKE,  /* all its keys end; id refused */
	CV_LIFECYCLE_ALLOW,  /* clears a deleted or revoked id; keys and denials stay as they are */
	CV_LIFECYCLE_CANCEL, /* announced keys fall back to issued, lock off */
	CV_LIFECYCLE_APPROVE, /* announces the newest asked key in the operator's name */
	CV_LIFECYCLE_JOIN,    /* puts it into a group, out of the one it is in */
	CV_LIFECYCLE_LEAVE,   /* takes it out of this group */
};

struct cv_lifecycle_request {
	const char *factory;
	const char *device;
	enum cv_reason reason; /* REVOKE */
	const char *remark;    /* of acts without such a reason; NULL: none */
	const char *group;     /* JOIN, LEAVE */
	const char *actor;     /* operator:<token name> */
	const char *request_id;
};

bool cv_lifecycle_device(struct cv_service *service, enum cv_lifecycle_act act,
    const struct cv_lifecycle_request *request, enum cv_lifecycle_outcome *ret_outcome,
    struct cv_error *err);

/*
 * Revokes one certificate. keyCompromise, or the last certificate of the current key for any reason
 * but superseded, ends the key and withdraws what it announced and asked for: *ret_ends_key, to be
 * told to the operator.
 */
bool cv_lifecycle_revoke_certificate(struct cv_service *service,
    const struct cv_lifecycle_request *request, const struct cv_digest *fingerprint,
    enum cv_lifecycle_outcome *ret_outcome, bool *ret_ends_key, struct cv_error *err);

const char *cv_lifecycle_act_name(enum cv_lifecycle_act act);

#endif
