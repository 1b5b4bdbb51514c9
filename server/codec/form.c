#include "cv/codec/form.h"

#include <string.h>

#include "cv/util/text.h"

/* ret_text holds size bytes; false: it does not fit, or is badly encoded. */
static bool
decode(struct cv_bytes text, char *ret_text, size_t size)
{
	size_t out = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.data[i] == '+' ? ' ' : text.data[i];
		size_t decoded;

		if (text.data[i] == '%') {
			if (text.len - i < 3 ||
			    !cv_hex_decode((const char *)text.data + i + 1, 2, &byte, 1, &decoded))
				return false;
			i += 2;
		}
		if (byte < 0x20 || byte == 0x7f || out + 1 >= size)
			return false;
		ret_text[out++] = (char)byte;
	}
	ret_text[out] = '\0';
	return true;
}

/* The part up to the next '&'. */
static struct cv_bytes
first_member(struct cv_bytes body)
{
	const uint8_t *end = body.len == 0 ? NULL : memchr(body.data, '&', body.len);

	return end == NULL ? body : cv_bytes(body.data, (size_t)(end - body.data));
}

/* Its value when it is of this name. */
static bool
match(struct cv_bytes member, const char *name, struct cv_bytes *ret_value)
{
	size_t len = strlen(name);

	if (member.len <= len || memcmp(member.data, name, len) != 0 || member.data[len] != '=')
		return false;
	*ret_value = cv_bytes(member.data + len + 1, member.len - len - 1);
	return true;
}

enum cv_form_outcome
cv_form_find(struct cv_bytes body, const char *name, char *ret_value, size_t size)
{
	enum cv_form_outcome outcome = CV_FORM_ABSENT;
	struct cv_bytes value;

	ret_value[0] = '\0';
	while (body.len > 0) {
		struct cv_bytes member = first_member(body);
		size_t step = member.len + (member.len < body.len);

		if (match(member, name, &value)) {
			if (outcome != CV_FORM_ABSENT || !decode(value, ret_value, size)) {
				ret_value[0] = '\0';
				return CV_FORM_BAD;
			}
			outcome = CV_FORM_FOUND;
		}
		body = cv_bytes(body.data + step, body.len - step);
	}
	return outcome;
}
