#include "cv/pki/certificate.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"
#include "cv/pki/public_key.h"
#include "../support/openssl_fixture.h"

/* As a leaf it is judged alike. */
static void
expect_leaf(struct cv_bytes der, const struct cv_certificate *whole, const struct cv_error *refusal)
{
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = NULL;
	struct cv_error err = CV_ERROR_INIT;
	cr_expect_eq(cv_certificate_parse_leaf(der, &leaf, &err), whole != NULL);
	cr_expect_eq(err.code, refusal->code);
	cr_expect_str_eq(err.text, refusal->text);
	cr_expect(
	    whole == NULL || (cv_digest_equal(&leaf->key_id, &whole->key_id) && leaf->key == NULL));
}

static bool
parse(struct cv_bytes der, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	*err = (struct cv_error)CV_ERROR_INIT;
	const bool is_parsed = cv_certificate_parse(der, ret_certificate, err);
	cr_expect_eq(is_parsed, *ret_certificate != NULL);
	cr_expect_eq(is_parsed, err->code == CV_E_NONE);
	expect_leaf(der, *ret_certificate, err);
	return is_parsed;
}

static void
expect_text(const struct cv_bytes bytes, const char *octets, size_t len)
{
	cr_expect(cv_bytes_equal(bytes, cv_bytes(octets, len)));
}

Test(certificate, facts_of_a_leaf)
{
	static const struct fixture_extension extensions[] = {
	    {"basicConstraints", "critical,CA:FALSE"},
	    {"keyUsage", "critical,digitalSignature"},
	    {"extendedKeyUsage", "critical,clientAuth"},
	    {"subjectAltName", "DNS:a"},
	    {"subjectKeyIdentifier", "0102"},
	    {NULL, NULL},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-384");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer name = CV_BUFFER_INIT;
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = NULL;
	struct cv_error err;
	struct cv_digest digest;
	fixture_certificate(&(struct fixture_certificate){.subject = "/OU=factory-1/CN=device-1",
				.key = key,
				.issuer = "/CN=ca",
				.issuer_key = ca_key,
				.digest = "SHA384",
				.extensions = extensions},
	    &der);
	fixture_spki(key, &spki);
	cv_profile_append_name(&name, "factory-1", "device-1");
	cr_assert(parse(cv_buffer_bytes(&der), &leaf, &err), "%s", err.text);

	cr_expect(cv_bytes_equal(leaf->der, cv_buffer_bytes(&der)));
	cr_expect_neq(leaf->der.data, der.data);
	cr_expect(cv_bytes_equal(leaf->spki, cv_buffer_bytes(&spki)));
	cr_expect(cv_bytes_equal(leaf->subject, cv_buffer_bytes(&name)));
	cv_buffer_reset(&name);
	cv_profile_append_name(&name, NULL, "ca");
	cr_expect(cv_bytes_equal(leaf->issuer, cv_buffer_bytes(&name)));
	expect_text(leaf->serial, "\x04\xd2", 2);
	expect_text(leaf->san,
	    "\x30\x03\x82\x01"
	    "a",
	    5);
	expect_text(leaf->subject_key, "\x01\x02", 2);
	expect_text(leaf->algorithm, "\x30\x0a\x06\x08" CV_OID_ECDSA_SHA384, 12);
	cr_expect_eq(leaf->authority_key.len, 0);
	cv_digest_sha256(cv_buffer_bytes(&der), &digest);
	cr_expect(cv_digest_equal(&leaf->fingerprint, &digest));
	cv_digest_sha256(leaf->tbs, &digest);
	cr_expect(cv_digest_equal(&leaf->tbs_digest, &digest));
	cv_digest_sha256(cv_buffer_bytes(&spki), &digest);
	cr_expect(cv_digest_equal(&leaf->key_id, &digest));
	cr_expect_eq(leaf->not_before_utc, 1767225600);
	cr_expect_eq(leaf->not_after_utc, 2082758400);
	cr_expect_str_eq(leaf->common_name, "device-1");
	cr_expect_str_eq(leaf->organizational_unit, "factory-1");
	cr_expect_eq(leaf->common_name_count, 1);
	cr_expect_eq(leaf->organizational_unit_count, 1);
	cr_expect_not(leaf->is_ca);
	cr_expect(leaf->allows_client);
	cr_expect_not(leaf->may_sign_certificates);
}

static const struct {
	const char *name;
	struct fixture_extension extensions[4];
	bool is_ca;
	bool allows_client;
	bool may_sign_certificates;
} power_rows[] = {
    {"nothing said", {{NULL, NULL}}, false, true, false},
    {"client", {{"extendedKeyUsage", "clientAuth"}}, false, true, false},
    {"client and server", {{"extendedKeyUsage", "serverAuth,clientAuth"}}, false, true, false},
    {"any", {{"extendedKeyUsage", "anyExtendedKeyUsage"}}, false, true, false},
    {"server", {{"extendedKeyUsage", "serverAuth"}}, false, false, false},
    {"something else", {{"extendedKeyUsage", "codeSigning"}}, false, false, false},
    {"signature", {{"keyUsage", "digitalSignature,keyAgreement"}}, false, true, false},
    {"agreement", {{"keyUsage", "keyAgreement"}}, false, false, false},
    {"ninth bit", {{"keyUsage", "decipherOnly"}}, false, false, false},
    {"ca", {{"basicConstraints", "CA:TRUE"}}, true, true, true},
    {"ca with path", {{"basicConstraints", "critical,CA:TRUE,pathlen:3"}}, true, true, true},
    {"ca that signs", {{"basicConstraints", "CA:TRUE"}, {"keyUsage", "keyCertSign"}}, true, false,
	true},
    {"ca that does not sign", {{"basicConstraints", "CA:TRUE"}, {"keyUsage", "cRLSign"}}, true,
	false, false},
    {"no ca, though it signs", {{"keyUsage", "keyCertSign"}}, false, false, false},
};

Test(certificate, powers)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(power_rows) / sizeof(power_rows[0]); i++) {
		CV_AUTO(cv_certificate)
		struct cv_certificate *certificate =
		    fixture_parsed_certificate(&(struct fixture_certificate){
			.subject = "/CN=a", .key = key, .extensions = power_rows[i].extensions});
		cr_expect_eq(certificate->is_ca, power_rows[i].is_ca, "%s", power_rows[i].name);
		cr_expect_eq(certificate->allows_client, power_rows[i].allows_client, "%s",
		    power_rows[i].name);
		cr_expect_eq(certificate->may_sign_certificates,
		    power_rows[i].may_sign_certificates, "%s", power_rows[i].name);
	}
}

/* A certificate taken apart: what is NULL or absent is as in a good one. The signature is a dummy.
 */
struct parts {
	struct cv_bytes version; /* whole [0] element */
	struct cv_bytes serial;  /* content */
	struct cv_bytes inner_algorithm;
	struct cv_bytes outer_algorithm;
	struct cv_bytes issuer;
	struct cv_bytes validity; /* content */
	struct cv_bytes subject;
	struct cv_bytes spki;
	struct cv_bytes extensions; /* everything behind the key */
	struct cv_bytes signature;  /* content of the BIT STRING */
	struct cv_bytes tail;       /* behind the signature, inside */
};

#define B(octets) CV_OID_INIT(octets)
#define VERSION_3 "\xa0\x03\x02\x01\x02"
#define YEAR_2026                                                                                  \
	"\x17\x0d"                                                                                 \
	"260101000000Z"
#define YEAR_2036                                                                                  \
	"\x17\x0d"                                                                                 \
	"360101000000Z"
#define NAME_A                                                                                     \
	"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"                                     \
	"a"
#define ECDSA "\x30\x0a\x06\x08" CV_OID_ECDSA_SHA256
#define SIGNATURE "\x00\x30\x06\x02\x01\x01\x02\x01\x01"

static struct cv_bytes
or_default(struct cv_bytes bytes, struct cv_bytes otherwise)
{
	return bytes.data == NULL ? otherwise : bytes;
}

static void
append(struct cv_buffer *buffer, struct cv_bytes bytes, struct cv_bytes otherwise)
{
	const struct cv_bytes chosen = or_default(bytes, otherwise);
	cv_buffer_append(buffer, chosen.data, chosen.len);
}

static void
assemble(const struct parts *parts, struct cv_bytes spki, struct cv_buffer *ret_der)
{
	const struct cv_bytes nothing = {NULL, 0};
	const size_t certificate = cv_der_open(ret_der, CV_DER_SEQUENCE);
	const size_t tbs = cv_der_open(ret_der, CV_DER_SEQUENCE);
	append(ret_der, parts->version, CV_OID(VERSION_3));
	cv_der_append(ret_der, CV_DER_INTEGER, or_default(parts->serial, CV_OID("\x01")));
	append(ret_der, parts->inner_algorithm, CV_OID(ECDSA));
	append(ret_der, parts->issuer, CV_OID(NAME_A));
	cv_der_append(
	    ret_der, CV_DER_SEQUENCE, or_default(parts->validity, CV_OID(YEAR_2026 YEAR_2036)));
	append(ret_der, parts->subject, CV_OID(NAME_A));
	append(ret_der, parts->spki, spki);
	append(ret_der, parts->extensions, nothing);
	cv_der_close(ret_der, tbs);
	append(ret_der, parts->outer_algorithm, CV_OID(ECDSA));
	cv_der_append(ret_der, CV_DER_BIT_STRING, or_default(parts->signature, CV_OID(SIGNATURE)));
	append(ret_der, parts->tail, nothing);
	cv_der_close(ret_der, certificate);
	cr_assert_not(ret_der->has_failed);
}

#define EXTENSION_X "\x30\x07\x06\x02\x2a\x03\x04\x01\x00"
#define EXTENSION_BC "\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00"
#define EXTENSIONS(octets, outer, inner) "\xa3" outer "\x30" inner octets
#define TWENTY                                                                                     \
	"\x7f"                                                                                     \
	"2345678901234567890"
#define TWENTY_HIGH                                                                                \
	"\x00\xff"                                                                                 \
	"2345678901234567890"

/* Each refusal stands next to the acceptance that it nearly was. */
static const struct {
	const char *name;
	struct parts parts;
	const char *refusal; /* NULL: accepted */
} part_rows[] = {
    {"as it is", {.tail = {NULL, 0}}, NULL},
    {"tail", {.tail = B("\x05\x00")}, "behind the signature"},
    {"version 1", {.version = B("")}, NULL},
    {"version 2", {.version = B("\xa0\x03\x02\x01\x01")}, NULL},
    {"version 4", {.version = B("\xa0\x03\x02\x01\x03")}, "version"},
    {"version negative", {.version = B("\xa0\x03\x02\x01\xff")}, "version"},
    {"version twice", {.version = B("\xa0\x06\x02\x01\x02\x02\x01\x02")}, "version"},
    {"version as text",
	{.version = B("\xa0\x03\x0c\x01"
		      "3")},
	"version"},
    {"version missing inside", {.version = B("\xa0\x00")}, "version"},
    {"serial zero", {.serial = B("\x00")}, NULL},
    {"serial negative", {.serial = B("\x80")}, "serial"},
    {"serial 128", {.serial = B("\x00\x80")}, NULL},
    {"serial of 20 octets", {.serial = B(TWENTY)}, NULL},
    {"serial of 20 octets with first bit", {.serial = B(TWENTY_HIGH)}, NULL},
    {"serial of 21 octets", {.serial = B("\x01" TWENTY)}, "serial"},
    {"serial of 22 octets", {.serial = B("\x00\xff\x01" TWENTY)}, "serial"},
    {"algorithms differ", {.outer_algorithm = B("\x30\x0a\x06\x08" CV_OID_ECDSA_SHA384)},
	"algorithm"},
    {"algorithms differ by parameters",
	{.outer_algorithm = B("\x30\x0c\x06\x08" CV_OID_ECDSA_SHA256 "\x05\x00")}, "algorithm"},
    {"issuer empty", {.issuer = B("\x30\x00")}, "issuer"},
    {"issuer no sequence", {.issuer = B("\x31\x00")}, "issuer"},
    {"subject empty", {.subject = B("\x30\x00")}, NULL},
    {"subject with an empty set", {.subject = B("\x30\x02\x31\x00")}, "subject"},
    {"subject without value", {.subject = B("\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03")},
	"subject"},
    {"subject with two values",
	{.subject = B("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x01"
		      "a"
		      "\x0c\x01"
		      "b")},
	"subject"},
    {"end before begin is the caller's", {.validity = B(YEAR_2036 YEAR_2026)}, NULL},
    {"one time", {.validity = B(YEAR_2026)}, "validity"},
    {"three times", {.validity = B(YEAR_2026 YEAR_2026 YEAR_2036)}, "validity"},
    {"time without seconds",
	{.validity = B("\x17\x0b"
		       "2601010000Z" YEAR_2036)},
	"validity"},
    {"generalized time",
	{.validity = B(YEAR_2026 "\x18\x0f"
				 "20510101000000Z")},
	NULL},
    {"time zone",
	{.validity = B(YEAR_2026 "\x18\x13"
				 "20510101000000+0000")},
	"validity"},
    {"key is no sequence", {.spki = B("\x05\x00")}, "public key is missing"},
    {"key does not decode", {.spki = B("\x30\x00")}, "does not decode"},
    {"unique identifiers", {.extensions = B("\x81\x01\x00\x82\x01\x00")}, NULL},
    {"unique identifier in version 1", {.version = B(""), .extensions = B("\x81\x01\x00")},
	"unique"},
    {"unique identifiers out of order", {.extensions = B("\x82\x01\x00\x81\x01\x00")},
	"extensions"},
    {"unknown extension", {.extensions = B(EXTENSIONS(EXTENSION_X, "\x0b", "\x09"))}, NULL},
    {"extension in version 1",
	{.version = B(""), .extensions = B(EXTENSIONS(EXTENSION_X, "\x0b", "\x09"))},
	"another version"},
    {"extension in version 2",
	{.version = B("\xa0\x03\x02\x01\x01"),
	    .extensions = B(EXTENSIONS(EXTENSION_X, "\x0b", "\x09"))},
	"another version"},
    {"extension twice", {.extensions = B(EXTENSIONS(EXTENSION_X EXTENSION_X, "\x14", "\x12"))},
	"repeated"},
    {"two extensions", {.extensions = B(EXTENSIONS(EXTENSION_X EXTENSION_BC, "\x16", "\x14"))},
	NULL},
    {"bytes behind the extensions",
	{.extensions = B(EXTENSIONS(EXTENSION_X, "\x0b", "\x09") "\x05\x00")}, "other bytes"},
    {"extension without value",
	{.extensions = B(EXTENSIONS("\x30\x04\x06\x02\x2a\x03", "\x08", "\x06"))}, "do not decode"},
    {"basicConstraints of null",
	{.extensions =
		B(EXTENSIONS("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x05\x00", "\x0d", "\x0b"))},
	"basicConstraints"},
    {"basicConstraints with BER boolean",
	{.extensions = B(EXTENSIONS(
	     "\x30\x0c\x06\x03\x55\x1d\x13\x04\x05\x30\x03\x01\x01\x01", "\x10", "\x0e"))},
	"basicConstraints"},
    {"basicConstraints with a tail",
	{.extensions = B(
	     EXTENSIONS("\x30\x0b\x06\x03\x55\x1d\x13\x04\x04\x30\x00\x05\x00", "\x0f", "\x0d"))},
	"basicConstraints"},
    {"keyUsage of three octets",
	{.extensions = B(EXTENSIONS(
	     "\x30\x0d\x06\x03\x55\x1d\x0f\x04\x06\x03\x04\x00\x01\x01\x01", "\x11", "\x0f"))},
	"keyUsage"},
    {"extKeyUsage empty",
	{.extensions =
		B(EXTENSIONS("\x30\x09\x06\x03\x55\x1d\x25\x04\x02\x30\x00", "\x0d", "\x0b"))},
	"extKeyUsage"},
    {"subjectAltName empty",
	{.extensions =
		B(EXTENSIONS("\x30\x09\x06\x03\x55\x1d\x11\x04\x02\x30\x00", "\x0d", "\x0b"))},
	"subjectAltName"},
    {"subjectKeyIdentifier empty",
	{.extensions =
		B(EXTENSIONS("\x30\x09\x06\x03\x55\x1d\x0e\x04\x02\x04\x00", "\x0d", "\x0b"))},
	"subjectKeyIdentifier"},
    {"authorityKeyIdentifier of null",
	{.extensions =
		B(EXTENSIONS("\x30\x09\x06\x03\x55\x1d\x23\x04\x02\x05\x00", "\x0d", "\x0b"))},
	"authorityKeyIdentifier"},
    {"signature empty", {.signature = B("\x00")}, "whole octets"},
    {"signature with unused bits", {.signature = B("\x01\x30\x06\x02\x01\x01\x02\x01\x02")},
	"whole octets"},
    {"signature padded inside", {.signature = B("\x00\x30\x07\x02\x02\x00\x01\x02\x01\x01")},
	"ECDSA signature"},
    {"signature with a long length", {.signature = B("\x00\x30\x81\x06\x02\x01\x01\x02\x01\x01")},
	"ECDSA signature"},
    {"signature with a tail", {.signature = B("\x00\x30\x06\x02\x01\x01\x02\x01\x01\x00")},
	"ECDSA signature"},
    {"signature of three numbers",
	{.signature = B("\x00\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01")}, "ECDSA signature"},
    {"signature with a zero", {.signature = B("\x00\x30\x06\x02\x01\x01\x02\x01\x00")},
	"ECDSA signature"},
    {"signature with a negative", {.signature = B("\x00\x30\x06\x02\x01\x80\x02\x01\x01")},
	"ECDSA signature"},
};

Test(certificate, parts)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	fixture_spki(key, &spki);
	for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
		struct cv_error err;
		const char *refusal = part_rows[i].refusal;
		assemble(&part_rows[i].parts, cv_buffer_bytes(&spki), &der);
		cr_expect_eq(parse(cv_buffer_bytes(&der), &certificate, &err), refusal == NULL,
		    "%s: %s", part_rows[i].name, err.text);
		if (refusal == NULL)
			continue;
		cr_expect_eq(err.code, CV_E_INPUT, "%s", part_rows[i].name);
		cr_expect_not_null(
		    strstr(err.text, refusal), "%s: %s", part_rows[i].name, err.text);
		cr_expect_not_null(strstr(err.text, "RFC 5280 section 4."), "%s", err.text);
	}
}

Test(certificate, serial_loses_its_sign_octet_only)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error err;
	const struct parts parts = {.serial = B("\x00\x80")};
	fixture_spki(key, &spki);
	assemble(&parts, cv_buffer_bytes(&spki), &der);
	cr_assert(parse(cv_buffer_bytes(&der), &certificate, &err));
	expect_text(certificate->serial, "\x80", 1);
}

/* One RDN with a common name of this string type and content. */
static void
append_common_name(struct cv_buffer *buffer, uint8_t tag, struct cv_bytes value)
{
	const size_t rdn = cv_der_open(buffer, CV_DER_SET);
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_COMMON_NAME));
	cv_der_append(buffer, tag, value);
	cv_der_close(buffer, attribute);
	cv_der_close(buffer, rdn);
}

#define LONGEST "1234567890123456789012345678901234567890123456789012345678901234"
#define BMP_STRING 0x1e

static const struct {
	const char *name;
	uint8_t tag;
	struct cv_bytes value;
	bool is_known;
} common_name_rows[] = {
    {"utf8", CV_DER_UTF8_STRING, B("caf\xc3\xa9"), true},
    {"printable", CV_DER_PRINTABLE_STRING, B("device 1"), true},
    {"printable with underscore", CV_DER_PRINTABLE_STRING, B("device_1"), false},
    {"ia5", CV_DER_IA5_STRING, B("device_1"), true},
    {"ia5 with eighth bit", CV_DER_IA5_STRING, B("caf\xe9"), false},
    {"t61", CV_DER_T61_STRING, B("device_1"), true},
    {"t61 with eighth bit", CV_DER_T61_STRING, B("caf\xe9"), false},
    {"bmp", BMP_STRING,
	B("\x00"
	  "a"),
	false},
    {"octets", CV_DER_OCTET_STRING, B("device"), false},
    {"nul inside", CV_DER_UTF8_STRING, B("device\x00.evil"), false},
    {"nul behind", CV_DER_UTF8_STRING, B("device\x00"), false},
    {"line feed", CV_DER_UTF8_STRING, B("device\n"), false},
    {"delete", CV_DER_UTF8_STRING, B("device\x7f"), false},
    {"c1 control", CV_DER_UTF8_STRING, B("device\xc2\x85"), false},
    {"after the c1 controls", CV_DER_UTF8_STRING, B("device\xc2\xa0"), true},
    {"overlong slash", CV_DER_UTF8_STRING, B("\xc0\xaf"), false},
    {"overlong of three", CV_DER_UTF8_STRING, B("\xe0\x80\xaf"), false},
    {"surrogate", CV_DER_UTF8_STRING, B("\xed\xa0\x80"), false},
    {"beyond unicode", CV_DER_UTF8_STRING, B("\xf4\x90\x80\x80"), false},
    {"last of unicode", CV_DER_UTF8_STRING, B("\xf4\x8f\xbf\xbf"), true},
    {"cut sequence", CV_DER_UTF8_STRING, B("a\xc3"), false},
    {"lone continuation", CV_DER_UTF8_STRING, B("\x80"), false},
    {"empty", CV_DER_UTF8_STRING, B(""), false},
    {"64 octets", CV_DER_UTF8_STRING, B(LONGEST), true},
    {"65 octets", CV_DER_UTF8_STRING, B(LONGEST "5"), false},
};

static void
parse_subject(struct cv_bytes subject, struct cv_certificate **ret_certificate)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err;
	fixture_spki(key, &spki);
	assemble(&(struct parts){.subject = subject}, cv_buffer_bytes(&spki), &der);
	cr_assert(parse(cv_buffer_bytes(&der), ret_certificate, &err), "%s", err.text);
}

Test(certificate, common_names)
{
	for (size_t i = 0; i < sizeof(common_name_rows) / sizeof(common_name_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
		CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
		char expected[CV_DEVICE_ID_MAX + 1] = "";
		const size_t name = cv_der_open(&subject, CV_DER_SEQUENCE);
		append_common_name(&subject, common_name_rows[i].tag, common_name_rows[i].value);
		cv_der_close(&subject, name);
		parse_subject(cv_buffer_bytes(&subject), &certificate);
		if (common_name_rows[i].is_known)
			memcpy(expected, common_name_rows[i].value.data,
			    common_name_rows[i].value.len);
		cr_expect_str_eq(
		    certificate->common_name, expected, "%s", common_name_rows[i].name);
		cr_expect_eq(certificate->common_name_count, 1);
	}
}

Test(certificate, two_common_names_are_none)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	const size_t name = cv_der_open(&subject, CV_DER_SEQUENCE);
	append_common_name(&subject, CV_DER_UTF8_STRING, CV_OID("a"));
	append_common_name(&subject, CV_DER_UTF8_STRING, CV_OID("a"));
	append_common_name(&subject, CV_DER_UTF8_STRING, CV_OID("b"));
	cv_der_close(&subject, name);
	parse_subject(cv_buffer_bytes(&subject), &certificate);
	cr_expect_str_eq(certificate->common_name, "");
	cr_expect_eq(certificate->common_name_count, 3);
	cr_expect_str_eq(certificate->organizational_unit, "");
	cr_expect_eq(certificate->organizational_unit_count, 0);
}

Test(certificate, keys_outside_the_policy_are_refused)
{
	static const char *const kinds[] = {"secp256k1", "RSA-1024", "P-224"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key(kinds[i]);
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
		struct cv_error err;
		fixture_certificate(
		    &(struct fixture_certificate){.subject = "/CN=a", .key = key}, &der);
		cr_expect_not(parse(cv_buffer_bytes(&der), &certificate, &err), "%s", kinds[i]);
		cr_expect_eq(err.code, CV_E_INPUT);
		cr_expect_not_null(strstr(err.text, "4.1.2.7"), "%s", err.text);
	}
}

static void
make_plain(struct cv_buffer *ret_der)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	fixture_certificate(&(struct fixture_certificate){.subject = "/CN=a", .key = key}, ret_der);
}

static bool
is_accepted(struct cv_bytes der)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	CV_AUTO_MEMORY uint8_t *copy = fixture_exact_copy(der);
	struct cv_error err;
	return parse(cv_bytes(copy, der.len), &certificate, &err);
}

Test(certificate, truncations_and_tails_are_refused)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	make_plain(&der);
	for (size_t len = 0; len < der.len; len++)
		cr_expect_not(is_accepted(cv_bytes(der.data, len)), "%zu", len);
	cr_expect(is_accepted(cv_buffer_bytes(&der)));
	cv_buffer_append_byte(&der, 0);
	cr_expect_not(is_accepted(cv_buffer_bytes(&der)));
}

static bool
is_accepted_and_signed(struct cv_bytes der, const struct cv_public_key *signer)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error err;
	return parse(der, &certificate, &err) &&
	       cv_public_key_verify(signer, certificate->algorithm, certificate->tbs,
		   certificate->signature) == CV_SIGNATURE_GOOD;
}

/* One certificate has one encoding: with any octet changed it is refused, or no longer signed. */
Test(certificate, mutations_are_not_signed)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_public_key) struct cv_public_key *signer = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome;
	fixture_spki(key, &spki);
	fixture_certificate(&(struct fixture_certificate){.subject = "/CN=a", .key = key}, &der);
	cr_assert(cv_public_key_parse(cv_buffer_bytes(&spki), &outcome, &signer, &err));
	cr_expect(is_accepted_and_signed(cv_buffer_bytes(&der), signer));
	for (size_t at = 0; at < der.len; at++) {
		for (size_t i = 0; i < sizeof(changes); i++) {
			der.data[at] ^= changes[i];
			cr_expect_not(
			    is_accepted_and_signed(cv_buffer_bytes(&der), signer), "octet %zu", at);
			der.data[at] ^= changes[i];
		}
	}
}

/* X.690 allows it in BER: every length octet pair that OpenSSL reads happily. */
Test(certificate, ber_lengths_are_refused)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer ber = CV_BUFFER_INIT;
	make_plain(&der);
	cr_assert_eq(der.data[1], 0x82);
	const uint8_t header[] = {0x30, 0x83, 0x00, der.data[2], der.data[3]};
	cv_buffer_append(&ber, header, sizeof(header));
	cv_buffer_append(&ber, der.data + 4, der.len - 4);
	const uint8_t *at = ber.data;
	CV_AUTO_OPENSSL(X509) X509 *x509 = d2i_X509(NULL, &at, (long)ber.len);
	cr_assert_not_null(x509);
	cr_expect_not(is_accepted(cv_buffer_bytes(&ber)));
}

Test(certificate, size_is_bounded)
{
	CV_AUTO_MEMORY uint8_t *zeros = calloc(1, CV_CERTIFICATE_MAX_BYTES + 1);
	struct cv_certificate *certificate = NULL;
	struct cv_error err;
	cr_expect_not(parse(cv_bytes(zeros, CV_CERTIFICATE_MAX_BYTES + 1), &certificate, &err));
	cr_expect_eq(err.code, CV_E_LIMIT);
	cr_expect_not(parse(cv_bytes(zeros, CV_CERTIFICATE_MAX_BYTES), &certificate, &err));
	cr_expect_eq(err.code, CV_E_INPUT);
}

/* (r, s) and (r, n - s) are both good signatures: the same TBSCertificate, so the same certificate.
 */
Test(certificate, rewritten_signature_keeps_the_tbs_digest)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *original = fixture_ca("/CN=ca", key);
	CV_AUTO(cv_certificate) struct cv_certificate *variant = NULL;
	CV_AUTO(cv_public_key) struct cv_public_key *public_key = NULL;
	CV_AUTO_BUFFER struct cv_buffer signature = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *order = NULL;
	struct cv_der_reader outer = cv_der_reader(original->signature);
	struct cv_der_reader reader;
	struct cv_bytes r;
	struct cv_bytes s;
	struct cv_error err;
	uint8_t mirrored[32];
	enum cv_key_outcome outcome;
	cr_assert(cv_der_enter(&outer, CV_DER_SEQUENCE, &reader));
	cr_assert(cv_der_read(&reader, CV_DER_INTEGER, &r));
	cr_assert(cv_der_read(&reader, CV_DER_INTEGER, &s));
	cr_assert_gt(
	    BN_hex2bn(&order, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
	    0);
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_bin2bn(s.data, (int)s.len, NULL);
	cr_assert_eq(BN_sub(number, order, number), 1);
	cr_assert_eq(BN_bn2binpad(number, mirrored, sizeof(mirrored)), 32);
	const size_t opened = cv_der_open(&signature, CV_DER_SEQUENCE);
	cv_der_append(&signature, CV_DER_INTEGER, r);
	cv_der_append_unsigned(&signature, CV_BYTES(mirrored));
	cv_der_close(&signature, opened);
	cv_profile_append_certificate(
	    original->tbs, original->algorithm, cv_buffer_bytes(&signature), &der);

	cr_assert(parse(cv_buffer_bytes(&der), &variant, &err), "%s", err.text);
	cr_assert(cv_public_key_parse(variant->spki, &outcome, &public_key, &err));
	cr_expect_eq(
	    cv_public_key_verify(public_key, variant->algorithm, variant->tbs, variant->signature),
	    CV_SIGNATURE_GOOD);
	cr_expect(cv_digest_equal(&variant->tbs_digest, &original->tbs_digest));
	cr_expect_not(cv_digest_equal(&variant->fingerprint, &original->fingerprint));
}

static bool
parse_pem(const char *before, const char *middle, const char *after, enum cv_error_code *ret_code)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	cv_buffer_printf(&text, "%s%s%s", before, middle, after);
	const bool is_parsed =
	    cv_certificate_parse_pem(cv_buffer_text(&text), text.len, &certificate, &err);
	*ret_code = err.code;
	return is_parsed;
}

Test(certificate, pem)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	enum cv_error_code code;
	make_plain(&der);
	cv_certificate_append_pem(&pem, cv_buffer_bytes(&der));
	const char *text = cv_buffer_text(&pem);
	cr_expect(parse_pem("", text, "", &code));
	cr_expect(parse_pem("Subject: a\n", text, "trailing words\n", &code));
	cr_expect_not(parse_pem("", text, text, &code));
	cr_expect_eq(code, CV_E_INPUT);
	cr_expect_not(parse_pem("", "", "", &code));
	cr_expect_not(parse_pem("", "-----BEGIN CERTIFICATE-----\n", "", &code));
	cr_expect_not(
	    parse_pem("-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n", "", &code));
	cr_expect_not(parse_pem(
	    "-----BEGIN CERTIFICATE-----\n", "MIIB*\n", "-----END CERTIFICATE-----\n", &code));
	cr_expect_eq(code, CV_E_INPUT);
}

/* The same text that OpenSSL writes. */
Test(certificate, pem_is_as_openssl_writes_it)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new(BIO_s_mem());
	char *expected = NULL;
	make_plain(&der);
	cv_certificate_append_pem(&pem, cv_buffer_bytes(&der));
	const uint8_t *at = der.data;
	CV_AUTO_OPENSSL(X509) X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
	cr_assert_eq(PEM_write_bio_X509(bio, x509), 1);
	const long len = BIO_get_mem_data(bio, &expected);
	cr_expect(cv_bytes_equal(cv_buffer_bytes(&pem), cv_bytes(expected, (size_t)len)));
}
