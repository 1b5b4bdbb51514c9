/*
 * Making one certificate: how long, by whom, how often; built, signed, read back and verified.
 * Shared by enrolment, re-enrolment and gateway identities. Writes nothing.
 */
#ifndef CV_SERVICE_ISSUANCE_INTERNAL_H
#define CV_SERVICE_ISSUANCE_INTERNAL_H

#include "cv/model/device_record.h"
#include "cv/pki/csr.h"
#include "cv/pki/profile.h"
#include "cv/service/service.h"

/* notBefore backdated, notAfter capped by the issuer's; false: the issuer ends too soon to sign
 * anything. */
bool cv_issuance_validity(const struct cv_service_settings *settings,
    const struct cv_certificate *issuer, int64_t now_utc, int64_t lifetime_seconds,
    struct cv_certificate_request *ret_request);

/* In seconds; a slot that owes more gets no further certificate. */
int64_t cv_issuance_debt_max(const struct cv_service_settings *settings);
/* Leaky bucket per device and slot: the debt after one more issuance, or how long to wait. */
bool cv_issuance_allowance(const struct cv_service_settings *settings,
    const struct cv_device_record *record, int64_t *ret_debt_until_utc, int64_t *ret_wait_seconds);

struct cv_issuance_order {
	enum cv_profile profile;
	const struct cv_certificate *issuer;
	struct cv_bytes subject; /* Name element */
	struct cv_bytes spki;
	struct cv_bytes san; /* GeneralNames element; empty: none */
	int64_t now_utc;
	int64_t lifetime_days;
	int64_t jitter_percent; /* at most so much shorter, at random */
	const char *crl_url;    /* as in struct cv_certificate_request */
	const char *ocsp_url;
	const char *issuer_url;
};

enum cv_issuance_outcome {
	CV_ISSUANCE_MADE,         /* the signed certificate, parsed */
	CV_ISSUANCE_ISSUER_ENDS,  /* too soon for the shortest validity */
	CV_ISSUANCE_NAME_REFUSED, /* by the name constraints of the issuer */
};
/*
 * CV_E_INTERNAL, and an error in the log: what came out is not what was ordered, or does not verify
 * under the certificate of the issuer. It is gone then.
 */
bool cv_issuance_make(const struct cv_service_settings *settings, const struct cv_signer *signer,
    const struct cv_issuance_order *order, enum cv_issuance_outcome *ret_outcome,
    struct cv_certificate **ret_certificate, struct cv_error *err);

#endif
