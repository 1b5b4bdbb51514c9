#include "cv/pki/extension.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

static bool
read_extension(struct cv_der_reader *reader, struct cv_extension *ret_extension)
{
	struct cv_der_reader inner;
	struct cv_bytes critical;
	struct cv_extension extension = {.is_critical = false};
	if (!cv_der_enter(reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read(&inner, CV_DER_OID, &extension.oid))
		return false;
	if (cv_der_peek(&inner) == CV_DER_BOOLEAN) {
		if (!cv_der_read(&inner, CV_DER_BOOLEAN, &critical) || critical.len != 1)
			return false;
		extension.is_critical = critical.data[0] != 0;
	}
	if (!cv_der_read(&inner, CV_DER_OCTET_STRING, &extension.value) || !cv_der_at_end(&inner))
		return false;
	*ret_extension = extension;
	return true;
}

const struct cv_extension *
cv_extension_list_find(const struct cv_extension_list *list, struct cv_bytes oid)
{
	for (size_t i = 0; i < list->count; i++) {
		if (cv_bytes_equal(list->items[i].oid, oid))
			return &list->items[i];
	}
	return NULL;
}

enum cv_extension_outcome
cv_extension_list_read(struct cv_bytes extensions, struct cv_extension_list *ret_list)
{
	struct cv_der_reader outer = cv_der_reader(extensions);
	struct cv_der_reader reader;
	struct cv_extension extension;
	ret_list->count = 0;
	if (!cv_der_enter(&outer, CV_DER_SEQUENCE, &reader) || !cv_der_at_end(&outer))
		return CV_EXTENSION_MALFORMED;
	while (!cv_der_at_end(&reader)) {
		if (!read_extension(&reader, &extension))
			return CV_EXTENSION_MALFORMED;
		if (cv_extension_list_find(ret_list, extension.oid) != NULL)
			return CV_EXTENSION_REPEATED;
		if (ret_list->count == CV_EXTENSIONS_MAX)
			return CV_EXTENSION_TOO_MANY;
		ret_list->items[ret_list->count++] = extension;
	}
	return CV_EXTENSION_GOOD;
}

bool
cv_extension_is_filled_sequence(struct cv_bytes value)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_bytes content;
	return cv_der_is_strict(value) && cv_der_read(&reader, CV_DER_SEQUENCE, &content) &&
	       content.len > 0;
}

bool
cv_extension_read_basic_constraints(struct cv_bytes value, bool *ret_is_ca)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_der_reader inner;
	struct cv_bytes ca;
	uint64_t path_len = 0;
	bool is_ca = false;
	if (!cv_der_is_strict(value) || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner))
		return false;
	if (cv_der_read(&inner, CV_DER_BOOLEAN, &ca))
		is_ca = ca.data[0] != 0;
	if (!cv_der_at_end(&inner) && !cv_der_read_small(&inner, &path_len))
		return false;
	if (!cv_der_at_end(&inner))
		return false;
	*ret_is_ca = is_ca;
	return true;
}

bool
cv_extension_read_key_usage(struct cv_bytes value, unsigned *ret_bits)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_bytes string;
	unsigned bits = 0;
	/* Nine bits are defined, so two octets behind the count of unused bits. */
	if (!cv_der_is_strict(value) || !cv_der_read(&reader, CV_DER_BIT_STRING, &string) ||
	    string.len > 3)
		return false;
	for (size_t i = 8; i < 8 * string.len; i++) {
		if ((string.data[i / 8] & (0x80u >> (i % 8))) != 0)
			bits |= 1u << (i - 8);
	}
	*ret_bits = bits;
	return true;
}

static void
note_purpose(struct cv_extended_key_usage *usage, struct cv_bytes oid)
{
	if (cv_bytes_equal(oid, CV_OID(CV_OID_CLIENT_AUTH)))
		usage->has_client_auth = true;
	else if (cv_bytes_equal(oid, CV_OID(CV_OID_SERVER_AUTH)))
		usage->has_server_auth = true;
	else if (cv_bytes_equal(oid, CV_OID(CV_OID_ANY_PURPOSE)))
		usage->has_any = true;
	else
		usage->has_other = true;
	if (cv_bytes_equal(oid, CV_OID(CV_OID_OCSP_SIGNING)))
		usage->has_ocsp_signing = true;
}

bool
cv_extension_read_extended_key_usage(struct cv_bytes value, struct cv_extended_key_usage *ret_usage)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_der_reader inner;
	struct cv_bytes oid;
	struct cv_extended_key_usage usage = {.has_any = false};
	if (!cv_extension_is_filled_sequence(value) ||
	    !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner))
		return false;
	while (!cv_der_at_end(&inner)) {
		if (!cv_der_read(&inner, CV_DER_OID, &oid))
			return false;
		note_purpose(&usage, oid);
	}
	*ret_usage = usage;
	return true;
}

bool
cv_extension_read_subject_key(struct cv_bytes value, struct cv_bytes *ret_key)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_bytes key;
	if (!cv_der_read(&reader, CV_DER_OCTET_STRING, &key) || !cv_der_at_end(&reader) ||
	    key.len == 0)
		return false;
	*ret_key = key;
	return true;
}

bool
cv_extension_read_authority_key(struct cv_bytes value, struct cv_bytes *ret_key)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_der_reader inner;
	struct cv_bytes key = cv_bytes(NULL, 0);
	if (!cv_der_is_strict(value) || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner))
		return false;
	if (cv_der_peek(&inner) == CV_DER_CONTEXT(0) &&
	    !cv_der_read(&inner, CV_DER_CONTEXT(0), &key))
		return false;
	*ret_key = key;
	return true;
}
