/*
 * Operators' verbs: call the operator API of a running server, print a table or JSON.
 */
#ifndef CV_CLI_CLIENT_H
#define CV_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CV_CLI_DEFAULT_SERVER "https://localhost:8444"

/* An option with a value, of a verb of another room. */
struct cv_cli_program_option {
	const char *name;
	const char *value; /* "FILE", or the words "a|b" */
	const char *help;
};
/* A verb of another room, for completion and help. With an act: a further one of a verb of this
 * room. */
struct cv_cli_program_verb {
	const char *name;
	const char *act; /* "": none */
	const char *help;
	const struct cv_cli_program_option
	    *options; /* beside --config and --help; NULL: nor these */
	size_t option_count;
};
/* Where and as whom. NULL: from CERTVENDOR_SERVER, CERTVENDOR_TOKEN(_FILE), CERTVENDOR_CERT and
 * _KEY, CERTVENDOR_CA. */
struct cv_cli_options {
	const char *server;
	const char *token;
	const char *token_file;
	const char *certificate; /* PEM file; with it no token is sent */
	const char *key;
	const char *ca_file;
	const char *factory;
	bool is_json;
	const struct cv_cli_program_verb *others; /* lent: further acts that help lists */
	size_t other_count;
};

/* Is this a verb of this room ("device", "status")? */
bool cv_cli_has_verb(const char *verb);
/* Runs it; argv[0] is the verb. Exit code: 0 done, 1 refused or failed, 2 usage; the highest of
 * several requests. */
int cv_cli_run(const struct cv_cli_options *options, int argc, char **argv);
/* A line for each verb of this room. */
void cv_cli_print_verbs(FILE *stream);

/* "completion SHELL": prints the completion of bash, zsh or fish. */
int cv_cli_print_completion(
    const struct cv_cli_program_verb *others, size_t count, int argc, char **argv);

#endif
