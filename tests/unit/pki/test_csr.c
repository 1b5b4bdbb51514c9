#include "cv/pki/csr.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"
#include "../support/openssl_fixture.h"

static enum cv_csr_outcome
parse(struct cv_bytes der, struct cv_csr **ret_csr, const char **ret_detail)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_csr_outcome outcome = CV_CSR_MALFORMED;
	cr_assert(cv_csr_parse(der, &outcome, ret_detail, ret_csr, &err), "%s", err.text);
	cr_expect(outcome != CV_CSR_GOOD || *ret_csr != NULL);
	return outcome;
}

static enum cv_csr_outcome
judge(struct cv_bytes der, const char **ret_detail)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	return parse(der, &csr, ret_detail);
}

Test(csr, facts)
{
	static const struct fixture_extension extensions[] = {
	    {"subjectAltName", "DNS:a"},
	    {NULL, NULL},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer name = CV_BUFFER_INIT;
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	const char *detail = NULL;
	struct cv_digest digest;
	fixture_request(
	    &(struct fixture_request){
		.subject = "/OU=factory-1/CN=device-1", .key = key, .extensions = extensions},
	    &der);
	fixture_spki(key, &spki);
	cv_profile_append_name(&name, "factory-1", "device-1");
	cr_assert_eq(parse(cv_buffer_bytes(&der), &csr, &detail), CV_CSR_GOOD, "%s", detail);
	cv_digest_sha256(cv_buffer_bytes(&der), &digest);
	cr_expect(cv_bytes_equal(csr->der, cv_buffer_bytes(&der)));
	cr_expect_neq(csr->der.data, der.data);
	cr_expect(cv_bytes_equal(csr->subject, cv_buffer_bytes(&name)));
	cr_expect(cv_bytes_equal(csr->san, CV_OID("\x30\x03\x82\x01"
						  "a")));
	cr_expect(cv_bytes_equal(cv_public_key_spki(csr->key), cv_buffer_bytes(&spki)));
	cr_expect(cv_digest_equal(&csr->digest, &digest));
	cr_expect_str_eq(csr->common_name, "device-1");
	cr_expect_str_eq(csr->organizational_unit, "factory-1");
	cr_expect_eq(csr->organizational_unit_count, 1);
	cr_expect_str_eq(detail, "");
}

static const struct {
	const char *kind;
	const char *digest;
	enum cv_csr_outcome outcome;
} key_rows[] = {
    {"P-256", "SHA256", CV_CSR_GOOD},
    {"P-256", "SHA512", CV_CSR_GOOD},
    {"P-384", "SHA384", CV_CSR_GOOD},
    {"P-521", "SHA512", CV_CSR_GOOD},
    {"ED25519", "", CV_CSR_GOOD},
    {"RSA-2048", "SHA256", CV_CSR_GOOD},
    {"P-256", "SHA1", CV_CSR_MALFORMED},
    {"P-256", "SHA224", CV_CSR_MALFORMED},
    {"RSA-2048", "SHA1", CV_CSR_MALFORMED},
    {"RSA-2048", "MD5", CV_CSR_MALFORMED},
    {"RSA-1024", "SHA256", CV_CSR_WEAK_KEY},
    {"secp256k1", "SHA256", CV_CSR_WEAK_KEY},
    {"P-224", "SHA256", CV_CSR_WEAK_KEY},
};

Test(csr, keys_and_algorithms)
{
	for (size_t i = 0; i < sizeof(key_rows) / sizeof(key_rows[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(key_rows[i].kind);
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		const char *detail = NULL;
		fixture_request(
		    &(struct fixture_request){
			.subject = "/CN=device-1", .key = key, .digest = key_rows[i].digest},
		    &der);
		cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), key_rows[i].outcome,
		    "%s %s: %s", key_rows[i].kind, key_rows[i].digest, detail);
	}
}

Test(csr, rsa_with_exponent_3_is_weak)
{
	CV_AUTO_OPENSSL(EVP_PKEY_CTX)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *three = BN_new();
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = NULL;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const char *detail = NULL;
	cr_assert_eq(BN_set_word(three, 3), 1);
	cr_assert_eq(EVP_PKEY_keygen_init(context), 1);
	cr_assert_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
	cr_assert_eq(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three), 1);
	cr_assert_eq(EVP_PKEY_generate(context, &key), 1);
	fixture_request(&(struct fixture_request){.subject = "/CN=device-1", .key = key}, &der);
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_WEAK_KEY);
}

/* The signature is of the wrong key: somebody else's public key in one's own request. */
Test(csr, possession_is_proved)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer own = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer foreign = CV_BUFFER_INIT;
	const char *detail = NULL;
	fixture_request(&(struct fixture_request){.subject = "/CN=device-1", .key = key}, &der);
	fixture_spki(key, &own);
	fixture_spki(other, &foreign);
	const size_t at = fixture_find(cv_buffer_bytes(&der), cv_buffer_bytes(&own));
	cr_assert_eq(own.len, foreign.len);
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_GOOD);
	memcpy(der.data + at, foreign.data, foreign.len);
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_BAD_SIGNATURE);
	memcpy(der.data + at, own.data, own.len);
	der.data[der.len - 1] ^= 1;
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_BAD_SIGNATURE);
}

static const struct {
	const char *name;
	struct fixture_extension extensions[4];
	enum cv_csr_outcome outcome;
} extension_rows[] = {
    {"none", {{NULL, NULL}}, CV_CSR_GOOD},
    {"ignored ones, as in a renewal",
	{{"basicConstraints", "critical,CA:FALSE"}, {"subjectKeyIdentifier", "0102"},
	    {"crlDistributionPoints", "URI:http://example.org/crl"}},
	CV_CSR_GOOD},
    {"ignored ones, critical too",
	{{"authorityInfoAccess", "critical,OCSP;URI:http://example.org"},
	    {"authorityKeyIdentifier", "critical,DER:30048002ffff"}},
	CV_CSR_GOOD},
    {"CA:TRUE", {{"basicConstraints", "CA:TRUE"}}, CV_CSR_BAD_EXTENSION},
    {"keyUsage trimmed", {{"keyUsage", "digitalSignature,keyAgreement,keyEncipherment"}},
	CV_CSR_GOOD},
    {"keyCertSign", {{"keyUsage", "digitalSignature,keyCertSign"}}, CV_CSR_BAD_EXTENSION},
    {"cRLSign", {{"keyUsage", "digitalSignature,cRLSign"}}, CV_CSR_BAD_EXTENSION},
    {"clientAuth", {{"extendedKeyUsage", "critical,clientAuth"}}, CV_CSR_GOOD},
    {"serverAuth", {{"extendedKeyUsage", "serverAuth"}}, CV_CSR_GOOD},
    {"clientAuth and serverAuth", {{"extendedKeyUsage", "clientAuth,serverAuth"}}, CV_CSR_GOOD},
    {"any purpose", {{"extendedKeyUsage", "anyExtendedKeyUsage"}}, CV_CSR_GOOD},
    {"OCSP signing", {{"extendedKeyUsage", "clientAuth,OCSPSigning"}}, CV_CSR_BAD_EXTENSION},
    {"alternative name", {{"subjectAltName", "DNS:a,IP:127.0.0.1,email:a@example.org"}},
	CV_CSR_GOOD},
    {"alternative name empty", {{"subjectAltName", "DER:3000"}}, CV_CSR_BAD_EXTENSION},
    {"alternative name undecodable", {{"subjectAltName", "DER:300182"}}, CV_CSR_BAD_EXTENSION},
    {"unknown", {{"1.2.3.4", "DER:0500"}}, CV_CSR_GOOD},
    {"unknown, not even DER", {{"1.2.3.4", "DER:05"}}, CV_CSR_GOOD},
    {"unknown critical", {{"1.2.3.4", "critical,DER:0500"}}, CV_CSR_BAD_EXTENSION},
    {"name constraints", {{"nameConstraints", "permitted;DNS:example.org"}}, CV_CSR_BAD_EXTENSION},
    {"policy mappings", {{"policyMappings", "1.2.3.4:1.2.3.5"}}, CV_CSR_BAD_EXTENSION},
    {"policy constraints", {{"policyConstraints", "requireExplicitPolicy:0"}},
	CV_CSR_BAD_EXTENSION},
    {"inhibit any policy", {{"inhibitAnyPolicy", "1"}}, CV_CSR_BAD_EXTENSION},
    {"repeated", {{"1.2.3.4", "DER:0500"}, {"1.2.3.5", "DER:0500"}, {"1.2.3.4", "DER:0500"}},
	CV_CSR_BAD_EXTENSION},
    {"undecodable basicConstraints", {{"basicConstraints", "DER:0500"}}, CV_CSR_BAD_EXTENSION},
    {"undecodable keyUsage", {{"keyUsage", "DER:0500"}}, CV_CSR_BAD_EXTENSION},
    {"undecodable extKeyUsage", {{"extendedKeyUsage", "DER:3000"}}, CV_CSR_BAD_EXTENSION},
    {"undecodable subject key", {{"subjectKeyIdentifier", "DER:0500"}}, CV_CSR_BAD_EXTENSION},
    {"undecodable authority key", {{"authorityKeyIdentifier", "DER:0500"}}, CV_CSR_BAD_EXTENSION},
    {"undecodable distribution point", {{"crlDistributionPoints", "DER:0500"}},
	CV_CSR_BAD_EXTENSION},
};

Test(csr, extensions)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(extension_rows) / sizeof(extension_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		const char *detail = NULL;
		fixture_request(&(struct fixture_request){.subject = "/CN=device-1",
				    .key = key,
				    .extensions = extension_rows[i].extensions},
		    &der);
		cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), extension_rows[i].outcome,
		    "%s: %s", extension_rows[i].name, detail);
	}
}

static const struct ca_row {
	const char *name;
	struct fixture_extension extensions[3];
	bool asks_for_ca;
} ca_rows[] = {
    {"nothing", {{NULL, NULL}}, false},
    {"no CA", {{"basicConstraints", "critical,CA:FALSE"}}, false},
    {"another purpose", {{"extendedKeyUsage", "codeSigning"}}, false},
    {"unknown critical", {{"1.2.3.4", "critical,DER:0500"}}, false},
    {"CA:TRUE", {{"basicConstraints", "CA:TRUE"}}, true},
    {"behind another refusal", {{"1.2.3.4", "critical,DER:0500"}, {"basicConstraints", "CA:TRUE"}},
	true},
    {"keyCertSign", {{"keyUsage", "digitalSignature,keyCertSign"}}, true},
    {"cRLSign", {{"keyUsage", "digitalSignature,cRLSign"}}, true},
    {"OCSP signing", {{"extendedKeyUsage", "clientAuth,OCSPSigning"}}, true},
    {"name constraints", {{"nameConstraints", "permitted;DNS:example.org"}}, true},
    {"policy mappings", {{"policyMappings", "1.2.3.4:1.2.3.5"}}, true},
};

/* Refused or not, it is known whose it is; but of a bad signature it is anybody's. */
Test(csr, who_asks_for_a_ca)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(ca_rows) / sizeof(ca_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
		CV_AUTO(cv_csr) struct cv_csr *forged = NULL;
		fixture_request(
		    &(struct fixture_request){
			.subject = "/CN=device-1", .key = key, .extensions = ca_rows[i].extensions},
		    &der);
		(void)parse(cv_buffer_bytes(&der), &csr, NULL);
		cr_assert_not_null(csr, "%s", ca_rows[i].name);
		cr_expect_str_eq(csr->common_name, "device-1");
		cr_expect_eq(csr->asks_for_ca, ca_rows[i].asks_for_ca, "%s", ca_rows[i].name);
		der.data[der.len - 1] ^= 1;
		cr_expect_neq(parse(cv_buffer_bytes(&der), &forged, NULL), CV_CSR_GOOD);
		cr_expect_null(forged, "%s", ca_rows[i].name);
	}
}

/* A request built by hand and really signed: what is NULL is as in a good one. */
struct parts {
	struct cv_bytes version; /* whole element */
	struct cv_bytes subject;
	struct cv_bytes spki;
	struct cv_bytes attributes; /* everything behind the key */
};

#define B(octets) CV_OID_INIT(octets)
#define NAME_A                                                                                     \
	"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"                                     \
	"a"

static void
append(struct cv_buffer *buffer, struct cv_bytes bytes, struct cv_bytes otherwise)
{
	const struct cv_bytes chosen = bytes.data == NULL ? otherwise : bytes;
	cv_buffer_append(buffer, chosen.data, chosen.len);
}

static void
assemble(const struct parts *parts, EVP_PKEY *key, struct cv_buffer *ret_der)
{
	CV_AUTO_BUFFER struct cv_buffer info = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	fixture_spki(key, &spki);
	const size_t opened = cv_der_open(&info, CV_DER_SEQUENCE);
	append(&info, parts->version, CV_OID("\x02\x01\x00"));
	append(&info, parts->subject, CV_OID(NAME_A));
	append(&info, parts->spki, cv_buffer_bytes(&spki));
	append(&info, parts->attributes, CV_OID("\xa0\x00"));
	cv_der_close(&info, opened);
	fixture_sign(key, "SHA256", fixture_ecdsa_sha256, cv_buffer_bytes(&info), ret_der);
	cr_assert_not(ret_der->has_failed);
}

#define ATTRIBUTES(octets, len) "\xa0" len octets
#define OID_STANDARD "\x06\x09" CV_OID_EXTENSION_REQUEST
#define OID_MICROSOFT "\x06\x0a" CV_OID_MICROSOFT_EXTENSION_REQUEST
/* Extensions with one unknown, non-critical extension: 11 octets */
#define ONE_EXTENSION "\x30\x09\x30\x07\x06\x02\x2a\x03\x04\x01\x00"
#define STANDARD "\x30\x18" OID_STANDARD "\x31\x0b" ONE_EXTENSION
#define MICROSOFT "\x30\x19" OID_MICROSOFT "\x31\x0b" ONE_EXTENSION
#define MICROSOFT_CA                                                                               \
	"\x30\x1e" OID_MICROSOFT "\x31\x10\x30\x0e\x30\x0c\x06\x03\x55\x1d\x13\x04\x05\x30\x03"    \
	"\x01\x01\xff"
#define TWO_VALUES "\x30\x23" OID_STANDARD "\x31\x16" ONE_EXTENSION ONE_EXTENSION
#define NO_VALUE "\x30\x0d" OID_STANDARD "\x31\x00"
#define UNKNOWN "\x30\x08\x06\x02\x2a\x03\x31\x02\x05\x00"
#define CHALLENGE "\x30\x11\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07\x31\x04\x0c\x02pw"

static const struct {
	const char *name;
	struct parts parts;
	enum cv_csr_outcome outcome;
} part_rows[] = {
    {"as it is", {.version = {NULL, 0}}, CV_CSR_GOOD},
    {"version 1", {.version = B("\x02\x01\x01")}, CV_CSR_MALFORMED},
    {"version 3", {.version = B("\x02\x01\x03")}, CV_CSR_MALFORMED},
    {"version -1", {.version = B("\x02\x01\xff")}, CV_CSR_MALFORMED},
    {"version missing", {.version = B("")}, CV_CSR_MALFORMED},
    {"key missing", {.spki = B("")}, CV_CSR_MALFORMED},
    {"key of nothing", {.spki = B("\x30\x00")}, CV_CSR_WEAK_KEY},
    {"attributes missing", {.attributes = B("")}, CV_CSR_GOOD},
    {"attributes twice", {.attributes = B("\xa0\x00\xa0\x00")}, CV_CSR_MALFORMED},
    {"attributes as set", {.attributes = B("\x31\x00")}, CV_CSR_MALFORMED},
    {"unknown attribute", {.attributes = B(ATTRIBUTES(UNKNOWN, "\x0a"))}, CV_CSR_GOOD},
    {"unknown attribute twice", {.attributes = B(ATTRIBUTES(UNKNOWN UNKNOWN, "\x14"))},
	CV_CSR_GOOD},
    {"attribute without values", {.attributes = B(ATTRIBUTES("\x30\x04\x06\x02\x2a\x03", "\x06"))},
	CV_CSR_MALFORMED},
    {"challenge password", {.attributes = B(ATTRIBUTES(CHALLENGE, "\x13"))}, CV_CSR_GOOD},
    {"extension request", {.attributes = B(ATTRIBUTES(STANDARD, "\x1a"))}, CV_CSR_GOOD},
    {"extension request of Microsoft", {.attributes = B(ATTRIBUTES(MICROSOFT, "\x1b"))},
	CV_CSR_GOOD},
    {"both", {.attributes = B(ATTRIBUTES(STANDARD MICROSOFT, "\x35"))}, CV_CSR_BAD_EXTENSION},
    {"twice", {.attributes = B(ATTRIBUTES(STANDARD STANDARD, "\x34"))}, CV_CSR_BAD_EXTENSION},
    {"two values", {.attributes = B(ATTRIBUTES(TWO_VALUES, "\x25"))}, CV_CSR_BAD_EXTENSION},
    {"no value", {.attributes = B(ATTRIBUTES(NO_VALUE, "\x0f"))}, CV_CSR_BAD_EXTENSION},
    {"CA:TRUE through Microsoft's", {.attributes = B(ATTRIBUTES(MICROSOFT_CA, "\x20"))},
	CV_CSR_BAD_EXTENSION},
    {"subject empty", {.subject = B("\x30\x00")}, CV_CSR_MALFORMED},
    {"subject with an empty set", {.subject = B("\x30\x02\x31\x00")}, CV_CSR_MALFORMED},
};

Test(csr, parts)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		const char *detail = NULL;
		assemble(&part_rows[i].parts, key, &der);
		cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), part_rows[i].outcome, "%s: %s",
		    part_rows[i].name, detail);
	}
}

struct attribute {
	const char *type;
	size_t type_len;
	uint8_t tag;
	struct cv_bytes value;
};

static void
append_value(struct cv_buffer *buffer, const struct attribute *attribute)
{
	const size_t opened = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, cv_bytes(attribute->type, attribute->type_len));
	cv_der_append(buffer, attribute->tag, attribute->value);
	cv_der_close(buffer, opened);
}

static void
append_attribute(struct cv_buffer *buffer, const struct attribute *attribute)
{
	const size_t rdn = cv_der_open(buffer, CV_DER_SET);
	append_value(buffer, attribute);
	cv_der_close(buffer, rdn);
}

#define T(oid) oid, sizeof(oid) - 1
#define UTF8 CV_DER_UTF8_STRING
#define PRINTABLE CV_DER_PRINTABLE_STRING
#define DEVICE                                                                                     \
	{                                                                                          \
		T(CV_OID_COMMON_NAME), UTF8, B("device-1")                                         \
	}
#define CHARACTERS_64 "1234567890123456789012345678901234567890123456789012345678901234"

static const struct {
	const char *name;
	struct attribute attributes[3];
	enum cv_csr_outcome outcome;
} subject_rows[] = {
    {"device", {DEVICE}, CV_CSR_GOOD},
    {"printable", {{T(CV_OID_COMMON_NAME), PRINTABLE, B("device-1")}}, CV_CSR_GOOD},
    {"two common names", {DEVICE, {T(CV_OID_COMMON_NAME), UTF8, B("device-2")}}, CV_CSR_MALFORMED},
    {"no common name", {{T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, B("factory")}}, CV_CSR_MALFORMED},
    {"common name of 64", {{T(CV_OID_COMMON_NAME), UTF8, B(CHARACTERS_64)}}, CV_CSR_GOOD},
    {"common name of 65", {{T(CV_OID_COMMON_NAME), UTF8, B(CHARACTERS_64 "5")}}, CV_CSR_MALFORMED},
    {"common name empty", {{T(CV_OID_COMMON_NAME), UTF8, B("")}}, CV_CSR_MALFORMED},
    {"NUL in common name", {{T(CV_OID_COMMON_NAME), UTF8, B("device-1\x00x")}}, CV_CSR_MALFORMED},
    {"no device id", {{T(CV_OID_COMMON_NAME), UTF8, B("device/1")}}, CV_CSR_MALFORMED},
    {"accent in common name", {{T(CV_OID_COMMON_NAME), UTF8, B("d\xc3\xa9vice")}},
	CV_CSR_MALFORMED},
    {"accent in organization", {DEVICE, {T(CV_OID_ORGANIZATION), UTF8, B("Soci\xc3\xa9t\xc3\xa9")}},
	CV_CSR_GOOD},
    {"broken UTF-8", {DEVICE, {T(CV_OID_ORGANIZATION), UTF8, B("Soci\xc3")}}, CV_CSR_MALFORMED},
    {"control character", {DEVICE, {T(CV_OID_ORGANIZATION), UTF8, B("a\tb")}}, CV_CSR_MALFORMED},
    {"at sign in PrintableString", {DEVICE, {T(CV_OID_ORGANIZATION), PRINTABLE, B("a@b")}},
	CV_CSR_MALFORMED},
    {"T61String", {DEVICE, {T(CV_OID_ORGANIZATION), CV_DER_T61_STRING, B("a")}}, CV_CSR_MALFORMED},
    {"e-mail", {DEVICE, {T(CV_OID_EMAIL_ADDRESS), CV_DER_IA5_STRING, B("a@example.org")}},
	CV_CSR_GOOD},
    {"country", {DEVICE, {T(CV_OID_COUNTRY), PRINTABLE, B("DE")}}, CV_CSR_GOOD},
    {"country of three", {DEVICE, {T(CV_OID_COUNTRY), PRINTABLE, B("DEU")}}, CV_CSR_MALFORMED},
    {"business category", {DEVICE, {T(CV_OID_BUSINESS_CATEGORY), UTF8, B("production")}},
	CV_CSR_GOOD},
    {"unit of 64", {DEVICE, {T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, B(CHARACTERS_64)}}, CV_CSR_GOOD},
    {"unit of 65", {DEVICE, {T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, B(CHARACTERS_64 "5")}},
	CV_CSR_MALFORMED},
    {"unknown type", {DEVICE, {T("\x2a\x03\x04"), UTF8, B("a")}}, CV_CSR_MALFORMED},
    {"not a string", {DEVICE, {T(CV_OID_ORGANIZATION), CV_DER_OCTET_STRING, B("a")}},
	CV_CSR_MALFORMED},
};

Test(csr, subjects)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(subject_rows) / sizeof(subject_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		const char *detail = NULL;
		const size_t name = cv_der_open(&subject, CV_DER_SEQUENCE);
		for (size_t k = 0; k < 3 && subject_rows[i].attributes[k].type != NULL; k++)
			append_attribute(&subject, &subject_rows[i].attributes[k]);
		cv_der_close(&subject, name);
		assemble(&(struct parts){.subject = cv_buffer_bytes(&subject)}, key, &der);
		cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), subject_rows[i].outcome,
		    "%s: %s", subject_rows[i].name, detail);
	}
}

/* One RDN of all attributes, or one for each. */
static bool
subject_has_flaw(const struct attribute *attributes, size_t count, bool is_one_set)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_csr_outcome outcome = CV_CSR_MALFORMED;
	const size_t name = cv_der_open(&subject, CV_DER_SEQUENCE);
	const size_t set = is_one_set ? cv_der_open(&subject, CV_DER_SET) : 0;
	for (size_t i = 0; i < count; i++)
		is_one_set ? append_value(&subject, &attributes[i])
			   : append_attribute(&subject, &attributes[i]);
	if (is_one_set)
		cv_der_close(&subject, set);
	cv_der_close(&subject, name);
	assemble(&(struct parts){.subject = cv_buffer_bytes(&subject)}, key, &der);
	cr_assert(cv_csr_parse(cv_buffer_bytes(&der), &outcome, NULL, &csr, &err));
	cr_assert_eq(outcome, CV_CSR_GOOD, "it may be that of a certificate to be renewed");
	return csr->subject_flaw != NULL;
}

#define IA5 CV_DER_IA5_STRING

static const struct {
	const char *name;
	struct attribute attributes[2];
	bool has_flaw;
} flaw_rows[] = {
    {"UTF-8", {DEVICE, {T(CV_OID_ORGANIZATION), UTF8, B("a")}}, false},
    {"printable", {DEVICE, {T(CV_OID_ORGANIZATION), PRINTABLE, B("a")}}, false},
    {"IA5 organization", {DEVICE, {T(CV_OID_ORGANIZATION), IA5, B("a")}}, true},
    {"IA5 user id", {DEVICE, {T(CV_OID_USER_ID), IA5, B("a")}}, true},
    {"country", {DEVICE, {T(CV_OID_COUNTRY), PRINTABLE, B("DE")}}, false},
    {"UTF-8 country", {DEVICE, {T(CV_OID_COUNTRY), UTF8, B("DE")}}, true},
    {"serial number", {DEVICE, {T(CV_OID_SERIAL_NUMBER), PRINTABLE, B("1")}}, false},
    {"UTF-8 serial number", {DEVICE, {T(CV_OID_SERIAL_NUMBER), UTF8, B("1")}}, true},
    {"DN qualifier", {DEVICE, {T(CV_OID_DN_QUALIFIER), PRINTABLE, B("a")}}, false},
    {"UTF-8 DN qualifier", {DEVICE, {T(CV_OID_DN_QUALIFIER), UTF8, B("a")}}, true},
    {"e-mail", {DEVICE, {T(CV_OID_EMAIL_ADDRESS), IA5, B("a@b.c")}}, false},
    {"UTF-8 e-mail", {DEVICE, {T(CV_OID_EMAIL_ADDRESS), UTF8, B("a@b.c")}}, true},
    {"domain", {DEVICE, {T(CV_OID_DOMAIN_COMPONENT), IA5, B("org")}}, false},
    {"printable domain", {DEVICE, {T(CV_OID_DOMAIN_COMPONENT), PRINTABLE, B("org")}}, true},
    {"unstructured name", {DEVICE, {T(CV_OID_UNSTRUCTURED_NAME), IA5, B("a")}}, false},
    {"UTF-8 unstructured name", {DEVICE, {T(CV_OID_UNSTRUCTURED_NAME), UTF8, B("a")}}, false},
};

Test(csr, string_types_of_new_subjects)
{
	for (size_t i = 0; i < sizeof(flaw_rows) / sizeof(flaw_rows[0]); i++)
		cr_expect_eq(subject_has_flaw(flaw_rows[i].attributes, 2, false),
		    flaw_rows[i].has_flaw, "%s", flaw_rows[i].name);
}

Test(csr, order_within_new_subjects)
{
	const struct attribute device = DEVICE;
	const struct attribute unit = {T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, B("f")};
	const struct attribute ordered[] = {unit, device};
	const struct attribute turned[] = {device, unit};

	cr_expect_not(subject_has_flaw(ordered, 2, true));
	cr_expect(subject_has_flaw(turned, 2, true));
	cr_expect_not(subject_has_flaw(turned, 2, false), "a SEQUENCE has any order");
}

static enum cv_csr_outcome
judge_subject_of(EVP_PKEY *key, size_t name_len, size_t units)
{
	static const uint8_t letters[64] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const char *detail = NULL;
	const struct attribute device = {T(CV_OID_COMMON_NAME), UTF8, {letters, name_len}};
	const struct attribute unit = {T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, {letters, 63}};
	const struct attribute short_unit = {T(CV_OID_ORGANIZATIONAL_UNIT), UTF8, {letters, 1}};
	const size_t name = cv_der_open(&subject, CV_DER_SEQUENCE);
	append_attribute(&subject, &device);
	for (size_t i = 0; i < units; i++)
		append_attribute(&subject, units > 13 ? &short_unit : &unit);
	cv_der_close(&subject, name);
	assemble(&(struct parts){.subject = cv_buffer_bytes(&subject)}, key, &der);
	return judge(cv_buffer_bytes(&der), &detail);
}

Test(csr, subject_size_is_bounded)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	cr_expect_eq(judge_subject_of(key, 1, 19), CV_CSR_GOOD);
	cr_expect_eq(judge_subject_of(key, 1, 20), CV_CSR_MALFORMED);
	/* 4 for the header, 11 + 47 for the device, 11 + 63 for each unit: 1024 octets */
	cr_expect_eq(judge_subject_of(key, 47, 13), CV_CSR_GOOD);
	cr_expect_eq(judge_subject_of(key, 48, 13), CV_CSR_MALFORMED);
}

Test(csr, several_units_are_counted)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	const char *detail = NULL;
	fixture_request(
	    &(struct fixture_request){.subject = "/OU=a/OU=b/CN=device-1", .key = key}, &der);
	cr_assert_eq(parse(cv_buffer_bytes(&der), &csr, &detail), CV_CSR_GOOD, "%s", detail);
	cr_expect_eq(csr->organizational_unit_count, 2);
	cr_expect_str_eq(csr->organizational_unit, "");
}

/* What a device wrote is what it gets back: no string is recoded. */
Test(csr, subject_octets_are_kept)
{
	static const char subject[] = "\x30\x1d"
				      "\x31\x1b"
				      "\x30\x08\x06\x03\x55\x04\x03\x13\x01"
				      "a"
				      "\x30\x0f\x06\x03\x55\x04\x0f\x0c\x08"
				      "category";
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	const char *detail = NULL;
	assemble(&(struct parts){.subject = CV_OID(subject)}, key, &der);
	cr_assert_eq(parse(cv_buffer_bytes(&der), &csr, &detail), CV_CSR_GOOD, "%s", detail);
	cr_expect(cv_bytes_equal(csr->subject, CV_OID(subject)));
}

static void
make_plain(EVP_PKEY *key, struct cv_buffer *ret_der)
{
	static const struct fixture_extension extensions[] = {
	    {"keyUsage", "critical,digitalSignature"},
	    {"subjectAltName", "DNS:a"},
	    {NULL, NULL},
	};
	fixture_request(
	    &(struct fixture_request){
		.subject = "/OU=factory/CN=device-1", .key = key, .extensions = extensions},
	    ret_der);
}

Test(csr, truncations_and_tails_are_malformed)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const char *detail = NULL;
	make_plain(key, &der);
	for (size_t len = 0; len < der.len; len++) {
		CV_AUTO_MEMORY uint8_t *copy = fixture_exact_copy(cv_bytes(der.data, len));
		cr_expect_eq(judge(cv_bytes(copy, len), &detail), CV_CSR_MALFORMED, "%zu", len);
	}
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_GOOD);
	cv_buffer_append_byte(&der, 0);
	cr_expect_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_MALFORMED);
}

/* Every octet is under the signature, or says how the signature is read. */
Test(csr, mutations_are_never_good)
{
	static const uint8_t changes[] = {0x01, 0x02, 0x20, 0x80, 0xff};
	static const char *const kinds[] = {"P-256", "ED25519"};
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(kinds[k]);
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		const char *detail = NULL;
		fixture_request(
		    &(struct fixture_request){
			.subject = "/CN=device-1", .key = key, .digest = k == 0 ? "SHA256" : ""},
		    &der);
		cr_assert_eq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_GOOD);
		for (size_t at = 0; at < der.len; at++) {
			for (size_t i = 0; i < sizeof(changes); i++) {
				der.data[at] ^= changes[i];
				cr_expect_neq(judge(cv_buffer_bytes(&der), &detail), CV_CSR_GOOD,
				    "%s, octet %zu", kinds[k], at);
				der.data[at] ^= changes[i];
			}
		}
	}
}

/* Padding an integer of the signature keeps its value but not its encoding. */
Test(csr, padded_signature_is_bad)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer padded = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer signature = CV_BUFFER_INIT;
	struct cv_der_reader outer;
	struct cv_der_reader numbers;
	struct cv_bytes info;
	struct cv_bytes algorithm;
	struct cv_bytes bits;
	struct cv_bytes r;
	struct cv_bytes s;
	const char *detail = NULL;
	make_plain(key, &der);
	struct cv_der_reader reader = cv_der_reader(cv_buffer_bytes(&der));
	cr_assert(cv_der_enter(&reader, CV_DER_SEQUENCE, &outer));
	cr_assert(cv_der_read_whole(&outer, CV_DER_SEQUENCE, &info));
	cr_assert(cv_der_read_whole(&outer, CV_DER_SEQUENCE, &algorithm));
	cr_assert(cv_der_read(&outer, CV_DER_BIT_STRING, &bits));
	reader = cv_der_reader(cv_bytes(bits.data + 1, bits.len - 1));
	cr_assert(cv_der_enter(&reader, CV_DER_SEQUENCE, &numbers));
	cr_assert(cv_der_read(&numbers, CV_DER_INTEGER, &r));
	cr_assert(cv_der_read(&numbers, CV_DER_INTEGER, &s));
	const size_t opened = cv_der_open(&signature, CV_DER_SEQUENCE);
	cv_der_append(&signature, CV_DER_INTEGER, r);
	const size_t number = cv_der_open(&signature, CV_DER_INTEGER);
	cv_buffer_append_byte(&signature, 0);
	cv_buffer_append(&signature, s.data, s.len);
	cv_der_close(&signature, number);
	cv_der_close(&signature, opened);
	cv_profile_append_certificate(info, algorithm, cv_buffer_bytes(&signature), &padded);
	cr_expect_eq(judge(cv_buffer_bytes(&padded), &detail), CV_CSR_BAD_SIGNATURE);
}

Test(csr, size_is_bounded)
{
	CV_AUTO_MEMORY uint8_t *zeros = calloc(1, 100000);
	const char *detail = NULL;
	cr_expect_eq(judge(cv_bytes(zeros, 100000), &detail), CV_CSR_MALFORMED);
	cr_expect_eq(judge(cv_bytes(NULL, 0), NULL), CV_CSR_MALFORMED);
}

static enum cv_csr_outcome
judge_extension_count(EVP_PKEY *key, size_t count)
{
	CV_AUTO_BUFFER struct cv_buffer attributes = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const char *detail = NULL;
	const size_t outer = cv_der_open(&attributes, CV_DER_CONTEXT_CONSTRUCTED(0));
	const size_t attribute = cv_der_open(&attributes, CV_DER_SEQUENCE);
	cv_der_append(&attributes, CV_DER_OID, CV_OID(CV_OID_EXTENSION_REQUEST));
	const size_t values = cv_der_open(&attributes, CV_DER_SET);
	const size_t extensions = cv_der_open(&attributes, CV_DER_SEQUENCE);
	for (size_t i = 0; i < count; i++) {
		const uint8_t oid[] = {0x2a, (uint8_t)i};
		const size_t extension = cv_der_open(&attributes, CV_DER_SEQUENCE);
		cv_der_append(&attributes, CV_DER_OID, CV_BYTES(oid));
		cv_der_append(&attributes, CV_DER_OCTET_STRING, cv_bytes(NULL, 0));
		cv_der_close(&attributes, extension);
	}
	cv_der_close(&attributes, extensions);
	cv_der_close(&attributes, values);
	cv_der_close(&attributes, attribute);
	cv_der_close(&attributes, outer);
	assemble(&(struct parts){.attributes = cv_buffer_bytes(&attributes)}, key, &der);
	return judge(cv_buffer_bytes(&der), &detail);
}

Test(csr, number_of_extensions_is_bounded)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	cr_expect_eq(judge_extension_count(key, 64), CV_CSR_GOOD);
	cr_expect_eq(judge_extension_count(key, 65), CV_CSR_BAD_EXTENSION);
}
