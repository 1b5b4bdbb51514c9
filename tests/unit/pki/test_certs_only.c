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
