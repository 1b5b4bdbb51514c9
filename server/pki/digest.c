#include "cv/pki/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "openssl_cache_internal.h"

/* A digest that was not computed must not be compared with anything: out of memory ends the
 * process. */
static void
compute(enum cv_hash hash, struct cv_bytes data, uint8_t *ret_digest)
{
	if (EVP_Digest(data.data, data.len, ret_digest, NULL, cv_openssl_hash(hash), NULL) != 1)
		abort();
}

void
cv_digest_sha256(struct cv_bytes data, struct cv_digest *ret_digest)
{
	compute(CV_HASH_SHA256, data, ret_digest->bytes);
}

void
cv_digest_sha1(struct cv_bytes data, uint8_t ret_digest[CV_SHA1_LEN])
{
	compute(CV_HASH_SHA1, data, ret_digest);
}
