#include "cv/util/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(text, copies_what_fits)
{
	char copy[4];

	cr_assert(cv_text_copy(copy, sizeof(copy), "abc"));
	cr_assert_str_eq(copy, "abc");
	cr_assert(cv_text_copy(copy, sizeof(copy), ""));
	cr_assert_str_eq(copy, "");
	memset(copy, 'x', sizeof(copy));
	cr_assert_not(cv_text_copy(copy, sizeof(copy), "abcd"));
	cr_assert_str_eq(copy, "");
	cr_assert_not(cv_text_copy(copy, 0, ""));
}

Test(text, copies_bytes_that_are_text)
{
	char copy[4];

	cr_assert(cv_text_copy_bytes(copy, sizeof(copy), "abcdef", 3));
	cr_assert_str_eq(copy, "abc");
	cr_assert(cv_text_copy_bytes(copy, sizeof(copy), NULL, 0));
	cr_assert_str_eq(copy, "");
	cr_assert(cv_text_copy(copy, sizeof(copy), "abc"));
	cr_assert_not(cv_text_copy_bytes(copy, sizeof(copy), "abcdef", 4));
	cr_assert_str_eq(copy, "");
	cr_assert_not(cv_text_copy_bytes(copy, sizeof(copy), "a\0c", 3));
	cr_assert_str_eq(copy, "");
	cr_assert_not(cv_text_copy_bytes(copy, sizeof(copy), "ab\0", 3));
}

Test(text, equality)
{
	static const struct {
		const char *a;
		const char *b;
		bool is_equal;
		bool is_equal_ignoring_case;
	} rows[] = {
	    {"abc", "abc", true, true},
	    {"abc", "aBC", false, true},
	    {"abc", "abd", false, false},
	    {"abc", "ab", false, false},
	    {"AB", "ABC", false, false},
	    {"", "", true, true},
	    {"", "a", false, false},
	    {NULL, NULL, true, true},
	    {NULL, "", false, false},
	    /* One bit apart, like letters of two cases, and no letters. */
	    {"@", "`", false, false},
	    {"[", "{", false, false},
	    {"\xc4", "\xe4", false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *a = rows[i].a;
		const char *b = rows[i].b;
		bool is_equal = rows[i].is_equal;
		cr_expect_eq(cv_text_equal(a, b), is_equal, "row %zu", i);
		cr_expect_eq(cv_text_equal(b, a), is_equal, "row %zu", i);
		is_equal = rows[i].is_equal_ignoring_case;
		cr_expect_eq(cv_text_equal_ignoring_case(a, b), is_equal, "row %zu", i);
		cr_expect_eq(cv_text_equal_ignoring_case(b, a), is_equal, "row %zu", i);
	}
}

Test(text, prefixes)
{
	cr_expect(cv_text_has_prefix("/v1/check", "/v1/"));
	cr_expect(cv_text_has_prefix("/v1/", "/v1/"));
	cr_expect(cv_text_has_prefix("x", ""));
	cr_expect_not(cv_text_has_prefix("/v1", "/v1/"));
	cr_expect_not(cv_text_has_prefix("/V1/", "/v1/"));
}

Test(text, parses_unsigned)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool is_good;
		uint64_t value;
	} rows[] = {
	    {"0", 0, true, 0},
	    {"1", 0, false, 0},
	    {"9", 9, true, 9},
	    {"007", 9, true, 7},
	    {"10", 9, false, 0},
	    {"65535", 65535, true, 65535},
	    {"65536", 65535, false, 0},
	    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, false, 0},
	    {"99999999999999999999", UINT64_MAX, false, 0},
	    {"184467440737095516150", UINT64_MAX, false, 0},
	    {"", 9, false, 0},
	    {"-1", 9, false, 0},
	    {"+1", 9, false, 0},
	    {" 1", 9, false, 0},
	    {"1 ", 9, false, 0},
	    {"1\n", 9, false, 0},
	    {"0x1", 99, false, 0},
	    {"1a", 99, false, 0},
	    {"1.0", 99, false, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 4711;
		cr_expect_eq(cv_text_parse_unsigned(rows[i].text, rows[i].max, &value),
		    rows[i].is_good, "\"%s\"", rows[i].text);
		cr_expect_eq(value, rows[i].is_good ? rows[i].value : 4711, "\"%s\"", rows[i].text);
	}
}

Test(text, formats_time)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
	    {0, "1970-01-01T00:00:00Z"},
	    {-1, "1969-12-31T23:59:59Z"},
	    {951782400, "2000-02-29T00:00:00Z"},
	    {1795402872, "2026-11-23T03:01:12Z"},
	    {4107542400, "2100-03-01T00:00:00Z"},
	    {253402300799, "9999-12-31T23:59:59Z"},
	    {253402300800, ""},
	    {-62167219200, "0000-01-01T00:00:00Z"},
	    {-62167219201, ""},
	    {INT64_MAX, ""},
	    {INT64_MIN, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];
		cv_text_format_time(rows[i].seconds, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].text);
	}
}

Test(text, formats_milliseconds)
{
	static const struct {
		int64_t milliseconds;
		const char *text;
	} rows[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {7, "1970-01-01T00:00:00.007Z"},
	    {-1, "1969-12-31T23:59:59.999Z"},
	    {-1000, "1969-12-31T23:59:59.000Z"},
	    {1795402872999, "2026-11-23T03:01:12.999Z"},
	    {253402300799999, "9999-12-31T23:59:59.999Z"},
	    {253402300800000, ""},
	    {INT64_MAX, ""},
	    {INT64_MIN, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];
		cv_text_format_time_ms(rows[i].milliseconds, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].text);
	}
}

/* Every form is tried where devices send it: device_json/reads_times_of_any_zone. */
Test(text, reads_the_times_that_it_writes)
{
	static const int64_t rows[] = {0, -1, 951782400, 1795950000, 253402300799};
	int64_t seconds;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];

		cv_text_format_time(rows[i], text, sizeof(text));
		cr_assert(cv_text_parse_time(text, &seconds), "%s", text);
		cr_expect_eq(seconds, rows[i]);
		text[strlen(text) - 1] = '\0';
		cr_expect_not(cv_text_parse_time(text, &seconds), "%s", text);
	}
}

Test(text, hex_encodes_in_lower_case)
{
	char text[9];

	cv_hex_encode("\x00\x9f\xab\xff", 4, text);
	cr_assert_str_eq(text, "009fabff");
	cv_hex_encode(NULL, 0, text);
	cr_assert_str_eq(text, "");
}

Test(text, hex_decodes)
{
	static const struct {
		const char *text;
		size_t text_len;
		bool is_good;
		size_t len;
		const char *data;
	} rows[] = {
	    {"", 0, true, 0, ""},
	    {"00", 2, true, 1, "\0"},
	    {"0aFF", 4, true, 2, "\x0a\xff"},
	    {"AbCdEf", 6, true, 3, "\xab\xcd\xef"},
	    {"0", 1, false, 0, NULL},
	    {"0aF", 3, false, 0, NULL},
	    {"01020304", 8, false, 0, NULL}, /* four bytes for three */
	    {"0g", 2, false, 0, NULL},
	    {"g0", 2, false, 0, NULL},
	    {"0x", 2, false, 0, NULL},
	    {" 0", 2, false, 0, NULL},
	    {"0:", 2, false, 0, NULL},
	    {"0/", 2, false, 0, NULL},
	    {"0@", 2, false, 0, NULL},
	    {"0`", 2, false, 0, NULL},
	    {"0\0", 2, false, 0, NULL},
	    {"aa\xe1", 4, false, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t data[3] = {1, 2, 3};
		size_t len = 4711;
		bool is_good =
		    cv_hex_decode(rows[i].text, rows[i].text_len, data, sizeof(data), &len);
		cr_expect_eq(is_good, rows[i].is_good, "row %zu", i);
		cr_expect_eq(len, rows[i].is_good ? rows[i].len : 4711, "row %zu", i);
		if (rows[i].is_good)
			cr_expect_eq(memcmp(data, rows[i].data, rows[i].len), 0, "row %zu", i);
		else
			cr_expect_eq(memcmp(data, "\1\2\3", 3), 0, "row %zu touched", i);
	}
}

Test(text, numbers_in_decimal)
{
	static const struct {
		int64_t number;
		const char *text;
	} rows[] = {{0, "0"}, {7, "7"}, {10, "10"}, {-1, "-1"}, {1234567890, "1234567890"},
	    {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"}};
	char digits[CV_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(cv_text_from_number(rows[i].number, digits), rows[i].text);
}

Test(text, hashes_tell_where_a_text_ends)
{
	/* FNV-1a of "a" and its NUL. */
	cr_expect_eq(cv_text_hash(0xcbf29ce484222325U, "a"), UINT64_C(0x089be207b544f1e4));
	cr_expect_neq(
	    cv_text_hash(cv_text_hash(7, "ab"), "c"), cv_text_hash(cv_text_hash(7, "a"), "bc"));
	cr_expect_neq(cv_text_hash(7, "a"), cv_text_hash(8, "a"));
}
