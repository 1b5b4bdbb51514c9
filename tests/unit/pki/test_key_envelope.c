#include "cv/pki/key_envelope.h"

#include <criterion/criterion.h>
#include <openssl/cms.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/key_package.h"
#include "cv/pki/oid.h"
#include "../support/openssl_fixture.h"

static inline void
cv_CMS_ContentInfo_cleanup(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

/* Not a key: anything is good to be carried. */
static const uint8_t info[] = {0x30, 0x03, 0x02, 0x01, 0x07};

static const struct signer_row {
	const char *kind;
	const char *digest; /* of the signature; "" for Ed25519 */
	const char *package_digest;
	struct cv_bytes algorithm;
	bool openssl_knows; /* this release of it verifies no messages with Ed25519 */
} signer_rows[] = {
    {"P-256", "SHA256", "SHA256", CV_OID_INIT("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA256), true},
    {"P-384", "SHA384", "SHA384", CV_OID_INIT("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA384), true},
    {"P-521", "SHA512", "SHA512", CV_OID_INIT("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA512), true},
    {"RSA-2048", "SHA256", "SHA256", CV_OID_INIT("\x30\x0d\x06\x09" CV_OID_RSA_SHA256 "\x05\x00"),
	true},
    {"ED25519", "", "SHA512", CV_OID_INIT("\x30\x05\x06\x03" CV_OID_ED25519), false},
};

/* The signature, as the signer would make it. */
static size_t
sign(EVP_PKEY *key, const char *digest, struct cv_bytes data, uint8_t ret[512])
{
	size_t len = 512;
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();
	cr_assert_eq(EVP_DigestSignInit_ex(
			 context, NULL, digest[0] == '\0' ? NULL : digest, NULL, NULL, key, NULL),
	    1);
	cr_assert_eq(EVP_DigestSign(context, ret, &len, data.data, data.len), 1);
	return len;
}

static void
append_signed(const struct signer_row *row, EVP_PKEY *key, const struct cv_certificate *ca,
    struct cv_buffer *ret_package, struct cv_buffer *ret_signed)
{
	CV_AUTO_BUFFER struct cv_buffer attributes = CV_BUFFER_INIT;
	struct cv_package_digest digest;
	struct cv_error err = CV_ERROR_INIT;
	uint8_t signature[512];
	cv_key_package_append(ret_package, CV_BYTES(info));
	cr_assert(
	    cv_package_digest_make(cv_buffer_bytes(ret_package), row->algorithm, &digest, &err),
	    "%s", err.text);
	cv_package_append_attributes(&attributes, cv_bytes(digest.octets, digest.len));
	const size_t len = sign(key, row->digest, cv_buffer_bytes(&attributes), signature);
	cv_signed_package_append(ret_signed, &(struct cv_signed_package){
						 .package = cv_buffer_bytes(ret_package),
						 .digest = &digest,
						 .signer = ca,
						 .algorithm = row->algorithm,
						 .signature = cv_bytes(signature, len),
					     });
	cr_assert_not(ret_signed->has_failed);
}

/* Around SignedData, which is sent without it. */
static CMS_ContentInfo *
decode(struct cv_bytes signed_data)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const size_t outer = cv_der_open(&der, CV_DER_SEQUENCE);
	cv_der_append(&der, CV_DER_OID, CV_OID(CV_OID_PKCS7_SIGNED_DATA));
	cv_der_append(&der, CV_DER_CONTEXT_CONSTRUCTED(0), signed_data);
	cv_der_close(&der, outer);
	cr_expect(cv_der_is_strict(cv_buffer_bytes(&der)));
	const uint8_t *at = der.data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
	cr_assert_not_null(cms);
	return cms;
}

Test(key_package, octets)
{
	CV_AUTO_BUFFER struct cv_buffer package = CV_BUFFER_INIT, attributes = CV_BUFFER_INIT;
	cv_key_package_append(&package, CV_BYTES(info));
	cr_expect(
	    cv_bytes_equal(cv_buffer_bytes(&package), cv_bytes("\x30\x05\x30\x03\x02\x01\x07", 7)));
	cv_package_append_attributes(&attributes, cv_bytes("\xd1\xd2", 2));
	cr_expect(cv_bytes_equal(cv_buffer_bytes(&attributes),
	    CV_OID(
		"\x31\x2e\x30\x19\x06\x09" CV_OID_CONTENT_TYPE "\x31\x0c\x06\x0a" CV_OID_KEY_PACKAGE
		"\x30\x11\x06\x09" CV_OID_MESSAGE_DIGEST "\x31\x04\x04\x02\xd1\xd2")));
	cr_expect(cv_der_is_strict(cv_buffer_bytes(&attributes)));
}

Test(key_package, openssl_verifies_what_is_signed)
{
	for (size_t i = 0; i < sizeof(signer_rows) / sizeof(signer_rows[0]); i++) {
		const struct signer_row *row = &signer_rows[i];
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(row->kind);
		CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", key);
		CV_AUTO_BUFFER struct cv_buffer package = CV_BUFFER_INIT,
						signed_data = CV_BUFFER_INIT;
		append_signed(row, key, ca, &package, &signed_data);
		CV_AUTO_OPENSSL(CMS_ContentInfo)
		CMS_ContentInfo *cms = decode(cv_buffer_bytes(&signed_data));
		const ASN1_OCTET_STRING *content = *CMS_get0_content(cms);
		cr_expect(cv_bytes_equal(
		    cv_bytes(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content)),
		    cv_buffer_bytes(&package)));
		cr_expect_eq(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)), 1);
		X509_ALGOR *algorithm = NULL;
		CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0),
		    NULL, NULL, &algorithm, NULL);
		cr_expect_str_eq(OBJ_nid2sn(OBJ_obj2nid(algorithm->algorithm)), row->package_digest,
		    "%s", row->kind);
		if (row->openssl_knows)
			cr_expect_eq(
			    CMS_verify(cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY), 1,
			    "%s", row->kind);
	}
}

Test(key_package, another_package_does_not_verify)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", key);
	CV_AUTO_BUFFER struct cv_buffer package = CV_BUFFER_INIT, signed_data = CV_BUFFER_INIT;
	append_signed(&signer_rows[0], key, ca, &package, &signed_data);
	signed_data.data[fixture_find(cv_buffer_bytes(&signed_data), CV_BYTES(info)) + 4] ^= 1;
	CV_AUTO_OPENSSL(CMS_ContentInfo)
	CMS_ContentInfo *cms = decode(cv_buffer_bytes(&signed_data));
	cr_expect_neq(CMS_verify(cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY), 1);
}

Test(key_package, an_unknown_algorithm_has_no_digest)
{
	static const uint8_t ecdsa_sha1[] = {
	    0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
	struct cv_package_digest digest = {.len = 77};
	struct cv_error err = CV_ERROR_INIT;
	cr_expect_not(cv_package_digest_make(CV_BYTES(info), CV_BYTES(ecdsa_sha1), &digest, &err));
	cr_expect_eq(err.code, CV_E_CRYPTO);
	cr_expect_eq(digest.len, 77);
}

/* ---- the envelope ---- */

static struct cv_certificate *
recipient(EVP_PKEY *key, const char *kind, const char *usage, bool has_identifier)
{
	const struct fixture_extension extensions[] = {
	    {usage == NULL ? "basicConstraints" : "keyUsage", usage == NULL ? "CA:FALSE" : usage},
	    {has_identifier ? "subjectKeyIdentifier" : NULL, "hash"},
	    {NULL, NULL},
	};
	return fixture_parsed_certificate(&(struct fixture_certificate){
	    .subject = "/CN=device",
	    .key = key,
	    .extensions = extensions,
	    .digest = strcmp(kind, "ED25519") == 0 ? "" : NULL,
	});
}

static const struct usage_row {
	const char *kind;
	const char *usage; /* NULL: no such extension */
	const char *word;  /* of the refusal; NULL: none */
} usage_rows[] = {
    {"RSA-2048", NULL, NULL},
    {"RSA-2048", "digitalSignature,keyEncipherment", NULL},
    {"RSA-2048", "digitalSignature", "keyEncipherment"},
    {"RSA-2048", "digitalSignature,keyAgreement,dataEncipherment", "keyEncipherment"},
    {"P-256", NULL, NULL},
    {"P-256", "digitalSignature,keyAgreement", NULL},
    {"P-384", "keyAgreement", NULL},
    {"P-521", "digitalSignature", "keyAgreement"},
    {"P-256", "digitalSignature,keyEncipherment", "keyAgreement"},
    {"ED25519", NULL, "type"},
    {"ED25519", "digitalSignature,keyAgreement,keyEncipherment", "type"},
};

Test(key_envelope, for_keys_that_may_decrypt)
{
	for (size_t i = 0; i < sizeof(usage_rows) / sizeof(usage_rows[0]); i++) {
		const struct usage_row *row = &usage_rows[i];
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(row->kind);
		CV_AUTO(cv_certificate)
		struct cv_certificate *certificate = recipient(key, row->kind, row->usage, false);
		const char *refusal = cv_key_envelope_refusal(certificate, true);
		bool is_of_no_use = row->word != NULL && strcmp(row->word, "type") == 0;
		cr_expect_eq(cv_key_envelope_refusal(certificate, false) != NULL, is_of_no_use);
		cr_expect_eq(refusal == NULL, row->word == NULL, "%s %s", row->kind, row->usage);
		if (refusal != NULL && row->word != NULL)
			cr_expect_not_null(strstr(refusal, row->word), "%s", refusal);
	}
}

static X509 *
x509_of(const struct cv_certificate *certificate)
{
	const uint8_t *at = certificate->der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)certificate->der.len);
	cr_assert_not_null(x509);
	return x509;
}

/* What the holder of the key finds inside. */
static void
expect_opens(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *x509, struct cv_bytes text)
{
	CV_AUTO_OPENSSL(BIO) BIO *out = BIO_new(BIO_s_mem());
	char *data = NULL;
	cr_assert_eq(CMS_decrypt(cms, key, x509, NULL, out, 0), 1);
	const long len = BIO_get_mem_data(out, &data);
	cr_expect(cv_bytes_equal(cv_bytes(data, (size_t)len), text));
	cr_expect_eq(OBJ_obj2nid(CMS_get0_eContentType(cms)), NID_pkcs7_signed);
}

Test(key_envelope, its_holder_opens_it)
{
	static const char *const kinds[] = {"RSA-2048", "P-256", "P-384", "P-521"};
	uint8_t text[3000];
	memset(text, 0x5a, sizeof(text));
	for (size_t i = 0; i < 4 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *kind = kinds[i / 4];
		const bool has_identifier = i % 2 == 1;
		const enum cv_content_cipher cipher =
		    i % 4 < 2 ? CV_CONTENT_CIPHER_AES_128_CBC : CV_CONTENT_CIPHER_AES_256_CBC;
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(kind);
		CV_AUTO(cv_certificate)
		struct cv_certificate *certificate = recipient(key, kind, NULL, has_identifier);
		CV_AUTO_OPENSSL(X509) X509 *x509 = x509_of(certificate);
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		cv_buffer_append_text(&der, "before");
		cr_assert(cv_key_envelope_append(&der, CV_BYTES(text), certificate, cipher, &err),
		    "%s: %s", err.text, err.cause);
		cr_assert_eq(memcmp(der.data, "before", 6), 0);
		const uint8_t *at = der.data + 6;
		CV_AUTO_OPENSSL(CMS_ContentInfo)
		CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len - 6);
		cr_assert_not_null(cms);
		cr_expect_eq(at, der.data + der.len);
		expect_opens(cms, key, x509, CV_BYTES(text));
	}
}
