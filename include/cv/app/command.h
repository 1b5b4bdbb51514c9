/* The verbs that this program runs itself, and the command line they share. Main thread. */
#ifndef CV_APP_COMMAND_H
#define CV_APP_COMMAND_H

#include <stdbool.h>

#include "cv/cli/client.h"

enum cv_exit {
	CV_EXIT_OK = 0,
	CV_EXIT_FAILED = 1,
	CV_EXIT_USAGE = 2,
	CV_EXIT_CONFIG = 78, /* EX_CONFIG: systemd does not start it again */
};

/* Options before the verb. */
struct cv_command_line {
	const char *config; /* NULL: CERTVENDOR_CONFIG, or the default, which may be missing */
	struct cv_cli_options client;
};

/* argv[0] is the verb. Each returns an exit code and has said on standard error what was wrong. */
int cv_command_serve(struct cv_command_line *line, int argc, char **argv);
int cv_command_init(struct cv_command_line *line, int argc, char **argv);
int cv_command_migrate(struct cv_command_line *line, int argc, char **argv);
int cv_command_check_config(struct cv_command_line *line, int argc, char **argv);
int cv_command_audit(struct cv_command_line *line, int argc, char **argv);
int cv_command_doctor(struct cv_command_line *line, int argc, char **argv);
int cv_command_print_config(struct cv_command_line *line, int argc, char **argv);
int cv_command_healthcheck(struct cv_command_line *line, int argc, char **argv);

#endif
