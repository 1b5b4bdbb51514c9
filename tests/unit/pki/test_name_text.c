#include "cv/pki/name_text.h"

#include <criterion/criterion.h>

#include "../support/openssl_fixture.h"
#include "cv/pki/certificate.h"

static void
expect_name(struct cv_bytes name, enum cv_name_style style, const char *expected)
{
	char text[128] = "before";

	cr_expect_eq(cv_name_write(name, style, text, sizeof(text)), expected[0] != '\0');
	cr_expect_str_eq(text, expected);
}

Test(name_text, writes_each_style)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate)
	struct cv_certificate *ca = fixture_ca("/CN=Leaf, CA/O=Acme/OU=Unit/C=DE", key);

	expect_name(ca->subject, CV_NAME_RFC2253, "C=DE,OU=Unit,O=Acme,CN=Leaf\\, CA");
	expect_name(ca->subject, CV_NAME_SLASHES, "/CN=Leaf, CA/O=Acme/OU=Unit/C=DE");
	expect_name(ca->subject, CV_NAME_TRAEFIK, "C=DE,O=Acme,CN=Leaf, CA");
}

Test(name_text, refuses_what_is_no_name)
{
	static const uint8_t empty[] = {0x30, 0x00};
	static const uint8_t cut[] = {0x30, 0x05, 0x31, 0x03};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=Leaf CA", key);
	char small[8];

	for (int style = 0; style < CV_NAME_STYLES; style++) {
		expect_name(CV_BYTES(empty), (enum cv_name_style)style, "");
		expect_name(CV_BYTES(cut), (enum cv_name_style)style, "");
		cr_expect_not(
		    cv_name_write(ca->subject, (enum cv_name_style)style, small, sizeof(small)));
		cr_expect_str_eq(small, "");
	}
}
