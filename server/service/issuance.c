#include "issuance_internal.h"

#include <string.h>

#include "cv/util/log.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#define DAY 86400

bool
cv_issuance_validity(const struct cv_service_settings *settings,
    const struct cv_certificate *issuer, int64_t now_utc, int64_t lifetime_seconds,
    struct cv_certificate_request *ret_request)
{
	int64_t not_before = now_utc - settings->backdate_seconds;
	int64_t not_after = now_utc + lifetime_seconds;

	if (not_before < issuer->not_before_utc)
		not_before = issuer->not_before_utc;
	if (not_after > issuer->not_after_utc)
		not_after = issuer->not_after_utc;
	if (not_after - now_utc < settings->min_validity_seconds)
		return false;
	ret_request->not_before_utc = not_before;
	ret_request->not_after_utc = not_after;
	return true;
}

int64_t
cv_issuance_debt_max(const struct cv_service_settings *settings)
{
	return (settings->issue_burst - 1) * settings->issue_interval_seconds;
}

bool
cv_issuance_allowance(const struct cv_service_settings *settings,
    const struct cv_device_record *record, int64_t *ret_debt_until_utc, int64_t *ret_wait_seconds)
{
	int64_t debt = record->issue_debt_until_utc;

	if (debt < record->now_utc)
		debt = record->now_utc;
	*ret_debt_until_utc = debt + settings->issue_interval_seconds;
	*ret_wait_seconds = debt - record->now_utc - cv_issuance_debt_max(settings);
	return *ret_wait_seconds <= 0;
}

/* Judged on the certificate that would be, before anything is signed. */
static bool
check_names(const struct cv_issuance_order *order, struct cv_bytes tbs, struct cv_bytes algorithm,
    bool *ret_may, struct cv_error *err)
{
	static const uint8_t no_signature[] = {0};
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	cv_profile_append_certificate(tbs, algorithm, CV_BYTES(no_signature), &der);
	if (der.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return cv_certificate_may_name(order->issuer, cv_buffer_bytes(&der), ret_may, err);
}

/* What differs from the order; NULL: nothing. */
static const char *
find_difference(const struct cv_issuance_order *order, const struct cv_certificate_request *request,
    struct cv_bytes tbs, const struct cv_certificate *certificate)
{
	const char *reason;

	/* Names were judged, and the signer was asked, on these very bytes. */
	if (!cv_bytes_equal(certificate->tbs, tbs))
		return "it is not what was to be signed";
	if (!cv_bytes_equal(certificate->spki, order->spki))
		return "the public key is another";
	if (!cv_bytes_equal(certificate->subject, order->subject) ||
	    !cv_bytes_equal(certificate->san, order->san))
		return "the names are others";
	if (certificate->is_ca || certificate->not_before_utc != request->not_before_utc ||
	    certificate->not_after_utc != request->not_after_utc ||
	    !cv_bytes_equal(certificate->authority_key, request->issuer_key))
		return "the profile is another";
	return cv_certificate_is_signed_by(certificate, order->issuer, &reason) ? NULL : reason;
}

/* A bit that flipped in memory, or a signer that errs, must not reach a device. */
static bool
check_made(const struct cv_issuance_order *order, const struct cv_certificate_request *request,
    struct cv_bytes tbs, const struct cv_certificate *certificate, struct cv_error *err)
{
	const char *difference = find_difference(order, request, tbs, certificate);
	char serial[2 * CV_SERIAL_MAX + 1];

	if (!difference)
		return true;
	cv_hex_encode(certificate->serial.data, certificate->serial.len, serial);
	cv_log(CV_LOG_ERROR, "bad-certificate-made",
	    "a new certificate was not good and is not used", CV_LOG_TEXT("serial", serial),
	    CV_LOG_TEXT("reason", difference));
	return cv_fail(err, CV_E_INTERNAL, "a new certificate is not good: %s", difference);
}

static bool
sign(const struct cv_signer *signer, const struct cv_issuance_order *order,
    const struct cv_certificate_request *request, enum cv_issuance_outcome *ret_outcome,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	uint8_t signature[CV_SIGNATURE_MAX];
	bool may_name;
	size_t len;

	if (!cv_profile_append_tbs(request, &tbs, err) ||
	    !check_names(order, cv_buffer_bytes(&tbs), request->algorithm, &may_name, err))
		return false;
	if (!may_name) {
		*ret_outcome = CV_ISSUANCE_NAME_REFUSED;
		return true;
	}
	if (!cv_signer_sign(
		signer, &order->issuer->key_id, cv_buffer_bytes(&tbs), signature, &len, err))
		return false;
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), request->algorithm, cv_bytes(signature, len), &der);
	if (der.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_certificate_parse_leaf(cv_buffer_bytes(&der), &certificate, err) ||
	    !check_made(order, request, cv_buffer_bytes(&tbs), certificate, err))
		return false;
	*ret_certificate = CV_TAKE(certificate);
	return true;
}

/* So that a fleet that enrolled at once does not renew at once. */
static int64_t
lifetime_of(const struct cv_issuance_order *order)
{
	int64_t lifetime = order->lifetime_days * DAY;
	int64_t most = lifetime / 100 * order->jitter_percent;
	uint32_t random;

	if (most == 0)
		return lifetime;
	cv_random_bytes(&random, sizeof(random));
	return lifetime - (int64_t)((uint64_t)random * (uint64_t)most >> 32);
}

/* Of an authority without an identifier of its own, what RFC 5280 section 4.2.1.1 derives from its
 * key: authorities of one name are told apart by it. */
static struct cv_bytes
key_identifier_of(const struct cv_certificate *issuer, uint8_t derived[CV_SHA1_LEN])
{
	if (issuer->subject_key.len > 0 || !cv_profile_key_identifier(issuer->spki, derived))
		return issuer->subject_key;
	return cv_bytes(derived, CV_SHA1_LEN);
}

bool
cv_issuance_make(const struct cv_service_settings *settings, const struct cv_signer *signer,
    const struct cv_issuance_order *order, enum cv_issuance_outcome *ret_outcome,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	uint8_t derived[CV_SHA1_LEN];
	struct cv_certificate_request request = {
	    .profile = order->profile,
	    .issuer = order->issuer->subject,
	    .issuer_key = key_identifier_of(order->issuer, derived),
	    .subject = order->subject,
	    .spki = order->spki,
	    .san = order->san,
	    .crl_url = order->crl_url,
	    .ocsp_url = order->ocsp_url,
	    .issuer_url = order->issuer_url,
	};

	*ret_outcome = CV_ISSUANCE_MADE;
	if (!cv_issuance_validity(
		settings, order->issuer, order->now_utc, lifetime_of(order), &request)) {
		*ret_outcome = CV_ISSUANCE_ISSUER_ENDS;
		return true;
	}
	if (!cv_signer_algorithm(signer, &order->issuer->key_id, &request.algorithm))
		return cv_fail(err, CV_E_SIGNER, "no key for the issuing authority");
	cv_profile_make_serial(request.serial);
	return sign(signer, order, &request, ret_outcome, ret_certificate, err);
}
