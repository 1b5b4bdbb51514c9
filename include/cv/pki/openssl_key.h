/* From a key of OpenSSL's to one of ours. Any thread. */
#ifndef CV_PKI_OPENSSL_KEY_H
#define CV_PKI_OPENSSL_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "cv/pki/public_key.h"
#include "cv/util/error.h"

/* The public part of a key pair, judged like a key from elsewhere: as cv_public_key_parse. */
bool cv_public_key_of(EVP_PKEY *pkey, enum cv_key_outcome *ret_outcome,
    struct cv_public_key **ret_key, struct cv_error *err);

#endif
