/*
 * Real keys, certificates and requests, made with OpenSSL while a test runs. Every function aborts
 * when OpenSSL fails: a broken fixture is no finding.
 */
#ifndef CV_TESTS_OPENSSL_FIXTURE_H
#define CV_TESTS_OPENSSL_FIXTURE_H

#include <openssl/evp.h>

#include "cv/pki/certificate.h"
#include "cv/pki/openssl_auto.h"
#include "cv/util/bytes.h"

/* "P-256", "secp256k1" and so on, "ED25519", "RSA-<bits>". */
EVP_PKEY *fixture_key(const char *kind);
/* SubjectPublicKeyInfo as OpenSSL writes it. */
void fixture_spki(EVP_PKEY *key, struct cv_buffer *ret_der);

/* As in the configuration of `openssl`: {"basicConstraints", "critical,CA:TRUE"}; ends with NULL.
 */
struct fixture_extension {
	const char *name;
	const char *value;
};

struct fixture_certificate {
	const char *subject; /* "/CN=device-1/OU=factory" */
	EVP_PKEY *key;
	const char *issuer;   /* NULL: the subject */
	EVP_PKEY *issuer_key; /* NULL: key */
	const struct fixture_extension *extensions;
	const char *digest; /* NULL: SHA256; "" for Ed25519 */
};

/* Valid from 2026-01-01 to 2036-01-01, serial 1234. */
void fixture_certificate(const struct fixture_certificate *wanted, struct cv_buffer *ret_der);
struct cv_certificate *fixture_parsed_certificate(const struct fixture_certificate *wanted);
/* A self-signed CA with keyCertSign and a subjectKeyIdentifier. */
struct cv_certificate *fixture_ca(const char *subject, EVP_PKEY *key);

/* What X509_verify_cert() says with X509_STRICT, for a TLS client, in 2026: X509_V_OK or its error.
 */
int fixture_verify_chain(const struct cv_certificate *leaf,
    const struct cv_certificate *intermediate, const struct cv_certificate *root);

struct fixture_request {
	const char *subject;
	EVP_PKEY *key;
	const struct fixture_extension *extensions;
	const char *digest; /* as above */
};

void fixture_request(const struct fixture_request *wanted, struct cv_buffer *ret_der);

/* SEQUENCE { content, algorithm, BIT STRING signature }: a certificate or a request, signed. */
void fixture_sign(EVP_PKEY *key, const char *digest, struct cv_bytes algorithm,
    struct cv_bytes content, struct cv_buffer *ret_der);

/* ecdsa-with-SHA256 */
extern const struct cv_bytes fixture_ecdsa_sha256;

/* A copy on the heap of exactly this size, so that a sanitizer sees one byte too far. */
uint8_t *fixture_exact_copy(struct cv_bytes bytes);

/* Where needle stands in bytes; aborts when it does not. */
size_t fixture_find(struct cv_bytes bytes, struct cv_bytes needle);

/* PKCS#8 PEM; passphrase NULL: in the clear. */
void fixture_key_file(EVP_PKEY *key, const char *passphrase, const char *path);

/* A fresh folder for files, and its removal with the files in it. */
void fixture_make_folder(char *ret_folder, size_t size);
void fixture_remove_folder(const char *folder);

#endif
