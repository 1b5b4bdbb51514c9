/*
 * The only room with CA private keys: bytes in, signature out, so that another process, a PKCS#11
 * token or a TPM can take its place. The signer looks at what it signs: a TBSCertificate of an end
 * entity with our device or gateway/server profile, issued under the key's own subject, or nothing.
 * Any thread may sign.
 */
#ifndef CV_SIGNER_SIGNER_H
#define CV_SIGNER_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/pki/certificate.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_SIGNATURE_MAX 512

struct cv_signer;

enum cv_signer_purpose {
	CV_SIGNER_DEVICES, /* an online device authority: signs device profile only */
	CV_SIGNER_SERVICE, /* the service CA: signs server and gateway profiles only */
};

bool cv_signer_new(struct cv_signer **ret_signer, struct cv_error *err);
void cv_signer_free(struct cv_signer *signer);
CV_DEFINE_CLEANUP(cv_signer);

/*
 * Adds the key of a CA: an encrypted PKCS#8 PEM file and its passphrase. Fails with CV_E_SIGNER
 * when the key does not fit the certificate or a self-test signature does not verify. Call before
 * threads start.
 */
bool cv_signer_add_key(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, const char *key_path, const char *passphrase,
    struct cv_error *err);

/* AlgorithmIdentifier element that signatures of this CA key (by key id) will carry; lent. False:
 * no such key. */
bool cv_signer_algorithm(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    struct cv_bytes *ret_algorithm);

/*
 * Signs a TBSCertificate with the key of a CA. CV_E_SIGNER when the key is absent or the bytes are
 * not what this key may sign; ret_signature is untouched then.
 */
bool cv_signer_sign(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    struct cv_bytes tbs, uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len,
    struct cv_error *err);

#endif
