#include "cv/service/access.h"

#include <stdio.h>
#include <string.h>

#include "cv/model/source.h"
#include "cv/pki/csr.h"
#include "cv/pki/digest.h"
#include "cv/pki/seal.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "issuance_internal.h"

/* ---- operators ---- */

/* Not the hash that is stored: who reads the database must not open what is sealed. */
static void
digest_with_purpose(const char *purpose, const char *secret, struct cv_digest *ret_digest)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	cv_buffer_printf(&text, "%s:%s", purpose, secret);
	cv_digest_sha256(cv_buffer_bytes(&text), ret_digest);
}

static bool
become(const struct cv_operator_credential *credential, struct cv_operator *ret_operator)
{
	snprintf(ret_operator->actor, sizeof(ret_operator->actor), "operator:%s", credential->name);
	memcpy(ret_operator->id, credential->id, sizeof(ret_operator->id));
	memcpy(ret_operator->name, credential->name, sizeof(ret_operator->name));
	memcpy(ret_operator->device, credential->device, sizeof(ret_operator->device));
	ret_operator->made_at_us = credential->made_at_us;
	ret_operator->scopes = credential->scopes;
	ret_operator->role = credential->role;
	ret_operator->has_every_factory = credential->has_every_factory;
	return cv_text_copy(
	    ret_operator->factories, sizeof(ret_operator->factories), credential->factories);
}

bool
cv_access_authenticate(struct cv_service *service, const char *secret, bool *ret_is_known,
    struct cv_operator *ret_operator, struct cv_error *err)
{
	struct cv_connection *connection;
	struct cv_operator_credential token = {.role = CV_ROLE_VIEWER};
	struct cv_digest hash;
	bool is_good;

	/* The secret is looked up by its hash: no comparison whose time could tell anything. */
	cv_digest_sha256(cv_bytes(secret, strlen(secret)), &hash);
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_realm_store_find_operator(connection, &hash, ret_is_known, &token, err);
	cv_pool_return(connection);
	if (!is_good || !*ret_is_known)
		return is_good;
	ret_operator->has_certificate = false;
	digest_with_purpose("seal", secret, &ret_operator->seal_key);
	return become(&token, ret_operator);
}

static enum cv_verdict
verdict_of(enum cv_credential_standing standing)
{
	switch (standing) {
	case CV_CREDENTIAL_GOOD:
		return CV_VERDICT_OK;
	case CV_CREDENTIAL_UNKNOWN:
		return CV_VERDICT_UNKNOWN;
	case CV_CREDENTIAL_REVOKED:
		return CV_VERDICT_DENIED;
	case CV_CREDENTIAL_EXPIRED:
		return CV_VERDICT_EXPIRED;
	}
	return CV_VERDICT_UNKNOWN;
}

bool
cv_access_recognise(struct cv_service *service, const struct cv_digest *fingerprint,
    enum cv_verdict *ret_verdict, struct cv_operator *ret_operator, struct cv_error *err)
{
	struct cv_connection *connection;
	struct cv_operator_credential credential = {.role = CV_ROLE_VIEWER};
	enum cv_credential_standing standing;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_realm_store_find_operator_certificate(
	    connection, fingerprint, &standing, &credential, err);
	cv_pool_return(connection);
	if (!is_good)
		return false;
	*ret_verdict = verdict_of(standing);
	ret_operator->has_certificate = true;
	ret_operator->seal_key = *fingerprint;
	return standing == CV_CREDENTIAL_UNKNOWN || become(&credential, ret_operator);
}

void
cv_access_seal_by_key(struct cv_operator *operator_, char key[CV_ACCESS_KEY_SIZE])
{
	struct cv_digest digest;

	digest_with_purpose("seal", key, &operator_->seal_key);
	digest_with_purpose("key", key, &digest);
	cv_hex_encode(digest.bytes, CV_DIGEST_LEN, key);
}

bool
cv_access_has_role(const struct cv_operator *operator_, enum cv_role needed)
{
	return operator_->role >= needed;
}

unsigned
cv_access_scopes_of(enum cv_role role)
{
	unsigned scopes = CV_SCOPE_READ;

	if (role != CV_ROLE_VIEWER)
		scopes |= CV_SCOPE_UPDATE | CV_SCOPE_CREATE | CV_SCOPE_DELETE;
	return scopes;
}

bool
cv_access_has_scope(const struct cv_operator *operator_, unsigned needed)
{
	if (operator_->scopes == 0)
		return true;
	return needed != 0 && cv_scopes_allow(operator_->scopes, needed);
}

static const char *const role_names[] = {
    [CV_ROLE_VIEWER] = "viewer",
    [CV_ROLE_OPERATOR] = "operator",
    [CV_ROLE_ADMIN] = "admin",
};

bool
cv_role_parse(const char *name, enum cv_role *ret_role)
{
	for (int role = CV_ROLE_VIEWER; role <= CV_ROLE_ADMIN; role++) {
		if (cv_text_equal(role_names[role], name)) {
			*ret_role = (enum cv_role)role;
			return true;
		}
	}
	return false;
}

const char *
cv_role_name(enum cv_role role)
{
	return role_names[role];
}

bool
cv_access_sees_factory(const struct cv_operator *operator_, const char *factory)
{
	return operator_->has_every_factory || cv_realm_list_has(operator_->factories, factory);
}

const char *
cv_access_scope(const struct cv_operator *operator_)
{
	return operator_->has_every_factory ? NULL : operator_->factories;
}

/* ---- tokens ---- */

bool
cv_access_keep_secret(const struct cv_operator *operator_, const char *secret,
    struct cv_configuration_order *order, struct cv_buffer *kept, struct cv_error *err)
{
	if (order->once &&
	    !cv_seal(&operator_->seal_key, cv_bytes(secret, strlen(secret)), kept, err))
		return false;
	order->kept = cv_buffer_bytes(kept);
	return true;
}

static bool
make_token(struct cv_service *service, const struct cv_operator *operator_,
    struct cv_configuration_order *order, char secret[CV_SECRET_SIZE],
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer sealed = CV_BUFFER_INIT;
	struct cv_bytes text;
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), id);
	cv_secret_generate(
	    order->act == CV_ADD_OPERATOR_TOKEN ? CV_SECRET_OPERATOR : CV_SECRET_ENROLMENT, secret);
	text = cv_bytes(secret, strlen(secret));
	cv_digest_sha256(text, &order->token_hash);
	order->name = id;
	return cv_access_keep_secret(operator_, secret, order, &sealed, err) &&
	       cv_configure(service, order, ret_result, err);
}

bool
cv_access_recall_secret(const struct cv_operator *operator_, const struct cv_buffer *sealed,
    char ret_secret[CV_SECRET_SIZE], struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	return cv_unseal(&operator_->seal_key, cv_buffer_bytes(sealed), &text, err) &&
	       cv_text_copy(ret_secret, CV_SECRET_SIZE, cv_buffer_text(&text));
}

bool
cv_access_make_token(struct cv_service *service, const struct cv_operator *operator_,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    char ret_secret[CV_SECRET_SIZE], struct cv_error *err)
{
	struct cv_configuration_order own = *order;

	return make_token(service, operator_, &own, ret_secret, ret_result, err) &&
	       (ret_result->outcome != CV_CONFIGURATION_REPEATED ||
		   cv_access_recall_secret(operator_, &ret_result->kept, ret_secret, err));
}

/* ---- client certificates of the service CA ---- */

static bool
parse_client_csr(struct cv_bytes der, enum cv_client_outcome *ret_outcome, struct cv_csr **ret_csr,
    struct cv_error *err)
{
	enum cv_csr_outcome outcome;

	if (!cv_csr_parse(der, &outcome, NULL, ret_csr, err))
		return false;
	*ret_outcome = outcome == CV_CSR_GOOD ? CV_CLIENT_GOOD : CV_CLIENT_BAD_CSR;
	return true;
}

static bool
issue_client(struct cv_service *service, const struct cv_certificate *service_ca, const char *name,
    int64_t lifetime_days, struct cv_bytes csr_der, enum cv_client_outcome *ret_outcome,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	struct cv_issuance_order issuance = {
	    .profile = CV_PROFILE_CLIENT,
	    .issuer = service_ca,
	    .now_utc = cv_clock_wall_seconds(cv_service_clock(service)),
	    .lifetime_days = lifetime_days,
	};
	enum cv_issuance_outcome outcome;

	if (!parse_client_csr(csr_der, ret_outcome, &csr, err))
		return false;
	if (*ret_outcome == CV_CLIENT_GOOD && cv_service_key_refusal(service, NULL, NULL, csr->key))
		*ret_outcome = CV_CLIENT_BAD_CSR;
	if (*ret_outcome != CV_CLIENT_GOOD)
		return true;
	/* The name is the operator's choice, whatever the request says. */
	cv_profile_append_name(&subject, NULL, name);
	issuance.subject = cv_buffer_bytes(&subject);
	issuance.spki = cv_public_key_spki(csr->key);
	if (!cv_issuance_make(cv_service_settings(service), cv_service_signer(service), &issuance,
		&outcome, ret_certificate, err))
		return false;
	return outcome == CV_ISSUANCE_MADE ||
	       cv_fail(err, CV_E_SIGNER, "the service CA ends too soon, or may not name this");
}

/* Records who it is for; the certificate is what a repeat of the request is given. */
static bool
record_client(struct cv_service *service, const struct cv_certificate *certificate,
    struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	order->kept = certificate->der;
	order->key_id = certificate->key_id;
	order->spki = certificate->spki;
	if (!cv_configure(service, order, ret_result, err))
		return false;
	if (ret_result->outcome == CV_CONFIGURATION_DONE)
		cv_buffer_append(&ret_result->kept, certificate->der.data, certificate->der.len);
	return !ret_result->kept.has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

static bool
record_gateway(struct cv_service *service, const struct cv_gateway_order *gateway,
    const struct cv_certificate *certificate, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	struct cv_gateway_row row = {.has_every_factory = gateway->factories == NULL,
	    .may_activate = gateway->may_activate,
	    .fingerprint = certificate->fingerprint,
	    .certificate = certificate->der};
	struct cv_configuration_order own = *order;

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), row.id);
	if (!cv_text_copy(row.name, sizeof(row.name), order->name) ||
	    !cv_text_copy(row.sources, sizeof(row.sources), gateway->sources) ||
	    (gateway->factories &&
		!cv_text_copy(row.factories, sizeof(row.factories), gateway->factories)))
		return cv_fail(err, CV_E_INPUT, "name or list too long");
	own.act = CV_ADD_GATEWAY;
	own.value.gateway = &row;
	return record_client(service, certificate, &own, ret_result, err);
}

bool
cv_access_add_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *gateway, const struct cv_configuration_order *order,
    enum cv_client_outcome *ret_outcome, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_sources sources;

	*ret_outcome = CV_CLIENT_BAD_SOURCE;
	if (!cv_sources_parse(gateway->sources, &sources))
		return true;
	if (!issue_client(service, service_ca, order->name, gateway->lifetime_days, gateway->csr,
		ret_outcome, &certificate, err))
		return false;
	return *ret_outcome != CV_CLIENT_GOOD ||
	       record_gateway(service, gateway, certificate, order, ret_result, err);
}

bool
cv_access_add_certificate(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_operator_certificate_order *wanted, const struct cv_configuration_order *order,
    enum cv_client_outcome *ret_outcome, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_operator_row recorded = *wanted->operator_;
	struct cv_configuration_order own = *order;
	char id[CV_UUID_TEXT_SIZE];

	if (!issue_client(service, service_ca, recorded.name, wanted->lifetime_days, wanted->csr,
		ret_outcome, &certificate, err))
		return false;
	if (*ret_outcome != CV_CLIENT_GOOD)
		return true;
	recorded.fingerprint = certificate->fingerprint;
	recorded.certificate = certificate->der;
	recorded.not_after_utc = certificate->not_after_utc;
	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), id);
	own.act = CV_ADD_OPERATOR_CERTIFICATE;
	own.name = id;
	own.value.operator_ = &recorded;
	return record_client(service, certificate, &own, ret_result, err);
}
