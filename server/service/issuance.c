#include "issuance_internal.h"

#include <string.h>

#include "cv/util/random.h"

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

static bool
sign(struct cv_service *service, const struct cv_issuance_order *order,
    const struct cv_certificate_request *request, enum cv_issuance_outcome *ret_outcome,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
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
	if (!cv_signer_sign(cv_service_signer(service), &order->issuer->key_id,
		cv_buffer_bytes(&tbs), signature, &len, err))
		return false;
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), request->algorithm, cv_bytes(signature, len), &der);
	if (der.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	/* What leaves the house can be read by the house. */
	return cv_certificate_parse(cv_buffer_bytes(&der), ret_certificate, err);
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

bool
cv_issuance_make(struct cv_service *service, const struct cv_issuance_order *order,
    enum cv_issuance_outcome *ret_outcome, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	struct cv_certificate_request request = {
	    .profile = order->profile,
	    .issuer = order->issuer->subject,
	    .issuer_key = order->issuer->subject_key,
	    .subject = order->subject,
	    .spki = order->spki,
	    .san = order->san,
	    .crl_url = order->crl_url,
	    .ocsp_url = order->ocsp_url,
	    .issuer_url = order->issuer_url,
	};

	*ret_outcome = CV_ISSUANCE_MADE;
	if (!cv_issuance_validity(cv_service_settings(service), order->issuer, order->now_utc,
		lifetime_of(order), &request)) {
		*ret_outcome = CV_ISSUANCE_ISSUER_ENDS;
		return true;
	}
	if (!cv_signer_algorithm(
		cv_service_signer(service), &order->issuer->key_id, &request.algorithm))
		return cv_fail(err, CV_E_SIGNER, "no key for the issuing authority");
	cv_profile_make_serial(request.serial);
	return sign(service, order, &request, ret_outcome, ret_certificate, err);
}
