#include "cv/pki/new_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "cv/pki/der.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/pki/openssl_key.h"

#define NUMBER_MAX 512 /* octets of the largest part of an RSA key */
#define ED25519_LEN 32

/* Its parts as they stand in SubjectPublicKeyInfo and in PrivateKeyInfo alike. */
struct pair {
	EVP_PKEY *pkey;
	struct cv_bytes algorithm; /* whole element */
	struct cv_bytes bits;      /* content of the BIT STRING of the public key */
};

static EVP_PKEY *
generate(enum cv_new_key kind)
{
	switch (kind) {
	case CV_NEW_KEY_P256:
		return EVP_EC_gen("P-256");
	case CV_NEW_KEY_P384:
		return EVP_EC_gen("P-384");
	case CV_NEW_KEY_P521:
		return EVP_EC_gen("P-521");
	case CV_NEW_KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case CV_NEW_KEY_RSA_2048:
		return EVP_RSA_gen(2048);
	case CV_NEW_KEY_RSA_3072:
		return EVP_RSA_gen(3072);
	}
	return NULL;
}

/* A number of the key, big-endian, with leading zeros up to len; 0: as short as it is. */
static bool
read_number(const EVP_PKEY *pkey, const char *name, uint8_t ret_octets[NUMBER_MAX], size_t *len)
{
	uint8_t native[NUMBER_MAX];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_BN(name, native, sizeof(native)), OSSL_PARAM_construct_end()};
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_secure_new();
	bool is_good = number != NULL && EVP_PKEY_get_params(pkey, params) == 1 &&
		       OSSL_PARAM_get_BN(&params[0], &number) == 1;

	cv_wipe(native, sizeof(native));
	if (!is_good)
		return false;
	if (*len == 0)
		*len = (size_t)BN_num_bytes(number);
	is_good = *len <= NUMBER_MAX && BN_bn2binpad(number, ret_octets, (int)*len) == (int)*len;
	BN_clear(number);
	return is_good;
}

/* ECPrivateKey, RFC 5915 section 3; the curve is in the algorithm. */
static bool
append_ec(const struct pair *pair, struct cv_buffer *buffer)
{
	uint8_t octets[NUMBER_MAX];
	size_t len = ((size_t)EVP_PKEY_get_bits(pair->pkey) + 7) / 8;

	if (!read_number(pair->pkey, OSSL_PKEY_PARAM_PRIV_KEY, octets, &len))
		return false;
	size_t key = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 1);
	cv_der_append(buffer, CV_DER_OCTET_STRING, cv_bytes(octets, len));
	size_t point = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(1));
	cv_der_append(buffer, CV_DER_BIT_STRING, pair->bits);
	cv_der_close(buffer, point);
	cv_der_close(buffer, key);
	cv_wipe(octets, sizeof(octets));
	return true;
}

/* RSAPrivateKey, RFC 8017 appendix A.1.2. */
static bool
append_rsa(const struct pair *pair, struct cv_buffer *buffer)
{
	static const char *const names[] = {
	    OSSL_PKEY_PARAM_RSA_N,
	    OSSL_PKEY_PARAM_RSA_E,
	    OSSL_PKEY_PARAM_RSA_D,
	    OSSL_PKEY_PARAM_RSA_FACTOR1,
	    OSSL_PKEY_PARAM_RSA_FACTOR2,
	    OSSL_PKEY_PARAM_RSA_EXPONENT1,
	    OSSL_PKEY_PARAM_RSA_EXPONENT2,
	    OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	uint8_t octets[NUMBER_MAX];
	bool is_good = true;

	size_t key = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && is_good; i++) {
		size_t len = 0;

		is_good = read_number(pair->pkey, names[i], octets, &len);
		if (is_good)
			cv_der_append_unsigned(buffer, cv_bytes(octets, len));
	}
	cv_der_close(buffer, key);
	cv_wipe(octets, sizeof(octets));
	return is_good;
}

/* CurvePrivateKey, RFC 8410 section 7. */
static bool
append_ed25519(const struct pair *pair, struct cv_buffer *buffer)
{
	uint8_t octets[ED25519_LEN];
	size_t len = sizeof(octets);
	bool is_good = EVP_PKEY_get_raw_private_key(pair->pkey, octets, &len) == 1;

	if (is_good)
		cv_der_append(buffer, CV_DER_OCTET_STRING, cv_bytes(octets, len));
	cv_wipe(octets, sizeof(octets));
	return is_good;
}

static bool
append_key(const struct pair *pair, struct cv_buffer *buffer)
{
	switch (EVP_PKEY_get_base_id(pair->pkey)) {
	case EVP_PKEY_EC:
		return append_ec(pair, buffer);
	case EVP_PKEY_RSA:
		return append_rsa(pair, buffer);
	default:
		return append_ed25519(pair, buffer);
	}
}

/* By hand: OpenSSL's encoders leave copies of the key in memory that they free. */
static bool
append_private(EVP_PKEY *pkey, struct cv_bytes spki, struct cv_buffer *buffer, struct cv_error *err)
{
	struct cv_der_reader reader = cv_der_reader(spki), inner;
	struct pair pair = {.pkey = pkey};

	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &pair.algorithm) ||
	    !cv_der_read(&inner, CV_DER_BIT_STRING, &pair.bits))
		return cv_fail(err, CV_E_CRYPTO, "a new key cannot be read");
	size_t info = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 0);
	cv_buffer_append(buffer, pair.algorithm.data, pair.algorithm.len);
	size_t octets = cv_der_open(buffer, CV_DER_OCTET_STRING);
	if (!append_key(&pair, buffer))
		return cv_openssl_fail(err, CV_E_CRYPTO, "a new key cannot be encoded");
	cv_der_close(buffer, octets);
	cv_der_close(buffer, info);
	return !buffer->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a new key");
}

bool
cv_new_key_make(enum cv_new_key kind, struct cv_public_key **ret_public,
    struct cv_buffer *ret_private, struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = generate(kind);
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;

	if (pkey == NULL)
		return cv_openssl_fail(err, CV_E_CRYPTO, "a new key cannot be made");
	if (!cv_public_key_of(pkey, &outcome, &key, err))
		return false;
	if (outcome != CV_KEY_USABLE)
		return cv_fail(err, CV_E_CRYPTO, "a new key is not good");
	if (!append_private(pkey, cv_public_key_spki(key), ret_private, err))
		return false;
	*ret_public = CV_TAKE(key);
	return true;
}
