/* EST bodies (RFC 7030 as corrected by RFC 8951). Any thread. */
#ifndef CV_CODEC_EST_H
#define CV_CODEC_EST_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_EST_BODY_MAX 65536

/* Request body: base64 with white space anywhere, PEM armour of a CSR accepted. CV_E_INPUT:
 * bad-base64. */
bool cv_est_decode_request(struct cv_bytes body, struct cv_buffer *ret_der, struct cv_error *err);
/* Answer body: these bytes in base64, as below. */
void cv_est_append_base64(struct cv_buffer *buffer, struct cv_bytes der, size_t columns);
/* Answer body: certs-only, base64 in one line (columns 0) or wrapped with CRLF, exactly one CRLF at
 * the end. */
void cv_est_append_certs(
    struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count, size_t columns);

/* Media type of the answer below. */
#define CV_EST_KEY_ANSWER "multipart/mixed; boundary=certvendor-key-and-certificate"
enum cv_est_key_form {
	CV_EST_KEY_PLAIN,     /* PrivateKeyInfo in the clear */
	CV_EST_KEY_ENVELOPED, /* CMS EnvelopedData */
};
/* Answer body of serverkeygen (RFC 7030 section 4.4.2): a new private key and its certificate.
 * buffer should be marked is_secret. */
void cv_est_append_key_answer(struct cv_buffer *buffer, enum cv_est_key_form form,
    struct cv_bytes private_key, struct cv_bytes certificate, size_t columns);

#endif
