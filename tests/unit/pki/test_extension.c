#include "cv/pki/extension.h"

#include <criterion/criterion.h>

#include "cv/pki/oid.h"

#define E(octets) octets, sizeof(octets) - 1
#define X "\x30\x07\x06\x02\x2a\x03\x04\x01\x00"
#define Y "\x30\x07\x06\x02\x2a\x04\x04\x01\x00"

static const struct {
	const char *name;
	const char *octets;
	size_t len;
	enum cv_extension_outcome outcome;
	size_t count;
} list_rows[] = {
    {"empty", E("\x30\x00"), CV_EXTENSION_GOOD, 0},
    {"one", E("\x30\x09" X), CV_EXTENSION_GOOD, 1},
    {"two", E("\x30\x12" X Y), CV_EXTENSION_GOOD, 2},
    {"twice", E("\x30\x1b" X Y X), CV_EXTENSION_REPEATED, 0},
    {"nothing", E(""), CV_EXTENSION_MALFORMED, 0},
    {"tail", E("\x30\x09" X "\x00"), CV_EXTENSION_MALFORMED, 0},
    {"cut", E("\x30\x08\x30\x06\x06\x02\x2a\x03\x04\x01"), CV_EXTENSION_MALFORMED, 0},
    {"no octet string", E("\x30\x06\x30\x04\x06\x02\x2a\x03"), CV_EXTENSION_MALFORMED, 0},
    {"tail inside", E("\x30\x0a\x30\x08\x06\x02\x2a\x03\x04\x00\x05\x00"), CV_EXTENSION_MALFORMED,
	0},
    {"boolean empty", E("\x30\x0a\x30\x08\x06\x02\x2a\x03\x01\x00\x04\x00"), CV_EXTENSION_MALFORMED,
	0},
};

Test(extension, lists)
{
	for (size_t i = 0; i < sizeof(list_rows) / sizeof(list_rows[0]); i++) {
		struct cv_extension_list list;
		const struct cv_bytes bytes = cv_bytes(list_rows[i].octets, list_rows[i].len);
		cr_expect_eq(cv_extension_list_read(bytes, &list), list_rows[i].outcome, "%s",
		    list_rows[i].name);
		if (list_rows[i].outcome == CV_EXTENSION_GOOD)
			cr_expect_eq(list.count, list_rows[i].count, "%s", list_rows[i].name);
	}
}

Test(extension, critical_and_find)
{
	static const char octets[] = "\x30\x17"
				     "\x30\x0a\x06\x02\x2a\x03\x01\x01\xff\x04\x01"
				     "a"
				     "\x30\x09\x06\x02\x2a\x04\x01\x01\x00\x04\x00";
	struct cv_extension_list list;
	cr_assert_eq(cv_extension_list_read(CV_OID(octets), &list), CV_EXTENSION_GOOD);
	const struct cv_extension *first = cv_extension_list_find(&list, CV_OID("\x2a\x03"));
	const struct cv_extension *second = cv_extension_list_find(&list, CV_OID("\x2a\x04"));
	cr_assert_not_null(first);
	cr_assert_not_null(second);
	cr_expect(first->is_critical);
	cr_expect(cv_bytes_equal(first->value, CV_OID("a")));
	cr_expect_not(second->is_critical);
	cr_expect_null(cv_extension_list_find(&list, CV_OID("\x2a\x05")));
}

Test(extension, key_usage_bits)
{
	static const struct {
		const char *octets;
		size_t len;
		bool is_read;
		unsigned bits;
	} rows[] = {
	    {E("\x03\x02\x07\x80"), true, CV_KEY_USAGE_DIGITAL_SIGNATURE},
	    {E("\x03\x02\x01\x06"), true, CV_KEY_USAGE_KEY_CERT_SIGN | CV_KEY_USAGE_CRL_SIGN},
	    {E("\x03\x03\x07\x00\x80"), true, 1u << 8},
	    {E("\x03\x01\x00"), true, 0},
	    {E("\x03\x02\x07\x81"), false, 0},
	    {E("\x03\x02\x07\x80\x00"), false, 0},
	    {E("\x03\x04\x00\x80\x80\x80"), false, 0},
	    {E("\x04\x02\x07\x80"), false, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned bits = 0;
		const struct cv_bytes value = cv_bytes(rows[i].octets, rows[i].len);
		cr_expect_eq(cv_extension_read_key_usage(value, &bits), rows[i].is_read, "%zu", i);
		cr_expect_eq(bits, rows[i].bits, "%zu", i);
	}
}

Test(extension, authority_key_may_lack_its_identifier)
{
	struct cv_bytes key = CV_OID("old");
	cr_expect(cv_extension_read_authority_key(CV_OID("\x30\x04\x80\x02\x01\x02"), &key));
	cr_expect(cv_bytes_equal(key, CV_OID("\x01\x02")));
	cr_expect(cv_extension_read_authority_key(CV_OID("\x30\x03\x82\x01\x05"), &key));
	cr_expect_eq(key.len, 0);
	cr_expect_not(cv_extension_read_authority_key(CV_OID("\x30\x03\x80\x02\x01"), &key));
}
