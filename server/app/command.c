#include "cv/app/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_internal.h"
#include "cv/app/app.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

int
cv_command_report(const struct cv_error *err)
{
	(void)fprintf(stderr, "certvendor: %s%s%s\n", err->text, err->cause[0] == '\0' ? "" : ": ",
	    err->cause);
	return err->code == CV_E_CONFIG ? CV_EXIT_CONFIG : CV_EXIT_FAILED;
}

const char *
cv_command_config_path(const struct cv_command_line *line, bool *ret_is_default)
{
	const char *path = line->config != NULL ? line->config : getenv("CERTVENDOR_CONFIG");

	*ret_is_default = path == NULL;
	return path == NULL ? CV_CONFIG_DEFAULT_PATH : path;
}

bool
cv_command_load(const struct cv_command_line *line, enum cv_config_scope scope,
    struct cv_config **ret_config, int *ret_exit)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	bool is_default;
	const char *path = cv_command_config_path(line, &is_default);

	if (cv_config_load(path, is_default, scope, ret_config, &problems, &err))
		return true;
	(void)fputs(cv_buffer_text(&problems), stderr);
	(void)cv_command_report(&err);
	*ret_exit = err.code == CV_E_MEMORY ? CV_EXIT_FAILED : CV_EXIT_CONFIG;
	return false;
}

int
cv_command_option(int argc, char **argv, const struct option *options)
{
	char name[32];
	char *called = argv[0];

	(void)snprintf(name, sizeof(name), "certvendor %s", called);
	argv[0] = name;
	int option = getopt_long(argc, argv, "c:h", options, NULL);
	argv[0] = called;
	return option;
}

bool
cv_command_parse(
    struct cv_command_line *line, int argc, char **argv, const char *help, int *ret_exit)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	while ((option = cv_command_option(argc, argv, options)) != -1) {
		switch (option) {
		case 'c':
			line->config = optarg;
			break;
		case 'h':
			(void)printf("usage: certvendor %s [--config FILE]\n%s\n", argv[0], help);
			*ret_exit = CV_EXIT_OK;
			return false;
		default:
			*ret_exit = CV_EXIT_USAGE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	(void)fprintf(stderr, "certvendor %s: unexpected \"%s\"\n", argv[0], argv[optind]);
	*ret_exit = CV_EXIT_USAGE;
	return false;
}

/* A warning and no more: whoever runs the process may have set it for something else. */
static void
warn_of_variables(void)
{
	for (char **at = environ; *at != NULL; at++) {
		char name[128];

		if (cv_text_copy_bytes(name, sizeof(name), *at, strcspn(*at, "=")) &&
		    cv_config_is_unknown_variable(name))
			cv_log(CV_LOG_WARNING, "variable-unknown",
			    "there is no setting of this name: it has no effect",
			    CV_LOG_TEXT("variable", name));
	}
}

int
cv_command_serve(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Runs the service until SIGTERM or SIGINT; log lines go to standard error.",
		&end) ||
	    !cv_command_load(line, CV_CONFIG_SERVICE, &config, &end))
		return end;
	cv_log_find_journal();
	warn_of_variables();
	if (cv_app_serve(config, &err))
		return CV_EXIT_OK;
	cv_log_error(CV_LOG_ERROR, "start-failed", "the service could not start", &err);
	return err.code == CV_E_CONFIG ? CV_EXIT_CONFIG : CV_EXIT_FAILED;
}

int
cv_command_migrate(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Brings the database schema up to date. Safe to repeat, and to run twice at once.",
		&end) ||
	    !cv_command_load(line, CV_CONFIG_VALUES, &config, &end))
		return end;
	return cv_app_migrate(config, &err) ? CV_EXIT_OK : cv_command_report(&err);
}

int
cv_command_check_config(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Checks the configuration and the files that it names; exit code 78 when it is "
		"not good.",
		&end) ||
	    !cv_command_load(line, CV_CONFIG_FILES, &config, &end))
		return end;
	warn_of_variables();
	(void)puts("configuration is good");
	return CV_EXIT_OK;
}

int
cv_command_healthcheck(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Asks the service on this machine whether it is ready; exit code 0 or 1.", &end))
		return end;
	if (!cv_command_load(line, CV_CONFIG_VALUES, &config, &end))
		return CV_EXIT_FAILED;
	if (cv_app_check_health(config, &err))
		return CV_EXIT_OK;
	(void)cv_command_report(&err);
	return CV_EXIT_FAILED;
}
