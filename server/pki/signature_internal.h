/* Signature algorithms that are accepted, and the one form their signatures may have. Any thread.
 */
#ifndef CV_PKI_SIGNATURE_INTERNAL_H
#define CV_PKI_SIGNATURE_INTERNAL_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "openssl_cache_internal.h"

enum cv_key_kind { CV_KEY_KIND_EC, CV_KEY_KIND_RSA, CV_KEY_KIND_ED25519 };

struct cv_signature_scheme {
	enum cv_key_kind kind;
	enum cv_hash hash; /* CV_HASH_NONE for Ed25519 */
	bool is_pss;
	int salt_len; /* of PSS */
};

/* algorithm: whole AlgorithmIdentifier. False: MD5, SHA-1, SHA-224, unknown, odd parameters. */
bool cv_signature_scheme_read(struct cv_bytes algorithm, struct cv_signature_scheme *ret_scheme);

/* Whether an AlgorithmIdentifier names ECDSA, with whatever digest. */
bool cv_signature_is_ecdsa(struct cv_bytes algorithm);
/* RFC 3279 section 2.2.3, in DER: two positive INTEGERs. Padding one would make a second encoding.
 */
bool cv_signature_is_strict_ecdsa(struct cv_bytes signature);

#endif
