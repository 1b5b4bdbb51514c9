/*
 * Operators' verbs: call the operator API of a running server, print a table or JSON. One request a
 * verb.
 */
#ifndef CV_CLI_CLIENT_H
#define CV_CLI_CLIENT_H

#include <stdbool.h>

/* Where and as whom. NULL: from CERTVENDOR_SERVER, CERTVENDOR_TOKEN(_FILE), CERTVENDOR_CA. */
struct cv_cli_options {
	const char *server;
	const char *token;
	const char *token_file;
	const char *ca_file;
	const char *factory;
	bool is_json;
};

/* Is this a verb of this room ("device", "certificate", "token", "gateway", "authority", "status")?
 */
bool cv_cli_has_verb(const char *verb);
/* Runs it; argv[0] is the verb. Exit code: 0 done, 1 refused or failed, 2 usage. */
int cv_cli_run(const struct cv_cli_options *options, int argc, char **argv);

#endif
