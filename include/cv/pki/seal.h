/* Sealing small texts (AES-256-GCM, NIST SP 800-38D): whoever lacks the key can neither read nor
 * change them. Any thread. */
#ifndef CV_PKI_SEAL_H
#define CV_PKI_SEAL_H

#include <stdbool.h>

#include "cv/model/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Appends nonce, ciphertext and tag. The key is 32 bytes that nobody can guess. */
bool cv_seal(const struct cv_digest *key, struct cv_bytes text, struct cv_buffer *ret_sealed,
    struct cv_error *err);
/* Appends the text. CV_E_CRYPTO: sealed with another key, or not as it was. */
bool cv_unseal(const struct cv_digest *key, struct cv_bytes sealed, struct cv_buffer *ret_text,
    struct cv_error *err);

#endif
