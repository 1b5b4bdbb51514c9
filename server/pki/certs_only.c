#include "cv/pki/certs_only.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

static void
append_certificates(struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count)
{
	const size_t set = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	for (size_t i = 0; i < count; i++)
		cv_buffer_append(buffer, certificates[i].data, certificates[i].len);
	cv_der_close(buffer, set);
}

/* SignedData of RFC 5652 section 5.1; without signers its version is 1. */
static void
append_signed_data(struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count)
{
	const struct cv_bytes nothing = {NULL, 0};
	const size_t signed_data = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 1);
	cv_der_append(buffer, CV_DER_SET, nothing); /* digestAlgorithms */
	const size_t content = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_PKCS7_DATA));
	cv_der_close(buffer, content);
	append_certificates(buffer, certificates, count);
	cv_der_append(buffer, CV_DER_SET, nothing); /* signerInfos */
	cv_der_close(buffer, signed_data);
}

void
cv_certs_only_append(struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count)
{
	const size_t outer = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_PKCS7_SIGNED_DATA));
	const size_t content = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	append_signed_data(buffer, certificates, count);
	cv_der_close(buffer, content);
	cv_der_close(buffer, outer);
}

static bool
enter_named(struct cv_der_reader *reader, struct cv_bytes oid, struct cv_der_reader *ret_inner)
{
	struct cv_bytes found;
	return cv_der_enter(reader, CV_DER_SEQUENCE, ret_inner) &&
	       cv_der_read(ret_inner, CV_DER_OID, &found) && cv_bytes_equal(found, oid);
}

bool
cv_certs_only_first(struct cv_bytes message, struct cv_bytes *ret_certificate)
{
	struct cv_der_reader reader = cv_der_reader(message), outer, content, data, named, set;
	struct cv_bytes skipped;
	uint64_t version;
	return cv_der_is_strict(message) &&
	       enter_named(&reader, CV_OID(CV_OID_PKCS7_SIGNED_DATA), &outer) &&
	       cv_der_enter(&outer, CV_DER_CONTEXT_CONSTRUCTED(0), &content) &&
	       cv_der_enter(&content, CV_DER_SEQUENCE, &data) &&
	       cv_der_read_small(&data, &version) && cv_der_read(&data, CV_DER_SET, &skipped) &&
	       enter_named(&data, CV_OID(CV_OID_PKCS7_DATA), &named) &&
	       cv_der_enter(&data, CV_DER_CONTEXT_CONSTRUCTED(0), &set) &&
	       cv_der_read_whole(&set, CV_DER_SEQUENCE, ret_certificate);
}
