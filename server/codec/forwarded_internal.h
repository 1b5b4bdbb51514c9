/* What the readers of forwarded headers share. */
#ifndef CV_CODEC_FORWARDED_INTERNAL_H
#define CV_CODEC_FORWARDED_INTERNAL_H

#include "cv/codec/forwarded_certificate.h"

/* The length of a header value within the ceiling. */
bool cv_forwarded_measure(const char *value, size_t *ret_len, struct cv_error *err);
/* Appends the text without its percent-encoding; anything else stays as it is. */
bool cv_forwarded_percent_decode(
    const char *value, size_t len, struct cv_buffer *ret_text, struct cv_error *err);
/* cv_forwarded_pem and cv_forwarded_sha256 of a part of a value. */
bool cv_forwarded_pem_part(struct cv_bytes part, struct cv_buffer *ret_der, struct cv_error *err);
bool cv_forwarded_sha256_part(
    struct cv_bytes part, struct cv_digest *ret_fingerprint, struct cv_error *err);
/* The serial number without leading zero octets; at least one octet. */
bool cv_forwarded_take_serial(
    struct cv_bytes octets, struct cv_certificate_name *ret_name, struct cv_error *err);
bool cv_forwarded_take_issuer(
    struct cv_bytes text, struct cv_certificate_name *ret_name, struct cv_error *err);

#endif
