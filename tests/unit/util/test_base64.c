#include "cv/util/base64.h"

#include <criterion/criterion.h>
#include <string.h>

struct pair {
	const char *data;
	size_t len;
	const char *text;
};

/* RFC 4648 section 10, and the two characters that its vectors lack. */
static const struct pair pairs[] = {
    {"", 0, ""},
    {"f", 1, "Zg=="},
    {"fo", 2, "Zm8="},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg=="},
    {"fooba", 5, "Zm9vYmE="},
    {"foobar", 6, "Zm9vYmFy"},
    {"\xfb\xff\xbf", 3, "+/+/"},
    {"\0\0\0", 3, "AAAA"},
    {"\0", 1, "AA=="},
    {"\xff\xff", 2, "//8="},
};
#define PAIR_COUNT (sizeof(pairs) / sizeof(pairs[0]))

Test(base64, encodes)
{
	for (size_t i = 0; i < PAIR_COUNT; i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		cv_base64_append(&buffer, cv_bytes(pairs[i].data, pairs[i].len));
		cr_expect_str_eq(cv_buffer_text(&buffer), pairs[i].text);
	}
}

Test(base64, decodes)
{
	for (size_t i = 0; i < PAIR_COUNT; i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		const char *text = pairs[i].text;
		cr_assert(cv_base64_decode(text, strlen(text), CV_BASE64_STRICT, &buffer, &err),
		    "%s", text);
		cr_expect_eq(err.code, CV_E_NONE);
		cr_expect(cv_bytes_equal(
		    cv_buffer_bytes(&buffer), cv_bytes(pairs[i].data, pairs[i].len)));
	}
}

Test(base64, every_byte_value_round_trips)
{
	uint8_t all[256];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	for (size_t len = 0; len <= sizeof(all); len++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer back = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		cv_base64_append(&text, cv_bytes(all, len));
		cr_assert_eq(text.len, (len + 2) / 3 * 4);
		cr_assert(cv_base64_decode(
		    cv_buffer_text(&text), text.len, CV_BASE64_STRICT, &back, &err));
		cr_assert(cv_bytes_equal(cv_buffer_bytes(&back), cv_bytes(all, len)));
	}
}

Test(base64, wraps_between_lines_only)
{
	static const struct {
		size_t len;
		size_t columns;
		const char *text;
	} rows[] = {
	    {0, 4, ""},
	    {3, 4, "Zm9v"},
	    {4, 4, "Zm9v\r\nYg=="},
	    {6, 4, "Zm9v\r\nYmFy"},
	    {6, 8, "Zm9vYmFy"},
	    {6, 3, "Zm9\r\nvYm\r\nFy"},
	    {6, 1, "Z\r\nm\r\n9\r\nv\r\nY\r\nm\r\nF\r\ny"},
	    {6, 64, "Zm9vYmFy"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		cv_base64_append_wrapped(&buffer, cv_bytes("foobar", rows[i].len), rows[i].columns);
		cr_expect_str_eq(cv_buffer_text(&buffer), rows[i].text, "row %zu", i);
	}
}

static const struct {
	const char *what;
	const char *text;
	size_t len;
	bool is_strictly_good; /* accepted in strict mode */
	bool is_loosely_good;  /* accepted when white space is ignored */
} judgements[] = {
    {"complete", "Zm8=", 4, true, true},
    {"no padding", "Zm8", 3, false, false},
    {"half the padding", "Zg=", 3, false, false},
    {"one character", "Z", 1, false, false},
    {"one character in the second group", "Zm9vZ", 5, false, false},
    {"one character and padding", "Z===", 4, false, false},
    {"only padding", "====", 4, false, false},
    {"one padding character", "=", 1, false, false},
    {"padding too long", "Zm8==", 5, false, false},
    {"padding after a full group", "Zm9v=", 5, false, false},
    {"a group of padding after a full group", "Zm9v====", 8, false, false},
    {"data after padding", "Zm8=Zm8=", 8, false, false},
    {"data inside padding", "Zg=v", 4, false, false},
    {"bits behind one byte", "Zh==", 4, false, false},
    {"highest bit behind one byte", "Zo==", 4, false, false},
    {"bits behind two bytes", "Zm9=", 4, false, false},
    {"URL-safe minus", "-/+/", 4, false, false},
    {"URL-safe underline", "+_+/", 4, false, false},
    {"standard alphabet", "+/+/", 4, true, true},
    {"NUL inside", "Zm\0v", 4, false, false},
    {"NUL at the end", "Zm9v\0", 5, false, false},
    {"byte above ASCII", "Zm9\xc3", 4, false, false},
    {"exclamation mark", "Zm9!", 4, false, false},
    {"PEM dashes", "-----", 5, false, false},
    {"blank inside", "Zm 9v", 5, false, true},
    {"line feed at the end", "Zm9v\n", 5, false, true},
    {"CRLF between groups", "Zm9v\r\nZm9v", 10, false, true},
    {"every white space", " Z\tm\r9\nv\v\f", 10, false, true},
    {"white space inside padding", "Zg= =\r\n", 7, false, true},
    {"only white space", " \r\n", 3, false, true},
    {"white space for padding", "Zm8 ", 4, false, false},
    {"backspace", "Zm9v\b", 5, false, false},
    {"no-break space of Latin-1", "Zm9v\xa0", 5, false, false},
};

Test(base64, judges_text)
{
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++) {
		for (int loose = 0; loose <= 1; loose++) {
			CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
			struct cv_error err = CV_ERROR_INIT;
			bool is_good =
			    loose ? judgements[i].is_loosely_good : judgements[i].is_strictly_good;
			cr_expect_eq(
			    cv_base64_decode(judgements[i].text, judgements[i].len,
				loose ? CV_BASE64_WHITESPACE : CV_BASE64_STRICT, &buffer, &err),
			    is_good, "%s (loose %d)", judgements[i].what, loose);
			cr_expect_eq(
			    err.code, is_good ? CV_E_NONE : CV_E_INPUT, "%s", judgements[i].what);
		}
	}
}

Test(base64, appends_and_takes_back_what_failed)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cv_buffer_append_text(&buffer, "<");
	cr_assert(cv_base64_decode("Zm9v", 4, CV_BASE64_STRICT, &buffer, &err));
	cr_assert_str_eq(cv_buffer_text(&buffer), "<foo");
	cr_assert_not(cv_base64_decode("Zm9vYmFy!", 9, CV_BASE64_STRICT, &buffer, &err));
	cr_assert_str_eq(cv_buffer_text(&buffer), "<foo");
}

Test(base64, more_than_the_buffer_may_hold_is_a_limit)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 3};
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_base64_decode("Zm9v", 4, CV_BASE64_STRICT, &buffer, &err));
	cv_buffer_reset(&buffer);
	cr_assert_not(cv_base64_decode("Zm9vYg==", 8, CV_BASE64_STRICT, &buffer, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
	cr_assert_eq(buffer.len, 0);
}

/* Groups are decoded in one go where they can be, which must not need more room than they take. */
Test(base64, what_fits_exactly_is_no_limit)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {{"Zm8=", 2}, {"Zg==", 1}, {"Zm9vYmE=", 5}, {"Zm9v\nYmFy\n", 6}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = rows[i].len};
		CV_AUTO_BUFFER struct cv_buffer small = {.max_bytes = rows[i].len - 1};
		size_t text_len = strlen(rows[i].text);
		struct cv_error err = CV_ERROR_INIT;

		small.max_bytes += small.max_bytes == 0; /* 0 would be the default */
		cr_expect(
		    cv_base64_decode(rows[i].text, text_len, CV_BASE64_WHITESPACE, &buffer, &err),
		    "%s: %s", rows[i].text, err.text);
		cr_expect_eq(buffer.len, rows[i].len);
		if (rows[i].len > 1)
			cr_expect_not(cv_base64_decode(
			    rows[i].text, text_len, CV_BASE64_WHITESPACE, &small, &err));
	}
}

/* Each byte at each place of a group, with groups before and behind it. */
Test(base64, every_byte_at_every_place)
{
	static const char known[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (int byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < 4; place++) {
			CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
			struct cv_error err = CV_ERROR_INIT;
			char text[] = "AAAABBBBCCCCDDDD";
			bool is_known = byte != 0 && strchr(known, byte) != NULL;

			text[8 + place] = (char)byte;
			cr_expect_eq(cv_base64_decode(text, 16, CV_BASE64_STRICT, &buffer, &err),
			    is_known, "%d at %zu", byte, place);
			if (!is_known)
				continue;
			CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
			cv_base64_append(&again, cv_buffer_bytes(&buffer));
			cr_expect_str_eq(cv_buffer_text(&again), text);
		}
	}
}

/* RFC 4648 section 5, without padding. */
Test(base64, url_safe_without_padding)
{
	static const struct pair safe[] = {{"", 0, ""}, {"f", 1, "Zg"}, {"fo", 2, "Zm8"},
	    {"foo", 3, "Zm9v"}, {"\xfb\xff\xbf", 3, "-_-_"}, {"\xff\xff", 2, "__8"}};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

		cv_base64url_append(&text, cv_bytes(safe[i].data, safe[i].len));
		cr_expect_str_eq(cv_buffer_text(&text), safe[i].text);
	}
}
