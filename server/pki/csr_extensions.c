#include "csr_internal.h"

#include "cv/pki/extension.h"
#include "cv/pki/oid.h"

#define LINK_MAX 255 /* RFC 2985 section 5.4.1 */

typedef struct cv_csr_judgement judge_fn(const struct cv_extension *extension, struct cv_csr *csr);

static const struct cv_csr_judgement good = {CV_CSR_GOOD, ""};

static struct cv_csr_judgement
refuse(const char *detail)
{
	return (struct cv_csr_judgement){CV_CSR_BAD_EXTENSION, detail};
}

static struct cv_csr_judgement
refuse_ca(struct cv_csr *csr, const char *detail)
{
	csr->asks_for_ca = true;
	return refuse(detail);
}

static struct cv_csr_judgement
judge_basic_constraints(const struct cv_extension *extension, struct cv_csr *csr)
{
	bool is_ca = false;
	if (!cv_extension_read_basic_constraints(extension->value, &is_ca))
		return refuse("basicConstraints does not decode");
	return is_ca ? refuse_ca(csr, "a CA certificate is requested") : good;
}

/* Hand-made requests ask for keyAgreement and the like: whether that matters is the caller's rule.
 */
static struct cv_csr_judgement
judge_key_usage(const struct cv_extension *extension, struct cv_csr *csr)
{
	unsigned usage = 0;
	if (!cv_extension_read_key_usage(extension->value, &usage))
		return refuse("keyUsage does not decode");
	if ((usage & (CV_KEY_USAGE_KEY_CERT_SIGN | CV_KEY_USAGE_CRL_SIGN)) != 0)
		return refuse_ca(csr, "keyCertSign or cRLSign is requested");
	csr->exceeds_key_usage = (usage & ~CV_KEY_USAGE_DIGITAL_SIGNATURE) != 0;
	return good;
}

static struct cv_csr_judgement
judge_extended_key_usage(const struct cv_extension *extension, struct cv_csr *csr)
{
	struct cv_extended_key_usage usage;
	if (!cv_extension_read_extended_key_usage(extension->value, &usage))
		return refuse("extKeyUsage does not decode");
	csr->asks_for_ca |= usage.has_ocsp_signing;
	if (usage.has_other)
		return refuse("extKeyUsage goes beyond clientAuth");
	csr->exceeds_purpose = usage.has_server_auth || usage.has_any;
	return good;
}

static struct cv_csr_judgement
judge_subject_key(const struct cv_extension *extension, struct cv_csr *csr)
{
	(void)csr;
	struct cv_bytes ignored;
	return cv_extension_read_subject_key(extension->value, &ignored)
		   ? good
		   : refuse("subjectKeyIdentifier does not decode");
}

static struct cv_csr_judgement
judge_authority_key(const struct cv_extension *extension, struct cv_csr *csr)
{
	(void)csr;
	struct cv_bytes ignored;
	return cv_extension_read_authority_key(extension->value, &ignored)
		   ? good
		   : refuse("authorityKeyIdentifier does not decode");
}

static struct cv_csr_judgement
judge_sequence(const struct cv_extension *extension, struct cv_csr *csr)
{
	(void)csr;
	return cv_extension_is_filled_sequence(extension->value)
		   ? good
		   : refuse("a requested extension does not decode");
}

static struct cv_csr_judgement
judge_forbidden(const struct cv_extension *extension, struct cv_csr *csr)
{
	(void)extension;
	return refuse_ca(csr, "an extension of CA certificates is requested");
}

/*
 * Clients that renew by copying their old certificate request all it had: identifiers, distribution
 * points and access information are therefore checked for form and otherwise ignored.
 */
static const struct extension_rule {
	struct cv_bytes oid;
	judge_fn *judge;
} extension_rules[] = {
    {CV_OID_INIT(CV_OID_BASIC_CONSTRAINTS), judge_basic_constraints},
    {CV_OID_INIT(CV_OID_KEY_USAGE), judge_key_usage},
    {CV_OID_INIT(CV_OID_EXTENDED_KEY_USAGE), judge_extended_key_usage},
    {CV_OID_INIT(CV_OID_SUBJECT_ALT_NAME), judge_sequence},
    {CV_OID_INIT(CV_OID_SUBJECT_KEY), judge_subject_key},
    {CV_OID_INIT(CV_OID_AUTHORITY_KEY), judge_authority_key},
    {CV_OID_INIT(CV_OID_CRL_DISTRIBUTION_POINTS), judge_sequence},
    {CV_OID_INIT(CV_OID_AUTHORITY_INFO_ACCESS), judge_sequence},
    {CV_OID_INIT(CV_OID_NAME_CONSTRAINTS), judge_forbidden},
    {CV_OID_INIT(CV_OID_POLICY_MAPPINGS), judge_forbidden},
    {CV_OID_INIT(CV_OID_POLICY_CONSTRAINTS), judge_forbidden},
    {CV_OID_INIT(CV_OID_INHIBIT_ANY_POLICY), judge_forbidden},
};

static struct cv_csr_judgement
judge_extension(const struct cv_extension *extension, struct cv_csr *csr)
{
	for (size_t i = 0; i < sizeof(extension_rules) / sizeof(extension_rules[0]); i++) {
		if (cv_bytes_equal(extension_rules[i].oid, extension->oid))
			return extension_rules[i].judge(extension, csr);
	}
	return extension->is_critical ? refuse("an unknown critical extension is requested") : good;
}

static struct cv_csr_judgement
judge_extensions(struct cv_bytes extensions, struct cv_csr *csr)
{
	struct cv_extension_list list;
	switch (cv_extension_list_read(extensions, &list)) {
	case CV_EXTENSION_GOOD:
		break;
	case CV_EXTENSION_MALFORMED:
		return refuse("the requested extensions do not decode");
	case CV_EXTENSION_REPEATED:
		return refuse("an extension is requested twice");
	case CV_EXTENSION_TOO_MANY:
		return refuse("too many extensions are requested");
	}
	/* All of them: what stands before the wish to be an authority does not hide it. */
	struct cv_csr_judgement judgement = good;
	for (size_t i = 0; i < list.count; i++) {
		const struct cv_csr_judgement one = judge_extension(&list.items[i], csr);
		if (judgement.outcome == CV_CSR_GOOD)
			judgement = one;
	}
	if (judgement.outcome != CV_CSR_GOOD)
		return judgement;
	const struct cv_extension *san =
	    cv_extension_list_find(&list, CV_OID(CV_OID_SUBJECT_ALT_NAME));
	if (san != NULL)
		csr->san = san->value;
	return good;
}

/* The one value of an attribute that is to have exactly one. */
static bool
read_single(struct cv_bytes values, uint8_t *ret_tag, struct cv_bytes *ret_content,
    struct cv_bytes *ret_element)
{
	struct cv_der_reader reader = cv_der_reader(values);
	return cv_der_read_any(&reader, ret_tag, ret_content, ret_element) &&
	       cv_der_at_end(&reader);
}

/* RFC 2985 section 5.4.2: extensionRequest is single-valued. */
static struct cv_csr_judgement
judge_request(struct cv_bytes values, struct cv_csr *csr)
{
	struct cv_bytes content;
	struct cv_bytes extensions;
	uint8_t tag = 0;
	if (!read_single(values, &tag, &content, &extensions) || tag != CV_DER_SEQUENCE)
		return refuse("extensionRequest does not have exactly one value");
	return judge_extensions(extensions, csr);
}

/* Empty: a value that matches nothing. */
static struct cv_bytes
read_link(struct cv_bytes values)
{
	struct cv_bytes content;
	struct cv_bytes element;
	uint8_t tag = 0;
	if (!read_single(values, &tag, &content, &element) || content.len > LINK_MAX)
		return cv_bytes(NULL, 0);
	const bool is_text = tag == CV_DER_PRINTABLE_STRING || tag == CV_DER_UTF8_STRING ||
			     tag == CV_DER_IA5_STRING || tag == CV_DER_T61_STRING;
	return is_text ? content : cv_bytes(NULL, 0);
}

/* RFC 7030 section 3.5: the value of challengePassword; that of RFC 7894's attribute decides where
 * both are. One that is there twice has no value: who reads the first must not differ from who
 * reads the last. */
static void
note_link(struct cv_csr *csr)
{
	struct cv_bytes values = {NULL, 0};
	size_t count = cv_csr_attribute(csr, CV_OID(CV_OID_EST_IDENTITY_LINKING), &values);
	if (count == 0)
		count = cv_csr_attribute(csr, CV_OID(CV_OID_CHALLENGE_PASSWORD), &values);
	csr->has_link = count > 0;
	if (count == 1)
		csr->link = read_link(values);
}

struct attribute {
	struct cv_bytes type;
	struct cv_bytes values; /* content of the SET */
};

static bool
read_attribute(struct cv_der_reader *reader, struct attribute *ret_attribute)
{
	struct cv_der_reader inner;
	return cv_der_enter(reader, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_OID, &ret_attribute->type) &&
	       cv_der_read(&inner, CV_DER_SET, &ret_attribute->values) && cv_der_at_end(&inner);
}

static bool
is_extension_request(struct cv_bytes type)
{
	return cv_bytes_equal(type, CV_OID(CV_OID_EXTENSION_REQUEST)) ||
	       cv_bytes_equal(type, CV_OID(CV_OID_MICROSOFT_EXTENSION_REQUEST));
}

static struct cv_csr_judgement
judge_attribute(const struct attribute *attribute, unsigned *requests, struct cv_csr *csr)
{
	if (!is_extension_request(attribute->type))
		return good;
	if (++*requests > 1)
		return refuse("more than one extensionRequest");
	return judge_request(attribute->values, csr);
}

struct cv_csr_judgement
cv_csr_judge_attributes(struct cv_csr *csr)
{
	struct cv_der_reader reader = cv_der_reader(csr->attributes);
	struct attribute attribute;
	unsigned requests = 0;
	while (!cv_der_at_end(&reader)) {
		if (!read_attribute(&reader, &attribute))
			return (struct cv_csr_judgement){
			    CV_CSR_MALFORMED, "an attribute does not decode"};
		const struct cv_csr_judgement judgement =
		    judge_attribute(&attribute, &requests, csr);
		if (judgement.outcome != CV_CSR_GOOD)
			return judgement;
	}
	note_link(csr);
	return good;
}

bool
cv_csr_names(const struct cv_csr *csr, struct cv_bytes oid)
{
	struct cv_der_reader reader = cv_der_reader(csr->attributes);
	struct cv_extension_list list;
	struct attribute attribute;
	while (read_attribute(&reader, &attribute)) {
		if (cv_bytes_equal(attribute.type, oid) ||
		    (is_extension_request(attribute.type) &&
			cv_extension_list_read(attribute.values, &list) == CV_EXTENSION_GOOD &&
			cv_extension_list_find(&list, oid) != NULL))
			return true;
	}
	return false;
}

size_t
cv_csr_attribute(const struct cv_csr *csr, struct cv_bytes oid, struct cv_bytes *ret_values)
{
	struct cv_der_reader reader = cv_der_reader(csr->attributes);
	struct attribute attribute;
	size_t count = 0;
	while (read_attribute(&reader, &attribute)) {
		if (!cv_bytes_equal(attribute.type, oid))
			continue;
		if (count == 0)
			*ret_values = attribute.values;
		count++;
	}
	return count;
}
