#include "cv/signer/key_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/pki/csr.h"
#include "cv/pki/oid.h"
#include "cv/pki/public_key.h"
#include "cv/util/base64.h"
#include "cv/util/file.h"
#include "../support/openssl_fixture.h"

#define PASSPHRASE "correct horse"

struct scene {
	char folder[64];
	char path[96];
	struct cv_private_key *key;
};

static void
scene_init(struct scene *scene)
{
	struct cv_error err = CV_ERROR_INIT;
	*scene = (struct scene){.key = NULL};
	fixture_make_folder(scene->folder, sizeof(scene->folder));
	snprintf(scene->path, sizeof(scene->path), "%s/a.key", scene->folder);
	cr_assert(cv_private_key_generate(&scene->key, &err), "%s", err.text);
}

static void
scene_deinit(struct scene *scene)
{
	fixture_remove_folder(scene->folder);
	cv_private_key_free(scene->key);
}

static bool
load(const struct scene *scene, const char *passphrase, enum cv_error_code *ret_code)
{
	CV_AUTO(cv_private_key) struct cv_private_key *loaded = NULL;
	struct cv_error err = CV_ERROR_INIT;
	const bool is_loaded = cv_private_key_load(scene->path, passphrase, &loaded, &err);
	*ret_code = err.code;
	cr_expect_eq(is_loaded, loaded != NULL);
	return is_loaded &&
	       cv_bytes_equal(cv_private_key_spki(loaded), cv_private_key_spki(scene->key));
}

Test(key_file, encrypted_round_trip)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	struct stat status;
	enum cv_error_code code;
	scene_init(&scene);
	cr_assert(cv_private_key_save(scene.key, scene.path, PASSPHRASE, &err), "%s", err.text);
	cr_assert_eq(stat(scene.path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	cr_expect(load(&scene, PASSPHRASE, &code));
	cr_expect_not(load(&scene, "wrong", &code));
	cr_expect_eq(code, CV_E_SIGNER);
	cr_expect_not(load(&scene, NULL, &code));
	cr_expect_eq(code, CV_E_SIGNER);
	scene_deinit(&scene);
}

Test(key_file, plain_round_trip)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	struct stat status;
	enum cv_error_code code;
	scene_init(&scene);
	cr_assert(cv_private_key_save(scene.key, scene.path, NULL, &err), "%s", err.text);
	cr_assert_eq(stat(scene.path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	cr_expect(load(&scene, NULL, &code));
	cr_expect_not(load(&scene, PASSPHRASE, &code));
	cr_expect_eq(code, CV_E_SIGNER);
	scene_deinit(&scene);
}

Test(key_file, empty_passphrase_is_refused)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	scene_init(&scene);
	cr_expect_not(cv_private_key_save(scene.key, scene.path, "", &err));
	cr_expect_eq(err.code, CV_E_CONFIG);
	cr_expect_not(cv_file_exists(scene.path));
	scene_deinit(&scene);
}

static bool
contains(const struct cv_buffer *buffer, struct cv_bytes part)
{
	return memmem(buffer->data, buffer->len, part.data, part.len) != NULL;
}

/* PBES2 with PBKDF2-HMAC-SHA256, 300,000 times, and AES-256-CBC. */
Test(key_file, encryption_is_as_said)
{
	static const char begin[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	static const char end[] = "-----END";
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	scene_init(&scene);
	cr_assert(cv_private_key_save(scene.key, scene.path, PASSPHRASE, &err));
	cr_assert(cv_file_read(scene.path, 10000, &pem, &err));
	const char *text = cv_buffer_text(&pem);
	cr_assert_eq(strncmp(text, begin, strlen(begin)), 0, "%s", text);
	const char *body = text + strlen(begin);
	const char *stop = strstr(body, end);
	cr_assert_not_null(stop);
	cr_assert(cv_base64_decode(body, (size_t)(stop - body), CV_BASE64_WHITESPACE, &der, &err));
	cr_expect(contains(&der, CV_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c")), "PBKDF2");
	cr_expect(contains(&der, CV_OID("\x2a\x86\x48\x86\xf7\x0d\x02\x09")), "HMAC-SHA256");
	cr_expect(contains(&der, CV_OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a")), "AES-256-CBC");
	cr_expect(contains(&der, CV_OID("\x02\x03\x04\x93\xe0")), "iterations");
	scene_deinit(&scene);
}

Test(key_file, only_p256_private_keys_are_loaded)
{
	static const char *const kinds[] = {"P-384", "RSA-2048", "ED25519", "secp256k1"};
	struct scene scene;
	enum cv_error_code code;
	scene_init(&scene);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(kinds[i]);
		fixture_key_file(key, PASSPHRASE, scene.path);
		cr_expect_not(load(&scene, PASSPHRASE, &code), "%s", kinds[i]);
		cr_expect_eq(code, CV_E_SIGNER);
	}
	scene_deinit(&scene);
}

Test(key_file, files_that_are_no_keys)
{
	static const char *const texts[] = {"", "text",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"};
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_error_code code;
	scene_init(&scene);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert(
		    cv_file_write(scene.path, cv_bytes(texts[i], strlen(texts[i])), 0600, &err));
		cr_expect_not(load(&scene, PASSPHRASE, &code), "%zu", i);
		cr_expect_eq(code, CV_E_SIGNER);
		cr_expect_not(load(&scene, NULL, &code), "%zu", i);
		cr_expect_eq(code, CV_E_SIGNER);
	}
	scene_deinit(&scene);
}

static struct cv_certificate *
certify(const struct cv_private_key *ca_key, struct cv_certificate_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate *certificate = NULL;
	request->not_before_utc = 1767225600;
	request->not_after_utc = 2082758400;
	cv_profile_make_serial(request->serial);
	cr_assert(cv_private_key_certify(ca_key, request, &der, &err), "%s", err.text);
	cr_expect(cv_bytes_equal(request->algorithm, fixture_ecdsa_sha256));
	cr_assert(cv_certificate_parse(cv_buffer_bytes(&der), &certificate, &err), "%s", err.text);
	return certificate;
}

/* Root, issuing CA and device, the whole way that init and issuance go; judged by OpenSSL. */
Test(key_file, chain_of_three)
{
	struct scene root_scene;
	struct scene ca_scene;
	struct scene device_scene;
	CV_AUTO_BUFFER struct cv_buffer root_name = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer ca_name = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer device_name = CV_BUFFER_INIT;
	enum cv_chain_outcome outcome = CV_CHAIN_REFUSED;
	struct cv_error err = CV_ERROR_INIT;
	scene_init(&root_scene);
	scene_init(&ca_scene);
	scene_init(&device_scene);
	cv_profile_append_name(&root_name, "factory", "root");
	cv_profile_append_name(&ca_name, "factory", "ca");
	cv_profile_append_name(&device_name, "factory", "device-1");
	CV_AUTO(cv_certificate)
	struct cv_certificate *root =
	    certify(root_scene.key, &(struct cv_certificate_request){.profile = CV_PROFILE_ROOT,
					.issuer = cv_buffer_bytes(&root_name),
					.subject = cv_buffer_bytes(&root_name),
					.spki = cv_private_key_spki(root_scene.key)});
	CV_AUTO(cv_certificate)
	struct cv_certificate *ca =
	    certify(root_scene.key, &(struct cv_certificate_request){.profile = CV_PROFILE_ISSUING,
					.issuer = root->subject,
					.issuer_key = root->subject_key,
					.subject = cv_buffer_bytes(&ca_name),
					.spki = cv_private_key_spki(ca_scene.key)});
	CV_AUTO(cv_certificate)
	struct cv_certificate *device =
	    certify(ca_scene.key, &(struct cv_certificate_request){.profile = CV_PROFILE_DEVICE,
				      .issuer = ca->subject,
				      .issuer_key = ca->subject_key,
				      .subject = cv_buffer_bytes(&device_name),
				      .spki = cv_private_key_spki(device_scene.key)});
	cr_assert(cv_certificate_verify(device, ca, &outcome, NULL, &err));
	cr_expect_eq(outcome, CV_CHAIN_GOOD);
	cr_expect_eq(fixture_verify_chain(device, ca, root), X509_V_OK);
	cr_expect_neq(fixture_verify_chain(device, root, root), X509_V_OK);
	scene_deinit(&root_scene);
	scene_deinit(&ca_scene);
	scene_deinit(&device_scene);
}

Test(key_file, a_request_is_the_key_s_and_names_the_device)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	enum cv_csr_outcome outcome;
	scene_init(&scene);
	cr_assert(cv_private_key_append_request(scene.key, "f", "d-1", &der, &err), "%s", err.text);
	cr_assert(cv_csr_parse(cv_buffer_bytes(&der), &outcome, NULL, &csr, &err));
	cr_assert_eq(outcome, CV_CSR_GOOD);
	cr_expect_str_eq(csr->common_name, "d-1");
	cr_expect_str_eq(csr->organizational_unit, "f");
	cr_expect_eq(csr->san.len, 0);
	cr_expect(cv_bytes_equal(cv_public_key_spki(csr->key), cv_private_key_spki(scene.key)));
	scene_deinit(&scene);
}

Test(key_file, in_memory_it_is_the_key_of_the_file)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};
	enum cv_error_code code;
	scene_init(&scene);
	cr_assert(cv_private_key_append_pem(scene.key, &pem, &err), "%s", err.text);
	cr_assert(cv_file_write(scene.path, cv_buffer_bytes(&pem), 0600, &err), "%s", err.text);
	cr_expect(load(&scene, NULL, &code));
	scene_deinit(&scene);
}
