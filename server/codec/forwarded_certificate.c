#include "cv/codec/forwarded_certificate.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"

static bool
measure(const char *value, size_t *ret_len, struct cv_error *err)
{
	size_t len = strnlen(value, CV_FORWARDED_MAX_BYTES + 1);

	if (len > CV_FORWARDED_MAX_BYTES)
		return cv_fail(err, CV_E_LIMIT, "forwarded certificate longer than %d bytes",
		    CV_FORWARDED_MAX_BYTES);
	*ret_len = len;
	return true;
}

/* '+' stays a plus: gateways encode it as %2B or leave it, and none means a blank by it. */
static bool
percent_decode(const char *value, size_t len, struct cv_buffer *ret_text, struct cv_error *err)
{
	for (size_t i = 0; i < len;) {
		const char *percent = memchr(value + i, '%', len - i);
		size_t literal = percent == NULL ? len - i : (size_t)(percent - value) - i;
		size_t decoded;
		uint8_t byte;

		cv_buffer_append(ret_text, value + i, literal);
		i += literal;
		if (percent == NULL)
			break;
		if (len - i < 3 || !cv_hex_decode(percent + 1, 2, &byte, 1, &decoded))
			return cv_fail(err, CV_E_INPUT, "bad percent-encoding");
		cv_buffer_append_byte(ret_text, byte);
		i += 3;
	}
	if (ret_text->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

bool
cv_forwarded_pem(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	size_t len = 0;

	if (!measure(value, &len, err) || !percent_decode(value, len, &pem, err))
		return false;
	return cv_armour_decode(
	    cv_buffer_bytes(&pem), CV_ARMOUR_ALONE, CV_ARMOUR_CERTIFICATE, NULL, ret_der, err);
}

/* RFC 8941 section 3.3.5; parameters have no meaning in RFC 9440 and are refused. */
bool
cv_forwarded_rfc9440(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	size_t before = ret_der->len;
	size_t len = 0;

	if (!measure(value, &len, err))
		return false;
	if (value[0] == '-')
		return cv_forwarded_pem(value, ret_der, err);
	if (len < 2 || value[0] != ':' || value[len - 1] != ':')
		return cv_fail(
		    err, CV_E_INPUT, "Client-Cert is not a byte sequence between colons");
	if (!cv_base64_decode(value + 1, len - 2, CV_BASE64_STRICT, ret_der, err))
		return false;
	if (ret_der->len == before)
		return cv_fail(err, CV_E_INPUT, "Client-Cert is empty");
	return true;
}

bool
cv_forwarded_sha256(const char *value, struct cv_digest *ret_fingerprint, struct cv_error *err)
{
	struct cv_digest fingerprint;
	size_t len = 0;

	if (strnlen(value, CV_DIGEST_HEX_SIZE) != CV_DIGEST_HEX_SIZE - 1 ||
	    !cv_hex_decode(value, CV_DIGEST_HEX_SIZE - 1, fingerprint.bytes, CV_DIGEST_LEN, &len) ||
	    len != CV_DIGEST_LEN)
		return cv_fail(err, CV_E_INPUT, "fingerprint is not 64 hex digits");
	*ret_fingerprint = fingerprint;
	return true;
}
