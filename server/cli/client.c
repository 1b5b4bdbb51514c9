#include "cv/cli/client.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "cv/codec/table.h"
#include "cv/util/clock.h"
#include "cv/util/file.h"
#include "cv/util/random.h"
#include "cv/util/text.h"
#include "invocation_internal.h"
#include "login_internal.h"
#include "transport_internal.h"

#define UNAVAILABLE 503
#define LIST_MAX_BYTES ((size_t)1024 * 1024 * 1024)

static bool
makes_something(const struct cv_cli_verb *verb)
{
	return cv_text_equal(verb->method, "POST") && strchr(verb->path, '{') == NULL;
}

static void
wait_a_moment(void)
{
	const struct timespec pause = {.tv_sec = 1};

	(void)nanosleep(&pause, NULL);
}

/* An answer that was lost, or that did not know, is asked for once more: the key keeps the request
 * from happening twice. */
static bool
send(const struct cv_cli_verb *verb, struct cv_transport_request *request, long *ret_status,
    struct cv_buffer *ret_answer, struct cv_error *err)
{
	char key[CV_UUID_TEXT_SIZE];

	if (!makes_something(verb))
		return cv_transport_send(request, ret_status, ret_answer, err);
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), key);
	request->idempotency_key = key;
	if (cv_transport_send(request, ret_status, ret_answer, err)) {
		if (*ret_status != UNAVAILABLE)
			return true;
		wait_a_moment();
	}
	cv_buffer_reset(ret_answer);
	return cv_transport_send(request, ret_status, ret_answer, err);
}

static bool
ask(const struct cv_cli_invocation *invocation, size_t number, const char *cursor, long *ret_status,
    struct cv_buffer *ret_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer token = {.is_secret = true};
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer quoted = CV_BUFFER_INIT;
	const struct cv_cli_options *global = &invocation->global;
	const char *tag = cv_cli_value(invocation, "if-match");
	struct cv_transport_request request = {.method = invocation->verb->method};

	if (!cv_cli_make_url(invocation, number, cv_cli_server(global), cursor, &url, err) ||
	    !cv_cli_make_body(invocation, number, &body, err) ||
	    !cv_cli_log_in(global, &request, &token, err))
		return false;
	/* A change names only what it changes, so that by default it may meet any state. */
	if (tag == NULL && cv_text_equal(invocation->verb->method, "PATCH"))
		tag = "*";
	/* A shell takes the quotes away. */
	if (tag != NULL && tag[0] != '"' && !cv_text_equal(tag, "*")) {
		cv_buffer_printf(&quoted, "\"%s\"", tag);
		tag = cv_buffer_text(&quoted);
	}
	request.url = cv_buffer_text(&url);
	request.body = cv_buffer_bytes(&body);
	request.if_match = tag;
	return send(invocation->verb, &request, ret_status, ret_answer, err);
}

/* Nothing from another machine may command the terminal. */
static void
print_clean(FILE *stream, const char *text)
{
	CV_AUTO_BUFFER struct cv_buffer clean = CV_BUFFER_INIT;

	cv_buffer_append_printable(&clean, text);
	(void)fputs(cv_buffer_text(&clean), stream);
}

/* "There is nothing here." or "The request is malformed: Query of ..." */
static void
print_sentence(struct cv_buffer *title, const struct cv_buffer *detail)
{
	if (detail->len > 0 && title->len > 0 && title->data[title->len - 1] == '.')
		title->data[--title->len] = '\0';
	print_clean(stderr, cv_buffer_text(title));
	if (detail->len > 0)
		(void)fputs(": ", stderr);
	print_clean(stderr, cv_buffer_text(detail));
}

/* Names what was asked for: it may be one of many. */
static int
report_problem(
    const struct cv_cli_invocation *invocation, size_t number, long status, struct cv_bytes answer)
{
	CV_AUTO_BUFFER struct cv_buffer title = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer detail = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer code = CV_BUFFER_INIT;
	const char *argument;

	(void)fputs("certvendor: ", stderr);
	for (size_t i = 0; (argument = cv_cli_argument(invocation, number, i)) != NULL; i++) {
		(void)fputs(i == 0 ? "" : " ", stderr);
		print_clean(stderr, argument);
	}
	if (cv_cli_subject(invocation, number) != NULL)
		(void)fputs(": ", stderr);
	if (!cv_table_find_text(answer, "title", &title))
		cv_buffer_printf(&title, "the server answered %ld", status);
	(void)cv_table_find_text(answer, "detail", &detail);
	print_sentence(&title, &detail);
	if (cv_table_find_text(answer, "code", &code)) {
		(void)fputs(" (", stderr);
		print_clean(stderr, cv_buffer_text(&code));
		(void)fputs(")", stderr);
	}
	(void)fputs("\n", stderr);
	return CV_CLI_REFUSED;
}

/* 0 when it is no terminal: what goes into a file or a pipe is not shortened. */
static size_t
terminal_width(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

static bool
show_list(const struct cv_cli_verb *verb, struct cv_bytes answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer next = CV_BUFFER_INIT;

	if (!cv_table_append_list(answer, verb->columns, terminal_width(), &text, err))
		return false;
	(void)fputs(cv_buffer_text(&text), stdout);
	if (cv_table_find_text(answer, "next", &next)) {
		(void)fputs("more follow: --all, or --cursor ", stderr);
		print_clean(stderr, cv_buffer_text(&next));
		(void)fputs("\n", stderr);
	}
	return true;
}

static bool
show_object(struct cv_bytes answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	if (!cv_table_append_object(answer, &text, err))
		return false;
	(void)fputs(cv_buffer_text(&text), stdout);
	return true;
}

static bool
show_screen(struct cv_bytes answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	if (!cv_table_append_screen(answer, terminal_width(), &text, err))
		return false;
	(void)fputs(cv_buffer_text(&text), stdout);
	return true;
}

static bool
show_outcome(const char *subject, struct cv_bytes answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer outcome = CV_BUFFER_INIT;

	if (!cv_table_find_text(answer, "outcome", &outcome))
		return cv_fail(err, CV_E_INTERNAL, "the answer has no outcome");
	(void)printf("%s: ", subject);
	print_clean(stdout, cv_buffer_text(&outcome));
	if (cv_table_find_true(answer, "ends_key"))
		(void)fputs("; the key of the device ended with it", stdout);
	(void)fputs("\n", stdout);
	return true;
}

static bool
show_member(struct cv_bytes answer, const char *member, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	if (!cv_table_find_text(answer, member, &text))
		return cv_fail(err, CV_E_INTERNAL, "the answer has no %s", member);
	(void)fputs(cv_buffer_text(&text), stdout);
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		(void)fputs("\n", stdout);
	return true;
}

static bool
write_certificate(struct cv_bytes answer, struct cv_file_draft *out, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	if (!cv_table_find_text(answer, "certificate", &pem))
		return cv_fail(err, CV_E_INTERNAL, "the answer has no certificate");
	if (cv_file_draft_commit(out, cv_buffer_bytes(&pem), err))
		return true;
	/* It is issued, and shown only once. */
	(void)fputs(cv_buffer_text(&pem), stdout);
	return false;
}

/* out NULL: on standard output. */
static bool
show(const struct cv_cli_invocation *invocation, size_t number, struct cv_bytes answer,
    struct cv_file_draft *out, struct cv_error *err)
{
	if (out != NULL && !write_certificate(answer, out, err))
		return false;
	if (invocation->global.is_json) {
		(void)fwrite(answer.data, 1, answer.len, stdout);
		if (answer.len == 0 || answer.data[answer.len - 1] != '\n')
			(void)fputs("\n", stdout);
		return true;
	}
	switch (invocation->verb->view) {
	case CV_CLI_VIEW_LIST:
		return show_list(invocation->verb, answer, err);
	case CV_CLI_VIEW_OBJECT:
		return show_object(answer, err);
	case CV_CLI_VIEW_SCREEN:
		return show_screen(answer, err);
	case CV_CLI_VIEW_OUTCOME:
		return show_outcome(cv_cli_subject(invocation, number), answer, err);
	case CV_CLI_VIEW_SECRET:
		return show_member(answer, "secret", err);
	case CV_CLI_VIEW_TOKEN:
		return show_member(answer, "token", err);
	case CV_CLI_VIEW_CERTIFICATE:
		return out != NULL || show_member(answer, "certificate", err);
	case CV_CLI_VIEW_OWN:
		break;
	}
	return cv_fail(err, CV_E_INTERNAL, "no view");
}

bool
cv_cli_has_verb(const char *verb)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(verbs[i].verb, verb))
			return true;
	}
	return false;
}

/* ---- one request after the other ---- */

/* Over itself on a terminal, and nothing anywhere else. count 0: done, wipe it. */
static void
show_progress(const char *what, size_t count, size_t total)
{
	if (isatty(STDERR_FILENO) != 1)
		return;
	if (count == 0)
		(void)fputs("\r\033[K", stderr);
	else if (total == 0)
		(void)fprintf(stderr, "\r%s: %zu", what, count);
	else
		(void)fprintf(stderr, "\r%s: %zu of %zu", what, count, total);
	(void)fflush(stderr);
}

static int
finish(const struct cv_cli_invocation *invocation, size_t number, bool is_good, long status,
    struct cv_bytes answer, const struct cv_error *err)
{
	if (!is_good)
		return cv_cli_report(err);
	if (status < 200 || status > 299)
		return report_problem(invocation, number, status, answer);
	return CV_CLI_DONE;
}

/* Before the request: what it makes cannot be made again for a file that cannot be written. */
static bool
begin_output(const struct cv_cli_invocation *invocation, struct cv_file_draft *draft,
    struct cv_file_draft **ret_out, struct cv_error *err)
{
	const char *path = cv_cli_value(invocation, "out");

	if (path == NULL)
		return true;
	*ret_out = draft;
	return cv_file_draft_begin(draft, path, 0644, err);
}

static int
run_one(const struct cv_cli_invocation *invocation, size_t number)
{
	CV_AUTO_BUFFER struct cv_buffer answer = {
	    .max_bytes = CV_TRANSPORT_ANSWER_MAX,
	    .is_secret = true,
	};
	CV_AUTO_FILE_DRAFT struct cv_file_draft draft = CV_FILE_DRAFT_INIT;
	struct cv_file_draft *out = NULL;
	struct cv_error err = CV_ERROR_INIT;
	long status = 0;
	bool is_good = begin_output(invocation, &draft, &out, &err) &&
		       ask(invocation, number, NULL, &status, &answer, &err);
	int end = finish(invocation, number, is_good, status, cv_buffer_bytes(&answer), &err);

	if (end == CV_CLI_DONE && !show(invocation, number, cv_buffer_bytes(&answer), out, &err)) {
		(void)cv_cli_report(&err);
		return CV_CLI_REFUSED;
	}
	return end;
}

/* Goes on after a refusal: the rest does not depend on it. What is wrong with the command line is
 * wrong for each of them. */
static int
run_each(const struct cv_cli_invocation *invocation)
{
	size_t count = cv_cli_request_count(invocation);
	int worst = CV_CLI_DONE;

	for (size_t i = 0; i < count; i++) {
		int end = run_one(invocation, i);
		if (end > worst)
			worst = end;
		if (end == CV_CLI_USAGE)
			break;
		if (count > 1 && isatty(STDOUT_FILENO) != 1)
			show_progress(invocation->verb->act, i + 1, count);
	}
	show_progress("", 0, 0);
	return worst;
}

static int
read_page(const struct cv_cli_invocation *invocation, struct cv_buffer *items,
    struct cv_buffer *cursor, size_t *ret_count)
{
	CV_AUTO_BUFFER struct cv_buffer answer = {.max_bytes = CV_TRANSPORT_ANSWER_MAX};
	struct cv_error err = CV_ERROR_INIT;
	long status = 0;
	bool is_good = ask(invocation, 0, cursor->len == 0 ? NULL : cv_buffer_text(cursor), &status,
	    &answer, &err);
	int end = finish(invocation, 0, is_good, status, cv_buffer_bytes(&answer), &err);

	cv_buffer_reset(cursor);
	if (end != CV_CLI_DONE ||
	    cv_table_append_page(cv_buffer_bytes(&answer), items, cursor, ret_count, &err))
		return end;
	(void)cv_cli_report(&err);
	return CV_CLI_REFUSED;
}

static int
run_pages(const struct cv_cli_invocation *invocation)
{
	CV_AUTO_BUFFER struct cv_buffer items = {.max_bytes = LIST_MAX_BYTES};
	CV_AUTO_BUFFER struct cv_buffer list = {.max_bytes = LIST_MAX_BYTES};
	CV_AUTO_BUFFER struct cv_buffer cursor = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	size_t total = 0, count;

	do {
		int end = read_page(invocation, &items, &cursor, &count);
		if (end != CV_CLI_DONE)
			return end;
		total += count;
		show_progress("read", total, 0);
	} while (cursor.len > 0);
	show_progress("", 0, 0);
	cv_buffer_append_text(&list, "{\"items\":[");
	cv_buffer_append_text(&list, cv_buffer_text(&items));
	cv_buffer_append_text(&list, "],\"next\":null}\n");
	if (show(invocation, 0, cv_buffer_bytes(&list), NULL, &err))
		return CV_CLI_DONE;
	(void)cv_cli_report(&err);
	return CV_CLI_REFUSED;
}

static int
run_own(const struct cv_cli_invocation *invocation)
{
	return cv_text_equal(invocation->verb->verb, "demo") ? cv_cli_demo(invocation)
							     : cv_cli_bench(invocation);
}

int
cv_cli_run(const struct cv_cli_options *options, int argc, char **argv)
{
	struct cv_cli_invocation invocation;
	int end;

	if (!cv_cli_parse(options, argc, argv, &invocation, &end))
		return end;
	if (invocation.verb->view == CV_CLI_VIEW_OWN)
		end = run_own(&invocation);
	else if (cv_cli_value(&invocation, "all") != NULL)
		end = run_pages(&invocation);
	else
		end = run_each(&invocation);
	return end;
}
