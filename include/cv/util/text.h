/* Small text functions: bounded copies, case, numbers, times. Any thread. */
#ifndef CV_UTIL_TEXT_H
#define CV_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies text into a fixed array, always terminated. False when it does not fit or
 * holds a NUL, which would end it early (then ""). */
bool cv_text_copy(char *destination, size_t size, const char *source);
bool cv_text_copy_bytes(char *destination, size_t size, const void *source, size_t len);

/* How much of UTF-8 text fits into max bytes, without half a character. */
size_t cv_text_cut(const char *text, size_t max);

bool cv_text_equal(const char *a, const char *b);               /* NULL equals only NULL */
bool cv_text_equal_ignoring_case(const char *a, const char *b); /* ASCII only */
bool cv_text_has_prefix(const char *text, const char *prefix);

/* FNV-1a, going on from a seed or from another hash; the end of the text counts, too. No defence
 * against whoever chooses the text and knows the seed. */
uint64_t cv_text_hash(uint64_t hash, const char *text);

/* Decimal without sign, blanks or leading '+', whole string. False when it is not one or > max. */
bool cv_text_parse_unsigned(const char *text, uint64_t max, uint64_t *ret_value);

/* Sign, 19 digits and NUL. */
#define CV_NUMBER_SIZE 21
/* The number in decimal, for hot paths; it stands at the end of the digits. */
const char *cv_text_from_number(int64_t number, char digits[CV_NUMBER_SIZE]);

/* RFC 3339 in UTC: "2026-11-23T03:01:12Z", or with milliseconds. size >= 32.
 * "" outside the years 0 to 9999, which the format cannot say. */
void cv_text_format_time(int64_t seconds_utc, char *ret_text, size_t size);
void cv_text_format_time_ms(int64_t milliseconds_utc, char *ret_text, size_t size);
/* RFC 3339 section 5.6, of any zone; the fraction is dropped. */
bool cv_text_parse_time(const char *text, int64_t *ret_seconds_utc);

/* Lower-case hex. ret_text holds 2 * len + 1. Decoding takes both cases; false on anything else. */
void cv_hex_encode(const void *data, size_t len, char *ret_text);
bool cv_hex_decode(
    const char *text, size_t text_len, uint8_t *ret_data, size_t size, size_t *ret_len);

#endif
