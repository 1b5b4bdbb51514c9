#include "cv/pki/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LENGTH_SIZE (1 + sizeof(size_t))

/* How many octets follow the first one of a length; 0: the first is the length. */
static size_t
length_octets(size_t len)
{
	size_t octets = 0;
	if (len < 0x80)
		return 0;
	for (; len > 0; len >>= 8)
		octets++;
	return octets;
}

static size_t
encode_length(size_t len, uint8_t ret_octets[LENGTH_SIZE])
{
	const size_t octets = length_octets(len);
	ret_octets[0] = octets == 0 ? (uint8_t)len : (uint8_t)(0x80 | octets);
	for (size_t i = octets; i > 0; i--) {
		ret_octets[i] = (uint8_t)(len & 0xff);
		len >>= 8;
	}
	return 1 + octets;
}

static void
append_header(struct cv_buffer *buffer, uint8_t tag, size_t len)
{
	uint8_t length[LENGTH_SIZE];
	const size_t length_len = encode_length(len, length);
	cv_buffer_append_byte(buffer, tag);
	cv_buffer_append(buffer, length, length_len);
}

void
cv_der_append(struct cv_buffer *buffer, uint8_t tag, struct cv_bytes content)
{
	append_header(buffer, tag, content.len);
	cv_buffer_append(buffer, content.data, content.len);
}

void
cv_der_append_unsigned(struct cv_buffer *buffer, struct cv_bytes magnitude)
{
	while (magnitude.len > 0 && magnitude.data[0] == 0)
		magnitude = cv_bytes(magnitude.data + 1, magnitude.len - 1);
	const bool needs_sign_octet = magnitude.len == 0 || (magnitude.data[0] & 0x80) != 0;
	append_header(buffer, CV_DER_INTEGER, magnitude.len + (needs_sign_octet ? 1 : 0));
	if (needs_sign_octet)
		cv_buffer_append_byte(buffer, 0);
	cv_buffer_append(buffer, magnitude.data, magnitude.len);
}

void
cv_der_append_small(struct cv_buffer *buffer, uint64_t value)
{
	uint8_t octets[sizeof(value)];
	for (size_t i = sizeof(octets); i > 0; i--) {
		octets[i - 1] = (uint8_t)(value & 0xff);
		value >>= 8;
	}
	cv_der_append_unsigned(buffer, CV_BYTES(octets));
}

/* RFC 5280 section 4.1.2.5: UTCTime through 2049. Neither kind of time reaches beyond 9999. */
void
cv_der_append_time(struct cv_buffer *buffer, int64_t seconds_utc)
{
	const time_t seconds = (time_t)seconds_utc;
	struct tm tm;
	char text[64];
	if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < 0 || tm.tm_year > 9999 - 1900) {
		buffer->has_failed = true;
		return;
	}
	const int year = tm.tm_year + 1900;
	const bool is_utc_time = year >= 1950 && year < 2050;
	const int len = snprintf(text, sizeof(text), "%0*d%02d%02d%02d%02d%02dZ",
	    is_utc_time ? 2 : 4, is_utc_time ? year % 100 : year, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
	cv_der_append(buffer, is_utc_time ? CV_DER_UTC_TIME : CV_DER_GENERALIZED_TIME,
	    cv_bytes(text, (size_t)len));
}

size_t
cv_der_open(struct cv_buffer *buffer, uint8_t tag)
{
	cv_buffer_append_byte(buffer, tag);
	cv_buffer_append_byte(buffer, 0);
	return buffer->len;
}

/* One octet was kept for the length; a longer one moves the content up. */
void
cv_der_close(struct cv_buffer *buffer, size_t opened)
{
	if (buffer->has_failed)
		return;
	const size_t content_len = buffer->len - opened;
	uint8_t length[LENGTH_SIZE];
	const size_t length_len = encode_length(content_len, length);
	cv_buffer_append(buffer, length, length_len - 1);
	if (buffer->has_failed)
		return;
	memmove(buffer->data + opened + length_len - 1, buffer->data + opened, content_len);
	memcpy(buffer->data + opened - 1, length, length_len);
}
