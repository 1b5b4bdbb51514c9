/* What the verbs of app/ share: finding the settings and reporting errors. */
#ifndef CV_APP_COMMAND_INTERNAL_H
#define CV_APP_COMMAND_INTERNAL_H

#include <getopt.h>

#include "cv/app/command.h"
#include "cv/app/config.h"

/* The file that the command line means. is_default: nobody named one, and it may be missing. */
const char *cv_command_config_path(const struct cv_command_line *line, bool *ret_is_default);
/* Loads the settings that the command line means; says every problem on standard error. */
bool cv_command_load(const struct cv_command_line *line, enum cv_config_scope scope,
    struct cv_config **ret_config, int *ret_exit);
/* The next of the options, of which -c and -h have short names; complaints name program and verb.
 */
int cv_command_option(int argc, char **argv, const struct option *options);
/* Verbs with no options but --config and --help; false: *ret_exit is the end of it. */
bool cv_command_parse(
    struct cv_command_line *line, int argc, char **argv, const char *help, int *ret_exit);
/* "certvendor: text: cause" on standard error; the exit code that fits. */
int cv_command_report(const struct cv_error *err);

#endif
