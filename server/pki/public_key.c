#include "cv/pki/public_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/pki/openssl_key.h"
#include "cv/util/pem.h"
#include "key_parts_internal.h"

#define POINT_MAX (1 + 2 * 66) /* P-521, uncompressed */
#define SPKI_MAX_BYTES 4096

struct cv_public_key {
	EVP_PKEY *pkey;        /* owned */
	EVP_MD_CTX *verifying; /* owned; begun for P-256 with SHA-256, to be copied; else NULL */
	enum cv_key_kind kind;
	enum cv_key_type type;
	struct cv_buffer spki; /* canonical */
	struct cv_digest id;
};

/* OpenSSL said no: either it ran out of memory, or the input is wrong. */
static bool
blame_input(enum cv_key_outcome *ret_outcome, struct cv_error *err)
{
	if (cv_openssl_is_out_of_memory())
		return cv_openssl_fail(err, CV_E_MEMORY, "no memory for a public key");
	cv_openssl_forget();
	*ret_outcome = CV_KEY_MALFORMED;
	return true;
}

/* The full check of SP 800-56A, which P-256 does without: its cofactor is 1 and decoding a point
 * checks the curve equation, while the full check costs as much as a verification. */
static bool
is_public_check_passed(EVP_PKEY *pkey)
{
	CV_AUTO_OPENSSL(EVP_PKEY_CTX)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	return context != NULL && EVP_PKEY_public_check(context) == 1;
}

/* Decoding by hand keeps OSSL_DECODER, twenty times slower, off the path. */
static bool
load_ec(const struct cv_key_parts *parts, EVP_PKEY **ret_pkey)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = EVP_PKEY_new();
	if (pkey == NULL || EVP_PKEY_copy_parameters(pkey, cv_openssl_curve(parts->curve)) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(pkey, parts->point.data, parts->point.len) != 1)
		return false;
	if (parts->curve != CV_CURVE_P256 && !is_public_check_passed(pkey))
		return false;
	*ret_pkey = CV_TAKE(pkey);
	return true;
}

static bool
load_ed25519(const struct cv_key_parts *parts, EVP_PKEY **ret_pkey)
{
	*ret_pkey = EVP_PKEY_new_raw_public_key_ex(
	    NULL, "ED25519", NULL, parts->point.data, parts->point.len);
	return *ret_pkey != NULL;
}

/* OpenSSL sees our canonical form only, never the bytes that came in. */
static bool
load_rsa(const struct cv_key_parts *parts, EVP_PKEY **ret_pkey)
{
	CV_AUTO_BUFFER struct cv_buffer spki = {.max_bytes = SPKI_MAX_BYTES};
	cv_key_parts_append(&spki, parts);
	if (spki.has_failed) {
		ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
		return false;
	}
	const uint8_t *at = spki.data;
	*ret_pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	return *ret_pkey != NULL;
}

static bool
load(const struct cv_key_parts *parts, EVP_PKEY **ret_pkey)
{
	switch (parts->kind) {
	case CV_KEY_KIND_EC:
		return load_ec(parts, ret_pkey);
	case CV_KEY_KIND_RSA:
		return load_rsa(parts, ret_pkey);
	case CV_KEY_KIND_ED25519:
		return load_ed25519(parts, ret_pkey);
	}
	return false;
}

static bool
get_coordinate(const EVP_PKEY *pkey, const char *name, uint8_t *ret_octets, size_t len)
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = NULL;
	return EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
	       BN_bn2binpad(number, ret_octets, (int)len) == (int)len;
}

/* The uncompressed point of a key that came compressed, into storage of the caller's. */
static bool
decompress(const EVP_PKEY *pkey, struct cv_key_parts *parts, uint8_t storage[POINT_MAX])
{
	const size_t field_len = cv_key_parts_field_len(parts->curve);
	storage[0] = 0x04;
	if (!get_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, storage + 1, field_len) ||
	    !get_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, storage + 1 + field_len, field_len))
		return false;
	parts->point = cv_bytes(storage, 1 + 2 * field_len);
	return true;
}

static enum cv_key_type
type_of(const struct cv_key_parts *parts)
{
	static const enum cv_key_type types[] = {
	    [CV_CURVE_P256] = CV_KEY_TYPE_P256,
	    [CV_CURVE_P384] = CV_KEY_TYPE_P384,
	    [CV_CURVE_P521] = CV_KEY_TYPE_P521,
	};
	switch (parts->kind) {
	case CV_KEY_KIND_EC:
		return types[parts->curve];
	case CV_KEY_KIND_RSA:
		return CV_KEY_TYPE_RSA;
	case CV_KEY_KIND_ED25519:
		break;
	}
	return CV_KEY_TYPE_ED25519;
}

/* The look-ups of a verification cost a twentieth of it. NULL: each verification looks up itself.
 */
static EVP_MD_CTX *
prepare_verifying(EVP_PKEY *pkey)
{
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, cv_openssl_hash(CV_HASH_SHA256), NULL, pkey) == 1)
		return CV_TAKE(context);
	cv_openssl_forget();
	return NULL;
}

static bool
make_key(EVP_PKEY **pkey, struct cv_key_parts *parts, struct cv_public_key **ret_key,
    struct cv_error *err)
{
	uint8_t point[POINT_MAX];
	CV_AUTO(cv_public_key) struct cv_public_key *key = calloc(1, sizeof(*key));
	if (key == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a public key");
	if (cv_key_parts_is_compressed(parts) && !decompress(*pkey, parts, point))
		return cv_openssl_fail(err, CV_E_CRYPTO, "a compressed point does not expand");
	cv_key_parts_append(&key->spki, parts);
	if (key->spki.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a public key");
	key->kind = parts->kind;
	key->type = type_of(parts);
	if (key->type == CV_KEY_TYPE_P256)
		key->verifying = prepare_verifying(*pkey);
	key->pkey = CV_TAKE(*pkey);
	cv_digest_sha256(cv_buffer_bytes(&key->spki), &key->id);
	*ret_key = CV_TAKE(key);
	return true;
}

/* For RSA this is most of the work: the parts are read once. */
static enum cv_key_outcome
read_parts(struct cv_bytes spki, struct cv_key_parts *ret_parts)
{
	return spki.len > SPKI_MAX_BYTES ? CV_KEY_MALFORMED : cv_key_parts_read(spki, ret_parts);
}

static bool
decode(struct cv_key_parts *parts, enum cv_key_outcome *ret_outcome, struct cv_public_key **ret_key,
    struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = NULL;

	if (!load(parts, &pkey))
		return blame_input(ret_outcome, err);
	return make_key(&pkey, parts, ret_key, err);
}

bool
cv_public_key_parse(struct cv_bytes spki, enum cv_key_outcome *ret_outcome,
    struct cv_public_key **ret_key, struct cv_error *err)
{
	struct cv_key_parts parts;

	*ret_outcome = read_parts(spki, &parts);
	return *ret_outcome != CV_KEY_USABLE || decode(&parts, ret_outcome, ret_key, err);
}

/* Decoding a point checks the curve equation. */
static bool
is_on_p256(struct cv_bytes point)
{
	const EC_GROUP *group = cv_openssl_p256();
	CV_AUTO_OPENSSL(EC_POINT) EC_POINT *decoded = EC_POINT_new(group);

	return decoded != NULL &&
	       EC_POINT_oct2point(group, decoded, point.data, point.len, NULL) == 1;
}

static bool
identify_decoded(struct cv_key_parts *parts, enum cv_key_outcome *ret_outcome,
    struct cv_digest *ret_id, struct cv_error *err)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;

	if (!decode(parts, ret_outcome, &key, err))
		return false;
	if (key != NULL)
		*ret_id = key->id;
	return true;
}

bool
cv_public_key_identify(struct cv_bytes spki, enum cv_key_outcome *ret_outcome,
    struct cv_digest *ret_id, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer canonical = {.max_bytes = SPKI_MAX_BYTES};
	struct cv_key_parts parts;

	*ret_outcome = read_parts(spki, &parts);
	if (*ret_outcome != CV_KEY_USABLE)
		return true;
	if (parts.kind != CV_KEY_KIND_EC || parts.curve != CV_CURVE_P256 ||
	    cv_key_parts_is_compressed(&parts))
		return identify_decoded(&parts, ret_outcome, ret_id, err);
	if (!is_on_p256(parts.point))
		return blame_input(ret_outcome, err);
	cv_key_parts_append(&canonical, &parts);
	if (canonical.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a public key");
	cv_digest_sha256(cv_buffer_bytes(&canonical), ret_id);
	return true;
}

bool
cv_public_key_of(EVP_PKEY *pkey, enum cv_key_outcome *ret_outcome, struct cv_public_key **ret_key,
    struct cv_error *err)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(pkey, &der);
	if (len <= 0)
		return cv_openssl_fail(err, CV_E_CRYPTO, "public part of a key cannot be encoded");
	const bool is_read =
	    cv_public_key_parse(cv_bytes(der, (size_t)len), ret_outcome, ret_key, err);
	OPENSSL_free(der);
	return is_read;
}

static bool
is_white_space(struct cv_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t byte = text.data[i];
		if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n')
			return false;
	}
	return true;
}

bool
cv_public_key_parse_pem(const char *pem, size_t len, enum cv_key_outcome *ret_outcome,
    struct cv_public_key **ret_key, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = {.max_bytes = SPKI_MAX_BYTES};
	struct cv_pem_block block;
	if (cv_pem_decode(cv_bytes(pem, len), "PUBLIC KEY", &block, &der) != CV_PEM_FOUND ||
	    !is_white_space(block.before) || !is_white_space(block.after)) {
		*ret_outcome = CV_KEY_MALFORMED;
		return true;
	}
	return cv_public_key_parse(cv_buffer_bytes(&der), ret_outcome, ret_key, err);
}

void
cv_public_key_free(struct cv_public_key *key)
{
	if (key == NULL)
		return;
	EVP_MD_CTX_free(key->verifying);
	EVP_PKEY_free(key->pkey);
	cv_buffer_deinit(&key->spki);
	free(key);
}

const struct cv_digest *
cv_public_key_id(const struct cv_public_key *key)
{
	return &key->id;
}

struct cv_bytes
cv_public_key_spki(const struct cv_public_key *key)
{
	return cv_buffer_bytes(&key->spki);
}

enum cv_key_type
cv_public_key_type(const struct cv_public_key *key)
{
	return key->type;
}

unsigned
cv_public_key_bits(const struct cv_public_key *key)
{
	return (unsigned)EVP_PKEY_get_bits(key->pkey);
}

bool
cv_public_key_modulus(const struct cv_public_key *key, struct cv_bytes *ret_modulus)
{
	struct cv_der_reader reader = cv_der_reader(cv_buffer_bytes(&key->spki));
	struct cv_der_reader spki, numbers;
	struct cv_bytes ignored, bits, modulus;
	if (key->kind != CV_KEY_KIND_RSA || !cv_der_enter(&reader, CV_DER_SEQUENCE, &spki) ||
	    !cv_der_read(&spki, CV_DER_SEQUENCE, &ignored) ||
	    !cv_der_read(&spki, CV_DER_BIT_STRING, &bits))
		return false;
	reader = cv_der_reader(cv_bytes(bits.data + 1, bits.len - 1));
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &numbers) ||
	    !cv_der_read(&numbers, CV_DER_INTEGER, &modulus))
		return false;
	/* Canonical: one zero in front of a first bit that is set. */
	*ret_modulus = modulus.data[0] == 0 ? cv_bytes(modulus.data + 1, modulus.len - 1) : modulus;
	return true;
}

static bool
set_pss(EVP_PKEY_CTX *context, const struct cv_signature_scheme *scheme)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, scheme->salt_len) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, cv_openssl_hash(scheme->hash)) == 1;
}

static bool
begin_verifying(
    const struct cv_public_key *key, const struct cv_signature_scheme *scheme, EVP_MD_CTX *context)
{
	EVP_PKEY_CTX *key_context = NULL;
	if (key->verifying != NULL && scheme->hash == CV_HASH_SHA256)
		return EVP_MD_CTX_copy_ex(context, key->verifying) == 1;
	return EVP_DigestVerifyInit(
		   context, &key_context, cv_openssl_hash(scheme->hash), NULL, key->pkey) == 1 &&
	       (!scheme->is_pss || set_pss(key_context, scheme));
}

static bool
is_signature_good(const struct cv_public_key *key, const struct cv_signature_scheme *scheme,
    struct cv_bytes data, struct cv_bytes signature)
{
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (context == NULL || !begin_verifying(key, scheme, context))
		return false;
	EVP_MD_CTX_set_flags(context, EVP_MD_CTX_FLAG_FINALISE); /* it is not used again */
	return EVP_DigestVerify(context, signature.data, signature.len, data.data, data.len) == 1;
}

enum cv_signature_outcome
cv_public_key_verify(const struct cv_public_key *key, struct cv_bytes algorithm,
    struct cv_bytes data, struct cv_bytes signature)
{
	struct cv_signature_scheme scheme;
	if (!cv_signature_scheme_read(algorithm, &scheme) || scheme.kind != key->kind)
		return CV_SIGNATURE_ALGORITHM_REFUSED;
	if (scheme.kind == CV_KEY_KIND_EC && !cv_signature_is_strict_ecdsa(signature))
		return CV_SIGNATURE_BAD;
	if (is_signature_good(key, &scheme, data, signature))
		return CV_SIGNATURE_GOOD;
	cv_openssl_forget();
	return CV_SIGNATURE_BAD;
}

void
cv_public_key_append_pem(struct cv_buffer *buffer, struct cv_bytes spki)
{
	cv_pem_append(buffer, "PUBLIC KEY", spki);
}
