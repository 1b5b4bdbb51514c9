/* A private key that can sign, with the algorithm it signs by. Used inside signer/ only. Any
 * thread. */
#ifndef CV_SIGNER_SIGNING_KEY_INTERNAL_H
#define CV_SIGNER_SIGNING_KEY_INTERNAL_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "cv/pki/public_key.h"
#include "cv/signer/signer.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_signing_key {
	EVP_PKEY *pkey;                   /* owned; OpenSSL wipes it when freed */
	struct cv_public_key *public_key; /* owned */
	struct cv_bytes algorithm;        /* static AlgorithmIdentifier element */
	EVP_MD_CTX *signing; /* owned; begun, copied for each signature: the look-ups are done */
};

/*
 * PKCS#8 PEM file. With a passphrase the file must be encrypted, without one (NULL) it must not be:
 * a CA key that lies about in the clear is a mistake to be noticed. CV_E_IO when the file cannot be
 * read, CV_E_SIGNER when it is not such a key.
 */
bool cv_signing_key_load(const char *path, const char *passphrase, struct cv_signing_key **ret_key,
    struct cv_error *err);
/* The same for a text in memory. */
bool cv_signing_key_read(struct cv_bytes pem, const char *passphrase,
    struct cv_signing_key **ret_key, struct cv_error *err);
/* Rounds of PBKDF2: about a tenth of a second for each key, and for each guess of a thief. */
#define CV_ROUNDS_GUESSABLE 300000
/* Of the same for a passphrase that is known to be random: nobody guesses it at any price, and an
 * instance may have to open thousands of keys before it serves. */
#define CV_ROUNDS_RANDOM 2048
/* Appends PKCS#8 PEM, encrypted with AES-256-CBC and PBKDF2 (passphrase NULL: plain). */
bool cv_signing_key_append_pem(const struct cv_signing_key *key, const char *passphrase, int rounds,
    struct cv_buffer *ret_pem, struct cv_error *err);
bool cv_signing_key_generate(struct cv_signing_key **ret_key, struct cv_error *err);
void cv_signing_key_free(struct cv_signing_key *key);
CV_DEFINE_CLEANUP(cv_signing_key);

/* Appends the DER of a certificate request for this key. */
bool cv_signing_key_append_request(const struct cv_signing_key *key,
    const struct cv_key_order *order, struct cv_buffer *ret_der, struct cv_error *err);

bool cv_signing_key_sign(const struct cv_signing_key *key, struct cv_bytes data,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err);

#endif
