#include "cv/service/label_policy.h"

#include <stdio.h>
#include <string.h>

#include "cv/pki/csrattrs.h"
#include "cv/pki/oid.h"
#include "cv/util/text.h"

static bool
refuse(struct cv_enrolment_answer *answer, enum cv_enrolment_outcome outcome, const char *detail)
{
	answer->outcome = outcome;
	answer->detail = detail;
	return false;
}

/* factory NULL: of any. */
static bool
has_authority(const struct cv_realm *realm, const char *factory, const char *name)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_authority_row *row = &realm->authorities[i].row;

		if (row->kind == CV_AUTHORITY_ONLINE && cv_text_equal(row->name, name) &&
		    (factory == NULL || cv_text_equal(row->factory, factory)))
			return true;
	}
	return false;
}

const char *
cv_label_authority(const struct cv_label *label, const struct cv_realm *realm, const char *factory)
{
	bool is_of_another = label->name[0] == '\0' &&
			     has_authority(realm, NULL, label->authority) &&
			     !has_authority(realm, factory, label->authority);

	return is_of_another ? "" : label->authority;
}

const char *
cv_label_flaw(const struct cv_label *label, const struct cv_realm *realm)
{
	const char *factory = label->factory[0] == '\0' ? NULL : label->factory;

	if (factory != NULL && cv_realm_factory(realm, factory) == NULL)
		return "there is no such factory";
	if (label->authority[0] == '\0' || has_authority(realm, factory, label->authority))
		return NULL;
	if (!has_authority(realm, NULL, label->authority))
		return "there is no such online authority";
	if (label->name[0] == '\0' && factory == NULL)
		return NULL;
	return "the authority is of another factory";
}

static bool
accepts_key(const struct cv_label *label, const struct cv_public_key *key,
    struct cv_enrolment_answer *answer)
{
	enum cv_key_type type = cv_public_key_type(key);

	if ((label->keys >> type & 1) == 0)
		return refuse(
		    answer, CV_ENROLMENT_WEAK_KEY, "keys of this type are not accepted here");
	if (type == CV_KEY_TYPE_RSA && cv_public_key_bits(key) < label->rsa_min_bits)
		return refuse(
		    answer, CV_ENROLMENT_WEAK_KEY, "RSA keys of this size are not accepted here");
	return true;
}

static bool
is_equal_secret(struct cv_bytes value, const char *text)
{
	return text[0] != '\0' && cv_bytes_equal_secret(value, cv_bytes(text, strlen(text)));
}

/* RFC 7030 section 3.5; with TLS 1.3, which has no tls-unique, by RFC 9266. */
static bool
accepts_link(const struct cv_label *label, const struct cv_csr *csr,
    const struct cv_channel_binding *binding, struct cv_enrolment_answer *answer)
{
	if (label->linking == CV_LINKING_OFF)
		return true;
	if (!csr->has_link)
		return label->linking == CV_LINKING_OPTIONAL ||
		       refuse(answer, CV_ENROLMENT_POP_MISSING,
			   "challengePassword must be base64 of tls-unique, or with TLS 1.3 of "
			   "tls-exporter");
	if (binding == NULL)
		return refuse(answer, CV_ENROLMENT_POP_MISMATCH,
		    "this connection cannot be tied to the request");
	/* Both, so that time does not tell which. */
	bool is_unique = is_equal_secret(csr->link, binding->tls_unique);
	bool is_exporter = is_equal_secret(csr->link, binding->tls_exporter);
	return is_unique || is_exporter ||
	       refuse(answer, CV_ENROLMENT_POP_MISMATCH,
		   "challengePassword is not of this TLS connection");
}

static bool
accepts_extensions(
    const struct cv_label *label, const struct cv_csr *csr, struct cv_enrolment_answer *answer)
{
	if (csr->exceeds_purpose && label->extended_key_usage == CV_EXCESS_REFUSE)
		return refuse(
		    answer, CV_ENROLMENT_BAD_EXTENSION, "extKeyUsage goes beyond clientAuth");
	if (csr->exceeds_key_usage && label->key_usage == CV_EXCESS_REFUSE)
		return refuse(
		    answer, CV_ENROLMENT_BAD_EXTENSION, "keyUsage goes beyond digitalSignature");
	return true;
}

/* The list was checked when the configuration was read. */
static bool
accepts_attributes(
    const struct cv_label *label, const struct cv_csr *csr, struct cv_enrolment_answer *answer)
{
	const char *list = label->attributes;

	if (!label->requires_attributes)
		return true;
	while (list[0] != '\0') {
		CV_AUTO_BUFFER struct cv_buffer oid = CV_BUFFER_INIT;
		const char *name = list;

		if (!cv_oid_parse(&list, &oid) || cv_csr_names(csr, cv_buffer_bytes(&oid)))
			continue;
		snprintf(answer->detail_text, sizeof(answer->detail_text),
		    "the request lacks attribute %.*s", (int)strcspn(name, ", "), name);
		return refuse(answer, CV_ENROLMENT_BAD_CSR, answer->detail_text);
	}
	return true;
}

bool
cv_label_accepts(const struct cv_label *label, const struct cv_csr *csr,
    const struct cv_channel_binding *binding, struct cv_enrolment_answer *answer)
{
	return accepts_key(label, csr->key, answer) && accepts_link(label, csr, binding, answer) &&
	       accepts_extensions(label, csr, answer) && accepts_attributes(label, csr, answer);
}

bool
cv_label_accepts_for_new_key(const struct cv_label *label, const struct cv_csr *csr,
    const struct cv_channel_binding *binding, struct cv_enrolment_answer *answer)
{
	return accepts_link(label, csr, binding, answer) &&
	       accepts_extensions(label, csr, answer) && accepts_attributes(label, csr, answer);
}

/* The one type of key that is accepted, if there is one. */
static bool
find_only_key(const struct cv_label *label, enum cv_key_type *ret_key)
{
	for (int type = 0; type < CV_KEY_TYPE_COUNT; type++) {
		*ret_key = (enum cv_key_type)type;
		if (label->keys == INT64_C(1) << type)
			return true;
	}
	return false;
}

bool
cv_label_csrattrs(const struct cv_label *label, const char *unit, bool oids_only,
    struct cv_buffer *buffer, struct cv_error *err)
{
	struct cv_csrattrs wanted = {
	    .has_key_oids = oids_only || label->csrattrs != CV_CSRATTRS_TEMPLATE,
	    .has_template = !oids_only && label->csrattrs != CV_CSRATTRS_OIDS,
	    .wants_link = label->linking != CV_LINKING_OFF,
	    .rsa_bits = (unsigned)label->rsa_min_bits,
	    .leaves_san = label->san[0] != '\0',
	    .unit = unit,
	    .attributes = label->attributes,
	};

	wanted.has_key = find_only_key(label, &wanted.key);
	return cv_csrattrs_append(&wanted, buffer, err);
}
