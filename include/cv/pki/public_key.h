/*
 * Public keys. A key is known by its key id: SHA-256 of its canonical SubjectPublicKeyInfo (named
 * curve and uncompressed point; rsaEncryption with NULL parameters, minimal integers; Ed25519 as it
 * is), so that one key in two encodings is one key. Any thread.
 */
#ifndef CV_PKI_PUBLIC_KEY_H
#define CV_PKI_PUBLIC_KEY_H

#include <stdbool.h>

#include "cv/model/digest.h"
#include "cv/model/key_type.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_public_key; /* opaque: an EVP_PKEY with its canonical form */

enum cv_key_outcome {
	CV_KEY_USABLE,
	CV_KEY_MALFORMED, /* not a SubjectPublicKeyInfo, point not on the curve, bytes left over */
	CV_KEY_WEAK, /* outside the policy: RSA < 2048 or > 4096 or bad exponent, unnamed or other
			curves, other types */
};

/* spki: DER SubjectPublicKeyInfo. Fails only on CV_E_MEMORY and CV_E_CRYPTO; otherwise see outcome.
 * Fast for P-256: no OSSL_DECODER on the path (EVP_PKEY_copy_parameters + set1_encoded_public_key).
 */
bool cv_public_key_parse(struct cv_bytes spki, enum cv_key_outcome *ret_outcome,
    struct cv_public_key **ret_key, struct cv_error *err);
/* Judges it alike, for whoever needs to know which key it is and not to use it: cheaper for P-256.
 */
bool cv_public_key_identify(struct cv_bytes spki, enum cv_key_outcome *ret_outcome,
    struct cv_digest *ret_id, struct cv_error *err);
/* PEM "PUBLIC KEY", one, nothing but white space around it. */
bool cv_public_key_parse_pem(const char *pem, size_t len, enum cv_key_outcome *ret_outcome,
    struct cv_public_key **ret_key, struct cv_error *err);
void cv_public_key_free(struct cv_public_key *key);
CV_DEFINE_CLEANUP(cv_public_key);

const struct cv_digest *cv_public_key_id(const struct cv_public_key *key);
struct cv_bytes cv_public_key_spki(const struct cv_public_key *key); /* canonical DER, lent */
enum cv_key_type cv_public_key_type(const struct cv_public_key *key);
unsigned cv_public_key_bits(const struct cv_public_key *key);
/* Of an RSA key, without leading zeros, lent; false: the key is of another type. */
bool cv_public_key_modulus(const struct cv_public_key *key, struct cv_bytes *ret_modulus);

/*
 * Verifies a signature over data made by this key. algorithm: DER AlgorithmIdentifier; allowed are
 * ECDSA, RSA and RSA-PSS with SHA-256/384/512, and Ed25519, fitting the key's type.
 */
enum cv_signature_outcome {
	CV_SIGNATURE_GOOD,
	CV_SIGNATURE_BAD,
	CV_SIGNATURE_ALGORITHM_REFUSED, /* MD5, SHA-1, SHA-224, unknown, or not of the key's type */
};
enum cv_signature_outcome cv_public_key_verify(const struct cv_public_key *key,
    struct cv_bytes algorithm, struct cv_bytes data, struct cv_bytes signature);

/* PEM "PUBLIC KEY" of a canonical SPKI, 64 columns, final newline; appended. */
void cv_public_key_append_pem(struct cv_buffer *buffer, struct cv_bytes spki);

#endif
