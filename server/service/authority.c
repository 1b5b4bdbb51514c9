#include "cv/service/authority.h"

#include <string.h>

#include "cv/pki/certificate.h"
#include "cv/service/ca_certificates.h"
#include "cv/util/random.h"
#include "cv/util/text.h"
#include "service_internal.h"

/* One of our own, certified by another CA as well, as while a root changes. */
static bool
is_ours_crossed(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate)
{
	const struct cv_realm_authority *twin =
	    cv_ca_certificates_twin(realm, factory, certificate);

	return twin != NULL && twin->row.kind == CV_AUTHORITY_ONLINE &&
	       !cv_certificate_is_signed_by(certificate, certificate, NULL);
}

/* The OU is the name of the factory, here as with devices. Who comes first would have the name of a
 * CA that the other factory is yet to make. */
static bool
is_called_after_another(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate)
{
	const char *unit = certificate->organizational_unit;

	return strcmp(unit, factory) != 0 && cv_realm_factory(realm, unit) != NULL;
}

/*
 * What a CA must be to vouch for devices, or to be shown to them. NULL: fit. The service CA and our
 * own device CAs never come in this way, under whatever certificate, but for one from another
 * issuer that is only shown.
 */
static const char *
why_unfit(struct cv_service *service, const struct cv_realm *realm,
    const struct cv_authority_import *import, const char *factory,
    const struct cv_certificate *certificate)
{
	int64_t now_utc = cv_clock_wall_seconds(cv_service_clock(service));
	bool is_shown_only = import->kind == CV_AUTHORITY_ROOT;
	struct cv_bytes algorithm;

	if (cv_signer_algorithm(cv_service_signer(service), &certificate->key_id, &algorithm) &&
	    !(is_shown_only && is_ours_crossed(realm, factory, certificate)))
		return "the key of this CA is held by certvendor itself";
	if (!certificate->may_sign_certificates)
		return "not a CA certificate with keyCertSign";
	if (!cv_certificate_is_understood(certificate))
		return "the certificate has a critical extension that certvendor does not know";
	if (certificate->not_after_utc < now_utc)
		return "the certificate has expired";
	if (cv_realm_would_share_name(realm, certificate))
		return "the name of this CA is that of an authority of certvendor itself";
	if (is_called_after_another(realm, factory, certificate))
		return "the OU of this CA is the name of another factory";
	return is_shown_only
		   ? cv_ca_certificates_refusal(realm, factory, certificate)
		   : cv_realm_key_refusal(realm, factory, import->kind, &certificate->key_id);
}

static bool
make_row(struct cv_service *service, const struct cv_authority_import *import,
    const struct cv_configuration_order *order, const struct cv_certificate *certificate,
    struct cv_authority_row *ret_row, struct cv_error *err)
{
	memset(ret_row, 0, sizeof(*ret_row));
	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), ret_row->id);
	if (!cv_text_copy(ret_row->factory, sizeof(ret_row->factory), order->scope) ||
	    !cv_text_copy(ret_row->name, sizeof(ret_row->name), order->name) ||
	    !cv_text_copy(ret_row->owner, sizeof(ret_row->owner), import->owner))
		return cv_fail(err, CV_E_INPUT, "name too long");
	ret_row->kind = import->kind;
	ret_row->state = CV_AUTHORITY_TRUSTED;
	ret_row->fingerprint = certificate->fingerprint;
	ret_row->certificate = certificate->der;
	return true;
}

/* Looks at it and lists it; OVERTAKEN when another authority or the like came between. */
static bool
try_import(struct cv_service *service, const struct cv_authority_import *import,
    struct cv_configuration_order *order, const struct cv_certificate *certificate,
    const char **ret_unfit, struct cv_configuration_result *ret_result, struct cv_error *err)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(service);

	*ret_unfit = why_unfit(service, realm, import, order->scope, certificate);
	order->realm_version = realm->version;
	return *ret_unfit != NULL || cv_configure(service, order, ret_result, err);
}

bool
cv_authority_import(struct cv_service *service, const struct cv_authority_import *import,
    const struct cv_configuration_order *order, const char **ret_unfit,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error parse_error = CV_ERROR_INIT;
	struct cv_configuration_order own = *order;
	struct cv_authority_row row;

	*ret_unfit = "the certificate is malformed";
	if (!cv_certificate_parse(import->certificate, &certificate, &parse_error))
		return true;
	own.act = CV_ADD_AUTHORITY;
	own.value.authority = &row;
	if (!make_row(service, import, order, certificate, &row, err))
		return false;
	for (int i = 0; i < CV_OVERTAKEN_MAX; i++) {
		if (!try_import(service, import, &own, certificate, ret_unfit, ret_result, err))
			return false;
		if (*ret_unfit != NULL || ret_result->outcome != CV_CONFIGURATION_OVERTAKEN)
			return true;
	}
	return cv_fail(err, CV_E_CONFLICT, "others list authorities all the time");
}

bool
cv_authority_set_state(struct cv_service *service, enum cv_authority_state state,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	struct cv_configuration_order own = *order;
	const struct cv_authority_row row = {.state = state};

	own.act = CV_CHANGE_AUTHORITY;
	own.value.authority = &row;
	return cv_configure(service, &own, ret_result, err);
}
