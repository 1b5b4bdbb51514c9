/* Making and storing private keys that no running service signs with: `init` makes those of the
 * files, `demo` those of a device that lives a few seconds. */
#ifndef CV_SIGNER_KEY_FILE_H
#define CV_SIGNER_KEY_FILE_H

#include <stdbool.h>

#include "cv/pki/profile.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_private_key; /* a P-256 key */

bool cv_private_key_generate(struct cv_private_key **ret_key, struct cv_error *err);
/* passphrase NULL: the file is not encrypted. */
bool cv_private_key_load(const char *path, const char *passphrase, struct cv_private_key **ret_key,
    struct cv_error *err);
void cv_private_key_free(struct cv_private_key *key);
CV_DEFINE_CLEANUP(cv_private_key);

/* Canonical SPKI, lent. */
struct cv_bytes cv_private_key_spki(const struct cv_private_key *key);
/* PKCS#8 PEM, mode 0600, encrypted with AES-256-CBC and PBKDF2 (passphrase NULL: plain). */
bool cv_private_key_save(const struct cv_private_key *key, const char *path, const char *passphrase,
    struct cv_error *err);
/* The same in memory, not encrypted; ret_pem is to be secret. */
bool cv_private_key_append_pem(
    const struct cv_private_key *key, struct cv_buffer *ret_pem, struct cv_error *err);
/* Appends the DER of a certificate request of a device: OU and CN, no other names. */
bool cv_private_key_append_request(const struct cv_private_key *key, const char *factory,
    const char *device, struct cv_buffer *ret_der, struct cv_error *err);
/* Builds and signs a certificate of any profile; request->algorithm is filled here. Appends the
 * DER. */
bool cv_private_key_certify(const struct cv_private_key *ca_key,
    struct cv_certificate_request *request, struct cv_buffer *ret_der, struct cv_error *err);

#endif
