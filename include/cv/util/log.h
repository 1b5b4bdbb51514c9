/*
 * Log lines: one JSON object a line on standard error, with the fixed keys ts level event msg
 * first. The event is a constant; everything variable is a field. What is not printable ASCII is
 * escaped byte by byte. A line is written with one write(2) and is short enough (PIPE_BUF) not to
 * mix with another; when a value or a field had to be cut for that, it ends with "truncated":true.
 * Any thread. errno is kept. A line never holds a key, a token, a password or a body.
 */
#ifndef CV_UTIL_LOG_H
#define CV_UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/util/error.h"

enum cv_log_level { CV_LOG_DEBUG, CV_LOG_INFO, CV_LOG_WARNING, CV_LOG_ERROR };

/*
 * name: request_id trace_id remote actor device factory serial status dur_ms err ...
 * text: NULL when the number is meant; CV_LOG_TEXT(name, NULL) writes nothing.
 */
struct cv_log_field {
	const char *name;
	const char *text;
	int64_t number;
	bool is_number;
};

#define CV_LOG_TEXT(field_name, value)                                                             \
	{                                                                                          \
		.name = (field_name), .text = (value)                                              \
	}
#define CV_LOG_NUMBER(field_name, value)                                                           \
	{                                                                                          \
		.name = (field_name), .number = (int64_t)(value), .is_number = true                \
	}

/*
 * cv_log(CV_LOG_INFO, "device-activated", "new key is current", CV_LOG_TEXT("device", id));
 * The message is the first of "..." because ISO C wants at least one argument there.
 */
#define cv_log(level, event, ...)                                                                  \
	cv_log_write((level), (event), CV_LOG_ARGUMENTS(__VA_ARGS__, {.name = NULL}))
#define CV_LOG_ARGUMENTS(message, ...)                                                             \
	(message), (const struct cv_log_field[])                                                   \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* fields end with a NULL name. */
void cv_log_write(enum cv_log_level level, const char *event, const char *message,
    const struct cv_log_field *fields);

/* The error as fields err (name of the code), detail (its text), cause and where (file:line). */
void cv_log_error(
    enum cv_log_level level, const char *event, const char *message, const struct cv_error *err);

/*
 * From now on each line begins with its priority, "<6>", if standard error is the stream that
 * JOURNAL_STREAM names (systemd.exec(5)): the journal takes it off (sd-daemon(3)).
 */
void cv_log_find_journal(void);

/* Would a line of this level be written? For those that cost something to make. */
bool cv_log_is_on(enum cv_log_level level);
void cv_log_set_level(enum cv_log_level level);
const char *cv_log_level_name(enum cv_log_level level);
bool cv_log_parse_level(const char *text, enum cv_log_level *ret_level);

#endif
