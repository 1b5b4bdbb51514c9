#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "../../../server/cli/invocation_internal.h"
#include "cv/cli/client.h"
#include "cv/util/file.h"

/* stdout and stderr hold the help. */
TestSuite(invocation, .init = cr_redirect_stderr);

#define ARGUMENTS_MAX 16

/* Parses words separated by one blank. The words must outlive the invocation. */
static bool
parse(char *words, struct cv_cli_invocation *ret_invocation, int *ret_exit)
{
	static const struct cv_cli_options options = {.server = NULL};
	char *arguments[ARGUMENTS_MAX + 1] = {NULL};
	int count = 0;

	for (char *word = strtok_r(words, " ", &words); word != NULL && count < ARGUMENTS_MAX;
	     word = strtok_r(NULL, " ", &words))
		arguments[count++] = word;
	return cv_cli_parse(&options, count, arguments, ret_invocation, ret_exit);
}

struct request_row {
	const char *line;
	const char *method;
	const char *url;
	const char *body; /* NULL: none of its own */
};

static void
check_request(const struct request_row *row)
{
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	CV_AUTO_MEMORY char *words = strdup(row->line);
	struct cv_error err = CV_ERROR_INIT;
	struct cv_cli_invocation invocation;
	int end = -1;

	cr_assert(parse(words, &invocation, &end), "%s: %d", row->line, end);
	cr_assert(cv_cli_make_url(&invocation, "https://s:1/", &url, &err));
	cr_expect_str_eq(invocation.verb->method, row->method, "%s", row->line);
	cr_expect_str_eq(cv_buffer_text(&url), row->url, "%s: %s", row->line, cv_buffer_text(&url));
	cr_assert_eq(invocation.verb->body != NULL, row->body != NULL, "%s", row->line);
	if (row->body == NULL)
		return;
	cr_assert(invocation.verb->body(&invocation, &body, &err), "%s: %s", row->line, err.text);
	cr_expect_str_eq(
	    cv_buffer_text(&body), row->body, "%s: %s", row->line, cv_buffer_text(&body));
}

Test(invocation, requests)
{
	static const struct request_row rows[] = {
	    {"status", "GET", "https://s:1/v1/status", NULL},
	    {"device list", "GET", "https://s:1/v1/devices", NULL},
	    {"device list --after d1 --limit 5 --factory f", "GET",
		"https://s:1/v1/devices?factory=f&after=d1&limit=5", NULL},
	    {"device show a/b?c%", "GET", "https://s:1/v1/devices/a%2Fb%3Fc%25", NULL},
	    {"device revoke d1 --reason keyCompromise", "POST", "https://s:1/v1/devices/d1/revoke",
		"{\"reason\":\"keyCompromise\"}"},
	    {"device revoke d1", "POST", "https://s:1/v1/devices/d1/revoke", "{}"},
	    {"device hold d1", "POST", "https://s:1/v1/devices/d1/hold", NULL},
	    {"device approve d:1 --factory f", "POST",
		"https://s:1/v1/devices/d%3A1/approve?factory=f", NULL},
	    {"device delete d1", "DELETE", "https://s:1/v1/devices/d1", NULL},
	    {"certificate list --device d1", "GET", "https://s:1/v1/certificates?device=d1", NULL},
	    {"certificate revoke ab --reason superseded", "POST",
		"https://s:1/v1/certificates/ab/revoke", "{\"reason\":\"superseded\"}"},
	    {"token enrol", "POST", "https://s:1/v1/enrolment-tokens", "{}"},
	    {"token enrol --device d1 --uses 3 --expires-in 60", "POST",
		"https://s:1/v1/enrolment-tokens",
		"{\"device\":\"d1\",\"uses\":3,\"expires_in\":60}"},
	    {"authority disable ca", "POST", "https://s:1/v1/authorities/ca/disable", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_request(&rows[i]);
	}
}

Test(invocation, gateway_and_authority_bodies_hold_their_file)
{
	char path[] = "/tmp/cv-cli-XXXXXX";
	char line[256], expected[512];
	int descriptor = mkstemp(path);

	cr_assert(descriptor >= 0 && write(descriptor, "PEM", 3) == 3);
	close(descriptor);
	(void)snprintf(line, sizeof(line),
	    "gateway add g --csr %s --source pem --source sha256 --factories a,b --no-activate "
	    "--lifetime-days 30",
	    path);
	check_request(&(struct request_row){line, "POST", "https://s:1/v1/gateways",
	    "{\"name\":\"g\",\"sources\":[\"pem\",\"sha256\"],\"factories\":[\"a\",\"b\"],"
	    "\"may_activate\":false,\"lifetime_days\":30,\"csr\":\"PEM\"}"});
	(void)snprintf(
	    line, sizeof(line), "authority import %s --name n --kind offline --owner o", path);
	(void)snprintf(expected, sizeof(expected),
	    "{\"name\":\"n\",\"kind\":\"offline\",\"owner\":\"o\",\"certificate\":\"PEM\"}");
	check_request(&(struct request_row){line, "POST", "https://s:1/v1/authorities", expected});
	unlink(path);
}

Test(invocation, global_options_are_taken_behind_the_verb)
{
	struct cv_cli_invocation invocation;
	char words[] = "device list --json --server https://x --ca c --token-file t --factory f";
	int end;

	cr_assert(parse(words, &invocation, &end));
	cr_assert(invocation.global.is_json);
	cr_assert_str_eq(invocation.global.server, "https://x");
	cr_assert_str_eq(invocation.global.ca_file, "c");
	cr_assert_str_eq(invocation.global.token_file, "t");
	cr_assert_str_eq(invocation.global.factory, "f");
}

Test(invocation, wrong_lines_are_usage_errors)
{
	static const char *const lines[] = {
	    "device",
	    "device frob",
	    "device show",
	    "device show a b",
	    "device list a",
	    "device hold a --reason keyCompromise",
	    "device list --device a",
	    "device list --nonsense",
	    "device revoke a --reason",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CV_AUTO_MEMORY char *words = strdup(lines[i]);
		struct cv_cli_invocation invocation;
		int end = -1;
		cr_expect_not(parse(words, &invocation, &end), "%s", lines[i]);
		cr_expect_eq(end, 2, "%s", lines[i]);
	}
}

Test(invocation, bodies_refuse_what_is_missing_or_no_number)
{
	static const char *const lines[] = {
	    "token enrol --uses many",
	    "token enrol --expires-in -1",
	    "gateway add g --source pem",
	    "gateway add g --csr /dev/null",
	    "authority import /dev/null --name n",
	    "authority import /dev/null --kind offline",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
		CV_AUTO_MEMORY char *words = strdup(lines[i]);
		struct cv_error err = CV_ERROR_INIT;
		struct cv_cli_invocation invocation;
		int end = -1;
		cr_assert(parse(words, &invocation, &end), "%s", lines[i]);
		cr_expect_not(invocation.verb->body(&invocation, &body, &err), "%s", lines[i]);
		cr_expect_eq(err.code, CV_E_INPUT, "%s", lines[i]);
	}
}

Test(invocation, verbs_of_this_room)
{
	cr_assert(cv_cli_has_verb("device"));
	cr_assert(cv_cli_has_verb("status"));
	cr_assert_not(cv_cli_has_verb("serve"));
	cr_assert_not(cv_cli_has_verb("list"));
}
