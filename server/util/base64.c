#include "cv/util/base64.h"

#include <assert.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One group of up to three bytes as four characters. */
static void
encode_group(const uint8_t *data, size_t len, char ret_text[4])
{
	uint32_t bits = (uint32_t)data[0] << 16;

	if (len > 1)
		bits |= (uint32_t)data[1] << 8;
	if (len > 2)
		bits |= data[2];
	ret_text[0] = alphabet[bits >> 18];
	ret_text[1] = alphabet[(bits >> 12) & 63];
	ret_text[2] = alphabet[(bits >> 6) & 63];
	ret_text[3] = alphabet[bits & 63];
	if (len < 3)
		ret_text[3] = '=';
	if (len < 2)
		ret_text[2] = '=';
}

/* Appends len characters; breaks the line where *column reaches columns and more follows. */
static void
append_columns(
    struct cv_buffer *buffer, const char *text, size_t len, size_t columns, size_t *column)
{
	while (len > 0) {
		if (*column == columns) {
			cv_buffer_append_text(buffer, "\r\n");
			*column = 0;
		}
		size_t part = columns - *column < len ? columns - *column : len;
		cv_buffer_append(buffer, text, part);
		*column += part;
		text += part;
		len -= part;
	}
}

void
cv_base64url_append(struct cv_buffer *buffer, struct cv_bytes data)
{
	for (size_t i = 0; i < data.len; i += 3) {
		char text[4];
		size_t len = data.len - i < 3 ? data.len - i : 3;
		encode_group(data.data + i, len, text);
		for (size_t at = 0; at <= len; at++)
			cv_buffer_append_byte(buffer, text[at] == '+'   ? (uint8_t)'-'
						      : text[at] == '/' ? (uint8_t)'_'
									: (uint8_t)text[at]);
	}
}

void
cv_base64_append_wrapped(struct cv_buffer *buffer, struct cv_bytes data, size_t columns)
{
	size_t column = 0;

	assert(columns > 0);
	for (size_t i = 0; i < data.len; i += 3) {
		char text[4];
		size_t len = data.len - i < 3 ? data.len - i : 3;
		encode_group(data.data + i, len, text);
		append_columns(buffer, text, sizeof(text), columns, &column);
	}
}

void
cv_base64_append(struct cv_buffer *buffer, struct cv_bytes data)
{
	cv_base64_append_wrapped(buffer, data, SIZE_MAX);
}

#define NOT_IN_ALPHABET 64U

/* Value of a character plus one; 0: not in the alphabet. */
/* clang-format off */
static const uint8_t values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static uint32_t
symbol_value(char symbol)
{
	uint8_t value = values[(uint8_t)symbol];

	return value == 0 ? NOT_IN_ALPHABET : value - 1U;
}

static bool
is_white_space(char symbol)
{
	return symbol == ' ' || (symbol >= '\t' && symbol <= '\r');
}

/* A group of four characters as it fills up. */
struct group {
	uint32_t bits;
	unsigned symbols;
	unsigned padding;
};

/* NULL, or why the character may not stand here. */
static const char *
take_symbol(struct group *group, char symbol)
{
	if (symbol == '=') {
		if (group->symbols < 2 || group->symbols + group->padding == 4)
			return "padding where none belongs";
		group->padding++;
		return NULL;
	}

	uint32_t value = symbol_value(symbol);
	if (value == NOT_IN_ALPHABET)
		return "character outside the alphabet";
	if (group->padding > 0)
		return "data after padding";
	group->bits = group->bits << 6 | value;
	group->symbols++;
	return NULL;
}

/*
 * A complete group as bytes; NULL or why not. RFC 4648 section 3.5 lets a decoder refuse pad bits
 * that are not zero, and we do, so that one value has one text.
 */
static const char *
append_group(const struct group *group, struct cv_buffer *buffer)
{
	uint32_t bits = group->bits << (6 * group->padding);
	uint8_t bytes[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
	size_t len = 3 - group->padding;

	for (size_t i = len; i < sizeof(bytes); i++) {
		if (bytes[i] != 0)
			return "bits set behind the last byte";
	}
	cv_buffer_append(buffer, bytes, len);
	return NULL;
}

/* What the four "plus one" add up to. */
#define PLUS_ONES (1U << 18 | 1U << 12 | 1U << 6 | 1U)

/*
 * Decodes whole groups of plain characters, the usual case, and returns how many characters. Zero
 * minus one is above 63, and so is what it is joined with. Where not even the room for what may
 * come is to be had, byte by byte finds out whether it is needed.
 */
static size_t
decode_run(const char *text, size_t len, struct cv_buffer *buffer)
{
	size_t groups = 0, most = len / 4;
	uint8_t *bytes = most == 0 ? NULL : cv_buffer_reserve(buffer, 3 * most);

	if (bytes == NULL)
		return 0;
	for (const uint8_t *at = (const uint8_t *)text; groups < most; groups++, at += 4) {
		uint32_t a = values[at[0]], b = values[at[1]];
		uint32_t c = values[at[2]], d = values[at[3]];

		if (((a - 1) | (b - 1) | (c - 1) | (d - 1)) > 63)
			break;
		uint32_t bits = (a << 18) + (b << 12) + (c << 6) + d - PLUS_ONES;
		*bytes++ = (uint8_t)(bits >> 16);
		*bytes++ = (uint8_t)(bits >> 8);
		*bytes++ = (uint8_t)bits;
	}
	cv_buffer_take(buffer, 3 * groups);
	return 4 * groups;
}

/* NULL or why the text is refused. */
static const char *
decode(const char *text, size_t len, enum cv_base64_mode mode, struct cv_buffer *buffer)
{
	struct group group = {.bits = 0};
	const char *reason;

	for (size_t i = 0; i < len; i++) {
		if (group.symbols == 0)
			i += decode_run(text + i, len - i, buffer);
		if (i == len)
			break;
		if (mode == CV_BASE64_WHITESPACE && is_white_space(text[i]))
			continue;
		reason = take_symbol(&group, text[i]);
		if (reason != NULL)
			return reason;
		if (group.symbols + group.padding < 4)
			continue;
		reason = append_group(&group, buffer);
		if (reason != NULL)
			return reason;
		/* A padded group is the last one: it stays full, and take_symbol() refuses more. */
		if (group.padding == 0)
			group = (struct group){.bits = 0};
	}
	if (group.symbols > 0 && group.symbols + group.padding < 4)
		return "last group of characters incomplete";
	return NULL;
}

/* Takes back what a failed decoding appended. */
static void
truncate_buffer(struct cv_buffer *buffer, size_t len)
{
	if (buffer->data == NULL)
		return;
	if (buffer->is_secret)
		cv_wipe(buffer->data + len, buffer->len - len);
	buffer->len = len;
	buffer->data[len] = '\0';
}

bool
cv_base64_decode(const char *text, size_t len, enum cv_base64_mode mode, struct cv_buffer *ret_data,
    struct cv_error *err)
{
	size_t len_before = ret_data->len;

	const char *reason = decode(text, len, mode, ret_data);
	if (reason != NULL) {
		truncate_buffer(ret_data, len_before);
		return cv_fail(err, CV_E_INPUT, "base64: %s", reason);
	}
	if (ret_data->has_failed) {
		truncate_buffer(ret_data, len_before);
		return cv_fail(err, CV_E_LIMIT, "base64: decoded data larger than its buffer");
	}
	return true;
}
