#include <criterion/criterion.h>
#include <stdio.h>

#include "../../../server/service/issuance_internal.h"
#include "../support/openssl_fixture.h"

#define NOW 1700000000

static const struct cv_service_settings bucket = {
    .issue_burst = 20, .issue_interval_seconds = 1800};

/* How many certificates a device gets at this time; the debt goes on. */
static int
issue_all(int64_t now_utc, int64_t *debt_utc, int64_t *ret_wait_seconds)
{
	int issued = 0;

	for (;;) {
		const struct cv_device_record record = {
		    .now_utc = now_utc, .issue_debt_until_utc = *debt_utc};
		int64_t debt;
		if (!cv_issuance_allowance(&bucket, &record, &debt, ret_wait_seconds))
			return issued;
		*debt_utc = debt;
		issued++;
	}
}

Test(issuance, twenty_at_once_then_one_in_half_an_hour)
{
	int64_t debt = 0, wait;

	cr_expect_eq(issue_all(NOW, &debt, &wait), 20);
	cr_expect_eq(wait, 1800);
	cr_expect_eq(issue_all(NOW + 1799, &debt, &wait), 0);
	cr_expect_eq(wait, 1);
	cr_expect_eq(issue_all(NOW + 1800, &debt, &wait), 1);
	cr_expect_eq(issue_all(NOW + 1800 + 3 * 1800, &debt, &wait), 3);
	/* However long it was away, not more than at first. */
	cr_expect_eq(issue_all(NOW + 100 * 1800, &debt, &wait), 20);
}

/* ---- what is made ---- */

#define PASSPHRASE "correct horse"
#define IN_2026 1770000000

/* An authority whose key the signer holds, and a device that wants a certificate of it. */
struct scene {
	char folder[64];
	struct cv_certificate *ca;
	struct cv_signer *signer;
	struct cv_buffer subject, spki;
	struct cv_service_settings settings;
};

static void
scene_init(struct scene *scene, const char *kind)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key(kind);
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	struct cv_error err = CV_ERROR_INIT;
	char path[96];

	*scene = (struct scene){.settings = {.backdate_seconds = 300, .min_validity_seconds = 60}};
	fixture_make_folder(scene->folder, sizeof(scene->folder));
	snprintf(path, sizeof(path), "%s/ca.key", scene->folder);
	fixture_key_file(ca_key, PASSPHRASE, path);
	scene->ca = fixture_ca("/CN=ca", ca_key);
	fixture_spki(key, &scene->spki);
	cv_profile_append_name(&scene->subject, "factory", "device-1");
	cr_assert(cv_signer_new(&scene->signer, &err) &&
		      cv_signer_add_key(
			  scene->signer, CV_SIGNER_DEVICES, scene->ca, path, PASSPHRASE, &err),
	    "%s: %s", err.text, err.cause);
}

static void
scene_deinit(struct scene *scene)
{
	fixture_remove_folder(scene->folder);
	cv_certificate_free(scene->ca);
	cv_signer_free(scene->signer);
	cv_buffer_deinit(&scene->subject);
	cv_buffer_deinit(&scene->spki);
}

static bool
make(const struct scene *scene, const struct cv_certificate *issuer,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	const struct cv_issuance_order order = {
	    .profile = CV_PROFILE_DEVICE,
	    .issuer = issuer,
	    .subject = cv_buffer_bytes(&scene->subject),
	    .spki = cv_buffer_bytes(&scene->spki),
	    .now_utc = IN_2026,
	    .lifetime_days = 30,
	};
	enum cv_issuance_outcome outcome = CV_ISSUANCE_ISSUER_ENDS;

	return cv_issuance_make(
		   &scene->settings, scene->signer, &order, &outcome, ret_certificate, err) &&
	       outcome == CV_ISSUANCE_MADE;
}

Test(issuance, what_is_made_verifies)
{
	static const char *const kinds[] = {"P-256", "P-384", "P-521", "ED25519", "RSA-2048"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CV_AUTO(cv_certificate) struct cv_certificate *made = NULL;
		struct cv_error err = CV_ERROR_INIT;
		struct scene scene;

		scene_init(&scene, kinds[i]);
		cr_assert(make(&scene, scene.ca, &made, &err), "%s: %s", kinds[i], err.text);
		cr_expect(cv_bytes_equal(made->spki, cv_buffer_bytes(&scene.spki)));
		cr_expect(cv_certificate_is_signed_by(made, scene.ca, NULL));
		scene_deinit(&scene);
	}
}

/* The signer signs, but not with the key that is in the certificate of the authority. */
Test(issuance, a_wrong_signature_does_not_leave_the_house)
{
	CV_AUTO(cv_certificate) struct cv_certificate *made = NULL;
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other_key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *other = fixture_ca("/CN=ca", other_key);
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate lying;
	struct scene scene;

	scene_init(&scene, "P-256");
	lying = *scene.ca;
	lying.key = other->key;
	cr_expect_not(make(&scene, &lying, &made, &err));
	cr_expect_eq(err.code, CV_E_INTERNAL);
	cr_expect_str_eq(err.text, "a new certificate is not good: signature is not the issuer's");
	cr_expect_null(made);
	scene_deinit(&scene);
}
