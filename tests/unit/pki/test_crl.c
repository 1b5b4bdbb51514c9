#include "cv/pki/crl.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "../support/openssl_fixture.h"

CV_DEFINE_OPENSSL_CLEANUP(X509_CRL)

struct entry {
	const char *serial; /* hex */
	int reason;         /* -1: none */
};

struct wanted {
	const char *issuer; /* CN */
	const struct entry *entries;
	size_t count;
	bool is_version_1;
	bool lacks_end;
	const char *critical; /* an extension, by its name in OpenSSL; NULL: none */
};

static void
add_entry(X509_CRL *crl, const struct entry *entry)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial;
	ASN1_TIME *at = ASN1_TIME_set(NULL, 1700000000);

	cr_assert_neq(BN_hex2bn(&number, entry->serial), 0);
	serial = BN_to_ASN1_INTEGER(number, NULL);
	cr_assert(X509_REVOKED_set_serialNumber(revoked, serial));
	cr_assert(X509_REVOKED_set_revocationDate(revoked, at));
	if (entry->reason >= 0) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		cr_assert(ASN1_ENUMERATED_set(reason, entry->reason));
		cr_assert(X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0));
		ASN1_ENUMERATED_free(reason);
	}
	cr_assert(X509_CRL_add0_revoked(crl, revoked));
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
	BN_free(number);
}

static void
set_times(X509_CRL *crl, const struct wanted *wanted)
{
	ASN1_TIME *begin = ASN1_TIME_set(NULL, 1700000000);
	ASN1_TIME *end = ASN1_TIME_set(NULL, 1700000900);

	cr_assert(X509_CRL_set1_lastUpdate(crl, begin));
	if (!wanted->lacks_end)
		cr_assert(X509_CRL_set1_nextUpdate(crl, end));
	ASN1_TIME_free(begin);
	ASN1_TIME_free(end);
}

static void
make(const struct wanted *wanted, EVP_PKEY *key, struct cv_buffer *ret_der)
{
	CV_AUTO_OPENSSL(X509_CRL) X509_CRL *crl = X509_CRL_new();
	CV_AUTO_OPENSSL(X509_NAME) X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;

	cr_assert(X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)wanted->issuer, -1, -1, 0));
	cr_assert(X509_CRL_set_issuer_name(crl, name));
	cr_assert(wanted->is_version_1 || X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	set_times(crl, wanted);
	for (size_t i = 0; i < wanted->count; i++)
		add_entry(crl, &wanted->entries[i]);
	if (wanted->critical != NULL) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf(NULL, NULL, wanted->critical, "critical,DER:0500");
		cr_assert_not_null(extension);
		cr_assert(X509_CRL_add_ext(crl, extension, -1));
		X509_EXTENSION_free(extension);
	}
	cr_assert(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	const int len = i2d_X509_CRL(crl, &der);
	cr_assert(len > 0);
	cv_buffer_append(ret_der, der, (size_t)len);
	OPENSSL_free(der);
}

static enum cv_crl_outcome
parse(struct cv_bytes der, const struct cv_certificate *root, struct cv_crl **ret_crl)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_crl_outcome outcome = CV_CRL_GOOD;
	const char *detail = NULL;

	cr_assert(cv_crl_parse(der, root, &outcome, &detail, ret_crl, &err), "%s", err.text);
	cr_expect_eq(outcome == CV_CRL_GOOD, detail == NULL);
	cr_expect_eq(outcome == CV_CRL_GOOD, *ret_crl != NULL);
	return outcome;
}

Test(crl, entries_with_their_reasons)
{
	static const struct entry entries[] = {
	    {"01", 6}, {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 8}, {"80", 9}, {"1234", -1}};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-384");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_MEMORY struct cv_crl *crl = NULL;

	make(&(struct wanted){.issuer = "root", .entries = entries, .count = 4}, key, &der);
	cr_assert_eq(parse(cv_buffer_bytes(&der), root, &crl), CV_CRL_GOOD);
	cr_expect_eq(crl->this_update_utc, 1700000000);
	cr_expect_eq(crl->next_update_utc, 1700000900);
	cr_assert_eq(crl->count, 4);
	cr_expect_eq(crl->entries[0].reason, CV_CRL_CERTIFICATE_HOLD);
	cr_expect_eq(crl->entries[1].reason, CV_CRL_REMOVE);
	cr_expect_eq(crl->entries[1].serial_len, 20);
	cr_expect_eq(crl->entries[1].serial[0], 0xff);
	cr_expect_eq(crl->entries[2].reason, 9);
	cr_expect_eq(crl->entries[2].serial_len, 1); /* without the octet for the sign */
	cr_expect_eq(crl->entries[3].reason, CV_CRL_UNSPECIFIED);
}

Test(crl, empty_ones_are_fine)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_MEMORY struct cv_crl *crl = NULL;

	make(&(struct wanted){.issuer = "root"}, key, &der);
	cr_assert_eq(parse(cv_buffer_bytes(&der), root, &crl), CV_CRL_GOOD);
	cr_expect_eq(crl->count, 0);
}

Test(crl, only_the_root_speaks)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);
	CV_AUTO_BUFFER struct cv_buffer foreign = CV_BUFFER_INIT, forged = CV_BUFFER_INIT;
	CV_AUTO_MEMORY struct cv_crl *crl = NULL;

	make(&(struct wanted){.issuer = "other"}, key, &foreign);
	cr_expect_eq(parse(cv_buffer_bytes(&foreign), root, &crl), CV_CRL_FOREIGN);
	make(&(struct wanted){.issuer = "root"}, other, &forged);
	cr_expect_eq(parse(cv_buffer_bytes(&forged), root, &crl), CV_CRL_FOREIGN);
}

Test(crl, what_could_mean_something_else_is_refused)
{
	static const struct entry entries[] = {{"01", 6}};
	static const struct wanted bad[] = {
	    {.issuer = "root", .is_version_1 = true},
	    {.issuer = "root", .lacks_end = true, .entries = entries, .count = 1},
	    {.issuer = "root", .critical = "1.2.3.4"},
	    {.issuer = "root", .critical = "2.5.29.28"}, /* issuingDistributionPoint */
	    {.issuer = "root", .critical = "2.5.29.27"}, /* deltaCRLIndicator */
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		CV_AUTO_MEMORY struct cv_crl *crl = NULL;

		make(&bad[i], key, &der);
		cr_expect_eq(parse(cv_buffer_bytes(&der), root, &crl), CV_CRL_MALFORMED, "%zu", i);
	}
}

Test(crl, bytes_that_are_cut_or_added)
{
	static const struct entry entries[] = {{"01", 6}, {"02", -1}};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_MEMORY struct cv_crl *crl = NULL;

	make(&(struct wanted){.issuer = "root", .entries = entries, .count = 2}, key, &der);
	for (size_t len = 0; len < der.len; len++) {
		CV_AUTO_MEMORY uint8_t *copy = fixture_exact_copy(cv_bytes(der.data, len));
		cr_expect_eq(parse(cv_bytes(copy, len), root, &crl), CV_CRL_MALFORMED);
	}
	cv_buffer_append_byte(&der, 0);
	cr_expect_eq(parse(cv_buffer_bytes(&der), root, &crl), CV_CRL_MALFORMED);
}

Test(crl, one_pem_block)
{
	static const char *const bad[] = {"", "-----BEGIN X509 CRL-----\n",
	    "-----BEGIN CRL-----\nMAA=\n-----END CRL-----\n",
	    ("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"
	     "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", key);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CV_AUTO_MEMORY struct cv_crl *crl = NULL;
		struct cv_error err = CV_ERROR_INIT;
		enum cv_crl_outcome outcome = CV_CRL_GOOD;
		const char *detail = NULL;

		cr_assert(cv_crl_parse_pem(
		    cv_bytes(bad[i], strlen(bad[i])), root, &outcome, &detail, &crl, &err));
		cr_expect_eq(outcome, CV_CRL_MALFORMED);
		cr_expect_not_null(detail);
	}
}
