/* Headers made of elements "key=value;key=value", one per certificate, with commas between them. */
#include <string.h>

#include "cv/codec/forwarded_certificate.h"
#include "cv/util/text.h"
#include "form_internal.h"
#include "forwarded_internal.h"

struct pair_reader {
	const char *at, *end;
};

struct pair {
	struct cv_bytes key, value;
	bool ends_element; /* a comma or the end of the header follows */
};

static size_t
span_until(const struct pair_reader *reader, const char *stops)
{
	const char *at = reader->at;

	while (at < reader->end && strchr(stops, *at) == NULL)
		at++;
	return (size_t)(at - reader->at);
}

/* A backslash takes the next character as it is; it stays in the value. */
static bool
read_quoted(struct pair_reader *reader, struct cv_bytes *ret_value)
{
	const char *begin = ++reader->at;

	for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
		if (*reader->at == '\\' && ++reader->at == reader->end)
			return false;
	}
	if (reader->at == reader->end)
		return false;
	*ret_value = cv_bytes(begin, (size_t)(reader->at++ - begin));
	return true;
}

static bool
read_value(struct pair_reader *reader, struct cv_bytes *ret_value)
{
	if (reader->at < reader->end && *reader->at == '"')
		return read_quoted(reader, ret_value);
	*ret_value = cv_bytes(reader->at, span_until(reader, ",;\""));
	reader->at += ret_value->len;
	return true;
}

/* The next pair; false when the text is malformed. Something is left. */
static bool
next_pair(struct pair_reader *reader, struct pair *ret_pair)
{
	reader->at += strspn(reader->at, " ");
	ret_pair->key = cv_bytes(reader->at, span_until(reader, "=,;\""));
	reader->at += ret_pair->key.len;
	if (ret_pair->key.len == 0 || reader->at == reader->end || *reader->at++ != '=' ||
	    !read_value(reader, &ret_pair->value))
		return false;
	ret_pair->ends_element = reader->at == reader->end || *reader->at == ',';
	if (reader->at == reader->end)
		return true;
	/* A separator, and something after it. */
	return (*reader->at == ',' || *reader->at == ';') && ++reader->at < reader->end;
}

static bool
is_key(const struct pair *pair, const char *key)
{
	char text[16];

	return cv_text_copy_bytes(text, sizeof(text), pair->key.data, pair->key.len) &&
	       cv_text_equal_ignoring_case(text, key);
}

static bool
refuse_pairs(struct cv_error *err)
{
	return cv_fail(err, CV_E_INPUT, "not a list of key=value pairs, or a key came twice");
}

/* ---- Envoy ---- */

struct xfcc_element {
	struct cv_bytes certificate, hash;
};

/* An empty value says as little as an absent one. */
static bool
take_once(struct cv_bytes *kept, const struct pair *pair)
{
	bool is_first = kept->len == 0;

	*kept = pair->value;
	return is_first;
}

static bool
read_xfcc_element(
    struct pair_reader *reader, struct xfcc_element *ret_element, struct cv_error *err)
{
	struct pair pair = {.ends_element = false};

	while (!pair.ends_element) {
		if (!next_pair(reader, &pair) ||
		    (is_key(&pair, "Cert") && !take_once(&ret_element->certificate, &pair)) ||
		    (is_key(&pair, "Hash") && !take_once(&ret_element->hash, &pair)))
			return refuse_pairs(err);
	}
	if (reader->at < reader->end)
		return cv_fail(err, CV_E_CONFLICT, "more than one element");
	return true;
}

bool
cv_forwarded_xfcc(const char *value, struct cv_buffer *ret_der, struct cv_forwarded_xfcc *ret_xfcc,
    struct cv_error *err)
{
	struct cv_forwarded_xfcc xfcc = {.has_certificate = false};
	struct xfcc_element element = {.certificate = {NULL, 0}};
	size_t len = 0;

	if (!cv_forwarded_measure(value, &len, err))
		return false;
	struct pair_reader reader = {value, value + len};
	if (!read_xfcc_element(&reader, &element, err))
		return false;
	xfcc.has_certificate = element.certificate.len > 0;
	xfcc.has_fingerprint = element.hash.len > 0;
	if (xfcc.has_certificate && !cv_forwarded_pem_part(element.certificate, ret_der, err))
		return false;
	if (xfcc.has_fingerprint && !cv_forwarded_sha256_part(element.hash, &xfcc.fingerprint, err))
		return false;
	*ret_xfcc = xfcc;
	return true;
}

/* ---- Traefik ---- */

struct info {
	struct cv_bytes subject, issuer, serial; /* of the first certificate */
};

static bool
read_info(struct pair_reader *reader, struct info *ret_info, struct cv_error *err)
{
	struct pair pair = {.ends_element = false};

	while (!pair.ends_element) {
		if (!next_pair(reader, &pair) ||
		    (is_key(&pair, "Subject") && !take_once(&ret_info->subject, &pair)) ||
		    (is_key(&pair, "Issuer") && !take_once(&ret_info->issuer, &pair)) ||
		    (is_key(&pair, "SerialNumber") && !take_once(&ret_info->serial, &pair)))
			return refuse_pairs(err);
	}
	if (reader->at < reader->end && ret_info->subject.len > 0)
		return cv_fail(err, CV_E_CONFLICT, "a subject, and more than one certificate");
	return true;
}

/* octets = octets * 10 + digit; false when they overflow. */
static bool
append_digit(uint8_t octets[CV_SERIAL_OCTETS_MAX], unsigned digit)
{
	for (size_t i = CV_SERIAL_OCTETS_MAX; i-- > 0;) {
		digit += octets[i] * 10U;
		octets[i] = (uint8_t)digit;
		digit >>= 8;
	}
	return digit == 0;
}

static bool
take_decimal_serial(
    struct cv_bytes text, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	uint8_t octets[CV_SERIAL_OCTETS_MAX] = {0};

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' ||
		    !append_digit(octets, text.data[i] - '0'))
			return cv_fail(err, CV_E_INPUT, "serial number is not decimal");
	}
	return cv_forwarded_take_serial(CV_BYTES(octets), ret_name, err);
}

bool
cv_forwarded_traefik_info(
    const char *value, struct cv_certificate_name *ret_name, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct info info = {.subject = {NULL, 0}};
	size_t len = 0;

	/* Go's url.QueryEscape wrote it. */
	if (!cv_forwarded_measure(value, &len, err) ||
	    !cv_form_decode(cv_bytes(value, len), &text, err))
		return false;
	const char *begin = cv_buffer_text(&text);
	struct pair_reader reader = {begin, begin + text.len};
	if (!read_info(&reader, &info, err))
		return false;
	if (info.issuer.len == 0 || info.serial.len == 0)
		return cv_fail(err, CV_E_INPUT, "no issuer or no serial number");
	return take_decimal_serial(info.serial, ret_name, err) &&
	       cv_forwarded_take_issuer(info.issuer, ret_name, err);
}
