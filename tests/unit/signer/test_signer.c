#include "cv/signer/signer.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"
#include "cv/pki/public_key.h"
#include "cv/util/pem.h"
#include "../support/openssl_fixture.h"

#define PASSPHRASE "correct horse"

static const int64_t begin_utc = 1767225600;  /* 2026-01-01 */
static const int64_t ca_end_utc = 2082758400; /* 2036-01-01, as in fixture_ca() */

/* One CA whose key the signer has, and the parts of a certificate. */
struct scene {
	char folder[64];
	char key_path[96];
	EVP_PKEY *ca_key;
	struct cv_certificate *ca;
	struct cv_signer *signer;
	struct cv_buffer subject;
	struct cv_buffer spki;
	struct cv_buffer san;
};

static void
scene_init(struct scene *scene, const char *kind)
{
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	*scene = (struct scene){.ca_key = fixture_key(kind)};
	fixture_make_folder(scene->folder, sizeof(scene->folder));
	snprintf(scene->key_path, sizeof(scene->key_path), "%s/ca.key", scene->folder);
	fixture_key_file(scene->ca_key, PASSPHRASE, scene->key_path);
	scene->ca = fixture_ca("/CN=ca", scene->ca_key);
	fixture_spki(key, &scene->spki);
	cv_profile_append_name(&scene->subject, NULL, "device-1");
	cr_assert(cv_profile_append_san(&scene->san, "DNS:localhost", &err));
	cr_assert(cv_signer_new(&scene->signer, &err));
}

static void
scene_deinit(struct scene *scene)
{
	fixture_remove_folder(scene->folder);
	EVP_PKEY_free(scene->ca_key);
	cv_certificate_free(scene->ca);
	cv_signer_free(scene->signer);
	cv_buffer_deinit(&scene->subject);
	cv_buffer_deinit(&scene->spki);
	cv_buffer_deinit(&scene->san);
}

static void
add_key(struct scene *scene, enum cv_signer_purpose purpose)
{
	struct cv_error err = CV_ERROR_INIT;
	cr_assert(
	    cv_signer_add_key(scene->signer, purpose, scene->ca, scene->key_path, PASSPHRASE, &err),
	    "%s: %s", err.text, err.cause);
}

static void
append_tbs(const struct scene *scene, enum cv_profile profile, struct cv_buffer *ret_tbs)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {
	    .profile = profile,
	    .issuer = scene->ca->subject,
	    .issuer_key = scene->ca->subject_key,
	    .subject = cv_buffer_bytes(&scene->subject),
	    .spki = cv_buffer_bytes(&scene->spki),
	    .san = profile == CV_PROFILE_SERVER ? cv_buffer_bytes(&scene->san) : cv_bytes(NULL, 0),
	    .not_before_utc = begin_utc,
	    .not_after_utc = ca_end_utc,
	};
	cv_profile_make_serial(request.serial);
	cr_assert(cv_signer_algorithm(scene->signer, &scene->ca->key_id, &request.algorithm));
	cr_assert(cv_profile_append_tbs(&request, ret_tbs, &err), "%s", err.text);
}

/* Signs, or expects a refusal that leaves the outputs alone. */
static bool
sign(const struct scene *scene, struct cv_bytes tbs, struct cv_error *err)
{
	uint8_t signature[CV_SIGNATURE_MAX] = {0x5a, 0x5a};
	size_t len = 77;
	*err = (struct cv_error)CV_ERROR_INIT;
	if (cv_signer_sign(scene->signer, &scene->ca->key_id, tbs, signature, &len, err)) {
		cr_expect_leq(len, sizeof(signature));
		return true;
	}
	cr_expect_eq(err->code, CV_E_SIGNER);
	cr_expect_eq(len, 77);
	cr_expect_eq(signature[0], 0x5a);
	return false;
}

static const struct {
	const char *kind;
	const char *algorithm;
	size_t algorithm_len;
} kind_rows[] = {
#define ALGORITHM(octets) octets, sizeof(octets) - 1
    {"P-256", ALGORITHM("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA256)},
    {"P-384", ALGORITHM("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA384)},
    {"P-521", ALGORITHM("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA512)},
    {"RSA-2048", ALGORITHM("\x30\x0d\x06\x09" CV_OID_RSA_SHA256 "\x05\x00")},
    {"RSA-4096", ALGORITHM("\x30\x0d\x06\x09" CV_OID_RSA_SHA256 "\x05\x00")},
    {"ED25519", ALGORITHM("\x30\x05\x06\x03" CV_OID_ED25519)},
};

Test(signer, algorithm_follows_the_key)
{
	for (size_t i = 0; i < sizeof(kind_rows) / sizeof(kind_rows[0]); i++) {
		struct scene scene;
		struct cv_error err = CV_ERROR_INIT;
		CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		CV_AUTO(cv_certificate) struct cv_certificate *leaf = NULL;
		uint8_t signature[CV_SIGNATURE_MAX];
		size_t len = 0;
		struct cv_bytes algorithm;
		enum cv_chain_outcome outcome = CV_CHAIN_REFUSED;
		const char *reason = NULL;
		scene_init(&scene, kind_rows[i].kind);
		add_key(&scene, CV_SIGNER_DEVICES);
		append_tbs(&scene, CV_PROFILE_DEVICE, &tbs);
		cr_assert(cv_signer_algorithm(scene.signer, &scene.ca->key_id, &algorithm));
		cr_expect(cv_bytes_equal(
		    algorithm, cv_bytes(kind_rows[i].algorithm, kind_rows[i].algorithm_len)));
		cr_assert(cv_signer_sign(scene.signer, &scene.ca->key_id, cv_buffer_bytes(&tbs),
			      signature, &len, &err),
		    "%s", err.text);
		cv_profile_append_certificate(
		    cv_buffer_bytes(&tbs), algorithm, cv_bytes(signature, len), &der);
		cr_assert(cv_certificate_parse(cv_buffer_bytes(&der), &leaf, &err));
		cr_assert(cv_certificate_verify(leaf, scene.ca, &outcome, &reason, &err));
		cr_expect_eq(outcome, CV_CHAIN_GOOD, "%s: %s", kind_rows[i].kind, reason);
		scene_deinit(&scene);
	}
}

static const struct {
	enum cv_signer_purpose purpose;
	enum cv_profile profile;
	bool is_signed;
} purpose_rows[] = {
    {CV_SIGNER_DEVICES, CV_PROFILE_DEVICE, true},
    {CV_SIGNER_DEVICES, CV_PROFILE_SERVER, false},
    {CV_SIGNER_DEVICES, CV_PROFILE_ISSUING, false},
    {CV_SIGNER_DEVICES, CV_PROFILE_ROOT, false},
    {CV_SIGNER_SERVICE, CV_PROFILE_SERVER, true},
    {CV_SIGNER_SERVICE, CV_PROFILE_CLIENT, true},
    {CV_SIGNER_SERVICE, CV_PROFILE_ISSUING, false},
    {CV_SIGNER_SERVICE, CV_PROFILE_ROOT, false},
};

Test(signer, purpose_decides_the_profiles)
{
	for (size_t i = 0; i < sizeof(purpose_rows) / sizeof(purpose_rows[0]); i++) {
		struct scene scene;
		struct cv_error err;
		CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
		scene_init(&scene, "P-256");
		add_key(&scene, purpose_rows[i].purpose);
		append_tbs(&scene, purpose_rows[i].profile, &tbs);
		cr_expect_eq(sign(&scene, cv_buffer_bytes(&tbs), &err), purpose_rows[i].is_signed,
		    "row %zu: %s", i, err.text);
		scene_deinit(&scene);
	}
}

/* A TBSCertificate taken apart: what is NULL is as in a good one. */
struct parts {
	struct cv_bytes version; /* whole [0] element */
	struct cv_bytes serial;  /* content */
	struct cv_bytes algorithm;
	struct cv_bytes issuer;
	struct cv_bytes validity; /* content */
	struct cv_bytes subject;
	struct cv_bytes extensions; /* content of the SEQUENCE */
	struct cv_bytes tail;       /* behind the extensions, inside */
};

#define B(octets) CV_OID_INIT(octets)
#define NAME(letter) "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" letter
#define NAME_CA                                                                                    \
	"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"                                     \
	"ca"
#define FROM_2026                                                                                  \
	"\x17\x0d"                                                                                 \
	"260101000000Z"
#define TO_2036                                                                                    \
	"\x17\x0d"                                                                                 \
	"360101000000Z"
#define ECDSA "\x30\x0a\x06\x08" CV_OID_ECDSA_SHA256
#define LEAF "\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00"
#define USAGE "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80"
#define EKU "\x06\x03\x55\x1d\x25"
#define CLIENT "\x30\x16" EKU "\x01\x01\xff\x04\x0c\x30\x0a\x06\x08" CV_OID_CLIENT_AUTH
#define X "\x30\x07\x06\x02\x2a\x03\x04\x01\x00"
#define NINETEEN                                                                                   \
	"234567890123456789"                                                                       \
	"0"

static void
append(struct cv_buffer *buffer, struct cv_bytes bytes, struct cv_bytes otherwise)
{
	const struct cv_bytes chosen = bytes.data == NULL ? otherwise : bytes;
	cv_buffer_append(buffer, chosen.data, chosen.len);
}

static void
append_content(
    struct cv_buffer *buffer, uint8_t tag, struct cv_bytes bytes, struct cv_bytes otherwise)
{
	cv_der_append(buffer, tag, bytes.data == NULL ? otherwise : bytes);
}

static void
assemble(const struct parts *parts, struct cv_bytes spki, struct cv_buffer *ret_tbs)
{
	const size_t tbs = cv_der_open(ret_tbs, CV_DER_SEQUENCE);
	append(ret_tbs, parts->version, CV_OID("\xa0\x03\x02\x01\x02"));
	append_content(ret_tbs, CV_DER_INTEGER, parts->serial, CV_OID("\x01"));
	append(ret_tbs, parts->algorithm, CV_OID(ECDSA));
	append(ret_tbs, parts->issuer, CV_OID(NAME_CA));
	append_content(ret_tbs, CV_DER_SEQUENCE, parts->validity, CV_OID(FROM_2026 TO_2036));
	append(ret_tbs, parts->subject, CV_OID(NAME("a")));
	cv_buffer_append(ret_tbs, spki.data, spki.len);
	const size_t outer = cv_der_open(ret_tbs, CV_DER_CONTEXT_CONSTRUCTED(3));
	append_content(ret_tbs, CV_DER_SEQUENCE, parts->extensions, CV_OID(LEAF USAGE CLIENT));
	cv_der_close(ret_tbs, outer);
	append(ret_tbs, parts->tail, cv_bytes(NULL, 0));
	cv_der_close(ret_tbs, tbs);
	cr_assert_not(ret_tbs->has_failed);
}

static const struct {
	const char *name;
	struct parts parts;
	const char *refusal; /* NULL: signed */
} part_rows[] = {
    {"as it is", {.tail = {NULL, 0}}, NULL},
    {"tail", {.tail = B("\x05\x00")}, "extensions"},
    {"version 1", {.version = B("")}, "version"},
    {"version 2", {.version = B("\xa0\x03\x02\x01\x01")}, "version"},
    {"serial of 20 octets", {.serial = B("\x7f" NINETEEN)}, NULL},
    {"serial of 21 octets",
	{.serial = B("\x01"
		     "1" NINETEEN)},
	"20 octets"},
    {"serial of 20 octets and a sign", {.serial = B("\x00\xff" NINETEEN)}, "20 octets"},
    {"serial negative", {.serial = B("\xff")}, "positive"},
    {"serial zero", {.serial = B("\x00")}, "positive"},
    {"algorithm of another key", {.algorithm = B("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA384)},
	"algorithm"},
    {"algorithm that is none", {.algorithm = B("\x05\x00")}, "algorithm"},
    {"other issuer", {.issuer = B(NAME("b"))}, "issuer"},
    {"issuer empty", {.issuer = B("\x30\x00")}, "issuer"},
    {"end before the CA's",
	{.validity = B(FROM_2026 "\x17\x0d"
				 "351231235959Z")},
	NULL},
    {"end a second beyond the CA's",
	{.validity = B(FROM_2026 "\x17\x0d"
				 "360101000001Z")},
	"outlive"},
    {"end in 9999",
	{.validity = B(FROM_2026 "\x18\x0f"
				 "99991231235959Z")},
	"outlive"},
    {"end before begin", {.validity = B(TO_2036 FROM_2026)}, "in order"},
    {"one time", {.validity = B(FROM_2026)}, "validity"},
    {"subject is no sequence", {.subject = B("\x05\x00")}, "subject"},
    {"no extensions", {.extensions = B("")}, "basicConstraints"},
    {"no basicConstraints", {.extensions = B(USAGE CLIENT)}, "basicConstraints"},
    {"CA:TRUE",
	{.extensions = B(
	     "\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff" USAGE CLIENT)},
	"basicConstraints"},
    {"basicConstraints not critical",
	{.extensions = B("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00" USAGE CLIENT)},
	"basicConstraints"},
    {"no keyUsage", {.extensions = B(LEAF CLIENT)}, "keyUsage"},
    {"keyUsage not critical",
	{.extensions = B(LEAF "\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x07\x80" CLIENT)},
	"keyUsage"},
    {"keyCertSign too",
	{.extensions =
		B(LEAF "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x02\x84" CLIENT)},
	"keyUsage"},
    {"keyAgreement too",
	{.extensions =
		B(LEAF "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x03\x88" CLIENT)},
	"keyUsage"},
    {"no extKeyUsage", {.extensions = B(LEAF USAGE)}, "extKeyUsage"},
    {"extKeyUsage not critical",
	{.extensions = B(LEAF USAGE "\x30\x13" EKU "\x04\x0c\x30\x0a\x06\x08" CV_OID_CLIENT_AUTH)},
	"extKeyUsage"},
    {"server",
	{.extensions = B(
	     LEAF USAGE "\x30\x16" EKU "\x01\x01\xff\x04\x0c\x30\x0a\x06\x08" CV_OID_SERVER_AUTH)},
	"extKeyUsage"},
    {"client and server",
	{.extensions = B(
	     LEAF USAGE "\x30\x20" EKU "\x01\x01\xff\x04\x16\x30\x14\x06\x08" CV_OID_CLIENT_AUTH
			"\x06\x08" CV_OID_SERVER_AUTH)},
	"extKeyUsage"},
    {"unknown extension", {.extensions = B(LEAF USAGE CLIENT X)}, "no profile"},
    {"subject key identifier",
	{.extensions = B(LEAF USAGE CLIENT "\x30\x0a\x06\x03\x55\x1d\x0e\x04\x03\x04\x01\x00")},
	NULL},
    {"name constraints",
	{.extensions = B(LEAF USAGE CLIENT "\x30\x09\x06\x03\x55\x1d\x1e\x04\x02\x30\x00")},
	"no profile"},
    {"repeated extension", {.extensions = B(LEAF USAGE CLIENT LEAF)}, "repeated"},
};

Test(signer, parts)
{
	struct scene scene;
	scene_init(&scene, "P-256");
	add_key(&scene, CV_SIGNER_DEVICES);
	for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
		struct cv_error err;
		const char *refusal = part_rows[i].refusal;
		assemble(&part_rows[i].parts, cv_buffer_bytes(&scene.spki), &tbs);
		cr_expect_eq(sign(&scene, cv_buffer_bytes(&tbs), &err), refusal == NULL, "%s: %s",
		    part_rows[i].name, err.text);
		if (refusal != NULL)
			cr_expect_not_null(
			    strstr(err.text, refusal), "%s: %s", part_rows[i].name, err.text);
	}
	scene_deinit(&scene);
}

Test(signer, anything_but_a_whole_tbs_is_refused)
{
	struct scene scene;
	struct cv_error err;
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	static const uint8_t digest[32] = {1};
	scene_init(&scene, "P-256");
	add_key(&scene, CV_SIGNER_DEVICES);
	append_tbs(&scene, CV_PROFILE_DEVICE, &tbs);
	for (size_t len = 0; len < tbs.len; len++) {
		CV_AUTO_MEMORY uint8_t *copy = fixture_exact_copy(cv_bytes(tbs.data, len));
		cr_expect_not(sign(&scene, cv_bytes(copy, len), &err), "%zu", len);
	}
	cr_expect(sign(&scene, cv_buffer_bytes(&tbs), &err));
	cv_buffer_append_byte(&tbs, 0);
	cr_expect_not(sign(&scene, cv_buffer_bytes(&tbs), &err));
	cr_expect_not(sign(&scene, CV_BYTES(digest), &err));
	scene_deinit(&scene);
}

Test(signer, unknown_key)
{
	struct scene scene;
	struct cv_error err;
	struct cv_bytes algorithm = CV_OID("untouched");
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	scene_init(&scene, "P-256");
	cr_expect_not(cv_signer_algorithm(scene.signer, &scene.ca->key_id, &algorithm));
	cr_expect_eq(algorithm.len, strlen("untouched"));
	add_key(&scene, CV_SIGNER_DEVICES);
	append_tbs(&scene, CV_PROFILE_DEVICE, &tbs);
	cr_expect(sign(&scene, cv_buffer_bytes(&tbs), &err));
	scene.ca->key_id.bytes[0] ^= 1;
	cr_expect_not(sign(&scene, cv_buffer_bytes(&tbs), &err));
	scene_deinit(&scene);
}

static uint64_t
count_of(const struct cv_histogram *histogram)
{
	uint64_t count = 0;
	for (size_t i = 0; i <= CV_HISTOGRAM_BUCKETS; i++)
		count += atomic_load(&histogram->counts[i]);
	return count;
}

/* A request that may not be signed says nothing of the signer. */
Test(signer, tells_how_signing_goes)
{
	struct scene scene;
	struct cv_error err;
	CV_AUTO_BUFFER struct cv_buffer good = CV_BUFFER_INIT, bad = CV_BUFFER_INIT;
	scene_init(&scene, "P-256");
	add_key(&scene, CV_SIGNER_DEVICES);
	append_tbs(&scene, CV_PROFILE_DEVICE, &good);
	append_tbs(&scene, CV_PROFILE_SERVER, &bad);
	cr_expect(cv_signer_is_up(scene.signer));
	cr_expect_not(sign(&scene, cv_buffer_bytes(&bad), &err));
	cr_expect(cv_signer_is_up(scene.signer));
	cr_expect_eq(count_of(cv_signer_durations(scene.signer)), 0);
	cr_expect(sign(&scene, cv_buffer_bytes(&good), &err), "%s", err.text);
	cr_expect(cv_signer_is_up(scene.signer));
	cr_expect_eq(count_of(cv_signer_durations(scene.signer)), 1);
	scene_deinit(&scene);
}

/* What one CA may sign, another whose key is there as well may not. */
Test(signer, keys_are_not_mixed_up)
{
	struct scene first;
	struct scene second;
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	scene_init(&first, "P-256");
	scene_init(&second, "P-256");
	add_key(&first, CV_SIGNER_DEVICES);
	cr_assert(cv_signer_add_key(
	    first.signer, CV_SIGNER_SERVICE, second.ca, second.key_path, PASSPHRASE, &err));
	append_tbs(&first, CV_PROFILE_SERVER, &tbs);
	cr_expect_not(cv_signer_sign(
	    first.signer, &first.ca->key_id, cv_buffer_bytes(&tbs), signature, &len, &err));
	cr_expect(cv_signer_sign(
	    first.signer, &second.ca->key_id, cv_buffer_bytes(&tbs), signature, &len, &err));
	scene_deinit(&first);
	scene_deinit(&second);
}

static bool
try_key(struct scene *scene, const struct cv_certificate *ca, const char *passphrase,
    struct cv_error *err)
{
	*err = (struct cv_error)CV_ERROR_INIT;
	return cv_signer_add_key(
	    scene->signer, CV_SIGNER_DEVICES, ca, scene->key_path, passphrase, err);
}

Test(signer, key_file_must_fit)
{
	struct scene scene;
	struct cv_error err;
	scene_init(&scene, "P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other_key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *other = fixture_ca("/CN=ca", other_key);
	CV_AUTO(cv_certificate)
	struct cv_certificate *no_ca = fixture_parsed_certificate(
	    &(struct fixture_certificate){.subject = "/CN=ca", .key = scene.ca_key});
	cr_expect_not(try_key(&scene, other, PASSPHRASE, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not_null(strstr(err.text, "not the one in the CA certificate"), "%s", err.text);
	cr_expect_not(try_key(&scene, no_ca, PASSPHRASE, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not(try_key(&scene, scene.ca, "wrong passphrase", &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not(try_key(&scene, scene.ca, NULL, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not(try_key(&scene, scene.ca, "", &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect(try_key(&scene, scene.ca, PASSPHRASE, &err), "%s", err.text);
	cr_expect_not(try_key(&scene, scene.ca, PASSPHRASE, &err), "twice");
	cr_expect_eq(err.code, CV_E_SIGNER);
	scene_deinit(&scene);
}

/* Neither the passphrase that was tried nor a part of the key is in the error. */
Test(signer, passphrase_is_not_in_the_error)
{
	struct scene scene;
	struct cv_error err;
	scene_init(&scene, "P-256");
	cr_expect_not(try_key(&scene, scene.ca, "xyzzy-plugh", &err));
	cr_expect_null(strstr(err.text, "xyzzy"));
	cr_expect_null(strstr(err.cause, "xyzzy"));
	scene_deinit(&scene);
}

Test(signer, key_file_in_the_clear_is_refused)
{
	struct scene scene;
	struct cv_error err;
	scene_init(&scene, "P-256");
	fixture_key_file(scene.ca_key, NULL, scene.key_path);
	cr_expect_not(try_key(&scene, scene.ca, PASSPHRASE, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not_null(strstr(err.text, "not an encrypted"), "%s", err.text);
	cr_expect_not(try_key(&scene, scene.ca, NULL, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	scene_deinit(&scene);
}

Test(signer, key_file_must_exist)
{
	struct scene scene;
	struct cv_error err;
	scene_init(&scene, "P-256");
	snprintf(scene.key_path, sizeof(scene.key_path), "%s/absent.key", scene.folder);
	cr_expect_not(try_key(&scene, scene.ca, PASSPHRASE, &err));
	cr_expect_eq(err.code, CV_E_IO);
	scene_deinit(&scene);
}

Test(signer, freeing_nothing)
{
	cv_signer_free(NULL);
}

/* ---- keys that are made while others sign ---- */

struct made {
	struct cv_sealed_key key;
	struct cv_certificate *ca; /* of the key, signed by the scene's CA key */
};

static void
made_init(struct made *made, struct scene *scene, const char *names)
{
	const struct cv_key_order order = {
	    .organizational_unit = "factory-1", .common_name = "factory-1", .names = names};
	struct cv_error err = CV_ERROR_INIT;

	*made = (struct made){.ca = NULL};
	cr_assert(cv_signer_make_key(scene->signer, &order, &made->key, &err), "%s", err.text);
}

static void
made_deinit(struct made *made)
{
	cv_sealed_key_deinit(&made->key);
	cv_certificate_free(made->ca);
}

static void
keep_passphrase(struct scene *scene, const char *passphrase)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_signer_keep_passphrase(scene->signer, passphrase, &err));
}

/* The key of a request that OpenSSL reads and verifies. */
static EVP_PKEY *
read_request(const struct cv_buffer *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	EVP_PKEY *key;

	cr_assert_not_null(request);
	key = X509_REQ_get_pubkey(request);
	cr_assert_eq(X509_REQ_verify(request, key), 1);
	X509_REQ_free(request);
	BIO_free(bio);
	return key;
}

Test(signer, makes_a_key_with_its_request_and_seals_it)
{
	static const char end[] = "-----END CERTIFICATE REQUEST-----\n";
	struct scene scene;
	struct made made;
	CV_AUTO_BUFFER struct cv_buffer plain = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;

	scene_init(&scene, "P-256");
	keep_passphrase(&scene, PASSPHRASE);
	made_init(&made, &scene, "DNS:a.example.org,DNS:b.example.org");
	EVP_PKEY_free(read_request(&made.key.csr));
	const char *csr = cv_buffer_text(&made.key.csr);
	cr_expect_str_eq(csr + strlen(csr) - strlen(end), end);
	cr_expect_eq(
	    strncmp(cv_buffer_text(&made.key.sealed), "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37),
	    0);
	cr_assert(
	    cv_signer_open_sealed(scene.signer, cv_buffer_bytes(&made.key.sealed), &plain, &err));
	cr_expect_eq(strncmp(cv_buffer_text(&plain), "-----BEGIN PRIVATE KEY-----", 27), 0);
	made_deinit(&made);
	scene_deinit(&scene);
}

Test(signer, makes_and_opens_nothing_without_the_passphrase)
{
	const struct cv_key_order order = {
	    .organizational_unit = "f", .common_name = "f", .names = ""};
	struct cv_sealed_key none = {.csr = CV_BUFFER_INIT};
	struct scene scene, other;
	struct made made;
	CV_AUTO_BUFFER struct cv_buffer plain = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;

	scene_init(&scene, "P-256");
	scene_init(&other, "P-256");
	keep_passphrase(&scene, PASSPHRASE);
	made_init(&made, &scene, "");
	cr_expect_not(cv_signer_make_key(other.signer, &order, &none, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not(
	    cv_signer_open_sealed(other.signer, cv_buffer_bytes(&made.key.sealed), &plain, &err));
	keep_passphrase(&other, "another");
	cr_expect_not(
	    cv_signer_open_sealed(other.signer, cv_buffer_bytes(&made.key.sealed), &plain, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_eq(plain.len, 0);
	cr_expect_null(strstr(err.text, "another"));
	cv_sealed_key_deinit(&none);
	made_deinit(&made);
	scene_deinit(&scene);
	scene_deinit(&other);
}

/* A CA certificate for a key that was made. */
static struct cv_certificate *
ca_of(const struct scene *scene, EVP_PKEY *key)
{
	static const struct fixture_extension extensions[] = {
	    {"basicConstraints", "critical,CA:TRUE"}, {"subjectKeyIdentifier", "hash"},
	    {NULL, NULL}};

	return fixture_parsed_certificate(
	    &(struct fixture_certificate){.subject = "/OU=factory-1/CN=factory-1",
		.key = key,
		.issuer = "/CN=ca",
		.issuer_key = scene->ca_key,
		.extensions = extensions});
}

struct other_thread {
	struct scene *scene;
	struct cv_buffer tbs;
	atomic_bool must_end;
	unsigned signatures;
};

static void *
sign_on(void *context)
{
	struct other_thread *thread = context;
	uint8_t signature[CV_SIGNATURE_MAX];
	struct cv_error err = CV_ERROR_INIT;
	size_t len;

	while (!atomic_load(&thread->must_end)) {
		cr_assert(cv_signer_sign(thread->scene->signer, &thread->scene->ca->key_id,
		    cv_buffer_bytes(&thread->tbs), signature, &len, &err));
		thread->signatures++;
	}
	return NULL;
}

Test(signer, takes_keys_while_it_signs_and_only_the_one_that_fits)
{
	enum { KEYS = 3 };
	struct scene scene;
	struct made made[KEYS];
	struct other_thread thread = {.scene = &scene};
	struct cv_error err = CV_ERROR_INIT;
	struct cv_bytes algorithm;
	pthread_t id;
	bool is_new = false;

	scene_init(&scene, "P-256");
	keep_passphrase(&scene, PASSPHRASE);
	add_key(&scene, CV_SIGNER_DEVICES);
	append_tbs(&scene, CV_PROFILE_DEVICE, &thread.tbs);
	cr_assert_eq(pthread_create(&id, NULL, sign_on, &thread), 0);
	for (int i = 0; i < KEYS; i++) {
		made_init(&made[i], &scene, "");
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = read_request(&made[i].key.csr);
		made[i].ca = ca_of(&scene, key);
		cr_assert(cv_signer_add_sealed(scene.signer, CV_SIGNER_DEVICES, made[i].ca,
			      cv_buffer_bytes(&made[i].key.sealed), &is_new, &err),
		    "%s", err.text);
		cr_expect(is_new);
	}
	atomic_store(&thread.must_end, true);
	pthread_join(id, NULL);
	cr_expect_gt(thread.signatures, 0);
	for (int i = 0; i < KEYS; i++) {
		cr_expect(cv_signer_algorithm(scene.signer, &made[i].key.key_id, &algorithm));
		cr_assert(cv_signer_add_sealed(scene.signer, CV_SIGNER_DEVICES, made[i].ca,
		    cv_buffer_bytes(&made[i].key.sealed), &is_new, &err));
		cr_expect_not(is_new);
	}
	struct made stranger;
	made_init(&stranger, &scene, "");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *stranger_key = fixture_key("P-256");
	stranger.ca = ca_of(&scene, stranger_key);
	cr_expect_not(cv_signer_add_sealed(scene.signer, CV_SIGNER_DEVICES, stranger.ca,
	    cv_buffer_bytes(&stranger.key.sealed), &is_new, &err));
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_not(cv_signer_algorithm(scene.signer, &stranger.ca->key_id, &algorithm));
	made_deinit(&stranger);
	for (int i = 0; i < KEYS; i++)
		made_deinit(&made[i]);
	cv_buffer_deinit(&thread.tbs);
	scene_deinit(&scene);
}

/* Does the sealed text hold this number of rounds, as DER? */
static bool
has_rounds(const struct cv_buffer *pem, struct cv_bytes number)
{
	CV_AUTO_BUFFER struct cv_buffer der = {.max_bytes = 4096};
	struct cv_pem_block block;

	cr_assert_eq(cv_pem_decode(cv_buffer_bytes(pem), "ENCRYPTED PRIVATE KEY", &block, &der),
	    CV_PEM_FOUND);
	return memmem(der.data, der.len, number.data, number.len) != NULL;
}

Test(signer, only_random_passphrases_are_cheap_to_try)
{
	static const struct {
		const char *passphrase;
		bool is_cheap;
	} rows[] = {
	    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true},
	    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", false},
	    {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeF", false},
	    {"correct horse battery staple correct horse battery staple correct", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer plain = {.is_secret = true};
		struct cv_error err = CV_ERROR_INIT;
		struct scene scene;
		struct made made;

		scene_init(&scene, "P-256");
		keep_passphrase(&scene, rows[i].passphrase);
		made_init(&made, &scene, "");
		cr_expect_eq(has_rounds(&made.key.sealed, CV_OID("\x02\x02\x08\x00")),
		    rows[i].is_cheap, "%zu", i);
		cr_expect_eq(has_rounds(&made.key.sealed, CV_OID("\x02\x03\x04\x93\xe0")),
		    !rows[i].is_cheap, "%zu", i);
		cr_expect(cv_signer_open_sealed(
		    scene.signer, cv_buffer_bytes(&made.key.sealed), &plain, &err));
		made_deinit(&made);
		scene_deinit(&scene);
	}
}

static bool
sign_package(
    const struct scene *scene, struct cv_bytes *ret_signature, uint8_t room[CV_SIGNATURE_MAX])
{
	struct cv_package_digest digest;
	struct cv_bytes algorithm = cv_bytes("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA256, 12);
	struct cv_error err = CV_ERROR_INIT;
	size_t len = 77;
	(void)cv_signer_algorithm(scene->signer, &scene->ca->key_id, &algorithm);
	cr_assert(cv_package_digest_make(cv_bytes("a key", 5), algorithm, &digest, &err));
	if (cv_signer_sign_package(scene->signer, &scene->ca->key_id, &digest, room, &len, &err)) {
		*ret_signature = cv_bytes(room, len);
		return true;
	}
	cr_expect_eq(err.code, CV_E_SIGNER);
	cr_expect_eq(len, 77);
	return false;
}

/* What is signed is not what was handed over, and begins like no certificate does. */
Test(signer, signs_attributes_of_a_key_package)
{
	for (size_t i = 0; i < sizeof(kind_rows) / sizeof(kind_rows[0]); i++) {
		struct scene scene;
		struct cv_error err = CV_ERROR_INIT;
		CV_AUTO_BUFFER struct cv_buffer attributes = CV_BUFFER_INIT;
		uint8_t room[CV_SIGNATURE_MAX];
		struct cv_bytes signature = {NULL, 0}, algorithm;
		struct cv_package_digest digest;
		scene_init(&scene, kind_rows[i].kind);
		cr_expect_not(sign_package(&scene, &signature, room), "without a key");
		add_key(&scene, CV_SIGNER_DEVICES);
		cr_assert(sign_package(&scene, &signature, room));
		cr_assert(cv_signer_algorithm(scene.signer, &scene.ca->key_id, &algorithm));
		cr_assert(cv_package_digest_make(cv_bytes("a key", 5), algorithm, &digest, &err));
		cv_package_append_attributes(&attributes, cv_bytes(digest.octets, digest.len));
		cr_expect_eq(attributes.data[0], CV_DER_SET);
		cr_expect_eq(cv_public_key_verify(
				 scene.ca->key, algorithm, cv_buffer_bytes(&attributes), signature),
		    CV_SIGNATURE_GOOD, "%s", kind_rows[i].kind);
		scene_deinit(&scene);
	}
}

Test(signer, the_service_ca_vouches_for_no_key_package)
{
	struct scene scene;
	uint8_t room[CV_SIGNATURE_MAX];
	struct cv_bytes signature = {NULL, 0};
	scene_init(&scene, "P-256");
	add_key(&scene, CV_SIGNER_SERVICE);
	cr_expect_not(sign_package(&scene, &signature, room));
	scene_deinit(&scene);
}
