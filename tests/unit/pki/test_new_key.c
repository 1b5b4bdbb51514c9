#include "cv/pki/new_key.h"

#include <criterion/criterion.h>
#include <openssl/x509.h>

#include "cv/pki/der.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_key.h"

static const struct row {
	enum cv_new_key kind;
	enum cv_key_type type;
	unsigned bits;
} rows[] = {
    {CV_NEW_KEY_P256, CV_KEY_TYPE_P256, 256},
    {CV_NEW_KEY_P384, CV_KEY_TYPE_P384, 384},
    {CV_NEW_KEY_P521, CV_KEY_TYPE_P521, 521},
    {CV_NEW_KEY_ED25519, CV_KEY_TYPE_ED25519, 256},
    {CV_NEW_KEY_RSA_2048, CV_KEY_TYPE_RSA, 2048},
    {CV_NEW_KEY_RSA_3072, CV_KEY_TYPE_RSA, 3072},
};

static void
make(enum cv_new_key kind, struct cv_public_key **ret_key, struct cv_buffer *private_key)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_new_key_make(kind, ret_key, private_key, &err), "%s", err.text);
}

/* PKCS#8 version 0: what clients of the field read. */
static void
expect_version_0(struct cv_bytes der)
{
	struct cv_der_reader reader = cv_der_reader(der), inner;
	uint64_t version = 99;

	cr_expect(cv_der_is_strict(der));
	cr_assert(cv_der_enter(&reader, CV_DER_SEQUENCE, &inner));
	cr_expect(cv_der_read_small(&inner, &version));
	cr_expect_eq(version, 0);
}

static void
expect_as_openssl_writes_it(const struct cv_buffer *private_key)
{
	const uint8_t *at = private_key->data;
	uint8_t *der = NULL;
	CV_AUTO_OPENSSL(EVP_PKEY)
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)private_key->len);
	CV_AUTO_OPENSSL(PKCS8_PRIV_KEY_INFO) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	cr_assert_gt(len, 0);
	cr_expect(cv_bytes_equal(cv_bytes(der, (size_t)len), cv_buffer_bytes(private_key)));
	OPENSSL_free(der);
}

Test(new_key, is_a_pair_of_the_wanted_kind)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer private_key = {.is_secret = true};
		CV_AUTO(cv_public_key) struct cv_public_key *key = NULL, *again = NULL;
		struct cv_error err = CV_ERROR_INIT;
		enum cv_key_outcome outcome = CV_KEY_MALFORMED;
		const uint8_t *at;

		make(rows[i].kind, &key, &private_key);
		cr_expect_eq(cv_public_key_type(key), rows[i].type);
		cr_expect_eq(cv_public_key_bits(key), rows[i].bits);
		expect_version_0(cv_buffer_bytes(&private_key));
		expect_as_openssl_writes_it(&private_key);
		at = private_key.data;
		CV_AUTO_OPENSSL(EVP_PKEY)
		EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)private_key.len);
		cr_assert_not_null(pkey);
		cr_assert(cv_public_key_of(pkey, &outcome, &again, &err), "%s", err.text);
		cr_expect(cv_digest_equal(cv_public_key_id(again), cv_public_key_id(key)));
	}
}

Test(new_key, is_another_each_time)
{
	CV_AUTO_BUFFER struct cv_buffer one = {.is_secret = true}, two = {.is_secret = true};
	CV_AUTO(cv_public_key) struct cv_public_key *first = NULL, *second = NULL;

	make(CV_NEW_KEY_P256, &first, &one);
	make(CV_NEW_KEY_P256, &second, &two);
	cr_expect_not(cv_digest_equal(cv_public_key_id(first), cv_public_key_id(second)));
}
