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
