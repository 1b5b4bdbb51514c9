#include "cv/codec/operator_json.h"

#include <string.h>

/* Length of the UTF-8 sequence at text (RFC 3629 section 4), 0 when it is none. Stops at the NUL.
 */
static size_t
utf8_length(const unsigned char *text)
{
	unsigned char lowest = 0x80, highest = 0xbf;
	size_t len;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	len = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	/* The second byte also excludes overlong forms, surrogates and what is beyond U+10FFFF. */
	if (text[0] == 0xe0)
		lowest = 0xa0;
	else if (text[0] == 0xf0)
		lowest = 0x90;
	else if (text[0] == 0xed)
		highest = 0x9f;
	else if (text[0] == 0xf4)
		highest = 0x8f;
	if (text[1] < lowest || text[1] > highest)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	}
	return len;
}

/* Appends one character and returns how many bytes of text it took. */
static size_t
append_character(struct cv_buffer *buffer, const unsigned char *text)
{
	size_t len = utf8_length(text);

	if (len == 0) {
		cv_buffer_append_text(buffer, "\\ufffd");
		return 1;
	}
	if (text[0] == '"' || text[0] == '\\')
		cv_buffer_printf(buffer, "\\%c", text[0]);
	else if (text[0] < 0x20 || text[0] == 0x7f)
		cv_buffer_printf(buffer, "\\u%04x", text[0]);
	else
		cv_buffer_append(buffer, text, len);
	return len;
}

void
cv_json_append_string(struct cv_buffer *buffer, const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;

	cv_buffer_append_byte(buffer, '"');
	while (*bytes != '\0')
		bytes += append_character(buffer, bytes);
	cv_buffer_append_byte(buffer, '"');
}

static void
append_member(struct cv_buffer *buffer, const char *name, const char *text)
{
	cv_buffer_printf(buffer, ",\"%s\":", name);
	cv_json_append_string(buffer, text);
}

void
cv_json_append_with_member(
    struct cv_buffer *buffer, const char *object, const char *name, const char *text)
{
	size_t len = strlen(object);

	cv_buffer_append(buffer, object, len == 0 ? 0 : len - 1);
	append_member(buffer, name, text);
	cv_buffer_append_byte(buffer, '}');
}

void
cv_json_append_problem(struct cv_buffer *buffer, const char *code, const char *title, int status,
    const char *detail, const char *request_id, bool is_retryable)
{
	cv_buffer_printf(buffer, "{\"type\":\"urn:certvendor:%s\"", code);
	append_member(buffer, "title", title);
	cv_buffer_printf(buffer, ",\"status\":%d", status);
	if (detail != NULL)
		append_member(buffer, "detail", detail);
	append_member(buffer, "instance", request_id);
	append_member(buffer, "code", code);
	cv_buffer_printf(buffer, ",\"retryable\":%s}\n", is_retryable ? "true" : "false");
}

void
cv_json_append_message(
    struct cv_buffer *buffer, const char *code, const char *message, const char *request_id)
{
	cv_buffer_append_text(buffer, "{\"message\":");
	cv_json_append_string(buffer, message);
	append_member(buffer, "code", code);
	append_member(buffer, "instance", request_id);
	cv_buffer_append_text(buffer, "}\n");
}
