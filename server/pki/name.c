#include "name_internal.h"

#include <string.h>

#include "cv/pki/oid.h"
#include "cv/util/text.h"

bool
cv_name_open(struct cv_bytes name, struct cv_name_reader *ret_reader)
{
	struct cv_der_reader reader = cv_der_reader(name);
	ret_reader->rdn = cv_der_reader(cv_bytes(NULL, 0));
	return cv_der_enter(&reader, CV_DER_SEQUENCE, &ret_reader->rdns) && cv_der_at_end(&reader);
}

static bool
read_attribute(struct cv_der_reader *rdn, struct cv_name_attribute *ret_attribute)
{
	struct cv_der_reader inner;
	struct cv_bytes element;
	return cv_der_enter(rdn, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_OID, &ret_attribute->type) &&
	       cv_der_read_any(&inner, &ret_attribute->tag, &ret_attribute->value, &element) &&
	       cv_der_at_end(&inner);
}

enum cv_name_step
cv_name_next(struct cv_name_reader *reader, struct cv_name_attribute *ret_attribute)
{
	if (cv_der_at_end(&reader->rdn)) {
		if (cv_der_at_end(&reader->rdns))
			return CV_NAME_END;
		if (!cv_der_enter(&reader->rdns, CV_DER_SET, &reader->rdn))
			return CV_NAME_MALFORMED;
	}
	/* An empty RelativeDistinguishedName ends here too: SET SIZE (1..MAX). */
	return read_attribute(&reader->rdn, ret_attribute) ? CV_NAME_ATTRIBUTE : CV_NAME_MALFORMED;
}

/* Value of the sequence at the start of text, and its length; 0: not UTF-8 (RFC 3629 section 4). */
static size_t
decode_utf8(struct cv_bytes text, uint32_t *ret_character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t first = text.data[0];
	const size_t len = first < 0x80             ? 1
			   : (first & 0xe0) == 0xc0 ? 2
			   : (first & 0xf0) == 0xe0 ? 3
			   : (first & 0xf8) == 0xf0 ? 4
						    : 0;
	if (len == 0 || len > text.len)
		return 0;
	uint32_t character = len == 1 ? first : first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (text.data[i] & 0x3fu);
	}
	const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
	if (character < smallest[len] || character > 0x10ffff || is_surrogate)
		return 0;
	*ret_character = character;
	return len;
}

static bool
is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

static bool
is_printable_string(struct cv_bytes text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789 '()+,-./:=?";
	for (size_t i = 0; i < text.len; i++) {
		if (memchr(allowed, text.data[i], sizeof(allowed) - 1) == NULL)
			return false;
	}
	return true;
}

static bool
is_ascii(struct cv_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] >= 0x80)
			return false;
	}
	return true;
}

/* T61String is read as ASCII: what its other octets mean differs from program to program. */
static bool
has_right_alphabet(uint8_t tag, struct cv_bytes text)
{
	switch (tag) {
	case CV_DER_UTF8_STRING:
		return true;
	case CV_DER_PRINTABLE_STRING:
		return is_printable_string(text);
	case CV_DER_IA5_STRING:
	case CV_DER_T61_STRING:
		return is_ascii(text);
	default:
		return false;
	}
}

bool
cv_name_count_characters(const struct cv_name_attribute *attribute, size_t *ret_count)
{
	struct cv_bytes left = attribute->value;
	size_t count = 0;
	if (!has_right_alphabet(attribute->tag, left))
		return false;
	while (left.len > 0) {
		uint32_t character = 0;
		const size_t len = decode_utf8(left, &character);
		if (len == 0 || is_control(character))
			return false;
		left = cv_bytes(left.data + len, left.len - len);
		count++;
	}
	*ret_count = count;
	return true;
}

/* Only the first of its kind gives its text: with a second one it would be a choice. */
static void
note(const struct cv_name_attribute *attribute, char *text, size_t size, unsigned *count)
{
	size_t characters = 0;
	(*count)++;
	if (*count > 1 || !cv_name_count_characters(attribute, &characters) ||
	    !cv_text_copy_bytes(text, size, attribute->value.data, attribute->value.len))
		text[0] = '\0';
}

bool
cv_name_read_facts(struct cv_bytes name, struct cv_name_facts *ret_facts)
{
	struct cv_name_facts facts = {.attribute_count = 0};
	struct cv_name_reader reader;
	struct cv_name_attribute attribute;
	enum cv_name_step step = CV_NAME_MALFORMED;
	if (!cv_name_open(name, &reader))
		return false;
	while ((step = cv_name_next(&reader, &attribute)) == CV_NAME_ATTRIBUTE) {
		facts.attribute_count++;
		if (cv_bytes_equal(attribute.type, CV_OID(CV_OID_COMMON_NAME)))
			note(&attribute, facts.common_name, sizeof(facts.common_name),
			    &facts.common_name_count);
		if (cv_bytes_equal(attribute.type, CV_OID(CV_OID_ORGANIZATIONAL_UNIT)))
			note(&attribute, facts.organizational_unit,
			    sizeof(facts.organizational_unit), &facts.organizational_unit_count);
	}
	if (step == CV_NAME_MALFORMED)
		return false;
	*ret_facts = facts;
	return true;
}
