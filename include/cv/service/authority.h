/* What operators do to the authorities of a factory. Blocking; audited; the realm is loaded anew
 * before the return. */
#ifndef CV_SERVICE_AUTHORITY_H
#define CV_SERVICE_AUTHORITY_H

#include <stdbool.h>

#include "cv/model/state.h"
#include "cv/service/device_lifecycle.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_authority_order {
	const char *factory;
	const char *name;
	const char *owner;           /* "": none */
	enum cv_authority_kind kind; /* offline or bootstrap */
	struct cv_bytes certificate; /* DER */
	const char *actor;
	const char *request_id;
};

enum cv_authority_outcome {
	CV_AUTHORITY_ADDED,
	CV_AUTHORITY_EXISTS,          /* that name, or that certificate, is there already */
	CV_AUTHORITY_BAD_CERTIFICATE, /* not a CA certificate that may sign certificates: see
					 ret_detail */
};

/* Imports a CA certificate as trusted. ret_detail (may be NULL): static text for the operator. */
bool cv_authority_import(struct cv_service *service, const struct cv_authority_order *order,
    enum cv_authority_outcome *ret_outcome, const char **ret_detail, struct cv_error *err);

/* DONE, UNCHANGED, NOT_FOUND, or NOT_POSSIBLE: a revoked one is only made trusted again. reason may
 * be NULL. */
bool cv_authority_set_state(struct cv_service *service, const char *factory, const char *name,
    enum cv_authority_state state, const char *reason, const char *actor, const char *request_id,
    enum cv_lifecycle_outcome *ret_outcome, struct cv_error *err);

#endif
