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
	static char *arguments[ARGUMENTS_MAX + 1]; /* lent to the invocation */
	int count = 0;

	for (char *word = strtok_r(words, " ", &words); word != NULL && count < ARGUMENTS_MAX;
	     word = strtok_r(NULL, " ", &words))
		arguments[count++] = word;
	arguments[count] = NULL;
	return cv_cli_parse(&options, count, arguments, ret_invocation, ret_exit);
}

struct request_row {
	const char *line;
	const char *method;
	const char *url;
	const char *body;
	size_t number; /* of the request, where it takes several */
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
	cr_assert_lt(row->number, cv_cli_request_count(&invocation), "%s", row->line);
	cr_assert(cv_cli_make_url(&invocation, row->number, "https://s:1/", NULL, &url, &err));
	cr_expect_str_eq(invocation.verb->method, row->method, "%s", row->line);
	cr_expect_str_eq(cv_buffer_text(&url), row->url, "%s: %s", row->line, cv_buffer_text(&url));
	cr_assert(
	    cv_cli_make_body(&invocation, row->number, &body, &err), "%s: %s", row->line, err.text);
	cr_expect_str_eq(
	    cv_buffer_text(&body), row->body, "%s: %s", row->line, cv_buffer_text(&body));
}

Test(invocation, requests)
{
	static const struct request_row rows[] = {
	    {"status", "GET", "https://s:1/v1/status", "", 0},
	    {"device list", "GET", "https://s:1/v1/devices", "", 0},
	    {"device list --cursor c1 --limit 5 --factory f --all", "GET",
		"https://s:1/v1/devices?factory=f&cursor=c1&limit=5", "", 0},
	    {"device list --li 2", "GET", "https://s:1/v1/devices?limit=2", "", 0},
	    {"factory set f --retire-after-days 0", "PATCH", "https://s:1/v1/factories/f",
		"{\"retire_after_days\":0}", 0},
	    {"device show a/b?c%", "GET", "https://s:1/v1/devices/a%2Fb%3Fc%25", "", 0},
	    {"device revoke d1 --reason keyCompromise", "POST", "https://s:1/v1/devices/d1/revoke",
		"{\"reason\":\"keyCompromise\"}", 0},
	    {"device revoke d1", "POST", "https://s:1/v1/devices/d1/revoke", "{}", 0},
	    {"device hold d1 d2", "POST", "https://s:1/v1/devices/d2/hold", "{}", 1},
	    {"device approve d:1 --factory f", "POST",
		"https://s:1/v1/devices/d%3A1/approve?factory=f", "{}", 0},
	    {"device delete d1", "DELETE", "https://s:1/v1/devices/d1", "{}", 0},
	    {"certificate list --device d1 --expires-before 2027-01-01T00:00:00Z", "GET",
		"https://s:1/v1/certificates?device=d1&expires_before=2027-01-01T00%3A00%3A00Z", "",
		0},
	    {"certificate revoke ab --reason superseded", "POST",
		"https://s:1/v1/certificates/ab/revoke", "{\"reason\":\"superseded\"}", 0},
	    {"token enrol", "POST", "https://s:1/v1/enrolment-tokens", "{}", 0},
	    {"token enrol --device d1 --uses 3 --expires-in 60", "POST",
		"https://s:1/v1/enrolment-tokens",
		"{\"device\":\"d1\",\"expires_in\":60,\"uses\":3}", 0},
	    {"authority disable ca", "POST", "https://s:1/v1/authorities/ca/disable", "{}", 0},
	    {"group create g", "POST", "https://s:1/v1/groups", "{\"name\":\"g\"}", 0},
	    {"group set g --announce factory", "PATCH", "https://s:1/v1/groups/g",
		"{\"announce\":null}", 0},
	    {"group create g --policies a,b.c", "POST", "https://s:1/v1/groups",
		"{\"name\":\"g\",\"policies\":[\"a\",\"b.c\"]}", 0},
	    {"group set g --policies=", "PATCH", "https://s:1/v1/groups/g", "{\"policies\":[]}", 0},
	    {"group add g d1 d2 d3", "PUT", "https://s:1/v1/groups/g/devices/d3", "{}", 2},
	    {"gateway set g --no-activate", "PATCH", "https://s:1/v1/gateways/g",
		"{\"may_activate\":false}", 0},
	    {"factory set f --retire-after-days 7 --if-match x", "PATCH",
		"https://s:1/v1/factories/f", "{\"retire_after_days\":7}", 0},
	    {"operator-token create o --role viewer --factories a,b", "POST",
		"https://s:1/v1/operator-tokens",
		"{\"name\":\"o\",\"factories\":[\"a\",\"b\"],\"role\":\"viewer\"}", 0},
	    {"audit list --actor operator:x", "GET", "https://s:1/v1/audit?actor=operator%3Ax", "",
		0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_request(&rows[i]);
	}
}

Test(invocation, servers_are_asked_over_https)
{
	static const struct {
		const char *server;
		const char *url; /* NULL: refused */
	} rows[] = {
	    {"https://s:1//", "https://s:1/v1/status"},
	    {"HTTPS://s:1", "HTTPS://s:1/v1/status"},
	    {"s:1", "https://s:1/v1/status"},
	    {"s", "https://s/v1/status"},
	    {"[::1]:8444/", "https://[::1]:8444/v1/status"},
	    {"http://s:1", NULL},
	    {"HTTP://s:1", NULL},
	    {"httpsx://s:1", NULL},
	    {"ftp://s:1", NULL},
	    {"://s:1", NULL},
	    {"", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		struct cv_cli_invocation invocation;
		char words[] = "status";
		int end = -1;

		cr_assert(parse(words, &invocation, &end));
		bool is_good = cv_cli_make_url(&invocation, 0, rows[i].server, NULL, &url, &err);
		cr_expect_eq(is_good, rows[i].url != NULL, "%s", rows[i].server);
		if (rows[i].url == NULL)
			cr_expect_eq(err.code, CV_E_INPUT, "%s", rows[i].server);
		else
			cr_expect_str_eq(cv_buffer_text(&url), rows[i].url);
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
	    "{\"name\":\"g\",\"csr\":\"PEM\",\"factories\":[\"a\",\"b\"],\"lifetime_days\":30,"
	    "\"may_activate\":false,\"sources\":[\"pem\",\"sha256\"]}",
	    0});
	(void)snprintf(
	    line, sizeof(line), "authority import %s --name n --kind offline --owner o", path);
	(void)snprintf(expected, sizeof(expected),
	    "{\"certificate\":\"PEM\",\"kind\":\"offline\",\"name\":\"n\",\"owner\":\"o\"}");
	check_request(
	    &(struct request_row){line, "POST", "https://s:1/v1/authorities", expected, 0});
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
	    "device show a --reason x",
	    "device hold",
	    "device hold a ..",
	    "device show .",
	    "group remove .. d",
	    "group add g",
	    "gateway add g --source pem",
	    "gateway set g --activate --no-activate",
	    "gateway add g --csr /dev/null",
	    "authority import /dev/null --name n",
	    "authority import /dev/null --kind offline",
	    "operator-token create o",
	    "operator-token create o --role viewer --factory a",
	    "operator-certificate add o --role viewer --csr /dev/null --factory a",
	    "gateway add g --csr /dev/null --source pem --factory a",
	    "gateway add g --csr /dev/null --source pem --factory a --factories a",
	    "device list --device a",
	    "device list --nonsense",
	    "factory set f --announce factory",
	    "factory add f --announce explici",
	    "group set g --announce explicit|implied",
	    "group set g --announce=",
	    "authority import /dev/null --name n --kind online",
	    "device list --state active",
	    "device revoke a --reason",
	    "token enrol --uses many",
	    "token enrol --expires-in -1",
	    "factory set f --lifetime-days 1.5",
	    "device list --limit x",
	    "device list --limit 0",
	    "group set g",
	    "group set g --if-match x",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CV_AUTO_MEMORY char *words = strdup(lines[i]);
		struct cv_cli_invocation invocation;
		int end = -1;
		cr_expect_not(parse(words, &invocation, &end), "%s", lines[i]);
		cr_expect_eq(end, 2, "%s", lines[i]);
	}
}

/* Some options take other words with other verbs. */
Test(invocation, words_are_those_of_the_verb)
{
	static const char *const lines[] = {
	    "group set g --announce factory",
	    "factory set f --announce implied",
	    "authority list --kind online",
	    "authority import /dev/null --name n --kind offline",
	    "device list --state held",
	    "certificate list --state active",
	    "device hold d --reason stolen",
	    "device hold ... .a a..b",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CV_AUTO_MEMORY char *words = strdup(lines[i]);
		struct cv_cli_invocation invocation;
		int end = -1;
		cr_expect(parse(words, &invocation, &end), "%s", lines[i]);
	}
}

/* Every --state has its words: its value says none. */
Test(invocation, every_state_has_words)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);
	const struct cv_cli_option *state = cv_cli_option("state");

	for (size_t i = 0; i < count; i++)
		cr_expect(!cv_cli_takes(&verbs[i], "state") ||
			      cv_cli_words_are_all(cv_cli_words(&verbs[i], state)),
		    "%s %s", verbs[i].verb, verbs[i].act);
}

Test(invocation, requests_name_what_they_are_about)
{
	struct cv_cli_invocation invocation;
	char several[] = "group add g d1 d2", nothing[] = "device list";
	int end;

	cr_assert(parse(several, &invocation, &end));
	cr_expect_str_eq(cv_cli_argument(&invocation, 1, 0), "g");
	cr_expect_str_eq(cv_cli_argument(&invocation, 1, 1), "d2");
	cr_expect_null(cv_cli_argument(&invocation, 1, 2));
	cr_assert(parse(nothing, &invocation, &end));
	cr_expect_null(cv_cli_argument(&invocation, 0, 0));
}

/* The table of verbs names options by text; each must be one, and have a use. */
Test(invocation, verbs_name_options_that_there_are)
{
	size_t verb_count, option_count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&verb_count);
	const struct cv_cli_option *options = cv_cli_options(&option_count);

	for (size_t i = 0; i < verb_count; i++) {
		const char *words = verbs[i].options;
		char word[32];

		while (cv_cli_next_word(&words, word, sizeof(word))) {
			word[strcspn(word, "!")] = '\0';
			cr_expect_not_null(
			    cv_cli_option(word), "%s %s: %s", verbs[i].verb, verbs[i].act, word);
		}
	}
	for (size_t i = 0; i < option_count; i++) {
		bool is_used = false;

		for (size_t at = 0; at < verb_count; at++)
			is_used = is_used || cv_cli_takes(&verbs[at], options[i].name);
		cr_expect(is_used, "--%s", options[i].name);
	}
}

Test(invocation, verbs_of_this_room)
{
	cr_assert(cv_cli_has_verb("device"));
	cr_assert(cv_cli_has_verb("status"));
	cr_assert_not(cv_cli_has_verb("serve"));
	cr_assert_not(cv_cli_has_verb("list"));
}
