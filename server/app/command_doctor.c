#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command_internal.h"
#include "cv/util/clock.h"
#include "cv/util/log.h"
#include "cv/util/text.h"
#include "doctor_internal.h"

#define DAY 86400

void
cv_doctor_say(
    struct cv_doctor *doctor, enum cv_finding finding, const char *what, const char *format, ...)
{
	static const char *const words[] = {
	    [CV_FINDING_OK] = "ok", [CV_FINDING_WARN] = "warn", [CV_FINDING_FAIL] = "fail"};
	va_list arguments;

	doctor->findings[finding]++;
	(void)printf("%-5s %s: ", words[finding], what);
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	(void)putchar('\n');
}

void
cv_doctor_say_end(struct cv_doctor *doctor, const char *what, int64_t not_after_utc, int warn_days)
{
	int64_t left = not_after_utc - cv_clock_wall_seconds(cv_clock_system());
	char end[32];

	cv_text_format_time(not_after_utc, end, sizeof(end));
	if (left <= 0)
		cv_doctor_say(doctor, CV_FINDING_FAIL, what, "expired %s: replace it", end);
	else if (left < (int64_t)warn_days * DAY)
		cv_doctor_say(doctor, CV_FINDING_WARN, what,
		    "expires in %lld days, %s: replace it soon", (long long)(left / DAY), end);
	else
		cv_doctor_say(doctor, CV_FINDING_OK, what, "valid until %s", end);
}

/* Every problem by itself; false: without the values nothing else can be looked at. */
static bool
look_at_config(
    struct cv_doctor *doctor, const struct cv_command_line *line, struct cv_config **ret_config)
{
	CV_AUTO(cv_config) struct cv_config *whole = NULL;
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	bool is_default;
	const char *path = cv_command_config_path(line, &is_default);

	if (cv_config_load(path, is_default, CV_CONFIG_FILES, &whole, &problems, &err))
		cv_doctor_say(doctor, CV_FINDING_OK, "configuration", "%s", path);
	else if (problems.len == 0)
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "configuration", "%s: %s", err.text, err.cause);
	for (const char *at = cv_buffer_text(&problems); *at != '\0';) {
		int len = (int)strcspn(at, "\n");
		cv_doctor_say(doctor, CV_FINDING_FAIL, "configuration", "%.*s", len, at);
		at += len + (at[len] == '\n');
	}
	return cv_config_load(path, is_default, CV_CONFIG_VALUES, ret_config, &again, &err);
}

int
cv_command_doctor(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	struct cv_doctor doctor = {.findings = {0}};
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Looks at configuration, files, keys, clock, database and ports, and says for each "
		"what to do.\nChanges nothing. Exit code 1 when something has failed.",
		&end))
		return end;
	/* The lines are the report. */
	cv_log_set_level(CV_LOG_ERROR);
	if (look_at_config(&doctor, line, &config)) {
		cv_doctor_look_at_machine(&doctor, config);
		cv_doctor_look_at_database(&doctor, config);
	}
	(void)printf("%u ok, %u warn, %u fail\n", doctor.findings[CV_FINDING_OK],
	    doctor.findings[CV_FINDING_WARN], doctor.findings[CV_FINDING_FAIL]);
	return doctor.findings[CV_FINDING_FAIL] == 0 ? CV_EXIT_OK : CV_EXIT_FAILED;
}
