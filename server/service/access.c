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
make_seal_key(const char *secret, struct cv_digest *ret_key)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	cv_buffer_printf(&text, "seal:%s", secret);
	cv_digest_sha256(cv_buffer_bytes(&text), ret_key);
}

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
	memcpy(ret_operator->id, token.id, sizeof(ret_operator->id));
	memcpy(ret_operator->name, token.name, sizeof(ret_operator->name));
	memcpy(ret_operator->device, token.device, sizeof(ret_operator->device));
	ret_operator->scopes = token.scopes;
	make_seal_key(secret, &ret_operator->seal_key);
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
	if (order->once && !cv_seal(&operator_->seal_key, text, &sealed, err))
		return false;
	order->kept = cv_buffer_bytes(&sealed);
	return cv_configure(service, order, ret_result, err);
}

/* The secret that the first of the repeated requests was given. */
static bool
recall_secret(const struct cv_operator *operator_, const struct cv_buffer *sealed,
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
		   recall_secret(operator_, &ret_result->kept, ret_secret, err));
}

/* ---- gateways ---- */

static bool
parse_gateway_csr(struct cv_bytes der, enum cv_gateway_outcome *ret_outcome,
    struct cv_csr **ret_csr, struct cv_error *err)
{
	enum cv_csr_outcome outcome;

	if (!cv_csr_parse(der, &outcome, NULL, ret_csr, err))
		return false;
	*ret_outcome = outcome == CV_CSR_GOOD ? CV_GATEWAY_GOOD : CV_GATEWAY_BAD_CSR;
	return true;
}

static bool
issue_gateway(struct cv_service *service, const struct cv_certificate *service_ca, const char *name,
    int64_t lifetime_days, const struct cv_csr *csr, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	struct cv_issuance_order issuance = {
	    .profile = CV_PROFILE_GATEWAY,
	    .issuer = service_ca,
	    .spki = cv_public_key_spki(csr->key),
	    .now_utc = cv_clock_wall_seconds(cv_service_clock(service)),
	    .lifetime_days = lifetime_days,
	};
	enum cv_issuance_outcome outcome;

	/* The name is the operator's, whatever the request says. */
	cv_profile_append_name(&subject, NULL, name);
	issuance.subject = cv_buffer_bytes(&subject);
	if (!cv_issuance_make(service, &issuance, &outcome, ret_certificate, err))
		return false;
	return outcome == CV_ISSUANCE_MADE ||
	       cv_fail(err, CV_E_SIGNER, "the service CA ends too soon, or may not name this");
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
	own.kept = certificate->der;
	if (!cv_configure(service, &own, ret_result, err))
		return false;
	if (ret_result->outcome == CV_CONFIGURATION_DONE)
		cv_buffer_append(&ret_result->kept, certificate->der.data, certificate->der.len);
	return !ret_result->kept.has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_access_add_gateway(struct cv_service *service, const struct cv_certificate *service_ca,
    const struct cv_gateway_order *gateway, const struct cv_configuration_order *order,
    enum cv_gateway_outcome *ret_outcome, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	unsigned sources;

	*ret_outcome = CV_GATEWAY_BAD_SOURCE;
	if (!cv_sources_parse(gateway->sources, &sources))
		return true;
	if (!parse_gateway_csr(gateway->csr, ret_outcome, &csr, err))
		return false;
	if (*ret_outcome != CV_GATEWAY_GOOD)
		return true;
	return issue_gateway(service, service_ca, order->name, gateway->lifetime_days, csr,
		   &certificate, err) &&
	       record_gateway(service, gateway, certificate, order, ret_result, err);
}
