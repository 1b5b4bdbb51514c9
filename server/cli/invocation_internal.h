/* One verb as it was called: its row of the table, its options, and the body of its request. */
#ifndef CV_CLI_INVOCATION_INTERNAL_H
#define CV_CLI_INVOCATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/cli/client.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_CLI_SOURCES_MAX 8

/* Options of their own, as bits: a verb takes those of its row. */
enum cv_cli_option {
	CV_CLI_REASON = 1 << 0,
	CV_CLI_DEVICE = 1 << 1,
	CV_CLI_USES = 1 << 2,
	CV_CLI_EXPIRES = 1 << 3,
	CV_CLI_NAME = 1 << 4,
	CV_CLI_KIND = 1 << 5,
	CV_CLI_OWNER = 1 << 6,
	CV_CLI_CSR = 1 << 7,
	CV_CLI_SOURCE = 1 << 8,
	CV_CLI_FACTORIES = 1 << 9,
	CV_CLI_NO_ACTIVATE = 1 << 10,
	CV_CLI_LIFETIME = 1 << 11,
	CV_CLI_OUT = 1 << 12,
	CV_CLI_AFTER = 1 << 13,
	CV_CLI_LIMIT = 1 << 14,
};
#define CV_CLI_OPTION_COUNT 15

/* How an answer is shown to a person. */
enum cv_cli_view {
	CV_CLI_VIEW_LIST,
	CV_CLI_VIEW_OBJECT,
	CV_CLI_VIEW_SCREEN,
	CV_CLI_VIEW_OUTCOME,
	CV_CLI_VIEW_TOKEN,
	CV_CLI_VIEW_CERTIFICATE,
};

struct cv_cli_invocation;

/* Appends the JSON body. CV_E_INPUT: an option is missing or its value is none. */
typedef bool cv_cli_body(
    const struct cv_cli_invocation *invocation, struct cv_buffer *body, struct cv_error *err);

struct cv_cli_verb {
	const char *verb;
	const char *act;      /* "": the verb stands alone */
	const char *argument; /* what is named, for the help; "": nothing */
	unsigned options;     /* enum cv_cli_option */
	const char *method;
	const char *path;   /* begins the path; the argument follows it */
	const char *suffix; /* behind the argument */
	cv_cli_body *body;  /* NULL: none, or {} for POST */
	enum cv_cli_view view;
	const char *help;
};

const struct cv_cli_verb *cv_cli_verbs(size_t *ret_count);

struct cv_cli_invocation {
	const struct cv_cli_verb *verb;
	struct cv_cli_options global;
	const char *argument;                    /* NULL: none */
	const char *values[CV_CLI_OPTION_COUNT]; /* by bit number; NULL: not given */
	const char *sources[CV_CLI_SOURCES_MAX];
	size_t source_count;
};

/* The value of one option; NULL: not given. */
const char *cv_cli_value(const struct cv_cli_invocation *invocation, enum cv_cli_option option);

/* Reads the command line; false: *ret_exit is the end of it. */
bool cv_cli_parse(const struct cv_cli_options *options, int argc, char **argv,
    struct cv_cli_invocation *ret_invocation, int *ret_exit);

/* The address of the request: server, path, argument, query. */
bool cv_cli_make_url(const struct cv_cli_invocation *invocation, const char *server,
    struct cv_buffer *url, struct cv_error *err);

#endif
