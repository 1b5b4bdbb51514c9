#include "cv/pki/profile.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/oid.h"
#include "cv/util/text.h"
#include "../support/openssl_fixture.h"

static const int64_t begin_utc = 1767225600; /* 2026-01-01 */
static const int64_t end_utc = 2082758400;   /* 2036-01-01 */

/* A CA and a device key, and a request that is good as it is. */
struct scene {
	EVP_PKEY *ca_key;
	struct cv_certificate *ca;
	struct cv_buffer subject;
	struct cv_buffer spki;
	struct cv_buffer san;
	struct cv_certificate_request request;
};

static void
scene_init(struct scene *scene, enum cv_profile profile)
{
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	*scene = (struct scene){.ca_key = fixture_key("P-256")};
	scene->ca = fixture_ca("/OU=factory/CN=ca", scene->ca_key);
	fixture_spki(key, &scene->spki);
	cv_profile_append_name(&scene->subject, "factory", "device-1");
	cr_assert(cv_profile_append_san(&scene->san, "DNS:localhost,IP:127.0.0.1", &err));
	scene->request = (struct cv_certificate_request){
	    .profile = profile,
	    .issuer = scene->ca->subject,
	    .issuer_key = scene->ca->subject_key,
	    .algorithm = fixture_ecdsa_sha256,
	    .subject = cv_buffer_bytes(&scene->subject),
	    .spki = cv_buffer_bytes(&scene->spki),
	    .not_before_utc = begin_utc,
	    .not_after_utc = end_utc,
	};
	if (profile == CV_PROFILE_SERVER)
		scene->request.san = cv_buffer_bytes(&scene->san);
	cv_profile_make_serial(scene->request.serial);
}

static void
scene_deinit(struct scene *scene)
{
	EVP_PKEY_free(scene->ca_key);
	cv_certificate_free(scene->ca);
	cv_buffer_deinit(&scene->subject);
	cv_buffer_deinit(&scene->spki);
	cv_buffer_deinit(&scene->san);
}

static struct cv_certificate *
issue(const struct scene *scene)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate *certificate = NULL;
	cr_assert(cv_profile_append_tbs(&scene->request, &tbs, &err), "%s", err.text);
	fixture_sign(scene->ca_key, "SHA256", fixture_ecdsa_sha256, cv_buffer_bytes(&tbs), &der);
	cr_assert(cv_certificate_parse(cv_buffer_bytes(&der), &certificate, &err), "%s", err.text);
	return certificate;
}

static X509 *
to_x509(const struct cv_certificate *certificate)
{
	const uint8_t *at = certificate->der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)certificate->der.len);
	cr_assert_not_null(x509);
	return x509;
}

/* OpenSSL's opinion with its own idea of the purpose, and the strict reading of RFC 5280. */
static bool
is_chain_good(const struct cv_certificate *leaf, const struct cv_certificate *ca, int purpose)
{
	CV_AUTO_OPENSSL(X509) X509 *leaf_x509 = to_x509(leaf);
	CV_AUTO_OPENSSL(X509) X509 *ca_x509 = to_x509(ca);
	CV_AUTO_OPENSSL(X509_STORE) X509_STORE *store = X509_STORE_new();
	CV_AUTO_OPENSSL(X509_STORE_CTX) X509_STORE_CTX *context = X509_STORE_CTX_new();
	cr_assert_eq(X509_STORE_add_cert(store, ca_x509), 1);
	cr_assert_eq(X509_STORE_CTX_init(context, store, leaf_x509, NULL), 1);
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
	cr_assert_eq(X509_VERIFY_PARAM_set_purpose(parameters, purpose), 1);
	X509_VERIFY_PARAM_set_time(parameters, begin_utc + 1);
	return X509_verify_cert(context) == 1;
}

static bool
contains(struct cv_bytes bytes, struct cv_bytes part)
{
	return memmem(bytes.data, bytes.len, part.data, part.len) != NULL;
}

Test(profile, device)
{
	/* Whole Extension elements: clients compare these octets. */
	static const char usage[] =
	    "\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80";
	static const char purpose[] =
	    "\x30\x16\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x0c\x30\x0a\x06\x08"
	    "\x2b\x06\x01\x05\x05\x07\x03\x02";
	static const char leaf_only[] = "\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00";
	struct scene scene;
	enum cv_chain_outcome outcome = CV_CHAIN_REFUSED;
	struct cv_error err = CV_ERROR_INIT;
	scene_init(&scene, CV_PROFILE_DEVICE);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(&scene);
	cr_expect(contains(leaf->tbs, CV_OID(usage)));
	cr_expect(contains(leaf->tbs, CV_OID(purpose)));
	cr_expect(contains(leaf->tbs, CV_OID(leaf_only)));
	cr_expect(cv_bytes_equal(leaf->subject, cv_buffer_bytes(&scene.subject)));
	cr_expect(cv_bytes_equal(leaf->spki, cv_buffer_bytes(&scene.spki)));
	cr_expect(cv_bytes_equal(leaf->issuer, scene.ca->subject));
	cr_expect(cv_bytes_equal(leaf->authority_key, scene.ca->subject_key));
	cr_expect_eq(leaf->san.len, 0);
	cr_expect_eq(leaf->not_before_utc, begin_utc);
	cr_expect_eq(leaf->not_after_utc, end_utc);
	cr_assert(cv_certificate_verify(leaf, scene.ca, &outcome, NULL, &err));
	cr_expect_eq(outcome, CV_CHAIN_GOOD);
	cr_expect(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_CLIENT));
	cr_expect_not(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_SERVER));
	scene_deinit(&scene);
}

Test(profile, server)
{
	struct scene scene;
	scene_init(&scene, CV_PROFILE_SERVER);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(&scene);
	CV_AUTO_OPENSSL(X509) X509 *x509 = to_x509(leaf);
	cr_expect_not(leaf->allows_client);
	cr_expect(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_SERVER));
	cr_expect_not(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_CLIENT));
	cr_expect_eq(X509_check_host(x509, "localhost", 0, 0, NULL), 1);
	cr_expect_eq(X509_check_host(x509, "example.org", 0, 0, NULL), 0);
	cr_expect_eq(X509_check_ip_asc(x509, "127.0.0.1", 0), 1);
	scene_deinit(&scene);
}

Test(profile, server_without_a_name_is_refused)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct scene scene;
	scene_init(&scene, CV_PROFILE_SERVER);
	scene.request.san = cv_bytes(NULL, 0);
	cr_expect_not(cv_profile_append_tbs(&scene.request, &tbs, &err));
	cr_expect_eq(err.code, CV_E_INPUT);
	cr_expect_eq(tbs.len, 0);
	scene_deinit(&scene);
}

Test(profile, gateway_is_a_client)
{
	struct scene scene;
	scene_init(&scene, CV_PROFILE_CLIENT);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(&scene);
	cr_expect(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_CLIENT));
	cr_expect_not(is_chain_good(leaf, scene.ca, X509_PURPOSE_SSL_SERVER));
	scene_deinit(&scene);
}

Test(profile, authorities)
{
	static const struct {
		enum cv_profile profile;
		long path_len;
	} rows[] = {{CV_PROFILE_ROOT, -1}, {CV_PROFILE_ISSUING, 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene scene;
		scene_init(&scene, rows[i].profile);
		CV_AUTO(cv_certificate) struct cv_certificate *ca = issue(&scene);
		CV_AUTO_OPENSSL(X509) X509 *x509 = to_x509(ca);
		cr_expect(ca->is_ca);
		cr_expect(ca->may_sign_certificates);
		cr_expect_not(ca->allows_client);
		cr_expect_eq(X509_check_ca(x509), 1);
		cr_expect_eq(X509_get_pathlen(x509), rows[i].path_len);
		cr_expect_eq(X509_get_key_usage(x509), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
		scene_deinit(&scene);
	}
}

Test(profile, self_signed_has_no_authority_key)
{
	struct scene scene;
	scene_init(&scene, CV_PROFILE_ROOT);
	scene.request.issuer_key = cv_bytes(NULL, 0);
	CV_AUTO(cv_certificate) struct cv_certificate *root = issue(&scene);
	cr_expect_eq(root->authority_key.len, 0);
	cr_expect_eq(root->subject_key.len, CV_SHA1_LEN);
	scene_deinit(&scene);
}

/* As `openssl x509 -ext subjectKeyIdentifier` computes it. */
Test(profile, subject_key_is_sha1_of_the_bits)
{
	static const struct fixture_extension extensions[] = {
	    {"subjectKeyIdentifier", "hash"},
	    {NULL, NULL},
	};
	struct scene scene;
	scene_init(&scene, CV_PROFILE_DEVICE);
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-384");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	fixture_spki(key, &spki);
	scene.request.spki = cv_buffer_bytes(&spki);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(&scene);
	CV_AUTO(cv_certificate)
	struct cv_certificate *expected = fixture_parsed_certificate(&(struct fixture_certificate){
	    .subject = "/CN=a", .key = key, .extensions = extensions});
	cr_expect(cv_bytes_equal(leaf->subject_key, expected->subject_key));
	scene_deinit(&scene);
}

Test(profile, times_change_their_kind_in_2050)
{
	struct scene scene;
	scene_init(&scene, CV_PROFILE_DEVICE);
	scene.request.not_after_utc = 2524608000;
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(&scene);
	cr_expect(contains(leaf->tbs, CV_OID("\x17\x0d"
					     "260101000000Z"
					     "\x18\x0f"
					     "20500101000000Z")));
	scene_deinit(&scene);
}

Test(profile, serials_are_positive_and_differ)
{
	uint8_t previous[CV_ISSUED_SERIAL_LEN] = {0};
	uint8_t seen = 0;
	for (size_t i = 0; i < 1000; i++) {
		uint8_t serial[CV_ISSUED_SERIAL_LEN];
		cv_profile_make_serial(serial);
		cr_expect_eq(serial[0] & 0x80, 0);
		cr_expect_neq(memcmp(serial, previous, sizeof(serial)), 0);
		memcpy(previous, serial, sizeof(serial));
		seen |= serial[0];
	}
	cr_expect_eq(seen, 0x7f, "all other bits are random");
}

static void
make_serial_zero(struct cv_certificate_request *request)
{
	memset(request->serial, 0, sizeof(request->serial));
}

static void
make_serial_negative(struct cv_certificate_request *request)
{
	request->serial[0] |= 0x80;
}

static void
make_times_backward(struct cv_certificate_request *request)
{
	request->not_after_utc = request->not_before_utc - 1;
}

static void
cut_issuer(struct cv_certificate_request *request)
{
	request->issuer.len--;
}

static void
cut_subject(struct cv_certificate_request *request)
{
	request->subject.len--;
}

static void
drop_subject(struct cv_certificate_request *request)
{
	request->subject.len = 0;
}

static void
cut_key(struct cv_certificate_request *request)
{
	request->spki.len--;
}

static void
drop_algorithm(struct cv_certificate_request *request)
{
	request->algorithm.len = 0;
}

static void
cut_san(struct cv_certificate_request *request)
{
	request->san = CV_OID("\x30\x05\x82");
}

static void
make_key_a_name(struct cv_certificate_request *request)
{
	request->spki = request->subject;
}

Test(profile, what_would_not_be_a_certificate_is_refused)
{
	static void (*const changes[])(struct cv_certificate_request *) = {make_serial_zero,
	    make_serial_negative, make_times_backward, cut_issuer, cut_subject, drop_subject,
	    cut_key, drop_algorithm, cut_san, make_key_a_name};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		struct scene scene;
		scene_init(&scene, CV_PROFILE_DEVICE);
		cr_expect(cv_profile_append_tbs(&scene.request, &tbs, &err));
		cv_buffer_reset(&tbs);
		changes[i](&scene.request);
		cr_expect_not(cv_profile_append_tbs(&scene.request, &tbs, &err), "row %zu", i);
		cr_expect_eq(err.code, CV_E_INTERNAL, "row %zu", i);
		cr_expect_eq(tbs.len, 0);
		scene_deinit(&scene);
	}
}

Test(profile, small_buffer_is_a_failure)
{
	CV_AUTO_BUFFER struct cv_buffer tbs = {.max_bytes = 100};
	struct cv_error err = CV_ERROR_INIT;
	struct scene scene;
	scene_init(&scene, CV_PROFILE_DEVICE);
	cr_expect_not(cv_profile_append_tbs(&scene.request, &tbs, &err));
	cr_expect_eq(err.code, CV_E_MEMORY);
	scene_deinit(&scene);
}

static const struct {
	const char *names;
	const char *hex; /* NULL: refused */
} san_rows[] = {
    {"DNS:a", "3003820161"},
    {"DNS:a,IP:127.0.0.1", "300982016187047f000001"},
    {"IP:::1", "3012871000000000000000000000000000000001"},
    {"DNS:*.example.org", "300f820d2a2e6578616d706c652e6f7267"},
    {"", NULL},
    {"a", NULL},
    {"DNS:", NULL},
    {"DNS:a b", NULL},
    {"DNS:a,", NULL},
    {",DNS:a", NULL},
    {"IP:127.0.0", NULL},
    {"IP:example.org", NULL},
    {"email:a@example.org", NULL},
};

Test(profile, alternative_names)
{
	for (size_t i = 0; i < sizeof(san_rows) / sizeof(san_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer san = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		char hex[128];
		const bool is_good = cv_profile_append_san(&san, san_rows[i].names, &err);
		cr_expect_eq(is_good, san_rows[i].hex != NULL, "%s", san_rows[i].names);
		if (!is_good) {
			cr_expect_eq(err.code, CV_E_INPUT);
			continue;
		}
		cv_hex_encode(san.data, san.len, hex);
		cr_expect_str_eq(hex, san_rows[i].hex);
	}
}

Test(profile, alternative_name_length_is_bounded)
{
	CV_AUTO_BUFFER struct cv_buffer san = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	char names[4 + 254 + 1] = "DNS:";
	memset(names + 4, 'a', 254);
	cr_expect_not(cv_profile_append_san(&san, names, &err));
	cr_expect_eq(err.code, CV_E_INPUT);
	names[4 + 253] = '\0';
	cv_buffer_reset(&san);
	cr_expect(cv_profile_append_san(&san, names, &err));
}

Test(profile, name_without_unit)
{
	CV_AUTO_BUFFER struct cv_buffer name = CV_BUFFER_INIT;
	cv_profile_append_name(&name, NULL, "a");
	cr_expect(cv_bytes_equal(
	    cv_buffer_bytes(&name), CV_OID("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
					   "a")));
}
