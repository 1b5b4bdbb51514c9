/* Operators: who holds which token or certificate, what the role may do, in which factories.
 * Blocking where said. */
#ifndef CV_SERVICE_ACCESS_H
#define CV_SERVICE_ACCESS_H

#include <stdbool.h>

#include "cv/model/scope.h"
#include "cv/model/secret.h"
#include "cv/model/verdict.h"
#include "cv/service/configuration.h"
#include "cv/service/service.h"
#include "cv/store/realm_store.h"
#include "cv/util/error.h"

struct cv_operator {
	char id[CV_UUID_SIZE];          /* of the token or certificate */
	char actor[CV_OWNER_SIZE + 16]; /* "operator:<name>" */
	char name[CV_OWNER_SIZE];
	bool has_certificate; /* logged in with one */
	enum cv_role role;
	bool has_every_factory;
	char factories[CV_FACTORY_LIST_SIZE];
	unsigned scopes;                   /* 0: whatever the role may */
	char device[CV_DEVICE_ID_MAX + 1]; /* may register this one only; "": any */
	int64_t made_at_us;                /* of a token: microseconds since 1970 */
	/* Answers with secrets are kept sealed. Made of the token; of who has a certificate see
	 * cv_access_seal_by_key. */
	struct cv_digest seal_key;
};

/* Finds the operator of a bearer secret. ret_is_known false: unknown, expired or revoked. Blocking.
 */
bool cv_access_authenticate(struct cv_service *service, const char *secret, bool *ret_is_known,
    struct cv_operator *ret_operator, struct cv_error *err);
/*
 * Finds the operator of a client certificate whose key was proved in the handshake. ret_verdict OK,
 * or what is wrong with it: UNKNOWN (also certificates of gateways, devices and servers), DENIED
 * when it was revoked, EXPIRED. Blocking.
 */
bool cv_access_recognise(struct cv_service *service, const struct cv_digest *fingerprint,
    enum cv_verdict *ret_verdict, struct cv_operator *ret_operator, struct cv_error *err);
/*
 * Who has a certificate shares no secret with us, so answers are sealed with the Idempotency-Key of
 * their request. That key is replaced by its digest, which is what may be recorded.
 */
#define CV_ACCESS_KEY_SIZE 129
void cv_access_seal_by_key(struct cv_operator *operator_, char key[CV_ACCESS_KEY_SIZE]);
bool cv_access_has_role(const struct cv_operator *operator_, enum cv_role needed);
/* A token that is cut down does what all of them allow; to what has no scope it comes never: 0. */
bool cv_access_has_scope(const struct cv_operator *operator_, unsigned needed);
/* The scopes that a role has. */
unsigned cv_access_scopes_of(enum cv_role role);
bool cv_role_parse(const char *name, enum cv_role *ret_role);
/* "viewer". Never NULL. */
const char *cv_role_name(enum cv_role role);
/* A foreign factory looks as if it did not exist. */
bool cv_access_sees_factory(const struct cv_operator *operator_, const char *factory);

/* The factories that an operator sees, as cv_view_query has it. */
const char *cv_access_scope(const struct cv_operator *operator_);

/*
 * Makes a token of either kind, with an id and a secret of its own: order has everything else. DONE
 * and REPEATED give the secret, the same one. Blocking.
 */
bool cv_access_make_token(struct cv_service *service, const struct cv_operator *operator_,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    char ret_secret[CV_SECRET_SIZE], struct cv_error *err);

/*
 * A secret that is shown once, for a repeat of the very request: sealed with the operator's token
 * where the order has an Idempotency-Key. order lends kept.
 */
bool cv_access_keep_secret(const struct cv_operator *operator_, const char *secret,
    struct cv_configuration_order *order, struct cv_buffer *kept, struct cv_error *err);
/* The secret that the first of the repeated requests was given. */
bool cv_access_recall_secret(const struct cv_operator *operator_, const struct cv_buffer *sealed,
    char ret_secret[CV_SECRET_SIZE], struct cv_error *err);

/*
 * Issues a gateway's client certificate under the service CA, for the key of the gateway's own CSR,
 * and records the gateway. The kept bytes of a result that is DONE or REPEATED are the certificate.
 * order: name and terms. Blocking.
 */
enum cv_client_outcome { CV_CLIENT_GOOD, CV_CLIENT_BAD_CSR, CV_CLIENT_BAD_SOURCE };
struct cv_gateway_order {
	const char *factories; /* comma list; NULL: every factory */
	const char *sources;   /* comma list, see cv/model/source.h */
	bool may_activate;
	struct cv_bytes csr;
	int64_t lifetime_days;
};
bool cv_access_add_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *gateway, const struct cv_configuration_order *order,
    enum cv_client_outcome *ret_outcome, struct cv_configuration_result *ret_result,
    struct cv_error *err);

/* The same for an operator, who gets an id; the name of the order is not used. Blocking. */
struct cv_operator_certificate_order {
	const struct cv_operator_row *operator_; /* all but the certificate */
	struct cv_bytes csr;
	int64_t lifetime_days;
};
bool cv_access_add_certificate(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_operator_certificate_order *wanted, const struct cv_configuration_order *order,
    enum cv_client_outcome *ret_outcome, struct cv_configuration_result *ret_result,
    struct cv_error *err);

#endif
