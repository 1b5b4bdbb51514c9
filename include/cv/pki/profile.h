/*
 * Builds what is signed: the TBSCertificate of a device, and, for init only, of CAs, servers and
 * gateways. Signs nothing. Any thread.
 */
#ifndef CV_PKI_PROFILE_H
#define CV_PKI_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/pki/certificate.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_ISSUED_SERIAL_LEN 20 /* 159 random bits: positive, first bit clear, never zero */

enum cv_profile {
	CV_PROFILE_DEVICE,  /* CA:FALSE, keyUsage digitalSignature, EKU clientAuth; all three
			       critical */
	CV_PROFILE_SERVER,  /* CA:FALSE, digitalSignature, EKU serverAuth, SAN required */
	CV_PROFILE_CLIENT,  /* CA:FALSE, digitalSignature, EKU clientAuth; of the service CA:
			       gateways and operators */
	CV_PROFILE_ROOT,    /* CA:TRUE, keyCertSign + cRLSign, self-signed */
	CV_PROFILE_ISSUING, /* CA:TRUE pathlen 0, keyCertSign + cRLSign */
};

struct cv_certificate_request {
	enum cv_profile profile;
	struct cv_bytes issuer; /* Name element of the issuer's subject */
	struct cv_bytes
	    issuer_key; /* issuer's subjectKeyIdentifier, for AKI; empty when self-signed */
	struct cv_bytes algorithm; /* AlgorithmIdentifier element of the coming signature */
	struct cv_bytes subject;   /* Name element */
	struct cv_bytes spki;      /* canonical SubjectPublicKeyInfo */
	struct cv_bytes san;       /* GeneralNames element; empty: none */
	const char *crl_url;       /* http URLs for whoever verifies; NULL or "": none */
	const char *ocsp_url;
	const char *issuer_url;
	uint8_t serial[CV_ISSUED_SERIAL_LEN];
	int64_t not_before_utc;
	int64_t not_after_utc;
};

/* Fills serial with 159 random bits. */
void cv_profile_make_serial(uint8_t ret_serial[CV_ISSUED_SERIAL_LEN]);
/* Method 1 of RFC 5280 section 4.2.1.2: SHA-1 of the key bits, without the count of unused ones.
 * False: spki is no SubjectPublicKeyInfo. */
bool cv_profile_key_identifier(struct cv_bytes spki, uint8_t ret_identifier[CV_SHA1_LEN]);
/* Appends the TBSCertificate. SKI is SHA-1 of the key bits (RFC 5280 section 4.2.1.2). */
bool cv_profile_append_tbs(
    const struct cv_certificate_request *request, struct cv_buffer *buffer, struct cv_error *err);
/* Appends the Certificate made of a TBS, its algorithm and a signature. */
void cv_profile_append_certificate(struct cv_bytes tbs, struct cv_bytes algorithm,
    struct cv_bytes signature, struct cv_buffer *buffer);
/* Appends a Name element: OU (NULL: none) then CN, as UTF8String. */
void cv_profile_append_name(
    struct cv_buffer *buffer, const char *organizational_unit, const char *common_name);
/* Appends a GeneralNames element from "DNS:a,IP:127.0.0.1,IP:::1". */
bool cv_profile_append_san(struct cv_buffer *buffer, const char *names, struct cv_error *err);

#endif
