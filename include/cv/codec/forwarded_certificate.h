/*
 * Client certificates as gateways forward them in a header: RFC 9440, percent-encoded PEM, SHA-256.
 * Each turns one header value into bytes; nothing is guessed. Any thread.
 */
#ifndef CV_CODEC_FORWARDED_CERTIFICATE_H
#define CV_CODEC_FORWARDED_CERTIFICATE_H

#include <stdbool.h>

#include "cv/model/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_FORWARDED_MAX_BYTES 32768

/* Client-Cert: `:base64(DER):` (RFC 9440 section 2.2); percent-encoded PEM is read there too, as
 * some guides put it. */
bool cv_forwarded_rfc9440(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
/* Percent-encoded PEM, one block. A '+' is a literal plus. */
bool cv_forwarded_pem(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
/* 64 hex digits. */
bool cv_forwarded_sha256(
    const char *value, struct cv_digest *ret_fingerprint, struct cv_error *err);

#endif
