#include "cv/pki/key_wish.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"
#include "../support/openssl_fixture.h"

#define IDENTIFIER                                                                                 \
	"\x04\x04"                                                                                 \
	"key1"
#define AES_256 "\x30\x0b\x06\x09" CV_OID_AES_256_CBC
#define AES_128 "\x30\x0b\x06\x09" CV_OID_AES_128_CBC
#define AES_128_WITH_NULL "\x30\x0d\x06\x09" CV_OID_AES_128_CBC "\x05\x00"
#define TRIPLE_DES "\x30\x0a\x06\x08\x2a\x86\x48\x86\xf7\x0d\x03\x07"

/* One attribute: type, and the content of its SET. */
struct wanted {
	struct cv_bytes type;
	struct cv_bytes values;
};
#define DECRYPT_KEY(values)                                                                        \
	{                                                                                          \
		CV_OID_INIT(CV_OID_DECRYPT_KEY), CV_OID_INIT(values)                               \
	}
#define NAMED(values)                                                                              \
	{                                                                                          \
		CV_OID_INIT(CV_OID_ASYMMETRIC_DECRYPT_KEY), CV_OID_INIT(values)                    \
	}
#define CAPABILITIES(values)                                                                       \
	{                                                                                          \
		CV_OID_INIT(CV_OID_SMIME_CAPABILITIES), CV_OID_INIT(values)                        \
	}
#define EXTENSIONS(values)                                                                         \
	{                                                                                          \
		CV_OID_INIT(CV_OID_EXTENSION_REQUEST), CV_OID_INIT(values)                         \
	}

static void
append_attributes(struct cv_buffer *buffer, const struct wanted *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
		cv_der_append(buffer, CV_DER_OID, wanted[i].type);
		cv_der_append(buffer, CV_DER_SET, wanted[i].values);
		cv_der_close(buffer, attribute);
	}
}

/* From memory of exactly its size, so that a sanitizer sees one byte too far. */
static bool
read_wish(const struct wanted *wanted, size_t count, struct cv_key_wish *ret_wish,
    uint8_t **ret_copy, const char **ret_detail)
{
	CV_AUTO_BUFFER struct cv_buffer attributes = CV_BUFFER_INIT;
	append_attributes(&attributes, wanted, count);
	*ret_copy = fixture_exact_copy(cv_buffer_bytes(&attributes));
	const struct cv_csr csr = {.attributes = cv_bytes(*ret_copy, attributes.len)};
	return cv_key_wish_read(&csr, ret_wish, ret_detail);
}

static const struct good_row {
	const char *name;
	struct wanted wanted[4];
	size_t count;
	enum cv_content_cipher cipher;
} good_rows[] = {
    {"256", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x0d" AES_256)}, 2,
	CV_CONTENT_CIPHER_AES_256_CBC},
    {"128", {CAPABILITIES("\x30\x0d" AES_128), NAMED(IDENTIFIER)}, 2,
	CV_CONTENT_CIPHER_AES_128_CBC},
    {"weaker first", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x1a" AES_128 AES_256)}, 2,
	CV_CONTENT_CIPHER_AES_256_CBC},
    {"stronger first", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x1a" AES_256 AES_128)}, 2,
	CV_CONTENT_CIPHER_AES_256_CBC},
    {"parameters", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x1b" TRIPLE_DES AES_128_WITH_NULL)}, 2,
	CV_CONTENT_CIPHER_AES_128_CBC},
    {"others between",
	{{CV_OID_INIT(CV_OID_CHALLENGE_PASSWORD), CV_OID_INIT("\x13\x01"
							      "a")},
	    NAMED(IDENTIFIER), CAPABILITIES("\x30\x0d" AES_256)},
	3, CV_CONTENT_CIPHER_AES_256_CBC},
};

Test(key_wish, what_is_asked_for)
{
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const struct good_row *row = &good_rows[i];
		CV_AUTO_MEMORY uint8_t *copy = NULL;
		struct cv_key_wish wish = {.is_there = false};
		const char *detail = "";
		cr_expect(read_wish(row->wanted, row->count, &wish, &copy, &detail), "%s: %s",
		    row->name, detail);
		cr_expect(wish.is_there, "%s", row->name);
		cr_expect_eq(wish.cipher, row->cipher, "%s", row->name);
		cr_expect(cv_bytes_equal(wish.recipient, cv_bytes("key1", 4)), "%s", row->name);
	}
}

Test(key_wish, nothing_is_asked_for)
{
	const struct wanted wanted = {CV_OID_INIT(CV_OID_CHALLENGE_PASSWORD), CV_OID_INIT("\x13\x01"
											  "a")};
	for (size_t count = 0; count <= 1; count++) {
		CV_AUTO_MEMORY uint8_t *copy = NULL;
		struct cv_key_wish wish = {.is_there = true};
		const char *detail = NULL;
		cr_expect(read_wish(&wanted, count, &wish, &copy, &detail));
		cr_expect_not(wish.is_there);
	}
}

#define GOOD_LIST CAPABILITIES("\x30\x0d" AES_256)

static const struct bad_row {
	const char *name;
	struct wanted wanted[3];
	size_t count;
	const char *word; /* of the sentence */
} bad_rows[] = {
    {"symmetric", {DECRYPT_KEY(IDENTIFIER), GOOD_LIST}, 2, "symmetric"},
    {"both", {NAMED(IDENTIFIER), DECRYPT_KEY(IDENTIFIER), GOOD_LIST}, 3, "symmetric"},
    {"identifier alone", {NAMED(IDENTIFIER)}, 1, "SMIMECapabilities"},
    {"capabilities alone", {GOOD_LIST}, 1, "Identifier"},
    {"identifier twice", {NAMED(IDENTIFIER), NAMED(IDENTIFIER), GOOD_LIST}, 3, "Identifier"},
    {"two identifiers", {NAMED(IDENTIFIER IDENTIFIER), GOOD_LIST}, 2, "Identifier"},
    {"no identifier", {NAMED(""), GOOD_LIST}, 2, "Identifier"},
    {"empty identifier", {NAMED("\x04\x00"), GOOD_LIST}, 2, "Identifier"},
    {"identifier of another type", {NAMED("\x0c\x01k"), GOOD_LIST}, 2, "Identifier"},
    {"capabilities twice", {NAMED(IDENTIFIER), GOOD_LIST, GOOD_LIST}, 3, "SMIMECapabilities"},
    {"two lists", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x0d" AES_256 "\x30\x0d" AES_256)}, 2,
	"SMIMECapabilities"},
    {"no list", {NAMED(IDENTIFIER), CAPABILITIES("\x06\x09" CV_OID_AES_256_CBC)}, 2,
	"SMIMECapabilities"},
    {"a list of other things",
	{NAMED(IDENTIFIER), CAPABILITIES("\x30\x0b\x06\x09" CV_OID_AES_256_CBC)}, 2,
	"SMIMECapabilities"},
    {"something behind a good one",
	{NAMED(IDENTIFIER), CAPABILITIES("\x30\x0f" AES_256 "\x30\x00")}, 2, "SMIMECapabilities"},
    {"empty list", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x00")}, 2, "neither"},
    {"another cipher", {NAMED(IDENTIFIER), CAPABILITIES("\x30\x0c" TRIPLE_DES)}, 2, "neither"},
    /* As a requested extension: whoever wrote that did not want the key in the clear. */
    {"identifier as extension",
	{EXTENSIONS("\x30\x15\x30\x13\x06\x0b" CV_OID_ASYMMETRIC_DECRYPT_KEY "\x04\x04"
		    "key1"),
	    GOOD_LIST},
	2, "Identifier"},
    {"symmetric as extension",
	{EXTENSIONS("\x30\x15\x30\x13\x06\x0b" CV_OID_DECRYPT_KEY "\x04\x04"
		    "key1")},
	1, "symmetric"},
};

Test(key_wish, what_cannot_be_done_is_refused)
{
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *row = &bad_rows[i];
		CV_AUTO_MEMORY uint8_t *copy = NULL;
		struct cv_key_wish wish = {.recipient = {NULL, 77}};
		const char *detail = NULL;
		cr_expect_not(
		    read_wish(row->wanted, row->count, &wish, &copy, &detail), "%s", row->name);
		cr_assert_not_null(detail, "%s", row->name);
		cr_expect_not_null(strstr(detail, row->word), "%s: %s", row->name, detail);
		cr_expect_eq(wish.recipient.len, 77, "%s", row->name);
	}
}

Test(key_wish, which_key_is_meant)
{
	static const struct fixture_extension other[] = {
	    {"subjectKeyIdentifier", "01:02:03"},
	    {NULL, NULL},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate)
	struct cv_certificate *bare = fixture_parsed_certificate(
	    &(struct fixture_certificate){.subject = "/CN=a", .key = key});
	CV_AUTO(cv_certificate)
	struct cv_certificate *named = fixture_parsed_certificate(
	    &(struct fixture_certificate){.subject = "/CN=a", .key = key, .extensions = other});
	uint8_t computed[CV_SHA1_LEN];
	cr_assert(cv_profile_key_identifier(bare->spki, computed));
	const struct cv_key_wish by_hash = {.recipient = CV_BYTES(computed)};
	const struct cv_key_wish by_name = {.recipient = cv_bytes("\x01\x02\x03", 3)};
	const struct cv_key_wish by_part = {.recipient = cv_bytes("\x01\x02", 2)};
	const struct cv_key_wish by_nothing = {.recipient = {NULL, 0}};
	cr_expect(cv_key_wish_names(&by_hash, bare));
	cr_expect(cv_key_wish_names(&by_hash, named));
	cr_expect(cv_key_wish_names(&by_name, named));
	cr_expect_not(cv_key_wish_names(&by_name, bare));
	cr_expect_not(cv_key_wish_names(&by_part, named));
	cr_expect_not(cv_key_wish_names(&by_nothing, named));
	computed[0] ^= 1;
	cr_expect_not(cv_key_wish_names(&by_hash, bare));
}
