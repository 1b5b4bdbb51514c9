#include "cv/signer/event_signer.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cv/pki/certificate.h"
#include "cv/pki/digest.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/pki/seal.h"
#include "cv/util/random.h"
#include "cv/util/text.h"
#include "passphrase_internal.h"
#include "signing_key_internal.h"

#define RSA_BITS 2048
#define LIFETIME_SECONDS (10L * 365 * 86400)
#define BACKDATE_SECONDS 300
/* As for the files of keys. */
#define PBKDF2_ITERATIONS 300000
#define SALT_LEN 16
#define SEAL_KEYS_MAX 16
/* {"alg":"RS256", in base64url: the beginning of every header that this key signs. */
#define HEADER_BEGIN "eyJhbGciOiJSUzI1NiIs"
#define INPUT_MAX 16384

/* A new text takes a salt that is known already, so that few keys are derived. */
struct seal_key {
	uint8_t salt[SALT_LEN];
	struct cv_digest key;
};

struct cv_event_signer {
	struct cv_passphrase *passphrase; /* owned */
	pthread_mutex_t mutex;            /* of all below */
	struct cv_signing_key *key;       /* owned; NULL: none yet */
	char kid[CV_KID_SIZE];
	struct seal_key seal_keys[SEAL_KEYS_MAX];
	size_t seal_key_count;
};

bool
cv_event_signer_new(
    const char *passphrase, struct cv_event_signer **ret_signer, struct cv_error *err)
{
	CV_AUTO(cv_event_signer) struct cv_event_signer *signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the signer of events");
	pthread_mutex_init(&signer->mutex, NULL);
	if (!cv_passphrase_new(passphrase, &signer->passphrase, err))
		return false;
	*ret_signer = CV_TAKE(signer);
	return true;
}

void
cv_event_signer_free(struct cv_event_signer *signer)
{
	if (signer == NULL)
		return;
	cv_signing_key_free(signer->key);
	cv_passphrase_free(signer->passphrase);
	pthread_mutex_destroy(&signer->mutex);
	cv_wipe(signer->seal_keys, sizeof(signer->seal_keys));
	free(signer);
}

/* ---- a new key ---- */

static bool
set_validity(X509 *certificate, int64_t now_utc)
{
	return ASN1_TIME_set(X509_getm_notBefore(certificate),
		   (time_t)(now_utc - BACKDATE_SECONDS)) != NULL &&
	       ASN1_TIME_set(
		   X509_getm_notAfter(certificate), (time_t)(now_utc + LIFETIME_SECONDS)) != NULL;
}

static bool
set_serial(X509 *certificate)
{
	uint8_t bytes[16];
	cv_random_bytes(bytes, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	return number != NULL &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
}

static bool
set_name(X509 *certificate)
{
	static const unsigned char name[] = "certvendor events";
	X509_NAME *subject = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, name,
		   (int)sizeof(name) - 1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1;
}

static bool
set_usage(X509 *certificate)
{
	X509_EXTENSION *usage =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "critical,digitalSignature");
	const bool is_added = usage != NULL && X509_add_ext(certificate, usage, -1) == 1;
	X509_EXTENSION_free(usage);
	return is_added;
}

/* Receivers want a certificate around the key; nobody builds a path to it. */
static bool
certify(EVP_PKEY *pkey, int64_t now_utc, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_OPENSSL(X509) X509 *certificate = X509_new();
	uint8_t *der = NULL;
	if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
	    !set_serial(certificate) || !set_name(certificate) ||
	    !set_validity(certificate, now_utc) || X509_set_pubkey(certificate, pkey) != 1 ||
	    !set_usage(certificate) || X509_sign(certificate, pkey, EVP_sha256()) == 0)
		return cv_openssl_fail(err, CV_E_CRYPTO, "certificate of a key for events");
	const int len = i2d_X509(certificate, &der);
	if (len <= 0)
		return cv_openssl_fail(err, CV_E_CRYPTO, "certificate of a key for events");
	cv_buffer_append(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	return !ret_der->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a certificate");
}

static void
make_kid(struct cv_bytes certificate, char ret_kid[CV_KID_SIZE])
{
	struct cv_digest digest;
	cv_digest_sha256(certificate, &digest);
	cv_hex_encode(digest.bytes, (CV_KID_SIZE - 1) / 2, ret_kid);
}

bool
cv_event_signer_make(struct cv_event_signer *signer, int64_t now_utc, char ret_kid[CV_KID_SIZE],
    struct cv_buffer *ret_certificate, struct cv_buffer *ret_sealed, struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = EVP_RSA_gen(RSA_BITS);
	if (pkey == NULL)
		return cv_openssl_fail(err, CV_E_CRYPTO, "generating an RSA key failed");
	const struct cv_signing_key lent = {.pkey = pkey};
	if (!certify(pkey, now_utc, ret_certificate, err) ||
	    !cv_signing_key_append_pem(
		&lent, cv_passphrase_text(signer->passphrase), ret_sealed, err))
		return false;
	make_kid(cv_buffer_bytes(ret_certificate), ret_kid);
	return true;
}

/* ---- signing ---- */

static bool
check_fit(
    const struct cv_signing_key *key, const char *kid, struct cv_bytes der, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	char expected[CV_KID_SIZE];
	make_kid(der, expected);
	if (EVP_PKEY_get_base_id(key->pkey) != EVP_PKEY_RSA)
		return cv_fail(err, CV_E_SIGNER, "key for events is not an RSA key");
	if (!cv_text_equal(expected, kid) || !cv_certificate_parse(der, &certificate, err) ||
	    !cv_digest_equal(cv_public_key_id(key->public_key), &certificate->key_id))
		return cv_fail(err, CV_E_SIGNER, "key for events is not of its certificate");
	return true;
}

bool
cv_event_signer_load(struct cv_event_signer *signer, const char *kid, struct cv_bytes certificate,
    struct cv_bytes sealed, struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = NULL;
	if (!cv_signing_key_read(sealed, cv_passphrase_text(signer->passphrase), &key, err) ||
	    !check_fit(key, kid, certificate, err))
		return cv_error_context(err, "key for events %s", kid);
	pthread_mutex_lock(&signer->mutex);
	struct cv_signing_key *old = signer->key;
	signer->key = key;
	(void)cv_text_copy(signer->kid, sizeof(signer->kid), kid);
	pthread_mutex_unlock(&signer->mutex);
	key = old;
	return true;
}

bool
cv_event_signer_has(struct cv_event_signer *signer, const char *kid)
{
	pthread_mutex_lock(&signer->mutex);
	const bool has = signer->key != NULL && cv_text_equal(signer->kid, kid);
	pthread_mutex_unlock(&signer->mutex);
	return has;
}

static bool
is_base64url(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/* Nothing else that somebody might take a signature for looks like this. */
static bool
is_jwt_input(struct cv_bytes input)
{
	const size_t begin = strlen(HEADER_BEGIN);
	size_t dots = 0;
	if (input.len <= begin || input.len > INPUT_MAX ||
	    memcmp(input.data, HEADER_BEGIN, begin) != 0 || input.data[input.len - 1] == '.')
		return false;
	for (size_t i = 0; i < input.len; i++) {
		dots += input.data[i] == '.';
		if (input.data[i] != '.' && !is_base64url(input.data[i]))
			return false;
	}
	return dots == 1;
}

bool
cv_event_signer_sign(struct cv_event_signer *signer, struct cv_bytes input,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err)
{
	if (!is_jwt_input(input))
		return cv_fail(err, CV_E_SIGNER, "the key for events signs nothing but JWTs");
	pthread_mutex_lock(&signer->mutex);
	const bool is_signed =
	    signer->key != NULL
		? cv_signing_key_sign(signer->key, input, ret_signature, ret_len, err)
		: cv_fail(err, CV_E_SIGNER, "no key for events is loaded");
	pthread_mutex_unlock(&signer->mutex);
	return is_signed;
}

/* ---- sealing ---- */

static bool
derive(const struct cv_event_signer *signer, struct seal_key *seal_key, struct cv_error *err)
{
	const char *passphrase = cv_passphrase_text(signer->passphrase);
	return PKCS5_PBKDF2_HMAC(passphrase, (int)strlen(passphrase), seal_key->salt, SALT_LEN,
		   PBKDF2_ITERATIONS, EVP_sha256(), CV_DIGEST_LEN, seal_key->key.bytes) == 1 ||
	       cv_openssl_fail(err, CV_E_CRYPTO, "no key from the passphrase");
}

/* Under the mutex. salt NULL: any. */
static bool
find_seal_key(struct cv_event_signer *signer, const uint8_t *salt, struct seal_key *ret_key,
    struct cv_error *err)
{
	for (size_t i = 0; i < signer->seal_key_count; i++) {
		*ret_key = signer->seal_keys[i];
		if (salt == NULL || memcmp(ret_key->salt, salt, SALT_LEN) == 0)
			return true;
	}
	if (salt == NULL)
		cv_random_bytes(ret_key->salt, SALT_LEN);
	else
		memcpy(ret_key->salt, salt, SALT_LEN);
	if (!derive(signer, ret_key, err))
		return false;
	if (signer->seal_key_count == SEAL_KEYS_MAX)
		signer->seal_key_count = 0;
	signer->seal_keys[signer->seal_key_count++] = *ret_key;
	return true;
}

bool
cv_event_signer_seal(struct cv_event_signer *signer, struct cv_bytes text,
    struct cv_buffer *ret_sealed, struct cv_error *err)
{
	struct seal_key key;
	pthread_mutex_lock(&signer->mutex);
	bool is_good = find_seal_key(signer, NULL, &key, err);
	pthread_mutex_unlock(&signer->mutex);
	if (is_good) {
		cv_buffer_append(ret_sealed, key.salt, SALT_LEN);
		is_good = cv_seal(&key.key, text, ret_sealed, err);
	}
	cv_wipe(&key, sizeof(key));
	return is_good;
}

bool
cv_event_signer_unseal(struct cv_event_signer *signer, struct cv_bytes sealed,
    struct cv_buffer *ret_text, struct cv_error *err)
{
	struct seal_key key;
	if (sealed.len <= SALT_LEN)
		return cv_fail(err, CV_E_CRYPTO, "what was sealed has an impossible length");
	pthread_mutex_lock(&signer->mutex);
	bool is_good = find_seal_key(signer, sealed.data, &key, err);
	pthread_mutex_unlock(&signer->mutex);
	is_good =
	    is_good && cv_unseal(&key.key, cv_bytes(sealed.data + SALT_LEN, sealed.len - SALT_LEN),
			   ret_text, err);
	cv_wipe(&key, sizeof(key));
	return is_good;
}
