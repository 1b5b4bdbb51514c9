#include "cv/util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool
cv_text_copy_bytes(char *destination, size_t size, const void *source, size_t len)
{
	if (size == 0)
		return false;
	destination[0] = '\0';
	if (len == 0)
		return true;
	if (len >= size || memchr(source, '\0', len) != NULL)
		return false;
	memcpy(destination, source, len);
	destination[len] = '\0';
	return true;
}

bool
cv_text_copy(char *destination, size_t size, const char *source)
{
	return cv_text_copy_bytes(destination, size, source, strlen(source));
}

size_t
cv_text_cut(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

bool
cv_text_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Not tolower(): the answer must not depend on a locale. */
static char
lower_ascii(char character)
{
	if (character >= 'A' && character <= 'Z')
		return (char)(character - 'A' + 'a');
	return character;
}

bool
cv_text_equal_ignoring_case(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != '\0' && lower_ascii(*a) == lower_ascii(*b)) {
		a++;
		b++;
	}
	return lower_ascii(*a) == lower_ascii(*b);
}

bool
cv_text_has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *
cv_text_from_number(int64_t number, char digits[CV_NUMBER_SIZE])
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char *at = digits + CV_NUMBER_SIZE - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		*--at = '-';
	return at;
}

uint64_t
cv_text_hash(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3U;
	while (*text++ != '\0');
	return hash;
}

bool
cv_text_parse_unsigned(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uint64_t digit = (uint64_t)(*text - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return true;
}

/* The first and the last second that four digits of year can say. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND INT64_C(253402300799)

/* "2026-11-23T03:01:12", or "". Not strftime(): its %Y does not pad the years before 1000. */
static void
format_seconds(int64_t seconds_utc, char *ret_text, size_t size)
{
	time_t seconds = (time_t)seconds_utc;
	struct tm time;

	ret_text[0] = '\0';
	if (seconds_utc < FIRST_SECOND || seconds_utc > LAST_SECOND ||
	    gmtime_r(&seconds, &time) == NULL)
		return;
	(void)snprintf(ret_text, size, "%04d-%02d-%02dT%02d:%02d:%02d", time.tm_year + 1900,
	    time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
}

void
cv_text_format_time(int64_t seconds_utc, char *ret_text, size_t size)
{
	format_seconds(seconds_utc, ret_text, size);
	size_t len = strlen(ret_text);
	if (len > 0)
		(void)snprintf(ret_text + len, size - len, "Z");
}

void
cv_text_format_time_ms(int64_t milliseconds_utc, char *ret_text, size_t size)
{
	int64_t seconds = milliseconds_utc / 1000;
	int64_t milliseconds = milliseconds_utc % 1000;

	/* Before 1970 the division rounds up; the fraction counts forwards. */
	if (milliseconds < 0) {
		milliseconds += 1000;
		seconds--;
	}
	format_seconds(seconds, ret_text, size);
	size_t len = strlen(ret_text);
	if (len > 0)
		(void)snprintf(ret_text + len, size - len, ".%03" PRId64 "Z", milliseconds);
}

static bool
read_digits(const char **text, size_t count, int *ret_number)
{
	*ret_number = 0;
	for (size_t i = 0; i < count; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*ret_number = *ret_number * 10 + (**text - '0');
	}
	return true;
}

static bool
skip_byte(const char **text, char byte)
{
	return *(*text)++ == byte;
}

/* "Z" or "+hh:mm" in seconds, and the end of the text. No place is further away than 14 hours, and
 * PostgreSQL knows none beyond 15. */
static bool
read_offset(const char *text, int *ret_offset)
{
	int hours, minutes;
	int sign = *text == '-' ? -1 : 1;

	if ((*text == 'Z' || *text == 'z') && text[1] == '\0') {
		*ret_offset = 0;
		return true;
	}
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!read_digits(&text, 2, &hours) || !skip_byte(&text, ':') ||
	    !read_digits(&text, 2, &minutes) || *text != '\0' || hours > 15 || minutes > 59)
		return false;
	*ret_offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

bool
cv_text_parse_time(const char *text, int64_t *ret_seconds_utc)
{
	struct tm time = {.tm_isdst = 0};
	int year, month, offset;

	if (!read_digits(&text, 4, &year) || !skip_byte(&text, '-') ||
	    !read_digits(&text, 2, &month) || !skip_byte(&text, '-') ||
	    !read_digits(&text, 2, &time.tm_mday) || (*text != 'T' && *text != 't' && *text != ' '))
		return false;
	text++;
	if (!read_digits(&text, 2, &time.tm_hour) || !skip_byte(&text, ':') ||
	    !read_digits(&text, 2, &time.tm_min) || !skip_byte(&text, ':') ||
	    !read_digits(&text, 2, &time.tm_sec))
		return false;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return false;
		text += 1 + strspn(text + 1, "0123456789");
	}
	if (!read_offset(text, &offset) || year < 1 || month < 1 || month > 12 ||
	    time.tm_mday < 1 || time.tm_mday > days_of_month(year, month) || time.tm_hour > 23 ||
	    time.tm_min > 59 || time.tm_sec > 60)
		return false;
	time.tm_year = year - 1900;
	time.tm_mon = month - 1;
	*ret_seconds_utc = (int64_t)timegm(&time) - offset;
	return true;
}

void
cv_hex_encode(const void *data, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

/* 0 to 15, or -1. */
/* Values of hex digits, one more than they count: 0 is none. */
static const uint8_t digit_values[256] = {['0'] = 1,
    ['1'] = 2,
    ['2'] = 3,
    ['3'] = 4,
    ['4'] = 5,
    ['5'] = 6,
    ['6'] = 7,
    ['7'] = 8,
    ['8'] = 9,
    ['9'] = 10,
    ['a'] = 11,
    ['A'] = 11,
    ['b'] = 12,
    ['B'] = 12,
    ['c'] = 13,
    ['C'] = 13,
    ['d'] = 14,
    ['D'] = 14,
    ['e'] = 15,
    ['E'] = 15,
    ['f'] = 16,
    ['F'] = 16};

static int
digit_value(char digit)
{
	return digit_values[(uint8_t)digit] - 1;
}

bool
cv_hex_decode(const char *text, size_t text_len, uint8_t *ret_data, size_t size, size_t *ret_len)
{
	if (text_len % 2 != 0 || text_len / 2 > size)
		return false;
	for (size_t i = 0; i < text_len; i++) {
		if (digit_value(text[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < text_len / 2; i++) {
		int value = digit_value(text[2 * i]) * 16 + digit_value(text[2 * i + 1]);
		ret_data[i] = (uint8_t)value;
	}
	*ret_len = text_len / 2;
	return true;
}
