#include "cv/codec/forwarded_certificate.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "forwarded_internal.h"

#define PEM_END "-----END CERTIFICATE-----"

bool
cv_forwarded_measure(const char *value, size_t *ret_len, struct cv_error *err)
{
	size_t len = strnlen(value, CV_FORWARDED_MAX_BYTES + 1);

	if (len > CV_FORWARDED_MAX_BYTES)
		return cv_fail(err, CV_E_LIMIT, "forwarded certificate longer than %d bytes",
		    CV_FORWARDED_MAX_BYTES);
	*ret_len = len;
	return true;
}

/* '+' stays a plus: gateways encode it as %2B or leave it, and none means a blank by it. */
bool
cv_forwarded_percent_decode(
    const char *value, size_t len, struct cv_buffer *ret_text, struct cv_error *err)
{
	const char *at = value, *end = value + len;
	uint8_t *start = cv_buffer_reserve(ret_text, len), *out = start;

	if (start == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	while (at < end) {
		const char *percent = memchr(at, '%', (size_t)(end - at));
		size_t literal = (size_t)((percent == NULL ? end : percent) - at);
		size_t decoded;

		memcpy(out, at, literal);
		out += literal;
		if (percent == NULL)
			break;
		if (end - percent < 3 || !cv_hex_decode(percent + 1, 2, out, 1, &decoded))
			return cv_fail(err, CV_E_INPUT, "bad percent-encoding");
		out++;
		at = percent + 3;
	}
	cv_buffer_take(ret_text, (size_t)(out - start));
	return true;
}

bool
cv_forwarded_pem_part(struct cv_bytes part, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	return cv_forwarded_percent_decode((const char *)part.data, part.len, &pem, err) &&
	       cv_armour_decode(cv_buffer_bytes(&pem), CV_ARMOUR_ALONE, CV_ARMOUR_CERTIFICATE, NULL,
		   ret_der, err);
}

bool
cv_forwarded_pem(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	size_t len = 0;

	return cv_forwarded_measure(value, &len, err) &&
	       cv_forwarded_pem_part(cv_bytes(value, len), ret_der, err);
}

/* Length up to the end of the first block; all of it where there is none. */
static size_t
first_block(const struct cv_buffer *pem)
{
	const uint8_t *end =
	    pem->len == 0 ? NULL : memmem(pem->data, pem->len, PEM_END, strlen(PEM_END));

	return end == NULL ? pem->len : (size_t)(end - pem->data) + strlen(PEM_END);
}

bool
cv_forwarded_pem_chain(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	size_t len = 0;

	return cv_forwarded_measure(value, &len, err) &&
	       cv_forwarded_percent_decode(value, len, &pem, err) &&
	       cv_armour_decode(cv_bytes(pem.data, first_block(&pem)), CV_ARMOUR_ALONE,
		   CV_ARMOUR_CERTIFICATE, NULL, ret_der, err);
}

static bool
decode_base64(const char *text, size_t len, struct cv_buffer *ret_der, struct cv_error *err)
{
	size_t before = ret_der->len;

	if (!cv_base64_decode(text, len, CV_BASE64_STRICT, ret_der, err))
		return false;
	return ret_der->len > before ||
	       cv_fail(err, CV_E_INPUT, "the forwarded certificate is empty");
}

/* RFC 8941 section 3.3.5; parameters have no meaning in RFC 9440 and are refused. */
bool
cv_forwarded_rfc9440(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	size_t len = 0;

	if (!cv_forwarded_measure(value, &len, err))
		return false;
	if (value[0] == '-')
		return cv_forwarded_pem(value, ret_der, err);
	if (len < 2 || value[0] != ':' || value[len - 1] != ':')
		return cv_fail(
		    err, CV_E_INPUT, "Client-Cert is not a byte sequence between colons");
	return decode_base64(value + 1, len - 2, ret_der, err);
}

/* Neither a percent sign nor a comma is a character of base64. */
bool
cv_forwarded_traefik(const char *value, struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	size_t len = 0;

	if (!cv_forwarded_measure(value, &len, err))
		return false;
	if (value[0] == '-')
		return cv_forwarded_pem_chain(value, ret_der, err);
	if (!cv_forwarded_percent_decode(value, len, &text, err))
		return false;
	const char *leaf = cv_buffer_text(&text);
	const char *comma = memchr(leaf, ',', text.len);
	return decode_base64(leaf, comma == NULL ? text.len : (size_t)(comma - leaf), ret_der, err);
}

static bool
decode_digest(const char *text, size_t text_len, uint8_t *ret_digest, size_t size)
{
	size_t len = 0;

	return text_len == 2 * size && cv_hex_decode(text, text_len, ret_digest, size, &len) &&
	       len == size;
}

bool
cv_forwarded_sha256_part(
    struct cv_bytes part, struct cv_digest *ret_fingerprint, struct cv_error *err)
{
	struct cv_digest fingerprint;

	if (!decode_digest(
		(const char *)part.data, part.len, fingerprint.bytes, sizeof(fingerprint.bytes)))
		return cv_fail(err, CV_E_INPUT, "fingerprint is not 64 hex digits");
	*ret_fingerprint = fingerprint;
	return true;
}

bool
cv_forwarded_sha256(const char *value, struct cv_digest *ret_fingerprint, struct cv_error *err)
{
	return cv_forwarded_sha256_part(
	    cv_bytes(value, strnlen(value, CV_DIGEST_HEX_SIZE)), ret_fingerprint, err);
}

bool
cv_forwarded_sha1(const char *value, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	uint8_t sha1[CV_SHA1_LEN];

	if (!decode_digest(value, strnlen(value, 2 * sizeof(sha1) + 1), sha1, sizeof(sha1)))
		return cv_fail(err, CV_E_INPUT, "SHA-1 is not 40 hex digits");
	memcpy(ret_name->sha1, sha1, sizeof(sha1));
	ret_name->has_sha1 = true;
	return true;
}

bool
cv_forwarded_take_serial(
    struct cv_bytes octets, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	while (octets.len > 1 && octets.data[0] == 0)
		octets = cv_bytes(octets.data + 1, octets.len - 1);
	if (octets.len == 0 || octets.len > sizeof(ret_name->serial))
		return cv_fail(err, CV_E_INPUT, "serial number is not of 1 to 20 octets");
	memcpy(ret_name->serial, octets.data, octets.len);
	ret_name->serial_len = octets.len;
	return true;
}

bool
cv_forwarded_take_issuer(
    struct cv_bytes text, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	if (text.len == 0 ||
	    !cv_text_copy_bytes(ret_name->issuer, sizeof(ret_name->issuer), text.data, text.len))
		return cv_fail(err, CV_E_INPUT, "issuer is not of 1 to %d characters",
		    CV_ISSUER_TEXT_SIZE - 1);
	return true;
}

#define SERIAL_TEXT_MAX 128

/* "0a:1B" and "A1B" are the same number. */
static bool
read_serial(const char *text, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	char digits[SERIAL_TEXT_MAX + 1] = "0";
	uint8_t octets[SERIAL_TEXT_MAX / 2];
	size_t count = 1;
	size_t len = 0;

	if (strnlen(text, SERIAL_TEXT_MAX) == SERIAL_TEXT_MAX)
		return cv_fail(err, CV_E_INPUT, "serial number is too long");
	for (const char *at = text; *at != '\0'; at++) {
		if (*at != ':')
			digits[count++] = *at;
	}
	const char *even = digits + (count % 2 == 0 ? 0 : 1);
	if (!cv_hex_decode(even, strlen(even), octets, sizeof(octets), &len))
		return cv_fail(err, CV_E_INPUT, "serial number is not hex");
	return cv_forwarded_take_serial(cv_bytes(octets, len), ret_name, err);
}

bool
cv_forwarded_issuer_serial(const char *issuer, const char *serial,
    struct cv_certificate_name *ret_name, struct cv_error *err)
{
	return read_serial(serial, ret_name, err) &&
	       cv_forwarded_take_issuer(
		   cv_bytes(issuer, strnlen(issuer, CV_ISSUER_TEXT_SIZE)), ret_name, err);
}
