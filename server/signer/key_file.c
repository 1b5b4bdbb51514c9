#include "cv/signer/key_file.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/util/file.h"
#include "signing_key_internal.h"

/* About a tenth of a second at each start, and for each guess of a thief. */
#define PBKDF2_ITERATIONS 300000
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

/* PBES2 with our own number of iterations: the convenient PEM writers use 2048. */
static X509_SIG *
encrypt(PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
	CV_AUTO_OPENSSL(X509_ALGOR)
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(
	    EVP_aes_256_cbc(), PBKDF2_ITERATIONS, NULL, 0, NULL, NID_hmacWithSHA256);
	if (algorithm == NULL)
		return NULL;
	X509_SIG *encrypted = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, algorithm);
	if (encrypted != NULL)
		algorithm = NULL; /* now part of it */
	return encrypted;
}

static bool
write_pem(BIO *bio, const struct cv_private_key *key, const char *passphrase)
{
	CV_AUTO_OPENSSL(PKCS8_PRIV_KEY_INFO)
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->signing->pkey);
	if (info == NULL)
		return false;
	if (passphrase == NULL)
		return PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1;
	CV_AUTO_OPENSSL(X509_SIG) X509_SIG *encrypted = encrypt(info, passphrase);
	return encrypted != NULL && PEM_write_bio_PKCS8(bio, encrypted) == 1;
}

bool
cv_private_key_save(const struct cv_private_key *key, const char *path, const char *passphrase,
    struct cv_error *err)
{
	char *pem = NULL;
	/* Secure memory: wiped when freed, whatever is in it. */
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new(BIO_s_secmem());
	if (passphrase != NULL && passphrase[0] == '\0')
		return cv_fail(err, CV_E_CONFIG, "passphrase for key file %s is empty", path);
	if (bio == NULL || !write_pem(bio, key, passphrase))
		return cv_openssl_fail(err, CV_E_CRYPTO, "key for %s cannot be encoded", path);
	const long len = BIO_get_mem_data(bio, &pem);
	return cv_file_write(path, cv_bytes(pem, (size_t)len), KEY_FILE_MODE, err);
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
