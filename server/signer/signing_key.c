#include "signing_key_internal.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/pki/openssl_key.h"
#include "cv/pki/profile.h"
#include "cv/pki/request.h"
#include "cv/util/file.h"

#define KEY_FILE_MAX_BYTES 16384

/* AlgorithmIdentifier elements: RFC 5758 section 3.2, RFC 4055 section 5, RFC 8410 section 3. */
static const uint8_t ecdsa_sha256[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ecdsa_sha384[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t ecdsa_sha512[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
static const uint8_t rsa_sha256[] = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

/* The algorithm follows the key. */
static const struct algorithm_row {
	int type;
	int bits; /* 0: any */
	struct cv_bytes algorithm;
	const char *digest;
} algorithm_rows[] = {
    {EVP_PKEY_EC, 256, {ecdsa_sha256, sizeof(ecdsa_sha256)}, "SHA256"},
    {EVP_PKEY_EC, 384, {ecdsa_sha384, sizeof(ecdsa_sha384)}, "SHA384"},
    {EVP_PKEY_EC, 521, {ecdsa_sha512, sizeof(ecdsa_sha512)}, "SHA512"},
    {EVP_PKEY_RSA, 0, {rsa_sha256, sizeof(rsa_sha256)}, "SHA256"},
    {EVP_PKEY_ED25519, 0, {ed25519, sizeof(ed25519)}, NULL},
};

static const struct algorithm_row *
find_row(const EVP_PKEY *pkey)
{
	const int type = EVP_PKEY_get_base_id(pkey);
	const int bits = EVP_PKEY_get_bits(pkey);
	for (size_t i = 0; i < sizeof(algorithm_rows) / sizeof(algorithm_rows[0]); i++) {
		const struct algorithm_row *row = &algorithm_rows[i];
		if (row->type == type && (row->bits == 0 || row->bits == bits))
			return row;
	}
	return NULL;
}

/* Takes *pkey on success. */
static bool
wrap(EVP_PKEY **pkey, struct cv_signing_key **ret_key, struct cv_error *err)
{
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	const struct algorithm_row *row = find_row(*pkey);
	if (row == NULL)
		return cv_fail(err, CV_E_SIGNER, "key is of a type or size that is not used");
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = calloc(1, sizeof(*key));
	if (key == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a signing key");
	/* A CA key obeys the same policy as a device key. */
	if (!cv_public_key_of(*pkey, &outcome, &key->public_key, err))
		return false;
	if (outcome != CV_KEY_USABLE)
		return cv_fail(err, CV_E_SIGNER, "key is of a type or size that is not used");
	key->algorithm = row->algorithm;
	key->signing = EVP_MD_CTX_new();
	if (key->signing == NULL ||
	    EVP_DigestSignInit_ex(key->signing, NULL, row->digest, NULL, NULL, *pkey, NULL) != 1)
		return cv_openssl_fail(err, CV_E_SIGNER, "key cannot be made ready to sign");
	key->pkey = CV_TAKE(*pkey);
	*ret_key = CV_TAKE(key);
	return true;
}

struct passphrase {
	const char *text; /* NULL: none */
};

/* OpenSSL asks here instead of on the terminal; it wipes its copy. */
static int
give_passphrase(char *ret_text, int size, int is_writing, void *asked)
{
	const struct passphrase *passphrase = asked;
	(void)is_writing;
	const size_t len = passphrase->text == NULL ? 0 : strlen(passphrase->text);
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(ret_text, passphrase->text, len);
	return (int)len;
}

static bool
decode(struct cv_bytes pem, const char *passphrase, EVP_PKEY **ret_pkey, struct cv_error *err)
{
	struct passphrase lent = {passphrase};
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (bio == NULL)
		return cv_openssl_fail(err, CV_E_MEMORY, "no memory for a key file");
	*ret_pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &lent);
	if (*ret_pkey == NULL)
		return cv_openssl_fail(err, CV_E_SIGNER,
		    passphrase == NULL ? "not a PEM private key"
				       : "wrong passphrase, or not a PEM private key");
	return true;
}

static bool
check_encryption(struct cv_bytes pem, const char *passphrase, struct cv_error *err)
{
	static const char begin[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
	const bool is_encrypted =
	    pem.len > 0 && memmem(pem.data, pem.len, begin, strlen(begin)) != NULL;
	if (passphrase != NULL && !is_encrypted)
		return cv_fail(err, CV_E_SIGNER, "not an encrypted PKCS#8 file");
	if (passphrase == NULL && is_encrypted)
		return cv_fail(err, CV_E_SIGNER, "encrypted, and no passphrase is given");
	return true;
}

bool
cv_signing_key_read(struct cv_bytes pem, const char *passphrase, struct cv_signing_key **ret_key,
    struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = NULL;
	return check_encryption(pem, passphrase, err) && decode(pem, passphrase, &pkey, err) &&
	       wrap(&pkey, ret_key, err);
}

/* PBES2 with our own number of iterations: the convenient PEM writers use 2048. */
static X509_SIG *
encrypt(PKCS8_PRIV_KEY_INFO *info, const char *passphrase, int rounds)
{
	CV_AUTO_OPENSSL(X509_ALGOR)
	X509_ALGOR *algorithm =
	    PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), rounds, NULL, 0, NULL, NID_hmacWithSHA256);
	if (algorithm == NULL)
		return NULL;
	X509_SIG *encrypted = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, algorithm);
	if (encrypted != NULL)
		algorithm = NULL; /* now part of it */
	return encrypted;
}

static bool
write_pem(BIO *bio, const struct cv_signing_key *key, const char *passphrase, int rounds)
{
	CV_AUTO_OPENSSL(PKCS8_PRIV_KEY_INFO)
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
	if (info == NULL)
		return false;
	if (passphrase == NULL)
		return PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1;
	CV_AUTO_OPENSSL(X509_SIG) X509_SIG *encrypted = encrypt(info, passphrase, rounds);
	return encrypted != NULL && PEM_write_bio_PKCS8(bio, encrypted) == 1;
}

bool
cv_signing_key_append_pem(const struct cv_signing_key *key, const char *passphrase, int rounds,
    struct cv_buffer *ret_pem, struct cv_error *err)
{
	char *pem = NULL;
	/* Secure memory: wiped when freed, whatever is in it. */
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new(BIO_s_secmem());
	if (bio == NULL || !write_pem(bio, key, passphrase, rounds))
		return cv_openssl_fail(err, CV_E_CRYPTO, "a private key cannot be encoded");
	const long len = BIO_get_mem_data(bio, &pem);
	cv_buffer_append(ret_pem, pem, (size_t)len);
	return !ret_pem->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a private key");
}

bool
cv_signing_key_load(
    const char *path, const char *passphrase, struct cv_signing_key **ret_key, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};
	if (!cv_file_read(path, KEY_FILE_MAX_BYTES, &pem, err))
		return false;
	return cv_signing_key_read(cv_buffer_bytes(&pem), passphrase, ret_key, err) ||
	       cv_error_context(err, "key file %s", path);
}

bool
cv_signing_key_generate(struct cv_signing_key **ret_key, struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = EVP_EC_gen("P-256");
	if (pkey == NULL)
		return cv_openssl_fail(err, CV_E_CRYPTO, "generating a P-256 key failed");
	return wrap(&pkey, ret_key, err);
}

void
cv_signing_key_free(struct cv_signing_key *key)
{
	if (key == NULL)
		return;
	EVP_MD_CTX_free(key->signing);
	EVP_PKEY_free(key->pkey);
	cv_public_key_free(key->public_key);
	free(key);
}

bool
cv_signing_key_sign(const struct cv_signing_key *key, struct cv_bytes data,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err)
{
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (context == NULL || EVP_MD_CTX_copy_ex(context, key->signing) != 1 ||
	    EVP_DigestSign(context, signature, &len, data.data, data.len) != 1)
		return cv_openssl_fail(err, CV_E_SIGNER, "signing failed");
	memcpy(ret_signature, signature, len);
	*ret_len = len;
	return true;
}

bool
cv_signing_key_append_request(const struct cv_signing_key *key, const struct cv_key_order *order,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT, san = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer info = CV_BUFFER_INIT;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	cv_profile_append_name(&subject, order->organizational_unit, order->common_name);
	if (order->names[0] != '\0' && !cv_profile_append_san(&san, order->names, err))
		return false;
	cv_request_append_info(&info, cv_buffer_bytes(&subject),
	    cv_public_key_spki(key->public_key), cv_buffer_bytes(&san));
	if (subject.has_failed || info.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a request");
	if (!cv_signing_key_sign(key, cv_buffer_bytes(&info), signature, &len, err))
		return false;
	cv_request_append(
	    ret_der, cv_buffer_bytes(&info), key->algorithm, cv_bytes(signature, len));
	return !ret_der->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a request");
}
