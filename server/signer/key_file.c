#include "cv/signer/key_file.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "cv/util/file.h"
#include "signing_key_internal.h"

#define KEY_FILE_MODE 0600
#define P256_BITS 256

struct cv_private_key {
	struct cv_signing_key *signing; /* owned */
};

/* Takes *signing on success. */
static bool
wrap(struct cv_signing_key **signing, struct cv_private_key **ret_key, struct cv_error *err)
{
	struct cv_private_key *key = calloc(1, sizeof(*key));
	if (key == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a private key");
	key->signing = CV_TAKE(*signing);
	*ret_key = key;
	return true;
}

bool
cv_private_key_generate(struct cv_private_key **ret_key, struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *signing = NULL;
	return cv_signing_key_generate(&signing, err) && wrap(&signing, ret_key, err);
}

bool
cv_private_key_load(
    const char *path, const char *passphrase, struct cv_private_key **ret_key, struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *signing = NULL;
	if (!cv_signing_key_load(path, passphrase, &signing, err))
		return false;
	const EVP_PKEY *pkey = signing->pkey;
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC || EVP_PKEY_get_bits(pkey) != P256_BITS)
		return cv_fail(err, CV_E_SIGNER, "key file %s: not a P-256 key", path);
	return wrap(&signing, ret_key, err);
}

void
cv_private_key_free(struct cv_private_key *key)
{
	if (key == NULL)
		return;
	cv_signing_key_free(key->signing);
	free(key);
}

struct cv_bytes
cv_private_key_spki(const struct cv_private_key *key)
{
	return cv_public_key_spki(key->signing->public_key);
}

bool
cv_private_key_save(const struct cv_private_key *key, const char *path, const char *passphrase,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};
	if (passphrase != NULL && passphrase[0] == '\0')
		return cv_fail(err, CV_E_CONFIG, "passphrase for key file %s is empty", path);
	if (!cv_signing_key_append_pem(key->signing, passphrase, CV_ROUNDS_GUESSABLE, &pem, err))
		return cv_error_context(err, "key file %s", path);
	return cv_file_write(path, cv_buffer_bytes(&pem), KEY_FILE_MODE, err);
}

bool
cv_private_key_append_pem(
    const struct cv_private_key *key, struct cv_buffer *ret_pem, struct cv_error *err)
{
	return cv_signing_key_append_pem(key->signing, NULL, 0, ret_pem, err);
}

bool
cv_private_key_append_request(const struct cv_private_key *key, const char *factory,
    const char *device, struct cv_buffer *ret_der, struct cv_error *err)
{
	const struct cv_key_order order = {
	    .organizational_unit = factory, .common_name = device, .names = ""};
	return cv_signing_key_append_request(key->signing, &order, ret_der, err);
}

bool
cv_private_key_certify(const struct cv_private_key *ca_key, struct cv_certificate_request *request,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	request->algorithm = ca_key->signing->algorithm;
	if (!cv_profile_append_tbs(request, &tbs, err) ||
	    !cv_signing_key_sign(ca_key->signing, cv_buffer_bytes(&tbs), signature, &len, err))
		return false;
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), request->algorithm, cv_bytes(signature, len), ret_der);
	if (ret_der->has_failed)
		return cv_fail(err, CV_E_MEMORY, "certificate does not fit its buffer");
	return true;
}
