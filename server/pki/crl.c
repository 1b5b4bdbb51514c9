#include "cv/pki/crl.h"

#include <stdlib.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/extension.h"
#include "cv/pki/oid.h"
#include "cv/pki/public_key.h"
#include "cv/util/pem.h"

#define VERSION_2 1 /* as encoded */
#define REASON_MAX 10

struct parts {
	struct cv_bytes tbs;
	struct cv_bytes algorithm;
	struct cv_bytes signature;
	struct cv_bytes issuer;
};

/* False: *ret_detail says why. */
static bool
refuse(const char *detail, const char **ret_detail)
{
	*ret_detail = detail;
	return false;
}

static bool
read_outer(struct cv_bytes der, struct parts *parts, const char **ret_detail)
{
	struct cv_der_reader reader = cv_der_reader(der);
	struct cv_der_reader inner;
	struct cv_bytes bits;

	if (!cv_der_is_strict(der) || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &parts->tbs) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &parts->algorithm) ||
	    !cv_der_read(&inner, CV_DER_BIT_STRING, &bits) || !cv_der_at_end(&inner) ||
	    bits.len < 2 || bits.data[0] != 0)
		return refuse("not a CRL in strict DER (RFC 5280 section 5.1)", ret_detail);
	parts->signature = cv_bytes(bits.data + 1, bits.len - 1);
	return true;
}

/* Only lists of version 2 have extensions, and only they can say hold. */
static bool
read_head(
    struct cv_der_reader *tbs, struct parts *parts, struct cv_crl *crl, const char **ret_detail)
{
	struct cv_bytes algorithm;
	uint64_t version = 0;

	if (!cv_der_read_small(tbs, &version) || version != VERSION_2)
		return refuse("the CRL is not of version 2", ret_detail);
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &algorithm) ||
	    !cv_bytes_equal(algorithm, parts->algorithm))
		return refuse("inner and outer signature algorithm of the CRL differ", ret_detail);
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &parts->issuer))
		return refuse("the CRL has no issuer", ret_detail);
	if (!cv_der_read_time(tbs, &crl->this_update_utc) ||
	    !cv_der_read_time(tbs, &crl->next_update_utc))
		return refuse("the CRL lacks thisUpdate or nextUpdate", ret_detail);
	return true;
}

static bool
read_reason(struct cv_bytes value, unsigned *ret_reason)
{
	struct cv_der_reader reader = cv_der_reader(value);
	struct cv_bytes content;

	if (!cv_der_read(&reader, CV_DER_ENUMERATED, &content) || !cv_der_at_end(&reader) ||
	    content.len != 1 || content.data[0] > REASON_MAX)
		return false;
	*ret_reason = content.data[0];
	return true;
}

/* A critical extension could say that the entry is of another issuer. */
static bool
read_entry_extensions(struct cv_der_reader *entry, struct cv_crl_entry *ret_entry)
{
	struct cv_extension_list list;
	struct cv_bytes extensions;

	if (cv_der_at_end(entry))
		return true;
	if (!cv_der_read_whole(entry, CV_DER_SEQUENCE, &extensions) || !cv_der_at_end(entry) ||
	    cv_extension_list_read(extensions, &list) != CV_EXTENSION_GOOD)
		return false;
	for (size_t i = 0; i < list.count; i++) {
		bool is_reason = cv_bytes_equal(list.items[i].oid, CV_OID(CV_OID_CRL_REASON));
		if (is_reason && !read_reason(list.items[i].value, &ret_entry->reason))
			return false;
		if (!is_reason && list.items[i].is_critical)
			return false;
	}
	return true;
}

static bool
read_entry(struct cv_der_reader *entries, struct cv_crl_entry *ret_entry)
{
	struct cv_der_reader entry;
	struct cv_bytes serial;
	int64_t revoked_utc;

	if (!cv_der_enter(entries, CV_DER_SEQUENCE, &entry) ||
	    !cv_der_read(&entry, CV_DER_INTEGER, &serial) || (serial.data[0] & 0x80) != 0)
		return false;
	if (serial.len > 1 && serial.data[0] == 0)
		serial = cv_bytes(serial.data + 1, serial.len - 1);
	if (serial.len > sizeof(ret_entry->serial))
		return false;
	memcpy(ret_entry->serial, serial.data, serial.len);
	ret_entry->serial_len = serial.len;
	ret_entry->reason = CV_CRL_UNSPECIFIED;
	return cv_der_read_time(&entry, &revoked_utc) && read_entry_extensions(&entry, ret_entry);
}

/* An empty list is left out, but some write it. */
static bool
read_entries(struct cv_der_reader *tbs, struct cv_crl *crl, const char **ret_detail)
{
	struct cv_der_reader entries;

	if (cv_der_peek(tbs) != CV_DER_SEQUENCE)
		return true;
	if (!cv_der_enter(tbs, CV_DER_SEQUENCE, &entries))
		return refuse("the entries of the CRL do not decode", ret_detail);
	while (!cv_der_at_end(&entries)) {
		if (crl->count == CV_CRL_ENTRIES_MAX)
			return refuse("the CRL has more than 256 entries", ret_detail);
		if (!read_entry(&entries, &crl->entries[crl->count++]))
			return refuse("an entry of the CRL does not decode, or has a critical "
				      "extension that is not understood",
			    ret_detail);
	}
	return true;
}

/* Critical ones would narrow what the list is about (RFC 5280 section 5.2). */
static bool
read_extensions(struct cv_der_reader *tbs, const char **ret_detail)
{
	struct cv_extension_list list;
	struct cv_der_reader inner;
	struct cv_bytes extensions;

	if (cv_der_at_end(tbs))
		return true;
	if (!cv_der_enter(tbs, CV_DER_CONTEXT_CONSTRUCTED(0), &inner) || !cv_der_at_end(tbs) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &extensions) || !cv_der_at_end(&inner) ||
	    cv_extension_list_read(extensions, &list) != CV_EXTENSION_GOOD)
		return refuse("the extensions of the CRL do not decode", ret_detail);
	for (size_t i = 0; i < list.count; i++) {
		const struct cv_extension *each = &list.items[i];
		if (each->is_critical && !cv_bytes_equal(each->oid, CV_OID(CV_OID_CRL_NUMBER)) &&
		    !cv_bytes_equal(each->oid, CV_OID(CV_OID_AUTHORITY_KEY)))
			return refuse(
			    "the CRL has a critical extension that is not understood", ret_detail);
	}
	return true;
}

static bool
read_list(struct cv_bytes der, struct parts *parts, struct cv_crl *crl, const char **ret_detail)
{
	struct cv_der_reader reader;
	struct cv_der_reader tbs;

	if (!read_outer(der, parts, ret_detail))
		return false;
	reader = cv_der_reader(parts->tbs);
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &tbs))
		return refuse("not a CRL in strict DER (RFC 5280 section 5.1)", ret_detail);
	return read_head(&tbs, parts, crl, ret_detail) && read_entries(&tbs, crl, ret_detail) &&
	       read_extensions(&tbs, ret_detail);
}

static enum cv_crl_outcome
judge(const struct parts *parts, const struct cv_certificate *issuer, const char **ret_detail)
{
	*ret_detail = "the CRL is of another issuer than the root";
	if (!cv_bytes_equal(parts->issuer, issuer->subject))
		return CV_CRL_FOREIGN;
	*ret_detail = "the CRL is not signed by the key of the root";
	if (cv_public_key_verify(issuer->key, parts->algorithm, parts->tbs, parts->signature) !=
	    CV_SIGNATURE_GOOD)
		return CV_CRL_FOREIGN;
	*ret_detail = NULL;
	return CV_CRL_GOOD;
}

bool
cv_crl_parse(struct cv_bytes der, const struct cv_certificate *issuer,
    enum cv_crl_outcome *ret_outcome, const char **ret_detail, struct cv_crl **ret_crl,
    struct cv_error *err)
{
	CV_AUTO_MEMORY struct cv_crl *crl = calloc(1, sizeof(*crl));
	struct parts parts;

	*ret_outcome = CV_CRL_MALFORMED;
	if (crl == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a CRL");
	if (!read_list(der, &parts, crl, ret_detail))
		return true;
	*ret_outcome = judge(&parts, issuer, ret_detail);
	if (*ret_outcome == CV_CRL_GOOD)
		*ret_crl = CV_TAKE(crl);
	return true;
}

bool
cv_crl_parse_pem(struct cv_bytes pem, const struct cv_certificate *issuer,
    enum cv_crl_outcome *ret_outcome, const char **ret_detail, struct cv_crl **ret_crl,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = {.max_bytes = CV_CRL_MAX_BYTES};
	struct cv_pem_block block;

	*ret_outcome = CV_CRL_MALFORMED;
	*ret_detail = "not one PEM block \"X509 CRL\"";
	if (cv_pem_decode(pem, "X509 CRL", &block, &der) != CV_PEM_FOUND)
		return true;
	return cv_crl_parse(cv_buffer_bytes(&der), issuer, ret_outcome, ret_detail, ret_crl, err);
}
