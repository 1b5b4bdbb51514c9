#include "cv/pki/public_key.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/oid.h"
#include "../support/openssl_fixture.h"

/* Whoever only asks which key it is hears the same. */
static void
expect_identified(
    struct cv_bytes spki, enum cv_key_outcome expected, const struct cv_public_key *key)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	struct cv_digest id;
	cr_assert(cv_public_key_identify(spki, &outcome, &id, &err), "%s", err.text);
	cr_expect_eq(outcome, expected);
	cr_expect(key == NULL || cv_digest_equal(&id, cv_public_key_id(key)));
}

static enum cv_key_outcome
parse(struct cv_bytes spki, struct cv_public_key **ret_key)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	cr_assert(cv_public_key_parse(spki, &outcome, ret_key, &err), "%s", err.text);
	cr_expect_eq(outcome == CV_KEY_USABLE, *ret_key != NULL);
	expect_identified(spki, outcome, *ret_key);
	return outcome;
}

static enum cv_key_outcome
judge(struct cv_bytes spki)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	return parse(spki, &key);
}

static const struct {
	const char *kind;
	enum cv_key_outcome outcome;
} kind_rows[] = {
    {"P-256", CV_KEY_USABLE},
    {"P-384", CV_KEY_USABLE},
    {"P-521", CV_KEY_USABLE},
    {"ED25519", CV_KEY_USABLE},
    {"RSA-2048", CV_KEY_USABLE},
    {"RSA-1024", CV_KEY_WEAK},
    {"P-224", CV_KEY_WEAK},
    {"P-192", CV_KEY_WEAK},
    {"secp256k1", CV_KEY_WEAK},
    {"brainpoolP256r1", CV_KEY_WEAK},
};

/* What OpenSSL writes is the canonical form, so it comes back unchanged. */
Test(public_key, kinds)
{
	for (size_t i = 0; i < sizeof(kind_rows) / sizeof(kind_rows[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(kind_rows[i].kind);
		CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
		CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
		fixture_spki(pkey, &spki);
		cr_expect_eq(parse(cv_buffer_bytes(&spki), &key), kind_rows[i].outcome, "%s",
		    kind_rows[i].kind);
		if (key == NULL)
			continue;
		struct cv_digest digest;
		cv_digest_sha256(cv_buffer_bytes(&spki), &digest);
		cr_expect(cv_bytes_equal(cv_public_key_spki(key), cv_buffer_bytes(&spki)), "%s",
		    kind_rows[i].kind);
		cr_expect(cv_digest_equal(cv_public_key_id(key), &digest));
	}
}

Test(public_key, other_types_are_weak)
{
	static const char *const types[] = {"ED448", "X25519"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY)
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, types[i]);
		CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
		fixture_spki(pkey, &spki);
		cr_expect_eq(judge(cv_buffer_bytes(&spki)), CV_KEY_WEAK, "%s", types[i]);
	}
}

static void
set_text(EVP_PKEY *pkey, const char *name, const char *value)
{
	cr_assert_eq(EVP_PKEY_set_utf8_string_param(pkey, name, value), 1);
}

Test(public_key, compressed_point_is_the_same_key)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(curves[i]);
		CV_AUTO_BUFFER struct cv_buffer plain = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer compressed = CV_BUFFER_INIT;
		CV_AUTO(cv_public_key) struct cv_public_key *plain_key = NULL;
		CV_AUTO(cv_public_key) struct cv_public_key *compressed_key = NULL;
		fixture_spki(pkey, &plain);
		set_text(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
		fixture_spki(pkey, &compressed);
		cr_assert_lt(compressed.len, plain.len);
		cr_assert_eq(parse(cv_buffer_bytes(&plain), &plain_key), CV_KEY_USABLE);
		cr_assert_eq(parse(cv_buffer_bytes(&compressed), &compressed_key), CV_KEY_USABLE);
		cr_expect(
		    cv_digest_equal(cv_public_key_id(plain_key), cv_public_key_id(compressed_key)));
		cr_expect(
		    cv_bytes_equal(cv_public_key_spki(compressed_key), cv_buffer_bytes(&plain)));
	}
}

Test(public_key, hybrid_point_is_refused)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	set_text(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid");
	fixture_spki(pkey, &spki);
	cr_expect_eq(judge(cv_buffer_bytes(&spki)), CV_KEY_MALFORMED);
}

Test(public_key, explicit_curve_is_weak)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	set_text(pkey, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT);
	fixture_spki(pkey, &spki);
	cr_assert_gt(spki.len, 200);
	cr_expect_eq(judge(cv_buffer_bytes(&spki)), CV_KEY_WEAK);
}

/* SubjectPublicKeyInfo of any curve name and point. */
static void
append_ec_spki(struct cv_buffer *buffer, struct cv_bytes curve, struct cv_bytes point)
{
	const size_t spki = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_EC_PUBLIC_KEY));
	cv_der_append(buffer, CV_DER_OID, curve);
	cv_der_close(buffer, algorithm);
	const size_t bits = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	cv_buffer_append(buffer, point.data, point.len);
	cv_der_close(buffer, bits);
	cv_der_close(buffer, spki);
}

static enum cv_key_outcome
judge_point(const char *curve, size_t curve_len, struct cv_bytes point)
{
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	append_ec_spki(&spki, cv_bytes(curve, curve_len), point);
	return judge(cv_buffer_bytes(&spki));
}

Test(public_key, points_that_are_none)
{
	static const struct {
		const char *kind;
		const char *curve;
		size_t curve_len;
	} rows[] = {
	    {"P-256", CV_OID_P256, sizeof(CV_OID_P256) - 1},
	    {"P-384", CV_OID_P384, sizeof(CV_OID_P384) - 1},
	    {"P-521", CV_OID_P521, sizeof(CV_OID_P521) - 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(rows[i].kind);
		uint8_t *point = NULL;
		const size_t len = EVP_PKEY_get1_encoded_public_key(pkey, &point);
		const uint8_t infinity[1] = {0};
		uint8_t zeros[140] = {0x04};
		uint8_t ones[140];
		memset(ones, 0xff, sizeof(ones));
		ones[0] = 0x04;
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(point, len)),
		    CV_KEY_USABLE);
		cr_expect_eq(
		    judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(point, len - 1)),
		    CV_KEY_MALFORMED);
		point[len - 1] ^= 1;
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(point, len)),
		    CV_KEY_MALFORMED, "off the curve %s", rows[i].kind);
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, CV_BYTES(infinity)),
		    CV_KEY_MALFORMED);
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(zeros, len)),
		    CV_KEY_MALFORMED);
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(ones, len)),
		    CV_KEY_MALFORMED);
		cr_expect_eq(judge_point(rows[i].curve, rows[i].curve_len, cv_bytes(NULL, 0)),
		    CV_KEY_MALFORMED);
		OPENSSL_free(point);
	}
}

static void
append_rsa_spki(
    struct cv_buffer *buffer, struct cv_bytes modulus, struct cv_bytes exponent, bool has_null)
{
	const size_t spki = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_RSA));
	if (has_null)
		cv_der_append(buffer, CV_DER_NULL, cv_bytes(NULL, 0));
	cv_der_close(buffer, algorithm);
	const size_t bits = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	const size_t numbers = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_unsigned(buffer, modulus);
	cv_der_append_unsigned(buffer, exponent);
	cv_der_close(buffer, numbers);
	cv_der_close(buffer, bits);
	cv_der_close(buffer, spki);
}

static enum cv_key_outcome
judge_rsa(struct cv_bytes modulus, struct cv_bytes exponent)
{
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	append_rsa_spki(&spki, modulus, exponent, true);
	return judge(cv_buffer_bytes(&spki));
}

/* Octets whose number has no factor below 752: a prime, where the policy cannot tell. */
static void
make_modulus(int bits, uint8_t *ret_octets)
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_new();
	cr_assert_eq(BN_rand(number, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	for (BN_ULONG factor = 3; factor < 752;) {
		if (BN_mod_word(number, factor) != 0) {
			factor += 2;
			continue;
		}
		cr_assert_eq(BN_add_word(number, 2), 1);
		factor = 3;
	}
	cr_assert_eq(BN_bn2binpad(number, ret_octets, (bits + 7) / 8), (bits + 7) / 8);
}

static const uint8_t f4[] = {0x01, 0x00, 0x01};

Test(public_key, rsa_sizes)
{
	static const struct {
		int bits;
		enum cv_key_outcome outcome;
	} rows[] = {
	    {2040, CV_KEY_WEAK},
	    {2047, CV_KEY_WEAK},
	    {2048, CV_KEY_USABLE},
	    {2049, CV_KEY_WEAK},
	    {2056, CV_KEY_USABLE},
	    {3072, CV_KEY_USABLE},
	    {4095, CV_KEY_WEAK},
	    {4096, CV_KEY_USABLE},
	    {4097, CV_KEY_WEAK},
	    {4104, CV_KEY_WEAK},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t modulus[1024];
		make_modulus(rows[i].bits, modulus);
		const size_t len = (size_t)(rows[i].bits + 7) / 8;
		cr_expect_eq(judge_rsa(cv_bytes(modulus, len), CV_BYTES(f4)), rows[i].outcome,
		    "%d bits", rows[i].bits);
	}
}

Test(public_key, rsa_exponents)
{
	static const uint8_t zero[] = {0x00};
	static const uint8_t one[] = {0x01};
	static const uint8_t three[] = {0x03};
	static const uint8_t below[] = {0xff, 0xff};
	static const uint8_t even[] = {0x01, 0x00, 0x00};
	static const uint8_t next[] = {0x01, 0x00, 0x03};
	static const uint8_t largest[32] = {0xff, [31] = 0xff};
	static const uint8_t too_large[33] = {0x01, [32] = 0x01};
	const struct {
		struct cv_bytes exponent;
		enum cv_key_outcome outcome;
	} rows[] = {
	    {CV_BYTES(f4), CV_KEY_USABLE},
	    {CV_BYTES(zero), CV_KEY_WEAK},
	    {CV_BYTES(one), CV_KEY_WEAK},
	    {CV_BYTES(three), CV_KEY_WEAK},
	    {CV_BYTES(below), CV_KEY_WEAK},
	    {CV_BYTES(even), CV_KEY_WEAK},
	    {CV_BYTES(next), CV_KEY_USABLE},
	    {CV_BYTES(largest), CV_KEY_USABLE},
	    {CV_BYTES(too_large), CV_KEY_WEAK},
	};
	uint8_t modulus[256];
	make_modulus(2048, modulus);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(
		    judge_rsa(CV_BYTES(modulus), rows[i].exponent), rows[i].outcome, "row %zu", i);
}

Test(public_key, rsa_modulus_with_a_small_factor_is_weak)
{
	static const BN_ULONG factors[] = {2, 3, 5, 743, 751};
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_new();
		uint8_t modulus[256];
		cr_assert_eq(BN_rand(number, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY), 1);
		cr_assert_eq(BN_sub_word(number, BN_mod_word(number, factors[i])), 1);
		if (factors[i] != 2 && !BN_is_odd(number))
			cr_assert_eq(BN_sub_word(number, factors[i]), 1);
		cr_assert_eq(BN_bn2binpad(number, modulus, sizeof(modulus)), 256);
		cr_expect_eq(judge_rsa(CV_BYTES(modulus), CV_BYTES(f4)), CV_KEY_WEAK, "%lu",
		    (unsigned long)factors[i]);
	}
}

static enum cv_key_outcome
judge_number(const BIGNUM *number)
{
	uint8_t modulus[512];
	const int len = BN_num_bytes(number);
	cr_assert_leq(len, (int)sizeof(modulus));
	BN_bn2bin(number, modulus);
	return judge_rsa(cv_bytes(modulus, (size_t)len), CV_BYTES(f4));
}

/* A power of 65537 modulo the product of the first primes, as the flawed generator makes them. */
static BIGNUM *
make_roca_number(BN_CTX *context)
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *product = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *power = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *exponent = BN_new();
	BIGNUM *number = BN_new();
	cr_assert_eq(BN_one(product) & BN_set_word(power, 65537) & BN_set_word(exponent, 4711), 1);
	for (BN_ULONG prime = 2; prime <= 701; prime++) {
		bool is_prime = true;
		for (BN_ULONG divisor = 2; divisor * divisor <= prime; divisor++)
			is_prime &= prime % divisor != 0;
		if (is_prime)
			cr_assert_eq(BN_mul_word(product, prime), 1);
	}
	cr_assert_eq(BN_mod_exp(power, power, exponent, product, context), 1);
	do {
		cr_assert_eq(BN_rand(number, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY), 1);
		cr_assert_eq(BN_div(NULL, exponent, number, product, context), 1);
		cr_assert_eq(BN_sub(number, number, exponent) & BN_add(number, number, power), 1);
	} while (BN_mod_word(number, 719) == 0 || BN_mod_word(number, 727) == 0 ||
		 BN_mod_word(number, 733) == 0 || BN_mod_word(number, 739) == 0 ||
		 BN_mod_word(number, 743) == 0 || BN_mod_word(number, 751) == 0 ||
		 BN_mod_word(number, 709) == 0 || BN_num_bits(number) != 2048);
	return number;
}

/* CVE-2017-15361; two more is no such number, and has no small factor at one of the tries. */
Test(public_key, rsa_modulus_of_the_flawed_generator_is_weak)
{
	CV_AUTO_OPENSSL(BN_CTX) BN_CTX *context = BN_CTX_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = make_roca_number(context);
	cr_expect_eq(judge_number(number), CV_KEY_WEAK);
	bool is_one_usable = false;
	for (int i = 0; i < 200 && !is_one_usable; i++) {
		cr_assert_eq(BN_add_word(number, 2), 1);
		is_one_usable = judge_number(number) == CV_KEY_USABLE;
	}
	cr_expect(is_one_usable);
}

Test(public_key, rsa_modulus_at_random_is_usable)
{
	uint8_t modulus[256];
	for (int i = 0; i < 300; i++) {
		make_modulus(2048, modulus);
		cr_assert_eq(judge_rsa(CV_BYTES(modulus), CV_BYTES(f4)), CV_KEY_USABLE);
	}
}

Test(public_key, rsa_modulus_that_is_a_power_is_weak)
{
	static const int exponents[] = {2, 3, 5, 7, 31};
	CV_AUTO_OPENSSL(BN_CTX) BN_CTX *context = BN_CTX_new();
	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		CV_AUTO_OPENSSL(BIGNUM) BIGNUM *root = BN_new();
		CV_AUTO_OPENSSL(BIGNUM) BIGNUM *exponent = BN_new();
		CV_AUTO_OPENSSL(BIGNUM) BIGNUM *power = BN_new();
		cr_assert_eq(BN_set_word(exponent, (BN_ULONG)exponents[i]), 1);
		do {
			int bits = (2048 / exponents[i] + 7) / 8 * 8;
			cr_assert_eq(BN_generate_prime_ex(root, bits, 0, NULL, NULL, NULL), 1);
			cr_assert_eq(BN_exp(power, root, exponent, context), 1);
		} while (BN_num_bits(power) % 8 != 0 || BN_num_bits(power) < 2048);
		cr_expect_eq(judge_number(power), CV_KEY_WEAK, "exponent %d", exponents[i]);
	}
}

/* The next prime, and one so far away that the search does not get there. */
Test(public_key, rsa_modulus_of_close_primes_is_weak)
{
	CV_AUTO_OPENSSL(BN_CTX) BN_CTX *context = BN_CTX_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *first = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *second = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_new();
	cr_assert_eq(BN_generate_prime_ex(first, 1024, 0, NULL, NULL, NULL), 1);
	cr_assert_not_null(BN_copy(second, first));
	do
		cr_assert_eq(BN_add_word(second, 2), 1);
	while (BN_check_prime(second, context, NULL) != 1);
	cr_assert_eq(BN_mul(number, first, second, context), 1);
	cr_expect_eq(judge_number(number), CV_KEY_WEAK);
	cr_assert_eq(BN_generate_prime_ex(second, 1024, 0, NULL, NULL, NULL), 1);
	cr_assert_eq(BN_mul(number, first, second, context), 1);
	cr_expect_eq(judge_number(number), CV_KEY_USABLE);
}

Test(public_key, rsa_without_parameters_is_the_same_key)
{
	CV_AUTO_BUFFER struct cv_buffer with = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer without = CV_BUFFER_INIT;
	CV_AUTO(cv_public_key) struct cv_public_key *with_key = NULL;
	CV_AUTO(cv_public_key) struct cv_public_key *without_key = NULL;
	uint8_t modulus[256];
	make_modulus(2048, modulus);
	append_rsa_spki(&with, CV_BYTES(modulus), CV_BYTES(f4), true);
	append_rsa_spki(&without, CV_BYTES(modulus), CV_BYTES(f4), false);
	cr_assert_eq(parse(cv_buffer_bytes(&with), &with_key), CV_KEY_USABLE);
	cr_assert_eq(parse(cv_buffer_bytes(&without), &without_key), CV_KEY_USABLE);
	cr_expect(cv_digest_equal(cv_public_key_id(with_key), cv_public_key_id(without_key)));
}

static enum cv_key_outcome
judge_ed25519(const uint8_t point[32])
{
	static const uint8_t header[] = {
	    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	cv_buffer_append(&spki, header, sizeof(header));
	cv_buffer_append(&spki, point, 32);
	return judge(cv_buffer_bytes(&spki));
}

/* Small orders make signatures that anyone can forge; y >= p is a second encoding of a point. */
Test(public_key, ed25519_points)
{
	uint8_t base[32];
	uint8_t point[32] = {0};
	memset(base, 0x66, sizeof(base));
	base[0] = 0x58;
	cr_expect_eq(judge_ed25519(base), CV_KEY_USABLE);
	cr_expect_eq(judge_ed25519(point), CV_KEY_WEAK);
	point[31] = 0x80;
	cr_expect_eq(judge_ed25519(point), CV_KEY_WEAK, "sign bit does not matter");
	point[31] = 0;
	point[0] = 1;
	cr_expect_eq(judge_ed25519(point), CV_KEY_WEAK);
	memset(point, 0xff, sizeof(point));
	point[31] = 0x7f;
	point[0] = 0xec;
	cr_expect_eq(judge_ed25519(point), CV_KEY_WEAK, "p - 1");
	point[0] = 0xed;
	cr_expect_eq(judge_ed25519(point), CV_KEY_MALFORMED, "p");
	point[0] = 0xff;
	cr_expect_eq(judge_ed25519(point), CV_KEY_MALFORMED, "p + 18");
	point[0] = 0xeb;
	cr_expect_eq(judge_ed25519(point), CV_KEY_USABLE, "p - 2");
}

Test(public_key, every_truncation_and_a_tail_are_malformed)
{
	static const char *const kinds[] = {"P-256", "ED25519", "RSA-2048"};
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(kinds[k]);
		CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
		fixture_spki(pkey, &spki);
		for (size_t len = 0; len < spki.len; len++) {
			CV_AUTO_MEMORY uint8_t *copy = fixture_exact_copy(cv_bytes(spki.data, len));
			cr_expect_eq(
			    judge(cv_bytes(copy, len)), CV_KEY_MALFORMED, "%s %zu", kinds[k], len);
		}
		cr_expect_eq(judge(cv_buffer_bytes(&spki)), CV_KEY_USABLE);
		cv_buffer_append_byte(&spki, 0);
		cr_expect_eq(judge(cv_buffer_bytes(&spki)), CV_KEY_MALFORMED);
	}
}

static enum cv_key_outcome
judge_pem(const char *before, const char *middle, const char *after)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_WEAK;
	cv_buffer_printf(&text, "%s%s%s", before, middle, after);
	cr_assert(cv_public_key_parse_pem(cv_buffer_text(&text), text.len, &outcome, &key, &err));
	return outcome;
}

Test(public_key, pem)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	fixture_spki(pkey, &spki);
	cv_public_key_append_pem(&pem, cv_buffer_bytes(&spki));
	const char *text = cv_buffer_text(&pem);
	cr_expect_eq(judge_pem("", text, ""), CV_KEY_USABLE);
	cr_expect_eq(judge_pem("\r\n \t", text, "\n\n"), CV_KEY_USABLE);
	cr_expect_eq(judge_pem("x", text, ""), CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", text, "x"), CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", text, text), CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", "", ""), CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", "-----BEGIN PUBLIC KEY-----\n", ""), CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", ""),
	    CV_KEY_MALFORMED);
	cr_expect_eq(judge_pem("", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", ""),
	    CV_KEY_MALFORMED);
}

/* The same text that OpenSSL writes. */
Test(public_key, pem_is_as_openssl_writes_it)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("RSA-2048");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new(BIO_s_mem());
	char *expected = NULL;
	fixture_spki(pkey, &spki);
	cv_public_key_append_pem(&pem, cv_buffer_bytes(&spki));
	cr_assert_eq(PEM_write_bio_PUBKEY(bio, pkey), 1);
	const long len = BIO_get_mem_data(bio, &expected);
	cr_expect(cv_bytes_equal(cv_buffer_bytes(&pem), cv_bytes(expected, (size_t)len)));
}

#define ECDSA_SHA1 "\x2a\x86\x48\xce\x3d\x04\x01"
#define ECDSA_SHA224 "\x2a\x86\x48\xce\x3d\x04\x03\x01"
#define RSA_MD5 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"
#define RSA_SHA1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"

static const struct {
	const char *kind;
	const char *digest;
	const char *oid;
	size_t oid_len;
	bool has_null;
	enum cv_signature_outcome outcome;
} signature_rows[] = {
#define ROW(kind, digest, oid, has_null, outcome)                                                  \
	{                                                                                          \
		kind, digest, oid, sizeof(oid) - 1, has_null, outcome                              \
	}
    ROW("P-256", "SHA256", CV_OID_ECDSA_SHA256, false, CV_SIGNATURE_GOOD),
    ROW("P-256", "SHA384", CV_OID_ECDSA_SHA384, false, CV_SIGNATURE_GOOD),
    ROW("P-384", "SHA384", CV_OID_ECDSA_SHA384, false, CV_SIGNATURE_GOOD),
    ROW("P-521", "SHA512", CV_OID_ECDSA_SHA512, false, CV_SIGNATURE_GOOD),
    ROW("P-256", "SHA256", CV_OID_ECDSA_SHA384, false, CV_SIGNATURE_BAD),
    ROW("P-256", "SHA256", CV_OID_ECDSA_SHA256, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("P-256", "SHA1", ECDSA_SHA1, false, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("P-256", "SHA224", ECDSA_SHA224, false, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("P-256", "SHA256", CV_OID_RSA_SHA256, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("RSA-2048", "SHA256", CV_OID_RSA_SHA256, true, CV_SIGNATURE_GOOD),
    ROW("RSA-2048", "SHA256", CV_OID_RSA_SHA256, false, CV_SIGNATURE_GOOD),
    ROW("RSA-2048", "SHA384", CV_OID_RSA_SHA384, true, CV_SIGNATURE_GOOD),
    ROW("RSA-2048", "SHA512", CV_OID_RSA_SHA512, true, CV_SIGNATURE_GOOD),
    ROW("RSA-2048", "SHA1", RSA_SHA1, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("RSA-2048", "MD5", RSA_MD5, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("RSA-2048", "SHA256", CV_OID_ECDSA_SHA256, false, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("RSA-2048", "SHA256", CV_OID_RSA_PSS, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("ED25519", "", CV_OID_ED25519, false, CV_SIGNATURE_GOOD),
    ROW("ED25519", "", CV_OID_ED25519, true, CV_SIGNATURE_ALGORITHM_REFUSED),
    ROW("ED25519", "", CV_OID_ECDSA_SHA256, false, CV_SIGNATURE_ALGORITHM_REFUSED),
};

static void
append_algorithm(struct cv_buffer *buffer, struct cv_bytes oid, bool has_null)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, oid);
	if (has_null)
		cv_der_append(buffer, CV_DER_NULL, cv_bytes(NULL, 0));
	cv_der_close(buffer, algorithm);
}

static struct cv_public_key *
public_part(EVP_PKEY *pkey)
{
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	struct cv_public_key *key = NULL;
	fixture_spki(pkey, &spki);
	cr_assert_eq(parse(cv_buffer_bytes(&spki), &key), CV_KEY_USABLE);
	return key;
}

static const uint8_t message[] = "what is signed";

static size_t
sign(EVP_PKEY *pkey, const char *digest, uint8_t *ret_signature, size_t size)
{
	size_t len = size;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *md = digest[0] == '\0' ? NULL : EVP_get_digestbyname(digest);
	cr_assert_eq(EVP_DigestSignInit(context, NULL, md, NULL, pkey), 1);
	cr_assert_eq(EVP_DigestSign(context, ret_signature, &len, message, sizeof(message)), 1);
	EVP_MD_CTX_free(context);
	return len;
}

Test(public_key, signatures)
{
	for (size_t i = 0; i < sizeof(signature_rows) / sizeof(signature_rows[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(signature_rows[i].kind);
		CV_AUTO(cv_public_key) struct cv_public_key *key = public_part(pkey);
		CV_AUTO_BUFFER struct cv_buffer algorithm = CV_BUFFER_INIT;
		uint8_t signature[512];
		const size_t len = sign(pkey, signature_rows[i].digest, signature, 512);
		append_algorithm(&algorithm,
		    cv_bytes(signature_rows[i].oid, signature_rows[i].oid_len),
		    signature_rows[i].has_null);
		cr_expect_eq(cv_public_key_verify(key, cv_buffer_bytes(&algorithm),
				 CV_BYTES(message), cv_bytes(signature, len)),
		    signature_rows[i].outcome, "row %zu", i);
		if (signature_rows[i].outcome != CV_SIGNATURE_GOOD)
			continue;
		signature[len - 1] ^= 1;
		cr_expect_eq(cv_public_key_verify(key, cv_buffer_bytes(&algorithm),
				 CV_BYTES(message), cv_bytes(signature, len)),
		    CV_SIGNATURE_BAD, "row %zu", i);
		cr_expect_eq(cv_public_key_verify(key, cv_buffer_bytes(&algorithm),
				 CV_BYTES(message), cv_bytes(signature, len - 1)),
		    CV_SIGNATURE_BAD, "row %zu", i);
		cr_expect_eq(cv_public_key_verify(key, cv_buffer_bytes(&algorithm),
				 CV_BYTES(message), cv_bytes(NULL, 0)),
		    CV_SIGNATURE_BAD, "row %zu", i);
	}
}

struct pss {
	const char *hash;
	size_t hash_len;
	const char *mask_hash;
	size_t mask_hash_len;
	int salt_len; /* -1: left to its default, 20 */
	bool has_trailer;
};

static void
append_pss_algorithm(struct cv_buffer *buffer, const struct pss *pss)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_RSA_PSS));
	const size_t parameters = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t hash = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	append_algorithm(buffer, cv_bytes(pss->hash, pss->hash_len), true);
	cv_der_close(buffer, hash);
	const size_t mask = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(1));
	const size_t mgf = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_MGF1));
	append_algorithm(buffer, cv_bytes(pss->mask_hash, pss->mask_hash_len), true);
	cv_der_close(buffer, mgf);
	cv_der_close(buffer, mask);
	if (pss->salt_len >= 0) {
		const size_t salt = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(2));
		cv_der_append_small(buffer, (uint64_t)pss->salt_len);
		cv_der_close(buffer, salt);
	}
	if (pss->has_trailer) {
		const size_t trailer = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(3));
		cv_der_append_small(buffer, 1);
		cv_der_close(buffer, trailer);
	}
	cv_der_close(buffer, parameters);
	cv_der_close(buffer, algorithm);
}

static size_t
sign_pss(EVP_PKEY *pkey, int salt_len, uint8_t *ret_signature, size_t size)
{
	size_t len = size;
	EVP_PKEY_CTX *key_context = NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	cr_assert_eq(EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, pkey), 1);
	cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING), 0);
	cr_assert_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, salt_len), 0);
	cr_assert_eq(EVP_DigestSign(context, ret_signature, &len, message, sizeof(message)), 1);
	EVP_MD_CTX_free(context);
	return len;
}

#define SHA1 "\x2b\x0e\x03\x02\x1a"

Test(public_key, pss)
{
#define HASH(oid) oid, sizeof(oid) - 1
	static const struct {
		struct pss pss;
		int signed_salt_len;
		enum cv_signature_outcome outcome;
	} rows[] = {
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), 32, false}, 32, CV_SIGNATURE_GOOD},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), -1, false}, 20, CV_SIGNATURE_GOOD},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), 64, false}, 64, CV_SIGNATURE_GOOD},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), 32, false}, 20, CV_SIGNATURE_BAD},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), 65, false}, 65,
		CV_SIGNATURE_ALGORITHM_REFUSED},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA384), 32, false}, 32,
		CV_SIGNATURE_ALGORITHM_REFUSED},
	    {{HASH(SHA1), HASH(SHA1), 32, false}, 32, CV_SIGNATURE_ALGORITHM_REFUSED},
	    {{HASH(CV_OID_SHA256), HASH(CV_OID_SHA256), 32, true}, 32,
		CV_SIGNATURE_ALGORITHM_REFUSED},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("RSA-2048");
	CV_AUTO(cv_public_key) struct cv_public_key *key = public_part(pkey);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer algorithm = CV_BUFFER_INIT;
		uint8_t signature[512];
		const size_t len = sign_pss(pkey, rows[i].signed_salt_len, signature, 512);
		append_pss_algorithm(&algorithm, &rows[i].pss);
		cr_expect_eq(cv_public_key_verify(key, cv_buffer_bytes(&algorithm),
				 CV_BYTES(message), cv_bytes(signature, len)),
		    rows[i].outcome, "row %zu", i);
	}
}

Test(public_key, ecdsa_signature_must_be_strict)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key("P-256");
	CV_AUTO(cv_public_key) struct cv_public_key *key = public_part(pkey);
	CV_AUTO_BUFFER struct cv_buffer padded = CV_BUFFER_INIT;
	uint8_t signature[128];
	struct cv_der_reader reader;
	struct cv_bytes r;
	struct cv_bytes s;
	const size_t len = sign(pkey, "SHA256", signature, sizeof(signature));
	struct cv_der_reader outer = cv_der_reader(cv_bytes(signature, len));
	cr_assert(cv_der_enter(&outer, CV_DER_SEQUENCE, &reader));
	cr_assert(cv_der_read(&reader, CV_DER_INTEGER, &r));
	cr_assert(cv_der_read(&reader, CV_DER_INTEGER, &s));
	cr_expect_eq(cv_public_key_verify(
			 key, fixture_ecdsa_sha256, CV_BYTES(message), cv_bytes(signature, len)),
	    CV_SIGNATURE_GOOD);
	const size_t opened = cv_der_open(&padded, CV_DER_SEQUENCE);
	const size_t number = cv_der_open(&padded, CV_DER_INTEGER);
	cv_buffer_append_byte(&padded, 0);
	cv_buffer_append(&padded, r.data, r.len);
	cv_der_close(&padded, number);
	cv_der_append(&padded, CV_DER_INTEGER, s);
	cv_der_close(&padded, opened);
	cr_expect_eq(cv_public_key_verify(
			 key, fixture_ecdsa_sha256, CV_BYTES(message), cv_buffer_bytes(&padded)),
	    CV_SIGNATURE_BAD);
}
