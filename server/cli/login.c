#include "login_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/file.h"

#define TIMEOUT_MS 60000
#define TOKEN_MAX_BYTES 4096

int
cv_cli_report(const struct cv_error *err)
{
	(void)fprintf(stderr, "certvendor: %s%s%s\n", err->text, err->cause[0] == '\0' ? "" : ": ",
	    err->cause);
	return err->code == CV_E_INPUT ? CV_CLI_USAGE : CV_CLI_REFUSED;
}

/* A variable that is empty is as good as none. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

static const char *
or_environment(const char *value, const char *name)
{
	return value != NULL ? value : variable(name);
}

static bool
read_token_file(const char *path, struct cv_buffer *ret_token, struct cv_error *err)
{
	if (!cv_file_read_any(path, TOKEN_MAX_BYTES, ret_token, err))
		return cv_error_context(err, "token");
	while (ret_token->len > 0 && strchr("\r\n ", ret_token->data[ret_token->len - 1]) != NULL)
		ret_token->data[--ret_token->len] = '\0';
	return true;
}

/* What was said on the command line comes before the environment. */
static bool
find_token(const struct cv_cli_options *options, struct cv_buffer *ret_token, struct cv_error *err)
{
	const char *token = options->token;

	if (token == NULL && options->token_file == NULL)
		token = variable("CERTVENDOR_TOKEN");
	const char *file = or_environment(options->token_file, "CERTVENDOR_TOKEN_FILE");
	if (token == NULL && file != NULL)
		return read_token_file(file, ret_token, err);
	if (token == NULL)
		return cv_fail(err, CV_E_CONFIG,
		    "nothing to log in with: give --token-file or --cert, or set "
		    "CERTVENDOR_TOKEN, CERTVENDOR_TOKEN_FILE or CERTVENDOR_CERT");
	cv_buffer_append_text(ret_token, token);
	return !ret_token->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for the token");
}

/* NULL: log in with a token. */
static const char *
find_certificate(const struct cv_cli_options *options)
{
	if (options->certificate != NULL)
		return options->certificate;
	return options->token == NULL && options->token_file == NULL ? variable("CERTVENDOR_CERT")
								     : NULL;
}

const char *
cv_cli_server(const struct cv_cli_options *options)
{
	const char *server = or_environment(options->server, "CERTVENDOR_SERVER");

	return server == NULL ? CV_CLI_DEFAULT_SERVER : server;
}

const char *
cv_cli_ca_file(const struct cv_cli_options *options)
{
	return or_environment(options->ca_file, "CERTVENDOR_CA");
}

bool
cv_cli_log_in(const struct cv_cli_options *options, struct cv_transport_request *request,
    struct cv_buffer *token, struct cv_error *err)
{
	request->certificate = find_certificate(options);
	if (request->certificate == NULL && !find_token(options, token, err))
		return false;
	request->token = request->certificate == NULL ? cv_buffer_text(token) : NULL;
	request->key = or_environment(options->key, "CERTVENDOR_KEY");
	request->ca_file = cv_cli_ca_file(options);
	request->timeout_ms = TIMEOUT_MS;
	return true;
}
