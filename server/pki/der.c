#include "cv/pki/der.h"

#include <string.h>
#include <time.h>

/* Four length octets reach 4 GiB, far above every ceiling on what is parsed. */
#define LENGTH_OCTETS_MAX 4
#define TAG_NUMBER_MASK 0x1f
#define TAG_CLASS_MASK 0xc0
#define TAG_CONSTRUCTED 0x20

struct cv_der_reader
cv_der_reader(struct cv_bytes bytes)
{
	if (bytes.len == 0)
		return (struct cv_der_reader){NULL, NULL};
	return (struct cv_der_reader){bytes.data, bytes.data + bytes.len};
}

bool
cv_der_at_end(const struct cv_der_reader *reader)
{
	return reader->at == reader->end;
}

uint8_t
cv_der_peek(const struct cv_der_reader *reader)
{
	return cv_der_at_end(reader) ? 0 : *reader->at;
}

static size_t
bytes_left(const struct cv_der_reader *reader)
{
	return cv_der_at_end(reader) ? 0 : (size_t)(reader->end - reader->at);
}

/* X.690 section 10.1: the definite form, in as few octets as possible. Moves past the length. */
static bool
read_length(struct cv_der_reader *reader, size_t *ret_len)
{
	if (bytes_left(reader) == 0)
		return false;
	const uint8_t first = *reader->at++;
	if (first < 0x80) {
		*ret_len = first;
		return true;
	}
	const size_t octets = first & 0x7fu;
	if (octets == 0 || octets > LENGTH_OCTETS_MAX || octets > bytes_left(reader))
		return false;
	size_t len = 0;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | *reader->at++;
	const bool is_minimal = len >= 0x80 && len >> (8 * (octets - 1)) != 0;
	if (!is_minimal)
		return false;
	*ret_len = len;
	return true;
}

bool
cv_der_read_any(struct cv_der_reader *reader, uint8_t *ret_tag, struct cv_bytes *ret_content,
    struct cv_bytes *ret_element)
{
	struct cv_der_reader ahead = *reader;
	if (cv_der_at_end(&ahead))
		return false;
	const uint8_t tag = *ahead.at++;
	/* High tag numbers do not occur in X.509; 0 would be the end-of-contents of BER. */
	if (tag == 0 || (tag & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
		return false;
	size_t len = 0;
	if (!read_length(&ahead, &len) || len > bytes_left(&ahead))
		return false;
	*ret_tag = tag;
	*ret_content = cv_bytes(ahead.at, len);
	ahead.at += len;
	*ret_element = cv_bytes(reader->at, (size_t)(ahead.at - reader->at));
	*reader = ahead;
	return true;
}

static bool
read_tagged(struct cv_der_reader *reader, uint8_t tag, struct cv_bytes *ret_content,
    struct cv_bytes *ret_element)
{
	uint8_t found = 0;
	return cv_der_peek(reader) == tag &&
	       cv_der_read_any(reader, &found, ret_content, ret_element);
}

bool
cv_der_read(struct cv_der_reader *reader, uint8_t tag, struct cv_bytes *ret_content)
{
	struct cv_bytes element;
	return read_tagged(reader, tag, ret_content, &element);
}

bool
cv_der_read_whole(struct cv_der_reader *reader, uint8_t tag, struct cv_bytes *ret_element)
{
	struct cv_bytes content;
	return read_tagged(reader, tag, &content, ret_element);
}

bool
cv_der_enter(struct cv_der_reader *reader, uint8_t tag, struct cv_der_reader *ret_inner)
{
	struct cv_bytes content;
	if (!cv_der_read(reader, tag, &content))
		return false;
	*ret_inner = cv_der_reader(content);
	return true;
}

/* X.690 section 8.3.2: the first nine bits are not all equal. */
static bool
is_minimal_integer(struct cv_bytes content)
{
	if (content.len == 0)
		return false;
	if (content.len == 1)
		return true;
	const bool second_is_negative = (content.data[1] & 0x80) != 0;
	return !(content.data[0] == 0x00 && !second_is_negative) &&
	       !(content.data[0] == 0xff && second_is_negative);
}

bool
cv_der_read_small(struct cv_der_reader *reader, uint64_t *ret_value)
{
	struct cv_der_reader ahead = *reader;
	struct cv_bytes content;
	if (!cv_der_read(&ahead, CV_DER_INTEGER, &content) || !is_minimal_integer(content))
		return false;
	const bool is_negative = (content.data[0] & 0x80) != 0;
	if (is_negative || content.len > sizeof(uint64_t))
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < content.len; i++)
		value = value << 8 | content.data[i];
	*ret_value = value;
	*reader = ahead;
	return true;
}

static bool
read_digits(struct cv_bytes text, size_t at, size_t count, int *ret_value)
{
	int value = 0;
	for (size_t i = at; i < at + count; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (text.data[i] - '0');
	}
	*ret_value = value;
	return true;
}

/* "MMDDHHMMSSZ", the part that both kinds of time share. */
static bool
read_after_year(struct cv_bytes text, size_t at, struct tm *tm)
{
	if (!read_digits(text, at, 2, &tm->tm_mon) || !read_digits(text, at + 2, 2, &tm->tm_mday) ||
	    !read_digits(text, at + 4, 2, &tm->tm_hour) ||
	    !read_digits(text, at + 6, 2, &tm->tm_min) ||
	    !read_digits(text, at + 8, 2, &tm->tm_sec) || text.data[at + 10] != 'Z')
		return false;
	tm->tm_mon -= 1;
	return true;
}

/* timegm() would turn 31 February into March: what it gives must read back the same. */
static bool
to_seconds(const struct tm *asked, int64_t *ret_seconds)
{
	struct tm given = *asked;
	const time_t seconds = timegm(&given);
	if (given.tm_year != asked->tm_year || given.tm_mon != asked->tm_mon ||
	    given.tm_mday != asked->tm_mday || given.tm_hour != asked->tm_hour ||
	    given.tm_min != asked->tm_min || given.tm_sec != asked->tm_sec)
		return false;
	*ret_seconds = seconds;
	return true;
}

bool
cv_der_read_time(struct cv_der_reader *reader, int64_t *ret_seconds_utc)
{
	const bool is_utc_time = cv_der_peek(reader) == CV_DER_UTC_TIME;
	const uint8_t tag = is_utc_time ? CV_DER_UTC_TIME : CV_DER_GENERALIZED_TIME;
	const size_t year_digits = is_utc_time ? 2 : 4;
	struct cv_der_reader ahead = *reader;
	struct cv_bytes text;
	struct tm tm = {.tm_isdst = 0};
	int year = 0;
	if (!cv_der_read(&ahead, tag, &text) || text.len != year_digits + sizeof("MMDDHHMMSS") ||
	    !read_digits(text, 0, year_digits, &year) || !read_after_year(text, year_digits, &tm))
		return false;
	/* RFC 5280 section 4.1.2.5.1: 50 to 99 are of the last century. */
	if (is_utc_time)
		year += year >= 50 ? 1900 : 2000;
	tm.tm_year = year - 1900;
	if (!to_seconds(&tm, ret_seconds_utc))
		return false;
	*reader = ahead;
	return true;
}

/* X.690 sections 8.19 and 8.20: complete sub-identifiers without leading padding. */
static bool
is_strict_oid(struct cv_bytes content)
{
	bool starts_number = true;
	for (size_t i = 0; i < content.len; i++) {
		if (starts_number && content.data[i] == 0x80)
			return false;
		starts_number = (content.data[i] & 0x80) == 0;
	}
	return content.len > 0 && starts_number;
}

/* X.690 section 11.2.1: unused bits are zero. */
static bool
is_strict_bit_string(struct cv_bytes content)
{
	if (content.len == 0 || content.data[0] > 7)
		return false;
	const unsigned unused = content.data[0];
	if (content.len == 1)
		return unused == 0;
	return (content.data[content.len - 1] & ((1u << unused) - 1)) == 0;
}

static bool
is_strict_primitive(uint8_t tag, struct cv_bytes content)
{
	switch (tag) {
	case CV_DER_BOOLEAN:
		return content.len == 1 && (content.data[0] == 0x00 || content.data[0] == 0xff);
	case CV_DER_INTEGER:
	case CV_DER_ENUMERATED:
		return is_minimal_integer(content);
	case CV_DER_BIT_STRING:
		return is_strict_bit_string(content);
	case CV_DER_NULL:
		return content.len == 0;
	case CV_DER_OID:
		return is_strict_oid(content);
	case CV_DER_BMP_STRING:
		return content.len % 2 == 0;
	case CV_DER_UNIVERSAL_STRING:
		return content.len % 4 == 0;
	default:
		return true;
	}
}

/* X.690 section 10.2: of the universal types only SEQUENCE and SET are constructed in X.509. */
static bool
has_right_form(uint8_t tag)
{
	if ((tag & TAG_CLASS_MASK) != 0)
		return true;
	const uint8_t primitive_tag = tag & TAG_NUMBER_MASK;
	const bool is_container = primitive_tag == (CV_DER_SEQUENCE & TAG_NUMBER_MASK) ||
				  primitive_tag == (CV_DER_SET & TAG_NUMBER_MASK);
	return is_container == ((tag & TAG_CONSTRUCTED) != 0);
}

static bool
is_one_element(struct cv_bytes bytes)
{
	struct cv_der_reader reader = cv_der_reader(bytes);
	uint8_t tag = 0;
	struct cv_bytes content;
	struct cv_bytes element;
	return cv_der_read_any(&reader, &tag, &content, &element) && cv_der_at_end(&reader);
}

/* Walks with its own stack, so that hostile nesting costs neither stack frames nor time. */
bool
cv_der_is_strict(struct cv_bytes bytes)
{
	struct cv_der_reader levels[CV_DER_DEPTH_MAX];
	size_t depth = 0;
	if (!is_one_element(bytes))
		return false;
	levels[0] = cv_der_reader(bytes);
	for (;;) {
		while (cv_der_at_end(&levels[depth])) {
			if (depth == 0)
				return true;
			depth--;
		}
		uint8_t tag = 0;
		struct cv_bytes content;
		struct cv_bytes element;
		if (!cv_der_read_any(&levels[depth], &tag, &content, &element) ||
		    !has_right_form(tag))
			return false;
		if ((tag & TAG_CONSTRUCTED) == 0) {
			if (!is_strict_primitive(tag, content))
				return false;
			continue;
		}
		if (depth + 1 == CV_DER_DEPTH_MAX)
			return false;
		levels[++depth] = cv_der_reader(content);
	}
}

/* X.690 section 11.6: compared as octet strings, the shorter one padded with zeros. No element is
 * the beginning of another, so that the padding decides nothing. */
static bool
is_in_order(struct cv_bytes before, struct cv_bytes after)
{
	const size_t len = before.len < after.len ? before.len : after.len;
	return memcmp(before.data, after.data, len) <= 0;
}

bool
cv_der_is_ordered(struct cv_bytes content)
{
	struct cv_der_reader reader = cv_der_reader(content);
	struct cv_bytes before = {NULL, 0};
	while (!cv_der_at_end(&reader)) {
		uint8_t tag = 0;
		struct cv_bytes ignored;
		struct cv_bytes element;
		if (!cv_der_read_any(&reader, &tag, &ignored, &element) ||
		    (before.data != NULL && !is_in_order(before, element)))
			return false;
		before = element;
	}
	return true;
}
