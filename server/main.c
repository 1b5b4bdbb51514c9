#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cv/app/app.h"
#include "cv/app/command.h"
#include "cv/cli/client.h"
#include "cv/util/text.h"

struct verb {
	const char *name;
	const char *act; /* "": the verb stands alone; else the API may have others */
	int (*run)(struct cv_command_line *line, int argc, char **argv);
	const char *help;
	const struct cv_cli_program_option *options; /* NULL: not even --config */
	size_t option_count;
};

/* For completion; each verb reads and explains its own. */
static const struct cv_cli_program_option init_options[] = {
    {"factory", "NAME", "name of the factory"},
    {"directory", "DIR", "where the keys go"},
    {"database", "URL", "database, where it is not that of the configuration"},
    {"announce", "explicit|implied", "what announces a next key"},
    {"host", "NAME", "name or address in the server certificates"},
    {"token-name", "NAME", "name of the admin token"},
    {"token-file", "FILE", "write the token there"},
};
static const struct cv_cli_program_option audit_options[] = {
    {"expect", "POSITION:HASH", "a place that the log noted"},
};
#define NO_MORE init_options, 0
#define OPTIONS(options_) options_, sizeof(options_) / sizeof((options_)[0])

static int
show_version(struct cv_command_line *line, int argc, char **argv)
{
	(void)line;
	(void)argc;
	(void)argv;
	(void)printf("certvendor %s\n", CV_VERSION);
	return CV_EXIT_OK;
}

static int show_help(struct cv_command_line *line, int argc, char **argv);
static int show_completion(struct cv_command_line *line, int argc, char **argv);

static const struct verb verbs[] = {
    {"serve", "", cv_command_serve, "run the service", NO_MORE},
    {"init", "", cv_command_init, "make the keys, certificates and admin token of a factory",
	OPTIONS(init_options)},
    {"migrate", "", cv_command_migrate, "bring the database schema up to date", NO_MORE},
    {"check-config", "", cv_command_check_config, "check the configuration", NO_MORE},
    {"print-config", "", cv_command_print_config, "show the settings in force and their origin",
	NO_MORE},
    {"audit", "verify", cv_command_audit, "check the hash chain of the audit trail",
	OPTIONS(audit_options)},
    {"doctor", "", cv_command_doctor, "look for what is wrong on this machine and in the database",
	NO_MORE},
    {"healthcheck", "", cv_command_healthcheck, "ask the service on this machine if it is ready",
	NO_MORE},
    {"completion", "", show_completion,
	"print what bash, zsh or fish need to complete command lines", NULL, 0},
    {"version", "", show_version, "print the version", NULL, 0},
    {"help", "", show_help, "print this, or help of a verb", NULL, 0},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void
describe_verbs(struct cv_cli_program_verb ret_own[VERB_COUNT])
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		ret_own[i] = (struct cv_cli_program_verb){verbs[i].name, verbs[i].act,
		    verbs[i].help, verbs[i].options, verbs[i].option_count};
}

static int
show_completion(struct cv_command_line *line, int argc, char **argv)
{
	struct cv_cli_program_verb own[VERB_COUNT];

	(void)line;
	describe_verbs(own);
	return cv_cli_print_completion(own, VERB_COUNT, argc, argv);
}

static void
print_usage(FILE *stream)
{
	(void)fputs("usage: certvendor [option]... VERB [argument]...\n\n", stream);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char words[32];
		(void)snprintf(words, sizeof(words), "%s %s", verbs[i].name, verbs[i].act);
		(void)fprintf(stream, "  %-20s %s\n", words, verbs[i].help);
	}
	(void)fputs("\nover the API of a running server:\n", stream);
	cv_cli_print_verbs(stream);
	(void)fputs("\n"
		    "  --config FILE      settings (CERTVENDOR_CONFIG)\n"
		    "  --server URL       operator API to ask, over https (CERTVENDOR_SERVER);\n"
		    "                     default: " CV_CLI_DEFAULT_SERVER "\n"
		    "  --token-file FILE  its token (CERTVENDOR_TOKEN, CERTVENDOR_TOKEN_FILE)\n"
		    "  --cert FILE        client certificate to log in with instead "
		    "(CERTVENDOR_CERT)\n"
		    "  --key FILE         its key (CERTVENDOR_KEY)\n"
		    "  --ca FILE          certificate that it is verified with (CERTVENDOR_CA)\n"
		    "  --factory NAME     factory that is meant, where an operator has several\n"
		    "  --json             print what the server answered, as it is\n"
		    "  --version          print the version\n"
		    "\n"
		    "certvendor VERB --help says more about a verb.\n",
	    stream);
}

/* Options before the verb; false: *ret_exit is the end of it. */
static bool
parse_options(int argc, char **argv, struct cv_command_line *line, int *ret_exit)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"server", required_argument, NULL, 's'},
	    {"token-file", required_argument, NULL, 't'},
	    {"cert", required_argument, NULL, 'C'},
	    {"key", required_argument, NULL, 'k'},
	    {"ca", required_argument, NULL, 'a'},
	    {"factory", required_argument, NULL, 'f'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			line->config = optarg;
			break;
		case 's':
			line->client.server = optarg;
			break;
		case 't':
			line->client.token_file = optarg;
			break;
		case 'C':
			line->client.certificate = optarg;
			break;
		case 'k':
			line->client.key = optarg;
			break;
		case 'a':
			line->client.ca_file = optarg;
			break;
		case 'f':
			line->client.factory = optarg;
			break;
		case 'j':
			line->client.is_json = true;
			break;
		case 'h':
			print_usage(stdout);
			*ret_exit = CV_EXIT_OK;
			return false;
		case 'V':
			*ret_exit = show_version(line, argc, argv);
			return false;
		default:
			*ret_exit = CV_EXIT_USAGE;
			return false;
		}
	}
	return true;
}

static bool
is_called(const struct verb *verb, int argc, char **argv)
{
	return cv_text_equal(verb->name, argv[0]) &&
	       (verb->act[0] == '\0' || (argc > 1 && cv_text_equal(verb->act, argv[1])));
}

static int
run_verb(struct cv_command_line *line, int argc, char **argv)
{
	struct cv_cli_program_verb own[VERB_COUNT];

	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (is_called(&verbs[i], argc, argv))
			return verbs[i].run(line, argc, argv);
	}
	if (cv_cli_has_verb(argv[0])) {
		describe_verbs(own);
		line->client.others = own;
		line->client.other_count = VERB_COUNT;
		return cv_cli_run(&line->client, argc, argv);
	}
	(void)fprintf(stderr, "certvendor: no verb \"%s\" (see certvendor help)\n", argv[0]);
	return CV_EXIT_USAGE;
}

/* "help device hold": what "device hold --help" says. */
static int
show_help(struct cv_command_line *line, int argc, char **argv)
{
	static char help[] = "--help";
	char *words[] = {NULL, NULL, NULL, NULL};
	int count = 0;

	for (int i = 1; i < argc && count < 2; i++) {
		if (argv[i][0] != '-')
			words[count++] = argv[i];
	}
	if (count > 0 && !cv_text_equal(words[0], "help")) {
		words[count++] = help;
		return run_verb(line, count, words);
	}
	print_usage(stdout);
	return CV_EXIT_OK;
}

static int
run(int argc, char **argv)
{
	struct cv_command_line line = {.config = NULL};
	int end;

	if (!parse_options(argc, argv, &line, &end))
		return end;
	if (optind == argc) {
		print_usage(stderr);
		return CV_EXIT_USAGE;
	}
	return run_verb(&line, argc - optind, argv + optind);
}

/* What did not reach the file or the reader is no success. Of a failure something has been said. */
static int
check_output(int end)
{
	if (end != CV_EXIT_OK)
		return end;
	errno = 0;
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return end;
	(void)fprintf(stderr, "certvendor: writing to standard output failed%s%s\n",
	    errno == 0 ? "" : ": ", errno == 0 ? "" : strerror(errno));
	return CV_EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	return check_output(run(argc, argv));
}
