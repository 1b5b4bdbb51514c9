#include "cv/util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cv/util/clock.h"
#include "cv/util/text.h"

/* write(2) to a pipe keeps up to PIPE_BUF bytes together, so lines of two threads never mix. */
#define LINE_MAX_BYTES PIPE_BUF
/* Of one value, before escaping: whatever a peer sent, the other fields still fit. */
#define VALUE_MAX_BYTES 512
#define TRUNCATED_TAIL ",\"truncated\":true}\n"
#define CONTENT_MAX_BYTES (LINE_MAX_BYTES - (sizeof(TRUNCATED_TAIL) - 1))

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
	bool is_truncated; /* something was left out */
};

static const char *const level_names[] = {
    [CV_LOG_DEBUG] = "debug",
    [CV_LOG_INFO] = "info",
    [CV_LOG_WARNING] = "warning",
    [CV_LOG_ERROR] = "error",
};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

/* The globals that may change: threads of every room log, and a reload sets the level. */
static _Atomic(enum cv_log_level) lowest_level = CV_LOG_INFO;

void
cv_log_set_level(enum cv_log_level level)
{
	atomic_store_explicit(&lowest_level, level, memory_order_relaxed);
}

bool
cv_log_is_on(enum cv_log_level level)
{
	return level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

const char *
cv_log_level_name(enum cv_log_level level)
{
	return level_names[level];
}

bool
cv_log_parse_level(const char *text, enum cv_log_level *ret_level)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (cv_text_equal(text, level_names[i])) {
			*ret_level = (enum cv_log_level)i;
			return true;
		}
	}
	return false;
}

/* The journal takes the priority of a line from its beginning: sd-daemon(3). */
static const char *const priorities[] = {
    [CV_LOG_DEBUG] = "<7>",
    [CV_LOG_INFO] = "<6>",
    [CV_LOG_WARNING] = "<4>",
    [CV_LOG_ERROR] = "<3>",
};
static atomic_bool is_read_by_journal;

void
cv_log_find_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status) != 0)
		return;
	(void)snprintf(
	    own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	atomic_store_explicit(
	    &is_read_by_journal, cv_text_equal(stream, own), memory_order_relaxed);
}

static bool
put(struct line *line, const char *text, size_t len)
{
	if (len > CONTENT_MAX_BYTES - line->len)
		return false;
	memcpy(line->text + line->len, text, len);
	line->len += len;
	return true;
}

/*
 * One byte inside a JSON string. What is not printable ASCII is escaped byte by byte: the line
 * stays valid JSON and harmless on a terminal whatever encoding a peer pretended.
 */
static bool
put_escaped_byte(struct line *line, unsigned char byte)
{
	char escaped[8];

	if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
		return put(line, (const char *)&byte, 1);
	int len = snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)byte);
	return put(line, escaped, (size_t)len);
}

/* A JSON string of at most VALUE_MAX_BYTES of text. */
static bool
put_string(struct line *line, const char *text)
{
	size_t len = strnlen(text, VALUE_MAX_BYTES);

	if (text[len] != '\0')
		line->is_truncated = true;
	if (!put(line, "\"", 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!put_escaped_byte(line, (unsigned char)text[i]))
			return false;
	}
	return put(line, "\"", 1);
}

static bool
put_value(struct line *line, const struct cv_log_field *field)
{
	char number[24];

	if (!field->is_number)
		return put_string(line, field->text);
	int len = snprintf(number, sizeof(number), "%" PRId64, field->number);
	return put(line, number, (size_t)len);
}

/* ,"name":value - whole or not at all. */
static void
put_field(struct line *line, const struct cv_log_field *field)
{
	size_t len_before = line->len;

	if (field->text == NULL && !field->is_number)
		return;
	if (put(line, ",", 1) && put_string(line, field->name) && put(line, ":", 1) &&
	    put_value(line, field))
		return;
	line->len = len_before;
	line->is_truncated = true;
}

static void
put_text_field(struct line *line, const char *name, const char *text)
{
	const struct cv_log_field field = CV_LOG_TEXT(name, text);

	put_field(line, &field);
}

static void
put_time(struct line *line)
{
	char time[32];

	cv_text_format_time_ms(cv_clock_wall_ms(cv_clock_system()), time, sizeof(time));
	(void)put(line, "{\"ts\":", 6);
	(void)put_string(line, time);
}

/* A line that cannot be written is lost: there is nowhere to say so. */
static void
write_line(struct line *line)
{
	const char *tail = line->is_truncated ? TRUNCATED_TAIL : "}\n";

	memcpy(line->text + line->len, tail, strlen(tail));
	line->len += strlen(tail);
	while (write(STDERR_FILENO, line->text, line->len) < 0 && errno == EINTR)
		continue;
}

void
cv_log_write(enum cv_log_level level, const char *event, const char *message,
    const struct cv_log_field *fields)
{
	if (!cv_log_is_on(level))
		return;

	int saved_errno = errno;
	struct line line = {.len = 0};
	if (atomic_load_explicit(&is_read_by_journal, memory_order_relaxed))
		put(&line, priorities[level], strlen(priorities[level]));
	put_time(&line);
	put_text_field(&line, "level", level_names[level]);
	put_text_field(&line, "event", event);
	put_text_field(&line, "msg", message);
	for (; fields->name != NULL; fields++)
		put_field(&line, fields);
	write_line(&line);
	errno = saved_errno;
}

void
cv_log_error(
    enum cv_log_level level, const char *event, const char *message, const struct cv_error *err)
{
	char where[128];

	(void)snprintf(
	    where, sizeof(where), "%s:%d", err->file == NULL ? "?" : err->file, err->line);
	cv_log(level, event, message, CV_LOG_TEXT("err", cv_error_name(err->code)),
	    CV_LOG_TEXT("detail", err->text),
	    CV_LOG_TEXT("cause", err->cause[0] == '\0' ? NULL : err->cause),
	    CV_LOG_TEXT("where", where));
}
