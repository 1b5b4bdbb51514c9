#include "cv/codec/armour.h"

#include <string.h>

#include "cv/util/pem.h"

static bool
has_begin(struct cv_bytes text)
{
	static const char begin[] = "-----BEGIN ";

	return text.len > 0 && memmem(text.data, text.len, begin, strlen(begin)) != NULL;
}

static bool
is_white_space(struct cv_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\0' || strchr(" \t\r\n\v\f", text.data[i]) == NULL)
			return false;
	}
	return true;
}

static bool
refuse(enum cv_pem_outcome outcome, struct cv_bytes text, const char *label, struct cv_error *err)
{
	switch (outcome) {
	case CV_PEM_FOUND:
		return true;
	case CV_PEM_ABSENT:
		return has_begin(text) ? cv_fail(err, CV_E_INPUT, "PEM block is no %s", label)
				       : cv_fail(err, CV_E_INPUT, "no PEM block");
	case CV_PEM_SEVERAL:
		return cv_fail(err, CV_E_INPUT, "more than one PEM block");
	case CV_PEM_MALFORMED:
		return cv_fail(err, CV_E_INPUT, "PEM block does not decode (RFC 7468)");
	}
	return false;
}

bool
cv_armour_decode(struct cv_bytes text, enum cv_armour_surroundings surroundings, const char *label,
    const char *other_label, struct cv_buffer *ret_der, struct cv_error *err)
{
	struct cv_pem_block block;
	enum cv_pem_outcome outcome = cv_pem_decode(text, label, &block, ret_der);

	if (outcome == CV_PEM_ABSENT && other_label != NULL)
		outcome = cv_pem_decode(text, other_label, &block, ret_der);
	if (outcome != CV_PEM_FOUND)
		return refuse(outcome, text, label, err);
	if (has_begin(block.before) || has_begin(block.after))
		return cv_fail(err, CV_E_INPUT, "more than one PEM block");
	if (surroundings == CV_ARMOUR_ALONE &&
	    (!is_white_space(block.before) || !is_white_space(block.after)))
		return cv_fail(err, CV_E_INPUT, "text around the PEM block");
	return true;
}
