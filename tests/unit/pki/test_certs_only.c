#include "cv/pki/certs_only.h"

#include <criterion/criterion.h>
#include <openssl/pkcs7.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/util/text.h"
#include "../support/openssl_fixture.h"

static PKCS7 *
decode(const struct cv_buffer *der)
{
	const uint8_t *at = der->data;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, (long)der->len);
	cr_assert_not_null(pkcs7);
	cr_assert_eq(at, der->data + der->len);
	return pkcs7;
}

Test(certs_only, holds_the_certificates_in_order)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *longer = fixture_ca("/CN=longer-name", key);
	CV_AUTO(cv_certificate) struct cv_certificate *shorter = fixture_ca("/CN=a", key);
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const struct cv_bytes certificates[] = {longer->der, shorter->der};
	cv_certs_only_append(&der, certificates, 2);
	cr_assert_not(der.has_failed);
	cr_expect(cv_der_is_strict(cv_buffer_bytes(&der)));
	PKCS7 *pkcs7 = decode(&der);
	cr_assert(PKCS7_type_is_signed(pkcs7));
	cr_expect_eq(sk_X509_num(pkcs7->d.sign->cert), 2);
	for (int i = 0; i < 2; i++) {
		uint8_t *found = NULL;
		const int len = i2d_X509(sk_X509_value(pkcs7->d.sign->cert, i), &found);
		cr_expect(cv_bytes_equal(cv_bytes(found, (size_t)len), certificates[i]));
		OPENSSL_free(found);
	}
	cr_expect_eq(sk_PKCS7_SIGNER_INFO_num(pkcs7->d.sign->signer_info), 0);
	cr_expect_eq(sk_X509_ALGOR_num(pkcs7->d.sign->md_algs), 0);
	cr_expect_null(pkcs7->d.sign->crl);
	PKCS7_free(pkcs7);
}

/* RFC 5652 by hand: version 1, no digests, data without content, no signers. */
Test(certs_only, octets)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	char hex[256];
	const struct cv_bytes certificate = cv_bytes("\x30\x00", 2);
	cv_certs_only_append(&der, &certificate, 1);
	cv_hex_encode(der.data, der.len, hex);
	cr_expect_str_eq(hex, "302706092a864886f70d010702a01a3018020101"
			      "3100"
			      "300b06092a864886f70d010701"
			      "a0023000"
			      "3100");
}

static bool
first_of(const char *hex, struct cv_bytes *ret_certificate)
{
	static uint8_t der[256];
	size_t len;
	cr_assert(cv_hex_decode(hex, strlen(hex), der, sizeof(der), &len), "%s", hex);
	return cv_certs_only_first(cv_bytes(der, len), ret_certificate);
}

Test(certs_only, the_first_is_found)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const struct cv_bytes certificates[] = {
	    cv_bytes("\x30\x03\x02\x01\x07", 5), cv_bytes("\x30\x00", 2)};
	struct cv_bytes found;
	cv_certs_only_append(&der, certificates, 2);
	cr_assert(cv_certs_only_first(cv_buffer_bytes(&der), &found));
	cr_expect(cv_bytes_equal(found, certificates[0]));
}

/* Each differs in one place from what is read first. */
Test(certs_only, what_is_none_has_none)
{
	static const char *const rows[] = {
	    "302506092a864886f70d010702a01830160201013100300b06092a864886f70d010701a0003100",
	    "302706092a864886f70d010701a01a30180201013100300b06092a864886f70d010701a00230003100",
	    "302706092a864886f70d010702a01a30180201013100300b06092a864886f70d010702a00230003100",
	    "302706092a864886f70d010702a01a30180201013100300b06092a864886f70d010701a00231003100",
	    "302706092a864886f70d010702a01a30180201013100300b06092a864886f70d010701a0023000310000",
	    "302706092a864886f70d010702a01a30180201013100300b06092a864886f70d010701a002300031",
	    "",
	};
	struct cv_bytes found = {NULL, 0};
	cr_expect(first_of(
	    "302706092a864886f70d010702a01a30180201013100300b06092a864886f70d010701a00230003100",
	    &found));
	cr_expect_eq(found.len, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		found = cv_bytes(NULL, 0);
		cr_expect_not(first_of(rows[i], &found), "row %zu", i);
		cr_expect_null(found.data);
	}
}
