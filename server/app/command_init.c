#include "cv/app/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command_internal.h"
#include "cv/app/init.h"
#include "cv/util/text.h"

#define HOSTS_MAX 32

static const char usage[] =
    "usage: certvendor init --factory NAME [--directory DIR] [--database URL]\n"
    "           [--announce explicit|implied] [--host NAME]... [--token-name NAME]\n"
    "           [--token-file FILE] [--config FILE]\n"
    "\n"
    "Makes the root, the device CA, the service CA, the server certificates and the first\n"
    "admin token of a factory. A run that was cut short is simply repeated.\n"
    "\n"
    "  --factory NAME     name of the factory; the OU of its certificates\n"
    "  --directory DIR    where the keys go; default: [signer] directory\n"
    "  --database URL     default: [database] url\n"
    "  --announce HOW     explicit: devices name their next key (PATCH /device) before they\n"
    "                     use it; implied: their re-enrolment is the announcement, for fleets\n"
    "                     whose clients speak only EST\n"
    "  --host NAME        name or address in the server certificates, repeatable; default:\n"
    "                     localhost, 127.0.0.1, ::1 and the name of this machine\n"
    "  --token-name NAME  name of the admin token; default: admin\n"
    "  --token-file FILE  write the token there (mode 0600) instead of printing it;\n"
    "                     a file that is there must be empty\n";

struct init_line {
	struct cv_init_order order;
	const char *hosts[HOSTS_MAX];
	const char *announce;
};

static int
fail_usage(const char *problem)
{
	(void)fprintf(stderr, "certvendor init: %s (see certvendor init --help)\n", problem);
	return CV_EXIT_USAGE;
}

static bool
take_option(struct cv_command_line *line, struct init_line *init, int option, int *ret_exit)
{
	switch (option) {
	case 'c':
		line->config = optarg;
		return true;
	case 'f':
		init->order.factory = optarg;
		return true;
	case 'd':
		init->order.directory = optarg;
		return true;
	case 'u':
		init->order.database_url = optarg;
		return true;
	case 'a':
		init->announce = optarg;
		return true;
	case 'n':
		init->order.token_name = optarg;
		return true;
	case 't':
		init->order.token_file = optarg;
		return true;
	case 'H':
		if (init->order.host_count == HOSTS_MAX) {
			*ret_exit = fail_usage("too many --host");
			return false;
		}
		init->hosts[init->order.host_count++] = optarg;
		return true;
	case 'h':
		(void)fputs(usage, stdout);
		*ret_exit = CV_EXIT_OK;
		return false;
	default:
		*ret_exit = CV_EXIT_USAGE;
		return false;
	}
}

static bool
parse_options(
    struct cv_command_line *line, struct init_line *init, int argc, char **argv, int *ret_exit)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"factory", required_argument, NULL, 'f'},
	    {"directory", required_argument, NULL, 'd'},
	    {"database", required_argument, NULL, 'u'},
	    {"announce", required_argument, NULL, 'a'},
	    {"token-name", required_argument, NULL, 'n'},
	    {"token-file", required_argument, NULL, 't'},
	    {"host", required_argument, NULL, 'H'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	while ((option = cv_command_option(argc, argv, options)) != -1) {
		if (!take_option(line, init, option, ret_exit))
			return false;
	}
	if (optind < argc)
		*ret_exit = fail_usage("unexpected argument");
	else if (init->order.factory == NULL)
		*ret_exit = fail_usage("--factory is needed");
	else
		return true;
	return false;
}

/* A wrong answer locks a fleet out of its rotations, so a person is asked. */
static bool
ask_announce(char *ret_answer, size_t size)
{
	(void)printf(
	    "How do devices announce their next key?\n"
	    "  explicit  they name it with PATCH /device before they use it\n"
	    "  implied   their re-enrolment announces it: for clients that speak only EST\n"
	    "announce [explicit]: ");
	(void)fflush(stdout);
	if (fgets(ret_answer, (int)size, stdin) == NULL)
		return false;
	ret_answer[strcspn(ret_answer, "\r\n")] = '\0';
	return true;
}

static bool
settle_announce(struct init_line *init, int *ret_exit)
{
	char answer[32] = "";

	if (init->announce == NULL && isatty(STDIN_FILENO) == 1) {
		if (!ask_announce(answer, sizeof(answer))) {
			*ret_exit = fail_usage("--announce is needed");
			return false;
		}
		init->announce = answer[0] == '\0' ? "explicit" : answer;
	} else if (init->announce == NULL) {
		(void)puts("note: announce = explicit, because --announce was not given");
		init->announce = "explicit";
	}
	init->order.announce_is_implied = cv_text_equal(init->announce, "implied");
	if (!init->order.announce_is_implied && !cv_text_equal(init->announce, "explicit")) {
		*ret_exit = fail_usage("--announce is explicit or implied");
		return false;
	}
	init->announce = NULL;
	return true;
}

int
cv_command_init(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;
	struct init_line init = {.order = {.token_name = "admin"}};
	int end;

	if (line->client.factory != NULL)
		init.order.factory = line->client.factory;
	if (!parse_options(line, &init, argc, argv, &end))
		return end;
	init.order.hosts = init.hosts;
	if (!cv_init_check(&init.order, &err))
		return fail_usage(err.text);
	if (!settle_announce(&init, &end) ||
	    !cv_command_load(line, CV_CONFIG_VALUES, &config, &end))
		return end;
	if (init.order.directory == NULL)
		init.order.directory = config->signer_directory;
	if (init.order.database_url == NULL)
		init.order.database_url = config->database_url;
	(void)umask(0077);
	return cv_init(&init.order, &err) ? CV_EXIT_OK : cv_command_report(&err);
}
