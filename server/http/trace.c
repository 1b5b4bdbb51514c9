#include "trace_internal.h"

#include <stdint.h>
#include <string.h>

#include "cv/util/random.h"
#include "cv/util/text.h"

/* version "-" trace-id "-" parent-id "-" flags */
#define VERSION_LEN 2
#define TRACE_AT 3
#define PARENT_AT 36
#define FLAGS_AT 53
#define LEN 55

/* Lower-case hex digits. */
static bool
is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static bool
is_zero(const char *text, size_t len)
{
	return strspn(text, "0") >= len;
}

/* A later version may go on after another "-", and is read as far as it is known. */
static bool
is_end(const char *text)
{
	if (text[LEN] == '\0')
		return true;
	return !is_zero(text, VERSION_LEN) && text[LEN] == '-';
}

static bool
is_traceparent(const char *text)
{
	size_t trace_len = CV_TRACE_ID_SIZE - 1;
	size_t span_len = CV_SPAN_ID_SIZE - 1;

	return strnlen(text, LEN) == LEN && is_hex(text, VERSION_LEN) &&
	       strncmp(text, "ff", VERSION_LEN) != 0 && text[TRACE_AT - 1] == '-' &&
	       is_hex(text + TRACE_AT, trace_len) && !is_zero(text + TRACE_AT, trace_len) &&
	       text[PARENT_AT - 1] == '-' && is_hex(text + PARENT_AT, span_len) &&
	       !is_zero(text + PARENT_AT, span_len) && text[FLAGS_AT - 1] == '-' &&
	       is_hex(text + FLAGS_AT, LEN - FLAGS_AT) && is_end(text);
}

void
cv_trace_begin(const char *traceparent, struct cv_trace *ret_trace)
{
	uint64_t random[3];

	cv_random_bytes(random, sizeof(random));
	cv_hex_encode(random, sizeof(random[0]), ret_trace->span_id);
	if (is_traceparent(traceparent))
		(void)cv_text_copy_bytes(ret_trace->trace_id, sizeof(ret_trace->trace_id),
		    traceparent + TRACE_AT, CV_TRACE_ID_SIZE - 1);
	else
		cv_hex_encode(random + 1, 2 * sizeof(random[0]), ret_trace->trace_id);
}
