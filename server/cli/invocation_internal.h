/*
 * One verb as it was called. The table of verbs is the truth for parsing, requests, help and
 * completion; the table of options says what each of them is and where in a request it goes.
 */
#ifndef CV_CLI_INVOCATION_INTERNAL_H
#define CV_CLI_INVOCATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cv/cli/client.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

enum cv_cli_kind {
	CV_CLI_TEXT,
	CV_CLI_TEXT_OR_NULL, /* "factory" is null: what the factory says */
	CV_CLI_NUMBER,
	CV_CLI_COUNT,    /* a number from 1 */
	CV_CLI_WORDS,    /* "a,b": a list */
	CV_CLI_REPEATED, /* a list, one word each time */
	CV_CLI_FILE,     /* the text of the file */
	CV_CLI_TRUE,     /* flags */
	CV_CLI_FALSE,
	CV_CLI_HEADER, /* If-Match */
	CV_CLI_LOCAL,  /* not in the request; value NULL: a flag */
	CV_CLI_GLOBAL, /* of every verb */
};

struct cv_cli_option {
	const char *name;
	enum cv_cli_kind kind;
	const char *value;  /* for the help: "ID", or the words "a|b" of most verbs; NULL: a flag */
	const char *member; /* of the query or body, where it is not the name with '_' for '-' */
	const char *help;
};

#define CV_CLI_OPTIONS_MAX 72
const struct cv_cli_option *cv_cli_options(size_t *ret_count);
/* NULL: there is none. */
const struct cv_cli_option *cv_cli_option(const char *name);

/* How an answer is shown to a person. */
enum cv_cli_view {
	CV_CLI_VIEW_LIST,
	CV_CLI_VIEW_OBJECT,
	CV_CLI_VIEW_SCREEN,
	CV_CLI_VIEW_OUTCOME,
	CV_CLI_VIEW_TOKEN,
	CV_CLI_VIEW_SECRET,
	CV_CLI_VIEW_CERTIFICATE,
	CV_CLI_VIEW_OWN, /* the verb makes its requests itself, and says what came of them */
};

struct cv_cli_verb {
	const char *verb;
	const char *act; /* "": the verb stands alone */
	/* What is named: "" nothing, "ID" one, "ID..." one or more, a request each, "NAME
	 * DEVICE..." two. They fill the braces of the path; what is left is a member of the body.
	 */
	const char *arguments;
	const char *options; /* names; one that must be given ends with '!' */
	const char *method;  /* NULL, as path: CV_CLI_VIEW_OWN */
	const char *path;
	const char *member; /* of the body, for an argument that is not in the path; a file when its
			       option kind is one; NULL: none */
	enum cv_cli_view view;
	const char *columns; /* of a list, as cv_table_append_list() takes them */
	const char *help;
};

const struct cv_cli_verb *cv_cli_verbs(size_t *ret_count);

/* The words that an option of this verb may have or is proposed, NULL: any. */
const char *cv_cli_words(const struct cv_cli_verb *verb, const struct cv_cli_option *option);
/* Are there no others: "a|b", not "a, b"? */
bool cv_cli_words_are_all(const char *words);

/* Next name of a list of words; false at the end. */
bool cv_cli_next_word(const char **words, char *ret_word, size_t size);
bool cv_cli_takes(const struct cv_cli_verb *verb, const char *option);
/* Is it of use? What is made for several factories is not for the one of --factory. */
bool cv_cli_offers(const struct cv_cli_verb *verb, const char *option);

struct cv_cli_invocation {
	const struct cv_cli_verb *verb;
	struct cv_cli_options global;
	char *const *arguments; /* lent */
	size_t argument_count;
	const char *values[CV_CLI_OPTIONS_MAX]; /* by number of the option; NULL: not given */
	const char *repeated[8];                /* of the one option that is CV_CLI_REPEATED */
	size_t repeated_count;
};
#define CV_CLI_REPEATED_MAX 8

/* The value of one option, "" of a flag; NULL: not given. */
const char *cv_cli_value(const struct cv_cli_invocation *invocation, const char *option);

/* Reads the command line; false: *ret_exit is the end of it. */
bool cv_cli_parse(const struct cv_cli_options *options, int argc, char **argv,
    struct cv_cli_invocation *ret_invocation, int *ret_exit);

/* How many requests it takes: one for each of the arguments that may be several. */
size_t cv_cli_request_count(const struct cv_cli_invocation *invocation);
/* What one of the requests names, first and second; NULL: nothing (more). */
const char *cv_cli_argument(
    const struct cv_cli_invocation *invocation, size_t request, size_t place);
/* The argument that tells one request from another; NULL: none. */
const char *cv_cli_subject(const struct cv_cli_invocation *invocation, size_t number);
/* What is not unreserved (RFC 3986 section 2.3) as %XX. */
void cv_cli_append_escaped(struct cv_buffer *url, const char *text);
/* The address of a server, to be followed by a path: without slashes at its end. Without a scheme
 * it is https; CV_E_INPUT: it has another one. */
bool cv_cli_append_base(struct cv_buffer *url, const char *server, struct cv_error *err);
/* The address of a request: server, path, arguments, query. cursor NULL: that of the options.
 * CV_E_INPUT: the server is not to be asked over https. */
bool cv_cli_make_url(const struct cv_cli_invocation *invocation, size_t number, const char *server,
    const char *cursor, struct cv_buffer *url, struct cv_error *err);
/* The JSON body; empty for GET. CV_E_INPUT: a value is none, or a file cannot be read. */
bool cv_cli_make_body(const struct cv_cli_invocation *invocation, size_t number,
    struct cv_buffer *body, struct cv_error *err);

/* Verbs that make their requests themselves; the exit code. */
int cv_cli_demo(const struct cv_cli_invocation *invocation);
int cv_cli_bench(const struct cv_cli_invocation *invocation);

#endif
