#include "cv/codec/armour.h"

#include <string.h>

#include "cv/util/base64.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"
#define BYTES_PER_LINE 48 /* 64 characters */

/* Where text holds what; NULL when it does not. Both may hold any byte. */
static const char *
find(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what));
}

static bool
is_white_space(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0' || strchr(" \t\r\n\v\f", text[i]) == NULL)
			return false;
	}
	return true;
}

/* Length of "<label>-----" at text, 0 when something else is there. */
static size_t
match_label(const char *text, size_t len, const char *label)
{
	size_t label_len;

	if (label == NULL)
		return 0;
	label_len = strlen(label);
	if (len < label_len + strlen(DASHES) || memcmp(text, label, label_len) != 0 ||
	    memcmp(text + label_len, DASHES, strlen(DASHES)) != 0)
		return 0;
	return label_len + strlen(DASHES);
}

/* Decodes from behind "-----BEGIN <label>-----" and returns what follows the end line in *ret_rest.
 */
static bool
decode_block(const char *text, size_t len, const char *label, struct cv_buffer *ret_der,
    struct cv_bytes *ret_rest, struct cv_error *err)
{
	const char *end = find(text, len, END);
	size_t der_len = ret_der->len;

	if (end == NULL)
		return cv_fail(err, CV_E_INPUT, "PEM block without an end line");
	size_t rest = (size_t)(end - text) + strlen(END);
	size_t label_len = match_label(text + rest, len - rest, label);
	if (label_len == 0)
		return cv_fail(err, CV_E_INPUT, "PEM end line does not match the begin line");
	if (!cv_base64_decode(text, (size_t)(end - text), CV_BASE64_WHITESPACE, ret_der, err))
		return false;
	if (ret_der->len == der_len)
		return cv_fail(err, CV_E_INPUT, "PEM block is empty");
	rest += label_len;
	*ret_rest = cv_bytes(text + rest, len - rest);
	return true;
}

bool
cv_armour_decode(struct cv_bytes text, enum cv_armour_surroundings surroundings, const char *label,
    const char *other_label, struct cv_buffer *ret_der, struct cv_error *err)
{
	const char *start = (const char *)text.data;
	const char *begin = text.len == 0 ? NULL : find(start, text.len, BEGIN);
	struct cv_bytes rest = {NULL, 0};

	if (begin == NULL)
		return cv_fail(err, CV_E_INPUT, "no PEM block");
	if (surroundings == CV_ARMOUR_ALONE && !is_white_space(start, (size_t)(begin - start)))
		return cv_fail(err, CV_E_INPUT, "text before the PEM block");

	size_t offset = (size_t)(begin - start) + strlen(BEGIN);
	const char *found = label;
	size_t label_len = match_label(start + offset, text.len - offset, label);
	if (label_len == 0) {
		found = other_label;
		label_len = match_label(start + offset, text.len - offset, other_label);
	}
	if (label_len == 0)
		return cv_fail(err, CV_E_INPUT, "PEM block is no %s", label);
	offset += label_len;
	if (!decode_block(start + offset, text.len - offset, found, ret_der, &rest, err))
		return false;

	const char *rest_text = (const char *)rest.data;
	if (surroundings == CV_ARMOUR_ALONE && !is_white_space(rest_text, rest.len))
		return cv_fail(err, CV_E_INPUT, "text after the PEM block");
	if (find(rest_text, rest.len, BEGIN) != NULL)
		return cv_fail(err, CV_E_INPUT, "more than one PEM block");
	return true;
}

void
cv_armour_append(struct cv_buffer *buffer, const char *label, struct cv_bytes der)
{
	cv_buffer_printf(buffer, BEGIN "%s" DASHES "\n", label);
	for (size_t offset = 0; offset < der.len; offset += BYTES_PER_LINE) {
		size_t left = der.len - offset;
		cv_base64_append(buffer,
		    cv_bytes(der.data + offset, left < BYTES_PER_LINE ? left : BYTES_PER_LINE));
		cv_buffer_append_byte(buffer, '\n');
	}
	cv_buffer_printf(buffer, END "%s" DASHES "\n", label);
}
