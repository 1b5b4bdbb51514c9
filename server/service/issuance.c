#include "issuance_internal.h"

#include <string.h>

#define DAY 86400

bool
cv_issuance_validity(const struct cv_service_settings *settings,
    const struct cv_certificate *issuer, int64_t now_utc, int64_t lifetime_days,
    struct cv_certificate_request *ret_request)
{
	int64_t not_before = now_utc - settings->backdate_seconds;
	int64_t not_after = now_utc + lifetime_days * DAY;

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

bool
cv_issuance_allowance(const struct cv_service_settings *settings,
    const struct cv_device_record *record, int64_t *ret_debt_until_utc, int64_t *ret_wait_seconds)
{
	int64_t debt = record->issue_debt_until_utc;
	int64_t most = settings->issue_burst * settings->issue_interval_seconds;

	if (debt < record->now_utc)
		debt = record->now_utc;
	debt += settings->issue_interval_seconds;
	*ret_debt_until_utc = debt;
	*ret_wait_seconds = debt - record->now_utc - most;
	return *ret_wait_seconds <= 0;
}

static bool
sign(struct cv_service *service, const struct cv_certificate_request *request,
    const struct cv_digest *issuer_key, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len;

	if (!cv_profile_append_tbs(request, &tbs, err) ||
	    !cv_signer_sign(cv_service_signer(service), issuer_key, cv_buffer_bytes(&tbs),
		signature, &len, err))
		return false;
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), request->algorithm, cv_bytes(signature, len), &der);
	if (der.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	/* What leaves the house can be read by the house. */
	return cv_certificate_parse(cv_buffer_bytes(&der), ret_certificate, err);
}

bool
cv_issuance_make(struct cv_service *service, const struct cv_issuance_order *order,
    bool *ret_is_usable, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	struct cv_certificate_request request = {
	    .profile = order->profile,
	    .issuer = order->issuer->subject,
	    .issuer_key = order->issuer->subject_key,
	    .subject = order->subject,
	    .spki = order->spki,
	    .san = order->san,
	};

	*ret_is_usable = cv_issuance_validity(cv_service_settings(service), order->issuer,
	    order->now_utc, order->lifetime_days, &request);
	if (!*ret_is_usable)
		return true;
	if (!cv_signer_algorithm(
		cv_service_signer(service), &order->issuer->key_id, &request.algorithm))
		return cv_fail(err, CV_E_SIGNER, "no key for the issuing authority");
	cv_profile_make_serial(request.serial);
	return sign(service, &request, &order->issuer->key_id, ret_certificate, err);
}
