/* Key pairs that are made for somebody else (RFC 7030 section 4.4). Any thread. */
#ifndef CV_PKI_NEW_KEY_H
#define CV_PKI_NEW_KEY_H

#include <stdbool.h>

#include "cv/model/key_type.h"
#include "cv/pki/public_key.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/*
 * Makes a key pair with the random bits that OpenSSL keeps for private keys. ret_private gets its
 * PrivateKeyInfo (RFC 5208: PKCS#8, version 0, not encrypted) appended and must be marked
 * is_secret; no other copy is left in memory. RSA takes a good part of a second.
 */
bool cv_new_key_make(enum cv_new_key kind, struct cv_public_key **ret_public,
    struct cv_buffer *ret_private, struct cv_error *err);

#endif
