#include "cv/service/authority.h"

#include <string.h>

#include "cv/pki/certificate.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

/*
 * What a CA must be to vouch for devices. NULL: fit. The service CA and our own device CAs never
 * come in this way, under whatever certificate.
 */
static const char *
why_unfit(struct cv_service *service, const struct cv_certificate *certificate, int64_t now_utc)
{
	struct cv_bytes algorithm;

	if (cv_signer_algorithm(cv_service_signer(service), &certificate->key_id, &algorithm))
		return "the key of this CA is held by certvendor itself";
	if (!certificate->may_sign_certificates)
		return "not a CA certificate with keyCertSign";
	if (certificate->not_after_utc < now_utc)
		return "the certificate has expired";
	return NULL;
}

static bool
make_row(struct cv_service *service, const struct cv_authority_order *order,
    const struct cv_certificate *certificate, struct cv_authority_row *ret_row,
    struct cv_error *err)
{
	memset(ret_row, 0, sizeof(*ret_row));
	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), ret_row->id);
	if (!cv_text_copy(ret_row->factory, sizeof(ret_row->factory), order->factory) ||
	    !cv_text_copy(ret_row->name, sizeof(ret_row->name), order->name) ||
	    !cv_text_copy(ret_row->owner, sizeof(ret_row->owner), order->owner))
		return cv_fail(err, CV_E_INPUT, "name too long");
	ret_row->kind = order->kind;
	ret_row->state = CV_AUTHORITY_TRUSTED;
	ret_row->fingerprint = certificate->fingerprint;
	ret_row->certificate = certificate->der;
	return true;
}

static bool
add(struct cv_service *service, const struct cv_authority_order *order,
    const struct cv_authority_row *row, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good =
	    cv_realm_store_add_authority(connection, row, order->actor, order->request_id, err) &&
	    cv_service_refresh(service, connection, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_authority_import(struct cv_service *service, const struct cv_authority_order *order,
    enum cv_authority_outcome *ret_outcome, const char **ret_detail, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error parse_error = CV_ERROR_INIT;
	struct cv_authority_row row;
	const char *unfit = "the certificate is malformed";

	if (cv_certificate_parse(order->certificate, &certificate, &parse_error))
		unfit = why_unfit(
		    service, certificate, cv_clock_wall_seconds(cv_service_clock(service)));
	if (unfit) {
		*ret_outcome = CV_AUTHORITY_BAD_CERTIFICATE;
		if (ret_detail)
			*ret_detail = unfit;
		return true;
	}
	if (!make_row(service, order, certificate, &row, err))
		return false;
	if (!add(service, order, &row, err)) {
		if (err->code != CV_E_CONSTRAINT)
			return false;
		*ret_outcome = CV_AUTHORITY_EXISTS;
		return true;
	}
	*ret_outcome = CV_AUTHORITY_ADDED;
	return true;
}

static enum cv_lifecycle_outcome
why_unchanged(struct cv_service *service, const char *factory, const char *name,
    enum cv_authority_state wanted)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(service);

	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_authority_row *row = &realm->authorities[i].row;

		if (strcmp(row->factory, factory) == 0 && strcmp(row->name, name) == 0)
			return row->state == wanted ? CV_LIFECYCLE_UNCHANGED
						    : CV_LIFECYCLE_NOT_POSSIBLE;
	}
	return CV_LIFECYCLE_NOT_FOUND;
}

bool
cv_authority_set_state(struct cv_service *service, const char *factory, const char *name,
    enum cv_authority_state state, const char *reason, const char *actor, const char *request_id,
    enum cv_lifecycle_outcome *ret_outcome, struct cv_error *err)
{
	struct cv_connection *connection;
	bool has_changed = false;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_realm_store_set_authority_state(connection, factory, name, state, actor,
		      reason, request_id, &has_changed, err) &&
		  cv_service_refresh(service, connection, err);
	cv_pool_return(cv_service_pool(service), connection);
	if (!is_good)
		return false;
	*ret_outcome =
	    has_changed ? CV_LIFECYCLE_DONE : why_unchanged(service, factory, name, state);
	return true;
}
