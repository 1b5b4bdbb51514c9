/* What operators do to the authorities of a factory. Blocking; audited; the realm is loaded anew
 * before the return. */
#ifndef CV_SERVICE_AUTHORITY_H
#define CV_SERVICE_AUTHORITY_H

#include <stdbool.h>

#include "cv/model/state.h"
#include "cv/service/configuration.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_authority_import {
	const char *owner;           /* "": none */
	enum cv_authority_kind kind; /* root, offline or bootstrap */
	struct cv_bytes certificate; /* DER */
};

/*
 * Imports a CA certificate as trusted, under the name and terms of order. ret_unfit: static text
 * for the operator when it is no CA certificate that may vouch for devices (nothing was done then),
 * else NULL.
 */
bool cv_authority_import(struct cv_service *service, const struct cv_authority_import *import,
    const struct cv_configuration_order *order, const char **ret_unfit,
    struct cv_configuration_result *ret_result, struct cv_error *err);

/* NOT_POSSIBLE: a revoked one is only made trusted again. */
bool cv_authority_set_state(struct cv_service *service, enum cv_authority_state state,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    struct cv_error *err);

#endif
