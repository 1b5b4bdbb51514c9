#include "cv/util/pem.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/base64.h"
#include "cv/util/error.h"

#define LABEL_LINE_MAX 64
#define BYTES_PER_LINE 48 /* 64 characters */

/* Where a line of dashes starts in text; NULL: nowhere. Base64 has no dash, so this mostly looks at
 * one place. */
static const uint8_t *
find_text(struct cv_bytes text, const char *line)
{
	size_t len = strlen(line);

	if (text.len == 0)
		return NULL;
	const uint8_t *end = text.data + text.len;
	const uint8_t *at = text.data;
	while ((size_t)(end - at) >= len && (at = memchr(at, '-', (size_t)(end - at))) != NULL) {
		if ((size_t)(end - at) >= len && memcmp(at, line, len) == 0)
			return at;
		at++;
	}
	return NULL;
}

static struct cv_bytes
from(struct cv_bytes text, const uint8_t *at)
{
	return cv_bytes(at, (size_t)(text.data + text.len - at));
}

static struct cv_bytes
until(struct cv_bytes text, const uint8_t *at)
{
	return cv_bytes(text.data, (size_t)(at - text.data));
}

/* Base64 takes 4/3, line ends a little more: twice the ceiling is certainly too much. */
static bool
decode_body(struct cv_bytes body, struct cv_buffer *ret_der)
{
	struct cv_error ignored = CV_ERROR_INIT;
	const size_t before_len = ret_der->len;
	const bool is_large = ret_der->max_bytes > 0 && body.len > 2 * ret_der->max_bytes;

	return !is_large &&
	       cv_base64_decode(
		   (const char *)body.data, body.len, CV_BASE64_WHITESPACE, ret_der, &ignored) &&
	       !ret_der->has_failed && ret_der->len > before_len;
}

enum cv_pem_outcome
cv_pem_next(
    struct cv_bytes *rest, const char *label, struct cv_bytes *ret_text, struct cv_buffer *ret_der)
{
	char begin[LABEL_LINE_MAX];
	char end[LABEL_LINE_MAX];
	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	const uint8_t *begin_at = find_text(*rest, begin);
	if (begin_at == NULL)
		return CV_PEM_ABSENT;
	const struct cv_bytes body = from(*rest, begin_at + strlen(begin));
	const uint8_t *end_at = find_text(body, end);
	if (end_at == NULL || !decode_body(until(body, end_at), ret_der))
		return CV_PEM_MALFORMED;
	*ret_text = cv_bytes(begin_at, (size_t)(end_at + strlen(end) - begin_at));
	*rest = from(body, end_at + strlen(end));
	return CV_PEM_FOUND;
}

enum cv_pem_outcome
cv_pem_decode(struct cv_bytes text, const char *label, struct cv_pem_block *ret_block,
    struct cv_buffer *ret_der)
{
	struct cv_bytes rest = text;
	struct cv_bytes block;
	char begin[LABEL_LINE_MAX];
	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	const uint8_t *first = find_text(text, begin);
	if (first != NULL && find_text(from(text, first + strlen(begin)), begin) != NULL)
		return CV_PEM_SEVERAL;
	const enum cv_pem_outcome outcome = cv_pem_next(&rest, label, &block, ret_der);
	if (outcome != CV_PEM_FOUND)
		return outcome;
	ret_block->before = until(text, block.data);
	ret_block->after = rest;
	return CV_PEM_FOUND;
}

void
cv_pem_append(struct cv_buffer *buffer, const char *label, struct cv_bytes der)
{
	cv_buffer_printf(buffer, "-----BEGIN %s-----\n", label);
	for (size_t at = 0; at < der.len; at += BYTES_PER_LINE) {
		const size_t left = der.len - at;
		const size_t len = left < BYTES_PER_LINE ? left : BYTES_PER_LINE;
		cv_base64_append(buffer, cv_bytes(der.data + at, len));
		cv_buffer_append_byte(buffer, '\n');
	}
	cv_buffer_printf(buffer, "-----END %s-----\n", label);
}
