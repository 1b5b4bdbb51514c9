#include "cv/util/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool
fail_with_number(struct cv_error *err, int number)
{
	return cv_fail(err, CV_E_LIMIT, "serial longer than %d octets", number);
}

Test(error, fail_fills_everything_and_is_false)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert_not(fail_with_number(&err, 20));
	cr_assert_eq(err.code, CV_E_LIMIT);
	cr_assert_str_eq(err.text, "serial longer than 20 octets");
	cr_assert_str_eq(err.cause, "");
	cr_assert_not_null(strstr(err.file, "test_error.c"));
	cr_assert_gt(err.line, 0);
}

Test(error, a_new_failure_forgets_the_old_cause)
{
	struct cv_error err = CV_ERROR_INIT;

	cv_fail(&err, CV_E_IO, "first");
	cv_error_cause(&err, "disk");
	cv_fail(&err, CV_E_INPUT, "second");
	cr_assert_str_eq(err.cause, "");
	cr_assert_str_eq(err.text, "second");
}

Test(error, cause_keeps_the_text_and_is_one_line)
{
	struct cv_error err = CV_ERROR_INIT;

	cv_fail(&err, CV_E_DATABASE, "connection lost");
	cr_assert_not(cv_error_cause(&err, "FATAL:\tone\ntwo\r\x7f%s", "!"));
	cr_assert_str_eq(err.cause, "FATAL: one two  !");
	cr_assert_str_eq(err.text, "connection lost");
	cr_assert_eq(err.code, CV_E_DATABASE);
}

Test(error, text_is_one_line)
{
	struct cv_error err = CV_ERROR_INIT;

	cv_fail(&err, CV_E_INPUT, "name \"%s\"", "a\nb");
	cr_assert_str_eq(err.text, "name \"a b\"");
}

Test(error, context_goes_before_the_text)
{
	struct cv_error err = CV_ERROR_INIT;

	cv_fail(&err, CV_E_SIGNER, "key is missing");
	cv_error_cause(&err, "ENOENT");
	cr_assert_not(cv_error_context(&err, "signing for device %s", "d1"));
	cr_assert_str_eq(err.text, "signing for device d1: key is missing");
	cr_assert_str_eq(err.cause, "ENOENT");
	cr_assert_eq(err.code, CV_E_SIGNER);
}

Test(error, arguments_may_be_the_old_text)
{
	struct cv_error err = CV_ERROR_INIT;

	cv_fail(&err, CV_E_IO, "inner");
	cv_error_cause(&err, "why");
	cv_fail(&err, CV_E_CONFIG, "outer (%s, %s)", err.text, err.cause);
	cr_assert_str_eq(err.text, "outer (inner, why)");
	cv_error_context(&err, "<%s>", err.text);
	cr_assert_str_eq(err.text, "<outer (inner, why)>: outer (inner, why)");
}

Test(error, long_texts_lose_their_end)
{
	struct cv_error err = CV_ERROR_INIT;
	char flood[1000];

	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	cv_fail(&err, CV_E_INPUT, "%s", flood);
	cr_assert_eq(strlen(err.text), sizeof(err.text) - 1);
	cv_error_cause(&err, "%s", flood);
	cr_assert_eq(strlen(err.cause), sizeof(err.cause) - 1);
	cv_error_context(&err, "reading");
	cr_assert_eq(strlen(err.text), sizeof(err.text) - 1);
	cr_assert_eq(strncmp(err.text, "reading: xxx", 12), 0);
	cv_error_context(&err, "%s", flood);
	cr_assert_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(error, errno_survives)
{
	struct cv_error err = CV_ERROR_INIT;

	errno = ENOSPC;
	cv_fail(&err, CV_E_IO, "writing failed");
	cr_assert_eq(errno, ENOSPC);
}

Test(error, every_code_has_its_own_name)
{
	for (int code = CV_E_NONE; code <= CV_E_BUSY; code++) {
		const char *name = cv_error_name((enum cv_error_code)code);
		cr_assert_str_neq(name, "unknown", "code %d has no name", code);
		for (int other = CV_E_NONE; other < code; other++)
			cr_assert_str_neq(name, cv_error_name((enum cv_error_code)other));
	}
	cr_assert_str_eq(cv_error_name(CV_E_DATABASE), "database");
	cr_assert_str_eq(cv_error_name(CV_E_NOT_FOUND), "not-found");
	cr_assert_str_eq(cv_error_name((enum cv_error_code)99), "unknown");
}
