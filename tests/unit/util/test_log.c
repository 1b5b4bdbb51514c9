#include "cv/util/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test is a process of its own, so standard error may stay redirected. */
static int pipe_end = -1;

static void
redirect(void)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	pipe_end = ends[0];
}

/* What one read of the pipe gives; more than one line if there were more. */
static void
read_lines(char *ret_text, size_t size)
{
	/* A mark behind the lines, so that the read does not block when there are none. */
	cr_assert_eq(write(STDERR_FILENO, "#", 1), 1);
	ssize_t len = read(pipe_end, ret_text, size - 1);
	cr_assert_gt(len, 0);
	cr_assert_eq(ret_text[len - 1], '#');
	ret_text[len - 1] = '\0';
}

/* The line without its time, which is checked here. */
static const char *
skip_time(const char *line)
{
	int year;
	int milliseconds;
	int len = 0;

	cr_assert_eq(sscanf(line, "{\"ts\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ\",%n", &year,
			 &milliseconds, &len),
	    2, "%s", line);
	cr_assert_eq(len, 33, "%s", line);
	cr_assert_geq(year, 2024);
	return line + len;
}

TestSuite(log, .init = redirect);

Test(log, tells_the_journal_the_priority)
{
	static const char *const begins[] = {
	    [CV_LOG_DEBUG] = "<7>{\"ts\"",
	    [CV_LOG_INFO] = "<6>{\"ts\"",
	    [CV_LOG_WARNING] = "<4>{\"ts\"",
	    [CV_LOG_ERROR] = "<3>{\"ts\"",
	};
	struct stat status;
	char stream[64], line[8192];

	cv_log_set_level(CV_LOG_DEBUG);
	cr_assert_eq(fstat(STDERR_FILENO, &status), 0);
	/* The journal of somebody else, as where standard error was redirected. */
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	cv_log_find_journal();
	cv_log(CV_LOG_ERROR, "stalled", "no answer");
	read_lines(line, sizeof(line));
	cr_expect_eq(line[0], '{');

	snprintf(
	    stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	cv_log_find_journal();
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		cv_log((enum cv_log_level)i, "stalled", "no answer");
		read_lines(line, sizeof(line));
		cr_expect_eq(strncmp(line, begins[i], strlen(begins[i])), 0, "%s", line);
	}
}

Test(log, writes_fixed_keys_then_fields)
{
	char line[8192];

	cv_log(CV_LOG_INFO, "device-activated", "new key is current", CV_LOG_TEXT("device", "d1"),
	    CV_LOG_NUMBER("dur_ms", -12), CV_LOG_TEXT("serial", NULL),
	    CV_LOG_NUMBER("big", INT64_MAX));
	read_lines(line, sizeof(line));
	cr_assert_str_eq(skip_time(line),
	    "\"level\":\"info\",\"event\":\"device-activated\",\"msg\":\"new key is current\","
	    "\"device\":\"d1\",\"dur_ms\":-12,\"big\":9223372036854775807}\n");
}

Test(log, needs_no_fields)
{
	char line[8192];

	cv_log(CV_LOG_WARNING, "stalled", "no answer");
	read_lines(line, sizeof(line));
	cr_assert_str_eq(skip_time(line),
	    "\"level\":\"warning\",\"event\":\"stalled\",\"msg\":\"no answer\"}\n");
}

Test(log, escapes_what_is_not_printable_ascii)
{
	char line[8192];

	cv_log(CV_LOG_INFO, "e", "m", CV_LOG_TEXT("device", "a\"b\\c\nd\x1b[31m\x7f\xc3\xa4"));
	read_lines(line, sizeof(line));
	cr_assert_str_eq(skip_time(line),
	    "\"level\":\"info\",\"event\":\"e\",\"msg\":\"m\",\"device\":"
	    "\"a\\u0022b\\u005cc\\u000ad\\u001b[31m\\u007f\\u00c3\\u00a4\"}\n");
}

Test(log, a_forged_line_stays_one_line)
{
	char line[8192];

	cv_log(CV_LOG_INFO, "e", "m", CV_LOG_TEXT("device", "x\"}\n{\"level\":\"error"));
	read_lines(line, sizeof(line));
	cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
	cr_assert_null(strstr(line, "\"error"));
}

Test(log, cuts_a_long_value_and_says_so)
{
	char value[601];
	char line[8192];

	memset(value, 'x', sizeof(value) - 1);
	value[512] = '\0';
	cv_log(CV_LOG_INFO, "e", "m", CV_LOG_TEXT("device", value));
	read_lines(line, sizeof(line));
	cr_assert_null(strstr(line, "truncated"));
	cr_assert_not_null(strstr(line, value));

	value[512] = 'x';
	value[600] = '\0';
	cv_log(CV_LOG_INFO, "e", "m", CV_LOG_TEXT("device", value), CV_LOG_NUMBER("status", 1));
	read_lines(line, sizeof(line));
	value[513] = '\0';
	cr_assert_null(strstr(line, value));
	cr_assert_not_null(strstr(line, "x\",\"status\":1,\"truncated\":true}\n"));
}

Test(log, a_line_never_passes_the_atomic_size)
{
	char value[513];
	char line[8192];

	/* Each byte becomes six: two such values do not fit into one line. */
	memset(value, '\n', sizeof(value) - 1);
	value[512] = '\0';
	cv_log(CV_LOG_INFO, "e", "m", CV_LOG_TEXT("first", value), CV_LOG_TEXT("second", value),
	    CV_LOG_NUMBER("status", 403));
	read_lines(line, sizeof(line));
	cr_assert_leq(strlen(line), PIPE_BUF);
	cr_assert_not_null(strstr(line, "\"first\":"));
	cr_assert_null(strstr(line, "\"second\":"));
	cr_assert_not_null(strstr(line, "\\u000a\",\"status\":403,\"truncated\":true}\n"));
}

Test(log, a_line_may_be_filled_to_the_last_byte)
{
	struct cv_log_field fields[10];
	char value[513];
	char line[8192];

	memset(value, 'x', sizeof(value) - 1);
	value[512] = '\0';
	for (size_t i = 0; i < 9; i++)
		fields[i] = (struct cv_log_field)CV_LOG_TEXT("field", value);
	fields[9] = (struct cv_log_field){.name = NULL};
	/* Whatever the length of the last value that fits, the line ends well and in bounds. */
	for (size_t len = 0; len <= 512; len++) {
		char last[513];
		memset(last, 'y', len);
		last[len] = '\0';
		fields[7].text = last;
		cv_log_write(CV_LOG_INFO, "e", "m", fields);
		read_lines(line, sizeof(line));
		cr_assert_leq(strlen(line), PIPE_BUF);
		const char *tail = line + strlen(line) - strlen(",\"truncated\":true}\n");
		cr_assert_str_eq(tail, ",\"truncated\":true}\n", "%s", line);
	}
}

Test(log, level_decides_what_is_written)
{
	char line[8192];

	cv_log(CV_LOG_DEBUG, "hidden", "m");
	read_lines(line, sizeof(line));
	cr_assert_str_eq(line, "");

	cv_log_set_level(CV_LOG_DEBUG);
	cv_log(CV_LOG_DEBUG, "shown", "m");
	read_lines(line, sizeof(line));
	cr_assert_not_null(strstr(line, "\"level\":\"debug\",\"event\":\"shown\""));

	cv_log_set_level(CV_LOG_ERROR);
	cv_log(CV_LOG_WARNING, "hidden", "m");
	read_lines(line, sizeof(line));
	cr_assert_str_eq(line, "");
	cv_log(CV_LOG_ERROR, "shown", "m");
	read_lines(line, sizeof(line));
	cr_assert_not_null(strstr(line, "\"level\":\"error\",\"event\":\"shown\""));
}

Test(log, error_shows_all_of_the_error)
{
	struct cv_error err = {.code = CV_E_DATABASE,
	    .text = "recording: connection lost",
	    .cause = "57P01",
	    .file = "server/store/connection.c",
	    .line = 12};
	char line[8192];

	cv_log_error(CV_LOG_ERROR, "store-failed", "request refused", &err);
	read_lines(line, sizeof(line));
	cr_assert_str_eq(skip_time(line),
	    "\"level\":\"error\",\"event\":\"store-failed\",\"msg\":\"request refused\","
	    "\"err\":\"database\",\"detail\":\"recording: connection lost\",\"cause\":\"57P01\","
	    "\"where\":\"server/store/connection.c:12\"}\n");
}

Test(log, error_without_cause_has_no_such_field)
{
	struct cv_error err = CV_ERROR_INIT;
	char line[8192];

	cv_fail(&err, CV_E_INPUT, "bad");
	cv_log_error(CV_LOG_WARNING, "e", "m", &err);
	read_lines(line, sizeof(line));
	cr_assert_not_null(strstr(line, "\"err\":\"input\",\"detail\":\"bad\",\"where\":\""));
	cr_assert_null(strstr(line, "cause"));
}

Test(log, errno_survives)
{
	errno = ENOSPC;
	close(STDERR_FILENO);
	cv_log(CV_LOG_ERROR, "e", "nobody reads this");
	cr_assert_eq(errno, ENOSPC);
}

Test(log, parses_levels_exactly)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	static const char *const wrong[] = {"", "Debug", "warn", "error ", "errors", "0"};

	for (size_t i = 0; i < 4; i++) {
		enum cv_log_level level = CV_LOG_DEBUG;
		cr_expect(cv_log_parse_level(names[i], &level));
		cr_expect_eq(level, (enum cv_log_level)i);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		enum cv_log_level level = CV_LOG_WARNING;
		cr_expect_not(cv_log_parse_level(wrong[i], &level), "\"%s\"", wrong[i]);
		cr_expect_eq(level, CV_LOG_WARNING);
	}
}
