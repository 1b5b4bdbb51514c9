/*
 * OpenSSL objects that never change and are slow to look up: digests, for each curve an EVP_PKEY
 * that holds the curve only, and the curve of nearly all keys by itself. Made once, read by any
 * thread, kept until the process ends.
 */
#ifndef CV_PKI_OPENSSL_CACHE_INTERNAL_H
#define CV_PKI_OPENSSL_CACHE_INTERNAL_H

#include <openssl/ec.h>
#include <openssl/evp.h>

enum cv_hash { CV_HASH_NONE, CV_HASH_SHA1, CV_HASH_SHA256, CV_HASH_SHA384, CV_HASH_SHA512 };
#define CV_HASH_COUNT 5

enum cv_curve { CV_CURVE_P256, CV_CURVE_P384, CV_CURVE_P521 };
#define CV_CURVE_COUNT 3

/* NULL for CV_HASH_NONE only. */
const EVP_MD *cv_openssl_hash(enum cv_hash hash);
const EVP_PKEY *cv_openssl_curve(enum cv_curve curve);
const EC_GROUP *cv_openssl_p256(void);

#endif
