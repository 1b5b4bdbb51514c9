#include "cv/pki/bundle.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "../support/openssl_fixture.h"

static void
append(struct cv_buffer *text, const char *subject)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca(subject, key);
	cv_certificate_append_pem(text, ca->der);
}

static bool
parse(const struct cv_buffer *text, struct cv_bundle *bundle, struct cv_error *err)
{
	*err = (struct cv_error)CV_ERROR_INIT;
	return cv_bundle_parse(cv_buffer_bytes(text), bundle, err);
}

Test(bundle, whatever_stands_between_is_ignored_and_twice_is_once)
{
	CV_AUTO_BUFFER struct cv_buffer one = CV_BUFFER_INIT, text = CV_BUFFER_INIT;
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err;

	append(&one, "/CN=first");
	cv_buffer_append_text(&text, "a comment\r\n");
	for (const char *c = cv_buffer_text(&one); *c != '\0'; c++)
		cv_buffer_append_text(&text, *c == '\n' ? "\r\n" : (const char[]){*c, '\0'});
	cv_buffer_append_text(&text, "\n\n\n");
	append(&text, "/CN=second");
	text.len--; /* no line end */
	cv_buffer_append_text(&text, cv_buffer_text(&one));
	cr_assert(parse(&text, &bundle, &err), "%s", err.text);
	cr_assert_eq(bundle.count, 2);
	cr_expect_str_eq(bundle.items[0].certificate->common_name, "first");
	cr_expect_str_eq(bundle.items[1].certificate->common_name, "second");
	cr_expect_eq(memcmp(bundle.items[0].text.data, "-----BEGIN", 10), 0);
	cr_expect_eq(bundle.items[0].text.data[bundle.items[0].text.len - 1], '-');
	cr_expect_eq(cv_bundle_find(&bundle, &bundle.items[1].certificate->fingerprint),
	    bundle.items[1].certificate);
	cr_expect_null(cv_bundle_find(&bundle, &(struct cv_digest){.bytes = {1}}));
}

Test(bundle, nothing_a_broken_block_and_a_private_key_are_refused)
{
	static const char *const bad[] = {"", "text", "-----BEGIN CERTIFICATE-----\nMII=\n",
	    "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"};
	struct cv_bundle bundle = {.count = 0};
	struct cv_error err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

		cv_buffer_append_text(&text, bad[i]);
		cr_expect_not(parse(&text, &bundle, &err), "%s", bad[i]);
		cr_expect_eq(err.code, CV_E_INPUT);
	}
	static const char *const keys[] = {
	    "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

		append(&text, "/CN=ca");
		cv_buffer_printf(&text, "-----BEGIN %s-----\n", keys[i]);
		cr_expect_not(parse(&text, &bundle, &err), "%s", keys[i]);
	}
	cr_expect_eq(bundle.count, 0);
}

Test(bundle, has_a_ceiling)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err;
	char subject[32];

	for (int i = 0; i < CV_BUNDLE_MAX; i++) {
		(void)snprintf(subject, sizeof(subject), "/CN=ca %d", i);
		append(&text, subject);
	}
	cr_assert(parse(&text, &bundle, &err), "%s", err.text);
	cv_bundle_deinit(&bundle);
	append(&text, "/CN=one more");
	cr_expect_not(parse(&text, &bundle, &err));
	cr_expect_eq(err.code, CV_E_INPUT);
}
