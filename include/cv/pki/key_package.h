/*
 * A private key as CMS content: AsymmetricKeyPackage (RFC 5958) and the SignedData (RFC 5652)
 * around it, in DER, written by hand, because the signature comes from the signer and OpenSSL's
 * encoders leave copies of what they encode. Buffers with the key must be marked is_secret. Any
 * thread.
 */
#ifndef CV_PKI_KEY_PACKAGE_H
#define CV_PKI_KEY_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/pki/certificate.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* AsymmetricKeyPackage with one key; info: PrivateKeyInfo of version 0, which is a OneAsymmetricKey
 * of version 1. */
void cv_key_package_append(struct cv_buffer *buffer, struct cv_bytes info);

#define CV_PACKAGE_DIGEST_MAX 64
/* Digest of a package, by the algorithm that belongs to a signature algorithm. */
struct cv_package_digest {
	struct cv_bytes oid; /* of the digest algorithm; static */
	uint8_t octets[CV_PACKAGE_DIGEST_MAX];
	size_t len;
};

/* signature_algorithm: whole AlgorithmIdentifier. SHA-512 for Ed25519 (RFC 8419 section 3). Fails
 * with CV_E_CRYPTO on an algorithm that is not known. */
bool cv_package_digest_make(struct cv_bytes package, struct cv_bytes signature_algorithm,
    struct cv_package_digest *ret_digest, struct cv_error *err);

/* What is signed: the SET OF of contentType and messageDigest (RFC 5652 section 5.4). */
void cv_package_append_attributes(struct cv_buffer *buffer, struct cv_bytes digest);

struct cv_signed_package {
	struct cv_bytes package;
	const struct cv_package_digest *digest; /* of package */
	const struct cv_certificate *signer;    /* goes along */
	struct cv_bytes algorithm;              /* whole AlgorithmIdentifier of the signature */
	struct cv_bytes signature;              /* over the attributes */
};

/* The SignedData itself, without ContentInfo: version 3, one signer, named by issuer and serial
 * number. */
void cv_signed_package_append(struct cv_buffer *buffer, const struct cv_signed_package *parts);

#endif
