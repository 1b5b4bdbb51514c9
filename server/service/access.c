#include "cv/service/access.h"

#include <stdio.h>
#include <string.h>

#include "cv/model/secret.h"
#include "cv/model/source.h"
#include "cv/pki/csr.h"
#include "cv/pki/digest.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "issuance_internal.h"

/* ---- operators ---- */

bool
cv_access_authenticate(struct cv_service *service, const char *secret, bool *ret_is_known,
    struct cv_operator *ret_operator, struct cv_error *err)
{
	struct cv_connection *connection;
	struct cv_operator_token token = {.role = CV_ROLE_VIEWER};
	struct cv_digest hash;
	bool is_good;

	/* The secret is looked up by its hash: no comparison whose time could tell anything. */
	cv_digest_sha256(cv_bytes(secret, strlen(secret)), &hash);
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_realm_store_find_operator(connection, &hash, ret_is_known, &token, err);
	cv_pool_return(cv_service_pool(service), connection);
	if (!is_good || !*ret_is_known)
		return is_good;
	snprintf(ret_operator->actor, sizeof(ret_operator->actor), "operator:%s", token.name);
	ret_operator->role = token.role;
	ret_operator->has_every_factory = token.has_every_factory;
	return cv_text_copy(
	    ret_operator->factories, sizeof(ret_operator->factories), token.factories);
}

bool
cv_access_has_role(const struct cv_operator *operator_, enum cv_role needed)
{
	return operator_->role >= needed;
}

bool
cv_access_sees_factory(const struct cv_operator *operator_, const char *factory)
{
	return operator_->has_every_factory || cv_realm_list_has(operator_->factories, factory);
}

/* ---- enrolment tokens ---- */

bool
cv_access_make_enrolment_token(struct cv_service *service, const char *factory, const char *device,
    int64_t uses, int64_t expires_in_seconds, const char *actor, const char *request_id,
    char ret_secret[64], struct cv_error *err)
{
	struct cv_enrolment_token_row row = {
	    .uses_max = uses, .expires_in_seconds = expires_in_seconds};
	struct cv_connection *connection;
	struct cv_digest hash;
	char secret[CV_SECRET_SIZE];
	bool is_good;

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), row.id);
	if (!cv_text_copy(row.factory, sizeof(row.factory), factory) ||
	    (device && !cv_text_copy(row.device, sizeof(row.device), device)))
		return cv_fail(err, CV_E_INPUT, "name too long");
	cv_secret_generate(CV_SECRET_ENROLMENT, secret);
	cv_digest_sha256(cv_bytes(secret, strlen(secret)), &hash);
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good =
	    cv_realm_store_add_enrolment_token(connection, &row, &hash, actor, request_id, err);
	cv_pool_return(cv_service_pool(service), connection);
	if (is_good)
		memcpy(ret_secret, secret, sizeof(secret));
	cv_wipe(secret, sizeof(secret));
	return is_good;
}

/* ---- gateways ---- */

static bool
parse_gateway_csr(struct cv_bytes der, enum cv_gateway_outcome *ret_outcome,
    struct cv_csr **ret_csr, struct cv_error *err)
{
	enum cv_csr_outcome outcome;

	if (!cv_csr_parse(der, &outcome, NULL, ret_csr, err))
		return false;
	*ret_outcome = outcome == CV_CSR_GOOD ? CV_GATEWAY_ADDED : CV_GATEWAY_BAD_CSR;
	return true;
}

static bool
issue_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *order, const struct cv_csr *csr,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	struct cv_issuance_order issuance = {
	    .profile = CV_PROFILE_GATEWAY,
	    .issuer = service_ca,
	    .spki = cv_public_key_spki(csr->key),
	    .now_utc = cv_clock_wall_seconds(cv_service_clock(service)),
	    .lifetime_days = order->lifetime_days,
	};
	bool is_usable;

	/* The name is the operator's, whatever the request says. */
	cv_profile_append_name(&subject, NULL, order->name);
	issuance.subject = cv_buffer_bytes(&subject);
	if (!cv_issuance_make(service, &issuance, &is_usable, ret_certificate, err))
		return false;
	return is_usable || cv_fail(err, CV_E_SIGNER, "the service CA ends too soon");
}

static bool
record_gateway(struct cv_service *service, const struct cv_gateway_order *order,
    const struct cv_certificate *certificate, const char *actor, const char *request_id,
    struct cv_error *err)
{
	struct cv_gateway_row row = {.has_every_factory = order->factories == NULL,
	    .may_activate = order->may_activate,
	    .fingerprint = certificate->fingerprint,
	    .certificate = certificate->der};
	struct cv_connection *connection;
	bool is_good;

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), row.id);
	if (!cv_text_copy(row.name, sizeof(row.name), order->name) ||
	    !cv_text_copy(row.sources, sizeof(row.sources), order->sources) ||
	    (order->factories &&
		!cv_text_copy(row.factories, sizeof(row.factories), order->factories)))
		return cv_fail(err, CV_E_INPUT, "name or list too long");
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_realm_store_add_gateway(connection, &row, actor, request_id, err) &&
		  cv_service_refresh(service, connection, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_access_add_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *order, const char *actor, const char *request_id,
    enum cv_gateway_outcome *ret_outcome, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	enum cv_gateway_outcome outcome;
	unsigned sources;

	if (!cv_sources_parse(order->sources, &sources)) {
		*ret_outcome = CV_GATEWAY_BAD_SOURCE;
		return true;
	}
	if (!parse_gateway_csr(order->csr, &outcome, &csr, err))
		return false;
	if (outcome != CV_GATEWAY_ADDED) {
		*ret_outcome = outcome;
		return true;
	}
	if (!issue_gateway(service, service_ca, order, csr, &certificate, err))
		return false;
	if (!record_gateway(service, order, certificate, actor, request_id, err)) {
		if (err->code != CV_E_CONSTRAINT)
			return false;
		*ret_outcome = CV_GATEWAY_EXISTS;
		return true;
	}
	cv_buffer_append(ret_der, certificate->der.data, certificate->der.len);
	*ret_outcome = CV_GATEWAY_ADDED;
	return true;
}
