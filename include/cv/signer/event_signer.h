/*
 * The key that signs what event queues are sent, apart from those of CAs: it is RSA, because the
 * receivers know no other, has a certificate of its own that vouches for nothing, and signs the
 * input of a JWT (RFC 7515 section 5.1) with RS256, or nothing. Keys are kept in the database,
 * sealed under the signer's passphrase, as are the secrets of webhooks. Any thread.
 */
#ifndef CV_SIGNER_EVENT_SIGNER_H
#define CV_SIGNER_EVENT_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/signer/signer.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_KID_SIZE 41 /* the first 20 bytes of the certificate's SHA-256, in hex */

struct cv_event_signer;

/* Keeps a copy of the passphrase, in memory that is neither swapped nor dumped. */
bool cv_event_signer_new(
    const char *passphrase, struct cv_event_signer **ret_signer, struct cv_error *err);
void cv_event_signer_free(struct cv_event_signer *signer);
CV_DEFINE_CLEANUP(cv_event_signer);

/* Makes a key and its self-signed certificate (DER); the key as encrypted PKCS#8 PEM. Takes some
 * tenths of a second. */
bool cv_event_signer_make(struct cv_event_signer *signer, int64_t now_utc,
    char ret_kid[CV_KID_SIZE], struct cv_buffer *ret_certificate, struct cv_buffer *ret_sealed,
    struct cv_error *err);

/* Signs with this key from now on. CV_E_SIGNER: it does not open, or is not of the certificate. */
bool cv_event_signer_load(struct cv_event_signer *signer, const char *kid,
    struct cv_bytes certificate, struct cv_bytes sealed, struct cv_error *err);
bool cv_event_signer_has(struct cv_event_signer *signer, const char *kid);

/* input: header and claims in base64url with a dot between; the header begins {"alg":"RS256",
 * CV_E_SIGNER: that is not what it is, or no key is loaded. */
bool cv_event_signer_sign(struct cv_event_signer *signer, struct cv_bytes input,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err);

/* Small texts under the passphrase. The first call of either takes a tenth of a second. */
bool cv_event_signer_seal(struct cv_event_signer *signer, struct cv_bytes text,
    struct cv_buffer *ret_sealed, struct cv_error *err);
/* ret_text is to be secret. */
bool cv_event_signer_unseal(struct cv_event_signer *signer, struct cv_bytes sealed,
    struct cv_buffer *ret_text, struct cv_error *err);

#endif
