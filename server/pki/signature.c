#include "signature_internal.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

/* A salt longer than the longest digest helps nobody. */
#define SALT_MAX 64

enum parameters { PARAMETERS_ABSENT, PARAMETERS_NULL, PARAMETERS_PSS };

static const struct scheme_row {
	struct cv_bytes oid;
	enum cv_key_kind kind;
	enum cv_hash hash;
	enum parameters parameters;
} scheme_rows[] = {
    {CV_OID_INIT(CV_OID_ECDSA_SHA256), CV_KEY_KIND_EC, CV_HASH_SHA256, PARAMETERS_ABSENT},
    {CV_OID_INIT(CV_OID_ECDSA_SHA384), CV_KEY_KIND_EC, CV_HASH_SHA384, PARAMETERS_ABSENT},
    {CV_OID_INIT(CV_OID_ECDSA_SHA512), CV_KEY_KIND_EC, CV_HASH_SHA512, PARAMETERS_ABSENT},
    {CV_OID_INIT(CV_OID_RSA_SHA256), CV_KEY_KIND_RSA, CV_HASH_SHA256, PARAMETERS_NULL},
    {CV_OID_INIT(CV_OID_RSA_SHA384), CV_KEY_KIND_RSA, CV_HASH_SHA384, PARAMETERS_NULL},
    {CV_OID_INIT(CV_OID_RSA_SHA512), CV_KEY_KIND_RSA, CV_HASH_SHA512, PARAMETERS_NULL},
    {CV_OID_INIT(CV_OID_RSA_PSS), CV_KEY_KIND_RSA, CV_HASH_NONE, PARAMETERS_PSS},
    {CV_OID_INIT(CV_OID_ED25519), CV_KEY_KIND_ED25519, CV_HASH_NONE, PARAMETERS_ABSENT},
};

static const struct hash_row {
	struct cv_bytes oid;
	enum cv_hash hash;
} hash_rows[] = {
    {CV_OID_INIT(CV_OID_SHA256), CV_HASH_SHA256},
    {CV_OID_INIT(CV_OID_SHA384), CV_HASH_SHA384},
    {CV_OID_INIT(CV_OID_SHA512), CV_HASH_SHA512},
};

static const struct scheme_row *
find_row(struct cv_bytes oid)
{
	for (size_t i = 0; i < sizeof(scheme_rows) / sizeof(scheme_rows[0]); i++) {
		if (cv_bytes_equal(scheme_rows[i].oid, oid))
			return &scheme_rows[i];
	}
	return NULL;
}

/* RFC 4055 section 2.1: parameters of a digest are NULL or absent, and mean the same. */
static bool
read_absent_or_null(struct cv_der_reader *reader)
{
	struct cv_bytes content;
	if (cv_der_at_end(reader))
		return true;
	return cv_der_read(reader, CV_DER_NULL, &content) && content.len == 0 &&
	       cv_der_at_end(reader);
}

static bool
read_hash(struct cv_der_reader *reader, enum cv_hash *ret_hash)
{
	struct cv_der_reader inner;
	struct cv_bytes oid;
	if (!cv_der_enter(reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read(&inner, CV_DER_OID, &oid) || !read_absent_or_null(&inner))
		return false;
	for (size_t i = 0; i < sizeof(hash_rows) / sizeof(hash_rows[0]); i++) {
		if (!cv_bytes_equal(hash_rows[i].oid, oid))
			continue;
		*ret_hash = hash_rows[i].hash;
		return true;
	}
	return false;
}

static bool
read_mask_hash(struct cv_der_reader *reader, enum cv_hash *ret_hash)
{
	struct cv_der_reader inner;
	struct cv_bytes oid;
	return cv_der_enter(reader, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_OID, &oid) && cv_bytes_equal(oid, CV_OID(CV_OID_MGF1)) &&
	       read_hash(&inner, ret_hash) && cv_der_at_end(&inner);
}

/*
 * RSASSA-PSS-params of RFC 4055 section 3.1. The defaults stand for SHA-1, so both digests must be
 * there, and equal; the trailer field has one legal value, which is its default and so never
 * written.
 */
static bool
read_pss(struct cv_der_reader *reader, struct cv_signature_scheme *scheme)
{
	struct cv_der_reader parameters;
	struct cv_der_reader field;
	enum cv_hash mask_hash = CV_HASH_NONE;
	uint64_t salt_len = 20; /* DEFAULT */
	if (!cv_der_enter(reader, CV_DER_SEQUENCE, &parameters) ||
	    !cv_der_enter(&parameters, CV_DER_CONTEXT_CONSTRUCTED(0), &field) ||
	    !read_hash(&field, &scheme->hash) || !cv_der_at_end(&field) ||
	    !cv_der_enter(&parameters, CV_DER_CONTEXT_CONSTRUCTED(1), &field) ||
	    !read_mask_hash(&field, &mask_hash) || !cv_der_at_end(&field))
		return false;
	if (cv_der_peek(&parameters) == CV_DER_CONTEXT_CONSTRUCTED(2) &&
	    (!cv_der_enter(&parameters, CV_DER_CONTEXT_CONSTRUCTED(2), &field) ||
		!cv_der_read_small(&field, &salt_len) || !cv_der_at_end(&field)))
		return false;
	if (mask_hash != scheme->hash || salt_len > SALT_MAX)
		return false;
	scheme->is_pss = true;
	scheme->salt_len = (int)salt_len;
	return cv_der_at_end(&parameters) && cv_der_at_end(reader);
}

static bool
read_parameters(
    struct cv_der_reader *reader, enum parameters parameters, struct cv_signature_scheme *scheme)
{
	switch (parameters) {
	case PARAMETERS_ABSENT:
		return cv_der_at_end(reader);
	case PARAMETERS_NULL:
		return read_absent_or_null(reader);
	case PARAMETERS_PSS:
		return read_pss(reader, scheme);
	}
	return false;
}

bool
cv_signature_scheme_read(struct cv_bytes algorithm, struct cv_signature_scheme *ret_scheme)
{
	struct cv_der_reader reader = cv_der_reader(algorithm);
	struct cv_der_reader inner;
	struct cv_bytes oid;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) || !cv_der_at_end(&reader) ||
	    !cv_der_read(&inner, CV_DER_OID, &oid))
		return false;
	const struct scheme_row *row = find_row(oid);
	if (row == NULL)
		return false;
	struct cv_signature_scheme scheme = {.kind = row->kind, .hash = row->hash};
	if (!read_parameters(&inner, row->parameters, &scheme))
		return false;
	*ret_scheme = scheme;
	return true;
}

bool
cv_signature_is_ecdsa(struct cv_bytes algorithm)
{
	/* ansi-X9-62 signatures: 1.2.840.10045.4, SHA-1 and SHA-224 as well. */
	static const char arc[] = "\x2a\x86\x48\xce\x3d\x04";
	struct cv_der_reader reader = cv_der_reader(algorithm);
	struct cv_der_reader inner;
	struct cv_bytes oid;
	return cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_OID, &oid) && oid.len >= sizeof(arc) - 1 &&
	       cv_bytes_equal(cv_bytes(oid.data, sizeof(arc) - 1), CV_OID(arc));
}

static bool
is_positive(struct cv_bytes integer)
{
	return (integer.data[0] & 0x80) == 0 && !(integer.len == 1 && integer.data[0] == 0);
}

bool
cv_signature_is_strict_ecdsa(struct cv_bytes signature)
{
	struct cv_der_reader reader = cv_der_reader(signature);
	struct cv_der_reader inner;
	struct cv_bytes r;
	struct cv_bytes s;
	return cv_der_is_strict(signature) && cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_INTEGER, &r) && cv_der_read(&inner, CV_DER_INTEGER, &s) &&
	       cv_der_at_end(&inner) && is_positive(r) && is_positive(s);
}
