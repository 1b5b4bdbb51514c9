#include "cv/codec/form.h"

#include <string.h>

#include "cv/util/text.h"
#include "form_internal.h"

/* False: it does not fit, is badly encoded, or no line of text. */
static bool
decode(struct cv_bytes encoded, char *ret_text, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_form_decode(encoded, &text, &err))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	}
	return cv_text_copy_bytes(ret_text, size, text.data, text.len);
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
