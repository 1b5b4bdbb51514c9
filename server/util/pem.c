#include "cv/util/pem.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/base64.h"
#include "cv/util/error.h"

#define LABEL_LINE_MAX 64
#define BYTES_PER_LINE 48 /* 64 characters */

/* Where needle starts in text; NULL: nowhere. */
static const uint8_t *
find_text(struct cv_bytes text, const char *needle)
{
	return text.len == 0 ? NULL : memmem(text.data, text.len, needle, strlen(needle));
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

enum cv_pem_outcome
cv_pem_decode(struct cv_bytes text, const char *label, struct cv_pem_block *ret_block,
    struct cv_buffer *ret_der)
{
	char begin[LABEL_LINE_MAX];
	char end[LABEL_LINE_MAX];
	struct cv_error ignored = CV_ERROR_INIT;
	const size_t before_len = ret_der->len;
	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	const uint8_t *begin_at = find_text(text, begin);
	if (begin_at == NULL)
		return CV_PEM_ABSENT;
	const struct cv_bytes rest = from(text, begin_at + strlen(begin));
	if (find_text(rest, begin) != NULL)
		return CV_PEM_SEVERAL;
	const uint8_t *end_at = find_text(rest, end);
	if (end_at == NULL)
		return CV_PEM_MALFORMED;
	const struct cv_bytes body = until(rest, end_at);
	/* Base64 takes 4/3, line ends a little more: twice the ceiling is certainly too much. */
	if ((ret_der->max_bytes > 0 && body.len > 2 * ret_der->max_bytes) ||
	    !cv_base64_decode(
		(const char *)body.data, body.len, CV_BASE64_WHITESPACE, ret_der, &ignored) ||
	    ret_der->has_failed || ret_der->len == before_len)
		return CV_PEM_MALFORMED;
	ret_block->before = until(text, begin_at);
	ret_block->after = from(rest, end_at + strlen(end));
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
