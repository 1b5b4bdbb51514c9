/*
 * Certificate revocation lists (RFC 5280 section 5) that a root gives us about its CAs. Read
 * strictly and verified by the bare signature: the root need not have the key usage cRLSign. Any
 * thread.
 */
#ifndef CV_PKI_CRL_H
#define CV_PKI_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/pki/certificate.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_CRL_ENTRIES_MAX 256
#define CV_CRL_MAX_BYTES 65536

/* Of RFC 5280 section 5.3.1; absent counts as unspecified. */
#define CV_CRL_UNSPECIFIED 0
#define CV_CRL_CERTIFICATE_HOLD 6
#define CV_CRL_REMOVE 8

struct cv_crl_entry {
	uint8_t serial[CV_SERIAL_MAX]; /* as in struct cv_certificate */
	size_t serial_len;
	unsigned reason;
};

struct cv_crl {
	int64_t this_update_utc;
	int64_t next_update_utc;
	size_t count;
	struct cv_crl_entry entries[CV_CRL_ENTRIES_MAX];
};

enum cv_crl_outcome {
	CV_CRL_GOOD,
	CV_CRL_MALFORMED, /* not one PEM block, not strict DER, a critical extension that means
			     more than we do */
	CV_CRL_FOREIGN,   /* of another issuer, or not signed by this one */
};

/* pem: one "X509 CRL" block, whatever stands around it. ret_detail: a static text for the sender.
 * Fails on CV_E_MEMORY. ret_crl is to be freed with free(). */
bool cv_crl_parse_pem(struct cv_bytes pem, const struct cv_certificate *issuer,
    enum cv_crl_outcome *ret_outcome, const char **ret_detail, struct cv_crl **ret_crl,
    struct cv_error *err);
/* The same for DER. */
bool cv_crl_parse(struct cv_bytes der, const struct cv_certificate *issuer,
    enum cv_crl_outcome *ret_outcome, const char **ret_detail, struct cv_crl **ret_crl,
    struct cv_error *err);

#endif
