#include "cv/pki/request.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/util/pem.h"

static void
append_raw(struct cv_buffer *buffer, struct cv_bytes bytes)
{
	cv_buffer_append(buffer, bytes.data, bytes.len);
}

/* RFC 2985 section 5.4.2 */
static void
append_extension_request(struct cv_buffer *buffer, struct cv_bytes san)
{
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_EXTENSION_REQUEST));
	const size_t values = cv_der_open(buffer, CV_DER_SET);
	const size_t extensions = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t extension = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_SUBJECT_ALT_NAME));
	cv_der_append(buffer, CV_DER_OCTET_STRING, san);
	cv_der_close(buffer, extension);
	cv_der_close(buffer, extensions);
	cv_der_close(buffer, values);
	cv_der_close(buffer, attribute);
}

void
cv_request_append_info(
    struct cv_buffer *buffer, struct cv_bytes subject, struct cv_bytes spki, struct cv_bytes san)
{
	const size_t info = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 0); /* version 1 */
	append_raw(buffer, subject);
	append_raw(buffer, spki);
	const size_t attributes = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	if (san.len > 0)
		append_extension_request(buffer, san);
	cv_der_close(buffer, attributes);
	cv_der_close(buffer, info);
}

void
cv_request_append(struct cv_buffer *buffer, struct cv_bytes info, struct cv_bytes algorithm,
    struct cv_bytes signature)
{
	const size_t request = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_raw(buffer, info);
	append_raw(buffer, algorithm);
	const size_t bits = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	append_raw(buffer, signature);
	cv_der_close(buffer, bits);
	cv_der_close(buffer, request);
}

void
cv_request_append_pem(struct cv_buffer *buffer, struct cv_bytes der)
{
	cv_pem_append(buffer, "CERTIFICATE REQUEST", der);
}
