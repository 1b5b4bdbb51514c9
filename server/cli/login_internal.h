/* Where the operator API is and as whom it is asked: what the command line says, else the
 * environment. And how a verb ends. */
#ifndef CV_CLI_LOGIN_INTERNAL_H
#define CV_CLI_LOGIN_INTERNAL_H

#include <stdbool.h>

#include "cv/cli/client.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "transport_internal.h"

#define CV_CLI_DONE 0
#define CV_CLI_REFUSED 1
#define CV_CLI_USAGE 2

/* Says on standard error what went wrong; the exit code for it. */
int cv_cli_report(const struct cv_error *err);

const char *cv_cli_server(const struct cv_cli_options *options);
/* NULL: the system's. */
const char *cv_cli_ca_file(const struct cv_cli_options *options);
/*
 * Fills the parts of a request that say who asks and whom, and how long it may take. What it lends
 * is in options, the environment and token, which must be secret. CV_E_CONFIG: there is nothing to
 * log in with.
 */
bool cv_cli_log_in(const struct cv_cli_options *options, struct cv_transport_request *request,
    struct cv_buffer *token, struct cv_error *err);

#endif
