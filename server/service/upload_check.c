#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/random.h"
#include "cv/util/text.h"
#include "factory_pki_internal.h"

bool
upload_refuse(
    struct upload_check *check, enum cv_factory_pki_outcome outcome, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(check->result->detail, sizeof(check->result->detail), format, arguments);
	va_end(arguments);
	check->result->outcome = outcome;
	check->is_refused = true;
	return false;
}

/* What the sender got wrong is a refusal, everything else a failure. */
static bool
refuse_input(struct upload_check *check, const char *field, struct cv_error *err)
{
	if (err->code != CV_E_INPUT && err->code != CV_E_LIMIT)
		return false;
	return upload_refuse(check, CV_FACTORY_PKI_REFUSED, "%s: %s.", field, err->text);
}

bool
upload_parse(struct upload_check *check, const char *field, const struct cv_buffer *pem,
    struct cv_bundle *ret_bundle, struct cv_error *err)
{
	return pem->len == 0 || cv_bundle_parse(cv_buffer_bytes(pem), ret_bundle, err) ||
	       refuse_input(check, field, err);
}

bool
upload_parse_one(struct upload_check *check, const char *field, const struct cv_buffer *pem,
    struct cv_bundle *ret_bundle, struct cv_error *err)
{
	return upload_parse(check, field, pem, ret_bundle, err) &&
	       (ret_bundle->count <= 1 || upload_refuse(check, CV_FACTORY_PKI_REFUSED,
					      "%s must be one certificate.", field));
}

/* A workstation's clock may be ahead. */
bool
upload_check_dates(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate)
{
	if (certificate->not_after_utc < check->now_utc)
		return upload_refuse(
		    check, CV_FACTORY_PKI_REFUSED, "%s: the certificate has expired.", field);
	if (certificate->not_before_utc > check->now_utc + check->skew_seconds)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: the certificate begins in the future: is the clock right?", field);
	return true;
}

bool
upload_check_ca(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate)
{
	if (!certificate->may_sign_certificates)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: not a CA certificate (CA:TRUE, and keyCertSign where there is a key "
		    "usage).",
		    field);
	if (!cv_certificate_is_understood(certificate))
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: the certificate has a critical extension that certvendor does not know.",
		    field);
	if (certificate->organizational_unit_count != 1 ||
	    strcmp(certificate->organizational_unit, check->order->factory) != 0)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: the OU of each CA must be the factory, %s.", field, check->order->factory);
	return upload_check_dates(check, field, certificate);
}

bool
upload_check_signer(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate)
{
	return cv_certificate_is_signed_by(certificate, check->root, NULL) ||
	       upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		   "%s: the certificate is not signed by the root.", field);
}

static const char *
title_of(enum cv_authority_kind kind)
{
	switch (kind) {
	case CV_AUTHORITY_ROOT:
		return "root";
	case CV_AUTHORITY_ONLINE:
		return "device-ca";
	case CV_AUTHORITY_OFFLINE:
		return "local-ca";
	case CV_AUTHORITY_BOOTSTRAP:
		break;
	}
	return "ca";
}

/* A name that nobody gives it: unique because of the fingerprint in it. */
struct cv_authority_row *
upload_add_authority(struct upload_check *check, enum cv_authority_kind kind, const char *owner,
    const struct cv_certificate *certificate)
{
	struct cv_authority_row *row = &check->added[check->added_count++];
	char fingerprint[2 * sizeof(certificate->fingerprint.bytes) + 1];

	*row = (struct cv_authority_row){
	    .kind = kind,
	    .state = CV_AUTHORITY_TRUSTED,
	    .fingerprint = certificate->fingerprint,
	    .certificate = certificate->der,
	};
	cv_uuid7(cv_clock_wall_ms(cv_service_clock(check->service)), row->id);
	cv_hex_encode(
	    certificate->fingerprint.bytes, sizeof(certificate->fingerprint.bytes), fingerprint);
	(void)cv_text_copy(row->factory, sizeof(row->factory), check->order->factory);
	(void)cv_text_copy(row->owner, sizeof(row->owner), owner);
	(void)snprintf(row->name, sizeof(row->name), "%.40s-%s-%.12s", check->order->factory,
	    title_of(kind), fingerprint);
	return row;
}

/* The pending key of the purpose gets its certificate. It must open here, or nobody could say that
 * it will work. */
bool
upload_use_key(struct upload_check *check, const struct cv_factory_key_row *key,
    const char *certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};

	if (!cv_signer_open_sealed(cv_service_signer(check->service),
		cv_bytes(key->sealed, strlen(key->sealed)), &pem, err))
		return cv_error_context(
		    err, "%s key of the factory", cv_factory_key_purpose_name(key->purpose));
	check->keys[check->key_count++] =
	    (struct cv_factory_key_turn){.purpose = key->purpose, .certificate = certificate};
	return true;
}
