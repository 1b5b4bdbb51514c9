/*
 * The only room with CA private keys: bytes in, signature out, so that another process, a PKCS#11
 * token or a TPM can take its place. The signer looks at what it signs: a TBSCertificate of an end
 * entity with our device or gateway/server profile, issued under the key's own subject, or that a
 * private key for a device was made here, or nothing.
 * Any thread may sign, and add a key meanwhile.
 */
#ifndef CV_SIGNER_SIGNER_H
#define CV_SIGNER_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/pki/certificate.h"
#include "cv/pki/key_package.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "cv/util/histogram.h"

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
 * when the key does not fit the certificate or a self-test signature does not verify.
 */
bool cv_signer_add_key(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, const char *key_path, const char *passphrase,
    struct cv_error *err);

/*
 * Keeps the passphrase under which new keys are sealed and sealed ones opened, in memory that is
 * neither swapped nor dumped, and wiped at the end. Once, before threads start.
 */
bool cv_signer_keep_passphrase(
    struct cv_signer *signer, const char *passphrase, struct cv_error *err);

/* Who a new key is for. */
struct cv_key_order {
	const char *organizational_unit;
	const char *common_name;
	const char *names; /* "DNS:a,DNS:b" to ask for; "": none */
};

/* A new P-256 key: it never leaves the signer but sealed. */
struct cv_sealed_key {
	struct cv_digest key_id;
	struct cv_buffer csr;    /* PEM, one block and one line end */
	struct cv_buffer sealed; /* PEM, PKCS#8 encrypted under the kept passphrase */
};
void cv_sealed_key_deinit(struct cv_sealed_key *key);

/* Makes a key and its certificate request. CV_E_SIGNER: no passphrase is kept. Takes a tenth of a
 * second, as does opening, but under a passphrase of 64 hex digits, which is taken for random. */
bool cv_signer_make_key(struct cv_signer *signer, const struct cv_key_order *order,
    struct cv_sealed_key *ret_key, struct cv_error *err);

/* Adds the key of a CA that was made by some instance. One that is there already is fine:
 * *ret_is_new says which. */
bool cv_signer_add_sealed(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, struct cv_bytes sealed, bool *ret_is_new,
    struct cv_error *err);

/* Opens a sealed key of a TLS server, which signs handshakes elsewhere: plain PKCS#8 PEM, into a
 * buffer that is_secret. */
bool cv_signer_open_sealed(struct cv_signer *signer, struct cv_bytes sealed,
    struct cv_buffer *ret_pem, struct cv_error *err);

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

/*
 * Signs, with the key of a device authority, that a package with a new private key comes from here:
 * the attributes of cv_package_append_attributes for this digest, which no certificate can be taken
 * for. The package itself does not come here. CV_E_SIGNER: no such key, or one of another purpose.
 */
bool cv_signer_sign_package(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    const struct cv_package_digest *digest, uint8_t ret_signature[CV_SIGNATURE_MAX],
    size_t *ret_len, struct cv_error *err);

/* How long each signature took, what was looked at before it included; lent. */
const struct cv_histogram *cv_signer_durations(const struct cv_signer *signer);
/* Whether the last signature succeeded; true before the first. What may not be signed is no
 * failure.
 */
bool cv_signer_is_up(const struct cv_signer *signer);

#endif
