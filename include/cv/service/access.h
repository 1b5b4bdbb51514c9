/* Operators: who holds which token, what the role may do, in which factories. Blocking where said.
 */
#ifndef CV_SERVICE_ACCESS_H
#define CV_SERVICE_ACCESS_H

#include <stdbool.h>

#include "cv/service/service.h"
#include "cv/store/realm_store.h"
#include "cv/util/error.h"

struct cv_operator {
	char actor[CV_OWNER_SIZE + 16]; /* "operator:<token name>" */
	enum cv_role role;
	bool has_every_factory;
	char factories[CV_FACTORY_LIST_SIZE];
};

/* Finds the operator of a bearer secret. ret_is_known false: unknown, expired or revoked. Blocking.
 */
bool cv_access_authenticate(struct cv_service *service, const char *secret, bool *ret_is_known,
    struct cv_operator *ret_operator, struct cv_error *err);
bool cv_access_has_role(const struct cv_operator *operator_, enum cv_role needed);
/* A foreign factory looks as if it did not exist. */
bool cv_access_sees_factory(const struct cv_operator *operator_, const char *factory);

/* Makes an enrolment token and returns its secret once. device NULL: any unregistered id. Blocking.
 */
bool cv_access_make_enrolment_token(struct cv_service *service, const char *factory,
    const char *device, int64_t uses, int64_t expires_in_seconds, const char *actor,
    const char *request_id, char ret_secret[64], struct cv_error *err);

/*
 * Issues a gateway's client certificate under the service CA, for the key of the gateway's own CSR,
 * and records the gateway. Blocking.
 */
struct cv_gateway_order {
	const char *name;
	const char *factories; /* comma list; NULL: every factory */
	const char *sources;   /* comma list, see cv/model/source.h */
	bool may_activate;
	struct cv_bytes csr;
	int64_t lifetime_days;
};
enum cv_gateway_outcome {
	CV_GATEWAY_ADDED,
	CV_GATEWAY_EXISTS,
	CV_GATEWAY_BAD_CSR,
	CV_GATEWAY_BAD_SOURCE
};
bool cv_access_add_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *order, const char *actor, const char *request_id,
    enum cv_gateway_outcome *ret_outcome, struct cv_buffer *ret_der, struct cv_error *err);

#endif
