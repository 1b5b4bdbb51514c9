/* Distinguished names (RFC 5280 section 4.1.2.4): walking them, and the texts we look for. Any
 * thread. */
#ifndef CV_PKI_NAME_INTERNAL_H
#define CV_PKI_NAME_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/pki/der.h"
#include "cv/util/bytes.h"

struct cv_name_attribute {
	struct cv_bytes type; /* content of the OID */
	struct cv_bytes value;
	uint8_t tag; /* of the value */
};

struct cv_name_reader {
	struct cv_der_reader rdns;
	struct cv_der_reader rdn;
};

enum cv_name_step { CV_NAME_ATTRIBUTE, CV_NAME_END, CV_NAME_MALFORMED };

/* name: whole Name element. */
bool cv_name_open(struct cv_bytes name, struct cv_name_reader *ret_reader);
enum cv_name_step cv_name_next(
    struct cv_name_reader *reader, struct cv_name_attribute *ret_attribute);

/*
 * Characters of a value that is text: valid in its string type, without NUL and control characters.
 * False for anything else, and for the types that are not ASCII or UTF-8.
 */
bool cv_name_count_characters(const struct cv_name_attribute *attribute, size_t *ret_count);

struct cv_name_facts {
	char common_name[CV_DEVICE_ID_MAX + 1]; /* "" unless there is exactly one, and it fits */
	char organizational_unit[CV_FACTORY_NAME_MAX + 1];
	unsigned common_name_count;
	unsigned organizational_unit_count;
	unsigned attribute_count;
};

bool cv_name_read_facts(struct cv_bytes name, struct cv_name_facts *ret_facts);

/* Why a requested subject is refused: a static text; NULL when it is good. */
const char *cv_subject_refusal(struct cv_bytes name, const struct cv_name_facts *facts);
/* Why nobody should get a first certificate for a subject that is good otherwise; NULL: nothing. */
const char *cv_subject_flaw(struct cv_bytes name);

#endif
