#include "cv/pki/subject.h"

#include <string.h>

#include "cv/pki/oid.h"
#include "name_internal.h"

#define SUBJECT_MAX_BYTES 1024
#define SUBJECT_MAX_ATTRIBUTES 20

/* String types, as bits. RFC 5280 section 4.1.2.4: new names use no others of DirectoryString. */
#define PRINTABLE (1u << 0)
#define IA5 (1u << 1)
#define UTF8 (1u << 2)
#define DIRECTORY (PRINTABLE | UTF8)

/* What a subject may hold, with the upper bounds and string types of RFC 5280 appendix A and of
 * X.520, in characters. */
static const struct attribute_rule {
	struct cv_bytes type;
	size_t min;
	size_t max;
	unsigned strings;
} attribute_rules[] = {
    {CV_OID_INIT(CV_OID_COMMON_NAME), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_SURNAME), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_SERIAL_NUMBER), 1, 64, PRINTABLE},
    {CV_OID_INIT(CV_OID_COUNTRY), 2, 2, PRINTABLE},
    {CV_OID_INIT(CV_OID_LOCALITY), 1, 128, DIRECTORY},
    {CV_OID_INIT(CV_OID_STATE), 1, 128, DIRECTORY},
    {CV_OID_INIT(CV_OID_STREET), 1, 128, DIRECTORY},
    {CV_OID_INIT(CV_OID_ORGANIZATION), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_ORGANIZATIONAL_UNIT), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_TITLE), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_BUSINESS_CATEGORY), 1, 128, DIRECTORY},
    {CV_OID_INIT(CV_OID_POSTAL_CODE), 1, 40, DIRECTORY},
    {CV_OID_INIT(CV_OID_NAME), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_GIVEN_NAME), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_INITIALS), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_GENERATION_QUALIFIER), 1, 64, DIRECTORY},
    {CV_OID_INIT(CV_OID_DN_QUALIFIER), 1, 64, PRINTABLE},
    {CV_OID_INIT(CV_OID_PSEUDONYM), 1, 128, DIRECTORY},
    {CV_OID_INIT(CV_OID_EMAIL_ADDRESS), 1, 255, IA5},
    {CV_OID_INIT(CV_OID_UNSTRUCTURED_NAME), 1, 255, DIRECTORY | IA5},
    {CV_OID_INIT(CV_OID_USER_ID), 1, 256, DIRECTORY},
    {CV_OID_INIT(CV_OID_DOMAIN_COMPONENT), 1, 63, IA5},
};

static const struct attribute_rule *
find_rule(struct cv_bytes type)
{
	for (size_t i = 0; i < sizeof(attribute_rules) / sizeof(attribute_rules[0]); i++) {
		if (cv_bytes_equal(attribute_rules[i].type, type))
			return &attribute_rules[i];
	}
	return NULL;
}

static const char *
attribute_refusal(const struct cv_name_attribute *attribute)
{
	size_t characters = 0;
	const struct attribute_rule *rule = find_rule(attribute->type);
	if (rule == NULL)
		return "subject has an attribute type that is not allowed";
	/* RFC 5280 section 4.1.2.4: new names use PrintableString or UTF8String. */
	if (attribute->tag == CV_DER_T61_STRING ||
	    !cv_name_count_characters(attribute, &characters))
		return "subject has a value that is not valid text";
	if (characters < rule->min || characters > rule->max)
		return "subject has a value that is too long or too short";
	return NULL;
}

const char *
cv_subject_refusal(struct cv_bytes name, const struct cv_name_facts *facts)
{
	struct cv_name_reader reader;
	struct cv_name_attribute attribute;
	if (facts->attribute_count == 0)
		return "subject is empty";
	if (name.len > SUBJECT_MAX_BYTES || facts->attribute_count > SUBJECT_MAX_ATTRIBUTES)
		return "subject is too long";
	if (!cv_name_open(name, &reader))
		return "subject is not a name";
	while (cv_name_next(&reader, &attribute) == CV_NAME_ATTRIBUTE) {
		const char *refusal = attribute_refusal(&attribute);
		if (refusal != NULL)
			return refusal;
	}
	if (facts->common_name_count != 1)
		return "subject must have exactly one common name";
	if (!cv_device_id_is_valid(facts->common_name, strlen(facts->common_name)))
		return "common name is not a device id";
	return NULL;
}

static unsigned
string_bit(uint8_t tag)
{
	switch (tag) {
	case CV_DER_PRINTABLE_STRING:
		return PRINTABLE;
	case CV_DER_IA5_STRING:
		return IA5;
	case CV_DER_UTF8_STRING:
		return UTF8;
	default:
		return 0;
	}
}

static bool
sets_are_ordered(struct cv_bytes name)
{
	struct cv_name_reader reader;
	struct cv_bytes rdn;
	if (!cv_name_open(name, &reader))
		return false;
	while (!cv_der_at_end(&reader.rdns)) {
		if (!cv_der_read(&reader.rdns, CV_DER_SET, &rdn) || !cv_der_is_ordered(rdn))
			return false;
	}
	return true;
}

const char *
cv_subject_flaw(struct cv_bytes name)
{
	struct cv_name_reader reader;
	struct cv_name_attribute attribute;
	if (!sets_are_ordered(name))
		return "subject is not DER: a SET OF is not in order";
	if (!cv_name_open(name, &reader))
		return "subject is not a name";
	while (cv_name_next(&reader, &attribute) == CV_NAME_ATTRIBUTE) {
		const struct attribute_rule *rule = find_rule(attribute.type);
		if (rule != NULL && (rule->strings & string_bit(attribute.tag)) == 0)
			return "subject has a value of a string type that its attribute does not "
			       "have";
	}
	return NULL;
}

bool
cv_subject_is_production(struct cv_bytes name)
{
	static const char production[] = "production";
	struct cv_name_reader reader;
	struct cv_name_attribute attribute;

	if (!cv_name_open(name, &reader))
		return false;
	while (cv_name_next(&reader, &attribute) == CV_NAME_ATTRIBUTE) {
		size_t characters;

		if (cv_bytes_equal(attribute.type, CV_OID(CV_OID_BUSINESS_CATEGORY)) &&
		    cv_name_count_characters(&attribute, &characters) &&
		    cv_bytes_equal(attribute.value, cv_bytes(production, strlen(production))))
			return true;
	}
	return false;
}
