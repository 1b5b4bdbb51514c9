#include "cv/codec/est.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/pki/certs_only.h"
#include "cv/util/base64.h"

/* "-" is in no base64 alphabet that is accepted, so one in front can only be armour. */
static bool
looks_like_pem(struct cv_bytes body)
{
	for (size_t i = 0; i < body.len; i++) {
		if (body.data[i] == '\0' || strchr(" \t\r\n\v\f", body.data[i]) == NULL)
			return body.data[i] == '-';
	}
	return false;
}

bool
cv_est_decode_request(struct cv_bytes body, struct cv_buffer *ret_der, struct cv_error *err)
{
	size_t len = ret_der->len;

	if (body.len > CV_EST_BODY_MAX)
		return cv_fail(err, CV_E_LIMIT, "body longer than %d bytes", CV_EST_BODY_MAX);
	if (looks_like_pem(body))
		return cv_armour_decode(
		    body, CV_ARMOUR_ALONE, CV_ARMOUR_REQUEST, CV_ARMOUR_NEW_REQUEST, ret_der, err);
	if (!cv_base64_decode(
		(const char *)body.data, body.len, CV_BASE64_WHITESPACE, ret_der, err))
		return false;
	if (ret_der->len == len)
		return cv_fail(err, CV_E_INPUT, "body is empty");
	return true;
}

/* RFC 8951 section 3.1; clients of the field insist on the CRLF at the end. */
void
cv_est_append_base64(struct cv_buffer *buffer, struct cv_bytes der, size_t columns)
{
	if (columns == 0)
		cv_base64_append(buffer, der);
	else
		cv_base64_append_wrapped(buffer, der, columns);
	cv_buffer_append_text(buffer, "\r\n");
}

void
cv_est_append_certs(
    struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count, size_t columns)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	cv_certs_only_append(&der, certificates, count);
	cv_est_append_base64(buffer, cv_buffer_bytes(&der), columns);
	buffer->has_failed |= der.has_failed;
}

/* The boundary of CV_EST_KEY_ANSWER; a hyphen is in no base64. */
#define DELIMITER "--certvendor-key-and-certificate"

static const char *const key_types[] = {
    [CV_EST_KEY_PLAIN] = "application/pkcs8",
    [CV_EST_KEY_ENVELOPED] = "application/pkcs7-mime; smime-type=server-generated-key",
};

static void
begin_part(struct cv_buffer *buffer, const char *media_type)
{
	cv_buffer_append_text(buffer, DELIMITER "\r\nContent-Type: ");
	cv_buffer_append_text(buffer, media_type);
	cv_buffer_append_text(buffer, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
}

/* RFC 2046 section 5.1.1: the CRLF before a delimiter is the delimiter's. */
void
cv_est_append_key_answer(struct cv_buffer *buffer, enum cv_est_key_form form,
    struct cv_bytes private_key, struct cv_bytes certificate, size_t columns)
{
	begin_part(buffer, key_types[form]);
	cv_est_append_base64(buffer, private_key, columns);
	begin_part(buffer, "application/pkcs7-mime; smime-type=certs-only");
	cv_est_append_certs(buffer, &certificate, 1, columns);
	cv_buffer_append_text(buffer, DELIMITER "--\r\n");
}
