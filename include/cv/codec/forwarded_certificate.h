/*
 * Client certificates, and names of them, as gateways forward them in a header. Each function takes
 * one header value; nothing is guessed. CV_E_INPUT, or CV_E_LIMIT above the ceiling. Any thread.
 */
#ifndef CV_CODEC_FORWARDED_CERTIFICATE_H
#define CV_CODEC_FORWARDED_CERTIFICATE_H

#include <stdbool.h>

#include "cv/model/certificate_name.h"
#include "cv/model/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_FORWARDED_MAX_BYTES 32768

/* ---- the certificate itself: its DER is appended ---- */

/* Client-Cert: `:base64(DER):` (RFC 9440 section 2.2); percent-encoded PEM is read there too, as
 * some guides put it. */
bool cv_forwarded_rfc9440(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
/* Percent-encoded PEM, one block. A '+' is a literal plus. */
bool cv_forwarded_pem(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
/* The same, but what follows the first block, a chain, is ignored. */
bool cv_forwarded_pem_chain(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
/*
 * X-Forwarded-Tls-Client-Cert of Traefik: base64 of the DER, with the chain after a comma; or all
 * of that percent-encoded, as version 2 writes it.
 */
bool cv_forwarded_traefik(const char *value, struct cv_buffer *ret_der, struct cv_error *err);

/* ---- names of it ---- */

/* 64 hex digits. */
bool cv_forwarded_sha256(
    const char *value, struct cv_digest *ret_fingerprint, struct cv_error *err);
/* 40 hex digits. */
bool cv_forwarded_sha1(
    const char *value, struct cv_certificate_name *ret_name, struct cv_error *err);
/* The issuer as text, and the serial number in hex, with or without leading zeros and colons. */
bool cv_forwarded_issuer_serial(const char *issuer, const char *serial,
    struct cv_certificate_name *ret_name, struct cv_error *err);
/*
 * X-Forwarded-Tls-Client-Cert-Info of Traefik, percent-encoded, a '+' being a blank:
 * `Subject="..";Issuer="..";SerialNumber="<decimal>"..`, more certificates after a comma. Traefik
 * does not escape a quote in a subject, so with a Subject only a single certificate is read.
 */
bool cv_forwarded_traefik_info(
    const char *value, struct cv_certificate_name *ret_name, struct cv_error *err);

/* ---- either ---- */

struct cv_forwarded_xfcc {
	bool has_certificate;
	bool has_fingerprint;
	struct cv_digest fingerprint; /* its Hash */
};
/*
 * X-Forwarded-Client-Cert of Envoy: the Cert is appended to *ret_der. Envoy writes alternative
 * names of its client without quotes, so a second element may be the client's own invention, and is
 * CV_E_CONFLICT.
 */
bool cv_forwarded_xfcc(const char *value, struct cv_buffer *ret_der,
    struct cv_forwarded_xfcc *ret_xfcc, struct cv_error *err);

#endif
